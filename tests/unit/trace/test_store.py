"""The file form of a trace."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from wirebuilder import OFFER, REMOTE, Wire, answered_call, register_ok

from probe.sip.redact import Redactor
from probe.trace.failure import Failure
from probe.trace.store import (
    SCHEMA,
    StoredTraceError,
    redact_trace,
    trace_from_json,
    trace_to_json,
)
from probe.trace.trace import (
    AgentNote,
    BytesDropped,
    IcmpReceived,
    Leg,
    MessageEvent,
    NameLookup,
    Trace,
    TransactionFailed,
    TransportChanged,
)


def everything() -> Trace:
    """Return a trace with an event of each type."""
    wire = answered_call().again().media(tx_lost=None, rtt_s=0.02).media(codec=None, tx_lost=3)
    for event in (
        IcmpReceived(at=4.0, remote=REMOTE, offender="10.0.0.1", icmp_type=3, icmp_code=3),
        NameLookup(
            at=4.1,
            name="pbx.example",
            addresses=("192.0.2.1", "192.0.2.2"),
            error=None,
            detail="",
            took_s=0.25,
        ),
        TransportChanged(
            at=4.2,
            transport="TLS",
            remote=REMOTE,
            state="disconnected",
            error="hunter2 in it",
            tls="TLSv1.2",
            certificate=("expired", "caf\udce9 hunter2"),
        ),
        BytesDropped(at=4.3, remote=REMOTE, size=12, detail="\udcff\udcfe"),
        AgentNote(at=4.4, kind="crash", detail="hunter2"),
    ):
        wire.add(event)
    wire.fail(Failure.AGENT_CRASHED, at=5.0, status=503, detail="hunter2", deadline="timeout 10 s")
    return replace(wire.trace(), our_cancel=True)


def stored(trace: Trace) -> dict[str, object]:
    """Return what a file holds after it was written and read."""
    text = json.dumps(trace_to_json(trace), ensure_ascii=False)
    read: dict[str, object] = json.loads(text.encode("utf-8"))
    return read


def test_every_event_comes_back_as_it_was() -> None:
    """What is stored can be judged again: nothing is lost."""
    assert trace_from_json(stored(everything())) == everything()


@given(st.binary())
def test_bytes_that_are_no_text_come_back(raw: bytes) -> None:
    """A message may hold any bytes; the file stays plain UTF-8 and gives them back."""
    text = raw.decode("utf-8", "surrogateescape")
    trace = Wire().raw(text).trace()
    assert trace_from_json(stored(trace)) == trace


def test_unreadable_bytes_are_shown_beside_their_copy() -> None:
    """A reader of the file sees U+FFFD, a program reads the base64."""
    events = trace_to_json(Wire().raw("caf\udce9").trace())["events"]
    assert isinstance(events, list)
    assert events[0]["text"] == "caf\ufffd"
    assert events[0]["text_base64"] == "Y2Fm6Q=="


def test_the_schema_is_named() -> None:
    """A reader knows at once whether it can read the file."""
    assert trace_to_json(register_ok().trace())["schema"] == SCHEMA


def test_fields_of_a_newer_version_are_passed_over() -> None:
    """The same schema promises that what is known still means the same."""
    file = {**stored(register_ok().trace()), "invented": 1}
    assert trace_from_json(file) == register_ok().trace()


def test_a_field_with_a_default_may_be_missing() -> None:
    """An older version did not store it."""
    file = stored(register_ok().trace())
    del file["our_cancel"]
    assert trace_from_json(file) == register_ok().trace()


def _broken(change: dict[str, object], event: dict[str, object] | None = None) -> dict[str, object]:
    """Return a stored trace with other fields, in itself or in its first event."""
    file = {**stored(Wire().fail(Failure.NO_RESPONSE).trace()), **change}
    if event is not None:
        events = file["events"]
        assert isinstance(events, list)
        events[0].update(event)
    return file


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ({}, "expected a trace of schema sipprobe-trace/1, got None"),
        (_broken({"schema": "sipprobe-trace/2"}), "got 'sipprobe-trace/2'"),
        (_broken({"events": {}}), "events is not a list of objects"),
        (_broken({"media": [1]}), "media is not a list of objects"),
        (_broken({"began": "soon"}), "trace: began cannot be read: a str is of no use here"),
        (_broken({"began": True}), "trace: began cannot be read: a bool is of no use here"),
        (_broken({"attempt": None}), "trace: attempt cannot be read: a NoneType"),
        (_broken({"attempt": 1}), "trace: attempt cannot be read: not a text"),
        (_broken({"started_at": "noon"}), "trace: started_at cannot be read"),
        (_broken({}, {"type": "Surprise"}), r"events\[0\]: unknown type 'Surprise'"),
        (_broken({}, {"failure": "SULKING"}), r"events\[0\]: failure cannot be read"),
        (_broken({}, {"type": "MessageSent"}), r"events\[0\]: transport is missing"),
        (
            _broken(
                {},
                {"type": "NameLookup", "name": "x", "addresses": "y", "error": None, "took_s": 1},
            ),
            r"events\[0\]: addresses cannot be read: not a list",
        ),
    ],
)
def test_a_file_that_cannot_be_read_says_where(file: dict[str, object], words: str) -> None:
    """The place and the reason are named, and nothing is guessed."""
    with pytest.raises(StoredTraceError, match=words):
        trace_from_json(file)


def test_whole_seconds_are_times_too() -> None:
    """Another program may write 4 for 4.0."""
    assert trace_from_json(_broken({"ended": 4})).ended == pytest.approx(4.0)


def test_redaction_reaches_every_word_of_others() -> None:
    """Messages, details, resolver and certificate texts: the secret is in none of them."""
    clean = redact_trace(everything(), Redactor(["hunter2"]))
    assert "hunter2" not in json.dumps(trace_to_json(clean))
    kinds = [type(event) for event in clean.events]
    assert kinds == [type(event) for event in everything().events]


def test_redaction_keeps_what_a_diagnosis_compares() -> None:
    """Transactions, equal nonces and retransmissions are the same afterwards."""
    trace = register_ok().again().trace()
    clean = redact_trace(trace, Redactor())
    assert clean.transactions() == trace.transactions()
    assert clean.message(1).challenges[0].get("nonce") == "redacted-1"
    assert clean.message(2).credentials[0].get("nonce") == "redacted-1"
    last = clean.events[-1]
    assert isinstance(last, MessageEvent)
    assert last.retransmission


def test_redaction_keeps_calls_and_failures_together() -> None:
    """A secret inside a Call-ID leaves message, failure and media alike."""
    wire = Wire(call_id="hunter2@x").send("INVITE", body=OFFER).fail(Failure.NO_RESPONSE).media()
    clean = redact_trace(wire.trace(), Redactor(["hunter2"]))
    failure = clean.events[1]
    assert isinstance(failure, TransactionFailed)
    assert failure.call_id == clean.message(0).call_id == clean.media[0].call_id == "redacted@x"
    assert clean.transactions()[0].failure == 1


def test_a_trace_without_secrets_is_the_same_object() -> None:
    """Nothing is made anew where nothing is taken out; one secret anywhere, and it is."""
    trace = answered_call().trace()
    redactor = Redactor(("s3cret-password",))
    assert redact_trace(trace, redactor) is trace
    told = replace(
        trace, events=(*trace.events, AgentNote(at=9.0, kind="x", detail="s3cret-password"))
    )
    assert redact_trace(told, redactor).events[-1].detail == "redacted"
    leg = Leg(agent="b", trace=told)
    assert (
        redact_trace(replace(trace, legs=(leg,)), redactor).legs[0].trace.events[-1].detail
        == "redacted"
    )
