"""OTLP's transports.

The OTLP exporters are used for what they know (endpoint, headers, TLS, compression, credentials),
but not for sending: their retries block for ten seconds and more, and log each one.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Protocol

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
from requests import (
    ConnectionError,  # noqa: A004 - the one that `requests` raises
    Request,
    Session,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.metrics.export import AggregationTemporality
    from requests import Response

#: Key of the context in which other instrumentation keeps quiet about our own requests.
SUPPRESS_INSTRUMENTATION: Final = _SUPPRESS_INSTRUMENTATION_KEY
#: No answer of OTLP is longer by far; what a server sends beyond is not read.
MAX_REPLY_BYTES: Final = 1 << 16


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
    """Sends requests of one signal, one attempt each.

    Attributes
    ----------
    timeout_s
        What the user allows for one request.
    preferred_temporality
        Of metrics, by class of instrument; empty for other signals.
    """

    timeout_s: float
    preferred_temporality: Mapping[type, AggregationTemporality]

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
        self._session: Session = self._client._transport._session
        self.preferred_temporality = getattr(self._exporter, "_preferred_temporality", {})
        self.timeout_s: float = self._client._timeout
        self._url: str = self._client._endpoint
        self._headers: Mapping[str, str] = self._client._headers
        settings = self._session.merge_environment_settings(self._url, {}, None, None, None)
        self._proxies = settings["proxies"]
        # A session that somebody brings may sign or renew what it sends.
        self._is_plain = type(self._session) is Session and self._session.auth is None
        self._prepared = self._session.prepare_request(
            Request("POST", self._url, headers=dict(self._headers))
        )

    def send(self, payload: bytes, timeout_s: float) -> Reply:
        body = self._client._compress(payload)
        deadline_s = monotonic() + timeout_s
        try:
            try:
                return self._post(body, timeout_s)
            except ConnectionError:  # a connection that was kept may be gone
                return self._post(body, max(deadline_s - monotonic(), 0.05))
        except Exception as error:  # noqa: BLE001 - whatever a server makes of HTTP
            return Reply(False, retry=True, reason=_first_line(error))

    def _post(self, body: bytes, timeout_s: float) -> Reply:
        """Send once. Not by the exporter, which waits by the clock and reads bodies of any size."""
        with self._answer(body, timeout_s) as response:
            if not 200 <= response.status_code < 300:
                return Reply(
                    False,
                    retry=response.status_code in _HTTP_RETRY,
                    pause_s=_seconds(response.headers.get("retry-after")),
                    reason=f"HTTP {response.status_code} {response.reason}"[:200],
                )
            return Reply(True, body=_body(response))

    def _answer(self, body: bytes, timeout_s: float) -> Response:
        """Send once, ten times a second: what is the same each time was prepared.

        Going through the session would look at the environment, cookies and redirects each time,
        which takes longer than the request itself. `verify` is the session's because `requests`
        would let `REQUESTS_CA_BUNDLE` win over it.
        """
        session = self._session
        if not self._is_plain:
            return session.post(
                self._url,
                data=body,
                headers=self._headers,
                timeout=timeout_s,
                verify=session.verify,
                allow_redirects=False,
                stream=True,
            )
        request = self._prepared.copy()
        request.prepare_body(body, None)
        return session.get_adapter(self._url).send(
            request,
            stream=True,
            timeout=timeout_s,
            verify=session.verify,
            cert=session.cert,
            proxies=self._proxies,
        )

    def close(self) -> None:
        self._exporter.shutdown()


class _GrpcTransport:
    def __init__(self, signal: str, endpoint: str | None) -> None:
        self._method = _GRPC_METHODS[signal]
        self._exporter = _GRPC_EXPORTERS[signal](endpoint=endpoint)
        self.preferred_temporality = getattr(self._exporter, "_preferred_temporality", {})
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


def _body(response: Response) -> bytes:
    """What stands in an answer; nothing where that cannot be read: the request is taken anyway."""
    try:
        return bytes(response.raw.read(MAX_REPLY_BYTES, decode_content=True))
    except Exception:  # noqa: BLE001 - whatever a server makes of HTTP
        return b""


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
