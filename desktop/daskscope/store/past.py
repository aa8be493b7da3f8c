"""What is held of the times at which spans come late: the chunks know, so nobody else has to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.store.placing import Int64s, Mask, Spans
from daskscope.store.schema import SUB_KINDS, Kind

if TYPE_CHECKING:
    from daskscope.store.chunk import Chunk
    from daskscope.store.filling import FillingChunk
    from daskscope.store.schema import Array
    from daskscope.store.sealing import SealedChunks

#: Stretches of time are known by some hundred cells: what touches none of theirs is left out.
_CELL_BITS: Final = 9
_NONE: Final = -1
#: So few are not worth leaving some out.
_FEW: Final = 1_024
#: Kinds as numpy compares them fast.
_FIRST_SUB: Final = np.uint8(SUB_KINDS[0])
_LAST_SUB: Final = np.uint8(SUB_KINDS[-1])
_COMPUTE: Final = np.uint8(Kind.COMPUTE)


class Past:
    """Finds spans that are held, by lane, level and time.

    Attributes
    ----------
    filling
        The chunk that is being filled; whoever begins another one says so.
    """

    def __init__(self, sealed: SealedChunks, filling: FillingChunk) -> None:
        self._sealed = sealed
        self.filling = filling
        # Of each lane the one whose level it is, often itself, and which.
        self._base = np.empty(0, np.int64)
        self._level = np.empty(0, np.int64)
        # By level above 0, as far as some is used, and lane: the lane that is this level of it.
        self._above = np.empty((0, 0), np.int64)

    def reach(self, n_lanes: int) -> None:
        """Know of so many lanes, each its own level 0."""
        n = len(self._base)
        if n_lanes > n:
            fresh = np.arange(n, max(n_lanes, 2 * n))
            self._base = np.append(self._base, fresh)
            self._level = np.append(self._level, np.zeros(len(fresh), np.int64))
            above = np.full((len(self._above), len(fresh)), _NONE)
            self._above = np.append(self._above, above, axis=1)

    def know(self, lane: int, base: int, level: int) -> None:
        """Know of a lane that it is a level of another one."""
        self.reach(lane + 1)
        self._base[lane], self._level[lane] = base, level
        self._above[level - 1, base] = lane

    def lanes_of(self, base: Array, level: Int64s) -> Int64s:
        """Lanes that are some level above 0 of others, -1 where there is none yet."""
        n_more = int(level.max()) - len(self._above)
        if n_more > 0:
            fresh = np.full((n_more, len(self._base)), _NONE)
            self._above = np.append(self._above, fresh, axis=0)
        lanes: Int64s = self._above[level - 1, base]
        return lanes

    def held(self, lanes: Int64s, from_ns: Int64s, to_ns: Int64s) -> Spans:
        """Spans on all levels of some lanes at some stretches of time, and some around those.

        What lies beside a thread's tasks is none of them.
        """
        is_lane = np.zeros(len(self._base), np.bool_)
        is_lane[lanes] = True
        is_lane = is_lane[self._base]
        parts = []
        for chunk in (*self._sealed.chunks, self.filling.frozen()):
            is_in = (from_ns < chunk.t_max) & (to_ns > chunk.t_min)
            if is_in.any():
                parts.append(self._held(chunk, is_lane, from_ns[is_in], to_ns[is_in]))
        return Spans.none().joined(*parts)

    def _held(self, chunk: Chunk, is_lane: Mask, from_ns: Int64s, to_ns: Int64s) -> Spans:
        """Those of one chunk."""
        first_ns, last_ns = int(from_ns.min()), int(to_ns.max())
        if chunk.index is None:
            are_in = (chunk.start_ns < last_ns) & (chunk.end_ns > first_ns)
            rows = np.flatnonzero(are_in)
        else:
            rows = np.concatenate([chunk.begun(first_ns), chunk.starting(first_ns, last_ns)])
        rows = rows[is_lane[chunk.columns["lane"][rows]]]
        kind = chunk.columns["kind"][rows]
        is_meant = (kind < _FIRST_SUB) | (kind > _LAST_SUB)
        rows, kind = rows[is_meant], kind[is_meant]
        lane, start_ns, end_ns = (
            chunk.columns["lane"][rows],
            chunk.start_ns[rows],
            chunk.end_ns[rows],
        )
        spans = Spans(self._base[lane], self._level[lane], start_ns, end_ns, kind == _COMPUTE)
        if len(spans) <= _FEW:
            return spans
        # Cells that are asked about, before each one.
        bits = max((last_ns - first_ns).bit_length() - _CELL_BITS, 0)
        n_cells = ((last_ns - first_ns) >> bits) + 2
        edges = np.bincount((from_ns - first_ns) >> bits, minlength=n_cells)
        edges -= np.bincount(((to_ns - first_ns) >> bits) + 1, minlength=n_cells)
        n_asked = np.append(0, np.cumsum(np.cumsum(edges) > 0))
        first = np.maximum(start_ns - first_ns, 0) >> bits
        last = np.minimum(end_ns - first_ns, last_ns - first_ns) >> bits
        is_asked = n_asked[last + 1] > n_asked[first]
        return spans.those(is_asked)
