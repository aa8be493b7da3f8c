"""From the bars of a frame to rectangles, grouped by how they are filled, and to labels. No Qt.

Rectangles are int32 rows of left, top, right, bottom, the last two inclusive: the memory of a
QRect, so that a group is drawn by one call.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.derive.frames import Bars, BarState, Int32s, TaskStreamFrame
from daskscope.store.schema import Kind
from daskscope.theme import COMFORTABLE, COMPACT, NORMAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy.typing as npt

#: From this width a bar leaves the last pixel to the lane, so that neighbours stay apart.
LEAST_GAP_PX: Final = 3
#: An edge needs this width to leave something of the fill.
LEAST_EDGE_PX: Final = 4
LABEL_PADDING_PX: Final = 5
#: A name that does not fit is shown in a bar of this width if 60 % of it can be seen.
LEAST_ELIDED_PX: Final = 50
LEAST_ELIDED_SHARE: Final = 0.6
#: A name however long is told by its beginning.
AMPLE_ROOM_PX: Final = 120
LEAST_LABEL_BAR_PX: Final = 12
#: No name fits in less, nor in a bar that has no more.
LEAST_ROOM_PX: Final = 8
_LEAST_BAR_PX: Final = LEAST_ROOM_PX + 2 * LABEL_PADDING_PX - 1
#: An erred bar of this width has a cross, which takes the space of `CROSS_PX` before its label.
LEAST_CROSS_PX: Final = 11
CROSS_PX: Final = 11
#: Below this pitch the sub-lane moves into the lowest pixels of the bar.
_LEAST_SUB_LANE_PITCH_PX: Final = 12
#: Slots from here on share a colour and are told apart by a pattern, if they are wide enough.
N_COLOURS: Final = 20
_LEAST_PATTERN_PX: Final = 8
_LIT_KEY: Final = 0x800
GREATEST_SLOT_KEY: Final = 0x3FF


@dataclass(frozen=True, slots=True)
class LaneShape:
    """Where bar and sub-lane lie within a lane, from its top."""

    bar_px: int
    sub_top_px: int
    sub_px: int


def lane_shape(pitch_px: int) -> LaneShape:
    """Shape of a lane of a height."""
    for density in (NORMAL, COMPACT, COMFORTABLE):
        if pitch_px == density.pitch_px:
            return LaneShape(density.bar_px, density.bar_px + density.gap_px, density.sub_lane_px)
    if pitch_px >= _LEAST_SUB_LANE_PITCH_PX:
        sub_px = max(2, round(pitch_px * NORMAL.sub_lane_px / NORMAL.pitch_px))
        bar_px = pitch_px - sub_px - 3
        return LaneShape(bar_px, bar_px + 1, sub_px)
    bar_px = max(pitch_px - 1, 1)
    return LaneShape(bar_px, max(bar_px - 2, 0), min(2, bar_px))


class Fill(IntEnum):
    """How the rectangles of a group are filled; later ones lie above earlier ones."""

    PREFIX = 0
    RUNNING = 1
    DROPPED = 2
    LOST = 3
    OTHER = 4
    ERRED = 5
    DESERIALIZE = 6
    TRANSFER = 7
    DISK_READ = 8
    DISK_WRITE = 9
    #: Of a sub-lane.
    FAILED = 10


#: Arrays are compared with numbers of their own type: with a member of an enum numpy takes 15 us.
_RUNNING, _LOST, _ERRED, _DESERIALIZE = (
    np.int32(fill) for fill in (Fill.RUNNING, Fill.LOST, Fill.ERRED, Fill.DESERIALIZE)
)
_SUB_LANE_FILLS: Final = {
    Kind.TRANSFER: Fill.TRANSFER,
    Kind.DISK_READ: Fill.DISK_READ,
    Kind.DISK_WRITE: Fill.DISK_WRITE,
    Kind.DESERIALIZE: Fill.DESERIALIZE,
}
_STATE_FILLS: Final = {
    BarState.RUNNING: Fill.RUNNING,
    BarState.DROPPED: Fill.DROPPED,
    BarState.LOST: Fill.LOST,
    BarState.ERRED: Fill.ERRED,
}


def _fill_table() -> Int32s:
    """`Fill` by kind * 8 + state."""
    fill = np.full((256, 8), int(Fill.PREFIX), np.int32)
    fill[[Kind.OTHER, Kind.CLIENT]] = Fill.OTHER
    for state, of_state in _STATE_FILLS.items():
        fill[:, state] = of_state
    for kind, of_kind in _SUB_LANE_FILLS.items():
        fill[kind] = of_kind
        fill[kind, BarState.ERRED] = Fill.FAILED
    return fill.ravel()


_FILL: Final = _fill_table()


@dataclass(frozen=True, slots=True)
class BarGroup:
    """Bars that are filled alike.

    Attributes
    ----------
    slot
        Palette slot, -1 where the fill does not depend on it.
    is_narrow
        Too narrow for the pattern of a slot beyond the palette.
    is_lit
        Drawn as it is; else as a ghost.
    rects
        int32, shape (n, 4), C-contiguous; see the module.
    """

    fill: Fill
    slot: int
    is_narrow: bool
    is_lit: bool
    rects: Int32s


def fills(bars: Bars) -> Int32s:
    """`Fill` of each bar."""
    return _FILL.take((bars.kind.astype(np.uint16) << 3) + bars.state)


def row_tops(frame: TaskStreamFrame) -> Int32s:
    """Top of each row of the layout in the visible part, by index of the row."""
    tops: Int32s = frame.layout.row_px[0] - np.int32(frame.scroll_px)
    return tops


@dataclass(frozen=True, slots=True)
class BarShapes:
    """How each bar of a frame is filled, and where.

    Attributes
    ----------
    fill
        int32: `Fill`.
    rects
        int32, shape (n, 4), in the visible part; see the module.
    slot
        int32: palette slot, -1 where the fill does not depend on it.
    is_narrow
        Too narrow for the pattern of a slot beyond the palette.
    """

    fill: Int32s
    rects: Int32s
    slot: Int32s
    is_narrow: npt.NDArray[np.bool_]


def bar_shapes(frame: TaskStreamFrame) -> BarShapes:
    """Fill and rectangle of each bar of a frame."""
    bars, shape = frame.bars, lane_shape(frame.layout.pitch_px)
    fill = fills(bars)
    is_sub = fill >= _DESERIALIZE
    is_over = ~is_sub & (fill != _RUNNING)
    has_gap = is_over & (bars.x1_px - bars.x0_px >= LEAST_GAP_PX)
    tops = row_tops(frame)[bars.row]
    rects = np.empty((len(bars), 4), np.int32)
    rects[:, 0] = bars.x0_px
    rects[:, 1] = tops + np.where(is_sub, shape.sub_top_px, 0)
    rects[:, 2] = bars.x1_px - 1 - has_gap
    rects[:, 3] = tops + np.where(is_sub, shape.sub_top_px + shape.sub_px, shape.bar_px) - 1
    slot = np.where(fill <= _LOST, np.maximum(bars.slot, -1), -1)
    is_narrow = (slot >= N_COLOURS) & (rects[:, 2] - rects[:, 0] + 1 < _LEAST_PATTERN_PX)
    return BarShapes(fill, rects, slot, is_narrow)


def bar_groups(
    bars: Bars, shapes: BarShapes, among: npt.NDArray[np.intp] | None = None
) -> list[BarGroup]:
    """Bars of a frame by fill, light, slot and width, in the order in which they are drawn.

    `among` are those that are meant, all if it is None.
    """
    meant = slice(None) if among is None else among
    fill, rects, slot = shapes.fill[meant], shapes.rects[meant], shapes.slot[meant]
    if not len(fill):
        return []
    # 16 bits are sorted in linear time: 4 for the fill, 1 the light, 10 the slot, 1 the width.
    key = (fill << 12) + (np.minimum(slot + 1, GREATEST_SLOT_KEY) << 1) + shapes.is_narrow[meant]
    key += _LIT_KEY if bars.is_lit is None else bars.is_lit[meant] * _LIT_KEY
    key = key.astype(np.uint16)
    order = np.argsort(key, kind="stable")
    key, rects = key[order], rects[order]
    is_first = np.ones(len(key), np.bool_)
    np.not_equal(key[1:], key[:-1], out=is_first[1:])
    starts = np.flatnonzero(is_first)
    stops = [*starts[1:].tolist(), len(key)]
    return [
        BarGroup(
            Fill(bits >> 12),
            (bits >> 1 & GREATEST_SLOT_KEY) - 1,
            bool(bits & 1),
            bool(bits & _LIT_KEY),
            rects[start:stop],
        )
        for bits, start, stop in zip(key[starts].tolist(), starts.tolist(), stops, strict=True)
    ]


def _covered(shapes: BarShapes) -> npt.NDArray[np.bool_]:
    """Lost bars that lie on longer ones: what was lost together ended together, in one row."""
    is_covered = np.zeros(len(shapes.fill), np.bool_)
    lost = np.flatnonzero(shapes.fill == _LOST)
    if len(lost) < 2:
        return is_covered
    left, top, right, _ = shapes.rects[lost].T
    lost = lost[np.lexsort((left, right, top))]
    ends = shapes.rects[lost][:, 1:3]
    is_covered[lost[1:]] = (ends[1:] == ends[:-1]).all(axis=1)
    return is_covered


@dataclass(frozen=True, slots=True)
class Label:
    """The name in a bar.

    Attributes
    ----------
    left_px, top_px, width_px, height_px
        Where the text may stand; a wider one is elided on the right.
    """

    text: str
    left_px: int
    top_px: int
    width_px: int
    height_px: int
    fill: Fill
    slot: int


def bar_labels(
    bars: Bars, shapes: BarShapes, names: Sequence[str], width_of: Callable[[str], float]
) -> Iterator[Label]:
    """Labels of the bars that are lit and have room for one.

    A label is shown when the whole name fits, or when the bar has 50 px and shows 60 % of it. Bars
    are cut at the left edge of the view, so a label stays at the visible left edge. `names` are
    texts by string id.
    """
    fill, rects = shapes.fill, shapes.rects
    width = rects[:, 2] - rects[:, 0] + 1
    if width.max(initial=0) < _LEAST_BAR_PX:
        return
    height = rects[:, 3] - rects[:, 1] + 1
    indent = LABEL_PADDING_PX + np.where(fill == _ERRED, CROSS_PX, 0)
    room = width - indent - LABEL_PADDING_PX + 1
    can_hold = (room >= LEAST_ROOM_PX) & (height >= LEAST_LABEL_BAR_PX)
    if bars.is_lit is not None:
        can_hold &= bars.is_lit
    wanted = np.flatnonzero(can_hold & (fill < _DESERIALIZE) & ~_covered(shapes))
    ids, which = np.unique(bars.name[wanted], return_inverse=True)
    text_px = np.array([width_of(names[i]) for i in ids.tolist()], np.float64)[which]
    cut_px = np.minimum(LEAST_ELIDED_SHARE * text_px + width_of("…"), AMPLE_ROOM_PX)
    is_shown = (text_px <= room[wanted]) | (
        (width[wanted] >= LEAST_ELIDED_PX) & (room[wanted] >= cut_px)
    )
    shown = wanted[is_shown]
    columns = (bars.name, rects[:, 0] + indent, rects[:, 1], room, height, fill, bars.slot)
    for name, left, top, room_px, height_px, kind, slot in zip(
        *(column[shown].tolist() for column in columns), strict=True
    ):
        yield Label(names[name], left, top, room_px, height_px, Fill(kind), slot)
