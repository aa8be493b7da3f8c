"""Columns of up to 65,536 finished spans, and what finds the few of them that a picture needs.

Rows stay in the order of arrival for the life of a chunk, so (chunk, row) names a span for good;
a sealed chunk has orders by start, end and duration beside them, two bytes a row each. An open
chunk shows the rows that were there when the snapshot was taken, of arrays that are still filled.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from daskscope.store.ordering import order_of
from daskscope.store.schema import MAX_TIME_NS, SPAN_COLUMNS, Array, Status, TextColumn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from daskscope.store.pyramid import Pyramid

CHUNK_ROWS: Final = 65_536
#: Columns of a chunk: those of a batch, with the lane in place of resource and thread.
CHUNK_COLUMNS: Final[Mapping[str, np.dtype[np.generic]]] = {
    name: dtype for name, dtype in SPAN_COLUMNS.items() if name not in ("resource", "thread")
} | {"lane": np.dtype("u4")}

#: So many rows are looked at one by one rather than found.
_FEW_ROWS: Final = 512
#: An array is compared with a number of its own type: with a member of an enum numpy takes 15 us.
_ERROR: Final = np.uint8(Status.ERROR)

Rows = npt.NDArray[np.intp]
_Order = npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Index:
    """Orders of the rows of a sealed chunk.

    Attributes
    ----------
    by_start, by_end
        uint16: rows in order of start, and of end.
    by_duration
        uint16: rows in order of falling duration class, see `duration_class`.
    n_at_least
        `n_at_least[c]`: number of rows of class c or more; 64 entries.
    erred
        uint16: rows of spans that failed.
    """

    by_start: _Order
    by_end: _Order
    by_duration: _Order
    n_at_least: tuple[int, ...]
    erred: _Order


def duration_class(duration_ns: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
    """Class c of durations in 2**(c-1) .. 2**c - 1 ns; 0 for none."""
    return np.frexp(np.maximum(duration_ns, 0).astype(np.float64))[1].astype(np.int8)


def build_index(
    start_ns: npt.NDArray[np.int64], end_ns: npt.NDArray[np.int64], status: Array
) -> Iterator[Index | None]:
    """Orders of at most `CHUNK_ROWS` rows: the last step's result, None of the steps before."""
    by_start = order_of(start_ns - start_ns.min(initial=MAX_TIME_NS)).astype(np.uint16)
    yield None
    # Spans come in the order of their end, or those of each of a few senders do.
    by_end = np.argsort(end_ns, kind="stable").astype(np.uint16)
    yield None
    classes = duration_class(end_ns - start_ns)
    n_of_class = np.bincount(classes, minlength=64)
    yield Index(
        by_start=by_start,
        by_end=by_end,
        by_duration=np.argsort(-classes, kind="stable").astype(np.uint16),
        n_at_least=tuple(np.cumsum(n_of_class[::-1])[::-1].tolist()),
        erred=np.flatnonzero(status == _ERROR).astype(np.uint16),
    )


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some spans, in order of arrival.

    Attributes
    ----------
    number
        Chunks are numbered from 0 in order of their making; those held are consecutive.
    columns
        One array for each of `CHUNK_COLUMNS`.
    keys
        Task key of each span.
    t_min, t_max
        First start and last end; equal to each other in an empty chunk.
    last_start_ns
        Last start.
    index, pyramid
        None while the chunk is open, and for a while after that.
    """

    number: int
    columns: Mapping[str, Array]
    keys: TextColumn
    t_min: int
    t_max: int
    last_start_ns: int
    index: Index | None = None
    pyramid: Pyramid | None = None

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def start_ns(self) -> npt.NDArray[np.int64]:
        """Starts, int64 ns."""
        return self.columns["start_ns"].view(np.int64)

    @property
    def end_ns(self) -> npt.NDArray[np.int64]:
        """Ends, int64 ns."""
        return self.columns["end_ns"].view(np.int64)

    @property
    def nbytes(self) -> int:
        """Memory of columns, keys and what finds them."""
        n_bytes = sum(column.nbytes for column in self.columns.values())
        n_bytes += self.keys.data.nbytes + self.keys.ends.nbytes
        if self.index is not None:
            n_bytes += 3 * self.index.by_start.nbytes
        return n_bytes + (self.pyramid.nbytes if self.pyramid is not None else 0)

    @property
    def erred(self) -> Rows:
        """Rows of spans that failed."""
        if self.index is None:
            return np.flatnonzero(self.columns["status"] == _ERROR)
        return self.index.erred.astype(np.intp)

    def erred_among(self, rows: range) -> Rows:
        """Those of some rows that failed."""
        if self.index is None:
            status = self.columns["status"][rows.start : rows.stop]
            return np.flatnonzero(status == _ERROR) + rows.start
        erred = self.index.erred
        first, end = np.searchsorted(erred, (rows.start, rows.stop))
        return erred[first:end].astype(np.intp)

    def is_within(self, from_ns: int, to_ns: int) -> bool:
        """Whether all spans have `start >= from_ns` and `end < to_ns`."""
        return self.t_min >= from_ns and self.t_max < to_ns

    def n_overlapping(self, from_ns: int, to_ns: int) -> int:
        """Number of spans with `start < to_ns` and `end >= from_ns`."""
        if self.is_within(from_ns, to_ns):
            return len(self)
        if self.t_min >= to_ns or self.t_max < from_ns:
            return 0
        start_ns, end_ns = self.start_ns, self.end_ns
        if self.index is None:
            return int(np.count_nonzero((start_ns < to_ns) & (end_ns >= from_ns)))
        n_begun = bisect_left(self.index.by_start, to_ns, key=start_ns.__getitem__)
        n_ended = bisect_left(self.index.by_end, from_ns, key=end_ns.__getitem__)
        return n_begun - n_ended

    def lasting(self, least_ns: float, from_ns: int, to_ns: int) -> Rows:
        """Rows that overlap a stretch of time and last `least_ns` or longer."""
        if self.t_min >= to_ns or self.t_max < from_ns:
            return np.empty(0, np.intp)
        rows: Rows
        if self.index is None:
            rows = np.arange(len(self))
        else:
            # What began before the last start and still reaches the stretch lasts at least so long.
            known_ns = int(max(least_ns, from_ns - self.last_start_ns, 0))
            n_rows = self.index.n_at_least[min(known_ns.bit_length(), 63)]
            rows = self.index.by_duration[:n_rows].astype(np.intp)
        start_ns, end_ns = self.start_ns[rows], self.end_ns[rows]
        is_meant = (start_ns < to_ns) & (end_ns >= from_ns) & (end_ns - start_ns >= least_ns)
        return rows[is_meant]

    def starting(self, from_ns: int, to_ns: int) -> Rows:
        """Rows with `from_ns <= start < to_ns`."""
        if self.last_start_ns < from_ns or self.t_min >= to_ns:
            return np.empty(0, np.intp)
        start_ns = self.start_ns
        if self.index is None:
            return np.flatnonzero((start_ns >= from_ns) & (start_ns < to_ns))
        first = bisect_left(self.index.by_start, from_ns, key=start_ns.__getitem__)
        last = bisect_left(self.index.by_start, to_ns, key=start_ns.__getitem__)
        return self.index.by_start[first:last].astype(np.intp)

    def begun(self, at_ns: int) -> Rows:
        """Rows with `start < at_ns < end`."""
        if self.t_min >= at_ns or self.t_max <= at_ns:
            return np.empty(0, np.intp)
        rows: Rows
        if self.index is None:
            return np.flatnonzero((self.start_ns < at_ns) & (self.end_ns > at_ns))
        # The few that last long, and of the others those that began not longer ago than they last.
        is_few = (n <= _FEW_ROWS for n in self.index.n_at_least)
        least = next((c for c, is_meant in enumerate(is_few) if is_meant), 63)
        longest_ns = 1 << max(least - 1, 0)
        long = self.index.by_duration[: self.index.n_at_least[least]].astype(np.intp)
        short = self.starting(at_ns - longest_ns, at_ns)
        short = short[self.end_ns[short] - self.start_ns[short] < longest_ns]
        rows = np.concatenate([long, short])
        return rows[(self.start_ns[rows] < at_ns) & (self.end_ns[rows] > at_ns)]

    def touching(self, from_ns: int, to_ns: int) -> Rows:
        """Rows that lie in a stretch of time, even in part: start < to_ns and end > from_ns.

        Those that begin with it are among them, too.
        """
        return np.concatenate([self.starting(from_ns, to_ns), self.begun(from_ns)])


def place_of(number: int, chunks: Sequence[Chunk]) -> int | None:
    """Where the chunk of that number stands, None where it was evicted or is not there yet.

    Chunks are numbered in their order, without gaps.
    """
    at = number - chunks[0].number if chunks else -1
    return at if 0 <= at < len(chunks) else None
