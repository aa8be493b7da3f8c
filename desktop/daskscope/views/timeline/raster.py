"""From the dense planes of a frame to pixels: uint32 0xFFRRGGBB, the memory of an RGB32 image.

What lies in thousands of short tasks is one colour for each pixel column of a lane, and a density
row is a stack of shares: both are looked up in tables of the theme, row by row, and drawn as one
image.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from daskscope.derive.frames import (
    EMPTY,
    FAILED_KIND,
    KIND_SHIFT,
    SLOT_MASK,
    SLOT_SHIFT,
    Cells,
    DensityColumns,
    TaskStreamFrame,
)
from daskscope.derive.lanelayout import LaneLayout, RowKind
from daskscope.paint.brush import slot_colour
from daskscope.store.schema import Kind
from daskscope.theme import Theme, mixed
from daskscope.views.timeline.lanes import lane_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daskscope.views.timeline.plain import PlainBars

Pixels = npt.NDArray[np.uint32]
Bools = npt.NDArray[np.bool_]

OPAQUE: Final = 0xFF000000
#: A busy share of nearly nothing is still seen.
_LEAST_SHARE: Final = 0.15
#: What is lit among ghosts is told from the strongest of them.
_LEAST_LIT_SHARE: Final = 0.5
#: What a slot of a dense plane or a stack is below 0, where nothing is a slot too.
_OTHER, _ERRED, _NOTHING = -3, -2, -1
#: Rows of the table of a dense plane before its first slot: those three.
_BEFORE_SLOTS: Final = 3
#: Height of the strip of transfers under a density row, and its distance from the stack.
_TRANSFER_PX: Final = 4
_TRANSFER_GAP_PX: Final = 2
#: Half of both in a row lower than this.
_LEAST_DENSITY_PX: Final = 24
_DISK_READ, _DISK_WRITE = np.uint8(Kind.DISK_READ), np.uint8(Kind.DISK_WRITE)
#: Disk is drawn in dashes: 4 on, 1 off.
_DASH_PX: Final = 5


def opacity(theme: Theme) -> float:
    """Share of what is dimmed over the lane."""
    return 0.20 if theme.is_dark else 0.16


def shown_colour(theme: Theme, slot: int, dimmed: frozenset[int]) -> int:
    """Colour of a slot in density rows and minimap: ghostly when dimmed."""
    if slot == _ERRED:
        return theme.erred
    return theme.wait2 if slot in dimmed else slot_colour(theme, slot)


@dataclass(frozen=True, slots=True)
class Light:
    """How strong colours are.

    Attributes
    ----------
    dimmed
        Slots of prefixes that are drawn as ghosts.
    is_ghost
        Everything is: what is searched lies above it.
    is_lit
        It lies above ghosts, so that even little of it must be told from them.
    """

    dimmed: frozenset[int] = frozenset()
    is_ghost: bool = False
    is_lit: bool = False

    def share(self, theme: Theme, slot: int) -> float:
        """Share of the colour of a slot over the lane."""
        return opacity(theme) if self.is_ghost or slot in self.dimmed else 1.0


_GHOSTS: Final = Light(is_ghost=True)
_LIT: Final = Light(is_lit=True)


@lru_cache(maxsize=16)
def _dense_table(theme: Theme, n_slots: int, light: Light) -> Pixels:
    """Colour by slot + 3 and busy share: uint32, shape ((n_slots + 3) * 256,)."""
    busy = np.linspace(_LEAST_LIT_SHARE if light.is_lit else _LEAST_SHARE, 1.0, 256)
    table = np.empty((n_slots + _BEFORE_SLOTS, 256), np.uint32)
    table[_NOTHING + _BEFORE_SLOTS] = theme.lane
    table[_ERRED + _BEFORE_SLOTS] = mixed(theme.erred, theme.lane, light.share(theme, _ERRED))
    for slot in (_OTHER, *range(n_slots)):
        share = busy * light.share(theme, slot)
        table[slot + _BEFORE_SLOTS] = _mixed(slot_colour(theme, slot), theme.lane, share)
    return (table | np.uint32(OPAQUE)).ravel()


def _mixed(rgb: int, over: int, share: npt.NDArray[np.float64]) -> Pixels:
    result = np.zeros(len(share), np.uint32)
    for shift in (16, 8, 0):
        top, bottom = (rgb >> shift) & 255, (over >> shift) & 255
        channel = np.rint(top * share + bottom * (1 - share)).astype(np.uint32)
        result |= channel << np.uint32(shift)
    return result


@lru_cache(maxsize=8)
def _kind_table(theme: Theme, light: Light) -> Pixels:
    share = opacity(theme) if light.is_ghost else 1.0
    table = np.zeros(256, np.uint32)
    table[Kind.TRANSFER] = mixed(theme.transfer, theme.lane, share)
    table[[Kind.DISK_READ, Kind.DISK_WRITE]] = mixed(theme.disk, theme.lane, share)
    table[Kind.DESERIALIZE] = mixed(theme.deser, theme.lane, share)
    table[FAILED_KIND] = mixed(theme.erred, theme.lane, share)
    return table | np.uint32(OPAQUE)


@dataclass(frozen=True, slots=True)
class Part:
    """Some columns of a view.

    Attributes
    ----------
    columns
        First and end pixel column.
    phase_px
        Where a dash begins, in columns left of the view: patterns move with time.
    plain
        Bars that are part of the pixels, of all columns.
    memory
        To be used for the pixels: new memory takes longer than what it holds.
    """

    columns: slice
    phase_px: int = 0
    plain: PlainBars | None = None
    memory: Pixels | None = None

    @property
    def is_gap(self) -> Bools:
        """Which columns of the part lie between two dashes."""
        first = self.columns.start + self.phase_px
        at = np.arange(self.columns.stop - self.columns.start)
        return np.asarray((at + first) % _DASH_PX == _DASH_PX - 1)


def lanes_pixels(
    frame: TaskStreamFrame, theme: Theme, dimmed: frozenset[int], part: Part
) -> Pixels:
    """Everything that scrolls in some columns: headers, dense runs, density rows, plain bars.

    `dimmed` are palette slots that are drawn as ghosts.

    Returns
    -------
    Pixels
        uint32, shape (frame.height_px, number of columns).
    """
    lines = _lines(frame.layout, frame.first_row, frame.last_row, frame.scroll_px, frame.height_px)
    shown = _dense_pixels(frame, lines, theme, dimmed, part)
    if part.plain is not None:
        _put_bars(shown, lines, part.plain, part.columns)
    pixels: Pixels = np.take(shown, lines.distinct, axis=0, out=part.memory, mode="clip")
    lit_of = {stack.row: stack for stack in frame.lit_densities}
    for stack in frame.densities:
        row = frame.layout.rows[stack.row]
        block = np.full((row.height_px, pixels.shape[1]), theme.lane | OPAQUE, np.uint32)
        lit = lit_of.get(stack.row)
        _put_density(
            block,
            _cut(stack, part.columns),
            _cut(lit, part.columns) if lit else None,
            theme,
            dimmed,
        )
        _paste(pixels, row.y_px - frame.scroll_px, block)
    for top_px, height_px in lines.hosts:
        block = np.full((height_px, 1), theme.hdr | OPAQUE, np.uint32)
        block[-1] = theme.line2 | OPAQUE
        _paste(pixels, top_px, block)
    return pixels


def _cut(stack: DensityColumns, columns: slice) -> DensityColumns:
    return DensityColumns(stack.row, stack.slots, stack.share[:, columns], stack.transfer[columns])


def _paste(pixels: Pixels, top: int, block: Pixels) -> None:
    """Put `block` at line `top`, which may lie above or below what is visible."""
    part = pixels[max(top, 0) : max(top + len(block), 0)]
    first = max(-top, 0)
    part[:] = block[first : first + len(part)]


@dataclass(frozen=True, slots=True)
class _Lines:
    """What the lines of the visible part show: those that look alike are made once.

    Attributes
    ----------
    bar, sub
        By line that shows something else than the others: the visible row whose bar and whose
        sub-lane it is a part of, -1 for none.
    inner, outer
        The same of a bar's inner lines alone, and of its first and last.
    distinct
        By line of the visible part: which of those it looks like.
    hosts
        Top and height of the headers.
    """

    bar: npt.NDArray[np.intp]
    sub: npt.NDArray[np.intp]
    inner: npt.NDArray[np.intp]
    outer: npt.NDArray[np.intp]
    distinct: npt.NDArray[np.intp]
    hosts: tuple[tuple[int, int], ...]


@lru_cache(maxsize=2)
def _lines(
    layout: LaneLayout, first_row: int, last_row: int, scroll_px: int, height_px: int
) -> _Lines:
    """Lines of a view; they stay the same while time goes on."""
    shape = lane_shape(layout.pitch_px)
    kinds, tops_px = layout.kinds[first_row:last_row], layout.row_px[0, first_row:last_row]
    lanes = np.flatnonzero(kinds == RowKind.LANE.value)
    is_end = np.zeros(height_px, np.bool_)
    parts: list[npt.NDArray[np.intp]] = []
    for top_px, part_px in ((0, shape.bar_px), (shape.sub_top_px, shape.sub_px)):
        lines = np.full(height_px, -1, np.intp)
        for step in range(part_px):
            at_px = tops_px[lanes] - scroll_px + top_px + step
            is_in = (at_px >= 0) & (at_px < height_px)
            lines[at_px[is_in]] = lanes[is_in]
            if not parts and step in (0, part_px - 1):
                is_end[at_px[is_in]] = True
        parts.append(lines)
    key = np.stack([*parts, is_end])
    found, distinct = np.unique(key, axis=1, return_inverse=True)
    bar, sub, is_end = found[0], found[1], found[2] > 0
    hosts = layout.row_px[:, first_row + np.flatnonzero(kinds == RowKind.HOST.value)]
    return _Lines(
        bar,
        sub,
        np.where(is_end, -1, bar),
        np.where(is_end, bar, -1),
        distinct.ravel(),
        tuple((top_px - scroll_px, px) for top_px, px in hosts.T.tolist()),
    )


def _dense_pixels(
    frame: TaskStreamFrame, lines: _Lines, theme: Theme, dimmed: frozenset[int], part: Part
) -> Pixels:
    """Dense runs of lanes on the lane's ground, by distinct line."""
    visible, columns = slice(frame.first_row, frame.last_row), part.columns
    light = Light(dimmed) if frame.lit is None else _GHOSTS
    cells = frame.dense.cells[visible, columns]
    colours = _dense_colours(cells, theme, light)
    ground = np.full((1, colours.shape[1]), theme.lane | OPAQUE, np.uint32)
    # Where nothing is, a bar's colour is the ground's; the last line is that of no bar.
    pixels: Pixels = np.take(np.concatenate([colours, ground]), lines.bar, axis=0, mode="wrap")
    _put_sub(pixels, lines, cells, _kind_table(theme, light), part)
    if frame.lit is not None:
        cells = frame.lit.cells[visible, columns]
        is_lit: Bools = (cells & SLOT_MASK) != EMPTY
        _put_over(pixels, _dense_colours(cells, theme, _LIT), is_lit, lines.bar)
        _put_sub(pixels, lines, cells, _kind_table(theme, _LIT), part)
    return pixels


def _put_sub(pixels: Pixels, lines: _Lines, cells: Cells, table: Pixels, part: Part) -> None:
    """Put what fills the sub-lanes, disk in dashes."""
    if cells.max(initial=0) >> KIND_SHIFT == 0:
        return
    kinds = (cells >> np.uint32(KIND_SHIFT)).astype(np.uint8)
    is_disk = (kinds == _DISK_READ) | (kinds == _DISK_WRITE)
    if is_disk.any():
        kinds = np.where(is_disk & part.is_gap, np.uint8(0), kinds)
    _put_over(pixels, np.take(table, kinds), kinds != 0, lines.sub)


def _put_bars(pixels: Pixels, lines: _Lines, plain: PlainBars, columns: slice) -> None:
    """Put plain bars over what is dense."""
    plane = plain.plane[:, columns]
    is_drawn = plane > 0
    if is_drawn.any():
        _put_over(pixels, np.take(plain.inner, plane), is_drawn, lines.inner)
        _put_over(pixels, np.take(plain.outer, plane), is_drawn, lines.outer)


def _put_over(
    pixels: Pixels, colours: Pixels, is_drawn: Bools, row_of: npt.NDArray[np.intp]
) -> None:
    """Put a line of colours for each row on all lines that show it, where something is drawn."""
    is_filled = np.asarray(is_drawn.any(axis=1))
    at = np.flatnonzero(row_of >= 0)
    at = at[is_filled[row_of[at]]]
    rows = row_of[at]
    if len(at):
        pixels[at] = np.where(is_drawn[rows], colours[rows], pixels[at])


def _dense_colours(cells: Cells, theme: Theme, light: Light) -> Pixels:
    # Slots count from 0 here; what a negative one carries over goes with the kind.
    at = cells + np.uint32(_BEFORE_SLOTS << SLOT_SHIFT)
    at &= np.uint32((1 << KIND_SHIFT) - 1)
    n_slots = max((int(at.max(initial=0)) >> SLOT_SHIFT) + 1 - _BEFORE_SLOTS, 0)
    return np.take(_dense_table(theme, n_slots, light), at)


def _put_density(
    block: Pixels,
    columns: DensityColumns,
    lit: DensityColumns | None,
    theme: Theme,
    dimmed: frozenset[int],
) -> None:
    """Put a stack of shares and the strip of transfers; what is lit lies below a ghost."""
    height_px = len(block)
    is_low = height_px < _LEAST_DENSITY_PX
    strip_px = _TRANSFER_PX // 2 if is_low else _TRANSFER_PX
    gap_px = _TRANSFER_GAP_PX // 2 if is_low else _TRANSFER_GAP_PX
    stack_px = height_px - strip_px - 2 * gap_px
    if stack_px < 1:
        return
    if lit is None:
        # One failure among any number of tasks is a pixel.
        is_erred = np.array(columns.slots)[:, None] == _ERRED
        least = np.where(is_erred & (columns.share > 0), np.float32(1 / stack_px), np.float32(0))
        share = np.maximum(columns.share, least)
        colours = [shown_colour(theme, slot, dimmed) for slot in columns.slots]
    else:
        # Little of what is lit is a pixel.
        bright = np.where(lit.share > 0, np.maximum(lit.share, np.float32(1 / stack_px)), 0)
        rest = np.maximum(columns.share.sum(axis=0) - bright.sum(axis=0), 0)
        share = np.concatenate([bright, rest[None]]).astype(np.float32)
        colours = [*(shown_colour(theme, slot, frozenset()) for slot in lit.slots), theme.wait2]
    stacked = stack(share, stack_px, colours)
    part = block[gap_px : gap_px + stack_px]
    np.copyto(part, stacked, where=stacked != 0)
    strips = [(columns, 1.0)] if lit is None else [(columns, opacity(theme)), (lit, 1.0)]
    for shown, light in strips:
        strength = light * (0.4 + 0.6 * np.minimum(shown.transfer, 1.0).astype(np.float64))
        strip = _mixed(theme.transfer, theme.lane, strength) | np.uint32(OPAQUE)
        np.copyto(block[height_px - strip_px :], strip, where=shown.transfer > 0)


def stack(share: npt.NDArray[np.float32], height_px: int, colours: Sequence[int]) -> Pixels:
    """Shares stacked from the bottom, in whole pixels.

    ::

        share 0.5 0.0      height 4      . .
              0.25 0.5                   b .
                                         a b
                                         a b

    `share` is float32 of shape (n, width), 0..1; a column that sums to more than 1 is cut.

    Returns
    -------
    Pixels
        uint32, shape (height_px, width); 0 where nothing is.
    """
    n, width = share.shape
    starts = np.zeros((n + 1, width), np.int32)
    np.rint(np.cumsum(share, axis=0) * height_px, out=starts[1:], casting="unsafe")
    np.minimum(starts, height_px, out=starts)
    plane = np.zeros((height_px + 1, width), np.int16)
    x = np.arange(width)
    for level in range(n + 1):  # an empty share is overwritten by the next one
        plane[starts[level], x] = level
    np.maximum.accumulate(plane, axis=0, out=plane)
    table = np.array([rgb | OPAQUE for rgb in colours] + [0], np.uint32)
    return np.take(table, plane[-2::-1])


def ghost(theme: Theme, slot: int, dimmed: frozenset[int]) -> int:
    """Colour of a slot in the minimap outside the brush."""
    return mixed(theme.s2, shown_colour(theme, slot, dimmed), 0.55)
