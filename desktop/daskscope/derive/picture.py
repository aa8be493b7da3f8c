"""What is known about the visible rows in a window of time, kept up to date as spans arrive.

Wide spans are kept one by one; short ones, and everything in density rows, are summed up in a
raster. A picture takes each span once: from a sealed chunk that it sees for the first time through
the chunk's pyramid, else from the rows that are new. What it has not taken yet waits in portions
that are a millisecond's work each, so that a picture of millions of spans is made over many ticks.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from daskscope.derive.choice import EVERYTHING
from daskscope.derive.failures import Failures
from daskscope.derive.frames import LEAST_BAR_PX
from daskscope.derive.raster import Raster, Window
from daskscope.derive.sieve import states
from daskscope.derive.singles import SPAN, joined
from daskscope.store.chunk import CHUNK_ROWS
from daskscope.store.schema import Kind, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from daskscope.derive.frames import Int32s
    from daskscope.derive.rowing import Rowing
    from daskscope.derive.shelf import Shelf
    from daskscope.derive.singles import Spans
    from daskscope.session import Viewport
    from daskscope.store.chunk import Chunk, Rows
    from daskscope.store.pyramid import Level
    from daskscope.store.snapshot import Snapshot

#: Columns beyond the view that are kept ready on both sides.
_SPARE_SHARE: Final = 0.25
_LEAST_SPARE_PX: Final = 64
#: Two views of one grid differ by whole columns, but for both starts' rounding to nanoseconds.
_OFF_GRID_NS: Final = 1.5
#: Rows on visible lanes that are taken at once, and of how many rows of a chunk at most.
_PORTION_ROWS: Final = 1 << 13
_MOST_ROWS: Final = 1 << 16
T = TypeVar("T", bound=np.generic)

_EVER: Final = 1 << 62
_COMPUTE: Final = np.uint8(Kind.COMPUTE)
_OTHER: Final = np.uint8(Kind.OTHER)


class _Region:
    """Columns of the grid that something is still put into: a window, or what came into it later.

    A wide span belongs to the first region that it reaches into: what came in on the right gets
    those that start at `since_ns` or later, on the left those that end before `until_ns`.
    """

    def __init__(
        self, window: Window, first: int, end: int, since_ns: int = -_EVER, until_ns: int = _EVER
    ) -> None:
        self.columns = first, end
        self.from_ns, self.to_ns = window.edge_ns(first), window.edge_ns(end)
        self.since_ns, self.until_ns = since_ns, until_ns

    def clip(self, window: Window) -> None:
        """Give up the columns that have left the window, for good."""
        first, end = max(self.columns[0], window.column), min(self.columns[1], window.end)
        if (first, end) != self.columns:
            self.columns = first, max(end, first)
            self.from_ns, self.to_ns = (window.edge_ns(edge) for edge in self.columns)

    def reaches(self, first: int, end: int) -> bool:
        """Whether it has some of these columns."""
        return max(self.columns[0], first) < min(self.columns[1], end)


@dataclass(frozen=True, slots=True)
class _Work:
    """Rows of a chunk that are still to be put into a region."""

    region: _Region
    portions: Iterator[None]


@dataclass(frozen=True, slots=True)
class _Spans:
    """Some rows of a chunk, with the visible row of each."""

    chunk: Chunk
    rows: Rows | slice
    row: Int32s
    start_ns: npt.NDArray[np.int64]
    end_ns: npt.NDArray[np.int64]

    @property
    def numbers(self) -> Rows:
        """Rows as numbers."""
        rows = self.rows
        return np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows

    def column(self, name: str, dtype: npt.DTypeLike = np.uint8) -> npt.NDArray[np.uint8]:
        """A column of the chunk."""
        return _of(self.chunk.columns[name].view(dtype), self.rows)

    def where(self, is_meant: npt.NDArray[np.bool_]) -> _Spans:
        """Those that are meant: these themselves if all are."""
        if is_meant.all():
            return self
        at = np.flatnonzero(is_meant)
        row, start_ns, end_ns = self.row.take(at), self.start_ns.take(at), self.end_ns.take(at)
        return _Spans(self.chunk, _those(at, self.rows), row, start_ns, end_ns)


def _those(at: Rows, rows: Rows | slice) -> Rows:
    """Some of some rows."""
    return at + rows.start if isinstance(rows, slice) else rows.take(at)


def _of(column: npt.NDArray[T], rows: Rows | slice) -> npt.NDArray[T]:
    """Some rows of a column; `take` needs half the time of an index in brackets."""
    return column[rows] if isinstance(rows, slice) else column.take(rows)


def _slots(spans: _Spans, kind: npt.NDArray[np.uint8], slot_of: Int32s) -> Int32s:
    """Palette slots; -1 of what is not Dask's."""
    slot = slot_of.take(_of(spans.chunk.columns["name"].view(np.uint32), spans.rows))
    return np.where(kind == _OTHER, np.int32(-1), slot)


class Picture:
    """Spans of the visible rows in one window.

    Attributes
    ----------
    rows
        The rows.
    raster
        Sums of what is not drawn one by one.
    failures
        Counts of what failed, in all rows, visible or not.
    choice
        Which spans it takes; it may know of more rows from time to time.
    """

    def __init__(self, rows: Rowing, view: Viewport, shelf: Shelf | None = None) -> None:
        self.rows = rows
        self.choice = EVERYTHING
        self._spare_px = max(round(view.width_px * _SPARE_SHARE), _LEAST_SPARE_PX)
        n_columns = view.width_px + 2 * self._spare_px
        window = Window(view.start_ns, view.ns_per_px, -self._spare_px, n_columns)
        self.raster = Raster(window, rows.last_row - rows.first_row, shelf)
        self.failures = Failures(window)
        self._width_px = view.width_px
        self._middle = 0
        self._least_ns = LEAST_BAR_PX * view.ns_per_px
        # Of many rows a few are seen, where many lanes are out of sight.
        n_visible = max(int(np.count_nonzero(rows.row_of_lane >= 0)), 1)
        hidden_share = len(rows.row_of_lane) // n_visible
        self._portion_rows = min(_PORTION_ROWS * max(hidden_share, 1), _MOST_ROWS)
        self._blocks: list[Spans] = []
        #: Of each chunk: rows that were taken or wait to be, and their last end.
        self._taken: dict[int, tuple[int, int]] = {}
        self._work: deque[_Work] = deque()

    def reaches(self, snapshot: Snapshot, rows: Rowing, view: Viewport) -> bool:
        """Whether this picture, with what is new in `snapshot`, can become one of `view`."""
        window = self.raster.window
        column = self.column_of(view)
        # Of differences, not of times: a float holds no nanoseconds of the epoch.
        off_ns = view.start_ns - window.origin_ns - column * window.ns_per_px
        return (
            view.ns_per_px == window.ns_per_px
            and view.width_px == self._width_px
            and abs(off_ns) <= _OFF_GRID_NS
            and window.column < column + view.width_px
            and column < window.end
            and self.rows.is_same(rows)
            and not self._has_lost(snapshot)
        )

    def column_of(self, view: Viewport) -> int:
        """Column of the grid in which a view begins."""
        window = self.raster.window
        return round((view.start_ns - window.origin_ns) / window.ns_per_px)

    def show(self, snapshot: Snapshot, view: Viewport) -> None:
        """Move to a view that it `reaches`, and learn what is new; `go_on` takes it."""
        column, window = self.column_of(view), self.raster.window
        self._middle = column + self._width_px // 2
        before, behind = column - window.column, window.end - column - self._width_px
        if min(before, behind) < self._spare_px // 2:
            self._move(snapshot, column - self._spare_px)
        region = _Region(self.raster.window, self.raster.window.column, self.raster.window.end)
        for chunk in snapshot.chunks:
            n_taken, _ = self._taken.get(chunk.number, (0, 0))
            if n_taken == CHUNK_ROWS:
                continue  # there can be thousands of them
            n_known = self.choice.n_known(chunk)
            if n_taken < n_known:
                self._taken[chunk.number] = n_known, chunk.t_max
                self._add(chunk, range(n_taken, n_known), region, snapshot.slot_of)

    def go_on(self, may_go_on: Callable[[], bool]) -> None:
        """Take what waits, newest first, until there is no more or `may_go_on` says no."""
        self._take_all(may_go_on)
        # A block at least: what is new is seen even while there is always more to take.
        self.raster.project(self._middle, may_go_on)

    def _take_all(self, may_go_on: Callable[[], bool]) -> None:
        while self._work:
            for _ in self._work[0].portions:
                if not may_go_on():
                    return
            self._work.popleft()

    def is_exact(self, view: Viewport) -> bool:
        """Whether everything known is in the columns of a view that it `reaches`."""
        first = self.column_of(view)
        end = first + view.width_px
        is_taken = not any(work.region.reaches(first, end) for work in self._work)
        return is_taken and self.raster.is_projected(first, end)

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits, in the view or beside it."""
        window = self.raster.window
        return not self._work and self.raster.is_projected(window.column, window.end)

    def wide(self) -> Spans:
        """Spans that are drawn one by one."""
        if len(self._blocks) != 1:
            self._blocks = [joined(*self._blocks)]
        return self._blocks[0]

    def _has_lost(self, snapshot: Snapshot) -> bool:
        """Whether something that it shows is no longer held, or was never of this store."""
        chunks = snapshot.chunks
        first, end = (chunks[0].number, chunks[-1].number + 1) if chunks else (0, 0)
        start_ns = self.raster.window.start_ns
        lost = [number for number in self._taken if not first <= number < end]
        if any(self._taken[number][1] >= start_ns for number in lost):
            return True
        for number in lost:
            del self._taken[number]
        # Of what is held only the newest can have been taken while it was longer.
        newest = max(self._taken, default=None)
        return newest is not None and self._taken[newest][0] > len(chunks[newest - first])

    # Moving ---------------------------------------------------------------------------------

    def _move(self, snapshot: Snapshot, column: int) -> None:
        """Let the window begin elsewhere, and put what was taken into the columns that come in."""
        old = self.raster.window
        self.raster.move(column)
        new = self.raster.window
        self.failures.move(old, new)
        for work in self._work:
            work.region.clip(new)
        kept = [
            spans[(spans["start_ns"] < new.end_ns) & (spans["end_ns"] >= new.start_ns)]
            for spans in self._blocks
        ]
        self._blocks = [spans for spans in kept if len(spans)]
        if column > old.column:
            region = _Region(new, *new.entered(old), since_ns=old.end_ns)
        else:
            region = _Region(new, *new.entered(old), until_ns=old.start_ns)
        for chunk in snapshot.chunks:
            n_taken, _ = self._taken.get(chunk.number, (0, 0))
            if n_taken:
                self._add(chunk, range(n_taken), region, snapshot.slot_of)

    # Taking ---------------------------------------------------------------------------------

    def _add(self, chunk: Chunk, rows: range, region: _Region, slot_of: Int32s) -> None:
        if chunk.t_min < region.to_ns and chunk.t_max >= region.from_ns:
            portions = self._portions(chunk, rows, region, slot_of)
            self._work.appendleft(_Work(region, portions))

    def _portions(
        self, chunk: Chunk, rows: range, region: _Region, slot_of: Int32s
    ) -> Iterator[None]:
        """Put some rows of a chunk into a region, portion by portion."""
        level, found = None, None
        from_ns, to_ns = region.from_ns, region.to_ns
        self.failures.add(chunk, rows, self.raster.window, (from_ns, to_ns))
        is_whole = len(rows) == len(chunk)
        if is_whole and chunk.pyramid is not None and self.choice.takes_cells:
            level = chunk.pyramid.level(self.raster.window.ns_per_px)
        if level is not None:
            self._take_level(level, region, slot_of)
            yield
            found = chunk.lasting(2 << level.k, from_ns, to_ns)
        elif is_whole and chunk.index is not None and not chunk.is_within(from_ns, to_ns):
            found = chunk.touching(from_ns, to_ns)
        n_rows, n_each = len(rows) if found is None else len(found), self._portion_rows
        for first in range(0, n_rows, n_each):
            portion = slice(rows.start + first, min(rows.start + first + n_each, rows.stop))
            self._take_rows(
                chunk,
                portion if found is None else found[first : first + n_each],
                region,
                slot_of,
            )
            yield

    def _take_level(self, level: Level, region: _Region, slot_of: Int32s) -> None:
        """Sum up the cells of one level."""
        window, row_of_lane = self.raster.window, self.rows.row_of_lane
        row = row_of_lane[level.lane]
        cell_px = (1 << level.k) / window.ns_per_px
        left_px = (level.origin_ns - window.origin_ns) / window.ns_per_px - window.column
        x0_px = level.bucket.astype(np.float64) * cell_px + left_px
        first, end = (edge - window.column for edge in region.columns)
        is_seen = (row >= 0) & (x0_px < end) & (x0_px > first - cell_px)
        is_taken = self.choice.cells(level)
        seen = np.flatnonzero(is_seen if is_taken is None else is_seen & is_taken)
        if not len(seen):
            return
        x0_px = x0_px[seen]
        status = level.is_erred[seen].astype(np.uint8) * np.uint8(Status.ERROR)
        kind = level.kind[seen]
        # Others have no slot: of a transfer the cell knows the name of a task.
        name = np.where(kind == _COMPUTE, level.name[seen], 0)
        plane = self.raster.planes(kind, status, slot_of[name])
        share = level.busy_ns[seen].astype(np.float64) / (1 << level.k)
        self.raster.cover(plane, row[seen], (x0_px, x0_px + cell_px), share, region.columns)

    def _take_rows(
        self, chunk: Chunk, rows: Rows | slice, region: _Region, slot_of: Int32s
    ) -> None:
        is_taken = self.choice.rows(chunk, rows)
        if is_taken is not None:
            rows = _those(np.flatnonzero(is_taken), rows)
        row = self.rows.row_of_lane.take(_of(chunk.columns["lane"].view(np.uint32), rows))
        visible = np.flatnonzero(row >= 0)
        if len(visible) < len(row):
            # Most lie out of sight where there are many lanes: their times are not looked up.
            rows, row = _those(visible, rows), row.take(visible)
        start_ns, end_ns = _of(chunk.start_ns, rows), _of(chunk.end_ns, rows)
        is_seen = (start_ns < region.to_ns) & (end_ns >= region.from_ns)
        spans = _Spans(chunk, rows, row, start_ns, end_ns).where(is_seen)
        is_wide = spans.end_ns - spans.start_ns >= self._least_ns
        is_wide &= ~self.rows.is_density[spans.row]
        self._sum(spans.where(~is_wide), region, slot_of)
        if is_wide.any():
            is_wide &= (spans.start_ns >= region.since_ns) & (spans.end_ns < region.until_ns)
            self._keep(spans.where(is_wide), slot_of)

    def _sum(self, spans: _Spans, region: _Region, slot_of: Int32s) -> None:
        kind, status = spans.column("kind"), spans.column("status")
        plane = self.raster.planes(kind, status, _slots(spans, kind, slot_of))
        x_px = self.raster.window.x_px
        boxes_px = x_px(spans.start_ns), x_px(spans.end_ns)
        self.raster.cover(plane, spans.row, boxes_px, within=region.columns)

    def _keep(self, spans: _Spans, slot_of: Int32s) -> None:
        kept = np.empty(len(spans.row), SPAN)
        kept["start_ns"], kept["end_ns"] = spans.start_ns, spans.end_ns
        kept["row"] = spans.row + self.rows.first_row
        kept["kind"] = kind = spans.column("kind")
        kept["slot"] = _slots(spans, kind, slot_of)
        kept["name"] = spans.column("name", np.uint32)
        kept["chunk"], kept["index"] = spans.chunk.number, spans.numbers
        kept["state"] = states(spans.column("outcome"), spans.column("status"))
        self._blocks.append(kept)
