"""OTLP's transports.

The OTLP exporters are used for what they know (endpoint, headers, TLS, compression, credentials),
but not for sending: their retries block for ten seconds and more, and log each one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Protocol

import grpc
from google.rpc.error_details_pb2 import RetryInfo
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import (
    OTLPLogExporter as GrpcLogExporter,
)
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import (
    OTLPMetricExporter as GrpcMetricExporter,
)
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (
    OTLPSpanExporter as GrpcSpanExporter,
)
from opentelemetry.exporter.otlp.proto.http._log_exporter import (
    OTLPLogExporter as HttpLogExporter,
)
from opentelemetry.exporter.otlp.proto.http.metric_exporter import (
    OTLPMetricExporter as HttpMetricExporter,
)
from opentelemetry.exporter.otlp.proto.http.trace_exporter import (
    OTLPSpanExporter as HttpSpanExporter,
)

#: Key of the context in which other instrumentation keeps quiet about our own requests.
SUPPRESS_INSTRUMENTATION: Final = _SUPPRESS_INSTRUMENTATION_KEY


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of one request.

    Attributes
    ----------
    accepted
        The endpoint has taken it.
    retry
        It has not, but may later.
    pause_s
        How long the endpoint asks to wait; None when it does not say.
    body
        The answer: a message `Export<Signal>ServiceResponse`.
    reason
        Why not, in words; empty when accepted.
    """

    accepted: bool
    retry: bool = False
    pause_s: float | None = None
    body: bytes = b""
    reason: str = ""


class Transport(Protocol):
    """Sends requests of one signal, one attempt each."""

    timeout_s: float

    def send(self, payload: bytes, timeout_s: float) -> Reply:
        """Send `payload`, a message `Export<Signal>ServiceRequest`."""

    def close(self) -> None:
        """Give up the connection, and a request that is under way."""


def transport(signal: str, protocol: str, endpoint: str | None) -> Transport:
    """The transport that the OTLP exporter of `signal` would use.

    Parameters
    ----------
    signal
        `traces`, `metrics` or `logs`.
    protocol
        `grpc` or `http/protobuf`.
    endpoint
        Whole URL for this signal; None for what the environment says.
    """
    make = _GrpcTransport if protocol == "grpc" else _HttpTransport
    return make(signal, endpoint)


_HTTP_EXPORTERS: Final[dict[str, Any]] = {
    "traces": HttpSpanExporter,
    "metrics": HttpMetricExporter,
    "logs": HttpLogExporter,
}
_GRPC_EXPORTERS: Final[dict[str, Any]] = {
    "traces": GrpcSpanExporter,
    "metrics": GrpcMetricExporter,
    "logs": GrpcLogExporter,
}
_GRPC_METHODS: Final[dict[str, str]] = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
}
#: Answers after which the protocol lets a client try again (OTLP 1.11, "Failures").
_HTTP_RETRY: Final = frozenset({429, 502, 503, 504})
_GRPC_RETRY: Final = frozenset(
    {
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)


class _HttpTransport:
    def __init__(self, signal: str, endpoint: str | None) -> None:
        self._exporter = _HTTP_EXPORTERS[signal](endpoint=endpoint)
        self._client = self._exporter._client
        self.timeout_s: float = self._client._timeout

    def send(self, payload: bytes, timeout_s: float) -> Reply:
        result = self._client._submit(self._client._compress(payload), timeout_s)
        status = result.status_code
        if status is None:
            return Reply(False, retry=True, reason=_first_line(result.error))
        if 200 <= status < 300:
            return Reply(True, body=result.content())
        return Reply(
            False,
            retry=status in _HTTP_RETRY,
            pause_s=_seconds(result.headers().get("retry-after")),
            reason=f"HTTP {status} {result.reason}",
        )

    def close(self) -> None:
        self._exporter.shutdown()


class _GrpcTransport:
    def __init__(self, signal: str, endpoint: str | None) -> None:
        self._method = _GRPC_METHODS[signal]
        self._exporter = _GRPC_EXPORTERS[signal](endpoint=endpoint)
        self.timeout_s: float = self._exporter._timeout
        self._call = self._connected()

    def _connected(self) -> Any:
        """The call on the exporter's channel, with bytes in and out."""
        return self._exporter._channel.unary_unary(self._method)

    def send(self, payload: bytes, timeout_s: float) -> Reply:
        try:
            body = self._call(payload, metadata=self._exporter._headers, timeout=timeout_s)
        except grpc.RpcError as error:
            return self._refusal(error)
        except ValueError as error:  # the channel was closed under way
            return Reply(False, retry=True, reason=str(error))
        return Reply(True, body=body)

    def _refusal(self, error: Any) -> Reply:
        code = error.code()
        pause_s = _retry_delay_s(error.trailing_metadata())
        if code is grpc.StatusCode.UNAVAILABLE and pause_s is None:
            # A channel that could not connect waits up to two minutes before it tries again.
            self._exporter._channel.close()
            self._exporter._initialize_channel_and_stub()
            self._call = self._connected()
        retry = code in _GRPC_RETRY or (
            code is grpc.StatusCode.RESOURCE_EXHAUSTED and pause_s is not None
        )
        return Reply(
            False, retry=retry, pause_s=pause_s, reason=f"gRPC {code.name}: {error.details()}"
        )

    def close(self) -> None:
        self._exporter.shutdown()


def _retry_delay_s(metadata: Any) -> float | None:
    """`RetryInfo` of a refusal, as the Python exporter reads it."""
    packed = dict(metadata or ()).get("google.rpc.retryinfo-bin")
    if packed is None:
        return None
    delay = RetryInfo.FromString(packed).retry_delay
    return float(delay.seconds + delay.nanos / 1e9)


def _seconds(header: str | None) -> float | None:
    """`Retry-After` in its form with seconds; a date is as good as none."""
    try:
        return max(0.0, float(header)) if header else None
    except ValueError:
        return None


def _first_line(error: BaseException | None) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
