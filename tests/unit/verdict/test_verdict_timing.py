"""Delays in the terms of RFC 6076, and their bounds."""

import pytest
from judging import STEP, judged, told
from wirebuilder import Wire, answered_call, refused_call

from probe.scenario.expectation import Bound
from probe.scenario.source import Source
from probe.trace.failure import Failure
from probe.trace.trace import Stalled
from probe.verdict.verdict import Measured, Outcome

MAX_1S = Bound(max=1.0, text="max 1s")


def test_a_registration_is_measured_through_its_challenge() -> None:
    """RFC 6076 §4.1: first REGISTER to the 200, the challenge included."""
    wire = Wire("REGISTER").send("REGISTER").receive(401, at=0.4)
    wire.send("REGISTER", auth=True).receive(200, at=0.9)
    assert judged(wire).timing.rrd_s == pytest.approx(0.9)
    assert judged(wire).timing.setup_s is None


def test_a_refused_registration_has_no_delay() -> None:
    """RFC 6076 §4.1 measures successful registrations only."""
    assert judged(Wire("REGISTER").send("REGISTER").receive(403)).timing.rrd_s is None


def test_an_authenticated_call_is_measured_from_its_first_invite() -> None:
    """The caller waits through the challenge as well."""
    wire = Wire().send("INVITE").receive(407, at=0.3).send("ACK").send("INVITE", auth=True)
    wire.receive(100, at=0.4).receive(183, at=1.0).receive(180, at=1.5).receive(200, at=6.0)
    timing = judged(wire.send("ACK")).timing
    assert (timing.srd_s, timing.pdd_s, timing.setup_s) == (1.0, 1.0, 6.0)
    assert timing.rrd_s is None
    assert timing.total_s == pytest.approx(6.01)


def test_the_delay_counts_from_the_first_copy() -> None:
    """A retransmission does not set the clock back."""
    wire = Wire().send("INVITE", at=1.0).resend(at=1.5).receive(180, at=2.0)
    assert judged(wire).timing.pdd_s == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("status", "srd"), [(199, 0.2), (200, 0.2), (503, 0.2), (401, None), (402, None), (407, None)]
)
def test_a_session_request_ends_with_a_status(status: int, srd: float | None) -> None:
    """RFC 6076 §4.3: a provisional above 100, a 2xx or a failure, but not 401, 402 or 407."""
    assert judged(Wire().send("INVITE").receive(100).receive(status, at=0.2)).timing.srd_s == srd


def test_a_bound_that_held_is_listed() -> None:
    """Good values are worth a curve too."""
    verdict = judged(answered_call(), timing={"pdd": MAX_1S})
    assert verdict.outcome is Outcome.MET
    assert verdict.measured == (Measured(name="pdd", value_s=0.5, bound="max 1s", state="ok"),)


def test_a_bound_that_barely_held_is_a_warning() -> None:
    """The warn value is met with a remark."""
    bound = Bound(max=4.0, warn=0.4, text="max 4s, warn 400ms")
    verdict = judged(answered_call(), timing={"pdd": bound})
    assert verdict.outcome is Outcome.MET
    assert verdict.measured[0].state == "warn"
    assert verdict.warnings == ("pdd was 0.500 s: within max 4s, warn 400ms, but barely",)


def test_a_bound_that_was_broken_points_at_itself() -> None:
    """The request and the response that ended the delay are the evidence."""
    place = Source(file="call.sip.yaml", line=9, column=17)
    bound = Bound(max=1.0, text="max 1s", source=place)
    (mismatch,) = judged(answered_call(), timing={"setup": bound}).mismatches
    assert mismatch.message == "expected setup max 1s, got 1.500 s"
    assert (mismatch.source, mismatch.evidence) == (place, (0, 3))
    assert mismatch.path == "expect.timing.setup"


def test_the_total_has_no_message_at_its_end() -> None:
    """From the beginning of the attempt to its end, whatever came."""
    (mismatch,) = judged(answered_call(), timing={"total": MAX_1S}).mismatches
    assert mismatch.message == "expected total max 1s, got 3.510 s"
    assert (mismatch.source, mismatch.evidence) == (STEP, (0,))


def test_a_call_that_never_rang_breaks_its_pdd() -> None:
    """The call was met otherwise, so the missing 18x is the mismatch."""
    wire = Wire().send("INVITE").receive(200).send("ACK").send("BYE").receive(200)
    verdict = judged(wire, timing={"pdd": MAX_1S})
    assert told(verdict) == ["expected pdd max 1s, got no 18x"]
    assert verdict.measured == (Measured(name="pdd", value_s=None, bound="max 1s", state="fail"),)


def test_a_delay_is_no_second_mismatch_of_a_refused_call() -> None:
    """The 503 already says why there was no setup."""
    verdict = judged(refused_call(503), responses="180 200", timing={"setup": MAX_1S})
    assert [m.path for m in verdict.mismatches] == ["expect.responses"]
    assert verdict.measured == (Measured(name="setup", value_s=None, bound="max 1s", state="none"),)


def test_a_delay_is_not_asked_of_an_expected_failure() -> None:
    """A negative test that bounds the total need not ring."""
    wire = Wire().send("INVITE").fail(Failure.NO_RESPONSE, at=10.0)
    verdict = judged(wire, failure="NO_RESPONSE", timing={"pdd": MAX_1S})
    assert verdict.outcome is Outcome.MET
    assert verdict.measured[0].state == "none"


STOOD_STILL = Stalled(at=0.45, seconds=0.3, starved=0.29)
MAX_300MS = Bound(max=0.3, text="max 300 ms")


def test_a_delay_in_which_we_stood_still_is_left_open() -> None:
    """It came over a connection, and nobody knows since when it was there."""
    wire = Wire(transport="TCP").send("INVITE").add(STOOD_STILL).receive(180, at=0.5)
    wire.receive(200).send("ACK").send("BYE").receive(200)
    verdict = judged(wire, timing={"pdd": MAX_300MS})
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert told(verdict) == [
        "expected pdd max 300 ms, got 0.500 s, but our own process stood still for 0.300 s of it"
    ]
    assert verdict.measured[0].state == "none"


def test_a_delay_that_is_too_long_without_our_part_is_theirs() -> None:
    """0.5 s of it are not ours."""
    wire = Wire(transport="TCP").send("INVITE").add(STOOD_STILL).receive(180, at=0.8)
    wire.receive(200).send("ACK").send("BYE").receive(200)
    verdict = judged(wire, timing={"pdd": MAX_300MS})
    assert verdict.outcome is Outcome.NOT_MET
    assert told(verdict) == ["expected pdd max 300 ms, got 0.800 s"]


def test_the_kernel_knows_when_a_datagram_came() -> None:
    """Another machine did not stand still with us, so the delay is theirs."""
    wire = Wire().send("INVITE").add(STOOD_STILL).receive(180, at=0.5)
    wire.receive(200).send("ACK").send("BYE").receive(200)
    assert judged(wire, timing={"pdd": MAX_300MS}).outcome is Outcome.NOT_MET


def test_the_total_counts_our_own_time_too() -> None:
    """It ends when we end, whoever the far end is."""
    wire = Wire().send("INVITE").receive(180).add(STOOD_STILL).receive(200, at=0.5)
    wire.send("ACK").send("BYE").receive(200)
    assert judged(wire, timing={"total": MAX_300MS}).outcome is Outcome.INCONCLUSIVE


def test_a_bound_that_held_all_the_same_is_met() -> None:
    """With our part in it the delay was short enough."""
    wire = Wire(transport="TCP").send("INVITE").add(STOOD_STILL).receive(180, at=0.5)
    wire.receive(200).send("ACK").send("BYE").receive(200)
    assert judged(wire, timing={"pdd": MAX_1S}).outcome is Outcome.MET
