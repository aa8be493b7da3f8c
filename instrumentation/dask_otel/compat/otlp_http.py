"""OTLP over HTTP, by what the OTLP exporter has prepared."""

from __future__ import annotations

import functools
import ssl
from http.client import HTTPException, HTTPResponse
from time import monotonic
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from requests import Request, Session
from requests import exceptions as of_requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ProtocolError, SSLError
from urllib3.util.connection import is_connection_dropped

from dask_otel.compat.otlp import Reply, first_line, is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
_GONE: Final = (
    *(ConnectionError, HTTPException, ssl.SSLError),
    *(ProtocolError, SSLError, of_requests.ConnectionError),
)


class _Direct:
    """A connection that is kept, and what all requests on it begin with.

    urllib3 makes it, which knows of TLS. What `requests`, urllib3 and `http.client` make of each
    request anew takes four times as long as to send it.

    Parameters
    ----------
    pool
        Knows how to connect.
    head
        Request line and headers, up to the length of the body.
    """

    def __init__(self, pool: HTTPConnectionPool, head: bytes) -> None:
        self._pool = pool
        self._head = head
        self._kept: Any = None  # while nobody sends
        self._closed = False

    def post(self, body: bytes, timeout_s: float) -> tuple[HTTPResponse, bytes]:
        """Send `body`; the answer, and what stands in it."""
        connection, self._kept = self._kept, None
        if connection is not None and is_connection_dropped(connection):
            connection.close()
            connection = None
        if connection is None:
            connection = self._pool._new_conn()
        keep = False
        try:
            if connection.sock is None:
                connection.timeout = timeout_s
                connection.connect()
            connection.sock.settimeout(timeout_s)
            connection.sock.sendall(b"%s%d\r\n\r\n%s" % (self._head, len(body), body))
            response = HTTPResponse(connection.sock, method="POST")
            try:
                response.begin()
                said = _body(functools.partial(response.read, MAX_REPLY_BYTES))
                keep = response.isclosed() and not response.will_close and not self._closed
            finally:
                response.close()
        finally:
            if keep:
                self._kept = connection
            else:
                connection.close()
        return response, said

    def close(self) -> None:
        """Give up the connection; one that is in use is not kept."""
        self._closed = True
        connection, self._kept = self._kept, None
        if connection is not None:
            connection.close()


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
        if self._direct is not None:
            return _reply(*self._direct.post(body, timeout_s))
        session = self._session
        response = session.post(
            self._url,
            data=body,
            headers=self._headers,
            timeout=timeout_s,
            proxies=self._proxies,
            verify=session.verify,  # `REQUESTS_CA_BUNDLE` would win over it
            allow_redirects=False,
            stream=True,
        )
        with response:
            read = functools.partial(response.raw.read, MAX_REPLY_BYTES, decode_content=True)
            return _reply(response.raw, _body(read))

    def _prepare(self) -> _Direct | None:
        """What sends directly; None where that is not known to be the same.

        A session or adapter that somebody brings may sign or renew what it sends, a proxy wants to
        be spoken to in its own way, and a `requests` before 2.32 does not say how it would connect.
        """
        session = self._session
        adapter = session.get_adapter(self._url)
        if type(session) is not Session or type(adapter) is not HTTPAdapter or session.auth:
            return None
        if not hasattr(adapter, "get_connection_with_tls_context"):
            return None
        request = session.prepare_request(Request("POST", self._url, headers=dict(self._headers)))
        proxies = session.merge_environment_settings(self._url, self._proxies, None, None, None)[
            "proxies"
        ]
        pool = adapter.get_connection_with_tls_context(
            request, session.verify, proxies=proxies, cert=session.cert
        )
        if pool.proxy is not None:
            return None
        adapter.cert_verify(pool, self._url, session.verify, session.cert)
        headers: Any = request.headers
        headers.setdefault("Host", urlsplit(self._url).netloc.rpartition("@")[2])
        for name in ("Accept-Encoding", "Content-Length"):  # nothing here unpacks; of no body
            headers.pop(name, None)
        lines = [f"POST {adapter.request_url(request, proxies)} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return _Direct(pool, "\r\n".join([*lines, "Content-Length: "]).encode())

    def close(self) -> None:
        """Give up the connection, and a request that is under way."""
        self._exporter.shutdown()
        if self._direct is not None:
            self._direct.close()


def _reply(response: HTTPResponse | BaseHTTPResponse, body: bytes) -> Reply:
    if 200 <= response.status < 300:
        return Reply(True, body=body)
    return Reply(
        False,
        retry=response.status in _RETRY,
        pause_s=_seconds(response.headers.get("retry-after")),
        reason=f"HTTP {response.status} {response.reason}"[:200],
    )


def _body(read: Callable[[], bytes]) -> bytes:
    """What stands in an answer; nothing where that cannot be read: the request is taken anyway."""
    try:
        return read()
    except Exception:  # noqa: BLE001 - whatever a server makes of HTTP
        return b""


def _seconds(header: str | None) -> float | None:
    """`Retry-After` in its form with seconds; a date is as good as none."""
    try:
        return max(0.0, float(header)) if header else None
    except ValueError:
        return None
