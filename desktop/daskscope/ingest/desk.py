"""Where one client of the link asks about spans and is answered, while receiving goes on.

Reading and searching happen in a thread, in slices with rests between them. There is one question
of each kind at a time: a new one ends the work on the one before, so that what a client can cause
is bounded. A frame that is no query is not answered; one that is too long ends the link.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeVar

from daskscope.ingest import codec
from daskscope.ingest.inquiry import Search, span_details
from daskscope.ingest.journal import RecordingError
from daskscope.ingest.link import LENGTH
from daskscope.ingest.query import MAX_QUERY_BYTES, QueryError, decode_query
from daskscope.store.inquiry import Asked, Dependents, SpanDetails

if TYPE_CHECKING:
    from collections.abc import Callable

    from daskscope.ingest.inquiry import Archive
    from daskscope.store.inquiry import Answer, Query

#: So long a search works at a stretch, and so long it rests then: its thread holds the interpreter
#: while it compares bytes, and receiving needs it, too.
SLICE_S: Final = 0.02
REST_S: Final = 0.005
_LOG: Final = logging.getLogger(__name__)

T = TypeVar("T")


class Desk:
    """Answers one client.

    Parameters
    ----------
    archive
        Opens what is asked about, in a thread, at the first query.
    writer
        The client's stream, shared with whoever else writes whole frames to it.
    stop
        Called when the client wants no more of a recording.
    """

    def __init__(
        self,
        archive: Callable[[], Archive],
        writer: asyncio.StreamWriter,
        stop: Callable[[], None],
    ) -> None:
        self._open = archive
        self._stop = stop
        self._writer = writer
        self._archive: Archive | None = None
        # One thread: what it is given is done in order, also when nobody waits for it any more.
        self._thread = ThreadPoolExecutor(1, "inquiry")
        self._work: dict[Asked, asyncio.Task[None]] = {}

    async def serve(self, reader: asyncio.StreamReader) -> None:
        """Answer until the client has gone."""
        try:
            while (query := await _next_query(reader)) is not None:
                if query.asked is Asked.STOP:
                    self._stop()
                    continue
                before = self._work.get(query.asked)
                if before is not None:
                    before.cancel()
                self._work[query.asked] = asyncio.create_task(self._answer(query))
        finally:
            for work in self._work.values():
                work.cancel()
            self._thread.submit(self._close)
            self._thread.shutdown(wait=False)
            await asyncio.gather(*self._work.values(), return_exceptions=True)

    async def _answer(self, query: Query) -> None:
        try:
            if query.asked is Asked.SPAN:
                await self._tell(await self._read(lambda: span_details(self._opened(), query)))
            else:
                await self._search(query)
        except OSError:
            pass  # the client went away
        except Exception as error:  # noqa: BLE001
            # What is damaged, or a mistake of ours: say so, and go on receiving.
            if not isinstance(error, RecordingError):
                _LOG.exception("cannot answer a query")
            with contextlib.suppress(OSError):
                await self._tell(_refusal(query, str(error)))

    async def _search(self, query: Query) -> None:
        search = await self._read(lambda: Search(self._opened(), query))
        while True:
            part = await self._read(lambda: search.advance(SLICE_S))
            await self._tell(part)
            if part.is_over:
                return
            await asyncio.sleep(REST_S)

    async def _read(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _opened(self) -> Archive:
        if self._archive is None:
            self._archive = self._open()
        return self._archive

    def _close(self) -> None:
        if self._archive is not None:
            self._archive.close()

    async def _tell(self, answer: Answer) -> None:
        frame = codec.encode(answer)
        self._writer.write(LENGTH.pack(len(frame)) + frame)
        await self._writer.drain()


async def _next_query(reader: asyncio.StreamReader) -> Query | None:
    """The next query, None when the client has gone or says what cannot be one."""
    try:
        while True:
            (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
            if length > MAX_QUERY_BYTES:
                return None
            with contextlib.suppress(QueryError):
                return decode_query(await reader.readexactly(length))
    except (asyncio.IncompleteReadError, OSError):
        return None


def _refusal(query: Query, problem: str) -> Answer:
    if query.asked is Asked.SPAN:
        return SpanDetails(query.number, problem)
    return Dependents(query.number, share=1.0, is_over=True, problem=problem)
