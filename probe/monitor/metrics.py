"""What /metrics and /probe export: names, help and labels in one table, values from the state file.

Labels are bounded: modules and targets by the configuration, scenarios and steps by the scenario
files, methods, failures and causes by our own vocabulary. What a peer wrote is never a label.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from probe import __version__
from probe.monitor.check import Check, Key
from probe.monitor.monitor import SKIPS, Monitor
from probe.monitor.result import OUTCOMES, Result, StepResult
from probe.monitor.store import StoredRun, StoreError

_CHECK = ("module", "target")
_STEP = ("scenario", "step", "method")

HELP: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "sipprobe_build_info": ("The version of sipprobe.", ("version",)),
    "sipprobe_ready": ("Whether runs are started.", ()),
    "sipprobe_config_last_reload_successful": (
        "Whether the configuration that was read last is in use.", (),
    ),
    "sipprobe_config_last_reload_success_timestamp_seconds": (
        "When the configuration in use was read.", (),
    ),
    "sipprobe_state_write_failures": ("Writes to the state file that failed.", ()),
    "sipprobe_state_readable": ("Whether the state file can be read.", ()),
    "sipprobe_calls_day_limit": ("Calls of all modules that a UTC day may have.", ()),
    "sipprobe_calls_day": ("Calls of all modules of this UTC day.", ()),
    "sipprobe_runs": ("Runs that came to an end, by outcome.", (*_CHECK, "outcome")),
    "sipprobe_runs_skipped": ("Runs that were not started, by reason.", (*_CHECK, "reason")),
    "sipprobe_run_in_progress": ("Whether a run is under way or waits for its turn.", _CHECK),
    "sipprobe_run_interval_seconds": ("Time from one scheduled run to the next.", _CHECK),
    "sipprobe_run_success": ("Whether everything was met in the last finished run.", _CHECK),
    "sipprobe_run_outcome": (
        "The outcome of the last finished run: 1 for the one that it is.", (*_CHECK, "outcome"),
    ),
    "sipprobe_run_duration_seconds": ("Duration of the last finished run.", _CHECK),
    "sipprobe_run_last_timestamp_seconds": ("When the last finished run ended.", _CHECK),
    "sipprobe_run_last_success_timestamp_seconds": (
        "When the last run ended in which everything was met.", _CHECK,
    ),
    "sipprobe_run_outcome_since_timestamp_seconds": (
        "Since when the outcome has been what it is.", _CHECK,
    ),
    "sipprobe_tls_certificate_expiry_timestamp_seconds": (
        "When the certificate of the trunk ends.", _CHECK,
    ),
    "sipprobe_step_success": (
        "Whether a step of the last finished run was met.", (*_CHECK, *_STEP),
    ),
    "sipprobe_step_response_code": (
        "Final response code that arrived; absent where none did.", (*_CHECK, *_STEP),
    ),
    "sipprobe_step_responses": (
        "Number of responses that arrived, provisional ones included.", (*_CHECK, *_STEP),
    ),
    "sipprobe_step_failure_info": (
        "What ended a step without a final response.", (*_CHECK, *_STEP, "failure"),
    ),
    "sipprobe_step_cause_info": (
        "Causes of a step that was not met (`sipprobe explain ID`).",
        (*_CHECK, *_STEP, "cause", "name"),
    ),
    "sipprobe_step_registration_delay_seconds": (
        "Registration request delay, RRD (RFC 6076 section 4.1).", (*_CHECK, *_STEP),
    ),
    "sipprobe_step_session_request_delay_seconds": (
        "Session request delay, SRD (RFC 6076 section 4.3).", (*_CHECK, *_STEP),
    ),
    "sipprobe_step_post_dial_delay_seconds": (
        "Time from the INVITE to ringing or early media.", (*_CHECK, *_STEP),
    ),
    "sipprobe_step_setup_seconds": ("Time from the INVITE to its 200.", (*_CHECK, *_STEP)),
    "sipprobe_step_duration_seconds": ("Duration of the whole step.", (*_CHECK, *_STEP)),
}  # fmt: skip
"""Help and labels of each metric; a counter gets ``_total`` behind its name when it is written."""

_COUNTERS = frozenset(
    {"sipprobe_runs", "sipprobe_runs_skipped", "sipprobe_state_write_failures"}
)
_DELAYS = {
    "rrd_s": "sipprobe_step_registration_delay_seconds",
    "srd_s": "sipprobe_step_session_request_delay_seconds",
    "pdd_s": "sipprobe_step_post_dial_delay_seconds",
    "setup_s": "sipprobe_step_setup_seconds",
    "total_s": "sipprobe_step_duration_seconds",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One value of one metric."""

    name: str
    "Its name in HELP."

    labels: tuple[str, ...]
    "Values of its labels."

    value: float
    "The value."


class MonitorCollector(Collector):
    """Reads a Monitor anew whenever somebody scrapes."""

    def __init__(self, monitor: Monitor) -> None:
        """Take the monitor."""
        self._monitor = monitor

    def collect(self) -> Iterable[Metric]:
        """Return every metric with its samples."""
        return families(samples(self._monitor))

    def describe(self) -> Iterable[Metric]:
        """Return nothing: names are checked when they are collected."""
        return ()


def families(found: Iterable[Sample], *, without: tuple[str, ...] = ()) -> Iterator[Metric]:
    """Yield metrics with their samples, each metric once; labels ``without`` are left out."""
    by_name: dict[str, list[Sample]] = {}
    for sample in found:
        by_name.setdefault(sample.name, []).append(sample)
    for name, (told, labels) in HELP.items():
        if name not in by_name:
            continue
        kept = [place for place, label in enumerate(labels) if label not in without]
        kind = CounterMetricFamily if name in _COUNTERS else GaugeMetricFamily
        family = kind(name, told, labels=[labels[place] for place in kept])
        for sample in by_name[name]:
            family.add_metric([sample.labels[place] for place in kept], sample.value)
        yield family


def samples(monitor: Monitor) -> Iterator[Sample]:
    """Yield everything that is known of a monitor; what was never measured is absent."""
    rules, reloads = monitor.rules, monitor.reloads
    yield _sample("sipprobe_build_info", (__version__,), 1)
    yield _sample("sipprobe_ready", (), monitor.ready)
    yield _sample("sipprobe_config_last_reload_successful", (), reloads.successful)
    yield _sample("sipprobe_config_last_reload_success_timestamp_seconds", (), reloads.at)
    yield _sample("sipprobe_state_write_failures", (), monitor.write_failures)
    yield _sample("sipprobe_calls_day_limit", (), rules.calls_per_day)
    active = set(monitor.active())
    for check in rules.checks:
        yield _sample("sipprobe_run_in_progress", check.key, check.key in active)
        if check.interval is not None:
            yield _sample("sipprobe_run_interval_seconds", check.key, check.interval)
    try:
        stored = list(_stored(monitor))
    except StoreError:
        yield _sample("sipprobe_state_readable", (), 0)
        return
    yield _sample("sipprobe_state_readable", (), 1)
    yield from stored


def _stored(monitor: Monitor) -> Iterator[Sample]:
    """Yield what the state file holds of the checks of the configuration; raise StoreError."""
    yield _sample("sipprobe_calls_day", (), monitor.calls_today())
    runs, skips = monitor.store.tallies("run"), monitor.store.tallies("skip")
    for check in monitor.rules.checks:
        for word in (*OUTCOMES, "interrupted", "broken"):
            yield _sample("sipprobe_runs", (*check.key, word), runs.get((*check.key, word), 0))
        for word in SKIPS:
            count = skips.get((*check.key, word), 0)
            yield _sample("sipprobe_runs_skipped", (*check.key, word), count)
        yield from _of_check(monitor, check)


def _of_check(monitor: Monitor, check: Check) -> Iterator[Sample]:
    last = monitor.store.last(check.key)
    if last is None:
        return
    met = last if last.outcome == "met" else monitor.store.last_met(check.key)
    if met is not None and met.ended is not None:
        yield _sample("sipprobe_run_last_success_timestamp_seconds", check.key, met.ended)
    since = monitor.store.same_since(check.key)
    if since is not None:
        yield _sample("sipprobe_run_outcome_since_timestamp_seconds", check.key, since)
    yield from _of_run(check.key, last)


def _of_run(key: Key, run: StoredRun) -> Iterator[Sample]:
    yield _sample("sipprobe_run_last_timestamp_seconds", key, run.ended or 0)
    if run.result is not None:
        yield from of_result(key, run.result)


def of_result(key: Key, result: Result) -> Iterator[Sample]:
    """Yield what a result comes to."""
    yield _sample("sipprobe_run_success", key, result.outcome == "met")
    for word in OUTCOMES:
        yield _sample("sipprobe_run_outcome", (*key, word), result.outcome == word)
    yield _sample("sipprobe_run_duration_seconds", key, result.duration_s)
    if result.certificate_ends is not None:
        name = "sipprobe_tls_certificate_expiry_timestamp_seconds"
        yield _sample(name, key, result.certificate_ends)
    for step in result.steps:
        yield from _of_step((*key, step.scenario, str(step.step), step.method), step)


def _of_step(labels: tuple[str, ...], step: StepResult) -> Iterator[Sample]:
    yield _sample("sipprobe_step_success", labels, step.outcome == "met")
    yield _sample("sipprobe_step_responses", labels, len(step.responses))
    if step.code is not None:
        yield _sample("sipprobe_step_response_code", labels, step.code)
    if step.failure is not None:
        yield _sample("sipprobe_step_failure_info", (*labels, step.failure), 1)
    for cause, name in step.causes:
        yield _sample("sipprobe_step_cause_info", (*labels, cause, name), 1)
    for name, seconds in step.times:
        yield _sample(_DELAYS[name], labels, seconds)


def _sample(name: str, labels: tuple[str, ...], value: float) -> Sample:
    return Sample(name=name, labels=labels, value=float(value))
