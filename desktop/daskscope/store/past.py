"""What is held of the times at which spans come late: the chunks know, so nobody else has to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.store.placing import Int64s, Mask, Spans
from daskscope.store.schema import SUB_KINDS, Kind

if TYPE_CHECKING:
    from daskscope.store.chunk import Chunk, Rows
    from daskscope.store.filling import FillingChunk
    from daskscope.store.schema import Array
    from daskscope.store.sealing import SealedChunks

#: Cells by which stretches of time are known, for each of them.
_CELLS_EACH: Final = 8
_NONE: Final = -1
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

    def held(self, lane: Int64s, from_ns: Int64s, to_ns: Int64s) -> Spans:
        """Spans on all levels of some lanes at a stretch of time of each, and some around those.

        A lane may have several stretches. What lies beside a thread's tasks is none of its spans.
        """
        lanes, at = np.unique(lane, return_inverse=True)
        place_of = np.full(len(self._base), _NONE)
        place_of[lanes] = np.arange(len(lanes))
        place_of = place_of[self._base]
        parts = []
        for chunk in (*self._sealed.chunks, self.filling.frozen()):
            is_in = (from_ns < chunk.t_max) & (to_ns > chunk.t_min)
            if is_in.any():
                stretches = _Stretches(at[is_in], from_ns[is_in], to_ns[is_in], len(lanes))
                parts.append(self._held(chunk, place_of, stretches))
        return Spans.none().joined(*parts)

    def _held(self, chunk: Chunk, place_of: Int64s, stretches: _Stretches) -> Spans:
        """Those of one chunk."""
        rows = stretches.around(chunk)
        rows = rows[place_of[chunk.columns["lane"][rows]] >= 0]
        kind = chunk.columns["kind"][rows]
        is_meant = (kind < _FIRST_SUB) | (kind > _LAST_SUB)
        rows, kind = rows[is_meant], kind[is_meant]
        start_ns, end_ns = chunk.start_ns[rows], chunk.end_ns[rows]
        lane = chunk.columns["lane"][rows]
        spans = Spans(self._base[lane], self._level[lane], start_ns, end_ns, kind == _COMPUTE)
        return spans.those(stretches.touch(place_of[lane], start_ns, end_ns))


class _Stretches:
    """Stretches of time of some lanes, which are numbered from 0."""

    def __init__(self, place: Int64s, from_ns: Int64s, to_ns: Int64s, n_lanes: int) -> None:
        self._first_ns, self._last_ns = int(from_ns.min()), int(to_ns.max())
        n_bits = (_CELLS_EACH * len(place) // n_lanes).bit_length()
        self._bits = max((self._last_ns - self._first_ns).bit_length() - n_bits, 0)
        # One more behind the last, of which nothing is asked.
        self._n_cells = self._cell(to_ns).max() + 2
        size, base = n_lanes * self._n_cells, place * self._n_cells
        edges = np.bincount(base + self._cell(from_ns), minlength=size)
        edges -= np.bincount(base + self._cell(to_ns) + 1, minlength=size)
        # Cells that are asked about, before each one.
        self._n_asked = np.append(0, np.cumsum(np.cumsum(edges) > 0))

    def around(self, chunk: Chunk) -> Rows:
        """Rows between the first start and the last end."""
        if chunk.index is None:
            are_in = (chunk.start_ns < self._last_ns) & (chunk.end_ns > self._first_ns)
            return np.flatnonzero(are_in)
        begun, starting = chunk.begun(self._first_ns), chunk.starting(self._first_ns, self._last_ns)
        return np.concatenate([begun, starting])

    def touch(self, place: Int64s, start_ns: Int64s, end_ns: Int64s) -> Mask:
        """Whether spans are in a cell in which a stretch of their lane is."""
        base = place * self._n_cells
        first = base + self._cell(np.maximum(start_ns, self._first_ns))
        last = base + self._cell(np.minimum(end_ns, self._last_ns))
        touch: Mask = self._n_asked[last + 1] > self._n_asked[first]
        return touch

    def _cell(self, time_ns: Int64s) -> Int64s:
        cell: Int64s = (time_ns - self._first_ns) >> self._bits
        return cell
