"""From the dense planes of a frame to pixels: uint32 0xFFRRGGBB, the memory of an RGB32 image.

What lies in thousands of short tasks is one colour for each pixel column of a lane, and a density
row is a stack of shares: both are looked up in tables of the theme, row by row, and drawn as one
image.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from daskscope.derive.frames import (
    FAILED_KIND,
    KIND_SHIFT,
    SLOT_SHIFT,
    Cells,
    DensityColumns,
    TaskStreamFrame,
)
from daskscope.paint.brush import slot_colour
from daskscope.store.schema import Kind
from daskscope.theme import Theme, mixed
from daskscope.views.timeline.lines import (
    BAR,
    SUB,
    Barred,
    Layer,
    Pixels,
    laid_over,
    lines_of,
    lines_pixels,
)
from daskscope.views.timeline.sight import sight

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from daskscope.views.timeline.plain import PlainBars

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
    table[_ERRED + _BEFORE_SLOTS] = mixed(theme.erred, theme.lane, light.share(theme, _ERRED))
    for slot in (_OTHER, *range(n_slots)):
        share = busy * light.share(theme, slot)
        table[slot + _BEFORE_SLOTS] = _mixed(slot_colour(theme, slot), theme.lane, share)
    table |= np.uint32(OPAQUE)
    table[_NOTHING + _BEFORE_SLOTS] = 0 if light.is_lit else theme.lane | OPAQUE
    return table.ravel()


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
    table[table > 0] |= np.uint32(OPAQUE)
    return table


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
    layout, rows = frame.layout, (frame.first_row, frame.last_row)
    lines = lines_of(layout, *rows, frame.scroll_px, frame.height_px)
    layers = tuple(_layers(frame, theme, dimmed, part))
    barred = _barred(part.plain, part.columns) if part.plain is not None else None
    pixels = lines_pixels(lines, layers, barred, theme.lane | OPAQUE, part.memory)
    _put_densities(pixels, frame, theme, dimmed, part.columns)
    for row in sight(frame).hosts:
        block = np.full((row.height_px, 1), theme.hdr | OPAQUE, np.uint32)
        block[-1] = theme.line2 | OPAQUE
        _paste(pixels, row.y_px - frame.scroll_px, block)
    return pixels


@dataclass(frozen=True, slots=True)
class _Stacks:
    """Some columns of several density rows, side by side; the rest as in `DensityColumns`."""

    slots: tuple[int, ...]
    share: npt.NDArray[np.float32]
    transfer: npt.NDArray[np.float32]


def _side_by_side(stacks: Sequence[DensityColumns], columns: slice) -> _Stacks:
    slots = sorted({slot for stack in stacks for slot in stack.slots})
    at = {slot: i for i, slot in enumerate(slots)}
    width_px = columns.stop - columns.start
    share = np.zeros((len(slots), len(stacks), width_px), np.float32)
    for i, stack in enumerate(stacks):
        share[[at[slot] for slot in stack.slots], i] = stack.share[:, columns]
    transfer = np.concatenate([stack.transfer[columns] for stack in stacks])
    return _Stacks(tuple(slots), share.reshape(len(slots), len(transfer)), transfer)


def _put_densities(
    pixels: Pixels, frame: TaskStreamFrame, theme: Theme, dimmed: frozenset[int], columns: slice
) -> None:
    """Put all density rows, those of one height together: most are as high as each other."""
    lit_of = {stack.row: stack for stack in frame.lit_densities}
    rows = frame.layout.rows
    alike: defaultdict[tuple[int, bool], list[DensityColumns]] = defaultdict(list)
    for stack in frame.densities:
        alike[rows[stack.row].height_px, stack.row in lit_of].append(stack)
    for (height_px, is_lit), stacks in alike.items():
        width_px = pixels.shape[1]
        block = np.full((height_px, len(stacks) * width_px), theme.lane | OPAQUE, np.uint32)
        lit = [lit_of[stack.row] for stack in stacks] if is_lit else None
        lit_stacks = None if lit is None else _side_by_side(lit, columns)
        _put_density(block, _side_by_side(stacks, columns), lit_stacks, theme, dimmed)
        for i, stack in enumerate(stacks):
            part = block[:, i * width_px : (i + 1) * width_px]
            _paste(pixels, rows[stack.row].y_px - frame.scroll_px, part)


def _paste(pixels: Pixels, top: int, block: Pixels) -> None:
    """Put `block` at line `top`, which may lie above or below what is visible."""
    part = pixels[max(top, 0) : max(top + len(block), 0)]
    first = max(-top, 0)
    part[:] = block[first : first + len(part)]


def _layers(
    frame: TaskStreamFrame, theme: Theme, dimmed: frozenset[int], part: Part
) -> Iterator[Layer]:
    """Colours of lanes from the lowest to the highest: dense runs, and those that are lit."""
    visible, columns = slice(frame.first_row, frame.last_row), part.columns
    light = Light(dimmed) if frame.lit is None else _GHOSTS
    cells = frame.dense.cells[visible, columns]
    yield Layer(BAR, _dense_colours(cells, theme, light))
    yield from _sub_lanes(cells, _kind_table(theme, light), part)
    if frame.lit is not None:
        cells = frame.lit.cells[visible, columns]
        yield Layer(BAR, _dense_colours(cells, theme, _LIT))
        yield from _sub_lanes(cells, _kind_table(theme, _LIT), part)


def _sub_lanes(cells: Cells, table: Pixels, part: Part) -> Iterator[Layer]:
    """What fills the sub-lanes, disk in dashes."""
    if cells.max(initial=0) >> KIND_SHIFT == 0:
        return
    kinds = (cells >> np.uint32(KIND_SHIFT)).astype(np.uint8)
    is_disk = (kinds == _DISK_READ) | (kinds == _DISK_WRITE)
    if is_disk.any():
        kinds = np.where(is_disk & part.is_gap, np.uint8(0), kinds)
    yield Layer(SUB, np.take(table, kinds))


def _barred(plain: PlainBars, columns: slice) -> Barred | None:
    """Plain bars, None where there are none."""
    plane = plain.plane[:, columns]
    rows = np.flatnonzero(plane.any(axis=1))
    if not len(rows):
        return None
    plane = plane[rows]
    return Barred(rows, np.take(plain.inner, plane), np.take(plain.outer, plane))


def _dense_colours(cells: Cells, theme: Theme, light: Light) -> Pixels:
    # Slots count from 0 here; what a negative one carries over goes with the kind.
    at = cells + np.uint32(_BEFORE_SLOTS << SLOT_SHIFT)
    at &= np.uint32((1 << KIND_SHIFT) - 1)
    n_slots = max((int(at.max(initial=0)) >> SLOT_SHIFT) + 1 - _BEFORE_SLOTS, 0)
    return np.take(_dense_table(theme, n_slots, light), at)


def _put_density(
    block: Pixels,
    columns: _Stacks,
    lit: _Stacks | None,
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
    part[:] = laid_over(part, stacked)
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
    return np.take(stack_table(colours), stack_levels(share, height_px))


def stack_levels(share: npt.NDArray[np.float32], height_px: int) -> npt.NDArray[np.int16]:
    """Which of the shares that `stack` stacks lies in each pixel: their number where none does."""
    n, width = share.shape
    starts = np.zeros((n + 1, width), np.int32)
    np.rint(np.cumsum(share, axis=0) * height_px, out=starts[1:], casting="unsafe")
    np.minimum(starts, height_px, out=starts)
    plane = np.zeros((height_px + 1, width), np.int16)
    x = np.arange(width)
    for level in range(n + 1):  # an empty share is overwritten by the next one
        plane[starts[level], x] = level
    np.maximum.accumulate(plane, axis=0, out=plane)
    return plane[-2::-1]


def stack_table(colours: Sequence[int], ground: int = 0) -> Pixels:
    """Pixels by level of a stack; `ground` is the one where nothing lies."""
    return np.array([*(rgb | OPAQUE for rgb in colours), ground], np.uint32)


def ghost(theme: Theme, slot: int, dimmed: frozenset[int]) -> int:
    """Colour of a slot in the minimap outside the brush."""
    return mixed(theme.s2, shown_colour(theme, slot, dimmed), 0.55)
