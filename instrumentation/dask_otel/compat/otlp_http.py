"""OTLP over HTTP, by what the OTLP exporter has prepared."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from requests import (
    ConnectionError,  # noqa: A004 - the one that `requests` raises
    Request,
    Session,
)
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ProtocolError, SSLError

from dask_otel.compat.otlp import Reply, first_line, is_loopback

if TYPE_CHECKING:
    from collections.abc import Mapping

    from urllib3 import BaseHTTPResponse, HTTPConnectionPool

#: No answer of OTLP is longer by far; what a server sends beyond is not read.
MAX_REPLY_BYTES: Final = 1 << 16
_EXPORTERS: Final[dict[str, Any]] = {
    "traces": OTLPSpanExporter,
    "metrics": OTLPMetricExporter,
    "logs": OTLPLogExporter,
}
#: Answers after which the protocol lets a client try again (OTLP 1.11, "Failures").
_RETRY: Final = frozenset({429, 502, 503, 504})
#: What says that a connection which was kept is gone.
_GONE: Final = (ConnectionError, ProtocolError, SSLError)


class _Direct(NamedTuple):
    """Connections to an endpoint, and what is the same in all requests."""

    pool: HTTPConnectionPool
    url: str
    headers: Mapping[str, str]


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
        host = urlsplit(self._url).hostname or ""
        #: `requests` takes the rest out of the environment.
        self._proxies = {"no_proxy": host} if is_loopback(host) else {}
        self._direct = self._prepare()

    def send(self, payload: bytes, timeout_s: float) -> Reply:
        """Send `payload` once."""
        body = self._client._compress(payload)
        deadline_s = monotonic() + timeout_s
        try:
            try:
                return self._post(body, timeout_s)
            except _GONE:
                return self._post(body, max(deadline_s - monotonic(), 0.05))
        except Exception as error:  # noqa: BLE001 - whatever a server makes of HTTP
            return Reply(False, retry=True, reason=first_line(error))

    def _post(self, body: bytes, timeout_s: float) -> Reply:
        """Send once. Not by the exporter, which waits by the clock and reads bodies of any size."""
        response = self._answer(body, timeout_s)
        try:
            if not 200 <= response.status < 300:
                return Reply(
                    False,
                    retry=response.status in _RETRY,
                    pause_s=_seconds(response.headers.get("retry-after")),
                    reason=f"HTTP {response.status} {response.reason}"[:200],
                )
            return Reply(True, body=_body(response))
        finally:
            response.close()  # of a connection that is read to its end this leaves it open
            response.release_conn()

    def _answer(self, body: bytes, timeout_s: float) -> BaseHTTPResponse:
        """Send once. `verify` is the session's: `REQUESTS_CA_BUNDLE` would win over it."""
        if self._direct is not None:
            return self._direct.pool.urlopen(
                "POST",
                self._direct.url,
                body,
                self._direct.headers,
                retries=False,
                redirect=False,
                assert_same_host=False,
                timeout=timeout_s,
                preload_content=False,
                decode_content=False,
            )
        session = self._session
        response = session.post(
            self._url,
            data=body,
            headers=self._headers,
            timeout=timeout_s,
            proxies=self._proxies,
            verify=session.verify,
            allow_redirects=False,
            stream=True,
        )
        return cast("BaseHTTPResponse", response.raw)

    def _prepare(self) -> _Direct | None:
        """What `requests` makes of each request, made once, for it takes longer than to send it.

        None where a session or adapter that somebody brings may sign or renew what it sends, and
        with a `requests` (before 2.32) that does not say which connections it would use.
        """
        session = self._session
        adapter = session.get_adapter(self._url)
        if type(session) is not Session or type(adapter) is not HTTPAdapter or session.auth:
            return None
        if not hasattr(adapter, "get_connection_with_tls_context"):
            return None
        request = session.prepare_request(Request("POST", self._url, headers=dict(self._headers)))
        del request.headers["Content-Length"]  # of no body
        proxies = session.merge_environment_settings(self._url, self._proxies, None, None, None)[
            "proxies"
        ]
        pool = adapter.get_connection_with_tls_context(
            request, session.verify, proxies=proxies, cert=session.cert
        )
        adapter.cert_verify(pool, self._url, session.verify, session.cert)
        headers: dict[str, Any] = dict(request.headers)
        return _Direct(pool, adapter.request_url(request, proxies), headers)

    def close(self) -> None:
        """Give up the connection, and a request that is under way."""
        self._exporter.shutdown()


def _body(response: BaseHTTPResponse) -> bytes:
    """What stands in an answer; nothing where that cannot be read: the request is taken anyway."""
    try:
        return bytes(response.read(MAX_REPLY_BYTES, decode_content=True))
    except Exception:  # noqa: BLE001 - whatever a server makes of HTTP
        return b""


def _seconds(header: str | None) -> float | None:
    """`Retry-After` in its form with seconds; a date is as good as none."""
    try:
        return max(0.0, float(header)) if header else None
    except ValueError:
        return None
