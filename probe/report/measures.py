"""What of a run can be measured, by the names that monitoring systems store it under.

The one place where these names stand: ``--format prometheus`` writes them, ``sipprobe serve``
offers them. They follow https://prometheus.io/docs/practices/naming/: base units, seconds, and a
unit at the end. A name that was published keeps its meaning; labels may be added, none is renamed.
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from probe.report.bounds import read_bound
from probe.report.model import Finding, RunReport
from probe.report.text import plain
from probe.trace.media import MediaReport

LONGEST = 200
"""Longer texts in a label are cut to so many characters."""

DELAYS = ("rrd", "srd", "pdd", "setup", "total")
"""Delays of an attempt, as a scenario file bounds them."""

_OF_A_STEP = ("scenario", "step")
_OF_A_STREAM = (*_OF_A_STEP, "stream")


class Measure(Struct, frozen=True, kw_only=True):
    """One thing that is measured; all of them are gauges, for a run is looked at anew each time."""

    name: str
    "As stored."

    about: str
    "What it is, in one sentence."

    labels: tuple[str, ...] = ()
    "Names of its labels, in order."


class Sample(Struct, frozen=True, kw_only=True):
    """A measured value."""

    measure: Measure
    "What was measured."

    labels: tuple[str, ...]
    "Values of its labels, in their order; without control characters."

    value: float
    "In the unit of the measure's name."


BUILD_INFO = Measure(
    name="sipprobe_build_info",
    about="Always 1; the labels say which versions made the run.",
    labels=("version", "pjsip", "python"),
)
RUN_STARTED = Measure(
    name="sipprobe_run_started_timestamp_seconds", about="When the run began, as Unix time."
)
RUN_DURATION = Measure(name="sipprobe_run_duration_seconds", about="Wall time of the run.")
RUN_COMPLETE = Measure(
    name="sipprobe_run_complete",
    about="1 where the run came to its end; 0 where it was interrupted or broke.",
)
RUN_STEPS = Measure(
    name="sipprobe_run_steps",
    about="Steps of the run by outcome: met, not_met, inconclusive. Flaky ones are met, too.",
    labels=("outcome",),
)
RUN_FLAKY = Measure(
    name="sipprobe_run_flaky_steps", about="Steps that were met only after a retry."
)
STEP_INFO = Measure(
    name="sipprobe_step_info",
    about="Always 1; the labels say what the step tries.",
    labels=(*_OF_A_STEP, "attempt", "method"),
)
STEP_OUTCOME = Measure(
    name="sipprobe_step_outcome",
    about=(
        "1 for the outcome of the step, 0 for the others. "
        "inconclusive: the fault was ours, so nothing is said about the trunk."
    ),
    labels=(*_OF_A_STEP, "outcome"),
)
STEP_TRIES = Measure(
    name="sipprobe_step_tries", about="How often the step was tried.", labels=_OF_A_STEP
)
STEP_STATUS = Measure(
    name="sipprobe_step_status_code",
    about="Status code of the final response that arrived; absent where none did.",
    labels=_OF_A_STEP,
)
STEP_FAILURE = Measure(
    name="sipprobe_step_failure",
    about="1 where no usable final response came; the label says why.",
    labels=(*_OF_A_STEP, "failure"),
)
STEP_CAUSE = Measure(
    name="sipprobe_step_cause",
    about="1 for each root cause that fits a step that was not met (sipprobe explain CAUSE).",
    labels=(*_OF_A_STEP, "cause", "likelihood"),
)
STEP_DELAY = Measure(
    name="sipprobe_step_delay_seconds",
    about=(
        "Delay that was measured: rrd and srd (RFC 6076), pdd (INVITE to the first 18x), "
        "setup (INVITE to its 200), total (the whole attempt)."
    ),
    labels=(*_OF_A_STEP, "delay"),
)
STEP_BOUND = Measure(
    name="sipprobe_step_bound_seconds",
    about="Bound of a delay in the scenario file: min, warn or max.",
    labels=(*_OF_A_STEP, "delay", "limit"),
)
MEDIA_RECEIVED = Measure(
    name="sipprobe_media_received_packets", about="RTP packets received.", labels=_OF_A_STREAM
)
MEDIA_LOST = Measure(
    name="sipprobe_media_lost_packets",
    about="RTP packets missing in the received sequence.",
    labels=_OF_A_STREAM,
)
MEDIA_JITTER = Measure(
    name="sipprobe_media_jitter_seconds",
    about="Mean interarrival jitter of the received stream (RFC 3550).",
    labels=_OF_A_STREAM,
)
MEDIA_SENT = Measure(
    name="sipprobe_media_sent_packets", about="RTP packets sent.", labels=_OF_A_STREAM
)
MEDIA_SENT_LOST = Measure(
    name="sipprobe_media_sent_lost_packets",
    about="Packets of ours that the peer's RTCP reported lost; absent without a report.",
    labels=_OF_A_STREAM,
)
MEDIA_ROUND_TRIP = Measure(
    name="sipprobe_media_round_trip_seconds",
    about="Mean round-trip time from RTCP; absent without a report.",
    labels=_OF_A_STREAM,
)

MEASURES = (
    *(BUILD_INFO, RUN_STARTED, RUN_DURATION, RUN_COMPLETE, RUN_STEPS, RUN_FLAKY),
    *(STEP_INFO, STEP_OUTCOME, STEP_TRIES, STEP_STATUS, STEP_FAILURE, STEP_CAUSE),
    *(STEP_DELAY, STEP_BOUND),
    *(MEDIA_RECEIVED, MEDIA_LOST, MEDIA_JITTER, MEDIA_SENT, MEDIA_SENT_LOST, MEDIA_ROUND_TRIP),
)
"""Every measure, in the order in which they are told."""

_OUTCOMES = ("met", "not_met", "inconclusive")


def of_run(report: RunReport) -> Iterator[Sample]:
    """Yield what is measured of a run as a whole."""
    versions = dict(report.versions)
    told = tuple(plain(versions.get(name, "")) for name in ("sipprobe", "pjsip", "python"))
    yield Sample(measure=BUILD_INFO, labels=told, value=1)
    yield Sample(measure=RUN_STARTED, labels=(), value=report.started_at.timestamp())
    yield Sample(measure=RUN_DURATION, labels=(), value=round(report.duration_s, 6))
    whole = report.complete and not report.interrupted
    yield Sample(measure=RUN_COMPLETE, labels=(), value=whole)
    counts = report.counts()
    for outcome in _OUTCOMES:
        yield Sample(measure=RUN_STEPS, labels=(outcome,), value=counts[outcome])
    yield Sample(measure=RUN_FLAKY, labels=(), value=counts["flaky"])


def of_step(finding: Finding) -> Iterator[Sample]:
    """Yield what is measured of one step; its last try decides."""
    step = (plain(finding.scenario, LONGEST), str(finding.attempt.step))
    last = finding.last
    label, method = plain(finding.attempt.label, LONGEST), plain(last.trace.method)
    yield Sample(measure=STEP_INFO, labels=(*step, label, method), value=1)
    came = last.verdict.outcome.value.lower()
    for outcome in _OUTCOMES:
        yield Sample(measure=STEP_OUTCOME, labels=(*step, outcome), value=outcome == came)
    yield Sample(measure=STEP_TRIES, labels=step, value=len(finding.tries))
    yield from _answer(finding, step)
    yield from _delays(finding, step)
    for number, stream in enumerate(last.trace.media, 1):
        yield from _stream(stream, (*step, str(number)))


def _answer(finding: Finding, step: tuple[str, ...]) -> Iterator[Sample]:
    """Yield what came back, and why nothing did."""
    trace, why = finding.last.trace, finding.last.explanation
    final, failed = trace.final(), trace.failure()
    if final is not None:
        yield Sample(measure=STEP_STATUS, labels=step, value=final.status)
    if failed is not None:
        yield Sample(measure=STEP_FAILURE, labels=(*step, failed.failure.value), value=1)
    for cause in why.causes if why is not None else ():
        told = (*step, cause.id, cause.likelihood.value)
        yield Sample(measure=STEP_CAUSE, labels=told, value=1)


def _delays(finding: Finding, step: tuple[str, ...]) -> Iterator[Sample]:
    """Yield every delay that was measured, and the limits that the file sets."""
    verdict = finding.last.verdict
    for name in DELAYS:
        seconds = getattr(verdict.timing, f"{name}_s")
        if seconds is not None:
            yield Sample(measure=STEP_DELAY, labels=(*step, name), value=round(seconds, 6))
    for measured in verdict.measured:
        bound = read_bound(measured.bound)
        if bound is None or bound.unit != "s" or measured.name not in DELAYS:
            continue
        for limit in ("min", "warn", "max"):
            value = getattr(bound, limit)
            if value is not None:
                told = (*step, measured.name, limit)
                yield Sample(measure=STEP_BOUND, labels=told, value=value)


def _stream(stream: MediaReport, labels: tuple[str, ...]) -> Iterator[Sample]:
    """Yield what was counted of a stream."""
    values: Iterable[tuple[Measure, float | None]] = (
        (MEDIA_RECEIVED, stream.rx_packets),
        (MEDIA_LOST, stream.rx_lost),
        (MEDIA_JITTER, round(stream.rx_jitter_s, 6)),
        (MEDIA_SENT, stream.tx_packets),
        (MEDIA_SENT_LOST, stream.tx_lost),
        (MEDIA_ROUND_TRIP, stream.rtt_s),
    )
    for measure, value in values:
        if value is not None:
            yield Sample(measure=measure, labels=labels, value=value)
