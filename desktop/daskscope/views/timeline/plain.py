"""Bars of one colour, thousands at once: a plane that says what lies in each pixel of a row.

Qt takes half a microsecond for each bar, in every frame. In a plane they are part of the pixels
that scroll, and only what is new among them is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.paint.brush import edge_colour, needs_edge, slot_brush, slot_colour
from daskscope.theme import mixed
from daskscope.views.timeline.lanes import (
    GREATEST_SLOT_KEY,
    LEAST_EDGE_PX,
    N_COLOURS,
    BarShapes,
    Fill,
)
from daskscope.views.timeline.raster import OPAQUE, opacity
from daskscope.views.timeline.sight import gone_zones

if TYPE_CHECKING:
    import numpy.typing as npt

    from daskscope.derive.frames import TaskStreamFrame
    from daskscope.theme import Theme
    from daskscope.views.timeline.lines import Pixels

    Numbers = npt.NDArray[np.intp]

#: A code: whether it is an end of the bar, whether it is narrow, its slot and one, its light.
_END, _NARROW, _SLOT_SHIFT, _LIT = 1, 2, 2, 1 << 12
_N_CODES: Final = 1 << 13
_PREFIX: Final = np.int32(Fill.PREFIX)


def told_apart(frame: TaskStreamFrame, shapes: BarShapes) -> tuple[Numbers, Numbers]:
    """Numbers of the bars of a frame that are plain, and of the others.

    Others have a pattern or a mark, or reach into a stretch in which nothing can be, for that lies
    over the plane.
    """
    row, x0_px, x1_px = frame.bars.row, frame.bars.x0_px, frame.bars.x1_px
    is_plain = (shapes.fill == _PREFIX) & (x1_px <= frame.now_px)
    is_plain &= (shapes.slot < N_COLOURS) | shapes.is_narrow
    is_plain &= (row >= frame.first_row) & (row < frame.last_row)
    tops_px = shapes.rects[:, 1]
    for (left, top, width, height), _ in gone_zones(frame):
        is_beside = (tops_px >= top) & (tops_px < top + height)
        is_plain &= ~(is_beside & (x1_px > left) & (x0_px < left + width))
    return np.flatnonzero(is_plain), np.flatnonzero(~is_plain)


@dataclass(frozen=True, slots=True, eq=False)
class PlainBars:
    """Bars of one colour.

    Attributes
    ----------
    plane
        uint16, shape (visible rows, width_px): a code of the bar that lies there, 0 where none is.
    inner, outer
        Colours by code: of the lines within a bar, and of its first and last line.
    """

    plane: npt.NDArray[np.uint16]
    inner: Pixels
    outer: Pixels


def plain_bars(
    frame: TaskStreamFrame,
    shapes: BarShapes,
    among: Numbers,
    theme: Theme,
    dimmed: frozenset[int],
) -> PlainBars:
    """Some bars of a frame as a plane, with its colours."""
    n_slots = int(shapes.slot[among].max(initial=-1)) + 1
    return PlainBars(_plane(frame, shapes, among), *_colours(theme, dimmed, n_slots))


def _plane(frame: TaskStreamFrame, shapes: BarShapes, among: Numbers) -> npt.NDArray[np.uint16]:
    bars, width_px = frame.bars, frame.view.width_px
    plane = np.zeros((frame.last_row - frame.first_row, width_px), np.uint16)
    if not len(among):
        return plane
    slot = np.minimum(shapes.slot[among] + 1, GREATEST_SLOT_KEY)
    code = (slot << _SLOT_SHIFT) + shapes.is_narrow[among] * _NARROW
    code += _LIT if bars.is_lit is None else bars.is_lit[among] * _LIT
    order = np.argsort(code.astype(np.uint16), kind="stable")  # as they are drawn one by one
    among, code = among[order], code[order].astype(np.uint16)
    x0_px, n_px = shapes.rects[among, 0], shapes.rects[among, 2] - shapes.rects[among, 0] + 1
    first = (bars.row[among] - frame.first_row) * width_px + x0_px
    end = np.cumsum(n_px)
    at = np.arange(end[-1]) + np.repeat(first - (end - n_px), n_px)
    codes = np.repeat(code, n_px)
    codes[end - 1] |= _END
    codes[(end - n_px)[n_px >= LEAST_EDGE_PX]] |= _END
    plane.reshape(-1)[at] = codes
    return plane


@lru_cache(maxsize=8)
def _colours(theme: Theme, dimmed: frozenset[int], n_slots: int) -> tuple[Pixels, Pixels]:
    """Colours by code, on the lines within a bar, and on its first and last line."""
    inner, outer = np.zeros((2, _N_CODES), np.uint32)
    for slot in range(min(n_slots, GREATEST_SLOT_KEY)):
        rgb = slot_colour(theme, slot)
        for is_narrow in (False, True):
            for is_lit in (False, True):
                share = opacity(theme) if slot in dimmed or not is_lit else 1.0
                width_px = 1 if is_narrow else 1_000
                fill = slot_brush(theme, slot, width_px, share).color().rgb()
                edge = mixed(edge_colour(theme, rgb), theme.lane, share) | OPAQUE
                code = ((slot + 1) << _SLOT_SHIFT) + is_narrow * _NARROW + is_lit * _LIT
                inner[code] = fill
                inner[code + _END] = outer[[code, code + _END]] = (
                    edge if needs_edge(theme, rgb) else fill
                )
    return inner, outer
