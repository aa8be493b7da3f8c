"""Painting of what belongs to the chosen span: frames around bars, and arrows between them.

The painter stands in the lanes. Arrows are drawn under the labels of bars, and run in the gaps
between lanes; a casing in the colour of the lane keeps them apart from bars.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QBrush, QPainter, QPainterPath, QPen, QPolygonF

from daskscope.derive.frames import RowKind
from daskscope.paint.brush import colour
from daskscope.paint.font import Role, text_width
from daskscope.paint.text import draw_text
from daskscope.views.timeline.bars import draw_rects
from daskscope.views.timeline.lanes import lane_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daskscope.derive.details.ties import Arrow, Frame, Ties
    from daskscope.derive.frames import Int32s, TaskStreamFrame
    from daskscope.theme import Theme

_LINE_PX: Final = 1.5
_CASING_PX: Final = 3.5
_BEND_PX: Final = 4.0
_HEAD_PX: Final = (6.0, 3.5)
#: From the gap to the beginning of a bar.
_STEM_PX: Final = 8
_DASHES: Final = (3.0, 2.5)
_MORE_PX: Final = (14, 6)

Point = tuple[float, float]


def draw_arrows(painter: QPainter, frame: TaskStreamFrame, ties: Ties, theme: Theme) -> None:
    """Draw all arrows."""
    if ties.chosen is None:
        return
    ways = [(arrow, _path(_way(arrow, frame))) for arrow in ties.arrows]
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(colour(theme.lane), _CASING_PX))
    for _, path in ways:
        painter.drawPath(path)
    for arrow, path in sorted(ways, key=lambda way: way[0].is_in):
        rgb = theme.accent if arrow.is_in else theme.t2
        pen = QPen(colour(rgb), _LINE_PX)
        if not arrow.is_in:
            pen.setDashPattern(_DASHES)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(path)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(rgb))
        painter.drawPolygon(_head(arrow.target_px, _middle(frame, arrow.target_row)))
    painter.restore()


def draw_frames(painter: QPainter, frame: TaskStreamFrame, ties: Ties, theme: Theme) -> None:
    """Draw a line around each relative, a broad one around the span, and what has no arrow."""
    painter.setPen(QPen(colour(theme.t1), 1))
    draw_rects(painter, _rects(frame, ties.related), QBrush(Qt.BrushStyle.NoBrush))
    if ties.chosen is None:
        return
    left, top, width, height = _box(frame, ties.chosen)
    rgb = colour(theme.accent)
    for x, y, w, h in (
        (left - 2, top - 2, width + 4, 2),
        (left - 2, top + height, width + 4, 2),
        (left - 2, top, 2, height),
        (left + width, top, 2, height),
    ):
        painter.fillRect(x, y, w, h, rgb)
    _draw_more(painter, frame, ties, theme)


def _box(frame: TaskStreamFrame, one: Frame) -> tuple[int, int, int, int]:
    """Left, top, width and height of a bar."""
    top_px, height_px = (int(px) for px in frame.layout.row_px[:, one.row])
    top_px -= frame.scroll_px
    if frame.layout.kinds[one.row] == RowKind.LANE:
        shape = lane_shape(frame.layout.pitch_px)
        top_px += shape.sub_top_px if one.is_sub else 0
        height_px = shape.sub_px if one.is_sub else shape.bar_px
    return one.x0_px, top_px, max(one.x1_px - one.x0_px, 2), height_px


def _rects(frame: TaskStreamFrame, related: Int32s) -> Int32s:
    """Rectangles (see `lanes`) one pixel around bars."""
    rows, x0_px, x1_px, is_sub = related.T
    shape = lane_shape(frame.layout.pitch_px)
    is_lane = frame.layout.kinds[rows] == RowKind.LANE
    top_px = frame.layout.row_px[0][rows] - frame.scroll_px + is_sub * shape.sub_top_px
    bar_px = np.where(is_sub, shape.sub_px, shape.bar_px)
    height_px = np.where(is_lane, bar_px, frame.layout.row_px[1][rows])
    right_px = np.maximum(x1_px, x0_px + 2)
    # A pen draws right of and under the rectangle of a QRect.
    rects = np.stack([x0_px - 1, top_px - 1, right_px - 1, top_px + height_px - 1], axis=1)
    return rects.astype(np.int32)


def _middle(frame: TaskStreamFrame, row: int) -> float:
    """Height at which arrows leave and reach the bars of a row."""
    top_px, height_px = (int(px) for px in frame.layout.row_px[:, row])
    is_lane = frame.layout.kinds[row] == RowKind.LANE
    bar_px = lane_shape(frame.layout.pitch_px).bar_px if is_lane else height_px
    return top_px - frame.scroll_px + bar_px / 2


def _gap(frame: TaskStreamFrame, row: int) -> float:
    """Height of the gap under a row."""
    top_px, height_px = (int(px) for px in frame.layout.row_px[:, row])
    return top_px - frame.scroll_px + height_px - 1.0


def _way(arrow: Arrow, frame: TaskStreamFrame) -> list[Point]:
    """The corners of an arrow's way."""
    source, target = _middle(frame, arrow.source_row), _middle(frame, arrow.target_row)
    end = arrow.target_px - 1.0
    if arrow.is_in:
        gap = _gap(frame, arrow.source_row)
        begin = arrow.source_px - 2.0
        return [
            (begin, source),
            (begin, gap),
            (arrow.trunk_px, gap),
            (arrow.trunk_px, target),
            (end, target),
        ]
    gap = _gap(frame, arrow.target_row)
    stem = end - _STEM_PX
    return [
        (arrow.source_px + 1.0, source),
        (arrow.trunk_px, source),
        (arrow.trunk_px, gap),
        (stem, gap),
        (stem, target),
        (end, target),
    ]


def _path(points: Sequence[Point]) -> QPainterPath:
    """A line through points with round bends."""
    path = QPainterPath(QPointF(*points[0]))
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        path.lineTo(_towards(corner, before))
        path.quadTo(QPointF(*corner), _towards(corner, after))
    path.lineTo(QPointF(*points[-1]))
    return path


def _towards(corner: Point, other: Point) -> QPointF:
    """A point near a corner on the way to another one, both on one upright or level line."""
    dx, dy = other[0] - corner[0], other[1] - corner[1]
    length = abs(dx) + abs(dy)
    share = min(_BEND_PX, length / 2) / length if length else 0.0
    return QPointF(corner[0] + dx * share, corner[1] + dy * share)


def _head(x_px: float, y_px: float) -> QPolygonF:
    length, half = _HEAD_PX
    return QPolygonF(
        [
            QPointF(x_px, y_px),
            QPointF(x_px - length, y_px - half),
            QPointF(x_px - length, y_px + half),
        ]
    )


def _draw_more(painter: QPainter, frame: TaskStreamFrame, ties: Ties, theme: Theme) -> None:
    """Say beside the chosen span how many relatives have no arrow."""
    assert ties.chosen is not None
    left, top, width, height = _box(frame, ties.chosen)
    high, padding = _MORE_PX
    for number, is_in in ((ties.more_in, True), (ties.more_out, False)):
        if not number:
            continue
        text = f"{number:,} more".replace(",", "\u2009")
        wide = round(text_width(Role.TINY, text)) + 2 * padding
        x = left - 14 - wide if is_in else left + width + 14
        beside = ties.related[ties.related[:, 0] == ties.chosen.row]
        if ((beside[:, 1] < x + wide) & (beside[:, 2] > x)).any():
            continue  # they are seen to be many
        y = top + (height - high) // 2
        painter.fillRect(x, y, wide, high, colour(theme.lane, 0.9))
        rgb = theme.accent_t if is_in else theme.t2
        draw_text(painter, (x + padding, y, wide, high), text, Role.TINY, rgb)
