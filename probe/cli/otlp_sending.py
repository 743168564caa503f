"""``--report otlp=URL``: a run sent to an OpenTelemetry collector over OTLP/HTTP."""

import contextlib
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from probe.report.text import plain

if TYPE_CHECKING:
    from probe.report.model import RunReport

FORM = "otlp"
"""The format's name."""

PATIENCE_S = 10.0
"""Seconds that a collector may take for a batch, further tries included."""


def is_address(target: str) -> bool:
    """Whether a report is to be sent, and not written to a file."""
    return target.startswith(("http://", "https://"))


def must_be_there() -> None:
    """Raise UsageError where the library is missing, before anything is dialled."""
    from importlib.util import find_spec  # noqa: PLC0415 - only for this format

    with contextlib.suppress(ModuleNotFoundError):
        if find_spec("opentelemetry.exporter.otlp.proto.http") is not None:
            return
    raise click.UsageError("otlp needs a further library: pip install 'sipprobe[otel]'")


def send(report: "RunReport", address: str) -> str | None:
    """Send a report; return what went wrong, or None.

    ``address`` is that of the collector, such as ``http://127.0.0.1:4318``; paths are those of
    OTLP. Headers, certificates and compression are taken from the environment as all exporters do:
    https://opentelemetry.io/docs/specs/otel/protocol/exporter/
    """
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import (  # noqa: PLC0415 - heavy
        OTLPMetricExporter,
    )
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - heavy
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.metrics.export import MetricExportResult  # noqa: PLC0415 - heavy
    from opentelemetry.sdk.trace.export import SpanExportResult  # noqa: PLC0415 - heavy

    from probe.report.otlp import metrics_of, spans_of  # noqa: PLC0415 - heavy

    root = address.rstrip("/")
    with _listening() as said:
        spans: Any = OTLPSpanExporter(endpoint=f"{root}/v1/traces", timeout=PATIENCE_S)
        measures: Any = OTLPMetricExporter(endpoint=f"{root}/v1/metrics", timeout=PATIENCE_S)
        done = all(spans.export(batch) is SpanExportResult.SUCCESS for batch in spans_of(report))
        metrics = metrics_of(report)
        if done and metrics is not None:
            done = measures.export(metrics) is MetricExportResult.SUCCESS
        spans.shutdown()
        measures.shutdown()
    if done:
        return None
    lines = said.getvalue().strip().splitlines()
    return f"cannot send to {plain(address)}: {plain(lines[-1]) if lines else 'it was refused'}"


@contextlib.contextmanager
def _listening() -> Iterator[io.StringIO]:
    """Yield what the library logs meanwhile, which is its only word on a failure."""
    import logging  # noqa: PLC0415 - 5 ms, only for this format

    said = io.StringIO()
    handler = logging.StreamHandler(said)
    log = logging.getLogger("opentelemetry")
    before = log.propagate
    log.addHandler(handler)
    log.propagate = False
    try:
        yield said
    finally:
        log.removeHandler(handler)
        log.propagate = before
