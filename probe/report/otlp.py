"""A run as OpenTelemetry has it: a trace, a span a try, an event a message; and measures.

It is built when the run is over, by the times of the recording, so an exporter never slows a call.
No message body and no header field that can hold a secret goes in, only what a ladder shows. This
is the only room that knows OpenTelemetry's library, which is optional (``sipprobe[otel]``).
"""

import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricsData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from probe.report.flow import flow
from probe.report.ladder import message_label
from probe.report.measures import DELAYS, of_run, of_step
from probe.report.model import Finding, RunReport, Try
from probe.report.passed import name
from probe.report.terminal import headline
from probe.report.text import plain
from probe.trace.trace import MessageEvent, MessageSent, Trace, TransactionFailed
from probe.verdict.verdict import Outcome

BATCH = 200
"""Spans that are handed over at once."""

MOST_STEPS = 2000
"""Steps whose measures are told."""

_LIMITS = SpanLimits(max_events=500, max_attribute_length=500, max_span_attributes=128)
_Attributes = Mapping[str, Any]


def spans_of(report: RunReport) -> Iterator[list[ReadableSpan]]:
    """Yield the spans of a report in batches, that of the run last.

    Where ``TRACEPARENT`` names a span (https://www.w3.org/TR/trace-context/), as tools of a CI job
    set it, the run is a child of it.
    """
    done = InMemorySpanExporter()
    provider = TracerProvider(
        resource=_resource(report),
        sampler=ALWAYS_ON,
        span_limits=_LIMITS,
        shutdown_on_exit=False,
    )
    provider.add_span_processor(SimpleSpanProcessor(done))
    tracer = provider.get_tracer("sipprobe", dict(report.versions).get("sipprobe"))
    parent = TraceContextTextMapPropagator().extract(
        {"traceparent": os.environ.get("TRACEPARENT", "")}
    )
    began = _nanoseconds(report.started_at, 0.0)
    counts = report.counts()
    run = tracer.start_span(
        "sipprobe run",
        context=parent,
        start_time=began,
        attributes={
            "sipprobe.run.id": plain(report.run_id),
            **{f"sipprobe.steps.{outcome}": number for outcome, number in counts.items()},
        },
    )
    inside = set_span_in_context(run)
    for finding in report.findings:
        for number, one in enumerate(finding.tries, 1):
            _try(tracer, inside, finding, one, number)
        if len(done.get_finished_spans()) >= BATCH:
            yield list(done.get_finished_spans())
            done.clear()
    if counts["not_met"]:
        run.set_status(Status(StatusCode.ERROR, f"{counts['not_met']} steps not met"))
    run.end(began + int(report.duration_s * 1e9))
    yield list(done.get_finished_spans())


def metrics_of(report: RunReport) -> MetricsData | None:
    """Return what is measured of a report, by the names of ``probe/report/measures.py``."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], resource=_resource(report), shutdown_on_exit=False)
    meter = provider.get_meter("sipprobe", dict(report.versions).get("sipprobe"))
    gauges: dict[str, Any] = {}
    samples = [*of_run(report)]
    for number, finding in enumerate(report.findings):
        if number >= MOST_STEPS:
            break
        samples += of_step(finding)
    for sample in samples:
        measure = sample.measure
        if measure.name not in gauges:
            gauges[measure.name] = meter.create_gauge(measure.name, description=measure.about)
        labels = dict(zip(measure.labels, sample.labels, strict=True))
        gauges[measure.name].set(float(sample.value), labels)
    return reader.get_metrics_data()


def written_otlp(report: RunReport) -> Iterator[str]:
    """Yield OTLP in JSON, an object a line; a collector reads it by ``otlpjsonfile``."""
    import json  # noqa: PLC0415 - only for a file

    for spans in spans_of(report):
        yield json.dumps(_json(encode_spans(spans)), separators=(",", ":")) + "\n"
    metrics = metrics_of(report)
    if metrics is not None:
        yield json.dumps(_json(encode_metrics(metrics)), separators=(",", ":")) + "\n"


def _json(message: Any) -> Any:  # noqa: ANN401 - protobuf's own classes, and what JSON holds
    """Return a message of OTLP as JSON values: ids in hexadecimal, kinds as numbers.

    https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
    """
    return _hexadecimal(MessageToDict(message, use_integers_for_enums=True))


def _hexadecimal(value: Any) -> Any:  # noqa: ANN401 - what JSON holds
    import base64  # noqa: PLC0415 - only for a file

    if isinstance(value, dict):
        return {
            key: base64.b64decode(held).hex()
            if key in {"traceId", "spanId", "parentSpanId"}
            else _hexadecimal(held)
            for key, held in value.items()
        }
    return [_hexadecimal(held) for held in value] if isinstance(value, list) else value


def _resource(report: RunReport) -> Resource:
    """Return who made the run; ``OTEL_SERVICE_NAME`` may name the service otherwise."""
    versions = dict(report.versions)
    return Resource.create(
        {
            "service.name": os.environ.get("OTEL_SERVICE_NAME") or "sipprobe",
            "service.version": plain(versions.get("sipprobe", "")),
            "host.name": plain(report.vantage),
        }
    )


def _try(tracer: Any, inside: Context, finding: Finding, one: Try, number: int) -> None:  # noqa: ANN401
    """Make the span of a try, with a child for each agent that the call reached."""
    trace = one.trace
    span = _span(tracer, inside, name(finding), trace, _told(finding, one, number))
    outcome = one.verdict.outcome
    if outcome is Outcome.MET:
        span.set_status(Status(StatusCode.OK))
    elif outcome is Outcome.NOT_MET and one is finding.last:
        span.set_status(Status(StatusCode.ERROR, headline(finding)))
    child = set_span_in_context(span)
    for leg in trace.legs:
        if leg.reached:
            told = {"sipprobe.agent": plain(leg.agent)}
            _span(tracer, child, f"at {plain(leg.agent)}", leg.trace, told, SpanKind.SERVER).end(
                _nanoseconds(leg.trace.started_at, leg.trace.ended)
            )
    span.end(_nanoseconds(trace.started_at, max(trace.ended, trace.began)))


def _span(  # noqa: PLR0913, PLR0917 - what a span is made of
    tracer: Any,  # noqa: ANN401 - the library's own type says no more
    inside: Context,
    title: str,
    trace: Trace,
    told: _Attributes,
    kind: SpanKind | None = None,
) -> Any:  # noqa: ANN401 - as above
    """Begin a span and give it an event for each message and each failure."""
    span = tracer.start_span(
        title,
        context=inside,
        kind=kind or (SpanKind.SERVER if trace.serving else SpanKind.CLIENT),
        start_time=_nanoseconds(trace.started_at, trace.began),
        attributes={**told, **_ends(trace)},
    )
    for index, event in enumerate(trace.events):
        at = _nanoseconds(trace.started_at, event.at)
        if isinstance(event, MessageEvent):
            span.add_event(
                message_label(event),
                {
                    "sipprobe.event": index,
                    "sipprobe.direction": "sent" if isinstance(event, MessageSent) else "received",
                    "sipprobe.retransmission": event.retransmission,
                    "network.peer.address": plain(event.remote),
                },
                timestamp=at,
            )
        elif isinstance(event, TransactionFailed):
            detail = {"sipprobe.event": index, "sipprobe.detail": plain(event.detail)}
            span.add_event(event.failure.value, detail, timestamp=at)
    return span


def _told(finding: Finding, one: Try, number: int) -> _Attributes:
    """Return what is said of a try."""
    trace, verdict, why = one.trace, one.verdict, one.explanation
    told: dict[str, Any] = {
        "sipprobe.scenario": plain(finding.scenario),
        "sipprobe.step": finding.attempt.step,
        "sipprobe.attempt": plain(finding.attempt.label),
        "sipprobe.try": number,
        "sipprobe.outcome": verdict.outcome.value,
        "sipprobe.observed": plain(flow(trace) or verdict.observed),
        "sip.method": plain(trace.method),
    }
    final, failed = trace.final(), trace.failure()
    if final is not None:
        told["sip.response.status_code"] = final.status
    if verdict.outcome is not Outcome.MET:
        told["error.type"] = failed.failure.value if failed else str(final.status if final else "")
    for delay in DELAYS:
        seconds = getattr(verdict.timing, f"{delay}_s")
        if seconds is not None:
            told[f"sipprobe.{delay}_seconds"] = seconds
    if why is not None:
        told["sipprobe.causes"] = [cause.id for cause in why.causes]
        told["sipprobe.summary"] = plain(why.summary, 500)
    account = finding.attempt.account
    if account is not None:
        told["server.address"] = plain(account.host)
    return told


def _ends(trace: Trace) -> _Attributes:
    """Return the addresses of both ends and how they spoke."""
    first = next((event for event in trace.events if isinstance(event, MessageEvent)), None)
    if first is None:
        return {}
    return {
        "network.transport": plain(first.transport).lower(),
        "network.local.address": plain(first.local),
        "network.peer.address": plain(first.remote),
    }


def _nanoseconds(start: datetime, seconds: float) -> int:
    """Return a moment in nanoseconds since 1970."""
    return round(start.timestamp() * 1e6) * 1000 + round(seconds * 1e9)
