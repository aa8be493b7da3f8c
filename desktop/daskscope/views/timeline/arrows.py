"""Painting of what belongs to the chosen span: frames around bars, and arrows between them.

The painter stands in the lanes. Arrows are drawn under the labels of bars, and run in the gaps
between lanes; a casing in the colour of the lane keeps them apart from bars.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QBrush, QPainter, QPainterPath, QPen, QPolygonF

from daskscope.derive.lanelayout import RowKind
from daskscope.paint.brush import colour
from daskscope.paint.font import Role, text_width
from daskscope.paint.rects import draw_rects
from daskscope.paint.text import draw_text
from daskscope.views.timeline.lanes import lane_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daskscope.derive.details.ties import Arrow, Frame, Ties
    from daskscope.derive.frames import Int32s, TaskStreamFrame
    from daskscope.theme import Theme

Point: TypeAlias = tuple[float, float]

_LINE_PX: Final = 1.5
_CASING_PX: Final = 3.5
_BEND_PX: Final = 4.0
_HEAD_PX: Final = (6.0, 3.5)
#: From the gap to the beginning of a bar.
_STEM_PX: Final = 8
_DASHES: Final = (3.0, 2.5)
_MORE_PX: Final = (14, 6)
#: So far beyond the lanes an upright goes to rows that are not in view.
_BEYOND_PX: Final = 8.0


def draw_arrows(painter: QPainter, frame: TaskStreamFrame, ties: Ties, theme: Theme) -> None:
    """Draw all arrows; those of one direction are one line with branches."""
    if ties.chosen is None:
        return
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    ways = []
    for is_in in (False, True):
        arrows = [arrow for arrow in ties.arrows if arrow.is_in is is_in]
        if arrows:
            ways.append((is_in, *(_into if is_in else _out_of)(arrows, frame)))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(colour(theme.lane), _CASING_PX))
    for _, path, _ in ways:
        painter.drawPath(path)
    for is_in, path, heads in ways:
        rgb = colour(theme.accent if is_in else theme.t2)
        pen = QPen(rgb, _LINE_PX)
        if not is_in:
            pen.setDashPattern(_DASHES)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(path)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(rgb)
        for head in heads:
            painter.drawPolygon(head)
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
    is_lane = frame.layout.kinds[rows] == RowKind.LANE.value
    top_px = frame.layout.row_px[0][rows] - frame.scroll_px + is_sub * shape.sub_top_px
    bar_px = np.where(is_sub, shape.sub_px, shape.bar_px)
    height_px = np.where(is_lane, bar_px, frame.layout.row_px[1][rows])
    right_px = np.maximum(x1_px, x0_px + 2)
    # A pen draws right of and under the rectangle of a QRect.
    rects = np.stack([x0_px - 1, top_px - 1, right_px - 1, top_px + height_px - 1], axis=1)
    return rects.astype(np.int32)


@dataclass(frozen=True, slots=True)
class _Heights:
    """Where arrows touch a row: the middle of its bars, and the gap under it."""

    middle: float
    gap: float

    @classmethod
    def of(cls, frame: TaskStreamFrame, row: int) -> _Heights:
        """Heights in the visible part, beyond it a little."""
        top_px, height_px = (int(px) for px in frame.layout.row_px[:, row])
        is_lane = frame.layout.kinds[row] == RowKind.LANE.value
        bar_px = lane_shape(frame.layout.pitch_px).bar_px if is_lane else height_px
        top = top_px - frame.scroll_px
        return cls(*(_near(y, frame) for y in (top + bar_px / 2, top + height_px - 1.0)))

    def is_seen(self, frame: TaskStreamFrame) -> bool:
        """Whether the row is in view, even in part."""
        return self.gap > -_BEYOND_PX and self.middle < frame.height_px + _BEYOND_PX


def _near(y: float, frame: TaskStreamFrame) -> float:
    return min(max(y, -_BEYOND_PX), frame.height_px + _BEYOND_PX)


def _into(arrows: Sequence[Arrow], frame: TaskStreamFrame) -> tuple[QPainterPath, list[QPolygonF]]:
    """From the ends of bars down to the gaps, along them to the upright, and from there in."""
    path = QPainterPath()
    trunk, target = arrows[0].trunk_px, arrows[0].target_px
    own = _Heights.of(frame, arrows[0].target_row).middle
    joints = []
    for arrow in arrows:
        at = _Heights.of(frame, arrow.source_row)
        joints.append(at.gap)
        if at.is_seen(frame):
            begin = arrow.source_px - 2.0
            path.moveTo(begin, at.middle)
            _bend(path, (begin, at.gap), (trunk, at.gap))
            _bend(path, (trunk, at.gap), (trunk, own))
    for end in {min(joints), max(joints)}:
        path.moveTo(trunk, end + _step(end, own))
        _bend(path, (trunk, own), (target, own))
    path.lineTo(target - 1.0, own)
    return path, [_head(target - 1.0, own)]


def _out_of(
    arrows: Sequence[Arrow], frame: TaskStreamFrame
) -> tuple[QPainterPath, list[QPolygonF]]:
    """From the end of a bar to the upright, along the gaps, and up to the beginnings of bars."""
    path = QPainterPath()
    heads = []
    trunk, source = arrows[0].trunk_px, arrows[0].source_px
    own = _Heights.of(frame, arrows[0].source_row).middle
    joints = []
    for arrow in arrows:
        at = _Heights.of(frame, arrow.target_row)
        joints.append(at.gap)
        if at.is_seen(frame):
            end = arrow.target_px - 1.0
            stem = end - _STEM_PX
            path.moveTo(trunk, at.gap + _step(at.gap, own))
            _bend(path, (trunk, at.gap), (stem, at.gap))
            _bend(path, (stem, at.gap), (stem, at.middle))
            _bend(path, (stem, at.middle), (end, at.middle))
            path.lineTo(end, at.middle)
            heads.append(_head(end, at.middle))
    for end in {min(joints), max(joints)}:
        path.moveTo(source + 1.0, own)
        _bend(path, (trunk, own), (trunk, end))
        path.lineTo(trunk, end + _step(end, own))
    return path, heads


def _bend(path: QPainterPath, corner: Point, after: Point) -> None:
    """Go to a corner, and round it towards the next point."""
    position = path.currentPosition()
    path.lineTo(_towards(corner, (position.x(), position.y())))
    path.quadTo(QPointF(*corner), _towards(corner, after))


def _step(joint: float, own: float) -> float:
    """From a joint so far towards the own row as a bend takes."""
    room = abs(own - joint) / 2
    return min(_BEND_PX, room) * (1 if own > joint else -1)


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
