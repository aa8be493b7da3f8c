"""Requests to a receiver, over HTTP or gRPC; whoever asks for patience gets it.

Facts from opentelemetry-proto's docs/specification.md v1.11: over HTTP 429, 502, 503 and 504 are to
be tried again, after `Retry-After` where it is said; over gRPC what `_AGAIN` lists, and
RESOURCE_EXHAUSTED only with a `RetryInfo`.
"""

from __future__ import annotations

import http.client
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, cast
from urllib.parse import urlsplit

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from daskscope.simulate.requests import POINTS, RECORDS, SPANS

if TYPE_CHECKING:
    from daskscope.simulate.requests import Request

    Export = grpc.UnaryUnaryMultiCallable[bytes, bytes]

_TIMEOUT_S: Final = 30.0
#: When the receiver does not say when to come again.
RETRY_S: Final = 1.0
_MAX_RETRY_S: Final = 30.0
_METHODS: Final = {
    SPANS: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    POINTS: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    RECORDS: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
}
_AGAIN: Final = (
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DATA_LOSS,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver said to one request.

    Attributes
    ----------
    refused
        Items that it did not take and does not want again.
    retry_s
        When it wants the request again; None when that is settled.
    reason
        Why; "" when all was taken.
    """

    refused: int = 0
    retry_s: float | None = None
    reason: str = ""


class Sender(Protocol):
    """One connection; used by one thread."""

    def send(self, request: Request) -> Answer:
        """Send a request and wait for the answer."""

    def close(self) -> None:
        """Part from the receiver."""


class SendError(Exception):
    """The URL names no receiver, or nobody answers; the text is one line for the user."""


def connect(url: str) -> Sender:
    """A connection to `http://HOST:PORT` (OTLP/HTTP) or `grpc://HOST:PORT` (OTLP/gRPC).

    Raises
    ------
    SendError
        It is neither.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise SendError(f"{url!r} is no URL: {error}") from error
    if parts.scheme not in ("http", "grpc") or not host:
        raise SendError(f"{url!r} is neither http://HOST:PORT nor grpc://HOST:PORT")
    if parts.scheme == "http":
        return HttpSender(host, port or 4318, parts.path)
    return GrpcSender(f"[{host}]:{port or 4317}" if ":" in host else f"{host}:{port or 4317}")


class HttpSender:
    """OTLP over HTTP/1.1, one request at a time."""

    def __init__(self, host: str, port: int, path: str) -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
        self._path = path.rstrip("/")

    def send(self, request: Request) -> Answer:
        """Send a request and wait for the answer."""
        path = f"{self._path}/v1/{request.signal}"
        headers = {"Content-Type": "application/x-protobuf"}
        try:
            self._connection.request("POST", path, request.body, headers)
            response = self._connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            return Answer(retry_s=RETRY_S, reason=str(error) or type(error).__name__)
        if response.status == 200:
            return _taken(request, body)
        reason = f"HTTP {response.status} {response.reason}"
        if response.status in (429, 502, 503, 504):
            return Answer(retry_s=_seconds(response.headers.get("Retry-After")), reason=reason)
        return Answer(refused=request.n_items, reason=reason)

    def close(self) -> None:
        """Part from the receiver."""
        self._connection.close()


class GrpcSender:
    """OTLP over gRPC, one request at a time."""

    def __init__(self, target: str) -> None:
        self._channel = grpc.insecure_channel(target, [("grpc.enable_http_proxy", 0)])
        self._exports: dict[str, Export] = {
            signal: self._channel.unary_unary(method) for signal, method in _METHODS.items()
        }

    def send(self, request: Request) -> Answer:
        """Send a request and wait for the answer."""
        try:
            body = self._exports[request.signal](request.body, timeout=_TIMEOUT_S)
        except grpc.RpcError as error:
            return _failed(request, error)
        return _taken(request, body)

    def close(self) -> None:
        """Part from the receiver."""
        self._channel.close()


def _failed(request: Request, error: grpc.RpcError) -> Answer:
    code = error.code()
    reason = f"gRPC {code.name}: {error.details()}"
    delay_s = _retry_info_s(error)
    if code in _AGAIN or (code is grpc.StatusCode.RESOURCE_EXHAUSTED and delay_s is not None):
        return Answer(retry_s=RETRY_S if delay_s is None else delay_s, reason=reason)
    return Answer(refused=request.n_items, reason=reason)


def _retry_info_s(error: grpc.RpcError) -> float | None:
    metadata = cast("tuple[tuple[str, bytes], ...]", error.trailing_metadata() or ())
    for name, value in metadata:
        if name == "grpc-status-details-bin":
            for detail in Status.FromString(value).details:
                info = RetryInfo()
                if detail.Unpack(info):
                    delay = info.retry_delay
                    return float(min(delay.seconds + delay.nanos / 1e9, _MAX_RETRY_S))
    return None


def _seconds(said: str | None) -> float:
    """What `Retry-After` says; a date is as good as nothing, since clocks differ."""
    if said is None or not re.fullmatch(r"\d+", said.strip()):
        return RETRY_S
    return min(float(said), _MAX_RETRY_S)


def _taken(request: Request, body: bytes) -> Answer:
    if not body:
        return Answer()
    try:
        return _partly_taken(request, body)
    except DecodeError:  # a page of something else
        return Answer(request.n_items, reason="what answers is no OTLP receiver")


def _partly_taken(request: Request, body: bytes) -> Answer:
    if request.signal == SPANS:
        spans = ExportTraceServiceResponse.FromString(body).partial_success
        return Answer(spans.rejected_spans, reason=spans.error_message)
    if request.signal == POINTS:
        points = ExportMetricsServiceResponse.FromString(body).partial_success
        return Answer(points.rejected_data_points, reason=points.error_message)
    records = ExportLogsServiceResponse.FromString(body).partial_success
    return Answer(records.rejected_log_records, reason=records.error_message)
