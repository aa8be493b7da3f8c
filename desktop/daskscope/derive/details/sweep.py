"""Going over all spans that are held once, however often one is interrupted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daskscope.store.chunk import Chunk
    from daskscope.store.snapshot import Snapshot

#: Rows of a piece at most: some comparisons of so many take a third of a millisecond.
STEP_ROWS: Final = 16_384


class Piece(NamedTuple):
    """The rows `start` up to `stop` of a chunk."""

    chunk: Chunk
    start: int
    stop: int


class Sweep:
    """What is new comes first, then what is older, back to the oldest.

    Attributes
    ----------
    is_over
        Everything that was held at the last call has been gone over.
    """

    def __init__(self) -> None:
        self.is_over = False
        # Gone over are the rows from `_low` up to `_high`, each a chunk's number and a row.
        self._low: tuple[int, int] | None = None
        self._high = (0, 0)

    def pieces(self, snapshot: Snapshot) -> Iterator[Piece]:
        """What has not been gone over; a piece that was given counts as gone over."""
        chunks = snapshot.chunks
        if not chunks:
            self.is_over = True
            return
        self.is_over = False
        if self._low is None:
            self._low = self._high = chunks[-1].number, len(chunks[-1])
        yield from self._newer(snapshot)
        yield from self._older(snapshot)
        self.is_over = True

    def _newer(self, snapshot: Snapshot) -> Iterator[Piece]:
        first = snapshot.chunks[0].number
        number, row = max(self._high, (first, 0))
        for chunk in snapshot.chunks[number - first :]:
            begin = row if chunk.number == number else 0
            for start in range(begin, len(chunk), STEP_ROWS):
                stop = min(start + STEP_ROWS, len(chunk))
                self._high = chunk.number, stop
                yield Piece(chunk, start, stop)

    def _older(self, snapshot: Snapshot) -> Iterator[Piece]:
        assert self._low is not None
        first = snapshot.chunks[0].number
        number, row = self._low
        for older in range(number, first - 1, -1):
            chunk = snapshot.chunks[older - first]
            for stop in range(row if older == number else len(chunk), 0, -STEP_ROWS):
                start = max(stop - STEP_ROWS, 0)
                self._low = older, start
                yield Piece(chunk, start, stop)
