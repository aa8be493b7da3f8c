"""Chunks that are full: each gets its index at once, and its pyramid a level at a time.

A whole pyramid takes longer than a frame may; a chunk without one is only slower to look at.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from daskscope.store.chunk import Chunk, build_index
from daskscope.store.pyramid import Level, Pyramid, build_levels

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Levels are built at least at this pace, so that pyramids are done before the next chunk is full.
ROWS_A_LEVEL: Final = 4_096


@dataclass(frozen=True, slots=True)
class _Work:
    number: int
    levels: Iterator[Level | None]
    built: list[Level]


class SealedChunks:
    """Full chunks, oldest first.

    Attributes
    ----------
    chunks
        Replaced, never changed.
    nbytes
        Their memory.
    """

    def __init__(self) -> None:
        self.chunks: tuple[Chunk, ...] = ()
        self.nbytes = 0
        self._work: deque[_Work] = deque()

    def add(self, chunk: Chunk) -> None:
        """Add a full chunk, with an index."""
        columns = chunk.columns
        index = build_index(chunk.start_ns, chunk.end_ns, columns["status"])
        chunk = replace(chunk, index=index)
        self.chunks = (*self.chunks, chunk)
        self.nbytes += chunk.nbytes
        levels = build_levels(chunk.start_ns, chunk.end_ns, columns)
        self._work.append(_Work(chunk.number, levels, []))

    def advance(self, n_rows: int) -> None:
        """Go on with pyramids, as much as suits `n_rows` new rows."""
        for _ in range(1 + n_rows // ROWS_A_LEVEL):
            if not self._work:
                return
            work = self._work[0]
            try:
                level = next(work.levels)
            except StopIteration:
                self._work.popleft()
                self._finish(work)
            else:
                if level is not None:
                    work.built.append(level)

    def evict(self) -> int:
        """Drop the oldest chunk; the number of its spans."""
        oldest, *kept = self.chunks
        self.chunks = tuple(kept)
        self.nbytes -= oldest.nbytes
        return len(oldest)

    def _finish(self, work: _Work) -> None:
        pyramid = Pyramid(tuple(work.built))
        at = work.number - self.chunks[0].number if self.chunks else -1
        if at < 0:  # evicted meanwhile
            return
        self.nbytes += pyramid.nbytes
        chunk = replace(self.chunks[at], pyramid=pyramid)
        self.chunks = (*self.chunks[:at], chunk, *self.chunks[at + 1 :])
