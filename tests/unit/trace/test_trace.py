"""Transactions, dialogs, responses and failures of a trace."""

import pytest
from wirebuilder import ANSWER, OFFER, Wire, answered_call, refused_call, register_ok

from probe.sip.message import MalformedMessageError
from probe.trace.failure import OURS, Failure
from probe.trace.trace import MessageEvent, Trace


def challenged_call() -> Trace:
    """Return a call that was challenged, answered and hung up."""
    return (
        Wire()
        .send("INVITE", body=OFFER)
        .receive(407)
        .send("ACK")
        .send("INVITE", auth=True, body=OFFER)
        .receive(100)
        .receive(180)
        .receive(200, body=ANSWER)
        .send("ACK")
        .send("BYE")
        .receive(200)
        .trace()
    )


def test_a_challenged_call_is_two_transactions_in_one_call_id() -> None:
    """Each INVITE has a branch of its own; the trace keeps both."""
    trace = challenged_call()
    first, second, bye = trace.transactions()
    assert (first.method, second.method, bye.method) == ("INVITE", "INVITE", "BYE")
    assert first.call_id == second.call_id
    assert first.branch != second.branch
    assert (first.cseq, second.cseq, bye.cseq) == (1, 2, 3)
    assert [position for position, _ in trace.client_transactions()] == [0, 1]


def test_the_ack_of_a_refusal_and_of_a_2xx_both_find_their_invite() -> None:
    """The first has the branch of the INVITE, the second has not (§17.1.1.3, §13.2.2.4)."""
    first, second, _ = challenged_call().transactions()
    assert (first.acks, second.acks) == ((2,), (7,))


def test_an_ack_without_an_invite_belongs_to_nothing() -> None:
    """A trace may begin in the middle."""
    assert Wire().send("ACK").trace().transactions() == ()


def test_an_answered_challenge_is_no_response() -> None:
    """It feeds ``challenge:``, and is listed only on request."""
    trace = challenged_call()
    assert trace.answered_challenges() == (1,)
    assert [r.status for r in trace.responses()] == [100, 180, 200]
    assert [r.status for r in trace.responses(challenges=True)] == [407, 100, 180, 200]


def test_a_second_challenge_is_final() -> None:
    """Nobody answered it, so it stands."""
    trace = (
        Wire("REGISTER").send("REGISTER").receive(401).send("REGISTER", auth=True).receive(401)
    ).trace()
    assert [r.index for r in trace.responses()] == [3]
    final = trace.final()
    assert final is not None
    assert (final.status, final.reason) == (401, "Unauthorized")


@pytest.mark.parametrize(("status", "told"), [(200, [180, 200]), (488, [180, 200, 488])])
def test_a_hold_that_is_accepted_is_no_answer_to_the_call(status: int, told: list[int]) -> None:
    """A re-INVITE's 200 is none of the call's; its refusal is told."""
    call = Wire().send("INVITE", body=OFFER).receive(180).receive(200, body=ANSWER).send("ACK")
    trace = call.send("INVITE", body=OFFER, tag="b1").receive(status).send("ACK").trace()
    assert [r.status for r in trace.responses()] == told
    assert len(trace.transactions()) == 2


def test_a_trace_of_a_hold_alone_has_its_answer() -> None:
    """Where the first INVITE of a trace is inside a dialog, it is what was asked."""
    trace = Wire().send("INVITE", body=OFFER, tag="b1").receive(200, body=ANSWER).trace()
    assert [r.status for r in trace.responses()] == [200]


def test_retransmissions_are_counted_and_left_out() -> None:
    """Seven copies of an INVITE are one request, a repeated 200 is one answer."""
    trace = (
        Wire()
        .send("INVITE")
        .resend(at=0.5)
        .resend(at=1.5)
        .receive(200)
        .again()
        .again()
        .send("ACK")
        .trace()
    )
    (invite,) = trace.transactions()
    assert (invite.copies, invite.responses, invite.repeated) == (3, (3,), (4, 5))
    assert trace.sent("INVITE") == (0,)


def test_a_request_of_the_peer_is_a_transaction_of_theirs() -> None:
    """Our answer to it belongs to it."""
    trace = answered_call().request("BYE").again().reply(200).trace()
    theirs = trace.transactions()[-1]
    assert (theirs.ours, theirs.method, theirs.responses) == (False, "BYE", (9,))
    assert trace.received("BYE") == (7,)


def test_a_response_with_a_foreign_branch_belongs_to_nothing() -> None:
    """RFC 3261 §17.1.3 matches by branch and CSeq method."""
    trace = Wire().send("INVITE").receive(200, headers={"Via": "SIP/2.0/UDP x;branch=no"}).trace()
    assert trace.transactions()[0].responses == ()


def test_a_refused_call_has_no_final_but_the_refusal() -> None:
    """The last final response is the one that counts."""
    final = refused_call(503).trace().final()
    assert final is not None
    assert final.status == 503
    assert Wire().send("INVITE").receive(100).trace().final() is None


def test_a_fork_is_one_transaction_and_several_dialogs() -> None:
    """Two To tags are two early dialogs; the one with the 2xx is confirmed (§13.2.2.4)."""
    trace = (
        Wire().send("INVITE").receive(180, tag="b1").receive(180, tag="b2").receive(200).send("ACK")
    ).trace()
    assert len(trace.transactions()) == 1
    assert [(d.remote_tag, d.confirmed, d.events) for d in trace.dialogs()] == [
        ("b1", False, (1,)),
        ("b2", True, (2, 3, 4)),
    ]


def test_the_ack_of_a_refusal_makes_no_dialog() -> None:
    """A To tag alone is no dialog (§12.1)."""
    assert refused_call(486).trace().dialogs() == ()


def test_the_answer_to_a_cancel_makes_no_dialog() -> None:
    """The 200 of a CANCEL may carry a tag of its own."""
    trace = Wire().send("INVITE").receive(100).send("CANCEL").receive(200, tag="x").trace()
    assert trace.dialogs() == ()


def test_a_registration_makes_no_dialog() -> None:
    """REGISTER is answered with tags and still makes none."""
    assert register_ok().trace().dialogs() == ()


def test_messages_of_the_peer_join_the_dialog() -> None:
    """Tags change places with the direction."""
    trace = answered_call().request("BYE").reply(200).trace()
    (dialog,) = trace.dialogs()
    assert (dialog.local_tag, dialog.remote_tag) == ("a1", "b1")
    assert dialog.events[-2:] == (7, 8)


def test_a_notify_may_open_a_dialog() -> None:
    """It can overtake the 200 of its SUBSCRIBE (RFC 6665 §4.1.2.4)."""
    assert len(Wire("SUBSCRIBE").send("SUBSCRIBE").request("NOTIFY").trace().dialogs()) == 1


def test_the_last_failure_of_the_method_counts() -> None:
    """An unanswered BYE is not the failure of the call."""
    trace = (
        answered_call()
        .fail(Failure.CONNECTION_LOST)
        .fail(Failure.NO_RESPONSE, method="BYE")
        .trace()
    )
    failure = trace.failure()
    assert failure is not None
    assert failure.failure is Failure.CONNECTION_LOST
    assert answered_call().trace().failure() is None


def test_a_failure_without_a_method_is_the_attempts() -> None:
    """Nothing was built yet when the agent gave up."""
    failure = Wire().fail(Failure.AGENT_CRASHED, method="").trace().failure()
    assert failure is not None
    assert failure.failure is Failure.AGENT_CRASHED


def test_a_failure_belongs_to_the_request_that_it_ended() -> None:
    """The challenged first INVITE did not fail; the second one did."""
    trace = (
        Wire()
        .send("INVITE")
        .receive(407)
        .send("ACK")
        .send("INVITE", auth=True)
        .fail(Failure.NO_RESPONSE)
        .fail(Failure.NO_RESPONSE, method="OPTIONS")
        .trace()
    )
    assert [t.failure for t in trace.transactions()] == [None, 4]


def test_rubbish_on_the_wire_is_no_message() -> None:
    """Bytes that are no SIP stay events, and only events."""
    trace = Wire().raw("\x00rubbish").send("INVITE").trace()
    assert [index for index, _, _ in trace.messages()] == [1]
    event = trace.events[0]
    assert isinstance(event, MessageEvent)
    with pytest.raises(MalformedMessageError):
        event.message  # noqa: B018 - reading it is what raises


def test_only_messages_can_be_read_as_messages() -> None:
    """An index that names another event is a mistake of the caller."""
    trace = Wire().fail(Failure.LOCAL_PORT).trace()
    with pytest.raises(TypeError, match="event 0 is a TransactionFailed"):
        trace.message(0)


def test_transactions_are_read_once() -> None:
    """A second question gets the same answer without the work."""
    trace = answered_call().trace()
    assert trace.transactions() is trace.transactions()


def test_failures_of_ours_are_not_the_trunks() -> None:
    """Silence, refusals and certificates speak of the peer; crashes and missing routes of us."""
    assert Failure.AGENT_CRASHED in OURS
    assert Failure.NO_ROUTE in OURS
    assert not {Failure.NO_RESPONSE, Failure.TCP_REFUSED, Failure.UNUSABLE_ANSWER} & OURS
