"""What held but deserves a look."""

from judging import judged
from wirebuilder import ANSWER, OFFER, Wire, answered_call, refused_call, register_ok

from probe.trace.failure import Failure
from probe.verdict.verdict import Outcome


def test_a_200_that_comes_again_after_our_ack() -> None:
    """The ACK does not arrive: the peer will give the call up (§13.3.1.4)."""
    wire = Wire().send("INVITE", body=OFFER).receive(200, body=ANSWER).send("ACK").again().resend()
    verdict = judged(wire.again())
    assert verdict.outcome is Outcome.MET
    (warning,) = verdict.warnings
    assert warning.startswith("200 OK came 2 more times although our ACK had left")


def test_a_200_that_comes_again_before_our_ack_is_normal() -> None:
    """We were slow, and UDP repeats."""
    wire = Wire().send("INVITE", body=OFFER).receive(200, body=ANSWER).again().send("ACK")
    assert judged(wire).warnings == ()


def test_a_repeated_provisional_is_mentioned() -> None:
    """Once a minute is normal, more is a path that loses PRACKs or requests."""
    wire = Wire().send("INVITE").receive(180).again().receive(200).send("ACK")
    assert judged(wire, responses="180 200").warnings == ("180 Ringing was sent once more",)


def test_responses_without_a_to_tag() -> None:
    """RFC 3261 §8.2.6.2 wants one in all but 100."""
    wire = Wire().send("INVITE").receive(100).receive(180, tag="").receive(200, tag="").send("ACK")
    assert judged(wire).warnings == ("180, 200 without a tag in To",)


def test_a_response_with_a_foreign_branch() -> None:
    """The stack cannot match it: some box on the way rewrote the Via."""
    wire = register_ok().receive(200, headers={"Via": "SIP/2.0/UDP x;branch=z9hG4bK-x"}).again()
    assert judged(wire).warnings == ("200 OK has another Via branch than its request",)


def test_a_response_to_an_earlier_step_is_no_news() -> None:
    """A 200 of the call may come again while its BYE is judged."""
    wire = Wire("BYE").send("INVITE").receive(200)
    late = wire.trace().events[1]
    assert judged(Wire("BYE").send("BYE").receive(200).add(late)).warnings == ()


def test_a_response_with_another_identity() -> None:
    """Same branch, other CSeq number or Call-ID: some box on the way rewrites."""
    wire = Wire("OPTIONS").send("OPTIONS").receive(200, headers={"CSeq": "9 OPTIONS"})
    assert judged(wire).warnings == ("200 OK has another CSeq number than its request",)
    wire = Wire("OPTIONS").send("OPTIONS")
    wire.receive(200, headers={"CSeq": "9 OPTIONS", "Call-ID": "x"})
    assert judged(wire).warnings == ("200 OK has another Call-ID and CSeq number than its request",)


def test_a_fork_that_answers_twice() -> None:
    """Both calls are up, and both cost."""
    wire = Wire().send("INVITE").receive(200, tag="b1").send("ACK").receive(200, tag="b2")
    assert "2 branches of a fork answered the call" in judged(wire).warnings


def test_a_bye_of_ours_without_an_answer() -> None:
    """The sequence held; the call may still be up."""
    wire = Wire().send("INVITE").receive(200).send("ACK").send("BYE")
    verdict = judged(wire, responses="200")
    assert verdict.outcome is Outcome.MET
    assert verdict.warnings == ("our BYE was not answered: the call may still be up at the peer",)


def test_a_peer_that_hangs_up_without_our_answer() -> None:
    """Our own side owes the 200."""
    wire = Wire().send("INVITE").receive(200, at=1.0).send("ACK").request("BYE", at=2.0)
    assert judged(wire, responses="200").warnings == (
        "the peer hung up first, after 1.0 s",
        "our side did not answer the peer's BYE",
    )


def test_a_peer_that_hangs_up_after_us_is_no_news() -> None:
    """Both wanted to."""
    assert judged(answered_call().request("BYE").reply(481)).warnings == ()


def test_a_bye_before_the_answer_has_no_talk_time() -> None:
    """An early dialog can be ended too."""
    wire = Wire().send("INVITE").receive(183).request("BYE").reply(200).receive(487, to="INVITE")
    assert judged(wire, responses="183 487").warnings == ()


def test_a_response_after_our_deadline() -> None:
    """The peer is there, and slower than we wait."""
    wire = Wire("OPTIONS").send("OPTIONS").fail(Failure.NO_RESPONSE, at=10.0).receive(200, at=10.1)
    verdict = judged(wire)
    assert verdict.outcome is Outcome.NOT_MET
    assert verdict.warnings == ("200 OK came after we had given up waiting",)


def test_a_call_that_was_simply_refused_has_no_warnings() -> None:
    """Nothing beside the mismatch."""
    assert judged(refused_call(486)).warnings == ()
