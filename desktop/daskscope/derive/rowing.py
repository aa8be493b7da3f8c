"""Which rows of the task stream are visible, and which lanes lie in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from daskscope.derive.lanelayout import RowKind

if TYPE_CHECKING:
    import numpy.typing as npt

    from daskscope.derive.frames import Int32s
    from daskscope.derive.lanelayout import LaneLayout


@dataclass(frozen=True, slots=True, eq=False)
class Rowing:
    """Which rows are visible, and where lanes go in them.

    Attributes
    ----------
    first_row, last_row
        Visible rows of the layout, `last_row` exclusive.
    row_of_lane
        int32, by lane id: row counted from `first_row`, -1 for a lane that is not visible. What
        lies within attempts keeps no thread of a density row busy besides them.
    is_density
        bool, by visible row: all that is in it is summed up.
    """

    first_row: int
    last_row: int
    row_of_lane: Int32s
    is_density: npt.NDArray[np.bool_]

    def is_same(self, other: Rowing) -> bool:
        """Whether the same lanes lie in the same rows, whatever lies out of sight."""
        if self is other:
            return True
        less, more = sorted((self.row_of_lane, other.row_of_lane), key=len)
        return (
            (self.first_row, self.last_row) == (other.first_row, other.last_row)
            and np.array_equal(less, more[: len(less)])
            and not (more[len(less) :] >= 0).any()
            and np.array_equal(self.is_density, other.is_density)
        )


def rowing(layout: LaneLayout, n_lanes: int, top_px: int, height_px: int) -> Rowing:
    """The rows that are visible `top_px` below the start of the content."""
    visible = layout.rows_within(top_px, height_px)
    first, last = (visible.start, visible.stop) if visible else (0, 0)
    row_of_lane = np.full(n_lanes, -1, np.int32)
    known = layout.row_of_lane[:n_lanes]
    is_in = (known >= first) & (known < last)
    row_of_lane[: len(known)][is_in] = known[is_in] - np.int32(first)
    kinds = layout.kinds[first:last]
    is_density = kinds == RowKind.DENSITY.value
    inner = np.flatnonzero(layout.is_inner[:n_lanes])
    inner = inner[row_of_lane[inner] >= 0]
    row_of_lane[inner[is_density[row_of_lane[inner]]]] = -1
    return Rowing(first, last, row_of_lane, is_density | (kinds == RowKind.CROWD.value))
