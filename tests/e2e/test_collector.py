"""The shipped Collector and Jaeger files, run by the real programs."""

from __future__ import annotations

import contextlib
import gzip
import http.server
import json
import socket
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc import _log_exporter as grpc_logs
from opentelemetry.exporter.otlp.proto.grpc import metric_exporter as grpc_metrics
from opentelemetry.exporter.otlp.proto.grpc import trace_exporter as grpc_traces
from opentelemetry.exporter.otlp.proto.http import _log_exporter as http_logs
from opentelemetry.exporter.otlp.proto.http import metric_exporter as http_metrics
from opentelemetry.exporter.otlp.proto.http import trace_exporter as http_traces
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from tests.e2e.services import ROOT, Collector, Jaeger, binary
from tests.waiting import wait_for
from tools import COLLECTOR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.conftest import StartCollector

pytestmark = pytest.mark.e2e

SIGNALS = ("traces", "metrics", "logs")


def send_span(collector: Collector, name: str) -> int:
    """Send one span with the SDK over gRPC, and return its trace id once the Collector has it."""
    exporter = grpc_traces.OTLPSpanExporter(endpoint=collector.grpc, insecure=True)
    return _send_span(exporter, name)


def _send_span(exporter: Any, name: str) -> int:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("tests").start_as_current_span(name) as span:
        trace_id = span.get_span_context().trace_id
    provider.shutdown()
    return trace_id


def _send_metric(exporter: Any, name: str) -> None:
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=600_000)
    provider = MeterProvider([reader], shutdown_on_exit=False)
    provider.get_meter("tests").create_counter(name).add(7)
    provider.shutdown()


def _send_log(exporter: Any, body: str) -> None:
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    provider.get_logger("tests").emit(body=body, severity_number=SeverityNumber.INFO)
    provider.shutdown()


def send_all(collector: Collector, protocol: str, name: str) -> int:
    """Send a span, a metric and a log record called `name`; return the trace id of the span."""
    if protocol == "grpc":
        _send_metric(grpc_metrics.OTLPMetricExporter(collector.grpc, insecure=True), name)
        _send_log(grpc_logs.OTLPLogExporter(collector.grpc, insecure=True), name)
        return send_span(collector, name)
    _send_metric(http_metrics.OTLPMetricExporter(f"{collector.http}/v1/metrics"), name)
    _send_log(http_logs.OTLPLogExporter(f"{collector.http}/v1/logs"), name)
    return _send_span(http_traces.OTLPSpanExporter(f"{collector.http}/v1/traces"), name)


def named(collector: Collector, signal: str, name: str) -> int:
    """How many spans, metrics or log records of that name the Collector's file holds."""
    text = json.dumps(collector.recorded(signal))
    return text.count(json.dumps(name))


def names(request: bytes) -> list[str]:
    """Names of the spans in an export request."""
    return [
        span.name
        for resource in ExportTraceServiceRequest.FromString(request).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


@contextlib.contextmanager
def desktop(port: int) -> Iterator[list[tuple[str, bytes]]]:
    """Stand in for the window's receiver on `port`: the (path, body) of every request so far."""
    received: list[tuple[str, bytes]] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((self.path, gzip.decompress(body)))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its caller's name
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield received
        finally:
            server.shutdown()
            thread.join()


def test_file_is_valid_as_it_stands() -> None:
    command = [binary(COLLECTOR), "validate", "--config", str(ROOT / "otel-collector.yaml")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_all_signals_reach_files_desktop_and_jaeger(
    collector: Collector, jaeger: Jaeger, protocol: str
) -> None:
    with desktop(collector.desktop) as received:
        trace_id = send_all(collector, protocol, "a-name")

        wait_for(lambda: {path for path, _ in received} == {f"/v1/{name}" for name in SIGNALS})
    wait_for(lambda: [named(collector, signal, "a-name") for signal in SIGNALS] == [1, 1, 1])
    spans = wait_for(lambda: jaeger.trace(trace_id))
    assert [span["name"] for span in spans] == ["a-name"]


def test_without_desktop_and_jaeger_everything_is_accepted_and_filed(
    start_collector: StartCollector,
) -> None:
    collector = start_collector()
    started_s = time.monotonic()
    for i in range(20):
        send_span(collector, f"span-{i}")
    assert time.monotonic() - started_s < 5
    wait_for(lambda: sum(named(collector, "traces", f"span-{i}") for i in range(20)) == 20)
    assert collector.count("otelcol_receiver_accepted_spans") == 20


def test_without_jaeger_the_desktop_sees_spans_at_once(start_collector: StartCollector) -> None:
    """A live view cannot wait for an exporter that is still trying."""
    collector = start_collector()
    with desktop(collector.desktop) as received:
        send_span(collector, "before")
        wait_for(lambda: received)
        sent_s = time.monotonic()
        send_span(collector, "after")
        wait_for(lambda: len(received) == 2)
        assert time.monotonic() - sent_s < 1


def test_a_desktop_that_never_answers_does_not_delay_jaeger(
    collector: Collector, jaeger: Jaeger
) -> None:
    with socket.create_server(("127.0.0.1", collector.desktop)):
        trace_ids = [send_span(collector, f"span-{i}") for i in range(5)]
        wait_for(lambda: all(jaeger.trace(trace_id) for trace_id in trace_ids), timeout_s=4)


def test_a_desktop_opened_late_sees_what_happens_from_then_on(
    start_collector: StartCollector,
) -> None:
    collector = start_collector()
    send_span(collector, "before")
    with desktop(collector.desktop) as received:

        def spans() -> set[str]:
            send_span(collector, "after")
            return {name for path, body in received if path == "/v1/traces" for name in names(body)}

        wait_for(lambda: "after" in spans(), timeout_s=5)
