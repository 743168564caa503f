"""A report in which nobody is named says otherwise what it said before."""

import io
import json
import re

import pytest
from dpkt.ip import IP
from dpkt.pcap import UniversalReader
from msgspec.structs import replace
from reportbuilder import finding, report, verdict, without_account
from wirebuilder import NUMBER, answered_call, refused_call

from probe.diagnosis.explanation import Cause, Certainty, Evidence, Explanation
from probe.report.formats import rendered
from probe.report.json_report import to_json
from probe.report.model import RunReport
from probe.report.pcap import to_pcap
from probe.report.pseudonymous import pseudonymous
from probe.sip.pseudonym import Pseudonyms
from probe.trace.failure import Failure
from probe.trace.store import trace_to_json
from probe.trace.trace import IcmpReceived, NameLookup, Trace
from probe.verdict.verdict import Mismatch, Outcome

ORIGINALS = (NUMBER, "5550123", "carrier-7.example", "192.0.2.10", "198.51.100.1", "203.0.113.77")
"""What no output may hold; the addresses are those of wirebuilder."""


def named_in(text: str) -> list[str]:
    """Return which of them stand in a text, also in a longer word but not in a longer number."""
    return [one for one in ORIGINALS if re.search(rf"{re.escape(one)}(?!\d)", text)]


WHY = Explanation(
    certainty=Certainty.LIKELY,
    causes=(
        Cause(id="F130", name="Overload", likelihood=Certainty.LIKELY, because=f"{NUMBER} is full"),
    ),
    summary="carrier-7.example refuses +12025550123",
    observed=("198.51.100.1 answered",),
    inferred=(),
    evidence=(Evidence(event=0, says="sent to 198.51.100.1:5060"),),
    unknown=("what 0012025550123 does",),
    next_steps=("Ask the owner of carrier-7.example.",),
    reference=None,
)


def story() -> Trace:
    """Return a trace with a look-up, a refusal, an ICMP error and a failure."""
    wire = refused_call(503)
    wire.add(
        NameLookup(
            at=0.0, name="carrier-7.example", addresses=("198.51.100.1",), error=None,
            detail="asked 203.0.113.77", took_s=0.01,
        )
    ).add(
        IcmpReceived(
            at=1.0, remote="198.51.100.1:5060", offender="203.0.113.77", icmp_type=3, icmp_code=3
        )
    ).fail(Failure.PORT_UNREACHABLE)  # fmt: skip
    return wire.trace()


def told() -> RunReport:
    """Return a report that names everybody."""
    refused = finding(story(), host="carrier-7.example")
    mismatch = Mismatch(
        path="expect.responses",
        expected="180 200",
        observed=f"503 from {NUMBER}",
        evidence=(1,),
        source=refused.attempt.source,
        message="carrier-7.example said 503",
    )
    judged = verdict(Outcome.NOT_MET, mismatches=(mismatch,), warnings=("198.51.100.1 is slow",))
    full = report(
        finding(story(), judged, WHY, host="carrier-7.example"),
        without_account(finding(answered_call().trace())),
        notes=("carrier-7.example is not verified",),
    )
    return replace(full, vantage="probe-7.internal", cleanup=(answered_call().trace(),))


def hidden() -> RunReport:
    """Return the same report as strangers may see it."""
    return pseudonymous(told(), Pseudonyms(b"key"))


@pytest.mark.parametrize("form", ["text", "json", "junit"])
def test_no_format_names_anybody(form: str) -> None:
    """The model is rewritten, so every format is."""
    before = rendered(told(), form, color=False, width=100, verbosity=2)
    after = rendered(hidden(), form, color=False, width=100, verbosity=2)
    assert not named_in(after)
    assert NUMBER in before
    assert "probe-7" not in after


def test_stored_traces_and_capture_name_nobody() -> None:
    """Addresses of packets are those of the messages in them."""
    traces = [one.trace for f in hidden().findings for one in f.tries] + list(hidden().cleanup)
    stored = json.dumps([trace_to_json(trace) for trace in traces])
    assert not named_in(stored)
    capture = to_pcap(traces)
    assert b"5550123" not in capture
    packets = [IP(data) for _, data in UniversalReader(io.BytesIO(capture))]
    real = {bytes(map(int, address.split("."))) for address in ORIGINALS[3:]}
    assert packets
    assert not {packet.src for packet in packets} & real
    assert not {packet.dst for packet in packets} & real


def test_everything_else_is_as_it_was() -> None:
    """Outcomes, codes, causes, times, places in files and indices of events do not move."""
    before, after = to_json(told()), to_json(hidden())
    assert before["run"]["id"] == after["run"]["id"]
    for one, other in zip(before["findings"], after["findings"], strict=True):
        for key in ("scenario", "file", "step", "tries", "outcome", "responses", "timing"):
            assert one[key] == other[key]
    why = after["findings"][0]["explanation"]
    assert [(c["id"], c["name"]) for c in why["causes"]] == [("F130", "Overload")]
    assert after["findings"][0]["mismatches"][0]["path"] == "expect.responses"
    first, second = (r.findings[0].last.trace for r in (told(), hidden()))
    assert [type(event) for event in first.events] == [type(event) for event in second.events]
    assert len(first.transactions()) == len(second.transactions())
    assert [r.status for r in first.responses()] == [r.status for r in second.responses()]


def test_same_number_is_the_same_in_label_message_and_explanation() -> None:
    """Who reads the report can still follow one call through it."""
    after = hidden()
    number = after.findings[0].attempt.label.removeprefix("call ")
    trace = after.findings[0].last.trace
    assert trace.attempt == f"call {number}"
    assert f"sip:{number}@" in str(trace.events[0])
    explanation = after.findings[0].last.explanation
    assert explanation is not None
    assert number in explanation.summary
    assert f"00{number[1:]}" in explanation.unknown[0]


def test_password_of_an_account_is_not_touched_and_not_learned() -> None:
    """It is never printed; a rewritten one would only hide a mistake."""
    account = hidden().findings[0].attempt.account
    assert account is not None
    assert account.password == "s3cret-password"
