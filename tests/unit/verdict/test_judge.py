"""Where the fault is placed: met, not met, or not to be said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judging import STEP, judged, told
from wirebuilder import ANSWER, OFFER, Wire, answered_call, refused_call, register_ok

from probe.scenario.expectation import Bound
from probe.scenario.source import Source
from probe.trace.failure import OURS, Failure
from probe.verdict.observation import WORDS
from probe.verdict.verdict import Outcome

MAX_1S = Bound(max=1.0, text="max 1s")


def ringing() -> Wire:
    """Return a call that rings."""
    return Wire().send("INVITE", body=OFFER).receive(100).receive(180)


def given_up(*, final: int | None = 487) -> Wire:
    """Return a call that rang until our own deadline, and its CANCEL."""
    wire = ringing().fail(Failure.NO_FINAL_RESPONSE, at=60.0, deadline="answer_within 60 s")
    wire.send("CANCEL").receive(200)
    return wire.receive(final, to="INVITE").send("ACK") if final else wire


def test_a_verdict_shows_both_sequences_in_the_same_words() -> None:
    """Expected and observed can be read against each other."""
    verdict = judged(refused_call(503), responses="100? 180 200 ACK")
    assert (verdict.expected, verdict.observed) == ("100? 180 200 ACK", "100 503 ACK")
    assert (judged(refused_call(503)).expected) == "2xx ACK BYE"
    assert judged(register_ok()).expected == "2xx"


def test_a_503_made_up_by_the_stack_is_not_the_trunks() -> None:
    """No byte arrived, so no report says 503."""
    verdict = judged(
        Wire().fail(Failure.TCP_REFUSED, status=503, detail="Connection refused"),
        responses="100 180 200",
    )
    assert verdict.outcome is Outcome.NOT_MET
    assert told(verdict) == ["expected 100, got connection refused"]
    assert verdict.observed == "connection refused"


@pytest.mark.parametrize("failure", sorted(OURS, key=str))
def test_a_fault_of_ours_says_nothing_about_the_trunk(failure: Failure) -> None:
    """Nothing was decided when our own side failed: inconclusive, never a pass."""
    verdict = judged(Wire().send("INVITE", body=OFFER).fail(failure))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert told(verdict) == [f"expected 2xx, got {WORDS[failure]}"]


def test_every_failure_has_words() -> None:
    """No observed sequence shows a name from the code."""
    assert set(WORDS) == set(Failure)


def test_silence_is_told_with_its_deadline() -> None:
    """The reader learns which deadline ended the attempt."""
    verdict = judged(
        Wire().send("INVITE", body=OFFER).fail(Failure.NO_RESPONSE, deadline="timeout 10 s"),
        responses="180 200",
    )
    assert verdict.outcome is Outcome.NOT_MET
    (mismatch,) = verdict.mismatches
    assert mismatch.message == "expected 180, got no response (timeout 10 s)"
    assert mismatch.evidence == (0, 1)


def test_a_call_that_rang_until_our_deadline_is_not_a_487() -> None:
    """The 487 answers our CANCEL, so it is no answer of the trunk."""
    verdict = judged(given_up(), responses="180 200")
    assert told(verdict) == [
        "expected 200, got 100 180, then no final response (answer_within 60 s)"
    ]
    assert judged(given_up(), responses="180 487").outcome is Outcome.NOT_MET


def test_an_answer_after_our_deadline_is_too_late() -> None:
    """A 200 that crosses the CANCEL of a call given up does not save it, and is mentioned."""
    verdict = judged(given_up(final=200), responses="180 200")
    assert verdict.outcome is Outcome.NOT_MET
    assert any("answered after our CANCEL" in warning for warning in verdict.warnings)


def test_a_deadline_noted_after_its_cancel_counts_from_the_cancel() -> None:
    """An agent may write the failure down last."""
    wire = ringing().send("CANCEL").receive(200).receive(487, to="INVITE").send("ACK")
    verdict = judged(wire.fail(Failure.NO_FINAL_RESPONSE), responses="180 200")
    assert told(verdict) == ["expected 200, got 100 180, then no final response"]


def test_a_crash_before_the_answer_is_inconclusive() -> None:
    """What had not come yet is no evidence."""
    verdict = judged(ringing().fail(Failure.AGENT_CRASHED), responses="180 200")
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert told(verdict) == ["expected 200, got 100 180, then our own agent crashed"]


def test_a_crash_after_a_contradiction_is_not_met() -> None:
    """The trunk had decided already."""
    wire = Wire().send("INVITE", body=OFFER).receive(100).receive(486).fail(Failure.AGENT_CRASHED)
    for verdict in (judged(wire), judged(wire, responses="180 200")):
        assert verdict.outcome is Outcome.NOT_MET
        assert "after the final response: our own agent crashed" in verdict.warnings


@pytest.mark.parametrize(
    "failure", [Failure.AGENT_CRASHED, Failure.AGENT_HUNG, Failure.INTERRUPTED]
)
def test_a_call_that_our_side_broke_off_is_inconclusive(failure: Failure) -> None:
    """The sequence is complete, but nobody saw what the trunk did with the rest of the call."""
    wire = ringing().receive(200, body=ANSWER).send("ACK").fail(failure)
    verdict = judged(wire, responses="180 200 ACK")
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert len(verdict.mismatches) == 1


def test_a_bye_sent_after_the_crash_is_no_clean_end() -> None:
    """It ended what the dead worker had left behind; the call itself was not seen to its end."""
    wire = ringing().receive(200, body=ANSWER).send("ACK").fail(Failure.AGENT_CRASHED)
    wire.send("BYE").receive(200)
    assert judged(wire).outcome is Outcome.INCONCLUSIVE


def test_a_crash_after_the_answer_leaves_the_bye_unknown() -> None:
    """The default asks for a clean BYE, and nobody was there to send it."""
    wire = ringing().receive(200, body=ANSWER).send("ACK").fail(Failure.AGENT_CRASHED)
    verdict = judged(wire)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert told(verdict) == ["expected BYE, got 100 180 200 ACK, then our own agent crashed"]


def test_a_crash_after_the_bye_is_met() -> None:
    """The call was complete."""
    assert judged(answered_call().fail(Failure.AGENT_CRASHED)).outcome is Outcome.MET


def test_a_sequence_without_a_final_is_not_met_by_a_crash() -> None:
    """``180*`` would also have been met by a crash of ours alone."""
    verdict = judged(ringing().fail(Failure.AGENT_HUNG), responses="180*")
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert told(verdict) == ["expected 180*, got our own agent stopped answering"]


def test_a_bound_broken_before_a_crash_is_not_met() -> None:
    """What was measured stays measured."""
    wire = Wire().send("INVITE").receive(180, at=3.0).fail(Failure.AGENT_CRASHED)
    verdict = judged(wire, timing={"pdd": MAX_1S})
    assert verdict.outcome is Outcome.NOT_MET
    assert [m.path for m in verdict.mismatches] == ["expect.timing.pdd"]


def test_an_answer_that_we_cannot_use_is_not_met() -> None:
    """The sequence matched, and still nobody could talk."""
    wire = ringing().receive(200, body=ANSWER).send("ACK").send("BYE").receive(200)
    wire.fail(Failure.UNUSABLE_ANSWER, status=488)
    verdict = judged(wire, responses="180 200 ACK")
    assert verdict.outcome is Outcome.NOT_MET
    (mismatch,) = verdict.mismatches
    assert (mismatch.path, mismatch.evidence, mismatch.source) == ("answer", (3, 7), STEP)
    assert mismatch.message == "answered, but our side could not use the answer"
    assert not verdict.warnings


def test_an_unusable_answer_without_an_answer_is_told_by_what_there_is() -> None:
    """The trace may lack the 2xx itself; the failure stays."""
    verdict = judged(ringing().fail(Failure.UNUSABLE_ANSWER), responses="180")
    assert [(m.path, m.evidence) for m in verdict.mismatches] == [("answer", (2, 3))]


def test_an_expected_failure_is_met() -> None:
    """A negative test asks for exactly this."""
    silent = Wire().send("INVITE").fail(Failure.NO_RESPONSE)
    verdict = judged(silent, failure="NO_RESPONSE")
    assert (verdict.outcome, verdict.warnings) == (Outcome.MET, ())
    assert (verdict.expected, verdict.observed) == ("NO_RESPONSE", "no response")
    assert judged(given_up(), failure="NO_FINAL_RESPONSE").outcome is Outcome.MET
    assert judged(given_up(), failure="NO_FINAL_RESPONSE", responses="180").outcome is Outcome.MET


def test_an_expected_failure_of_ours_is_met() -> None:
    """A test may want to see that there is no route."""
    verdict = judged(Wire().fail(Failure.NO_ROUTE), failure="NO_ROUTE", challenge="absent")
    assert verdict.outcome is Outcome.MET


def test_an_unusable_answer_can_be_expected() -> None:
    """Its 2xx is part of it."""
    wire = ringing().receive(200).send("ACK").fail(Failure.UNUSABLE_ANSWER)
    assert judged(wire, failure="UNUSABLE_ANSWER").outcome is Outcome.MET


@pytest.mark.parametrize(
    ("wire", "observed", "outcome"),
    [
        (refused_call(503), "503 Service Unavailable", Outcome.NOT_MET),
        (Wire().send("INVITE").fail(Failure.PORT_UNREACHABLE), "PORT_UNREACHABLE", Outcome.NOT_MET),
        (Wire().send("INVITE"), "no failure", Outcome.NOT_MET),
        (Wire().send("INVITE").fail(Failure.NO_ROUTE), "NO_ROUTE", Outcome.INCONCLUSIVE),
        (
            refused_call(503).fail(Failure.NO_RESPONSE),
            "503 Service Unavailable",
            Outcome.NOT_MET,
        ),
    ],
)
def test_another_end_than_the_expected_failure(wire: Wire, observed: str, outcome: Outcome) -> None:
    """A response, another failure or none at all is not what was asked for."""
    place = Source(file="call.sip.yaml", line=9, column=16)
    verdict = judged(wire, failure="NO_RESPONSE", sources={"failure": place})
    assert verdict.outcome is outcome
    (mismatch,) = verdict.mismatches
    assert (mismatch.path, mismatch.observed, mismatch.source) == (
        "expect.failure",
        observed,
        place,
    )


def test_a_failure_after_the_final_response_is_a_warning() -> None:
    """A connection that closes after the call took nothing away."""
    verdict = judged(answered_call().fail(Failure.CONNECTION_LOST))
    assert verdict.outcome is Outcome.MET
    assert verdict.warnings == ("after the final response: connection lost",)


def test_silence_after_a_challenge_shows_the_challenge() -> None:
    """The peer was there and asked; then it said nothing."""
    wire = Wire("REGISTER").send("REGISTER").receive(401).send("REGISTER", auth=True)
    assert told(judged(wire)) == ["expected 2xx, got 401, then nothing more"]


def test_a_step_that_only_waits_is_met() -> None:
    """Nothing was asked of the peer."""
    assert judged(Wire("", attempt="wait 5s")).outcome is Outcome.MET


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        (Failure.SCENARIO_DEADLINE, Outcome.NOT_MET),
        (Failure.NOT_ATTEMPTED, Outcome.INCONCLUSIVE),
    ],
)
def test_a_step_that_only_waits_can_be_cut_short(failure: Failure, outcome: Outcome) -> None:
    """A talk that the scenario's timeout ended did not last as long as it should."""
    assert judged(Wire("", attempt="talk 5s").fail(failure, method="")).outcome is outcome


def test_judging_is_repeatable() -> None:
    """The same trace gives the same verdict: a stored run can be judged again."""
    wire = refused_call(503)
    assert judged(wire, responses="180 200") == judged(wire, responses="180 200")


def test_all_that_is_wrong_is_told_at_once() -> None:
    """One run shows every mismatch, in the order of the checks."""
    verdict = judged(
        answered_call(),
        responses="183 200",
        timing={"pdd": Bound(max=0.1, text="max 100ms")},
        headers={"Server": "present"},
        request_headers={"Contact": "absent"},
        sdp={"codec": "PCMA"},
        challenge="required",
    )
    assert [m.path for m in verdict.mismatches] == [
        "expect.responses",
        "expect.timing.pdd",
        "expect.headers.Server",
        "expect.request_headers.Contact",
        "expect.sdp.codec",
        "expect.challenge",
    ]


LINES = st.sampled_from(
    [
        *("INVITE sip:a SIP/2.0", "BYE sip:a SIP/2.0", "CANCEL sip:a SIP/2.0", "ACK sip:a SIP/2.0"),
        *("SIP/2.0 100 Trying", "SIP/2.0 180 R", "SIP/2.0 200 OK", "SIP/2.0 407 No", "SIP/2.0 487"),
        *("SIP/2.0 503 \x1b[1m", "SIP/2.0 000 Nothing", "rubbish", ""),
    ]
)
FIELDS = st.lists(
    st.sampled_from(
        [
            *("Call-ID: c", "Call-ID: d", "CSeq: 1 INVITE", "CSeq: 2 INVITE", "CSeq: 1 BYE"),
            *(
                "CSeq: 1 CANCEL",
                "Via: x;branch=1",
                "Via: x;branch=2",
                "To: a;tag=1",
                "From: a;tag=2",
            ),
            *("Authorization: Digest x", "Proxy-Authenticate: Basic", "c: application/sdp"),
        ]
    ),
    max_size=6,
)
EVENTS = st.one_of(
    st.tuples(LINES, FIELDS, st.booleans()),
    st.sampled_from([f for f in Failure if f is not Failure.UNUSABLE_ANSWER]),
)


@given(st.lists(EVENTS, max_size=12), st.booleans())
def test_no_trace_makes_the_judge_raise(
    story: list[tuple[str, list[str], bool] | Failure], our_cancel: bool
) -> None:
    """A hostile or broken peer gets a verdict like any other, and never a pass without a final."""
    wire = Wire(our_cancel=our_cancel)
    for event in story:
        if isinstance(event, Failure):
            wire.fail(event)
        else:
            start, fields, sent = event
            wire.raw("\r\n".join([start, *fields, "", "m=audio"]), sent=sent)
    verdict = judged(
        wire,
        responses="100 180 200 ACK",
        timing={"setup": MAX_1S},
        headers={"To": "present"},
        request_headers={"To": "present"},
        challenge="required",
    )
    assert verdict.outcome is not Outcome.MET or wire.trace().final() is not None
    assert (verdict.outcome is Outcome.MET) == (not verdict.mismatches)
    plain = judged(wire)
    assert plain.outcome is not Outcome.MET or wire.trace().final() is not None


def test_the_ack_of_an_answered_challenge_is_not_shown() -> None:
    """Where the sequence names ACK and no challenge, only the ACK of the final response counts."""
    wire = Wire().send("INVITE", body=OFFER).receive(407).send("ACK")
    wire.send("INVITE", body=OFFER, auth=True).receive(100).receive(503).send("ACK")
    assert judged(wire, responses="180 200 ACK").observed == "100 503 ACK"
    assert judged(wire, responses="407 ACK 503 ACK").observed == "407 ACK 100 503 ACK"
