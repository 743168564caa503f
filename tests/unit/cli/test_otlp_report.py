"""`--report otlp=…`: what an OpenTelemetry collector gets, sent and as a file."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from commandline import Ended, HandingOut
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from wirebuilder import Wire, refused_call, register_ok

from probe.cli import otlp_sending
from probe.plan.plan import Attempt
from probe.trace.trace import Trace

Sipprobe = Callable[..., Ended]
HOSTILE = "</script>\x1b[2J\u202e | ' \" " + "W" * 60_000


@dataclass
class Collector:
    """A receiver of OTLP/HTTP on loopback; it reads with the protocol's own classes."""

    address: str = ""
    status: int = 200
    traces: list[ExportTraceServiceRequest] = field(default_factory=list)
    metrics: list[ExportMetricsServiceRequest] = field(default_factory=list)
    raw: bytes = b""

    def spans(self) -> list[Span]:
        """Return all spans in the order in which they came."""
        return [
            span
            for request in self.traces
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def points(self, name: str) -> list[dict[str, str]]:
        """Return the attributes of the points of a metric, with the value beside them."""
        return [
            {**told(point.attributes), "value": str(point.as_double)}
            for request in self.metrics
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.gauge.data_points
        ]


def told(attributes: Any) -> dict[str, Any]:  # noqa: ANN401 - a repeated field of protobuf
    """Return attributes by name."""
    return {
        one.key: getattr(one.value, one.value.WhichOneof("value") or "string_value")
        for one in attributes
    }


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Run a receiver while a test does."""
    there = Collector()

    class Receiver(BaseHTTPRequestHandler):
        """Takes what is posted."""

        def do_POST(self) -> None:
            """Read one request."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            there.raw += body
            if self.path == "/v1/traces":
                there.traces.append(ExportTraceServiceRequest.FromString(body))
            elif self.path == "/v1/metrics":
                there.metrics.append(ExportMetricsServiceRequest.FromString(body))
            self.send_response(there.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    there.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield there
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def refused_or_registered(attempt: Attempt) -> tuple[Trace, ...]:
    """Return a registration, or a call that is refused."""
    return ((register_ok() if attempt.method == "REGISTER" else refused_call(503)).trace(),)


def test_a_collector_gets_a_trace_with_a_span_a_step_and_an_event_a_message(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut, collector: Collector
) -> None:
    """By the times of the recording; what was not met is an error with its cause."""
    executor.tries = refused_or_registered
    ended = sipprobe("run", "--no-store", "--report", f"otlp={collector.address}")
    assert (ended.status, ended.err) == (1, "")
    *steps, run = collector.spans()
    assert run.name == "sipprobe run"
    assert [step.name for step in steps] == [
        "one-call › call +12025550123",
        "one-registration › register",
    ]
    assert {step.parent_span_id for step in steps} == {run.span_id}
    assert {step.trace_id for step in steps} == {run.trace_id}
    call, registration = steps
    assert call.status.code == run.status.code == Status.STATUS_CODE_ERROR
    assert registration.status.code == Status.STATUS_CODE_OK
    about = told(call.attributes)
    assert about["sip.response.status_code"] == 503
    assert about["sipprobe.outcome"] == "NOT_MET"
    assert about["server.address"] == "carrier.example"
    names = [event.name for event in call.events]
    assert names[0].startswith("INVITE")
    assert any(name.startswith("503") for name in names)
    times = [event.time_unix_nano for event in call.events]
    assert times == sorted(times)
    assert call.start_time_unix_nano <= times[0] <= times[-1] <= call.end_time_unix_nano
    resource = told(collector.traces[0].resource_spans[0].resource.attributes)
    assert resource["service.name"] == "sipprobe"
    wanted = {"scenario": "one-call", "step": "1", "outcome": "not_met", "value": "1.0"}
    assert wanted in collector.points("sipprobe_step_outcome")


def test_no_secret_and_no_body_leaves_the_house(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut, collector: Collector
) -> None:
    """Credentials, keys, session descriptions and what a peer stuffs into fields stay here."""
    password = "pbx-hunter22"
    executor.tries = lambda _attempt: (
        Wire()
        .send("INVITE", auth=True, body=f"v=0\r\na=crypto:1 AES inline:{password}\r\n")
        .receive(403, f"{password} {HOSTILE}", headers={"X-Key": password})
        .trace(),
    )
    sipprobe("run", "--no-store", "one-call", "--report", f"otlp={collector.address}")
    assert collector.spans()
    for word in (password, "crypto", "response=", "X-Key"):
        assert word.encode() not in collector.raw
    spans = collector.spans()
    held = [*spans, *(event for span in spans for event in span.events)]
    words = [one.name for one in held]
    words += [str(value) for one in held for value in told(one.attributes).values()]
    assert any("</script>" in text for text in words)
    assert not any(set("\x1b\u202e") & set(text) for text in words)
    assert len(collector.raw) < 20_000


def test_a_run_is_a_child_of_the_span_that_the_environment_names(
    sipprobe: Sipprobe,
    carrier: Path,
    executor: HandingOut,
    collector: Collector,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A pipeline's trace shows the run where it happened."""
    monkeypatch.setenv("TRACEPARENT", f"00-{'ab' * 16}-{'cd' * 8}-01")
    sipprobe("run", "--no-store", "one-call", "--report", f"otlp={collector.address}/")
    run = collector.spans()[-1]
    assert run.trace_id.hex() == "ab" * 16
    assert run.parent_span_id.hex() == "cd" * 8


def test_a_collector_that_refuses_is_told_after_the_report(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut, collector: Collector
) -> None:
    """What the calls showed is not lost for it."""
    collector.status = 400
    ended = sipprobe("run", "--no-store", "one-call", "--report", f"otlp={collector.address}")
    assert ended.status == 2
    assert "PASS" in ended.out
    assert f"cannot send to {collector.address}" in ended.err


def test_a_file_holds_json_as_the_protocol_has_it(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """An object a line; ids in hexadecimal, kinds and times as the specification wants them."""
    executor.tries = refused_or_registered
    sipprobe("run", "--no-store", "--report", "otlp=run.jsonl")
    lines = [json.loads(line) for line in (carrier / "run.jsonl").read_text().splitlines()]
    (spans,) = (
        scope["spans"]
        for line in lines
        for resource in line.get("resourceSpans", [])
        for scope in resource["scopeSpans"]
    )
    assert len(spans) == 3
    assert all(len(bytes.fromhex(span["traceId"])) == 16 for span in spans)
    assert all(len(bytes.fromhex(span["spanId"])) == 8 for span in spans)
    assert {span["kind"] for span in spans} == {1, 3}
    assert all(span["startTimeUnixNano"].isdigit() for span in spans)
    assert any("resourceMetrics" in line for line in lines)


def test_stored_runs_can_be_exported_later(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut
) -> None:
    """`report --format otlp` writes the same."""
    sipprobe("run", "one-call")
    ended = sipprobe("report", "last", "--format", "otlp")
    assert ended.status == 0
    first = json.loads(ended.out.splitlines()[0])
    spans = first["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert [span["name"] for span in spans] == ["one-call › call +12025550123", "sipprobe run"]


def test_without_the_library_nothing_is_dialled(
    sipprobe: Sipprobe, carrier: Path, executor: HandingOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extra is named before the first call."""

    def missing(_name: str) -> None:
        raise ModuleNotFoundError

    monkeypatch.setattr("importlib.util.find_spec", missing)
    for arguments in (("--report", "otlp=x"), ("--format", "otlp")):
        ended = sipprobe("run", *arguments)
        assert ended.status == 2
        assert "pip install 'sipprobe[otel]'" in ended.err
    assert executor.plans == []
    assert otlp_sending.is_address("http://a") is True
    assert otlp_sending.is_address("a/http.jsonl") is False
