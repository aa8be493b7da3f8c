"""The newest messages of a session, not yet sealed in its journal.

It is bounded: when it holds enough, it is sealed as a few big chunks. These are made elsewhere, so
that it may come to hold as much again. One thread appends and seals while others read.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.ingest import codec
from daskscope.ingest.definitions import Mark
from daskscope.ingest.records import taken_words
from daskscope.store.schema import (
    Array,
    EventBatch,
    Message,
    PointBatch,
    RunningWords,
    SpanBatch,
    TextColumn,
    rows_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from daskscope.ingest.decoder import Group

#: Rows of a chunk.
CHUNK_ROWS: Final = 65_536
#: Groups that are sealed at the latest: a quiet session has many small ones.
MAX_GROUPS: Final = 4_096
#: Length of the requests, but for the last group, that are: log records can be long.
MAX_BYTES: Final = 64 << 20
#: What cannot be sealed is held until there is so many times as much.
_MOST_TIMES: Final = 4


class Piece:
    """The messages of one group; their frames are made once, when the first client asks."""

    def __init__(self, group: Group) -> None:
        self.last_request = group.last_request
        self.mark = group.mark
        self.batches = group.batches
        self.n_rows = sum(len(batch) for batch in group.batches)
        self.n_bytes = group.n_bytes

    @cached_property
    def frames(self) -> tuple[bytes, ...]:
        """The messages as frames."""
        return tuple(codec.encode(batch) for batch in self.batches)


@dataclass(frozen=True, slots=True)
class View:
    """What the tail holds at one moment.

    Attributes
    ----------
    last_chunk
        The journal's last chunk; all that it lacks is in `pieces`.
    sealed_request
        The last request of which something is in a chunk.
    sealed_mark
        The definitions that the chunks need.
    """

    last_chunk: int
    sealed_request: int
    sealed_mark: Mark
    pieces: tuple[Piece, ...]


class Tail:
    """Groups that are not in chunks; the first of them may be about to become some."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pieces: list[Piece] = []
        self._n_sealing = 0
        self._last_chunk = self._sealed_request = 0
        self._sealed_mark = Mark()
        self._rows = 0
        self._n_bytes = 0

    def is_full(self) -> bool:
        """Whether it is time to seal what is not being sealed."""
        n_groups = len(self._pieces) - self._n_sealing
        return self._rows >= CHUNK_ROWS or n_groups >= MAX_GROUPS or self._n_bytes >= MAX_BYTES

    def append(self, group: Group) -> None:
        """Add a group that is in the journal."""
        with self._lock:
            self._pieces.append(Piece(group))
            self._rows += self._pieces[-1].n_rows
            self._n_bytes += group.n_bytes

    def begin_seal(self) -> View:
        """All that it holds is to become chunks; what comes from now on is none of it."""
        self._n_sealing = len(self._pieces)
        self._rows = self._n_bytes = 0
        return self.view()

    def sealed(self, last_chunk: int) -> None:
        """What was to be sealed is in chunks up to that one."""
        with self._lock:
            done, self._pieces = self._pieces[: self._n_sealing], self._pieces[self._n_sealing :]
            self._n_sealing = 0
            self._last_chunk = last_chunk
            self._sealed_request, self._sealed_mark = done[-1].last_request, done[-1].mark

    def drop(self) -> int:
        """Forget the oldest groups where it holds far too much, and return how many were left out.

        Nothing of them, nor of what comes after them, may be sealed from then on.
        """
        with self._lock:
            pieces, first = self._pieces, 0
            n_rows, n_bytes = sum(one.n_rows for one in pieces), sum(one.n_bytes for one in pieces)
            while first < len(pieces) - 1 and (
                n_rows > _MOST_TIMES * CHUNK_ROWS
                or n_bytes > _MOST_TIMES * MAX_BYTES
                or len(pieces) - first > _MOST_TIMES * MAX_GROUPS
            ):
                n_rows -= pieces[first].n_rows
                n_bytes -= pieces[first].n_bytes
                first += 1
            self._pieces = pieces[first:]
            return first

    def view(self) -> View:
        """What it holds now."""
        with self._lock:
            pieces = tuple(self._pieces)
            return View(self._last_chunk, self._sealed_request, self._sealed_mark, pieces)


def chunks(batches: Sequence[Message]) -> Iterator[Message]:
    """The same messages as few big ones: what runs first, of each worker its last word."""
    words = [batch for batch in batches if isinstance(batch, RunningWords)]
    if words:
        yield _last(words)
    spans = [batch for batch in batches if isinstance(batch, SpanBatch)]
    if spans:
        columns = _joined([batch.columns for batch in spans])
        whole = SpanBatch(columns, TextColumn.joined([batch.keys for batch in spans]))
        for at in range(0, len(whole), CHUNK_ROWS):
            yield rows_of(whole, at, min(at + CHUNK_ROWS, len(whole)))
    points = [batch for batch in batches if isinstance(batch, PointBatch)]
    if points:
        yield PointBatch(_joined([batch.columns for batch in points]))
    events = [batch for batch in batches if isinstance(batch, EventBatch)]
    if events:
        bodies = TextColumn.joined([batch.bodies for batch in events])
        attributes = TextColumn.joined([batch.attributes for batch in events])
        yield EventBatch(_joined([batch.columns for batch in events]), bodies, attributes)


def after(message: Message, request: int) -> Message | None:
    """The part of a sealed message that came after a request; None when nothing is left."""
    if isinstance(message, RunningWords):
        is_rest = message.words["request"].view(np.uint32) > request
        return taken_words(message, is_rest) if is_rest.any() else None
    if isinstance(message, SpanBatch | PointBatch | EventBatch):
        start = int(np.searchsorted(message.columns["request"], request, "right"))
        if start == 0:
            return message
        return rows_of(message, start, len(message)) if start < len(message) else None
    return message


def _last(words: Sequence[RunningWords]) -> RunningWords:
    """Of each worker its last word."""
    whole = RunningWords(
        _joined([one.words for one in words]),
        _joined([one.columns for one in words]),
        TextColumn.joined([one.keys for one in words]),
    )
    resource = whole.words["resource"]
    _, from_end = np.unique(resource[::-1], return_index=True)
    is_last = np.zeros(len(resource), np.bool_)
    is_last[len(resource) - 1 - from_end] = True
    return taken_words(whole, is_last)


def _joined(columns: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    return {name: np.concatenate([one[name] for one in columns]) for name in columns[0]}
