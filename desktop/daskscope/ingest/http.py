"""OTLP over HTTP: `POST /v1/{traces,metrics,logs}`, binary and JSON, plain and gzip.

Answers are those of opentelemetry-proto's docs/specification.md v1.11 ("OTLP/HTTP Response"): 400
for what is malformed and must not come again, 413 beyond 64 MiB after decompression and for what
would take too much memory, 429 when behind and 503 when nothing can be written, both with
Retry-After.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from aiohttp import web
from aiohttp.client_exceptions import ClientError
from aiohttp.http_exceptions import HttpProcessingError
from google.rpc import code_pb2

from daskscope.ingest.envelope import Encoding, Signal
from daskscope.ingest.otlp import (
    MAX_BODY_BYTES,
    BadRequestError,
    TooLargeError,
    failure,
    success,
)
from daskscope.ingest.receiver import OverloadedError, Receiver, UnavailableError

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

_SIGNALS: Final = {f"/v1/{signal.value}": signal for signal in Signal}
_ENCODINGS: Final = {
    "application/x-protobuf": Encoding.PROTOBUF,
    "application/protobuf": Encoding.PROTOBUF,
    "application/json": Encoding.JSON,
}
#: Those that aiohttp undoes.
_COMPRESSIONS: Final = frozenset(("", "identity", "gzip", "deflate"))
_LOG: Final = logging.getLogger(__name__)
_READ_BYTES: Final = 1 << 18


class _RefusedError(Exception):
    """An answer that is not success."""

    def __init__(self, status: int, code: int, reason: str, **headers: str) -> None:
        super().__init__(reason)
        self.status = status
        self.code = code
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class HttpServer:
    """Serves a receiver on some sockets until it is closed."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        # aiohttp logs a traceback for every piece of garbage; what is our fault `_answer` logs.
        quiet = logging.getLogger(f"{__name__}.aiohttp")
        quiet.disabled = True
        server = web.Server(self._answer, access_log=None, logger=quiet, read_bufsize=_READ_BYTES)
        self._runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=2.0)

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Serve on sockets that are bound."""
        await self._runner.setup()
        for bound in sockets:
            await web.SockSite(self._runner, bound).start()

    async def close(self) -> None:
        """Answer what is being served, then stop."""
        await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        encoding = _ENCODINGS.get(request.content_type, Encoding.PROTOBUF)
        try:
            signal = self._check(request)
            body = await self._serve(request, signal, encoding)
        except _RefusedError as error:
            response = web.Response(
                status=error.status,
                body=failure(encoding, error.code, str(error)),
                content_type=encoding.value,
                headers=error.headers,
            )
            if not request.content.at_eof():
                response.force_close()
            return response
        except Exception:
            _LOG.exception("a request failed")
            raise
        return web.Response(body=body, content_type=encoding.value)

    def _check(self, request: web.BaseRequest) -> Signal:
        signal = _SIGNALS.get(request.path)
        if signal is None:
            paths = ", ".join(_SIGNALS)
            raise _RefusedError(404, code_pb2.NOT_FOUND, f"no {request.path} here, only {paths}")
        if request.method != "POST":
            reason = f"{request.method} is not allowed, only POST"
            raise _RefusedError(405, code_pb2.UNIMPLEMENTED, reason, Allow="POST")
        if request.content_type not in _ENCODINGS:
            reason = f"content type {request.content_type} is not one of {', '.join(_ENCODINGS)}"
            raise _RefusedError(415, code_pb2.INVALID_ARGUMENT, reason)
        compression = request.headers.get("Content-Encoding", "").strip().lower()
        if compression not in _COMPRESSIONS:
            reason = f"content encoding {compression} is not one of gzip, deflate"
            raise _RefusedError(415, code_pb2.INVALID_ARGUMENT, reason, Accept_Encoding="gzip")
        return signal

    async def _serve(self, request: web.BaseRequest, signal: Signal, encoding: Encoding) -> bytes:
        pieces: list[bytes] = []
        n_bytes = 0
        try:
            async for piece in request.content.iter_any():
                if n_bytes + len(piece) > MAX_BODY_BYTES:
                    raise _RefusedError(
                        413, code_pb2.RESOURCE_EXHAUSTED, f"more than {MAX_BODY_BYTES} bytes"
                    )
                self._receiver.reserve(len(piece))
                n_bytes += len(piece)
                pieces.append(piece)
            body = b"".join(pieces)
            pieces.clear()
            n_bytes = 0  # `accept` gives them back
            done = await self._receiver.accept(signal, encoding, body)
        except UnavailableError as error:
            is_behind = isinstance(error, OverloadedError)
            status, code = (
                (429, code_pb2.RESOURCE_EXHAUSTED) if is_behind else (503, code_pb2.UNAVAILABLE)
            )
            after = str(error.retry_s)
            raise _RefusedError(status, code, str(error), Retry_After=after) from error
        except TooLargeError as error:
            raise _RefusedError(413, code_pb2.RESOURCE_EXHAUSTED, str(error)) from error
        except BadRequestError as error:
            raise _RefusedError(400, code_pb2.INVALID_ARGUMENT, str(error)) from error
        except (ClientError, HttpProcessingError, web.RequestPayloadError) as error:
            reason = f"malformed body: {error}"
            raise _RefusedError(400, code_pb2.INVALID_ARGUMENT, reason) from error
        finally:
            self._receiver.release(n_bytes)
        return success(signal, encoding, done.rejected, done.reason)
