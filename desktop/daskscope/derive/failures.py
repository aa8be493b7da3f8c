"""How many spans failed in each pixel column of a window, by kind: what marks are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.store.schema import Kind, Outcome

if TYPE_CHECKING:
    import numpy.typing as npt

    from daskscope.derive.raster import Window
    from daskscope.store.chunk import Chunk

    Counts = npt.NDArray[np.int32]

#: Kinds whose failures are told, in the order of the counts. That of a task is not told again by
#: the call of the client that waits for it, nor that of a transfer by its other end.
FAILING: Final = (
    Kind.COMPUTE,
    Kind.TRANSFER,
    Kind.DISK_READ,
    Kind.DISK_WRITE,
    Kind.DESERIALIZE,
    Kind.OTHER,
)
_LOST: Final = np.uint8(Outcome.LOST)
_LINE_OF: Final = np.full(256, -1, np.intp)
_LINE_OF[list(FAILING)] = np.arange(len(FAILING))


class Failures:
    """Counts of a window, in a ring of columns as in `raster`."""

    def __init__(self, window: Window) -> None:
        self._counts = np.zeros((len(FAILING), window.n_columns), np.int32)

    def add(self, chunk: Chunk, rows: range, window: Window, stretch_ns: tuple[int, int]) -> None:
        """Count those of some rows that ended in a stretch of the window.

        What was lost with its worker has the mark of the worker.
        """
        failed = chunk.erred_among(rows)
        if not len(failed):
            return
        outcome = chunk.columns["outcome"][failed].view(np.uint8)
        line = _LINE_OF[chunk.columns["kind"][failed].view(np.uint8)]
        end_ns = chunk.end_ns[failed]
        is_in = (end_ns >= stretch_ns[0]) & (end_ns < stretch_ns[1])
        told = np.flatnonzero((outcome < _LOST) & (line >= 0) & is_in)
        column = window.x_px(end_ns[told]).astype(np.intp) + window.column
        np.add.at(self._counts, (line[told], column % window.n_columns), 1)

    def move(self, old: Window, new: Window) -> None:
        """Forget what has left the window."""
        for columns in new.places(*new.entered(old)):
            self._counts[:, columns] = 0

    def look(self, window: Window, first: int, end: int) -> Counts:
        """Counts of some columns of the window."""
        parts = [self._counts[:, columns] for columns in window.places(first, end)]
        return np.concatenate(parts, axis=1)


def stretched(counts: Counts, x_px: npt.NDArray[np.intp], width_px: int) -> Counts:
    """Counts of columns that lie at other pixels of a view now, or beside it."""
    result = np.zeros((len(counts), width_px), np.int32)
    line, column = np.nonzero(counts)
    at = x_px[column]
    is_in = (at >= 0) & (at < width_px)
    np.add.at(result, (line[is_in], at[is_in]), counts[line[is_in], column[is_in]])
    return result
