"""Steps inside a call on a fake agent: hold, resume, refresh, transfer, being transferred."""

from collections.abc import Callable
from typing import Any

import pytest
from fakeagent import ACCOUNT, Stage

from probe.agent.loop import CallLeg
from probe.agent.port import AgentError, Trigger
from probe.agent.progress import Progress
from probe.plan.action import Follow, Hold, Refresh, Transfer
from probe.trace.failure import Failure
from probe.trace.trace import MessageReceived, MessageSent, TransactionFailed

CALL_ID = "up-1"


def message(
    kind: type[MessageSent | MessageReceived],
    start: str,
    cseq: str,
    *,
    body: str = "",
    head: str = "",
) -> Callable[[Any], None]:
    """Return what records a message of the call."""
    lines = [
        start,
        f"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-{cseq.replace(' ', '')}",
        "From: <sip:100@pbx.example>;tag=ours",
        "To: <sip:101@pbx.example>;tag=theirs",
        f"Call-ID: {CALL_ID}",
        f"CSeq: {cseq}",
        *([head] if head else []),
        f"Content-Length: {len(body)}",
        "",
        body,
    ]
    return lambda wire: wire.log.add(
        kind(
            at=wire.now, transport="UDP", local="192.0.2.10:5060", remote="192.0.2.1:5060",
            text="\r\n".join(lines),
        )
    )  # fmt: skip


def sent(start: str, cseq: str) -> Callable[[Any], None]:
    """Return what records a message of ours."""
    return message(MessageSent, start, cseq)


def came(start: str, cseq: str, **more: str) -> Callable[[Any], None]:
    """Return what records a message of the peer."""
    return message(MessageReceived, start, cseq, **more)


def notify(number: int, status: str, state: str = "active") -> Callable[[Any], None]:
    """Return what records a NOTIFY that tells of the transfer."""
    return came(
        "NOTIFY sip:100@192.0.2.10 SIP/2.0",
        f"{number} NOTIFY",
        body=f"SIP/2.0 {status}\r\n",
        head=f"Subscription-State: {state}",
    )


@pytest.fixture
def stage() -> Stage:
    """Return a script with a call that is up, of attempt 3, and another of attempt 5."""
    made = Stage()
    for handle, call_id in ((3, CALL_ID), (5, "up-2")):
        made.script.legs[handle] = CallLeg(progress=Progress("INVITE", call_id))
    return made


def hold(**keys: Any) -> Hold:  # noqa: ANN401 - any field
    """Return a hold of the first call."""
    return Hold(attempt=7, account=ACCOUNT.name, call=3, timeout=2.0, **keys)


def transfer(**keys: Any) -> Transfer:  # noqa: ANN401 - any field
    """Return a transfer of the first call."""
    return Transfer(attempt=7, account=ACCOUNT.name, call=3, timeout=2.0, answer_within=5.0, **keys)


def failures(stage: Stage) -> list[tuple[str, Failure]]:
    """Return what failed, and how."""
    return [(e.method, e.failure) for e in stage.events if isinstance(e, TransactionFailed)]


@pytest.mark.parametrize(
    ("action", "request_"),
    [
        (hold(), "hold"),
        (hold(resume=True), "resume"),
        (Refresh(attempt=7, account=ACCOUNT.name, call=3), "refresh INVITE"),
    ],
    ids=["hold", "resume", "refresh"],
)
def test_reinvite_ends_with_its_ack(stage: Stage, action: Any, request_: str) -> None:  # noqa: ANN401
    """The step lasts as long as the exchange, and names the call's own Call-ID."""
    stage.on(
        request_,
        (0.0, sent("INVITE sip:101@192.0.2.1 SIP/2.0", "2 INVITE")),
        (0.1, came("SIP/2.0 200 OK", "2 INVITE")),
        (0.15, sent("ACK sip:101@192.0.2.1 SIP/2.0", "2 ACK")),
    )
    done = stage.script.run(action)
    assert done.call_id == CALL_ID
    assert round(done.ended - done.began, 2) == 0.15
    assert failures(stage) == []


def test_update_has_no_ack(stage: Stage) -> None:
    """Its final response ends it."""
    stage.on(
        "refresh UPDATE",
        (0.0, sent("UPDATE sip:101@192.0.2.1 SIP/2.0", "2 UPDATE")),
        (0.1, came("SIP/2.0 200 OK", "2 UPDATE")),
    )
    took = stage.took(Refresh(attempt=7, account=ACCOUNT.name, call=3, method="UPDATE"))
    assert took == 0.1


def test_silence_and_endless_trying_have_their_names(stage: Stage) -> None:
    """Nothing at all is one failure, a provisional response and nothing more another."""
    stage.on("hold", (0.0, sent("INVITE sip:101@192.0.2.1 SIP/2.0", "2 INVITE")))
    assert stage.took(hold()) == 2.0
    stage.on(
        "hold",
        (0.0, sent("INVITE sip:101@192.0.2.1 SIP/2.0", "3 INVITE")),
        (0.1, came("SIP/2.0 100 Trying", "3 INVITE")),
    )
    stage.took(hold())
    assert failures(stage) == [
        ("INVITE", Failure.NO_RESPONSE),
        ("INVITE", Failure.NO_FINAL_RESPONSE),
    ]


def test_call_that_is_over_cannot_be_held(stage: Stage) -> None:
    """Nothing is sent, and the step says why."""
    stage.script.legs[3].over = True
    stage.took(hold())
    assert failures(stage) == [("INVITE", Failure.NOT_ATTEMPTED)]
    assert stage.agent.asked == []


def test_call_that_nobody_placed_is_nothing(stage: Stage) -> None:
    """No Call-ID, no event."""
    assert stage.script.run(Hold(attempt=7, account=ACCOUNT.name, call=99)).call_id is None


def test_agent_that_refuses_is_told(stage: Stage) -> None:
    """What the stack says stands in the failure."""
    stage.agent.refusals["hold"] = AgentError(Failure.AGENT_REFUSED, None, "no session")
    stage.took(hold())
    assert failures(stage) == [("INVITE", Failure.AGENT_REFUSED)]


REFER = sent("REFER sip:101@192.0.2.1 SIP/2.0", "2 REFER")


def test_transfer_follows_the_notifies_and_leaves_the_call(stage: Stage) -> None:
    """After the last NOTIFY the peer may send BYE; where it does not, we do."""
    stage.on(
        "transfer 3 sip:102@x",
        (0.0, REFER),
        (0.1, came("SIP/2.0 202 Accepted", "2 REFER")),
        (0.2, notify(1, "100 Trying")),
        (0.3, notify(2, "180 Ringing")),
        (0.8, notify(3, "200 OK", "terminated;reason=noresource")),
    )
    stage.script.legs[3].progress.first_response_at = 0.0
    stage.on("hangup", (0.0, Trigger(kind="disconnected", handle=3, status=200, reason="")))
    assert stage.took(transfer(target="sip:102@x")) == pytest.approx(2.8, abs=0.03)
    assert stage.agent.hangups == 1


def test_refused_transfer_ends_at_once(stage: Stage) -> None:
    """No NOTIFY comes after a refusal, and the call goes on."""
    stage.on(
        "transfer 3 sip:102@x",
        (0.0, REFER),
        (0.1, came("SIP/2.0 603 Decline", "2 REFER")),
    )
    assert stage.took(transfer(target="sip:102@x")) == 0.1
    assert stage.agent.hangups == 0


def test_transfer_of_which_nothing_is_told_has_an_end(stage: Stage) -> None:
    """202 and silence: the wait ends after answer_within, and the call is left as it is."""
    stage.on("transfer 3 sip:102@x", (0.0, REFER), (0.1, came("SIP/2.0 202 Accepted", "2 REFER")))
    assert stage.took(transfer(target="sip:102@x")) == pytest.approx(5.1, abs=0.03)
    assert stage.agent.hangups == 0


def test_attended_transfer_names_the_other_call(stage: Stage) -> None:
    """The second call is replaced; where it is over, nothing is sent."""
    stage.on("transfer 3 5", (0.0, REFER), (0.1, came("SIP/2.0 603 Decline", "2 REFER")))
    stage.took(transfer(replaces=5))
    assert stage.agent.asked == ["transfer 3 5"]
    stage.script.legs[5].over = True
    stage.took(transfer(replaces=5))
    assert failures(stage) == [("REFER", Failure.NOT_ATTEMPTED)]


def test_call_that_a_transfer_made_us_place_is_ours_to_end(stage: Stage) -> None:
    """It is followed from its first message, and hung up at the end."""
    stage.script.run(Follow(attempt=7, account=ACCOUNT.name, call=3, target="sip:102@x"))
    assert stage.agent.asked == ["follow 3 sip:102@x"]
    placed = Trigger(kind="followed", handle=-9, status=0, reason="", call_id="new-1")
    stage.agent.on("wait", (0.0, placed))
    stage.agent.happen("wait")
    stage.script.idle(0.1)
    assert stage.script.legs[-9].progress.call_id == "new-1"


def test_call_that_is_not_there_follows_nobody(stage: Stage) -> None:
    """Nothing is told to the agent."""
    stage.script.run(Follow(attempt=7, account=ACCOUNT.name, call=99, target="sip:102@x"))
    assert stage.agent.asked == []
