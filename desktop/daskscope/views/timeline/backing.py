"""The pixels under the bars, kept from frame to frame: what scrolls is moved, not drawn anew.

Memory is a ring of pixel columns, and a frame is compared with the one before it, so that following
a live cluster draws the few columns that came in or changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtGui import QImage

from daskscope.theme import LIGHT
from daskscope.views.timeline.raster import OPAQUE, Part, lanes_pixels
from daskscope.views.timeline.sight import sight

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt
    from PySide6.QtGui import QPainter

    from daskscope.derive.frames import DensityColumns, TaskStreamFrame, Tick
    from daskscope.theme import Theme
    from daskscope.views.timeline.lines import Pixels
    from daskscope.views.timeline.plain import PlainBars

    Bools = npt.NDArray[np.bool_]

#: Two views of one grid differ by whole columns, but for both starts' rounding to nanoseconds.
_OFF_GRID_NS = 1.5
#: Columns that lie nearer are drawn at once: what a part takes however narrow it is.
_LEAST_APART_PX = 48


class Backing:
    """Draws the pixels of a frame.

    Attributes
    ----------
    drawn
        First and end column of what was drawn anew for the last frame.
    """

    def __init__(self) -> None:
        self.drawn: list[tuple[int, int]] = []
        self._pixels: Pixels = np.empty((0, 0), np.uint32)
        self._frame: TaskStreamFrame | None = None
        self._plain: PlainBars | None = None
        self._grid: Bools = np.empty(0, np.bool_)
        self._theme: Theme = LIGHT
        self._dimmed: frozenset[int] = frozenset()
        #: Of the view's left edge, on a grid that goes on while the view moves by whole columns.
        self._column = 0

    def update(
        self,
        frame: TaskStreamFrame,
        theme: Theme,
        dimmed: frozenset[int],
        plain: PlainBars | None = None,
        ticks: Sequence[Tick] = (),
    ) -> None:
        """Bring the pixels up to date.

        `plain` are bars that are part of them; where nothing is, a line of the grid stands at each
        labelled tick.
        """
        width_px = frame.view.width_px
        grid = _grid(ticks, width_px)
        shift = self._shift(frame, theme, dimmed)
        if shift is None or self._frame is None:
            self._column, runs = 0, [(0, width_px)]
        else:
            self._column += shift
            is_changed = _changed(self._frame, frame, shift)
            is_changed |= _changed_bars(self._plain, plain, shift, width_px)
            then, now = _stays(shift, width_px)
            is_changed[now] |= grid[now] != self._grid[then]
            runs = _runs(is_changed)
        self._frame, self._theme, self._dimmed, self._plain = frame, theme, dimmed, plain
        self._grid = grid
        self.drawn = runs
        if shift is None:
            size = frame.height_px, width_px
            memory = self._pixels if self._pixels.shape == size else None
            part = Part(slice(0, width_px), plain=plain, memory=memory)
            self._pixels = self._drawn(frame, part)
            return
        for first, end in runs:
            part = Part(slice(first, end), self._column, plain)
            drawn = self._drawn(frame, part)
            for x_px, place in self._places(first, end):
                self._pixels[:, place] = drawn[:, x_px - first :][:, : place.stop - place.start]

    @property
    def n_drawn(self) -> int:
        """Columns that were drawn anew for the last frame."""
        return sum(end - first for first, end in self.drawn)

    def draw(self, painter: QPainter) -> None:
        """Draw them."""
        height_px, width_px = self._pixels.shape
        image = _image(self._pixels)
        for x_px, columns in self._places(0, width_px):
            n = columns.stop - columns.start
            painter.drawImage(x_px, 0, image, columns.start, 0, n, height_px)

    def _drawn(self, frame: TaskStreamFrame, part: Part) -> Pixels:
        """Pixels of some columns, with the lines between workers and those of the grid."""
        theme = self._theme
        pixels = lanes_pixels(frame, theme, self._dimmed, part)
        pixels[sight(frame).lines_px] = theme.line2 | OPAQUE
        at = np.flatnonzero(self._grid[part.columns])
        if len(at):
            lines = pixels[:, at]
            lines[lines == np.uint32(theme.lane | OPAQUE)] = theme.grid | OPAQUE
            pixels[:, at] = lines
        return pixels

    def _places(self, first: int, end: int) -> Iterable[tuple[int, slice]]:
        """Where pixel columns of the view lie in memory."""
        width_px = self._pixels.shape[1]
        at = (first + self._column) % max(width_px, 1)
        n_left = width_px - at
        yield first, slice(at, min(at + end - first, width_px))
        if end - first > n_left:
            yield first + n_left, slice(0, end - first - n_left)

    def _shift(self, frame: TaskStreamFrame, theme: Theme, dimmed: frozenset[int]) -> int | None:
        """Columns by which the view has moved; None where all is to be drawn anew."""
        before = self._frame
        if before is None or (theme, dimmed) != (self._theme, self._dimmed):
            return None
        view, old_view = frame.view, before.view
        off_ns = view.start_ns - old_view.start_ns
        shift = round(off_ns / view.ns_per_px)
        is_same = (
            (view.width_px, view.ns_per_px) == (old_view.width_px, old_view.ns_per_px)
            and (frame.scroll_px, frame.height_px) == (before.scroll_px, before.height_px)
            and (frame.first_row, frame.last_row) == (before.first_row, before.last_row)
            and (frame.lit is None) == (before.lit is None)
            and _has_rows(frame, before)
            and abs(shift) < view.width_px
            and abs(off_ns - shift * view.ns_per_px) <= _OFF_GRID_NS
        )
        return shift if is_same else None


def is_still(before: TaskStreamFrame | None, frame: TaskStreamFrame) -> bool:
    """Whether a frame differs from the one before it in some columns at most.

    These are such of its pixels, and those where other bars or lines of events lie.
    """
    if before is None or frame.layout is not before.layout or frame.lit is not None:
        return False
    return _lying(frame) == _lying(before)


def _lying(frame: TaskStreamFrame) -> tuple[object, ...]:
    """Where a frame lies, and what of it lies over much of the bars."""
    place = frame.view, frame.scroll_px, frame.height_px, frame.now_px
    return *place, frame.evicted, frame.found


def _has_rows(frame: TaskStreamFrame, before: TaskStreamFrame) -> bool:
    """Whether its rows, and the lines between workers, lie where they lay before."""
    layout, old_layout = frame.layout, before.layout
    return layout is old_layout or (
        np.array_equal(layout.row_px, old_layout.row_px)
        and np.array_equal(layout.kinds, old_layout.kinds)
        and np.array_equal(sight(frame).lines_px, sight(before).lines_px)
    )


def _grid(ticks: Sequence[Tick], width_px: int) -> Bools:
    """In which pixel columns a line of the grid stands."""
    is_line = np.zeros(width_px, np.bool_)
    is_line[[tick.x_px for tick in ticks if tick.elapsed and 0 <= tick.x_px < width_px]] = True
    return is_line


def _image(pixels: Pixels) -> QImage:
    """Image on the memory of pixels, which must lie row after row."""
    height, width = pixels.shape
    return QImage(pixels.data, width, height, width * 4, QImage.Format.Format_RGB32)


def _runs(is_changed: Bools) -> list[tuple[int, int]]:
    """First and end column of the runs of changed columns; what lies between near ones is one."""
    at = np.flatnonzero(is_changed)
    if not len(at):
        return []
    breaks = np.flatnonzero(at[1:] - at[:-1] > _LEAST_APART_PX)
    firsts = [int(at[0]), *at[breaks + 1].tolist()]
    lasts = [*at[breaks].tolist(), int(at[-1])]
    return [(first, last + 1) for first, last in zip(firsts, lasts, strict=True)]


def _stays(shift: int, width_px: int) -> tuple[slice, slice]:
    """Columns of a view that were in the one before, there and here."""
    now = slice(max(-shift, 0), min(width_px - shift, width_px))
    return slice(max(shift, 0), min(width_px + shift, width_px)), now


def _changed_bars(
    before: PlainBars | None, plain: PlainBars | None, shift: int, width_px: int
) -> Bools:
    """Which of the pixel columns that were there have other plain bars now."""
    is_changed = np.zeros(width_px, np.bool_)
    then, now = _stays(shift, width_px)
    if before is not None and plain is not None:
        is_changed[now] = (plain.plane[:, now] != before.plane[:, then]).any(axis=0)
    elif plain is not None:
        is_changed |= plain.plane.any(axis=0)
    elif before is not None:
        is_changed[now] = before.plane[:, then].any(axis=0)
    return is_changed


def _changed(before: TaskStreamFrame, frame: TaskStreamFrame, shift: int) -> Bools:
    """Which pixel columns look different from the same time's before, or are new."""
    width_px = frame.view.width_px
    is_changed = np.ones(width_px, np.bool_)
    then, now = _stays(shift, width_px)
    rows = slice(frame.first_row, frame.last_row)
    is_other = np.zeros(now.stop - now.start, np.bool_)
    for dense, old_dense in ((frame.dense, before.dense), (frame.lit, before.lit)):
        if dense is not None and old_dense is not None:
            is_other |= (dense.cells[rows, now] != old_dense.cells[rows, then]).any(axis=0)
    for stacks, old_stacks in (
        (frame.densities, before.densities),
        (frame.lit_densities, before.lit_densities),
    ):
        is_other |= _changed_stacks(old_stacks, stacks, then, now)
    is_changed[now] = is_other
    return is_changed


def _changed_stacks(
    before: Sequence[DensityColumns], stacks: Sequence[DensityColumns], then: slice, now: slice
) -> Bools:
    is_other = np.zeros(now.stop - now.start, np.bool_)
    old_of = {stack.row: stack for stack in before}
    for stack in stacks:
        old = old_of.pop(stack.row, None)
        if old is None:
            return ~is_other
        if old.slots == stack.slots:
            is_other |= (stack.share[:, now] != old.share[:, then]).any(axis=0)
        else:
            is_other |= _differing(old, stack, then, now)
        is_other |= stack.transfer[now] != old.transfer[then]
    return ~is_other if old_of else is_other


def _differing(before: DensityColumns, stack: DensityColumns, then: slice, now: slice) -> Bools:
    """Which columns differ of two stacks that do not have the same slots."""
    share_of = dict(zip(stack.slots, stack.share, strict=True))
    is_other = np.zeros(now.stop - now.start, np.bool_)
    for slot, old in zip(before.slots, before.share, strict=True):
        share = share_of.pop(slot, None)
        is_other |= old[then] != (0 if share is None else share[now])
    for share in share_of.values():
        is_other |= share[now] != 0
    return is_other
