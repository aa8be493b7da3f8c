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

from daskscope.derive.frames import FAILED_KIND, DensityColumns, TaskStreamFrame
from daskscope.derive.lanelayout import RowKind
from daskscope.paint.brush import slot_colour
from daskscope.store.schema import Kind
from daskscope.theme import Theme, mixed
from daskscope.views.timeline.lanes import lane_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def lanes_pixels(
    frame: TaskStreamFrame,
    theme: Theme,
    dimmed: frozenset[int],
    columns: slice,
    phase_px: int = 0,
) -> Pixels:
    """Everything that lies below the bars in some columns: headers, dense runs, density rows.

    Parameters
    ----------
    frame, theme, dimmed
        What is drawn, in which colours, and palette slots that are drawn as ghosts.
    columns
        First and end pixel column of the frame's view.
    phase_px
        Where a dash begins, in columns left of the view: patterns move with time.

    Returns
    -------
    Pixels
        uint32, shape (frame.height_px, number of columns).
    """
    pixels = _dense_pixels(frame, theme, dimmed, _Part(columns, phase_px))
    lit_of = {stack.row: stack for stack in frame.lit_densities}
    for stack in frame.densities:
        row = frame.layout.rows[stack.row]
        block = np.full((row.height_px, pixels.shape[1]), theme.lane | OPAQUE, np.uint32)
        lit = lit_of.get(stack.row)
        _put_density(
            block, _cut(stack, columns), _cut(lit, columns) if lit else None, theme, dimmed
        )
        _paste(pixels, row.y_px - frame.scroll_px, block)
    for row in frame.layout.rows[frame.first_row : frame.last_row]:
        if row.kind is RowKind.HOST:
            block = np.full((row.height_px, 1), theme.hdr | OPAQUE, np.uint32)
            block[-1] = theme.line2 | OPAQUE
            _paste(pixels, row.y_px - frame.scroll_px, block)
    return pixels


@dataclass(frozen=True, slots=True)
class _Part:
    """Some columns of a view, and where dashes begin."""

    columns: slice
    phase_px: int

    @property
    def gaps(self) -> npt.NDArray[np.intp]:
        """Columns of the part that lie between two dashes."""
        first = self.columns.start + self.phase_px
        at = np.arange(self.columns.stop - self.columns.start)
        return np.flatnonzero((at + first) % _DASH_PX == _DASH_PX - 1)


def _cut(stack: DensityColumns, columns: slice) -> DensityColumns:
    return DensityColumns(stack.row, stack.slots, stack.share[:, columns], stack.transfer[columns])


def _paste(pixels: Pixels, top: int, block: Pixels) -> None:
    """Put `block` at line `top`, which may lie above or below what is visible."""
    part = pixels[max(top, 0) : max(top + len(block), 0)]
    first = max(-top, 0)
    part[:] = block[first : first + len(part)]


def _dense_pixels(
    frame: TaskStreamFrame, theme: Theme, dimmed: frozenset[int], part: _Part
) -> Pixels:
    """Dense runs of lanes on the lane's ground.

    Lines that show the same part of the same lane are made once, and then put where they belong.
    """
    shape, n_rows = lane_shape(frame.layout.pitch_px), frame.last_row - frame.first_row
    bar, sub = _lines(frame, 0, shape.bar_px), _lines(frame, shape.sub_top_px, shape.sub_px)
    distinct, line = np.unique((bar + 1) * (n_rows + 1) + sub + 1, return_inverse=True)
    shown = distinct // (n_rows + 1) - 1, distinct % (n_rows + 1) - 1
    size = len(distinct), part.columns.stop - part.columns.start
    pixels = np.full(size, theme.lane | OPAQUE, np.uint32)
    for light in (Light(dimmed),) if frame.lit is None else (_GHOSTS, _LIT):
        _put_dense(pixels, shown, frame, theme, light, part)
    result: Pixels = np.take(pixels, line, axis=0)
    return result


def _put_dense(
    pixels: Pixels,
    shown: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]],
    frame: TaskStreamFrame,
    theme: Theme,
    light: Light,
    part: _Part,
) -> None:
    """Put the dense runs of lanes, and what fills their sub-lanes; what is lit over the rest.

    `shown` are visible rows by line: whose bar, and whose sub-lane; -1 for none.
    """
    dense = frame.lit if light.is_lit and frame.lit is not None else frame.dense
    visible = slice(frame.first_row, frame.last_row)
    columns = part.columns
    slots, kinds = dense.slot[visible, columns], dense.kind[visible, columns].copy()
    kinds[:, part.gaps] = _without_disk(kinds[:, part.gaps])
    colours = _dense_colours(slots, dense.busy[visible, columns], theme, light)
    # Where nothing is, a bar's colour is the lane's.
    is_drawn: Bools = slots != _NOTHING
    bar, sub = shown
    _spread(pixels, colours, is_drawn, bar, is_over=light.is_lit)
    is_drawn = kinds != 0
    if is_drawn.any():
        _spread(pixels, np.take(_kind_table(theme, light), kinds), is_drawn, sub, is_over=True)


def _lines(frame: TaskStreamFrame, top_px: int, height_px: int) -> npt.NDArray[np.intp]:
    """By line of the view: which visible row has a part of its lanes there, -1 for none."""
    layout, first = frame.layout, frame.first_row
    lanes = np.flatnonzero(layout.kinds[first : frame.last_row] == RowKind.LANE)
    tops_px = layout.row_px[0, first + lanes] - frame.scroll_px + top_px
    lines = np.full(frame.height_px, -1, np.intp)
    for step in range(height_px):
        at_px = tops_px + step
        is_in = (at_px >= 0) & (at_px < frame.height_px)
        lines[at_px[is_in]] = lanes[is_in]
    return lines


def _spread(
    pixels: Pixels,
    colours: Pixels,
    is_drawn: Bools,
    lines: npt.NDArray[np.intp],
    *,
    is_over: bool,
) -> None:
    """Put a line of colours for each row on all lines that show it.

    Over what is there already, only what `is_drawn` is put.
    """
    is_filled = np.asarray(is_drawn.any(axis=1))
    at = np.flatnonzero(lines >= 0)
    at = at[is_filled[lines[at]]]
    rows = lines[at]
    if not len(at):
        return
    pixels[at] = np.where(is_drawn[rows], colours[rows], pixels[at]) if is_over else colours[rows]


def _dense_colours(
    slots: npt.NDArray[np.int16],
    busy: npt.NDArray[np.uint8],
    theme: Theme,
    light: Light,
) -> Pixels:
    n_slots = int(slots.max(initial=_NOTHING)) + 1
    at = slots.astype(np.intp)
    at += _BEFORE_SLOTS
    at <<= 8
    at += busy
    return np.take(_dense_table(theme, n_slots, light), at)


def _without_disk(kinds: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    is_disk = (kinds == Kind.DISK_READ) | (kinds == Kind.DISK_WRITE)
    return np.where(is_disk, np.uint8(0), kinds)


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
