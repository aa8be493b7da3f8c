"""From match to match in order of time, and which of all a match is.

Matches are ordered by start; of equal ones the older chunk and row comes first. Chunks that begin
too late or too early are not looked at, so that a step costs one or two chunks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.derive.frames import FoundMark
from daskscope.derive.lanelayout import RowKind
from daskscope.derive.matches import Mark
from daskscope.store.schema import SUB_KINDS

if TYPE_CHECKING:
    import numpy.typing as npt

    from daskscope.derive.lanelayout import LaneLayout
    from daskscope.derive.matches import Marks
    from daskscope.session import Spot, Viewport
    from daskscope.store.chunk import Chunk, Rows
    from daskscope.store.snapshot import Snapshot

#: A frame around what begins or ends beside the view has no edge there.
_BESIDE_PX: Final = -4


@dataclass(frozen=True, slots=True)
class Found:
    """A match, as it lies in time and in the rows.

    Attributes
    ----------
    spot
        Number of its chunk, and its row in there.
    lane
        Id of its lane.
    is_sub
        It lies in the sub-lane.
    """

    spot: Spot
    start_ns: int
    end_ns: int
    lane: int
    is_sub: bool

    @property
    def order(self) -> tuple[int, int, int]:
        """By which matches are sorted."""
        return (self.start_ns, *self.spot)


def found_at(snapshot: Snapshot, spot: Spot | None) -> Found | None:
    """What lies at a spot, None where nothing is held any more."""
    if spot is None:
        return None
    number, row = spot
    chunk = snapshot.chunk(number)
    if chunk is None or row >= len(chunk):
        return None
    return Found(
        spot,
        int(chunk.start_ns[row]),
        int(chunk.end_ns[row]),
        int(chunk.columns["lane"][row]),
        int(chunk.columns["kind"][row]) in SUB_KINDS,
    )


def step(
    snapshot: Snapshot, marks: Marks, after: tuple[int, int, int], is_forward: bool
) -> Found | None:
    """The next match after an order, or the one before it; at the end it begins anew.

    `after` may be the order of a match, or of no match at all: (time, -1, -1).
    """
    ends = (-(1 << 62), -1, -1), (1 << 62, -1, -1)
    found = _nearest(snapshot, marks, after, is_forward)
    if found is None:
        found = _nearest(snapshot, marks, ends[0] if is_forward else ends[1], is_forward)
    return found_at(snapshot, found[1:]) if found is not None else None


def ordinal(snapshot: Snapshot, marks: Marks, found: Found) -> int:
    """Which match it is in order of time, from 1; 0 where it is none."""
    rows = marks.rows(found.spot[0])
    if found.spot[1] >= len(rows) or rows[found.spot[1]] != Mark.LIT:
        return 0
    n = 0
    for chunk in snapshot.chunks:
        known = marks.rows(chunk.number)
        if chunk.t_min > found.start_ns or not len(known):
            continue
        if chunk.last_start_ns < found.start_ns:
            n += int(np.count_nonzero(known == Mark.LIT.value))
            continue
        lit = np.flatnonzero(known == Mark.LIT.value)
        n += int(np.count_nonzero(_is_before(chunk, lit, found.order)))
    return n + 1


def found_mark(found: Found, layout: LaneLayout, rows: range, view: Viewport) -> FoundMark | None:
    """Where a match lies in a view, None where it cannot be seen; `rows` are visible."""
    row = int(layout.row_of_lane[found.lane]) if found.lane < len(layout.row_of_lane) else -1
    x0_px, x1_px = view.x_px(found.start_ns), view.x_px(found.end_ns)
    if row not in rows or x1_px < 0 or x0_px >= view.width_px:
        return None
    first = max(round(x0_px), _BESIDE_PX)
    end = min(max(round(x1_px), first + 1), view.width_px - _BESIDE_PX)
    is_lane = layout.rows[row].kind is RowKind.LANE
    return FoundMark(row, first, end, found.is_sub and is_lane)


def _is_before(chunk: Chunk, rows: Rows, order: tuple[int, int, int]) -> npt.NDArray[np.bool_]:
    start_ns, number, row = order
    starts = chunk.start_ns[rows]
    is_before: npt.NDArray[np.bool_] = starts < start_ns
    if chunk.number < number:
        is_before |= starts == start_ns
    elif chunk.number == number:
        is_before |= (starts == start_ns) & (rows < row)
    return is_before


def _nearest(
    snapshot: Snapshot, marks: Marks, after: tuple[int, int, int], is_forward: bool
) -> tuple[int, int, int] | None:
    """Order of the first match behind `after`, or of the last one before it."""
    best: tuple[int, int, int] | None = None
    for chunk in snapshot.chunks:
        if is_forward:
            is_out = chunk.last_start_ns < after[0] or (best and chunk.t_min > best[0])
        else:
            is_out = chunk.t_min > after[0] or (best and chunk.last_start_ns < best[0])
        known = marks.rows(chunk.number)
        if is_out or not len(known):
            continue
        lit = np.flatnonzero(known == Mark.LIT.value)
        is_before = _is_before(chunk, lit, after)
        if is_forward:
            is_itself = (lit == after[2]) & (chunk.number == after[1])
            lit = lit[~is_before & ~is_itself]
        else:
            lit = lit[is_before]
        if not len(lit):
            continue
        starts = chunk.start_ns[lit]
        at = int(starts.argmin()) if is_forward else len(lit) - 1 - int(starts[::-1].argmax())
        order = (int(starts[at]), chunk.number, int(lit[at]))
        if best is None or (order < best) == is_forward:
            best = order
    return best
