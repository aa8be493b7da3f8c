"""Painting of bars and their labels.

The painter stands in the lanes: x is a pixel of the frame, y of the visible part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import Qt

from daskscope.paint.brush import (
    DROPPED_SHARE,
    LOST_SHARE,
    RUNNING_SHARE,
    colour,
    edge_colour,
    lost_brush,
    needs_edge,
    running_brush,
    slot_brush,
    slot_colour,
    slot_ink,
    solid,
)
from daskscope.paint.font import Role, text_width
from daskscope.paint.icon import draw_cross
from daskscope.paint.rects import draw_rects
from daskscope.paint.text import draw_label
from daskscope.theme import Theme, mixed
from daskscope.views.timeline.lanes import (
    LABEL_PADDING_PX,
    LEAST_CROSS_PX,
    LEAST_EDGE_PX,
    BarGroup,
    BarShapes,
    Fill,
    Label,
    bar_groups,
)
from daskscope.views.timeline.raster import opacity

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt
    from PySide6.QtGui import QBrush, QPainter

    from daskscope.derive.frames import Bars, Int32s

    Numbers = npt.NDArray[np.intp]

_DASHES_PX: Final = {Fill.DISK_READ: (4, 1), Fill.DISK_WRITE: (2, 1)}
#: What has so little colour that its label needs the ink of text.
_PALE: Final = (Fill.RUNNING, Fill.DROPPED, Fill.LOST)
_RUNNING_EDGE_PX: Final = 2
_LOST_CAP_PX: Final = 3


def _inset(rects: Int32s, left: int, top: int, right: int, bottom: int) -> Int32s:
    return rects + np.array([left, top, -right, -bottom], np.int32)


def draw_bars(
    painter: QPainter,
    bars: Bars,
    shapes: BarShapes,
    theme: Theme,
    dimmed: frozenset[int],
    among: Numbers | None = None,
) -> None:
    """Draw bars of a frame, group by group: all, or those that are meant."""
    painter.setPen(Qt.PenStyle.NoPen)
    for group in bar_groups(bars, shapes, among):
        is_dim = group.slot in dimmed or not group.is_lit
        _draw_group(painter, group, theme, opacity(theme) if is_dim else 1.0)


def _draw_group(painter: QPainter, group: BarGroup, theme: Theme, share: float) -> None:
    if group.fill in _PREFIX_FILLS:
        _PREFIX_FILLS[group.fill](painter, group, theme, share)
        return

    def toned(rgb: int) -> QBrush:
        return solid(mixed(rgb, theme.lane, share))

    rects = group.rects
    if group.fill in (Fill.FAILED, Fill.ERRED):
        draw_rects(painter, rects, toned(theme.erred))
        if group.fill is Fill.ERRED and share == 1.0:
            _draw_crosses(painter, rects, theme)
    elif group.fill is Fill.DESERIALIZE:
        draw_rects(painter, rects, toned(theme.deser))
        hollow = _inset(rects[rects[:, 2] - rects[:, 0] >= 2], 1, 1, 1, 1)
        draw_rects(painter, hollow, solid(theme.lane))
    elif group.fill in _DASHES_PX:
        draw_rects(painter, _dashes(rects, *_DASHES_PX[group.fill]), toned(theme.disk))
    else:
        rgb = theme.transfer if group.fill is Fill.TRANSFER else slot_colour(theme, -1)
        draw_rects(painter, rects, toned(rgb))


def _draw_prefix(painter: QPainter, group: BarGroup, theme: Theme, share: float) -> None:
    rgb, rects = slot_colour(theme, group.slot), group.rects
    width = 1 if group.is_narrow else 1_000
    brush = slot_brush(theme, group.slot, width, share)
    if not needs_edge(theme, rgb):
        draw_rects(painter, rects, brush)
        return
    edge = mixed(edge_colour(theme, rgb), theme.lane, share)
    draw_rects(painter, rects, solid(edge))
    is_wide = rects[:, 2] - rects[:, 0] + 1 >= LEAST_EDGE_PX
    draw_rects(painter, _inset(rects[is_wide], 1, 1, 1, 1), brush)
    draw_rects(painter, _inset(rects[~is_wide], 0, 1, 1, 1), brush)


def _draw_running(painter: QPainter, group: BarGroup, theme: Theme, share: float) -> None:
    """Draw an edge on the left, above and below, and none on the right: it is not over."""
    rgb = mixed(slot_colour(theme, group.slot), theme.lane, share)
    edge = edge_colour(theme, rgb) if needs_edge(theme, rgb) and share == 1.0 else rgb
    draw_rects(painter, group.rects, solid(edge))
    inner = _inset(group.rects, _RUNNING_EDGE_PX, 1, 0, 1)
    inner = inner[inner[:, 2] >= inner[:, 0]]
    draw_rects(painter, inner, running_brush(theme, rgb))


def _draw_dropped(painter: QPainter, group: BarGroup, theme: Theme, share: float) -> None:
    """Draw a frame around little of the colour: it came to nothing."""
    rgb = mixed(slot_colour(theme, group.slot), theme.lane, share)
    edge = edge_colour(theme, rgb) if needs_edge(theme, rgb) and share == 1.0 else rgb
    draw_rects(painter, group.rects, solid(edge))
    is_wide = group.rects[:, 2] - group.rects[:, 0] + 1 >= LEAST_EDGE_PX
    inner = _inset(group.rects[is_wide], 1, 1, 1, 1)
    draw_rects(painter, inner, solid(mixed(rgb, theme.lane, DROPPED_SHARE)))


def _draw_lost(painter: QPainter, group: BarGroup, theme: Theme, share: float) -> None:
    """Draw falling lines, and a cap where the worker went."""
    rgb = mixed(slot_colour(theme, group.slot), theme.lane, share)
    draw_rects(painter, group.rects, lost_brush(theme, rgb, share))
    caps = group.rects.copy()
    caps[:, 0] = np.maximum(caps[:, 0], caps[:, 2] - (_LOST_CAP_PX - 1))
    draw_rects(painter, caps, solid(mixed(theme.erred, theme.lane, share)))


_PREFIX_FILLS: Final = {
    Fill.PREFIX: _draw_prefix,
    Fill.RUNNING: _draw_running,
    Fill.DROPPED: _draw_dropped,
    Fill.LOST: _draw_lost,
}


def _draw_crosses(painter: QPainter, rects: Int32s, theme: Theme) -> None:
    wide = rects[rects[:, 2] - rects[:, 0] + 1 >= LEAST_CROSS_PX]
    for left, top, right, bottom in wide.tolist():
        width = right - left + 1
        centre = left + (width / 2 if width < 2 * LEAST_CROSS_PX else LABEL_PADDING_PX + 3)
        draw_cross(painter, centre, (top + bottom + 1) / 2, 5, theme.errtext)


def _dashes(rects: Int32s, on_px: int, off_px: int) -> Int32s:
    """Each rectangle cut into dashes; the last one may be shorter."""
    pitch = on_px + off_px
    n_each = (rects[:, 2] - rects[:, 0] + pitch) // pitch
    result = np.repeat(rects, n_each, axis=0)
    first = np.repeat(np.cumsum(n_each) - n_each, n_each)
    result[:, 0] += ((np.arange(len(result)) - first) * pitch).astype(np.int32)
    result[:, 2] = np.minimum(result[:, 2], result[:, 0] + np.int32(on_px - 1))
    return result


# Labels -------------------------------------------------------------------------------------


def draw_labels(
    painter: QPainter, labels: Iterable[Label], theme: Theme, dimmed: frozenset[int]
) -> None:
    """Draw labels of bars; dimmed bars have none."""
    for label in labels:
        if label.slot in dimmed and label.fill is not Fill.ERRED:
            continue
        box = (label.left_px, label.top_px, label.width_px, label.height_px)
        if label.fill in (Fill.RUNNING, Fill.LOST):
            _clear_pattern(painter, label, theme)
        role = Role.ERRED_LABEL if label.fill is Fill.ERRED else Role.LABEL
        draw_label(painter, box, label.text, role, _ink(theme, label))


def _ink(theme: Theme, label: Label) -> int:
    if label.fill is Fill.ERRED:
        return theme.errtext
    if label.fill in _PALE:
        return theme.t1
    return slot_ink(theme, label.slot if label.fill is Fill.PREFIX else -1)


def _clear_pattern(painter: QPainter, label: Label, theme: Theme) -> None:
    """Draw no lines behind the name of a running or lost task."""
    width = min(text_width(Role.LABEL, label.text), label.width_px)
    is_lost = label.fill is Fill.LOST
    share = LOST_SHARE if is_lost else RUNNING_SHARE
    ground = mixed(slot_colour(theme, label.slot), theme.lane, share)
    left = label.left_px - LABEL_PADDING_PX + (0 if is_lost else _RUNNING_EDGE_PX)
    painter.fillRect(left, label.top_px + 1, round(width) + 6, label.height_px - 2, colour(ground))
