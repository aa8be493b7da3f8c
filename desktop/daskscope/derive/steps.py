"""From span to span in order of time, from match to match among them, and which of all one is.

Spans are ordered by start; of equal ones the older chunk and row comes first. Chunks that begin
too late or too early are not looked at, so that a step costs one or two chunks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from daskscope.derive.frames import FoundMark
from daskscope.derive.lanelayout import RowKind
from daskscope.derive.matches import Mark
from daskscope.store.schema import SUB_KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy.typing as npt

    from daskscope.derive.lanelayout import LaneLayout
    from daskscope.derive.matches import Marks
    from daskscope.session import Spot, Viewport
    from daskscope.store.chunk import Chunk, Rows
    from daskscope.store.snapshot import Snapshot

#: Start of a span, number of its chunk, and its row in there.
Order: TypeAlias = tuple[int, int, int]
#: Before and behind all spans.
FIRST: Final[Order] = (-(1 << 62), -1, -1)
LAST: Final[Order] = (1 << 62, -1, -1)

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
    def order(self) -> Order:
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


def step(snapshot: Snapshot, marks: Marks, after: Order, is_forward: bool) -> Found | None:
    """The next match after an order, or the one before it; at the end it begins anew.

    `after` may be the order of a match, or of no match at all: (time, -1, -1).
    """

    def lit(chunk: Chunk, _from_ns: int, _to_ns: int) -> Rows:
        return np.flatnonzero(marks.rows(chunk.number) == Mark.LIT.value)

    found = next_span(snapshot.chunks, lit, after, is_forward)
    if found is None:
        found = next_span(snapshot.chunks, lit, FIRST if is_forward else LAST, is_forward)
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


def next_span(
    chunks: Iterable[Chunk],
    meant: Callable[[Chunk, int, int], Rows],
    after: Order,
    is_forward: bool,
) -> Order | None:
    """The order of the first span that is meant behind `after`, or of the last one before it.

    Parameters
    ----------
    chunks
        In any order; it costs least where those come first that are likely to hold it.
    meant
        Which rows of a chunk are meant, of those at least that begin between two times, the second
        one exclusive; others of them may be among its result.
    after
        The order of a span, or of none: (time, -1, -1).
    is_forward
        Which of the two.
    """
    best: Order | None = None
    for chunk in chunks:
        if is_forward:
            from_ns, to_ns = after[0], best[0] + 1 if best else LAST[0]
        else:
            from_ns, to_ns = best[0] if best else FIRST[0], after[0] + 1
        if chunk.last_start_ns < from_ns or chunk.t_min >= to_ns:
            continue
        rows = meant(chunk, from_ns, to_ns)
        is_before = _is_before(chunk, rows, after)
        if is_forward:
            is_itself = (rows == after[2]) & (chunk.number == after[1])
            rows = rows[~is_before & ~is_itself]
        else:
            rows = rows[is_before]
        if not len(rows):
            continue
        starts = chunk.start_ns[rows]
        edge_ns = starts.min() if is_forward else starts.max()
        equal = rows[starts == edge_ns]
        order = (int(edge_ns), chunk.number, int(equal.min() if is_forward else equal.max()))
        if best is None or (order < best) == is_forward:
            best = order
    return best


def _is_before(chunk: Chunk, rows: Rows, order: Order) -> npt.NDArray[np.bool_]:
    start_ns, number, row = order
    starts = chunk.start_ns[rows]
    is_before: npt.NDArray[np.bool_] = starts < start_ns
    if chunk.number < number:
        is_before |= starts == start_ns
    elif chunk.number == number:
        is_before |= (starts == start_ns) & (rows < row)
    return is_before
