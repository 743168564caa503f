"""Calls that reach a script on a fake agent: rung, answered, refused, waited for, unexpected."""

from collections.abc import Callable
from typing import Any

import pytest
from fakeagent import ACCOUNT, Stage

from probe.agent.port import Trigger
from probe.agent.progress import CalledProgress
from probe.agent.script import FAREWELL_S
from probe.plan.action import Expect, Manner, Take, Wait
from probe.trace.failure import Failure
from probe.trace.trace import (
    UNEXPECTED,
    AgentNote,
    MessageReceived,
    MessageSent,
    TransactionFailed,
)

CALL_ID = "called-1"
HANDLE = 1_000_001


def text(start: str, method: str, *, body: str = "") -> str:
    """Return a message of the call."""
    return "\r\n".join(
        (
            start,
            "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-1",
            "From: <sip:100@pbx.example>;tag=theirs",
            "To: <sip:101@pbx.example>;tag=ours",
            f"Call-ID: {CALL_ID}",
            f"CSeq: 1 {method}",
            f"Content-Length: {len(body)}",
            "",
            body,
        )
    )


def came(start: str, method: str) -> Callable[[Any], None]:
    """Return what records a message of the peer."""
    return lambda wire: wire.log.add(
        MessageReceived(
            at=wire.now, transport="UDP", local="192.0.2.10:5060", remote="192.0.2.1:5060",
            text=text(start, method),
        )
    )  # fmt: skip


def went(start: str, method: str) -> Callable[[Any], None]:
    """Return what records a message of ours."""
    return lambda wire: wire.log.add(
        MessageSent(
            at=wire.now, transport="UDP", local="192.0.2.10:5060", remote="192.0.2.1:5060",
            text=text(start, method),
        )
    )  # fmt: skip


def trigger(kind: str) -> Trigger:
    """Return what the stack says of the call."""
    return Trigger(kind=kind, handle=HANDLE, status=0, reason="", call_id=CALL_ID)


INVITE = came("INVITE sip:101@192.0.2.10 SIP/2.0", "INVITE")
ACK = came("ACK sip:101@192.0.2.10 SIP/2.0", "ACK")


def answered(status: int) -> tuple[tuple[float, Any], ...]:
    """Return the story of an answer that the caller confirms."""
    return (
        (0.0, went(f"SIP/2.0 {status} Said", "INVITE")),
        (0.02, ACK),
        (0.02, trigger("confirmed" if status < 300 else "disconnected")),
    )


def expect(**manner: Any) -> Expect:  # noqa: ANN401 - any field
    """Return what an agent is told beforehand of the call of attempt 3."""
    return Expect(attempt=3, account=ACCOUNT.name, call=3, manner=Manner(**manner))


def take(kind: str = "answer", *, call: int = 3, attempt: int = 4, **keys: Any) -> Take:  # noqa: ANN401
    """Return a step that takes that call."""
    manner = Manner(kind=kind, **keys)
    return Take(attempt=attempt, account=ACCOUNT.name, call=call, manner=manner, within=2.0)


def wait(seconds: float) -> Wait:
    """Return a step that lets time pass."""
    return Wait(attempt=9, account=ACCOUNT.name, duration=seconds)


@pytest.fixture
def stage() -> Stage:
    """Return a script at which a call arrives after 0.1 s of its second wait."""
    made = Stage()
    made.agent.on("arrive", (0.1, INVITE), (0.1, trigger("incoming")))
    return made


def arrive(stage: Stage) -> None:
    """Let the call arrive."""
    stage.agent.happen("arrive")


def statuses(stage: Stage) -> list[int]:
    """Return what the agent was told to answer."""
    return [status for status, _ in stage.agent.answers]


def test_rings_then_answers_when_its_time_has_come(stage: Stage) -> None:
    """180 at once, 200 after the time that the step says, while the agent does something else."""
    stage.on("answer 200", *answered(200))
    stage.took(expect(after=0.5))
    arrive(stage)
    stage.took(wait(0.3))
    assert statuses(stage) == [180]
    stage.took(wait(0.5))
    assert statuses(stage) == [180, 200]


@pytest.mark.parametrize(
    ("manner", "wanted"),
    [
        ({}, [180, 200]),
        ({"early_media": True}, [183, 200]),
        ({"kind": "reject", "status": 486}, [486]),
        ({"kind": "reject", "status": 603, "after": 0.1}, [180, 603]),
        ({"kind": "redirect", "status": 302, "contact": "sip:102@x"}, [302]),
        ({"kind": "redirect", "contact": "sip:102@x"}, [302]),
        ({"kind": "ring"}, [180]),
    ],
    ids=["answer", "early", "refuse", "refuse-later", "redirect", "moved", "ring"],
)
def test_each_manner_has_its_answers(
    stage: Stage, manner: dict[str, Any], wanted: list[int]
) -> None:
    """A refusal at once has no ringing before it."""
    stage.took(expect(**manner))
    arrive(stage)
    stage.took(wait(0.5))
    assert statuses(stage) == wanted


def test_call_that_no_step_expects_is_refused_and_noted(stage: Stage) -> None:
    """Nobody watches: 480, and a note for the report."""
    arrive(stage)
    stage.took(wait(0.3))
    assert statuses(stage) == [480]
    (note,) = [e for e in stage.events if isinstance(e, AgentNote)]
    assert note.kind == UNEXPECTED


def test_second_call_is_unexpected(stage: Stage) -> None:
    """One expectation stands for one call."""
    stage.took(expect(kind="ring"))
    arrive(stage)
    stage.took(wait(0.3))
    stage.agent.on("arrive", (0.0, trigger("incoming")))
    arrive(stage)
    stage.took(wait(0.3))
    assert statuses(stage) == [180, 480]


def test_caller_who_gives_up_is_not_answered(stage: Stage) -> None:
    """A CANCEL before our time has come: nothing more is sent."""
    stage.agent.on("answer 180", (0.1, trigger("disconnected")))
    stage.took(expect(after=0.5))
    arrive(stage)
    stage.took(wait(1.0))
    assert statuses(stage) == [180]


def test_take_waits_for_the_ringing_call_and_for_its_ack(stage: Stage) -> None:
    """It ends with the ACK, and says which call it was."""
    stage.on("answer 200", *answered(200))
    stage.took(expect(kind="ring"))
    arrive(stage)
    done = stage.script.run(take(after=0.2))
    assert statuses(stage) == [180, 200]
    assert done.call_id == CALL_ID
    assert round(done.ended - done.began, 1) == 0.3


def test_take_of_a_call_from_outside(stage: Stage) -> None:
    """No step placed it: ring while nobody has decided, then refuse."""
    stage.on("answer 486", *answered(486))
    arrive(stage)
    done = stage.script.run(take("reject", call=4, status=486, after=0.2))
    assert statuses(stage) == [180, 486]
    assert done.call_id == CALL_ID


def test_take_of_a_call_that_never_comes(stage: Stage) -> None:
    """A failure of its own, with the time that was waited."""
    assert stage.script.run(take(call=4)).call_id is None
    (failed,) = [e for e in stage.events if isinstance(e, TransactionFailed)]
    assert (failed.failure, failed.deadline) == (Failure.NO_CALL, "within 2 s")


def test_take_that_only_rings(stage: Stage) -> None:
    """It ends as soon as the call is there."""
    arrive(stage)
    assert stage.script.run(take("ring", call=4)).call_id == CALL_ID
    assert statuses(stage) == [180]


def test_call_that_is_up_at_the_end_is_hung_up(stage: Stage) -> None:
    """Our BYE is sent and waited for, as for a call of ours."""
    stage.on("answer 200", *answered(200))
    stage.on(
        "hangup",
        (0.0, went("BYE sip:100@192.0.2.1 SIP/2.0", "BYE")),
        (0.05, came("SIP/2.0 200 OK", "BYE")),
        (0.05, trigger("disconnected")),
    )
    stage.took(expect())
    arrive(stage)
    stage.took(wait(0.3))
    before = stage.agent.now
    stage.script.finish()
    assert stage.agent.hangups == 1
    assert stage.agent.now - before < FAREWELL_S + 0.2


def test_progress_of_a_called_side() -> None:
    """Answered, confirmed, ended: what is owed by whom."""
    wire = Stage().agent.wire
    progress = CalledProgress(CALL_ID)
    for what, settled in (
        (went("SIP/2.0 180 Ringing", "INVITE"), True),
        (went("SIP/2.0 200 OK", "INVITE"), False),
        (ACK, True),
        (came("BYE sip:101@192.0.2.10 SIP/2.0", "BYE"), False),
        (went("SIP/2.0 200 OK", "BYE"), True),
    ):
        what(wire)
        progress.see(wire.log.all()[-1])
        assert progress.settled is settled
    assert progress.acked
    assert progress.answered_at is not None


def test_progress_of_a_call_that_is_cancelled() -> None:
    """The caller's CANCEL is noted; our 487 waits for its ACK."""
    wire = Stage().agent.wire
    progress = CalledProgress(CALL_ID)
    for what in (
        came("CANCEL sip:101@192.0.2.10 SIP/2.0", "CANCEL"),
        went("SIP/2.0 200 OK", "CANCEL"),
        went("SIP/2.0 487 Request Terminated", "INVITE"),
    ):
        what(wire)
        progress.see(wire.log.all()[-1])
    assert progress.peer_cancelled
    assert not progress.settled
    assert progress.refused
