"""How much of tasks is covered by what they did that has a span of its own.

A *child* is a span whose parent is the task: one that the user's code opened, a transfer, a disk
access, an unpickling, a client's call. What of a task its children cover is not its own time:
`self = total - covered`. Where children overlap each other, time is counted once.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from daskscope.store.schema import SUB_KINDS, Kind

if TYPE_CHECKING:
    import numpy.typing as npt

    from daskscope.derive.statistics.sums import Floats, Int64s
    from daskscope.store.chunk import Chunk, Rows


@dataclass(frozen=True, slots=True)
class Intervals:
    """Stretches of time.

    Attributes
    ----------
    owner
        uint64: id of the span that each belongs to, of a task its own, of a child its parent's.
    start_ns, end_ns
        int64.
    """

    owner: npt.NDArray[np.uint64]
    start_ns: Int64s
    end_ns: Int64s

    def __len__(self) -> int:
        return len(self.owner)


@dataclass(frozen=True, slots=True)
class Children:
    """Spans of one chunk that have a parent and are no attempts.

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
        parent = chunk.columns["parent_id"][rows].view(np.uint64)
        return Intervals(parent, chunk.start_ns[rows], chunk.end_ns[rows])


def children_of(chunk: Chunk) -> Children:
    """Children in a chunk; what takes no time covers nothing."""
    kind = chunk.columns["kind"].view(np.uint8)
    is_child = (kind >= SUB_KINDS[0]) & (kind <= SUB_KINDS[-1])
    is_child |= (kind == Kind.OTHER.value) | (kind == Kind.CLIENT.value)
    is_child &= (chunk.columns["parent_id"] != 0) & (chunk.end_ns > chunk.start_ns)
    if chunk.index is not None:
        by_start = chunk.index.by_start
        rows = by_start[is_child[by_start]]
    else:
        found = np.flatnonzero(is_child)
        rows = found[np.argsort(chunk.start_ns[found], kind="stable")].astype(np.uint16)
    if not len(rows):
        return Children(rows, 0, 0, 0)
    start_ns, end_ns = chunk.start_ns[rows], chunk.end_ns[rows]
    return Children(rows, int(start_ns[0]), int(end_ns.max()), int((end_ns - start_ns).max()))


def cut_rows(chunk: Chunk, rows: Rows, from_ns: int, to_ns: int) -> Intervals:
    """What of some rows lies in a stretch of time that they touch."""
    return Intervals(
        chunk.columns["span_id"][rows].view(np.uint64),
        np.maximum(chunk.start_ns[rows], from_ns),
        np.minimum(chunk.end_ns[rows], to_ns),
    )


def covered_ns(tasks: Intervals, children: Intervals) -> Floats:
    """Time of each task that its children cover, float64 ns."""
    if not len(tasks) or not len(children):
        return np.zeros(len(tasks))
    order = np.argsort(tasks.owner)
    ids = tasks.owner[order]
    at = np.minimum(np.searchsorted(ids, children.owner), len(ids) - 1)
    own = np.flatnonzero(ids[at] == children.owner)
    task = order[at[own]]
    start_ns = np.maximum(children.start_ns[own], tasks.start_ns[task])
    end_ns = np.minimum(children.end_ns[own], tasks.end_ns[task])
    inside = np.flatnonzero(end_ns > start_ns)
    return _united(task[inside], start_ns[inside], end_ns[inside], len(tasks))


def _united(task: npt.NDArray[np.intp], start_ns: Int64s, end_ns: Int64s, n_tasks: int) -> Floats:
    """Length of the union of the stretches of each task."""
    order = np.lexsort((start_ns, task))
    task, start_ns, end_ns = task[order], start_ns[order], end_ns[order]
    n = len(task)
    # Ranks in place of times: with a task before it, a rank fits in 64 bits and a time may not.
    by_end = np.argsort(end_ns, kind="stable")
    rank = np.empty(n, np.int64)
    rank[by_end] = np.arange(n)
    reached = np.maximum.accumulate(task * n + rank) - task * n
    reached_ns = end_ns[by_end][reached]
    begin_ns = start_ns.copy()
    is_next = task[1:] == task[:-1]
    begin_ns[1:][is_next] = np.maximum(begin_ns[1:], reached_ns[:-1])[is_next]
    return np.bincount(task, np.maximum(end_ns - begin_ns, 0), n_tasks).astype(np.float64)
