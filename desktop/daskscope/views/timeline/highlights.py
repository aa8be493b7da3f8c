"""Painting of what stands out over the lanes: events, the match stepped to, what is pointed at."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import QPointF, QRect, Qt
from PySide6.QtGui import QImage, QPainter, QPen

from daskscope.derive.lanelayout import RowKind
from daskscope.paint.brush import colour
from daskscope.views.timeline.lanes import lane_shape
from daskscope.views.timeline.raster import OPAQUE
from daskscope.views.timeline.sight import sight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daskscope.derive.frames import Hit, TaskStreamFrame
    from daskscope.theme import Theme

    Stretch = tuple[int, int]

#: A match that is narrower is framed as if it were so wide.
LEAST_FOUND_PX: Final = 6
#: Of the line of an event so much is drawn, then so much left out.
DASH_PX: Final = 3
_FORMAT: Final = QImage.Format.Format_ARGB32_Premultiplied


def draw_event_lines(
    painter: QPainter, frame: TaskStreamFrame, theme: Theme, parts: Sequence[Stretch]
) -> None:
    """Draw a dashed line over all lanes at each event that concerns all of them.

    It leaves out the headers of hosts, whose texts it would cut. Only what reaches into some parts
    is drawn, each from a first column to before another.
    """
    events = [
        event
        for event in frame.events
        if event.has_line and any(first - 1 <= event.x_px <= end for first, end in parts)
    ]
    pieces, ratio = sight(frame).between_px, painter.device().devicePixelRatio()
    if not events or not pieces:
        return
    graph, other = (_line(pieces, rgb, ratio) for rgb in (theme.accent, theme.t1))
    # In the middle under its mark, as a pen would draw it.
    off_px = (other.width() // 2) / ratio
    for event in events:
        image = graph if event.sign == "graph" else other
        painter.drawImage(QPointF(event.x_px - off_px, 0), image)


@lru_cache(maxsize=4)
def _line(pieces: tuple[tuple[int, int], ...], rgb: int, ratio: float) -> QImage:
    """Picture of a line from the top down: a pen's dashes take seven times as long to draw."""
    height_px = pieces[-1][1] + 1
    is_drawn = np.zeros(height_px + 1, np.bool_)
    for top, last in pieces:
        is_drawn[top : last + 1] = np.arange(last + 1 - top) % (2 * DASH_PX) < DASH_PX
    # Each line of the screen shows what is in its middle.
    at = np.arange(round(height_px * ratio)) + 0.5
    is_seen = is_drawn[(at / ratio).astype(np.intp)]
    width = max(round(ratio), 1)
    pixels = np.where(is_seen[:, None], np.uint32(rgb | OPAQUE), np.uint32(0)).repeat(width, axis=1)
    image = QImage(pixels.data, width, len(pixels), width * 4, _FORMAT).copy()  # its own memory
    image.setDevicePixelRatio(ratio)
    return image


def draw_found(painter: QPainter, frame: TaskStreamFrame, theme: Theme) -> None:
    """Frame the match that was stepped to; in a density row over all of its height."""
    found = frame.found
    if found is None:
        return
    row = frame.layout.rows[found.row]
    shape = lane_shape(frame.layout.pitch_px)
    top = row.y_px - frame.scroll_px + (shape.sub_top_px if found.is_sub else 0)
    height = shape.sub_px if found.is_sub else shape.bar_px
    if row.kind is not RowKind.LANE:
        height = row.height_px
    left, right = found.x0_px, found.x1_px
    if right - left < LEAST_FOUND_PX:
        left = (left + right - LEAST_FOUND_PX) // 2
        right = left + LEAST_FOUND_PX
    painter.setBrush(Qt.BrushStyle.NoBrush)
    # A line of the lane's colour tells the frame from a bar of nearly the same blue.
    painter.setPen(QPen(colour(theme.lane), 1))
    painter.drawRect(left, top, right - left - 1, height - 1)
    painter.setPen(QPen(colour(theme.accent), 2))
    painter.drawRect(left - 1, top - 1, right - left + 2, height + 2)


def hit_rect(frame: TaskStreamFrame | None, hit: Hit | None) -> QRect:
    """The frame around what is hit, empty where nothing is framed."""
    if hit is None or frame is None or not 0 <= hit.row < len(frame.layout.rows):
        return QRect()
    row = frame.layout.rows[hit.row]
    if row.kind is not RowKind.LANE:
        return QRect()
    shape = lane_shape(frame.layout.pitch_px)
    is_sub = 1 <= hit.kind <= 4
    top = row.y_px - frame.scroll_px + (shape.sub_top_px if is_sub else 0)
    height = shape.sub_px if is_sub else shape.bar_px
    return QRect(hit.x0_px - 1, top - 1, hit.x1_px - hit.x0_px + 1, height + 1)


def draw_hit(painter: QPainter, rect: QRect, theme: Theme) -> None:
    """Draw the frame of `hit_rect`."""
    if not rect.isEmpty():
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(colour(theme.t1), 1))
        painter.drawRect(rect)
