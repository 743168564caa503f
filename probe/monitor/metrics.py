"""What /metrics and /probe export: what is measured of runs, and what is known of serving them.

Measures of a run have the names of ``probe/report/measures.py``; here they get the labels module
and target. Labels are bounded: modules and targets by the configuration, steps by the scenario
files, failures and causes by our own vocabulary. What a peer wrote is never a label.
"""

import platform
from collections.abc import Generator, Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from probe import __version__
from probe.monitor.check import Check, Key
from probe.monitor.monitor import SKIPS, Monitor
from probe.monitor.result import OUTCOMES, Measured, Result
from probe.monitor.store import StoreError
from probe.report.measures import BUILD_INFO, MEASURES, Measure, Sample

CHECK = ("module", "target")
"""Labels that say whose run it was."""

READY = Measure(name="sipprobe_ready", about="Whether runs are started.")
RELOADED = Measure(
    name="sipprobe_config_last_reload_successful",
    about="Whether the configuration that was read last is in use.",
)
RELOADED_AT = Measure(
    name="sipprobe_config_last_reload_success_timestamp_seconds",
    about="When the configuration in use was read.",
)
STATE_READABLE = Measure(
    name="sipprobe_state_readable", about="Whether the state file can be read."
)
WRITE_FAILURES = Measure(
    name="sipprobe_state_write_failures", about="Writes to the state file that failed."
)
LEFTOVERS = Measure(
    name="sipprobe_leftovers_unconfirmed",
    about="Whether an earlier process left something up whose end is not certain.",
)
CALLS_TODAY = Measure(name="sipprobe_day_calls", about="Calls of all modules in this UTC day.")
CALLS_LIMIT = Measure(
    name="sipprobe_day_calls_limit", about="Calls of all modules that a UTC day may have."
)
RUNS = Measure(
    name="sipprobe_runs",
    about="Runs that came to an end, by outcome; interrupted and broken ones have none.",
    labels=(*CHECK, "outcome"),
)
SKIPPED = Measure(
    name="sipprobe_runs_skipped",
    about="Runs that were not started, by reason.",
    labels=(*CHECK, "reason"),
)
IN_PROGRESS = Measure(
    name="sipprobe_run_in_progress",
    about="Whether a run is under way or waits for its turn.",
    labels=CHECK,
)
INTERVAL = Measure(
    name="sipprobe_run_interval_seconds",
    about="Time from one scheduled run to the next.",
    labels=CHECK,
)
SUCCESS = Measure(
    name="sipprobe_run_success",
    about="Whether everything was met in the last finished run.",
    labels=CHECK,
)
OUTCOME = Measure(
    name="sipprobe_run_outcome",
    about="1 for the outcome of the last finished run, 0 for the others.",
    labels=(*CHECK, "outcome"),
)
ENDED = Measure(
    name="sipprobe_run_last_timestamp_seconds",
    about="When the last finished run ended.",
    labels=CHECK,
)
MET_AT = Measure(
    name="sipprobe_run_last_success_timestamp_seconds",
    about="When the last run ended in which everything was met.",
    labels=CHECK,
)
SINCE = Measure(
    name="sipprobe_run_outcome_since_timestamp_seconds",
    about="Since when the outcome has been what it is.",
    labels=CHECK,
)
CERTIFICATE = Measure(
    name="sipprobe_tls_certificate_expiry_timestamp_seconds",
    about="When the certificate ends that the trunk shows.",
    labels=CHECK,
)

COUNTERS = (RUNS, SKIPPED, WRITE_FAILURES)
"""Measures that only grow; they get ``_total`` behind their names when they are written."""

OURS = (
    *(BUILD_INFO, READY, RELOADED, RELOADED_AT, STATE_READABLE, WRITE_FAILURES, LEFTOVERS),
    *(CALLS_TODAY, CALLS_LIMIT, RUNS, SKIPPED, IN_PROGRESS, INTERVAL),
    *(SUCCESS, OUTCOME, ENDED, MET_AT, SINCE, CERTIFICATE),
)
"""What is known of serving, in the order in which it is told."""

_OF_RUNS = {measure.name: measure for measure in MEASURES if measure != BUILD_INFO}


def exported() -> frozenset[str]:
    """Return the names of all series that /metrics can have, as they are scraped."""
    counters = {measure.name for measure in COUNTERS}
    names = {measure.name for measure in (*OURS, *_OF_RUNS.values())}
    return frozenset(f"{name}_total" if name in counters else name for name in names)


class MonitorCollector:
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


class ResultCollector:
    """What one run came to, for whoever asked for it: module and target are his own words."""

    def __init__(self, result: Result | None, took_s: float) -> None:
        """Take the result, None where there was no time for one, and the seconds that it took."""
        self._result = result
        self._took_s = took_s

    def collect(self) -> Iterator[Metric]:
        """Yield what blackbox_exporter tells of each probe, then what was measured."""
        result = self._result
        met = result is not None and result.outcome == "met" and not result.interrupted
        yield _gauge("probe_success", "Whether everything was met.", met)
        yield _gauge("probe_duration_seconds", "How long the probe took.", self._took_s)
        if result is not None and result.certificate_ends is not None:
            told = "When the certificate ends that the trunk shows, as Unix time."
            yield _gauge("probe_ssl_earliest_cert_expiry", told, result.certificate_ends)
        if result is not None:
            found = (*of_result(("", ""), result), *of_measured(("", ""), result.measured))
            yield from families(found, without=CHECK)

    def describe(self) -> Iterable[Metric]:
        """Return nothing, as above."""
        return ()


def families(found: Iterable[Sample], *, without: tuple[str, ...] = ()) -> Iterator[Metric]:
    """Yield samples by measure; of two of one series the later one; ``without`` some labels."""
    series: dict[Measure, dict[tuple[str, ...], float]] = {}
    for sample in found:
        series.setdefault(sample.measure, {})[sample.labels] = float(sample.value)
    for measure, values in series.items():
        kept = [place for place, label in enumerate(measure.labels) if label not in without]
        kind = CounterMetricFamily if measure in COUNTERS else GaugeMetricFamily
        family = kind(measure.name, measure.about, labels=[measure.labels[n] for n in kept])
        for labels, value in values.items():
            family.add_metric([labels[n] for n in kept], value)
        yield family


def samples(monitor: Monitor) -> Iterator[Sample]:
    """Yield everything that is known of a monitor; what was never measured is absent."""
    rules, reloads = monitor.rules, monitor.reloads
    yield _told(READY, (), monitor.ready)
    yield _told(RELOADED, (), reloads.successful)
    yield _told(RELOADED_AT, (), reloads.at)
    yield _told(WRITE_FAILURES, (), monitor.write_failures)
    yield _told(LEFTOVERS, (), monitor.leftovers)
    yield _told(CALLS_LIMIT, (), rules.calls_per_day)
    active = set(monitor.active())
    for check in rules.checks:
        yield _told(IN_PROGRESS, check.key, check.key in active)
        if check.interval is not None:
            yield _told(INTERVAL, check.key, check.interval)
    try:
        stored = list(_stored(monitor))
    except StoreError:
        yield _told(STATE_READABLE, (), 0)
        return
    yield _told(STATE_READABLE, (), 1)
    yield from stored


def _stored(monitor: Monitor) -> Iterator[Sample]:
    """Yield what the state file holds of the checks of the configuration; raise StoreError."""
    yield _told(CALLS_TODAY, (), monitor.calls_today())
    runs, skips = monitor.store.tallies("run"), monitor.store.tallies("skip")
    engine = ""
    for check in monitor.rules.checks:
        for word in (*OUTCOMES, "interrupted", "broken"):
            yield _told(RUNS, (*check.key, word), runs.get((*check.key, word), 0))
        for word in SKIPS:
            yield _told(SKIPPED, (*check.key, word), skips.get((*check.key, word), 0))
        last = yield from _of_check(monitor, check)
        if last is not None:
            engine = engine or last.engine
    yield _told(BUILD_INFO, (__version__, engine, platform.python_version()), 1)


def _of_check(monitor: Monitor, check: Check) -> Generator[Sample, None, Result | None]:
    last = monitor.store.last(check.key)
    if last is None or last.ended is None:
        return None
    yield _told(ENDED, check.key, last.ended)
    met = last if last.outcome == "met" else monitor.store.last_met(check.key)
    if met is not None and met.ended is not None:
        yield _told(MET_AT, check.key, met.ended)
    since = monitor.store.same_since(check.key)
    if since is not None:
        yield _told(SINCE, check.key, since)
    result = last.result
    if result is not None:
        yield from of_result(check.key, result)
        yield from of_measured(check.key, result.measured)
    return result


def of_result(key: Key, result: Result) -> Iterator[Sample]:
    """Yield what a run came to as a whole."""
    yield _told(SUCCESS, key, result.outcome == "met")
    for word in OUTCOMES:
        yield _told(OUTCOME, (*key, word), result.outcome == word)
    if result.certificate_ends is not None:
        yield _told(CERTIFICATE, key, result.certificate_ends)


def of_measured(key: Key, measured: Iterable[Measured]) -> Iterator[Sample]:
    """Yield what was measured of a run, with whose it was; what an older version stored goes."""
    for name, labels, value in measured:
        measure = _OF_RUNS.get(name)
        if measure is not None and len(measure.labels) == len(labels):
            whose = Measure(name=name, about=measure.about, labels=(*CHECK, *measure.labels))
            yield Sample(measure=whose, labels=(*key, *labels), value=value)


def _told(measure: Measure, labels: tuple[str, ...], value: float) -> Sample:
    return Sample(measure=measure, labels=labels, value=value)


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(name, about, value=float(value))
