"""OTLP endpoints as they should not be."""

from __future__ import annotations

import contextlib
import functools
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING, Final

import grpc

from tests.sinks import GrpcSink, HttpSink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

#: SO_LINGER with a time of 0 s: closing resets the connection.
RESET = struct.pack("ii", 1, 0)


@contextlib.contextmanager
def dead() -> Iterator[str]:
    """Nobody listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def _serving(treat: Callable[[socket.socket], None]) -> Iterator[str]:
    """Accepts connections and treats each in a thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as server, contextlib.ExitStack() as stack:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    stack.callback(connection.close)
                    threading.Thread(target=_quietly, args=(treat, connection), daemon=True).start()

        acceptor = threading.Thread(target=serve)
        acceptor.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            acceptor.join()


def _quietly(treat: Callable[[socket.socket], None], connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        treat(connection)


@contextlib.contextmanager
def hanging() -> Iterator[str]:
    """Accepts, and never answers."""
    with _serving(lambda _connection: None) as url:
        yield url


@contextlib.contextmanager
def resetting() -> Iterator[str]:
    """Reads a little and resets the connection."""

    def treat(connection: socket.socket) -> None:
        connection.recv(100)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        connection.close()

    with _serving(treat) as url:
        yield url


@contextlib.contextmanager
def lying() -> Iterator[str]:
    """Says that all is well, promises more than it sends, and sends rubbish."""

    def treat(connection: socket.socket) -> None:
        while connection.recv(65_536):
            connection.sendall(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\n"
                b"content-length: 40\r\n\r\n\xff\xff\xff\xffrubbish"
            )

    with _serving(treat) as url:
        yield url


@contextlib.contextmanager
def refusing(make_sink: type[HttpSink | GrpcSink] = HttpSink) -> Iterator[str]:
    """Answers that it will not take it."""
    with make_sink(answer=lambda _signal: 403) as sink:
        if isinstance(sink, GrpcSink):
            sink.code = grpc.StatusCode.PERMISSION_DENIED
        yield sink.endpoint


@contextlib.contextmanager
def overloaded(make_sink: type[HttpSink | GrpcSink] = HttpSink) -> Iterator[str]:
    """Answers that it cannot take it now."""
    with make_sink(answer=lambda _signal: 503) as sink:
        yield sink.endpoint


@contextlib.contextmanager
def slow(make_sink: type[HttpSink | GrpcSink] = HttpSink) -> Iterator[str]:
    """Takes everything, a second later."""

    def answer(_signal: str) -> int:
        time.sleep(1)
        return 200

    with make_sink(answer=answer) as sink:
        yield sink.endpoint


@contextlib.contextmanager
def dripping() -> Iterator[str]:
    """Says that all is well, a byte a second."""

    def treat(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        while True:
            connection.sendall(b"x")
            time.sleep(1)

    with _serving(treat) as url:
        yield url


@contextlib.contextmanager
def endless() -> Iterator[str]:
    """Says that all is well, and never ends saying it."""

    def treat(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"10000\r\n" + bytes(65_536) + b"\r\n")

    with _serving(treat) as url:
        yield url


#: By name; those that speak at all speak HTTP.
ENDPOINTS: Final[dict[str, Callable[[], AbstractContextManager[str]]]] = {
    found.__name__: found for found in (dead, refusing, overloaded, hanging, slow, resetting, lying)
}
#: The same, and those that speak at all speak gRPC.
GRPC_ENDPOINTS: Final = {
    **ENDPOINTS,
    **{
        found.__name__: functools.partial(found, GrpcSink) for found in (refusing, overloaded, slow)
    },
}
