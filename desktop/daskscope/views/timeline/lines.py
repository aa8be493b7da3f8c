"""From rows to lines of pixels: what lines that look alike show is laid over each other once.

A colour is opaque, or 0 where nothing lies, so that its uppermost bit says whether it covers what
is below it: no pixel is a branch, which a processor would guess wrong among thousands of tasks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from daskscope.derive.lanelayout import RowKind
from daskscope.views.timeline.lanes import lane_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daskscope.derive.lanelayout import LaneLayout

Pixels = npt.NDArray[np.uint32]

#: What a line of a lane shows: the bar and its sub-lane, and which lines of the bar it is one of.
BAR: Final = 1
SUB: Final = 2
INNER: Final = 4
OUTER: Final = 8


@dataclass(frozen=True, slots=True)
class Lines:
    """What the lines of the visible part show.

    Attributes
    ----------
    row
        By line: the visible row that it is a part of, 0 where it is of no lane.
    shows
        By line: index into `all_shown`.
    all_shown
        Sums of `BAR`, `SUB`, `INNER`, `OUTER`.
    """

    row: npt.NDArray[np.intp]
    shows: npt.NDArray[np.intp]
    all_shown: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """Colours of all visible rows.

    Attributes
    ----------
    of
        In which lines they are seen: `BAR` or `SUB`.
    colours
        uint32, shape (rows, columns): 0 where they cover nothing.
    """

    of: int
    colours: Pixels


@dataclass(frozen=True, slots=True)
class Barred:
    """Bars that lie over all layers, of those rows that have some.

    Attributes
    ----------
    rows
        Visible rows.
    inner, outer
        Colours of these rows in `INNER` and in `OUTER` lines, as in a layer: both cover the same.
    """

    rows: npt.NDArray[np.intp]
    inner: Pixels
    outer: Pixels


@lru_cache(maxsize=2)
def lines_of(
    layout: LaneLayout, first_row: int, last_row: int, scroll_px: int, height_px: int
) -> Lines:
    """Lines of a view; they stay the same while time goes on."""
    shape = lane_shape(layout.pitch_px)
    of_lane = np.zeros(max(shape.bar_px, shape.sub_top_px + shape.sub_px), np.intp)
    of_lane[: shape.bar_px] = BAR + INNER
    of_lane[[0, shape.bar_px - 1]] = BAR + OUTER
    of_lane[shape.sub_top_px : shape.sub_top_px + shape.sub_px] += SUB
    lanes = np.flatnonzero(layout.kinds[first_row:last_row] == RowKind.LANE.value)
    at_px = layout.row_px[0, first_row + lanes, None] - scroll_px + np.arange(len(of_lane))
    is_in = (at_px >= 0) & (at_px < height_px)
    row, shown = np.zeros((2, height_px), np.intp)
    row[at_px[is_in]] = np.broadcast_to(lanes[:, None], at_px.shape)[is_in]
    shown[at_px[is_in]] = np.broadcast_to(of_lane, at_px.shape)[is_in]
    all_shown, shows = np.unique(shown, return_inverse=True)
    return Lines(row, shows, tuple(all_shown.tolist()))


def lines_pixels(
    lines: Lines,
    layers: Sequence[Layer],
    barred: Barred | None,
    ground: int,
    memory: Pixels | None = None,
) -> Pixels:
    """Pixels of all lines: layers on a ground, of which the first is a `BAR` and opaque, and bars.

    Returns
    -------
    Pixels
        uint32, shape (number of lines, columns): `memory`, if that is given.
    """
    n_rows, n_columns = layers[0].colours.shape
    looks = np.empty((len(lines.all_shown), max(n_rows, 1), n_columns), np.uint32)
    # By what is shown and by row: which of the looks it has.
    look_of = np.empty(looks.shape[:2], np.intp)
    first_of: dict[int, int] = {}
    are_there = max(layer.of for layer in layers) | BAR
    for number, shown in enumerate(lines.all_shown):
        look_of[number] = first = first_of.setdefault(shown & are_there, number)
        if first == number:
            seen = [layer.colours for layer in layers if layer.of & shown]
            lowest = seen.pop(0) if shown & BAR else np.uint32(ground)
            looks[number] = reduce(laid_over, seen, lowest)
    if barred is not None:
        _put_bars(looks, look_of, lines.all_shown, barred)
    at = look_of[lines.shows, lines.row] * looks.shape[1] + lines.row
    taken: Pixels = np.take(looks.reshape(-1, n_columns), at, axis=0, out=memory, mode="clip")
    return taken


def _put_bars(
    looks: Pixels, look_of: npt.NDArray[np.intp], all_shown: tuple[int, ...], barred: Barred
) -> None:
    """Give rows with bars looks of their own."""
    for number, shown in enumerate(all_shown):
        if shown & (INNER | OUTER):
            below = looks[look_of[number, 0], barred.rows]
            colours = barred.inner if shown & INNER else barred.outer
            looks[number, barred.rows] = laid_over(below, colours)
            look_of[number, barred.rows] = number


def laid_over(below: Pixels | np.uint32, above: Pixels) -> Pixels:
    """Colours over others, which are seen where there are none."""
    is_covered = (above.view(np.int32) >> np.int32(31)).view(np.uint32)
    return np.asarray(below ^ ((below ^ above) & is_covered))
