"""One input through everything of ours that reads what a peer sent.

Messages, challenges, session descriptions, secrets, pseudonyms, transactions and dialogs, verdict,
explanation, reports, the stored form. What must hold of any input is asserted; an exception that is
not documented comes through.
"""

import json
import tempfile
from datetime import datetime, timezone
from pathlib import Path

from probe.diagnosis.diagnose import diagnose
from probe.diagnosis.quote import header_lines, plain, quoted, start_line
from probe.plan.action import Account, Call
from probe.plan.plan import Attempt
from probe.report.formats import FORMATS, rendered
from probe.report.model import Finding, RunReport, Try
from probe.report.pcap import to_pcap
from probe.results import RunFolder
from probe.scenario.source import Source
from probe.sip.challenge import parse_auth_field
from probe.sip.message import (
    MalformedMessageError,
    SipMessage,
    parse_message,
    uri_host,
    uri_user,
)
from probe.sip.pseudonym import Pseudonyms
from probe.sip.redact import Redactor
from probe.sip.sdp import address_class, parse_sdp
from probe.trace.builder import EventLog
from probe.trace.failure import Failure
from probe.trace.store import redact_trace, trace_from_json, trace_to_json
from probe.trace.trace import (
    AgentNote,
    BytesDropped,
    Event,
    MessageReceived,
    MessageSent,
    Trace,
    TransactionFailed,
)
from probe.verdict.judge import judge

SECRET = "xyzzy-s3cret"
BETWEEN = b"\x1e"
"""Between two events of an input."""

SOURCE = Source(file="scenarios/x.sip.yaml", line=3, column=5)
ACCOUNT = Account(
    name="trunk",
    aor="sip:100@127.0.0.1",
    registrar="sip:127.0.0.1",
    host="127.0.0.1",
    port=5060,
    transport="UDP",
    user="100",
    auth_user="100",
    password=SECRET,
)
INVITE = (
    "INVITE sip:m1@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;rport;branch=z9hG4bKone\r\n"
    "Max-Forwards: 70\r\nFrom: <sip:100@127.0.0.1>;tag=ours\r\nTo: <sip:m1@127.0.0.1>\r\n"
    "Contact: <sip:100@127.0.0.1:5070>\r\nCall-ID: one\r\nCSeq: 7 INVITE\r\n"
    "Content-Length: 0\r\n\r\n"
)


def read_fields(text: str) -> None:
    """Ask a text everything that can be asked of a message and of its parts."""
    for read in (uri_user, uri_host, parse_auth_field, parse_sdp, address_class):
        read(text)
    for show in (plain, quoted):
        shown = show(text)
        assert shown.isprintable()
        assert len(shown) < 200
    start_line(text)
    header_lines(text, "Via")
    try:
        message = parse_message(text)
    except MalformedMessageError:
        return
    for name in ("branch", "from_tag", "to_tag", "cseq", "challenges", "credentials", "sdp"):
        getattr(message, name)
    for name, value in message.fields:
        assert "\n" not in name + value
        uri_user(value)
        uri_host(value)


def hide(text: str) -> None:
    """Take secrets and names out of a text; neither may be left, and it stays a message."""
    redactor = Redactor((SECRET,))
    clean = redactor.message(text)
    assert SECRET not in clean
    assert redactor.message(clean) == clean or SECRET in text or "Content-Length" in text
    other = Pseudonyms(b"k")
    other.learn(clean)
    other.message(clean)
    other.text(clean)


def trace_of(data: bytes) -> Trace:
    """Return a trace in which a peer answered our INVITE with the pieces of an input."""
    log = EventLog()
    log.add(_message(MessageSent, 0.0, INVITE))
    for number, piece in enumerate(data.split(BETWEEN)[:12]):
        at = 0.01 * (number + 1)
        kind, text = piece[:1], piece[1:].decode("utf-8", "surrogateescape")
        event: Event
        if kind == b"d":
            event = BytesDropped(at=at, remote="127.0.0.1:5060", size=len(piece), detail=text)
        elif kind == b"n":
            event = AgentNote(at=at, kind="warning", detail=text)
        elif kind == b"f":
            failure = list(Failure)[len(text) % len(Failure)]
            event = TransactionFailed(
                at=at,
                method="INVITE",
                call_id="one",
                failure=failure,
                stack_status=None,
                detail=text,
            )
        elif kind == b"s":
            event = _message(MessageSent, at, text)
        else:
            event = _message(MessageReceived, at, piece.decode("utf-8", "surrogateescape"))
        log.add(event)
    return Trace(
        attempt="call m1",
        method="INVITE",
        agent="pjsua2",
        started_at=datetime(2026, 11, 21, tzinfo=timezone.utc),
        began=0.0,
        ended=1.0,
        events=log.all(),
    )


def _message(kind: type[MessageSent | MessageReceived], at: float, text: str) -> Event:
    return kind(at=at, transport="UDP", local="127.0.0.1:5070", remote="127.0.0.1:5060", text=text)


def report_of(trace: Trace) -> RunReport:
    """Judge, explain and hide a trace as the runner does; return a report of it."""
    attempt = Attempt(
        index=0,
        step=1,
        label=trace.attempt,
        method="INVITE",
        direction="outbound",
        action=Call(attempt=0, account="trunk", target="sip:m1@127.0.0.1"),
        account=ACCOUNT,
        expectation=None,
        retry=None,
        source=SOURCE,
        provider=None,
    )
    for transaction in trace.transactions():
        assert isinstance(trace.message(transaction.request), SipMessage)
    trace.dialogs()
    verdict = judge(None, trace, SOURCE)
    why = diagnose(attempt, trace, verdict)
    assert all(text.isprintable() for text in (why.summary, *why.observed, *why.next_steps))
    clean = redact_trace(trace, Redactor((SECRET,)))
    tried = Try(trace=clean, verdict=verdict, explanation=why)
    return RunReport(
        run_id="x",
        started_at=trace.started_at,
        duration_s=1.0,
        vantage="here",
        versions=(),
        notes=(),
        findings=(Finding(scenario="x", title="x", attempt=attempt, tries=(tried,)),),
    )


def everything(data: bytes) -> None:
    """Read one input in every way."""
    text = data.decode("utf-8", "surrogateescape")
    read_fields(text)
    hide(text)
    trace = trace_of(data)
    report = report_of(trace)
    for form in FORMATS:
        rendered(report, form, color=False, width=100, verbosity=2).encode()
    to_pcap(finding.last.trace for finding in report.findings)
    stored = json.dumps(trace_to_json(trace))
    assert trace_from_json(json.loads(stored)).events == trace.events


def store(data: bytes) -> None:
    """Write and read back the run folder of an input."""
    with tempfile.TemporaryDirectory() as place:
        folder = RunFolder.prepare(Path(place), "x")
        folder.write(report_of(trace_of(data)), secrets=(SECRET,))
        json.loads((folder.path / "report.json").read_bytes())
