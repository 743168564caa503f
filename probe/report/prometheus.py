"""The report for Prometheus, as the node exporter's textfile collector reads it.

This is the text format of https://prometheus.io/docs/instrumenting/exposition_formats/. A file is
read whole every few seconds and every label value makes a series, so the number of steps is
bounded. Names and meanings stand in ``probe/report/measures.py``.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from probe.report.measures import MEASURES, Measure, Sample, of_run, of_step
from probe.report.model import RunReport

MOST = 2000
"""Steps that are told: some forty thousand series."""

_LEFT_OUT = Measure(
    name="sipprobe_run_steps_left_out",
    about=f"Steps of the run beyond the {MOST} that this file tells.",
)


def written_prometheus(report: RunReport) -> Iterator[str]:
    """Yield the text of a report; where a step stands in it twice, the later one counts."""
    samples = [*of_run(report)]
    for finding in islice(iter(report.findings), MOST):
        samples += of_step(finding)
    more = max(0, len(report.findings) - MOST)
    samples.append(Sample(measure=_LEFT_OUT, labels=(), value=more))
    yield exposition(samples)


def exposition(samples: Iterable[Sample]) -> str:
    """Return samples as text; of two of one series, which no reader takes, the later one."""
    told: Any = _Told(samples)  # all that the writer asks of a collector is collect()
    return str(generate_latest(told), "utf-8")


def families(samples: Iterable[Sample]) -> Iterator[Metric]:
    """Yield samples by measure, as prometheus_client takes them; for an exporter."""
    series: dict[Measure, dict[tuple[str, ...], float]] = {}
    for sample in samples:
        series.setdefault(sample.measure, {})[sample.labels] = float(sample.value)
    for measure in (*MEASURES, *(other for other in series if other not in MEASURES)):
        if measure in series:
            family = GaugeMetricFamily(measure.name, measure.about, labels=measure.labels)
            for labels, value in series[measure].items():
                family.add_metric(labels, value)
            yield family


class _Told:
    """Hands samples to the library's writer."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._samples = samples

    def collect(self) -> Iterator[Metric]:
        """Yield them by measure."""
        return families(self._samples)
