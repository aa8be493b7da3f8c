"""The chunk that is being filled: arrays of full size, of which readers see the rows so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from daskscope.store.chunk import CHUNK_COLUMNS, CHUNK_ROWS, Chunk
from daskscope.store.schema import Array, TextColumn

if TYPE_CHECKING:
    from collections.abc import Mapping


#: Rows whose memory is kept ready: what three frames bring of 150,000 spans a second.
AHEAD_ROWS: Final = 8_192


class FillingChunk:
    """Takes rows until it is full.

    Attributes
    ----------
    n
        Rows so far.
    """

    def __init__(self, number: int) -> None:
        self.n = 0
        #: Rows whose memory the system has given already.
        self._n_given = 0
        self._number = number
        self._columns = {name: np.empty(CHUNK_ROWS, dtype) for name, dtype in CHUNK_COLUMNS.items()}
        self._ends = np.empty(CHUNK_ROWS, np.uint32)
        self._data = np.empty(CHUNK_ROWS * 32, np.uint8)
        self._n_bytes = 0
        self._t_min = 0
        self._t_max = 0
        self._last_start_ns = 0
        self._frozen: Chunk | None = None

    @property
    def room(self) -> int:
        """Rows that still fit."""
        return CHUNK_ROWS - self.n

    def add(self, columns: Mapping[str, Array], keys: TextColumn) -> None:
        """Add one or more rows that fit in, with `CHUNK_COLUMNS` and no end before its start."""
        n = len(keys)
        start_ns, end_ns = columns["start_ns"], columns["end_ns"]
        first, last, late = int(start_ns.min()), int(end_ns.max()), int(start_ns.max())
        self._t_min = min(self._t_min, first) if self.n else first
        self._t_max = max(self._t_max, last) if self.n else last
        self._last_start_ns = max(self._last_start_ns, late) if self.n else late
        rows = slice(self.n, self.n + n)
        for name, target in self._columns.items():
            target[rows] = columns[name]
        self._add_keys(keys, rows)
        self.n += n
        self._frozen = None

    def provide(self) -> None:
        """Have the memory of some more rows ready, if there is little.

        The system gives memory when it is first written to, which can take as long as all else that
        is done with a batch.
        """
        if self._n_given - self.n >= AHEAD_ROWS:
            return
        first = max(self._n_given, self.n)
        self._n_given = first + AHEAD_ROWS // 2
        for column in self._columns.values():
            column[first : self._n_given] = 0
        self._ends[first : self._n_given] = 0
        key_bytes = self._n_bytes // max(self.n, 1)
        begin = self._n_bytes + key_bytes * (first - self.n)
        self._data[begin : begin + key_bytes * (self._n_given - first)] = 0

    def frozen(self) -> Chunk:
        """The rows so far."""
        if self._frozen is None:
            self._frozen = Chunk(
                self._number,
                {name: column[: self.n] for name, column in self._columns.items()},
                TextColumn(self._data[: self._n_bytes], self._ends[: self.n]),
                self._t_min,
                self._t_max,
                self._last_start_ns,
            )
        return self._frozen

    def full(self) -> Chunk:
        """The full chunk, with no spare memory."""
        self._data = self._data[: self._n_bytes].copy()
        self._frozen = None
        return self.frozen()

    def _add_keys(self, keys: TextColumn, rows: slice) -> None:
        n_bytes = self._n_bytes + len(keys.data)
        if n_bytes > len(self._data):
            data: npt.NDArray[np.uint8] = np.empty(max(n_bytes, 2 * len(self._data)), np.uint8)
            data[: self._n_bytes] = self._data[: self._n_bytes]
            self._data = data
        self._data[self._n_bytes : n_bytes] = keys.data
        self._ends[rows] = keys.ends + np.uint32(self._n_bytes)
        self._n_bytes = n_bytes
