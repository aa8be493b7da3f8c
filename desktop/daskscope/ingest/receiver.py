"""Requests in, acknowledgements out, and in between the journal.

One thread writes: it takes all requests that wait, parses and decodes them, writes them in one
transaction, and only then are they acknowledged and shown to clients. What waits is bounded in
bytes; beyond that senders are asked to come again.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Final

from dask_otel import conventions
from daskscope.ingest import codec, tail
from daskscope.ingest.decoder import Counts, Decoder, Group, Numbered
from daskscope.ingest.definitions import Mark, parts
from daskscope.ingest.journal import Entry, Journal, WriteError
from daskscope.ingest.journal_reader import Chunk, JournalReader
from daskscope.ingest.otlp import BadRequestError, Parsed, check_weight, parse
from daskscope.ingest.packing import Packer
from daskscope.ingest.weight import MAX_WEIGHT, weight
from daskscope.store.schema import SourceStatus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from concurrent.futures import Future

    from daskscope.ingest.envelope import Encoding, Signal
    from daskscope.ingest.packing import Packed

#: Bodies that may wait for the journal, those still being read from sockets included: enough for
#: the largest one, and written within the seconds for which exporters wait for an answer.
MAX_WAITING_BYTES: Final = 96 << 20
#: One transaction takes at most so much, so that the first in it does not wait for long. What its
#: requests take in memory together is at most what one may take.
MAX_GROUP_BYTES: Final = 8 << 20
MAX_GROUP_REQUESTS: Final = 256
_LOG: Final = logging.getLogger(__name__)
BUSY_RETRY_S: Final = 1
BROKEN_RETRY_S: Final = 5


class UnavailableError(Exception):
    """Nothing was taken; the sender should come again in `retry_s` seconds."""

    def __init__(self, reason: str, retry_s: int) -> None:
        super().__init__(reason)
        self.retry_s = retry_s


class OverloadedError(UnavailableError):
    """More has come than can be written at once; all is well but for that."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The request is in the journal; `rejected` of its items were refused, `reason` says why."""

    rejected: int = 0
    reason: str = ""


@dataclass(slots=True)
class _Waiting:
    signal: Signal
    encoding: Encoding
    body: bytes
    received_ns: int
    answer: asyncio.Future[Accepted]
    weight: int = 0  # told by the writing thread, as it takes some time


class Receiver:
    """Takes OTLP requests for one journal.

    Parameters
    ----------
    journal
        Belongs to the receiver from now on; `close` closes it.
    now_ns
        The wall clock.
    http, grpc
        Addresses to name in the status; they may be set until the first client comes.
    """

    def __init__(self, journal: Journal, now_ns: Callable[[], int]) -> None:
        self.http: tuple[str, ...] = ()
        self.grpc: tuple[str, ...] = ()
        self._journal = journal
        self._now_ns = now_ns
        self._decoder = Decoder()
        self._packer = Packer()
        self._tail = tail.Tail()
        self._chunks: Future[list[Packed]] | None = None
        #: Why chunks could not be made the last time; whether none are made any more.
        self._chunk_problem = ""
        self._is_unsealed = False
        self._counts = Counts()
        self._malformed = 0
        self._problem = ""
        self._number = 0
        self._waiting_bytes = 0
        self._queue: deque[_Waiting] = deque()
        self._wake = threading.Condition()
        self._is_closing = False
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._thread = threading.Thread(target=self._write, name="journal")
        self._thread.start()

    # Called in the event loop --------------------------------------------------------------------

    def reserve(self, n_bytes: int) -> None:
        """Take memory for a body that is being read; `release` gives it back.

        Raises
        ------
        OverloadedError
            There is none left.
        """
        if self._waiting_bytes + n_bytes > MAX_WAITING_BYTES:
            raise OverloadedError("too much is waiting for the disk", BUSY_RETRY_S)
        self._waiting_bytes += n_bytes

    def release(self, n_bytes: int) -> None:
        """Give back what was reserved."""
        self._waiting_bytes -= n_bytes

    async def accept(self, signal: Signal, encoding: Encoding, body: bytes) -> Accepted:
        """Write a request, of which the bytes are reserved, to the journal.

        It gives them back itself once they are written, which may be after its caller has gone.

        Raises
        ------
        BadRequestError
            It is malformed.
        UnavailableError
            The journal cannot be written now, or the receiver is closing.
        """
        if self._is_closing:
            self.release(len(body))
            raise UnavailableError("the receiver is closing", BUSY_RETRY_S)
        answer: asyncio.Future[Accepted] = self._loop.create_future()
        waiting = _Waiting(signal, encoding, body, self._now_ns(), answer)
        with self._wake:
            self._queue.append(waiting)
            self._wake.notify()
        return await answer

    def status(self) -> SourceStatus:
        """How it is doing now."""
        counts = self._counts
        return SourceStatus(
            is_live=True,
            http=self.http,
            grpc=self.grpc,
            requests=counts.requests,
            spans=counts.spans,
            points=counts.points,
            events=counts.events,
            rejected=counts.rejected + self._malformed,
            duplicates=counts.duplicates,
            last_request_ns=self._journal.meta.last_ns,
            journal_bytes=self._journal.n_bytes,
            journal_path=str(self._journal.path),
            problem=self._problem or (self._chunk_problem if self._is_unsealed else ""),
        )

    async def frames(self) -> AsyncIterator[Sequence[bytes]]:
        """Frames for one client: all history first, then what comes, each message once.

        A client that takes them slowly is served from the journal, so nothing piles up for it.
        """
        known = Mark()
        chunk = request = 0
        while True:
            view, news = self._tail.view(), self._news
            if view.sealed_request <= request:
                chunk = view.last_chunk
            if view.last_chunk > chunk:
                reader = await asyncio.to_thread(JournalReader, self._journal.path)
                try:
                    yield self._definitions(known, view.sealed_mark)
                    known = max(known, view.sealed_mark)
                    found = reader.chunks(chunk, view.last_chunk)
                    while some := await asyncio.to_thread(next, found, None):
                        yield [frame for sealed in some for frame in _cut(sealed, request)]
                        chunk = some[-1].id
                finally:
                    reader.close()
                continue
            pieces = [piece for piece in view.pieces if piece.last_request > request]
            if not pieces:
                await news.wait()
                continue
            for piece in pieces:
                yield [*self._definitions(known, piece.mark), *piece.frames]
                known = max(known, piece.mark)
                request = piece.last_request

    def archive(self) -> JournalReader:
        """The requests, for queries about single spans."""
        return JournalReader(self._journal.path)

    def _definitions(self, known: Mark, until: Mark) -> list[bytes]:
        definitions = self._decoder.tables.since(known, max(known, until))
        return [codec.encode(part) for part in parts(definitions)] if definitions else []

    async def close(self) -> None:
        """Write what waits, and end the recording."""
        with self._wake:
            self._is_closing = True
            self._wake.notify()
        await asyncio.to_thread(self._thread.join)

    def _settle(self, answers: Sequence[tuple[_Waiting, Accepted | Exception]]) -> None:
        for waiting, outcome in answers:
            self.release(len(waiting.body))
            if waiting.answer.done():  # the sender went away
                continue
            if isinstance(outcome, Accepted):
                waiting.answer.set_result(outcome)
            else:
                waiting.answer.set_exception(outcome)
        self._news.set()
        self._news = asyncio.Event()

    # The writing thread --------------------------------------------------------------------------

    def _write(self) -> None:
        try:
            while taken := self._take():
                self._loop.call_soon_threadsafe(self._settle, self._process(taken))
            self._seal()
        finally:
            self._packer.close()
            self._journal.close()

    def _take(self) -> list[_Waiting]:
        """What waits, up to the size of a group; nothing when the receiver closes."""
        taken: list[_Waiting] = []
        n_bytes = weighs = 0
        with self._wake:
            self._wake.wait_for(lambda: self._queue or self._is_closing)
        while self._queue and len(taken) < MAX_GROUP_REQUESTS and n_bytes < MAX_GROUP_BYTES:
            first = self._queue[0]  # others only append
            first.weight = first.weight or weight(first.signal, first.encoding, first.body)
            weighs += first.weight
            if taken and weighs > MAX_WEIGHT:
                break
            taken.append(self._queue.popleft())
            n_bytes += len(first.body)
        return taken

    def _process(self, taken: Sequence[_Waiting]) -> list[tuple[_Waiting, Accepted | Exception]]:
        answers: list[tuple[_Waiting, Accepted | Exception]] = []
        good: list[tuple[_Waiting, Parsed]] = []
        for waiting in taken:
            try:
                check_weight(waiting.signal, waiting.weight)
                good.append((waiting, parse(waiting.signal, waiting.encoding, waiting.body)))
            except BadRequestError as error:
                self._malformed += 1
                answers.append((waiting, error))
        if not good:
            return answers
        numbered = [
            Numbered(self._number + index, waiting.received_ns, parsed)
            for index, (waiting, parsed) in enumerate(good, 1)
        ]
        try:
            packing = self._packer.begin([waiting.body for waiting, _ in good])
            group = self._decoder.decode(numbered)
            self._commit(group, [waiting for waiting, _ in good], packing)
        except Exception as error:  # noqa: BLE001
            # A full disk, or a mistake of ours: refuse, say so, and go on with the others.
            if not isinstance(error, WriteError):
                if len(good) > 1:  # those that came with it shall not be refused for it
                    return [*answers, *chain(*(self._process([waiting]) for waiting, _ in good))]
                _LOG.exception("cannot decode a request")
            elif not self._problem:
                _LOG.warning("%s; senders are asked to come again", error)
            self._problem = str(error)
            refusal = UnavailableError(str(error), BROKEN_RETRY_S)
            return [*answers, *((waiting, refusal) for waiting, _ in good)]
        self._problem = ""
        for (waiting, _), request in zip(good, numbered, strict=True):
            n_rejected = group.rejected.get(request.number, 0)
            reason = f"{n_rejected} spans without a valid id" if n_rejected else ""
            answers.append((waiting, Accepted(n_rejected, reason)))
        return answers

    def _commit(
        self, group: Group, requests: Sequence[_Waiting], packing: Future[list[bytes]]
    ) -> None:
        first = group.last_request - len(requests) + 1
        entries = [
            Entry(number, request.received_ns, request.signal, request.encoding, request.body)
            for number, request in enumerate(requests, first)
        ]
        counts = self._counts.plus(group, len(requests))
        meta = replace(
            self._journal.meta,
            title=self._journal.meta.title or self._title(),
            first_ns=self._journal.meta.first_ns or entries[0].received_ns,
            last_ns=entries[-1].received_ns,
            requests=counts.requests,
            spans=counts.spans,
            points=counts.points,
            events=counts.events,
            tasks=counts.tasks,
            erred=counts.erred,
        )
        chunks = self._made_chunks()
        last_chunk = self._journal.commit(entries, meta, chunks or (), packing.result())
        self._number = group.last_request
        self._decoder.accept(group)
        self._counts = counts
        self._tail.append(group)
        if chunks is not None:
            self._sealed(last_chunk)
        self._bound_tail()
        if self._chunks is None and self._tail.is_full() and not self._is_unsealed:
            self._begin_seal()

    def _begin_seal(self) -> Future[list[Packed]]:
        """Begin to make chunks of all that is in the tail; a later commit writes them."""
        view = self._tail.begin_seal()
        last = view.pieces[-1]
        definitions = self._decoder.tables.since(view.sealed_mark, last.mark)
        batches = [batch for piece in view.pieces for batch in piece.batches]
        messages = chain([definitions] if definitions else (), tail.chunks(batches))
        self._chunks = self._packer.begin_chunks(messages, last.last_request)
        return self._chunks

    def _made_chunks(self) -> list[Packed] | None:
        """Chunks to be written; None while there are none, or they can wait."""
        if self._chunks is None or not (self._chunks.done() or self._tail.is_full()):
            return None
        try:
            return self._chunks.result()
        except Exception as error:  # noqa: BLE001 - all requests are written: tried again with more
            self._cannot_seal(error)
            return None

    def _sealed(self, last_chunk: int) -> None:
        self._tail.sealed(last_chunk)
        self._chunks = None
        self._chunk_problem = ""

    def _cannot_seal(self, error: Exception) -> None:
        if not self._chunk_problem:
            _LOG.error("cannot make chunks", exc_info=error)
        self._chunks = None
        self._chunk_problem = (
            f"cannot make chunks ({str(error) or type(error).__name__}): the recording has"
            " everything, but windows that connect to this session lack some of it"
        )

    def _bound_tail(self) -> None:
        """Forget what cannot be sealed, once it is far too much: opening decodes it again."""
        if self._chunk_problem and self._tail.drop():
            self._chunks = None
            self._is_unsealed = True

    def _seal(self) -> None:
        """Write all that is left as chunks."""
        try:
            while self._tail.view().pieces and not self._is_unsealed:
                chunks = (self._chunks or self._begin_seal()).result()
                self._sealed(self._journal.commit((), self._journal.meta, chunks))
        except Exception as error:  # noqa: BLE001 - opening decodes these requests again
            self._cannot_seal(error)

    def _title(self) -> str:
        """Name of the cluster as one of the resources says it."""
        for attributes in self._decoder.tables.resources:
            name = attributes.get(conventions.SERVICE_NAMESPACE)
            if isinstance(name, str) and name:
                return name
        return ""


def _cut(chunk: Chunk, request: int) -> list[bytes]:
    """Frames of what a chunk holds after a request; definitions were sent from the tables."""
    message = codec.decode(chunk.frame)
    if type(message).__name__ == "Definitions":
        return []
    rest = tail.after(message, request)
    if rest is message:
        return [chunk.frame]
    return [] if rest is None else [codec.encode(rest)]
