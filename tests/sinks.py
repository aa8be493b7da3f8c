"""A small OTLP receiver for tests: keeps what it gets, decoded, and can refuse or hang.

It knows nothing of the desktop, so that what it says of the wire is a second opinion.
"""

from __future__ import annotations

import gzip
import ssl
import threading
from concurrent import futures
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import grpc
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from tests.certificates import ServerTls

REQUESTS: dict[str, Any] = {
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
    "logs": ExportLogsServiceRequest,
}
GRPC_METHODS = {
    f"/opentelemetry.proto.collector.{package}.v1.{service}/Export": signal
    for package, service, signal in (
        ("trace", "TraceService", "traces"),
        ("metrics", "MetricsService", "metrics"),
        ("logs", "LogsService", "logs"),
    )
}


def plain(value: AnyValue) -> Any:
    """An attribute's value as Python writes it."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    return getattr(value, kind) if kind else None


def plain_attributes(attributes: Any) -> dict[str, Any]:
    found: list[KeyValue] = list(attributes)
    return {item.key: plain(item.value) for item in found}


@dataclass(frozen=True)
class SeenSpan:
    """A span with the resource that sent it."""

    resource: dict[str, Any]
    attributes: dict[str, Any]
    span: Span


@dataclass(frozen=True)
class SeenLog:
    resource: dict[str, Any]
    attributes: dict[str, Any]
    event_name: str
    body: str
    time_ns: int
    trace_id: bytes


@dataclass(frozen=True)
class SeenPoint:
    resource: dict[str, Any]
    attributes: dict[str, Any]
    metric: str
    unit: str
    value: float
    time_ns: int


@dataclass
class Sink:
    """What has been received.

    `answer` is called with the signal before a request is kept, and returns an HTTP status: 200 to
    take it.
    """

    endpoint: str = ""
    tls: ServerTls | None = None
    answer: Callable[[str], int] = lambda _signal: 200
    requests: list[tuple[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def note(self, error: BaseException | None) -> None:
        """Let a test that fails say which spans came last: service, name, trace, id and parent."""
        if error is None:
            return
        for seen in self.spans()[-100:]:
            span, service = seen.span, seen.resource.get("service.name")
            ids = (part.hex() for part in (span.trace_id, span.span_id, span.parent_span_id))
            error.add_note(" ".join([str(service), span.name, *ids]))

    def _scheme(self) -> str:
        return "http" if self.tls is None else "https"

    def take(self, signal: str, body: bytes) -> int:
        status = self.answer(signal)
        if status == 200:
            self.requests.append((signal, REQUESTS[signal].FromString(body)))
        return status

    def _of(self, signal: str) -> Iterator[Any]:
        return (request for kind, request in list(self.requests) if kind == signal)

    def spans(self) -> list[SeenSpan]:
        return [
            SeenSpan(resource, plain_attributes(span.attributes), span)
            for request in self._of("traces")
            for group in request.resource_spans
            for resource in [plain_attributes(group.resource.attributes)]
            for scope in group.scope_spans
            for span in scope.spans
        ]

    def logs(self) -> list[SeenLog]:
        return [
            SeenLog(
                resource,
                plain_attributes(log.attributes),
                log.event_name,
                log.body.string_value,
                log.time_unix_nano,
                log.trace_id,
            )
            for request in self._of("logs")
            for group in request.resource_logs
            for resource in [plain_attributes(group.resource.attributes)]
            for scope in group.scope_logs
            for log in scope.log_records
        ]

    def points(self) -> list[SeenPoint]:
        return [
            SeenPoint(
                resource,
                plain_attributes(point.attributes),
                metric.name,
                metric.unit,
                point.as_int if point.WhichOneof("value") == "as_int" else point.as_double,
                point.time_unix_nano,
            )
            for request in self._of("metrics")
            for group in request.resource_metrics
            for resource in [plain_attributes(group.resource.attributes)]
            for scope in group.scope_metrics
            for metric in scope.metrics
            for point in (*metric.gauge.data_points, *metric.sum.data_points)
        ]


class HttpSink(Sink):
    """Listens for OTLP/HTTP with protobuf bodies."""

    def __enter__(self) -> HttpSink:
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                sink.headers.append({name.lower(): value for name, value in self.headers.items()})
                status = sink.take(self.path.removeprefix("/v1/"), body)
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

            def handle(self) -> None:
                with suppress(ssl.SSLError):  # a client that was refused, or refuses
                    super().handle()

        port = int(self.endpoint.rpartition(":")[2] or 0)
        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        if self.tls is not None:
            self._server.socket = self.tls.context().wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.endpoint = f"{self._scheme()}://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self.note(error)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@dataclass
class GrpcSink(Sink):
    """Listens for OTLP/gRPC; refuses with `code` and `trailers`."""

    code: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE
    trailers: tuple[tuple[str, bytes], ...] = ()

    def __enter__(self) -> GrpcSink:
        sink = self

        class Handler(grpc.GenericRpcHandler):
            def service(self, details: grpc.HandlerCallDetails) -> Any:
                signal = GRPC_METHODS[details.method]

                def export(body: bytes, context: grpc.ServicerContext) -> bytes:
                    sink.headers.append(
                        {key: str(value) for key, value in context.invocation_metadata()}
                    )
                    if sink.take(signal, body) != 200:
                        context.set_trailing_metadata(sink.trailers)
                        context.abort(sink.code, "not now")
                    return b""

                return grpc.unary_unary_rpc_method_handler(export)

        self._server = grpc.server(futures.ThreadPoolExecutor(16))
        self._server.add_generic_rpc_handlers((Handler(),))
        port = (
            self._server.add_insecure_port("127.0.0.1:0")
            if self.tls is None
            else self._server.add_secure_port("127.0.0.1:0", self.tls.credentials())
        )
        self.endpoint = f"{self._scheme()}://127.0.0.1:{port}"
        self._server.start()
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self.note(error)
        self._server.stop(None).wait()
