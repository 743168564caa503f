"""What holds where the file says nothing."""

import pytest
from judging import STEP, judged, told
from wirebuilder import ANSWER, OFFER, Wire, answered_call, refused_call, register_ok

from probe.scenario.expectation import Bound
from probe.trace.failure import Failure
from probe.verdict.verdict import Outcome


def answered() -> Wire:
    """Return a call that is up."""
    return (
        Wire()
        .send("INVITE", body=OFFER)
        .receive(180)
        .receive(200, at=1.0, body=ANSWER)
        .send("ACK", at=1.0)
    )


def cancelled() -> Wire:
    """Return a call that rings and is cancelled as planned."""
    return Wire(our_cancel=True).send("INVITE", body=OFFER).receive(180).send("CANCEL", at=2.0)


def test_a_registration_and_a_whole_call_are_met() -> None:
    """A 2xx, and for a call its ACK and a clean BYE."""
    for wire in (register_ok(), answered_call()):
        verdict = judged(wire)
        assert (verdict.outcome, verdict.mismatches, verdict.warnings) == (Outcome.MET, (), ())


def test_a_refusal_is_told_at_the_step() -> None:
    """There is no other place in the file to point at."""
    (mismatch,) = judged(refused_call(404)).mismatches
    assert mismatch.message == "expected 2xx, got 404 Not Found"
    assert (mismatch.source, mismatch.path, mismatch.evidence) == (STEP, "expect", (2,))


def test_a_second_challenge_is_a_refusal() -> None:
    """Credentials were sent and asked for again."""
    wire = Wire("REGISTER").send("REGISTER").receive(401).send("REGISTER", auth=True).receive(401)
    assert told(judged(wire)) == ["expected 2xx, got 401 Unauthorized"]


def test_the_default_holds_beside_other_expectations() -> None:
    """Whoever bounds the delay of a call still wants it answered."""
    bound = Bound(max=9.0, text="max 9s")
    assert judged(refused_call(503), timing={"total": bound}).outcome is Outcome.NOT_MET


def test_a_call_left_up_is_met() -> None:
    """A later step hangs up."""
    assert judged(answered()).outcome is Outcome.MET


def test_a_2xx_without_our_ack_is_not_met() -> None:
    """The call was never confirmed."""
    wire = Wire().send("INVITE", body=OFFER).receive(200, body=ANSWER)
    assert told(judged(wire)) == ["expected ACK, got 200"]


def test_a_bye_that_nobody_answers_is_not_clean() -> None:
    """The call may still be up, and billed."""
    wire = answered().send("BYE").resend().fail(Failure.NO_RESPONSE, method="BYE")
    verdict = judged(wire)
    assert told(verdict) == ["expected BYE answered 2xx, got BYE without answer"]
    assert verdict.mismatches[0].evidence == (4, 6)
    assert judged(answered().send("BYE")).mismatches[0].evidence == (4,)


def test_a_bye_without_an_answer_before_a_crash_is_open() -> None:
    """The 200 may have come a moment later."""
    verdict = judged(answered().send("BYE").fail(Failure.AGENT_CRASHED))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert told(verdict) == ["expected BYE answered 2xx, got BYE without answer"]


def test_a_refused_bye_is_not_clean() -> None:
    """481: the peer does not know the call that it answered."""
    verdict = judged(answered().send("BYE").receive(481))
    assert told(verdict) == [
        "expected BYE answered 2xx, got BYE answered 481 Call/Transaction Does Not Exist"
    ]
    assert verdict.mismatches[0].evidence == (4, 5)


def test_a_challenged_bye_is_clean_in_the_end() -> None:
    """Some proxies ask for credentials even then; the second BYE counts."""
    wire = answered().send("BYE").receive(407).send("BYE", auth=True).receive(200)
    assert judged(wire).outcome is Outcome.MET


def test_each_branch_of_a_fork_needs_its_bye() -> None:
    """Two answers are two calls."""
    wire = answered().receive(200, to="INVITE", tag="b2", body=ANSWER).send("ACK").send("BYE")
    wire.receive(200).send("BYE", tag="b1")
    assert told(judged(wire)) == ["expected BYE answered 2xx, got BYE without answer"]


def test_the_peers_bye_is_clean_where_we_answered() -> None:
    """It is met, with a word about who hung up and why."""
    wire = answered().request("BYE", at=3.5, headers={"Reason": "Q.850;cause=16"}).reply(200)
    verdict = judged(wire)
    assert verdict.outcome is Outcome.MET
    assert verdict.warnings == ("the peer hung up first, after 2.5 s (Reason: Q.850;cause=16)",)


def test_a_planned_cancel_ends_with_487() -> None:
    """CANCEL answered 200, INVITE answered 487 (§9.1)."""
    verdict = judged(cancelled().receive(200).receive(487, to="INVITE").send("ACK"))
    assert (verdict.outcome, verdict.expected) == (Outcome.MET, "CANCEL 487")


def test_a_planned_cancel_may_cross_with_the_answer() -> None:
    """Not what was wanted, and said so; the warning explains that it can be chance."""
    wire = cancelled().receive(200, to="INVITE", body=ANSWER).send("ACK").send("BYE").receive(200)
    verdict = judged(wire)
    assert told(verdict) == ["expected 487 after our CANCEL, got 200 OK"]
    assert verdict.warnings == (
        "the call was answered after our CANCEL had left: both crossed, or CANCEL was ignored",
    )


@pytest.mark.parametrize(
    ("wire", "message"),
    [
        (
            Wire(our_cancel=True).send("INVITE").receive(486).send("ACK"),
            "expected 487 after our CANCEL, got 486 Busy Here",
        ),
        (
            Wire(our_cancel=True).send("INVITE").receive(487).send("ACK"),
            "expected 487 after our CANCEL, got 487 without a CANCEL",
        ),
        (
            cancelled().receive(481).receive(487, to="INVITE"),
            "expected CANCEL answered 200, got CANCEL answered 481 Call/Transaction Does Not Exist",
        ),
        (
            cancelled().receive(200).fail(Failure.NO_FINAL_RESPONSE),
            "expected 487, got 180, then no final response",
        ),
    ],
)
def test_another_end_of_a_planned_cancel(wire: Wire, message: str) -> None:
    """Each is told by what came instead."""
    assert told(judged(wire)) == [message]


def test_a_487_is_good_though_the_cancel_went_unanswered() -> None:
    """The 487 shows that the CANCEL arrived."""
    assert judged(cancelled().receive(487, to="INVITE").send("ACK")).outcome is Outcome.MET


def test_byes_that_cross_end_a_call_cleanly() -> None:
    """Both sides hang up at once: their 481 says that the call had ended (RFC 3261 section 15)."""
    wire = Wire("INVITE").send("INVITE", body=OFFER).receive(200, body=ANSWER).send("ACK")
    crossed = wire.send("BYE").request("BYE").reply(200).receive(481, to="BYE")
    assert judged(crossed).outcome is Outcome.MET


def test_a_481_without_a_bye_of_theirs_is_a_complaint() -> None:
    """Nobody ended the call, and they do not know it."""
    wire = Wire("INVITE").send("INVITE", body=OFFER).receive(200, body=ANSWER).send("ACK")
    assert judged(wire.send("BYE").receive(481)).outcome is Outcome.NOT_MET
