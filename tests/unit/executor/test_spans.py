"""The log of an account is cut into one trace a try, and what is left over."""

import pytest
from msgspec.structs import replace
from reportbuilder import attempt
from wirebuilder import STARTED, Wire, register_ok

from probe.executor.spans import (
    Recording,
    Span,
    cancelled_later,
    cut,
    cut_rest,
    is_cancelled,
    opened_call_id,
)
from probe.plan.action import Call, Cancel, Options, Register
from probe.plan.plan import Attempt, Plan
from probe.trace.trace import AgentNote, Trace

RECORDING = Recording(agent="pjsua2 2.15.1", started_at=STARTED)

CALL_ID = "c1@192.0.2.10"


def call_wire() -> Wire:
    """Return a call whose BYE came two seconds after its answer."""
    return (
        Wire()
        .send("INVITE", at=0.1)
        .receive(180)
        .receive(200, at=0.5)
        .send("ACK", at=0.5)
        .add(AgentNote(at=2.0, kind="warning", detail="in between"))
        .send("BYE", at=2.5)
        .receive(200, at=2.5)
    )


def of(wire: Wire, action: object | None = None) -> Attempt:
    """Return the attempt that a wire tells of."""
    found = attempt(wire.trace())
    return replace(found, action=action) if action is not None else found  # type: ignore[arg-type]


def methods(trace: Trace) -> list[str]:
    """Return the CSeq methods of a trace's messages."""
    return [message.cseq[1] for _, _, message in trace.messages()]


# -- one try ---------------------------------------------------------------------------------------


def test_call_keeps_its_messages_to_the_end() -> None:
    """The BYE of a later step belongs to the call; a note of that time does not."""
    wire = call_wire()
    span = Span(attempt=of(wire), call_id=CALL_ID, began=0.0, ended=1.0)
    trace = cut(span, wire.log, RECORDING)
    assert methods(trace)[-2:] == ["BYE", "BYE"]
    assert not any(isinstance(event, AgentNote) for event in trace.events)
    assert (trace.began, trace.ended) == (0.0, 1.0)
    assert (trace.agent, trace.started_at) == (RECORDING.agent, STARTED)
    assert not trace.our_cancel


def test_anything_but_a_call_is_cut_by_time() -> None:
    """The hangup step of a call shows its BYE and not the call before it."""
    wire = call_wire()
    hangup = of(wire, Options(attempt=1, account="trunk", target="sip:pbx.example"))
    span = Span(attempt=hangup, call_id=CALL_ID, began=2.4, ended=3.0)
    assert methods(cut(span, wire.log, RECORDING)) == ["BYE", "BYE"]


def test_messages_of_another_call_id_are_no_part_of_a_try() -> None:
    """Two calls of one account may overlap."""
    wire = call_wire()
    other = Wire(call_id="other@192.0.2.10").send("INVITE", at=0.2)
    for event in other.log.all():
        wire.log.add(event)
    trace = cut(Span(attempt=of(wire), call_id=CALL_ID, began=0.0, ended=1.0), wire.log, RECORDING)
    assert {message.call_id for _, _, message in trace.messages()} == {CALL_ID}


def test_try_that_sent_nothing_has_the_notes_of_its_time() -> None:
    """What went wrong before the first message must be seen."""
    wire = call_wire()
    trace = cut(Span(attempt=of(wire), began=1.9, ended=2.1), wire.log, RECORDING)
    assert [type(event) for event in trace.events] == [AgentNote]


def test_try_has_the_media_of_its_own_call() -> None:
    """Statistics go by the Call-ID."""
    wire = call_wire().media().media(call_id="other@192.0.2.10")
    span = Span(attempt=of(wire), call_id=CALL_ID, began=0.0, ended=1.0)
    trace = cut(span, wire.log, RECORDING, wire.trace().media, our_cancel=True)
    assert [report.call_id for report in trace.media] == [CALL_ID]
    assert trace.our_cancel


# -- what is left over -----------------------------------------------------------------------------


def test_rest_holds_the_cleaning_up_and_what_no_try_shows() -> None:
    """A request of the peer between two attempts stands in the capture, so it stands here."""
    wire = call_wire()
    judged = cut(Span(attempt=of(wire), call_id=CALL_ID, began=0.0, ended=1.0), wire.log, RECORDING)
    late = Wire("REGISTER", call_id="r@192.0.2.10").send("REGISTER", at=4.0).receive(200)
    rest = cut_rest((wire.log, late.log), (judged,), 3.5, 5.0, RECORDING)
    assert rest is not None
    assert isinstance(rest.events[0], AgentNote)
    assert methods(rest) == ["REGISTER", "REGISTER"]
    assert (rest.began, rest.ended) == (2.0, 5.0)
    assert (rest.attempt, rest.method) == ("clean-up", "REGISTER")


def test_nothing_left_over_is_no_trace() -> None:
    """An empty clean-up is not reported."""
    wire = register_ok()
    judged = wire.trace()
    assert cut_rest((wire.log,), (judged,), 9.0, 9.0, RECORDING) is None


def test_message_of_a_judged_call_that_came_while_cleaning_up_is_in_both() -> None:
    """The BYE that ended the last call is a part of the call and of the cleaning up."""
    wire = call_wire()
    judged = cut(Span(attempt=of(wire), call_id=CALL_ID, began=0.0, ended=3.0), wire.log, RECORDING)
    rest = cut_rest((wire.log,), (judged,), 2.4, 3.0, RECORDING)
    assert rest is not None
    assert methods(rest) == ["BYE", "BYE"]


# -- which Call-ID a try opened --------------------------------------------------------------------


def test_call_id_is_that_of_the_first_request_of_the_method() -> None:
    """A worker that died could not say it."""
    wire = call_wire()
    assert opened_call_id(Span(attempt=of(wire), began=0.0, ended=1.0), wire.log) == CALL_ID


@pytest.mark.parametrize("began", [1.0, 9.0])
def test_request_before_the_try_does_not_count(began: float) -> None:
    """It belongs to an earlier try."""
    wire = call_wire()
    assert opened_call_id(Span(attempt=of(wire), began=began, ended=9.0), wire.log) is None


def test_bytes_of_ours_that_cannot_be_read_are_passed_over() -> None:
    """A log with rubbish in it still gives the Call-ID."""
    wire = Wire().raw("rubbish", sent=True).send("OPTIONS").send("INVITE")
    assert opened_call_id(Span(attempt=of(wire), began=0.0, ended=1.0), wire.log) == CALL_ID


# -- calls that are meant to be cancelled ----------------------------------------------------------


def plan_of(*attempts: Attempt) -> Plan:
    """Return a plan of attempts."""
    return Plan(
        scenario="one",
        name="one",
        file="one.sip.yaml",
        tags=(),
        trunk="carrier",
        accounts=(),
        attempts=attempts,
        timeout=60.0,
        warnings=(),
    )


def numbered(action: Call | Cancel | Register) -> Attempt:
    """Return an attempt for an action."""
    return replace(of(call_wire(), action), index=action.attempt)


PLAIN = Call(attempt=0, account="trunk", target="sip:2001@pbx.example")


def test_call_is_cancelled_by_its_own_limit_or_by_a_later_step() -> None:
    """`ring_for`, or a cancel step that names it."""
    limited = numbered(replace(PLAIN, ring_for=1.0))
    assert is_cancelled(limited, cancelled_later(plan_of(limited)))
    plain, cancel = numbered(PLAIN), numbered(Cancel(attempt=1, account="trunk", call=0))
    assert is_cancelled(plain, cancelled_later(plan_of(plain, cancel)))


def test_call_without_either_is_not_and_nothing_else_ever_is() -> None:
    """The cancel of another call, or a registration, is not meant."""
    plain, cancel = numbered(PLAIN), numbered(Cancel(attempt=2, account="trunk", call=1))
    assert not is_cancelled(plain, cancelled_later(plan_of(plain, cancel)))
    register = numbered(Register(attempt=0, account="trunk"))
    assert not is_cancelled(register, cancelled_later(plan_of(register, cancel)))
