"""What is known about the visible rows in a window of time, kept up to date as spans arrive.

Wide spans are kept one by one; short ones, and everything in density rows, are summed up in a
raster. A picture takes each span once: from a sealed chunk that it sees for the first time through
the chunk's pyramid, else from the rows that are new.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.derive.frames import LEAST_BAR_PX, BarState, RowKind
from daskscope.derive.raster import Raster, Window
from daskscope.store.schema import Kind, Status

if TYPE_CHECKING:
    import numpy.typing as npt

    from daskscope.derive.frames import Int32s, LaneLayout
    from daskscope.session import Viewport
    from daskscope.store.chunk import Chunk, Rows
    from daskscope.store.pyramid import Level
    from daskscope.store.snapshot import Snapshot

    Spans = npt.NDArray[np.void]

#: One span that is kept; `row` is the layout's, `chunk` the chunk's number, -1 while it runs.
SPAN: Final = np.dtype(
    [
        ("start_ns", "i8"),
        ("end_ns", "i8"),
        ("row", "i4"),
        ("slot", "i4"),
        ("name", "u4"),
        ("chunk", "i4"),
        ("index", "i4"),
        ("kind", "u1"),
        ("state", "u1"),
    ]
)
#: Columns beyond the view that are kept ready: to the right while following, else on both sides.
_SPARE_SHARE: Final = 0.25
_LEAST_SPARE_PX: Final = 64
#: Two views of one grid differ by whole columns, but for both starts' rounding to nanoseconds.
_OFF_GRID_NS: Final = 1.5
#: Blocks of wide spans are joined when there are more.
_MAX_BLOCKS: Final = 32


#: By outcome of an attempt, and by status of what has none.
_STATE_OF: Final = np.array(
    [
        BarState.FINISHED,
        BarState.FINISHED,
        BarState.ERRED,
        BarState.DROPPED,
        BarState.DROPPED,
        BarState.LOST,
        BarState.LOST,
    ],
    np.uint8,
)
_STATE_WITHOUT: Final = np.array([BarState.FINISHED, BarState.FINISHED, BarState.ERRED], np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Rowing:
    """Which rows are visible, and where lanes go in them.

    Attributes
    ----------
    first_row, last_row
        Visible rows of the layout, `last_row` exclusive.
    row_of_lane
        int32, by lane id: row counted from `first_row`, -1 for a lane that is not visible.
    is_density
        bool, by visible row.
    """

    first_row: int
    last_row: int
    row_of_lane: Int32s
    is_density: npt.NDArray[np.bool_]

    def is_same(self, other: Rowing) -> bool:
        """Whether the same lanes lie in the same rows."""
        return (
            (self.first_row, self.last_row) == (other.first_row, other.last_row)
            and np.array_equal(self.row_of_lane, other.row_of_lane)
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
    is_density = layout.kinds[first:last] == RowKind.DENSITY
    return Rowing(first, last, row_of_lane, is_density)


class Picture:
    """Spans of the visible rows in one window.

    Attributes
    ----------
    raster
        Sums of what is not drawn one by one.
    """

    def __init__(self, rows: Rowing, view: Viewport, is_following: bool) -> None:
        spare = max(round(view.width_px * _SPARE_SHARE), _LEAST_SPARE_PX)
        before = 0 if is_following else spare
        window = Window(view.start_ns, view.ns_per_px, -before, before + view.width_px + spare)
        self.raster = Raster(window, rows.last_row - rows.first_row)
        self._rows = rows
        self._width_px = view.width_px
        self._least_ns = LEAST_BAR_PX * view.ns_per_px
        self._blocks: list[Spans] = []
        self._taken: dict[int, tuple[int, int]] = {}

    def reaches(self, snapshot: Snapshot, rows: Rowing, view: Viewport) -> bool:
        """Whether this picture, with what is new in `snapshot`, is one of `view`."""
        window = self.raster.window
        column = self.column_of(view)
        # Of differences, not of times: a float holds no nanoseconds of the epoch.
        off_ns = view.start_ns - window.origin_ns - (window.column + column) * window.ns_per_px
        if (
            view.ns_per_px != window.ns_per_px
            or view.width_px != self._width_px
            or abs(off_ns) > _OFF_GRID_NS
            or column < 0
            or not self._rows.is_same(rows)
            or self._has_lost(snapshot)
        ):
            return False
        if column + view.width_px <= window.n_columns:
            return True
        # The window can move on only if what comes into it is not known yet.
        known_to_ns = max((end for _, end in self._taken.values()), default=0)
        return column < window.n_columns and known_to_ns <= window.end_ns

    def column_of(self, view: Viewport) -> int:
        """Column of the window in which a view begins."""
        window = self.raster.window
        return round((view.start_ns - window.origin_ns) / window.ns_per_px) - window.column

    def show(self, snapshot: Snapshot, view: Viewport) -> int:
        """Move to a view that it `reaches`, and take what is new; the column where it begins."""
        column = self.column_of(view)
        if column + view.width_px > self.raster.window.n_columns:
            self.raster.move(self.raster.window.column + column)
            self._blocks = [self.wide(self.raster.window.start_ns)]
            column = 0
        slot_of = snapshot.slot_of
        for chunk in snapshot.chunks:
            n_taken, _ = self._taken.get(chunk.number, (0, 0))
            if n_taken < len(chunk):
                self._take(chunk, n_taken, slot_of)
                self._taken[chunk.number] = len(chunk), chunk.t_max
        return column

    def wide(self, from_ns: int) -> Spans:
        """Spans that are drawn one by one and end after `from_ns`."""
        if len(self._blocks) > 1:
            spans = np.concatenate(self._blocks)
            if len(self._blocks) > _MAX_BLOCKS:
                spans = spans[spans["end_ns"] >= self.raster.window.start_ns]
                self._blocks = [spans]
        else:
            spans = self._blocks[0] if self._blocks else np.empty(0, SPAN)
        return spans[spans["end_ns"] >= from_ns]

    def _has_lost(self, snapshot: Snapshot) -> bool:
        """Whether something that it shows is no longer held, or was never of this store."""
        numbers = {chunk.number: len(chunk) for chunk in snapshot.chunks}
        start_ns = self.raster.window.start_ns
        lost = [number for number in self._taken if number not in numbers]
        if any(self._taken[number][1] >= start_ns for number in lost):
            return True
        for number in lost:
            del self._taken[number]
        return any(n > numbers[number] for number, (n, _) in self._taken.items())

    def _take(self, chunk: Chunk, n_taken: int, slot_of: Int32s) -> None:
        window = self.raster.window
        from_ns, to_ns = window.start_ns, window.end_ns
        if chunk.t_min >= to_ns or chunk.t_max < from_ns:
            return
        level = None
        if n_taken == 0 and chunk.pyramid is not None:
            level = chunk.pyramid.level(window.ns_per_px)
        if level is not None:
            self._take_level(level, slot_of)
            rows = chunk.lasting(2 << level.k, from_ns, to_ns)
        elif n_taken == 0 and chunk.index is not None:
            rows = np.concatenate([chunk.starting(from_ns, to_ns), chunk.begun(from_ns)])
        else:
            rows = np.arange(n_taken, len(chunk))
        self._take_rows(chunk, rows, slot_of)

    def _take_level(self, level: Level, slot_of: Int32s) -> None:
        """Sum up the cells of one level."""
        window, row_of_lane = self.raster.window, self._rows.row_of_lane
        row = row_of_lane[level.lane]
        cell_px = (1 << level.k) / window.ns_per_px
        left_px = (level.origin_ns - window.origin_ns) / window.ns_per_px - window.column
        x0_px = level.bucket.astype(np.float64) * cell_px + left_px
        seen = np.flatnonzero((row >= 0) & (x0_px < window.n_columns) & (x0_px > -cell_px))
        x0_px = x0_px[seen]
        kind = level.kind[seen]
        status = level.is_erred[seen].astype(np.uint8) * np.uint8(Status.ERROR)
        plane = self.raster.planes(kind, status, slot_of[level.name[seen]])
        share = level.busy_ns[seen].astype(np.float64) / (1 << level.k)
        self.raster.cover(plane, row[seen], x0_px, x0_px + cell_px, share)

    def _take_rows(self, chunk: Chunk, rows: Rows, slot_of: Int32s) -> None:
        window = self.raster.window
        columns = chunk.columns
        row = self._rows.row_of_lane[columns["lane"][rows]]
        seen = row >= 0
        rows, row = rows[seen], row[seen]
        start_ns, end_ns = chunk.start_ns[rows], chunk.end_ns[rows]
        seen = (start_ns < window.end_ns) & (end_ns >= window.start_ns)
        rows, row, start_ns, end_ns = rows[seen], row[seen], start_ns[seen], end_ns[seen]
        if not len(rows):
            return
        kind, status = (columns[name][rows].view(np.uint8) for name in ("kind", "status"))
        slot = np.where(kind == Kind.OTHER, np.int32(-1), slot_of[columns["name"][rows]])
        is_wide = (end_ns - start_ns >= self._least_ns) & ~self._rows.is_density[row]
        short = np.flatnonzero(~is_wide)
        plane = self.raster.planes(kind[short], status[short], slot[short])
        x0_px, x1_px = window.x_px(start_ns[short]), window.x_px(end_ns[short])
        self.raster.cover(plane, row[short], x0_px, x1_px)
        wide = np.flatnonzero(is_wide)
        if not len(wide):
            return
        spans = np.empty(len(wide), SPAN)
        spans["start_ns"], spans["end_ns"] = start_ns[wide], end_ns[wide]
        spans["row"] = row[wide] + self._rows.first_row
        spans["slot"], spans["kind"] = slot[wide], kind[wide]
        spans["name"] = columns["name"][rows[wide]]
        spans["chunk"], spans["index"] = chunk.number, rows[wide]
        outcome = columns["outcome"][rows[wide]].view(np.uint8)
        spans["state"] = np.where(outcome, _STATE_OF[outcome], _STATE_WITHOUT[status[wide]])
        self._blocks.append(spans)


def running_spans(snapshot: Snapshot, rows: Rowing, now_ns: int) -> Spans:
    """What runs on the visible rows; `index` counts over the attempts of all workers."""
    blocks = [np.empty(0, SPAN)]
    n_before = 0
    for running in snapshot.running.values():
        row = rows.row_of_lane[running.lane]
        spans = np.empty(len(row), SPAN)
        spans["start_ns"] = running.start_ns
        spans["end_ns"] = np.maximum(running.start_ns, now_ns)
        spans["row"] = row + rows.first_row
        spans["slot"] = snapshot.slot_of[running.name]
        spans["name"] = running.name
        spans["chunk"] = -1
        spans["index"] = n_before + np.arange(len(row))
        spans["kind"], spans["state"] = Kind.COMPUTE, BarState.RUNNING
        blocks.append(spans[row >= 0])
        n_before += len(row)
    return np.concatenate(blocks)
