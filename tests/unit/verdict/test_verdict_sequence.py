"""The observed sequence against the one in the file."""

from judging import LINE, judged, sequence, told
from wirebuilder import ANSWER, OFFER, Wire, answered_call, refused_call, register_ok

from probe.verdict.observation import LONGEST_QUOTE, observe
from probe.verdict.sequence import shown_tokens
from probe.verdict.verdict import Outcome


def challenged_call() -> Wire:
    """Return a call that was challenged and answered."""
    return (
        Wire()
        .send("INVITE", body=OFFER)
        .receive(407)
        .send("ACK")
        .send("INVITE", auth=True, body=OFFER)
        .receive(100)
        .receive(180)
        .again()
        .receive(200, body=ANSWER)
        .again()
        .send("ACK")
        .resend()
        .send("BYE")
        .receive(200)
    )


def test_the_mismatch_points_at_the_item_that_was_not_met() -> None:
    """File, line and column of ``180``, and the 503 that came in its place."""
    verdict = judged(refused_call(503), responses="100? 180 200")
    (mismatch,) = verdict.mismatches
    assert verdict.outcome is Outcome.NOT_MET
    assert mismatch.message == "expected 180, got 503 Service Unavailable"
    assert (mismatch.expected, mismatch.observed) == ("180", "503 Service Unavailable")
    assert mismatch.source == LINE.shifted(5, 3)
    assert mismatch.evidence == (2,)
    assert mismatch.path == "expect.responses"


def test_what_came_after_the_end_is_told() -> None:
    """The sequence is anchored: one response too many is a mismatch."""
    verdict = judged(answered_call(), responses="180")
    assert told(verdict) == ["expected nothing more, got 200 OK"]
    assert verdict.mismatches[0].source == LINE.shifted(0, 3)


def test_alternatives_are_all_named() -> None:
    """The reader sees everything that would have done."""
    verdict = judged(refused_call(486), responses="180? 200")
    assert told(verdict) == ["expected 180 or 200, got 486 Busy Here"]


def test_a_sequence_that_ended_early_shows_how_far_it_came() -> None:
    """The last thing that came is the evidence."""
    verdict = judged(Wire().send("INVITE").receive(100).receive(183), responses="183 200")
    assert told(verdict) == ["expected 200, got 100 183, then nothing more"]
    assert verdict.mismatches[0].evidence == (2,)


def test_an_answered_challenge_counts_only_where_it_is_named() -> None:
    """``100 180 200`` and ``407 100 180 200`` both describe the same call."""
    for text in ("180 200", "407 180 200", "407 ACK 100 180 200 ACK BYE", "100 180 200 ACK BYE"):
        assert judged(challenged_call(), responses=text).outcome is Outcome.MET, text
    assert judged(challenged_call(), responses="401 180 200").outcome is Outcome.NOT_MET


def test_a_register_may_name_its_challenge() -> None:
    """Both ways of writing it are met by the same registration."""
    assert judged(register_ok(), responses="401 200").outcome is Outcome.MET
    assert judged(register_ok(), responses="200").outcome is Outcome.MET


def test_retransmissions_collapse() -> None:
    """Repeated 180, 200 and ACK are each one thing that happened."""
    tokens = [t.token for t in observe(challenged_call().trace()).tokens]
    assert tokens == ["407", "ACK", "100", "180", "200", "ACK", "BYE"]


def test_the_peers_bye_is_a_bye_too() -> None:
    """A sequence does not say who hangs up."""
    wire = Wire().send("INVITE").receive(200).send("ACK").request("BYE").reply(200)
    assert judged(wire, responses="200 ACK BYE").outcome is Outcome.MET


def test_requests_of_the_peer_do_not_pose_as_ours() -> None:
    """A CANCEL or PRACK that arrives is none that we sent; a NOTIFY is the peer's to send."""
    wire = answered_call().request("PRACK").request("NOTIFY").request("OPTIONS")
    tokens = [t.token for t in observe(wire.trace()).tokens]
    assert tokens == ["100", "180", "200", "ACK", "BYE", "NOTIFY"]


def test_cancel_and_prack_can_be_named() -> None:
    """What we sent in between is part of the story where it is asked for."""
    wire = Wire(our_cancel=True).send("INVITE").receive(183).send("PRACK").receive(200)
    wire.receive(180, to="INVITE").send("CANCEL").receive(200).receive(487, to="INVITE").send("ACK")
    assert judged(wire, responses="183 PRACK 180 CANCEL 487 ACK").outcome is Outcome.MET
    assert judged(wire, responses="183 180 487").outcome is Outcome.MET
    assert judged(wire, responses="183 180 CANCEL BYE").outcome is Outcome.NOT_MET


def test_a_missing_method_is_told_by_its_name() -> None:
    """The peer hung up before our PRACK: BYE has no reason phrase."""
    wire = Wire().send("INVITE").receive(183).request("BYE").reply(200)
    assert told(judged(wire, responses="183 PRACK BYE")) == ["expected PRACK, got BYE"]


def test_another_call_is_not_part_of_the_sequence() -> None:
    """Only messages with the Call-ID of the attempt count."""
    other = Wire(call_id="other").send("INVITE").receive(200).send("ACK").send("BYE").trace()
    wire = answered_call()
    for event in other.events:
        wire.add(event)
    assert [t.index for t in observe(wire.trace()).tokens if t.token == "BYE"] == [5]


def test_a_hangup_is_judged_by_its_own_answer() -> None:
    """The messages of the call before it are not its responses."""
    wire = Wire("BYE").send("INVITE").receive(200).send("ACK").send("BYE").receive(200)
    verdict = judged(wire, responses="200")
    assert (verdict.outcome, verdict.observed) == (Outcome.MET, "200")


def test_the_peers_words_are_made_harmless() -> None:
    """A reason phrase may hold control characters, and may be as long as a book."""
    verdict = judged(refused_call(603, "\x1b[31mred" + "x" * 900), responses="200")
    message = verdict.mismatches[0].message
    assert "\x1b" not in message
    assert len(message) < LONGEST_QUOTE + 50


def test_without_a_sequence_acks_and_byes_are_shown() -> None:
    """The default speaks of them."""
    seen = observe(challenged_call().trace())
    assert [t.token for t in shown_tokens(None, seen)] == ["100", "180", "200", "ACK", "BYE"]
    assert [t.token for t in shown_tokens(sequence("180 200"), seen)] == ["100", "180", "200"]


def test_what_another_row_saw_does_not_decide() -> None:
    """The same words and tokens are held against each other once; other tokens are others."""
    met, refused = answered_call(), refused_call(486)
    for _ in range(2):
        assert judged(met, responses="100? 180 200 ACK").outcome is Outcome.MET
        assert judged(refused, responses="100? 180 200 ACK").outcome is Outcome.NOT_MET
        assert judged(refused, responses="100? 486").outcome is Outcome.MET
