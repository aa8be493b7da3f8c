"""A source's end of the link: serves what it has to any number of windows."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import time
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Final, Protocol

from daskscope.ingest import codec
from daskscope.ingest.desk import Desk
from daskscope.ingest.link import GREETING, HANDSHAKE_S, LENGTH, MAX_HELLO_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from daskscope.ingest.inquiry import Archive
    from daskscope.store.schema import SourceStatus

STATUS_INTERVAL_S: Final = 0.25
#: The same to a window that reads a recording.
READING_INTERVAL_S: Final = 0.05
_RECEIVE_BYTES: Final = 1 << 16
#: A status is left out for a client that still has so much to take.
_BUSY_BYTES: Final = 1 << 20


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
            async with asyncio.timeout(HANDSHAKE_S):
                hello = await reader.readuntil(b"\n")
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return False
        greeting, _, rest = hello[:MAX_HELLO_BYTES].rstrip(b"\n").partition(b" ")
        version, _, token = rest.partition(b" ")
        if greeting != GREETING or not hmac.compare_digest(token, self._token):
            return False
        writer.write(b"%s %d\n" % (GREETING, codec.VERSION))
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
                # At once: those of thousands of workers are many and short.
                writer.writelines(
                    chain.from_iterable((LENGTH.pack(len(frame)), frame) for frame in frames)
                )
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
        return LENGTH.pack(len(frame)) + frame

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
