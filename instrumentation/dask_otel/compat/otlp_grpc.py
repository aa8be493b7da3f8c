"""OTLP over gRPC, by what the OTLP exporter has prepared."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

from dask_otel.compat.otlp import Reply, is_loopback

_EXPORTERS: Final[dict[str, Any]] = {
    "traces": OTLPSpanExporter,
    "metrics": OTLPMetricExporter,
    "logs": OTLPLogExporter,
}
_METHODS: Final[dict[str, str]] = {
    "traces": "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
}
#: Answers after which the protocol lets a client try again (OTLP 1.11, "Failures").
_RETRY: Final = frozenset(
    {
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)
#: Where OpenTelemetry's Python exporter looks for a `RetryInfo`.
_RETRY_INFO: Final = "google.rpc.retryinfo-bin"


def transport(signal: str, endpoint: str | None) -> GrpcTransport:
    """See `otlp.transport`."""
    return GrpcTransport(signal, endpoint)


class GrpcTransport:
    """See `otlp.Transport`."""

    def __init__(self, signal: str, endpoint: str | None) -> None:
        self._method = _METHODS[signal]
        self._exporter = _EXPORTERS[signal](endpoint=endpoint)
        self.preferred_temporality = getattr(self._exporter, "_preferred_temporality", {})
        self.timeout_s: float = self._exporter._timeout
        if is_loopback(urlsplit(f"//{self._exporter._endpoint}").hostname):
            self._exporter._channel_options += (("grpc.enable_http_proxy", 0),)
            self._reconnect()
        self._call = self._connected()

    def _connected(self) -> Any:
        """The call on the exporter's channel, with bytes in and out."""
        return self._exporter._channel.unary_unary(self._method)

    def _reconnect(self) -> None:
        self._exporter._channel.close()
        self._exporter._initialize_channel_and_stub()

    def send(self, payload: bytes, timeout_s: float) -> Reply:
        """Send `payload` once."""
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
            self._reconnect()
            self._call = self._connected()
        retry = code in _RETRY or (
            code is grpc.StatusCode.RESOURCE_EXHAUSTED and pause_s is not None
        )
        return Reply(
            False, retry=retry, pause_s=pause_s, reason=f"gRPC {code.name}: {error.details()}"
        )

    def close(self) -> None:
        """Give up the connection, and a request that is under way."""
        self._exporter.shutdown()


def _retry_delay_s(metadata: Any) -> float | None:
    """`RetryInfo` of a refusal: in its status, as OTLP has it, or by itself, as Python's does."""
    trailers = dict(metadata or ())
    info = RetryInfo()
    try:
        status = Status.FromString(trailers.get("grpc-status-details-bin", b""))
        if not any(detail.Unpack(info) for detail in status.details):
            if _RETRY_INFO not in trailers:
                return None
            info.ParseFromString(trailers[_RETRY_INFO])
    except DecodeError:  # whatever a server makes of them
        return None
    return float(info.retry_delay.seconds + info.retry_delay.nanos / 1e9)
