"""What the script decides: when an action is over, why, and what is still owed to the peer."""

import pytest
from fakeagent import Stage, What, trigger
from msgspec.structs import replace
from wirebuilder import LOCAL, REMOTE

from probe.agent.port import AgentError
from probe.agent.script import FAREWELL_S, ICMP_GRACE_S, SETTLE_S
from probe.plan.action import (
    Action,
    Call,
    Cancel,
    Hangup,
    Options,
    Register,
    Talk,
    Unregister,
    Wait,
)
from probe.trace.failure import Failure
from probe.trace.icmp import icmp_failure, icmp_words
from probe.trace.trace import BytesDropped, IcmpReceived, TransportChanged

REGISTER = Register(attempt=0, account="trunk", timeout=5.0, answer_within=10.0)
OPTIONS = Options(attempt=0, account="trunk", target="sip:198.51.100.1", timeout=5.0)
CALL = Call(
    attempt=0, account="trunk", target="sip:1@198.51.100.1", timeout=5.0, answer_within=20.0
)
TALK = replace(CALL, hangup_after=3.0)

INVITE = (0.0, lambda wire: wire.send("INVITE"))
RINGING = (0.5, lambda wire: wire.receive(180))
ANSWERED = (
    (1.0, lambda wire: wire.receive(200)),
    (1.0, lambda wire: wire.send("ACK")),
    (1.0, trigger("confirmed", 200)),
)
BYE = (0.0, lambda wire: wire.send("BYE"))
BYE_OK = ((0.1, lambda wire: wire.receive(200)), (0.1, trigger("disconnected", 200)))


def icmp(kind: int = 3, code: int = 3, offender: str = "198.51.100.1") -> IcmpReceived:
    """Return an ICMP error: port unreachable from the peer."""
    return IcmpReceived(at=0.0, remote=REMOTE, offender=offender, icmp_type=kind, icmp_code=code)


def adds(event: IcmpReceived | BytesDropped | TransportChanged) -> What:
    """Return a step that records an event."""
    return lambda wire: wire.add(event)


DROPPED = BytesDropped(at=0.0, remote=REMOTE, size=12, detail="not SIP")


# Requests outside a dialog ------------------------------------------------------------------------


def test_a_registration_that_is_accepted() -> None:
    """The action ends with the stack's trigger, and the registration stands."""
    stage = Stage("REGISTER").on(
        "REGISTER",
        (0.0, lambda wire: wire.send("REGISTER")),
        (0.1, lambda wire: wire.receive(401)),
        (0.1, lambda wire: wire.send("REGISTER", auth=True)),
        (0.2, lambda wire: wire.receive(200)),
        (0.2, trigger("registration", 200)),
    )
    done = stage.script.run(replace(REGISTER, expires=77))
    assert (done.call_id, done.began, done.ended) == ("c1@192.0.2.10", 0.0, 0.2)
    assert stage.script.registered
    assert not stage.failed
    assert stage.agent.expires == [77]


def test_the_stack_runs_longer_than_our_deadline() -> None:
    """The stack's timer is set beyond the action's, so that ours names the deadline."""
    stage = Stage("REGISTER")
    stage.script.run(REGISTER)
    assert stage.agent.timeouts == [5.4]


def test_a_registration_that_is_refused() -> None:
    """A refusal is an answer and no failure, and no registration stands."""
    stage = Stage("REGISTER").on(
        "REGISTER",
        (0.0, lambda wire: wire.send("REGISTER")),
        (0.1, lambda wire: wire.receive(403)),
        (0.1, trigger("registration", 403)),
    )
    assert stage.took(REGISTER) == 0.1
    assert not stage.script.registered
    assert not stage.failed


def test_a_registration_is_removed() -> None:
    """An accepted unregister takes the registration away; a refused one leaves it."""
    accepted: tuple[tuple[float, What], ...] = (
        (0.0, lambda wire: wire.send("REGISTER")),
        (0.1, lambda wire: wire.receive(200)),
        (0.1, trigger("registration", 200)),
    )
    stage = Stage("REGISTER").on("REGISTER", *accepted)
    stage.on(
        "REGISTER",
        (0.0, lambda wire: wire.send("REGISTER")),
        (0.1, lambda wire: wire.receive(503)),
        (0.1, trigger("registration", 503)),
    )
    stage.on("REGISTER", *accepted)
    stands = []
    for action in (
        REGISTER,
        Unregister(attempt=1, account="trunk"),
        Unregister(attempt=2, account="trunk"),
    ):
        stage.script.run(action)
        stands.append(stage.script.registered)
    assert stands == [True, True, False]


def test_silence_ends_with_the_timeout() -> None:
    """A request without any response is given up when its timeout has passed."""
    stage = Stage("REGISTER").on("REGISTER", (0.0, lambda wire: wire.send("REGISTER")))
    assert stage.took(REGISTER) == pytest.approx(5.0, abs=0.02)
    (failure,) = stage.failures
    assert failure.failure is Failure.NO_RESPONSE
    assert failure.deadline == "timeout 5 s"
    assert failure.detail == "no response within 5 s"
    assert failure.call_id == "c1@192.0.2.10"


def test_a_silent_second_request_is_no_response() -> None:
    """A challenge answers the first request and says nothing of the one with credentials."""
    stage = Stage("REGISTER").on(
        "REGISTER",
        (0.0, lambda wire: wire.send("REGISTER")),
        (0.5, lambda wire: wire.receive(401)),
        (0.5, lambda wire: wire.send("REGISTER", auth=True)),
    )
    assert stage.took(REGISTER) == pytest.approx(5.5, abs=0.02)
    assert stage.failed == [("REGISTER", Failure.NO_RESPONSE)]


def test_a_provisional_response_and_then_nothing() -> None:
    """From the first provisional response on, the limit is answer_within."""
    stage = Stage("REGISTER").on(
        "REGISTER",
        (0.0, lambda wire: wire.send("REGISTER")),
        (1.0, lambda wire: wire.receive(100)),
        (6.0, lambda wire: wire.receive(100)),
    )
    assert stage.took(REGISTER) == pytest.approx(11.0, abs=0.02)
    (failure,) = stage.failures
    assert failure.failure is Failure.NO_FINAL_RESPONSE
    assert failure.deadline == "answer_within 10 s"


def test_a_connection_that_never_opens() -> None:
    """Where no message left, it is the connection that did not come up."""
    stage = Stage("REGISTER")
    assert stage.took(REGISTER) == pytest.approx(5.0, abs=0.02)
    (failure,) = stage.failures
    assert failure.failure is Failure.TCP_TIMEOUT
    assert failure.detail == "no connection within 5 s"
    assert not failure.call_id


def test_a_tls_handshake_that_nobody_answers() -> None:
    """Where TCP is up and no message left, it is the handshake that did not end."""
    accepted = TransportChanged(
        at=0.0, transport="TLS", remote=REMOTE, state="accepted", error="", tls=""
    )
    stage = Stage("REGISTER").on("REGISTER", (0.1, adds(accepted)))
    assert stage.took(REGISTER) == pytest.approx(5.0, abs=0.02)
    (failure,) = stage.failures
    assert failure.failure is Failure.TLS_HANDSHAKE
    assert failure.detail == "the TLS handshake timed out after 5 s"


def test_bytes_that_the_stack_cannot_read() -> None:
    """Silence with unreadable datagrams is not called silence."""
    stage = Stage("REGISTER").on(
        "REGISTER",
        (0.0, lambda wire: wire.send("REGISTER")),
        (0.1, adds(DROPPED)),
        (0.6, adds(DROPPED)),
    )
    stage.script.run(REGISTER)
    (failure,) = stage.failures
    assert failure.failure is Failure.RESPONSE_DISCARDED
    assert failure.detail == "what came back could not be read as SIP"


def test_two_icmp_errors_end_the_wait() -> None:
    """A second copy that fails too shows that nobody is there."""
    stage = Stage("REGISTER").on(
        "REGISTER",
        (0.0, lambda wire: wire.send("REGISTER")),
        (0.01, adds(icmp())),
        (0.5, lambda wire: wire.resend()),
        (0.51, adds(icmp())),
    )
    assert stage.took(REGISTER) == pytest.approx(0.51, abs=0.02)
    (failure,) = stage.failures
    assert failure.failure is Failure.PORT_UNREACHABLE
    assert failure.detail == icmp_words(icmp())
    assert failure.deadline is None


def test_one_icmp_error_and_then_nothing() -> None:
    """One error may be a server that restarts: it ends the wait after a grace only."""
    stage = Stage("REGISTER").on(
        "REGISTER", (0.0, lambda wire: wire.send("REGISTER")), (0.01, adds(icmp(code=1)))
    )
    assert stage.took(REGISTER) == pytest.approx(ICMP_GRACE_S, abs=0.03)
    assert stage.failed == [("REGISTER", Failure.HOST_UNREACHABLE)]


def test_an_icmp_error_of_an_earlier_request() -> None:
    """ICMP errors before our request left say nothing about it."""
    stage = Stage("REGISTER").on(
        "REGISTER",
        (0.0, adds(icmp())),
        (0.0, adds(icmp())),
        (0.0, adds(DROPPED)),
        (0.1, lambda wire: wire.send("REGISTER")),
    )
    stage.script.run(REGISTER)
    assert stage.failed == [("REGISTER", Failure.NO_RESPONSE)]


def test_an_answer_after_an_icmp_error() -> None:
    """A server that comes up between two copies is a server that answered."""
    stage = Stage("REGISTER").on(
        "REGISTER",
        (0.0, lambda wire: wire.send("REGISTER")),
        (0.01, adds(icmp())),
        (0.6, lambda wire: wire.receive(200)),
        (2.0, trigger("registration", 200)),
    )
    assert stage.took(REGISTER) == 2.0
    assert not stage.failed


def test_the_stack_names_a_fault() -> None:
    """A fault that only the stack can know is recorded with its status and words."""
    stage = Stage("REGISTER").on(
        "REGISTER",
        (0.2, trigger("registration", 503, "Connection refused", Failure.TCP_REFUSED)),
    )
    assert stage.took(REGISTER) == 0.2
    (failure,) = stage.failures
    assert (failure.failure, failure.stack_status) == (Failure.TCP_REFUSED, 503)
    assert failure.detail == "Connection refused"


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((), Failure.NO_RESPONSE),
        (((0.1, adds(DROPPED)),), Failure.RESPONSE_DISCARDED),
        (((0.1, lambda wire: wire.receive(100)),), Failure.NO_FINAL_RESPONSE),
    ],
    ids=["silence", "unreadable", "provisional"],
)
def test_the_stack_gives_up_first(steps: tuple[tuple[float, What], ...], expected: Failure) -> None:
    """The stack's invented code is named by what the wire shows, and kept as its own status."""
    stage = Stage("REGISTER").on(
        "REGISTER",
        (0.0, lambda wire: wire.send("REGISTER")),
        *steps,
        (0.5, trigger("registration", 408, "Request Timeout")),
    )
    stage.script.run(REGISTER)
    (failure,) = stage.failures
    assert (failure.failure, failure.stack_status) == (expected, 408)


def test_a_fault_after_a_challenge() -> None:
    """A final response does not hide that the next request could not be sent."""
    stage = Stage("REGISTER").on(
        "REGISTER",
        (0.0, lambda wire: wire.send("REGISTER")),
        (0.1, lambda wire: wire.receive(401)),
        (0.1, trigger("registration", 401, "lost", Failure.CONNECTION_LOST)),
    )
    stage.script.run(REGISTER)
    assert stage.failed == [("REGISTER", Failure.CONNECTION_LOST)]
    assert not stage.script.registered


def test_options_that_are_answered() -> None:
    """OPTIONS ends with its own trigger; one of another kind is not taken for it."""
    stage = Stage("OPTIONS").on(
        "OPTIONS",
        (0.0, lambda wire: wire.send("OPTIONS")),
        (0.1, trigger("registration", 200)),
        (0.2, lambda wire: wire.receive(200)),
        (0.3, trigger("answered", 200)),
    )
    assert stage.took(OPTIONS) == 0.3
    assert not stage.failed


@pytest.mark.parametrize("action", [REGISTER, OPTIONS, CALL], ids=["REGISTER", "OPTIONS", "INVITE"])
def test_the_stack_refuses_a_step(action: Action) -> None:
    """What the stack would not do is recorded as its refusal, and nothing is waited for."""
    stage = Stage()
    refusal = AgentError(Failure.AGENT_REFUSED, 70004, "invalid")
    stage.agent.refusals = dict.fromkeys(("REGISTER", "OPTIONS", "INVITE"), refusal)
    assert stage.took(action) == 0.0
    (failure,) = stage.failures
    assert failure.method == stage.agent.asked[0]
    assert (failure.failure, failure.stack_status) == (Failure.AGENT_REFUSED, 70004)
    assert failure.detail == "invalid"


@pytest.mark.parametrize("action", [REGISTER, OPTIONS, CALL], ids=["REGISTER", "OPTIONS", "INVITE"])
def test_told_to_stop_while_waiting(action: Action) -> None:
    """An abort ends the wait at once; the supervisor says why, so nothing is recorded."""
    stage = Stage()
    stage.stop_at = 1.0
    assert stage.took(action) == pytest.approx(1.0, abs=0.02)
    assert not stage.failed


def test_an_action_that_nobody_knows() -> None:
    """An action without a meaning is an error of the program."""
    with pytest.raises(TypeError, match="unknown action Action"):
        Stage().script.run(Action(attempt=0, account="trunk"))


# Calls --------------------------------------------------------------------------------------------


def test_a_call_with_talk() -> None:
    """Talk lasts as long as asked for, from the answer on; our BYE is waited for."""
    stage = Stage().on("INVITE", INVITE, RINGING, *ANSWERED).on("hangup", BYE, *BYE_OK)
    assert stage.took(TALK) == pytest.approx(4.1, abs=0.03)
    assert stage.agent.hangups == 1
    assert not stage.failed


def test_a_call_that_stays_up() -> None:
    """Without hangup_after the call is left to later steps: talk, then hang up."""
    stage = Stage().on("INVITE", INVITE, *ANSWERED).on("hangup", BYE, *BYE_OK)
    assert stage.took(CALL) == 1.0
    assert stage.took(Talk(attempt=1, account="trunk", duration=2.0)) == pytest.approx(2, abs=0.02)
    assert stage.agent.hangups == 0
    done = stage.script.run(Hangup(attempt=2, account="trunk", call=0))
    assert done.call_id == "c1@192.0.2.10"
    assert stage.agent.hangups == 1
    assert not stage.failed


def test_hanging_up_a_call_that_never_was() -> None:
    """A hang-up without its call does nothing."""
    stage = Stage()
    assert stage.script.run(Hangup(attempt=1, account="trunk", call=0)).call_id is None
    assert stage.agent.hangups == 0


def test_hanging_up_what_is_over() -> None:
    """A call that the peer refused is not hung up."""
    stage = Stage().on(
        "INVITE",
        INVITE,
        (0.1, lambda wire: wire.receive(486)),
        (0.1, lambda wire: wire.send("ACK")),
        (0.1, trigger("disconnected", 486, "Busy Here")),
    )
    assert stage.took(CALL) == 0.1
    assert stage.took(Hangup(attempt=1, account="trunk", call=0)) == 0.0
    assert stage.agent.hangups == 0
    assert not stage.failed


def test_a_bye_that_nobody_answers() -> None:
    """The call may still be up and billed: that is said once, after the settling time."""
    stage = Stage().on("INVITE", INVITE, *ANSWERED).on("hangup", BYE)
    assert stage.took(TALK) == pytest.approx(1.0 + 3.0 + SETTLE_S, abs=0.05)
    assert stage.failed == [("BYE", Failure.NO_RESPONSE)]
    assert stage.failures[0].deadline == "settle 4 s"
    stage.script.finish()
    assert stage.failed == [("BYE", Failure.NO_RESPONSE)]


def test_a_bye_that_is_challenged() -> None:
    """A challenge of our BYE is no end of it: the BYE with credentials is waited for."""
    stage = Stage().on("INVITE", INVITE, *ANSWERED)
    stage.on(
        "hangup",
        BYE,
        (0.1, lambda wire: wire.receive(401)),
        (0.1, lambda wire: wire.send("BYE", auth=True)),
        (0.7, lambda wire: wire.receive(200)),
        (0.2, trigger("disconnected", 401)),
    )
    assert stage.took(TALK) == pytest.approx(4.7, abs=0.03)
    assert not stage.failed


def test_the_peer_hangs_up_first() -> None:
    """The peer's BYE ends the talk; our side owes the answer and sends no BYE."""
    stage = Stage().on(
        "INVITE",
        INVITE,
        *ANSWERED,
        (2.0, lambda wire: wire.request("BYE")),
        (2.05, lambda wire: wire.reply(200)),
        (2.05, trigger("disconnected", 200)),
    )
    assert stage.took(TALK) == pytest.approx(2.05, abs=0.03)
    assert not any(getattr(e, "text", "").startswith("BYE sip:+1") for e in stage.events)
    assert not stage.failed


def test_a_call_that_the_peer_ended_before_talk() -> None:
    """A call that is over when its answer is seen is not talked in."""
    stage = Stage().on(
        "INVITE",
        INVITE,
        *ANSWERED[:2],
        (1.0, lambda wire: wire.request("BYE")),
        (1.0, lambda wire: wire.reply(200)),
        (1.0, trigger("disconnected", 200)),
    )
    assert stage.took(TALK) == 1.0
    assert not stage.failed


def test_ringing_as_long_as_planned() -> None:
    """With ring_for the call is cancelled so long after the first 18x."""
    stage = Stage().on("INVITE", INVITE, (0.2, lambda wire: wire.receive(100)), RINGING)
    stage.on(
        "hangup",
        (0.0, lambda wire: wire.send("CANCEL")),
        (0.1, lambda wire: wire.receive(200)),
        (0.2, lambda wire: wire.receive(487, to="INVITE")),
        (0.2, lambda wire: wire.send("ACK")),
        (0.2, trigger("disconnected", 487)),
    )
    assert stage.took(replace(CALL, ring_for=2.0)) == pytest.approx(2.7, abs=0.03)
    assert not stage.failed


def test_a_cancel_that_loses_the_race() -> None:
    """A 200 that crosses our CANCEL makes a call: the stack's BYE is waited for, no talk begins."""
    stage = Stage().on("INVITE", INVITE, RINGING)
    stage.on(
        "hangup",
        (0.0, lambda wire: wire.send("CANCEL")),
        (0.1, lambda wire: wire.receive(200)),
        (0.1, lambda wire: wire.receive(200, to="INVITE")),
        (0.1, lambda wire: wire.send("ACK")),
        (0.1, lambda wire: wire.send("BYE")),
        (0.5, lambda wire: wire.receive(200)),
        (0.1, trigger("disconnected", 200)),
    )
    assert stage.took(replace(TALK, ring_for=2.0)) == pytest.approx(3.0, abs=0.03)
    assert stage.agent.hangups == 1
    assert not stage.failed


def test_a_later_step_cancels() -> None:
    """With wait_for ringing the action ends with the first 18x; the cancel step ends the call."""
    stage = Stage().on("INVITE", INVITE, RINGING)
    stage.on(
        "hangup",
        (0.0, lambda wire: wire.send("CANCEL")),
        (0.1, lambda wire: wire.receive(200)),
        (0.1, lambda wire: wire.receive(487, to="INVITE")),
        (0.1, trigger("disconnected", 487)),
    )
    assert stage.took(replace(CALL, wait_for="ringing")) == 0.5
    assert stage.took(Cancel(attempt=1, account="trunk", call=0)) == pytest.approx(0.1, abs=0.02)
    assert not stage.failed


def test_ringing_without_end() -> None:
    """A call that only rings is given up after answer_within, and cancelled."""
    stage = Stage().on("INVITE", INVITE, RINGING)
    stage.on(
        "hangup",
        (0.0, lambda wire: wire.send("CANCEL")),
        (0.1, lambda wire: wire.receive(200)),
        (0.1, lambda wire: wire.receive(487, to="INVITE")),
        (0.1, trigger("disconnected", 487)),
    )
    assert stage.took(CALL) == pytest.approx(20.6, abs=0.03)
    assert stage.failed == [("INVITE", Failure.NO_FINAL_RESPONSE)]


def test_a_cancel_that_nobody_honours() -> None:
    """Where the 487 never comes, the settling time bounds the wait."""
    stage = Stage().on("INVITE", INVITE, RINGING)
    stage.on(
        "hangup",
        (0.0, lambda wire: wire.send("CANCEL")),
        (0.1, lambda wire: wire.receive(200)),
    )
    took = stage.took(replace(CALL, ring_for=1.0))
    assert took == pytest.approx(0.5 + 1.0 + SETTLE_S, abs=0.05)


def test_a_call_into_silence() -> None:
    """Nobody is there: the call is given up with its timeout, and nothing more is waited for."""
    stage = Stage().on("INVITE", INVITE)
    assert stage.took(CALL) == pytest.approx(5.0, abs=0.03)
    assert stage.failed == [("INVITE", Failure.NO_RESPONSE)]
    assert stage.agent.hangups == 1


def test_a_challenged_call_that_is_refused() -> None:
    """The stack's disconnection after a final response is no failure."""
    stage = Stage().on(
        "INVITE",
        INVITE,
        (0.1, lambda wire: wire.receive(407)),
        (0.1, lambda wire: wire.send("ACK")),
        (0.1, lambda wire: wire.send("INVITE", auth=True)),
        (0.2, lambda wire: wire.receive(100)),
        (0.3, lambda wire: wire.receive(503)),
        (0.3, trigger("disconnected", 503)),
    )
    assert stage.took(CALL) == 0.3
    assert not stage.failed


def test_the_stack_ends_a_call_before_any_answer() -> None:
    """A transport that breaks ends the call with the stack's fault."""
    stage = Stage().on(
        "INVITE",
        INVITE,
        (0.1, trigger("disconnected", 503, "Connection reset", Failure.CONNECTION_LOST)),
    )
    stage.script.run(CALL)
    assert stage.failed == [("INVITE", Failure.CONNECTION_LOST)]


def test_an_answer_that_our_side_cannot_use() -> None:
    """A 200 that the stack ends with a code of its own is named; its BYE is waited for."""
    stage = Stage().on(
        "INVITE",
        INVITE,
        *ANSWERED[:2],
        (1.0, lambda wire: wire.send("BYE")),
        (1.0, trigger("early", 180)),
        (1.0, trigger("disconnected", 415, "Unsupported Media Type")),
        (1.4, lambda wire: wire.receive(200)),
    )
    assert stage.took(TALK) == pytest.approx(1.4, abs=0.02)
    (failure,) = stage.failures
    assert (failure.failure, failure.stack_status) == (Failure.UNUSABLE_ANSWER, 415)
    assert failure.detail == "Unsupported Media Type"


def test_an_answer_that_our_side_drops_before_its_ack() -> None:
    """BYE, ACK, and only then the stack's end of the call: it is not taken for an answered call."""
    stage = Stage().on(
        "INVITE",
        INVITE,
        *ANSWERED[:2],
        (1.0, lambda wire: wire.send("BYE")),
        (1.0, trigger("confirmed", 200)),
        (1.2, lambda wire: wire.receive(200)),
        (1.3, trigger("disconnected", 488, "Not Acceptable Here")),
    )
    stage.took(TALK)
    (failure,) = stage.failures
    assert (failure.failure, failure.stack_status) == (Failure.UNUSABLE_ANSWER, 488)


def test_an_answer_that_our_side_drops_and_a_peer_that_ignores_it() -> None:
    """Where nobody answers that BYE, the attempt ends all the same, and says that it may be up."""
    stage = Stage().on(
        "INVITE",
        INVITE,
        *ANSWERED[:2],
        (1.0, lambda wire: wire.send("BYE")),
        (1.0, trigger("confirmed", 200)),
    )
    assert stage.took(TALK) == pytest.approx(5.0, abs=0.1)
    assert [(failure.method, failure.failure) for failure in stage.failures] == [
        ("INVITE", Failure.UNUSABLE_ANSWER),
        ("BYE", Failure.NO_RESPONSE),
    ]


@pytest.mark.parametrize("status", [488, None])
def test_the_stack_cancels_by_itself(status: int | None) -> None:
    """An early answer that the stack cannot use is named, within the settling time."""
    ends: tuple[tuple[float, What], ...] = ()
    if status is not None:
        ends = (
            (0.8, lambda wire: wire.receive(487, to="INVITE")),
            (0.8, trigger("disconnected", status)),
        )
    stage = Stage().on(
        "INVITE",
        INVITE,
        (0.5, lambda wire: wire.receive(183)),
        (0.5, lambda wire: wire.send("CANCEL")),
        (0.6, lambda wire: wire.receive(200)),
        *ends,
    )
    took = stage.took(TALK)
    assert took == pytest.approx(0.8 if status else 0.5 + SETTLE_S, abs=0.03)
    (failure,) = stage.failures
    assert (failure.failure, failure.stack_status) == (Failure.UNUSABLE_ANSWER, status)
    assert stage.agent.hangups == 0


def test_told_to_stop_while_ringing() -> None:
    """An abort ends the wait; the call is cancelled by ``finish`` and waited for there."""
    stage = Stage().on("INVITE", INVITE, RINGING)
    stage.on(
        "hangup",
        (0.0, lambda wire: wire.send("CANCEL")),
        (0.1, lambda wire: wire.receive(200)),
        (0.3, lambda wire: wire.receive(487, to="INVITE")),
        (0.3, trigger("disconnected", 487)),
    )
    stage.stop_at = 1.0
    assert stage.took(CALL) == pytest.approx(1.0, abs=0.02)
    stage.script.finish()
    assert stage.agent.hangups == 1
    assert stage.agent.now == pytest.approx(1.3, abs=0.03)
    assert not stage.failed


def test_told_to_stop_while_talking() -> None:
    """An abort ends the talk; what is owed to the peer is still sent and waited for."""
    stage = Stage().on("INVITE", INVITE, *ANSWERED).on("hangup", BYE, *BYE_OK)
    stage.stop_at = 2.0
    assert stage.took(TALK) == pytest.approx(2.1, abs=0.03)
    assert stage.agent.hangups == 1
    assert not stage.failed


def test_told_to_stop_while_waiting_between_steps() -> None:
    """An abort ends a wait step."""
    stage = Stage()
    stage.stop_at = 1.0
    assert stage.took(Wait(attempt=0, account="", duration=9.0)) == pytest.approx(1.0, abs=0.02)


def test_a_trigger_of_a_call_that_is_not_ours() -> None:
    """What the stack says of an unknown call changes nothing."""
    stage = Stage().on("OPTIONS", (0.1, trigger("disconnected", 200)))
    stage.script.run(OPTIONS)
    assert stage.failed == [("OPTIONS", Failure.TCP_TIMEOUT)]


# The end ------------------------------------------------------------------------------------------


def test_finish_hangs_up_and_removes_the_registration() -> None:
    """Nothing of ours stays at the peer: no call, no contact."""
    stage = Stage("REGISTER").on(
        "REGISTER",
        (0.0, lambda wire: wire.send("REGISTER")),
        (0.1, lambda wire: wire.receive(200)),
        (0.1, trigger("registration", 200)),
    )
    stage.on("INVITE", INVITE, *ANSWERED).on("hangup", BYE, *BYE_OK)
    stage.on(
        "REGISTER",
        (0.0, lambda wire: wire._ours.clear()),
        (0.0, lambda wire: wire.send("REGISTER", headers={"Call-ID": "c2@192.0.2.10"})),
        (0.1, lambda wire: wire.receive(200, headers={"Call-ID": "c2@192.0.2.10"})),
        (0.1, trigger("registration", 200)),
    )
    stage.script.run(REGISTER)
    stage.script.run(CALL)
    stage.script.finish()
    assert stage.agent.asked == ["REGISTER", "INVITE", "hangup", "REGISTER"]
    assert not stage.script.registered
    assert not stage.failed


def test_finish_notes_a_bye_without_an_answer() -> None:
    """A call that could not be ended at the end is said, within the settling time."""
    stage = Stage().on("INVITE", INVITE, *ANSWERED).on("hangup", BYE)
    stage.script.run(CALL)
    stage.script.finish()
    assert stage.agent.now == pytest.approx(1.0 + FAREWELL_S + SETTLE_S, abs=0.03)
    assert stage.failed == [("BYE", Failure.NO_RESPONSE)]


@pytest.mark.parametrize("refused", [True, False], ids=["refused", "silent"])
def test_finish_cannot_remove_the_registration(*, refused: bool) -> None:
    """A registration that could not be removed still stands."""
    stage = Stage("REGISTER").on(
        "REGISTER",
        (0.0, lambda wire: wire.send("REGISTER")),
        (0.1, lambda wire: wire.receive(200)),
        (0.1, trigger("registration", 200)),
    )
    stage.script.run(REGISTER)
    if refused:
        stage.agent.refusals["REGISTER"] = AgentError(Failure.AGENT_REFUSED, 1, "no")
    stage.script.finish()
    assert stage.script.registered
    assert stage.failed == ([("REGISTER", Failure.AGENT_REFUSED)] if refused else [])
    assert stage.agent.now == pytest.approx(0.1 if refused else 0.1 + SETTLE_S, abs=0.03)


def test_finish_leaves_alone_what_is_over() -> None:
    """A call that ended is not hung up once more."""
    stage = Stage().on(
        "INVITE",
        INVITE,
        (0.1, lambda wire: wire.receive(603)),
        (0.1, trigger("disconnected", 603)),
    )
    stage.script.run(CALL)
    stage.script.finish()
    assert stage.agent.hangups == 0
    assert stage.agent.now == 0.1


def test_finish_with_nothing_to_finish() -> None:
    """Where nothing is up, nothing is sent and no time passes."""
    stage = Stage()
    stage.script.finish()
    assert stage.agent.asked == []
    assert stage.agent.now == 0.0


def test_the_stack_works_between_actions() -> None:
    """Idle lets the stack work for the time given."""
    stage = Stage()
    stage.script.idle(0.3)
    assert stage.agent.now == 0.3


# ICMP ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "code", "offender", "failure"),
    [
        (3, 3, "192.0.2.1", Failure.PORT_UNREACHABLE),
        (3, 1, "192.0.2.1", Failure.HOST_UNREACHABLE),
        (3, 9, "192.0.2.1", Failure.PROHIBITED),
        (3, 10, "192.0.2.1", Failure.PROHIBITED),
        (3, 13, "192.0.2.1", Failure.PROHIBITED),
        (11, 0, "192.0.2.1", Failure.HOST_UNREACHABLE),
        (1, 4, "2001:db8::1", Failure.PORT_UNREACHABLE),
        (1, 0, "2001:db8::1", Failure.HOST_UNREACHABLE),
        (1, 1, "2001:db8::1", Failure.PROHIBITED),
        (1, 5, "2001:db8::1", Failure.PROHIBITED),
        (1, 6, "2001:db8::1", Failure.PROHIBITED),
        (3, 0, "2001:db8::1", Failure.HOST_UNREACHABLE),
    ],
)
def test_what_an_icmp_error_means(kind: int, code: int, offender: str, failure: Failure) -> None:
    """Types and codes of RFC 792, RFC 1812 and RFC 4443 are named."""
    assert icmp_failure(icmp(kind, code, offender)) is failure


def test_an_icmp_error_in_words() -> None:
    """The words name type, code, who sent it and for which datagram."""
    assert icmp_words(icmp(offender="")) == (
        f"ICMP type 3 code 3 from unknown for our datagram to {REMOTE}"
    )
    assert LOCAL not in icmp_words(icmp())
