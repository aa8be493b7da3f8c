"""The stream of messages between a source and a window: length-prefixed frames over a socket.

A client says `daskscope-link <version> <token>` and a newline. Nothing is sent to one that does
not know the token. The answer is `daskscope-link <version>` and a newline; if the versions are
equal, frames follow, each after its length as a little-endian u32. The client may send queries in
the same way; their answers stand among the frames.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import socket
import struct
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from daskscope.ingest import codec
from daskscope.ingest.desk import Desk
from daskscope.ingest.inquiry import MAX_QUERY_BYTES, encode_query

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from daskscope.ingest.inquiry import Archive
    from daskscope.store.inquiry import Answer, Query
    from daskscope.store.schema import Message, SourceStatus

STATUS_INTERVAL_S: Final = 0.25
#: The same to a window that reads a recording.
READING_INTERVAL_S: Final = 0.05
_GREETING: Final = b"daskscope-link"
_HANDSHAKE_S: Final = 5.0
_MAX_HELLO_BYTES: Final = 256
#: A frame holds at most what one request of 64 MiB says.
_MAX_FRAME_BYTES: Final = 1 << 30
_LENGTH: Final = struct.Struct("<I")
_RECEIVE_BYTES: Final = 1 << 16
#: A status is left out for a client that still has so much to take.
_BUSY_BYTES: Final = 1 << 20


class LinkError(Exception):
    """No link to the source; the text is one line for the user."""


class Feed(Protocol):
    """What a server sends."""

    def frames(self) -> AsyncIterator[Sequence[bytes]]:
        """All frames for one client, from the beginning."""

    def status(self) -> SourceStatus:
        """How the source is doing now."""

    def archive(self) -> Archive:
        """Access to the requests for one client; may read a file."""


class LinkServer:
    """Serves a feed to any number of clients."""

    def __init__(self, feed: Feed, token: str) -> None:
        self._feed = feed
        self._token = token.encode()
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen; the port that was bound."""
        self._server = await asyncio.start_server(self._client, host, port, limit=_RECEIVE_BYTES)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def close(self) -> None:
        """Part from all clients."""
        if self._server is None:
            return
        self._server.close()
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            if await self._is_welcome(reader, writer):
                await self._serve(reader, writer)
        except OSError:
            pass  # the client went away
        except asyncio.CancelledError:
            writer.transport.abort()  # the server is closing, and this client may never read
        finally:
            self._clients.discard(task)
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _is_welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        try:
            async with asyncio.timeout(_HANDSHAKE_S):
                hello = await reader.readuntil(b"\n")
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return False
        greeting, _, rest = hello[:_MAX_HELLO_BYTES].rstrip(b"\n").partition(b" ")
        version, _, token = rest.partition(b" ")
        if greeting != _GREETING or not hmac.compare_digest(token, self._token):
            return False
        writer.write(b"%s %d\n" % (_GREETING, codec.VERSION))
        await writer.drain()
        return version == b"%d" % codec.VERSION

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.set_write_buffer_limits(high=_BUSY_BYTES)
        stop = asyncio.Event()
        sending = [
            asyncio.create_task(self._send_frames(writer, stop)),
            asyncio.create_task(self._send_status(writer, stop)),
            asyncio.create_task(Desk(self._feed.archive, writer, stop.set).serve(reader)),
        ]
        try:
            done, _ = await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in sending:
                task.cancel()
            await asyncio.gather(*sending, return_exceptions=True)

    async def _send_frames(self, writer: asyncio.StreamWriter, stop: asyncio.Event) -> None:
        async with contextlib.aclosing(self._feed.frames()) as feed:  # type: ignore[type-var]
            due_s = 0.0
            async for frames in feed:
                for frame in frames:
                    writer.write(_LENGTH.pack(len(frame)))
                    writer.write(frame)
                await writer.drain()
                # A window that reads a recording is busy until then, and tells how far it is.
                if time.monotonic() >= due_s:
                    due_s = time.monotonic() + READING_INTERVAL_S
                    self._tell_reader(writer, stop)
                if stop.is_set() and not self._feed.status().is_live:
                    break
        # A recording has an end; its window stays connected until it has enough.
        self._tell_reader(writer, stop)
        await asyncio.Event().wait()

    def _tell_reader(self, writer: asyncio.StreamWriter, stop: asyncio.Event) -> None:
        if not self._feed.status().is_live:
            writer.write(self._status_frame(stop))

    def _status_frame(self, stop: asyncio.Event) -> bytes:
        status = self._feed.status()
        is_cut = stop.is_set() and not status.is_live and status.progress < 1.0
        frame = codec.encode(replace(status, is_stopped=is_cut))
        return _LENGTH.pack(len(frame)) + frame

    async def _send_status(self, writer: asyncio.StreamWriter, stop: asyncio.Event) -> None:
        """Tell how the source is doing whenever that has changed: each telling wakes a window."""
        told = b""
        while True:
            frame = self._status_frame(stop)
            if frame != told and writer.transport.get_write_buffer_size() < _BUSY_BYTES:
                told = frame
                writer.write(frame)
                await writer.drain()
            await asyncio.sleep(STATUS_INTERVAL_S)


class LinkClient:
    """A window's end of the link; never blocks once it is connected."""

    def __init__(self, host: str, port: int, token: str) -> None:
        """Connect and shake hands.

        Raises
        ------
        LinkError
            Nobody is there, the token is wrong, or the versions differ.
        """
        try:
            self._socket = socket.create_connection((host, port), _HANDSHAKE_S)
        except OSError as error:
            raise LinkError(f"no source at {host}:{port}: {error}") from error
        self._is_closed = False
        self._outgoing = bytearray()
        self._length = bytearray()
        self._frame = bytearray()
        self._filled = 0
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.sendall(b"%s %d %s\n" % (_GREETING, codec.VERSION, token.encode()))
            self._check(self._line(), f"{host}:{port}")
            self._socket.setblocking(False)
        except OSError as error:
            self.close()
            raise LinkError(f"no answer from the source at {host}:{port}: {error}") from error
        except LinkError:
            self.close()
            raise

    def _line(self) -> bytes:
        line = b""
        while not line.endswith(b"\n") and len(line) < _MAX_HELLO_BYTES:
            byte = self._socket.recv(1)
            if not byte:
                break
            line += byte
        return line

    @staticmethod
    def _check(line: bytes, address: str) -> None:
        greeting, _, version = line.rstrip(b"\n").partition(b" ")
        if not line:
            raise LinkError(f"the source at {address} refused the token")
        if greeting != _GREETING:
            raise LinkError(f"what answers at {address} is not daskscope")
        if version != b"%d" % codec.VERSION:
            theirs = version.decode("ascii", "replace")
            raise LinkError(
                f"the source at {address} speaks version {theirs} of the link,"
                f" this is version {codec.VERSION}"
            )

    @property
    def is_closed(self) -> bool:
        """The source has gone; what had arrived has been drained."""
        return self._is_closed

    def fileno(self) -> int:
        """Of the socket, -1 when it is closed."""
        return self._socket.fileno()

    def ask(self, query: Query) -> bool:
        """Send a query without waiting; False when the source takes no more now."""
        if len(self._outgoing) > MAX_QUERY_BYTES:
            self._send()
        if len(self._outgoing) > MAX_QUERY_BYTES or self._is_closed:
            return False
        body = encode_query(query)
        self._outgoing += _LENGTH.pack(len(body)) + body
        self._send()
        return True

    def _send(self) -> None:
        with contextlib.suppress(OSError):  # there is no room, or receiving says that it is over
            while self._outgoing:
                del self._outgoing[: self._socket.send(self._outgoing)]

    def drain(self, budget_s: float) -> list[Message | Answer]:
        """Messages and answers that have arrived, taken for about `budget_s` seconds.

        Raises
        ------
        codec.FrameError
            What arrived is not a message.
        """
        messages: list[Message | Answer] = []
        self._send()
        deadline_s = time.perf_counter() + budget_s
        while not self._is_closed:
            frame = self._next_frame()
            if frame is None:
                break
            messages.append(codec.decode_linked(frame))
            if time.perf_counter() >= deadline_s:
                break
        return messages

    def _next_frame(self) -> bytearray | None:
        """The next whole frame, None when it is not there yet; what is there of it is kept."""
        try:
            while len(self._length) < _LENGTH.size:
                piece = self._socket.recv(_LENGTH.size - len(self._length))
                if not piece:
                    self.close()
                    return None
                self._length += piece
                if len(self._length) == _LENGTH.size:
                    (length,) = _LENGTH.unpack(self._length)
                    if length > _MAX_FRAME_BYTES:
                        self.close()
                        raise codec.FrameError(f"a frame of {length} bytes")
                    self._frame = bytearray(length)
                    self._filled = 0
            view = memoryview(self._frame)
            while self._filled < len(self._frame):
                n_bytes = self._socket.recv_into(view[self._filled :])
                if not n_bytes:
                    self.close()
                    return None
                self._filled += n_bytes
        except BlockingIOError:
            return None
        except OSError:
            self.close()
            return None
        frame, self._frame = self._frame, bytearray()
        self._length.clear()
        return frame

    def close(self) -> None:
        """Part from the source."""
        self._is_closed = True
        self._socket.close()
