"""OTLP over HTTP, by what the OTLP exporter has prepared."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from requests import (
    ConnectionError,  # noqa: A004 - the one that `requests` raises
    Request,
    Session,
)

from dask_otel.compat.otlp import Reply, first_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from requests import Response

#: No answer of OTLP is longer by far; what a server sends beyond is not read.
MAX_REPLY_BYTES: Final = 1 << 16
_EXPORTERS: Final[dict[str, Any]] = {
    "traces": OTLPSpanExporter,
    "metrics": OTLPMetricExporter,
    "logs": OTLPLogExporter,
}
#: Answers after which the protocol lets a client try again (OTLP 1.11, "Failures").
_RETRY: Final = frozenset({429, 502, 503, 504})


def transport(signal: str, endpoint: str | None) -> HttpTransport:
    """See `otlp.transport`."""
    return HttpTransport(signal, endpoint)


class HttpTransport:
    """See `otlp.Transport`."""

    def __init__(self, signal: str, endpoint: str | None) -> None:
        self._exporter = _EXPORTERS[signal](endpoint=endpoint)
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
        """Send `payload` once."""
        body = self._client._compress(payload)
        deadline_s = monotonic() + timeout_s
        try:
            try:
                return self._post(body, timeout_s)
            except ConnectionError:  # a connection that was kept may be gone
                return self._post(body, max(deadline_s - monotonic(), 0.05))
        except Exception as error:  # noqa: BLE001 - whatever a server makes of HTTP
            return Reply(False, retry=True, reason=first_line(error))

    def _post(self, body: bytes, timeout_s: float) -> Reply:
        """Send once. Not by the exporter, which waits by the clock and reads bodies of any size."""
        with self._answer(body, timeout_s) as response:
            if not 200 <= response.status_code < 300:
                return Reply(
                    False,
                    retry=response.status_code in _RETRY,
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
        """Give up the connection, and a request that is under way."""
        self._exporter.shutdown()


def _body(response: Response) -> bytes:
    """What stands in an answer; nothing where that cannot be read: the request is taken anyway."""
    try:
        return bytes(response.raw.read(MAX_REPLY_BYTES, decode_content=True))
    except Exception:  # noqa: BLE001 - whatever a server makes of HTTP
        return b""


def _seconds(header: str | None) -> float | None:
    """`Retry-After` in its form with seconds; a date is as good as none."""
    try:
        return max(0.0, float(header)) if header else None
    except ValueError:
        return None
