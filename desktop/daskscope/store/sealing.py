"""Chunks that are full: each gets its index and its pyramid in steps of a millisecond.

All of it takes longer than a frame may; a chunk without them is only slower to look at.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from daskscope.store.chunk import Chunk, build_index, place_of
from daskscope.store.pyramid import Level, Pyramid, build_levels

if TYPE_CHECKING:
    from collections.abc import Iterator

#: So many new rows make a step due, so that a chunk is done before the next one is full.
ROWS_A_STEP: Final = 2_000
#: With so many rows' steps due they are done as rows come: nobody found a better time for them.
PATIENCE_ROWS: Final = 6_000
#: For so many rows after a chunk is full its steps are left to ticks that have nothing to draw.
GRACE_ROWS: Final = 28_672


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
        self._work: deque[Iterator[None]] = deque()
        self._n_due_rows = 0

    def add(self, chunk: Chunk) -> None:
        """Add a full chunk."""
        self.chunks = (*self.chunks, chunk)
        self.nbytes += chunk.nbytes
        if not self._work:
            self._n_due_rows = -GRACE_ROWS
        self._work.append(self._steps(chunk))

    def advance(self, n_rows: int) -> None:
        """Know of new rows, which make steps of indexes and pyramids due."""
        self._n_due_rows = self._n_due_rows + n_rows if self._work else 0
        while self._n_due_rows >= PATIENCE_ROWS:
            self.catch_up()

    @property
    def are_due(self) -> bool:
        """Whether a step is due."""
        return self._n_due_rows >= ROWS_A_STEP

    def catch_up(self) -> None:
        """Do a step if one is due."""
        if self.are_due:
            # A chunk that has more steps than usual must not let others wait behind it.
            for _ in range(len(self._work)):
                self._step()
            self._n_due_rows -= ROWS_A_STEP

    def step(self) -> bool:
        """Do the next step, due or not, and say whether one was left."""
        if self.are_due:
            self._n_due_rows -= ROWS_A_STEP
        return self._step()

    def _step(self) -> bool:
        while self._work:
            try:
                next(self._work[0])
            except StopIteration:
                self._work.popleft()
            else:
                return True
        return False

    def evict(self) -> Chunk:
        """Drop the oldest chunk, and return it."""
        oldest, *kept = self.chunks
        self.chunks = tuple(kept)
        self.nbytes -= oldest.nbytes
        return oldest

    def _steps(self, chunk: Chunk) -> Iterator[None]:
        start_ns, end_ns, columns = chunk.start_ns, chunk.end_ns, chunk.columns
        for index in build_index(start_ns, end_ns, columns["status"]):
            if index is not None:
                chunk = replace(chunk, index=index)
                self._put(chunk)
            yield
        assert chunk.index is not None
        built: list[Level] = []
        for level in build_levels(start_ns, end_ns, columns, chunk.index):
            if level is not None:
                built.append(level)
            yield
        self._put(replace(chunk, pyramid=Pyramid(tuple(built))))

    def _put(self, chunk: Chunk) -> None:
        at = place_of(chunk.number, self.chunks)
        if at is None:  # evicted meanwhile
            return
        self.nbytes += chunk.nbytes - self.chunks[at].nbytes
        self.chunks = (*self.chunks[:at], chunk, *self.chunks[at + 1 :])
