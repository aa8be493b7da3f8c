"""How much of tasks is covered by what else their thread did meanwhile.

An *inner* span is a transfer, disk access, deserialisation or span of the user's own. What of a
task such spans of its lane cover is not its own time: `self = total - covered`. Where inner spans
overlap each other, time is counted once.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from daskscope.derive.statistics.sums import in_order
from daskscope.store.schema import SUB_KINDS, Kind

if TYPE_CHECKING:
    import numpy.typing as npt

    from daskscope.derive.statistics.sums import Int64s
    from daskscope.store.chunk import Chunk, Rows


@dataclass(frozen=True, slots=True)
class Intervals:
    """Spans of some lanes: int64 each, shape (n,)."""

    lane: Int64s
    start_ns: Int64s
    end_ns: Int64s

    def __len__(self) -> int:
        return len(self.lane)

    def of(self, chosen: npt.NDArray[np.generic]) -> Intervals:
        """Some of them."""
        return Intervals(self.lane[chosen], self.start_ns[chosen], self.end_ns[chosen])


@dataclass(frozen=True, slots=True)
class Inner:
    """Inner spans of one chunk.

    Attributes
    ----------
    rows
        uint16: their rows, in order of start.
    first_ns, last_ns
        First start and last end; equal where there are none.
    longest_ns
        The longest of them.
    """

    rows: npt.NDArray[np.uint16]
    first_ns: int
    last_ns: int
    longest_ns: int

    def touching(self, chunk: Chunk, from_ns: int, to_ns: int) -> Intervals:
        """Those of `chunk`, of which they are, that lie in a stretch of time."""
        key = chunk.start_ns.__getitem__
        first = bisect_left(self.rows, from_ns - self.longest_ns, key=key)
        rows = self.rows[first : bisect_left(self.rows, to_ns, key=key)]
        rows = rows[chunk.end_ns[rows] > from_ns]
        lane = chunk.columns["lane"][rows].astype(np.int64)
        return Intervals(lane, chunk.start_ns[rows], chunk.end_ns[rows])


def inner_of(chunk: Chunk) -> Inner:
    """Inner spans of a chunk; what takes no time covers nothing."""
    kind = chunk.columns["kind"].view(np.uint8)
    is_inner = ((kind >= SUB_KINDS[0]) & (kind <= SUB_KINDS[-1])) | (kind == Kind.OTHER)
    is_inner &= chunk.end_ns > chunk.start_ns
    if chunk.index is not None:
        by_start = chunk.index.by_start
        rows = by_start[is_inner[by_start]]
    else:
        found = np.flatnonzero(is_inner)
        rows = found[np.argsort(chunk.start_ns[found], kind="stable")].astype(np.uint16)
    if not len(rows):
        return Inner(rows, 0, 0, 0)
    start_ns, end_ns = chunk.start_ns[rows], chunk.end_ns[rows]
    return Inner(rows, int(start_ns[0]), int(end_ns.max()), int((end_ns - start_ns).max()))


def cut_rows(chunk: Chunk, rows: Rows, from_ns: int, to_ns: int) -> Intervals:
    """What of some rows lies in a stretch of time that they touch."""
    return Intervals(
        chunk.columns["lane"][rows].astype(np.int64),
        np.maximum(chunk.start_ns[rows], from_ns),
        np.minimum(chunk.end_ns[rows], to_ns),
    )


def covered_ns(tasks: Intervals, inner: Intervals) -> Int64s:
    """Time of each task that inner spans of its lane cover, int64 ns."""
    if len(tasks):
        has_task = np.zeros(int(tasks.lane.max()) + 1, np.bool_)
        has_task[tasks.lane] = True
        inner = inner.of(inner.lane < len(has_task))
        inner = inner.of(has_task[inner.lane])
    if not len(inner) or not len(tasks):
        return np.zeros(len(tasks), np.int64)
    covers = _united(inner)
    # Neighbours are found fast one after the other.
    order = in_order(tasks.lane)
    tasks = tasks.of(order)
    covered = np.empty(len(tasks), np.int64)
    covered[order] = _before(covers, tasks.lane, tasks.end_ns)
    covered[order] -= _before(covers, tasks.lane, tasks.start_ns)
    return covered


def _united(spans: Intervals) -> Intervals:
    """The union of spans in each lane, in order of lane and start."""
    spans = spans.of(np.lexsort((spans.start_ns, spans.lane)))
    n = len(spans)
    # Ranks in place of times: with a lane before it, a rank fits in 64 bits and a time may not.
    order = np.argsort(spans.end_ns, kind="stable")
    rank = np.empty(n, np.int64)
    rank[order] = np.arange(n)
    reached = np.maximum.accumulate(spans.lane * n + rank) - spans.lane * n
    reached_ns = spans.end_ns[order][reached]
    is_first = np.ones(n, np.bool_)
    is_first[1:] = (spans.start_ns[1:] > reached_ns[:-1]) | (spans.lane[1:] != spans.lane[:-1])
    firsts = np.flatnonzero(is_first)
    lasts = np.concatenate([firsts[1:], [n]]) - 1
    return Intervals(spans.lane[firsts], spans.start_ns[firsts], reached_ns[lasts])


def _before(covers: Intervals, lane: Int64s, time_ns: Int64s) -> Int64s:
    """Covered time before each of some times in their lanes, from a start of the lane's own."""
    before = np.concatenate([[0], np.cumsum(covers.end_ns - covers.start_ns)])
    # Complex numbers are in order of their real parts, then of the imaginary ones: lane, time. A
    # float holds nanoseconds of 104 days after an origin.
    origin_ns = covers.start_ns[0]
    keys = covers.lane + 1j * (covers.start_ns - origin_ns)
    last = np.searchsorted(keys, lane + 1j * (time_ns - origin_ns), side="right") - 1
    is_in_lane = (last >= 0) & (covers.lane[last] == lane)
    into_ns = np.minimum(time_ns, covers.end_ns[last]) - covers.start_ns[last]
    result: Int64s = np.where(is_in_lane, before[last] + into_ns, before[last + 1])
    return result
