"""What monitoring systems store of a run."""

import re

import pytest
from msgspec.structs import replace
from reportbuilder import finding, report, timing, verdict
from wirebuilder import Wire, answered_call, refused_call

from probe.diagnosis.explanation import Cause, Certainty, Explanation
from probe.report.bounds import read_bound
from probe.report.measures import MEASURES, Sample, of_run, of_step
from probe.trace.failure import Failure
from probe.trace.media import MediaReport
from probe.verdict.verdict import Measured, Outcome

WHY = Explanation(
    certainty=Certainty.LIKELY,
    causes=(
        Cause(
            id="F128", name="Channel limit", likelihood=Certainty.LIKELY, because="Retry-After: 30"
        ),
    ),
    summary="The trunk had no circuit.",
    observed=(),
    inferred=(),
    evidence=(),
    unknown=(),
    next_steps=(),
    reference=None,
)


def told(samples: object) -> dict[tuple[str, ...], float]:
    """Return values by name and labels."""
    assert samples is not None
    every = list(samples)  # type: ignore[call-overload]
    assert all(isinstance(one, Sample) for one in every)
    assert all(len(one.labels) == len(one.measure.labels) for one in every)
    found = {(one.measure.name, *one.labels): float(one.value) for one in every}
    assert len(found) == len(every), "two samples of one series"
    return found


def test_names_say_their_unit_and_no_name_stands_twice() -> None:
    """Names and labels are those that Prometheus takes."""
    names = [measure.name for measure in MEASURES]
    assert len(set(names)) == len(names)
    for measure in MEASURES:
        assert re.fullmatch(r"sipprobe_[a-z_]+[a-z]", measure.name)
        assert all(re.fullmatch(r"[a-z]+", label) for label in measure.labels)
        assert measure.about.endswith(".")


def test_a_refused_call_gives_outcome_code_cause_delay_and_bound() -> None:
    """What an alert asks for: not met, by which code, for which reason."""
    judged = verdict(
        Outcome.NOT_MET,
        delays=timing(pdd_s=1.25),
        measured=(
            Measured(name="pdd", value_s=1.25, bound="max 2s, warn 1s", state="warn"),
            Measured(name="setup", value_s=None, bound="3s..8s", state="none"),
        ),
    )
    step = ("trunk-check", "2")
    assert told(of_step(finding(refused_call(503).trace(), judged, WHY))) == {
        ("sipprobe_step_info", *step, "call +12025550123", "INVITE"): 1,
        ("sipprobe_step_outcome", *step, "met"): 0,
        ("sipprobe_step_outcome", *step, "not_met"): 1,
        ("sipprobe_step_outcome", *step, "inconclusive"): 0,
        ("sipprobe_step_tries", *step): 1,
        ("sipprobe_step_status_code", *step): 503,
        ("sipprobe_step_cause", *step, "F128", "likely"): 1,
        ("sipprobe_step_delay_seconds", *step, "pdd"): 1.25,
        ("sipprobe_step_delay_seconds", *step, "total"): 1.0,
        ("sipprobe_step_bound_seconds", *step, "pdd", "warn"): 1,
        ("sipprobe_step_bound_seconds", *step, "pdd", "max"): 2,
        ("sipprobe_step_bound_seconds", *step, "setup", "min"): 3,
        ("sipprobe_step_bound_seconds", *step, "setup", "max"): 8,
    }


def test_silence_has_no_code() -> None:
    """Nobody sent one, so there is none; the failure is named."""
    trace = Wire().send("INVITE").fail(Failure.NO_RESPONSE).trace()
    found = told(of_step(finding(trace, verdict(Outcome.NOT_MET))))
    assert ("sipprobe_step_failure", "trunk-check", "2", "NO_RESPONSE") in found
    assert not any("status_code" in key[0] for key in found)


def test_streams_are_counted_and_what_no_report_said_is_absent() -> None:
    """Without RTCP of the peer there is no loss of ours, not a loss of none."""
    stream = MediaReport(
        call_id="a", codec="PCMU", rx_packets=100, rx_lost=2, rx_reordered=0, rx_duplicates=0,
        rx_jitter_s=0.0041, tx_packets=99, tx_lost=None, rtt_s=None,
    )  # fmt: skip
    trace = replace(answered_call().trace(), media=(stream,))
    found = told(of_step(finding(trace)))
    one = ("trunk-check", "2", "1")
    assert {key: value for key, value in found.items() if "media" in key[0]} == {
        ("sipprobe_media_received_packets", *one): 100,
        ("sipprobe_media_lost_packets", *one): 2,
        ("sipprobe_media_jitter_seconds", *one): 0.0041,
        ("sipprobe_media_sent_packets", *one): 99,
    }


def test_a_run_counts_its_steps_and_says_whether_it_came_to_its_end() -> None:
    """An interrupted run is not complete, whatever it found."""
    whole = report(
        finding(answered_call().trace()),
        finding(refused_call(403).trace(), verdict(Outcome.NOT_MET)),
    )
    found = told(of_run(whole))
    assert found["sipprobe_run_steps", "met"] == 1
    assert found["sipprobe_run_steps", "not_met"] == 1
    assert found["sipprobe_run_steps", "inconclusive"] == 0
    assert found[("sipprobe_run_complete",)] == 1
    assert found["sipprobe_build_info", "0.1.0", "2.15.1", ""] == 1
    assert told(of_run(replace(whole, interrupted=True)))[("sipprobe_run_complete",)] == 0


@pytest.mark.parametrize(
    ("written", "limits"),
    [
        ("max 4s", (None, None, 4)),
        ("max 4s, warn 2s", (None, 2, 4)),
        ("min 500ms", (0.5, None, None)),
        ("8s..16s", (8, None, 16)),
    ],
)
def test_a_bound_is_read_as_a_verdict_writes_it(
    written: str, limits: tuple[float | None, ...]
) -> None:
    """A stored report has the words of the file only."""
    bound = read_bound(written)
    assert bound is not None
    assert (bound.min, bound.warn, bound.max) == limits


@pytest.mark.parametrize("written", ["", "soon", "max", "max 4s, then 2s", ", ,"])
def test_a_bound_that_cannot_be_read_is_none(written: str) -> None:
    """Another version may write bounds in another way."""
    assert read_bound(written) is None
