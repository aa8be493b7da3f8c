"""Between lanes that are selected and the rows of the task stream in which they lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from daskscope.derive.lanelayout import RowKind

if TYPE_CHECKING:
    from daskscope.derive.lanelayout import Int32s, LaneLayout


def lanes_between(layout: LaneLayout, top_px: int, bottom_px: int) -> frozenset[int]:
    """Ids of the lanes in rows that a stretch of the unscrolled content touches."""
    rows = layout.rows_within(top_px, bottom_px - top_px + 1)
    row_of_lane = layout.row_of_lane
    is_in = (row_of_lane >= rows.start) & (row_of_lane < rows.stop)
    return frozenset(np.flatnonzero(is_in).tolist())


def lanes_of(layout: LaneLayout, key: str, *, is_host: bool) -> frozenset[int]:
    """Ids of the lanes of a host or worker, as the session folds and pins it; none of one gone."""
    if not is_host:
        for block in layout.workers:
            if block.key == key:
                return lanes_between(layout, block.y_px, block.y_px + block.height_px - 1)
        return frozenset()
    headers = np.flatnonzero(layout.kinds == RowKind.HOST.value).tolist()
    hosts = [layout.rows[row].host for row in headers]
    if key not in hosts:
        return frozenset()
    tops_px = [*layout.row_px[0, headers].tolist(), layout.height_px]
    at = hosts.index(key)
    return lanes_between(layout, tops_px[at], tops_px[at + 1] - 1)


def with_row_below(layout: LaneLayout, lanes: frozenset[int], least_row: int = 0) -> frozenset[int]:
    """`lanes`, and those of the next row below all of them, which is not above `least_row`.

    Rows in which no lane lies are passed over. At the lower end nothing is added.
    """
    lowest = max(lowest_row(layout, lanes), least_row - 1)
    below = layout.row_of_lane[layout.row_of_lane > lowest]
    return lanes | _lanes_in(layout, int(below.min())) if len(below) else lanes


def without_lowest_row(layout: LaneLayout, lanes: frozenset[int]) -> frozenset[int]:
    """`lanes` without those of the lowest row of several."""
    rows = _rows_of(layout, lanes)
    return lanes - _lanes_in(layout, int(rows[-1])) if len(rows) > 1 else lanes


def lowest_row(layout: LaneLayout, lanes: frozenset[int]) -> int:
    """The lowest row in which any of some lanes lies, -1 for none."""
    rows = _rows_of(layout, lanes)
    return int(rows[-1]) if len(rows) else -1


def lane_bands(layout: LaneLayout, lanes: frozenset[int]) -> list[tuple[int, int]]:
    """Top and bottom, in unscrolled content, of each run of rows in which some lanes lie.

    A run goes on over rows in which no lane lies: headers, and threads that have done nothing.
    """
    meant = _rows_of(layout, lanes)
    if not len(meant):
        return []
    used = np.unique(layout.row_of_lane[layout.row_of_lane >= 0])
    place = np.searchsorted(used, meant)
    starts = np.flatnonzero(np.diff(place, prepend=-2) > 1)
    ends = np.concatenate([starts[1:], [len(meant)]]) - 1
    tops, heights = layout.row_px
    bottoms = tops + heights
    return list(zip(tops[meant[starts]].tolist(), bottoms[meant[ends]].tolist(), strict=True))


def _rows_of(layout: LaneLayout, lanes: frozenset[int]) -> Int32s:
    """The rows in which some lanes lie, from top to bottom."""
    ids = np.fromiter(lanes, np.intp, len(lanes))
    rows = np.unique(layout.row_of_lane[ids[ids < len(layout.row_of_lane)]])
    return rows[rows >= 0]


def _lanes_in(layout: LaneLayout, row: int) -> frozenset[int]:
    return frozenset(np.flatnonzero(layout.row_of_lane == row).tolist())
