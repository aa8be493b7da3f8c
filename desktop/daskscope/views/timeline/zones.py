"""Zones of the lanes in which nothing is: a worker is gone, spans were evicted, or it is not yet.

The painter stands in the lanes: x is a pixel of the frame, y of the visible part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from daskscope.paint.brush import colour, evicted_brush, fill_zone, gone_brush, not_yet_brush
from daskscope.paint.font import Role, text_width
from daskscope.paint.text import Align, draw_text
from daskscope.views.timeline.sight import gone_zones, sight

if TYPE_CHECKING:
    from PySide6.QtGui import QPainter

    from daskscope.derive.frames import TaskStreamFrame
    from daskscope.theme import Theme

    Box = tuple[int, int, int, int]


def draw_zones(painter: QPainter, frame: TaskStreamFrame, theme: Theme) -> None:
    """Draw where a worker is gone, what was evicted, and where nothing can have been received."""
    width = frame.view.width_px
    end = min(max(frame.now_px, 0), width)
    if frame.evicted is not None:
        left, right = frame.evicted[:2]
        for top, last in sight(frame).between_px:
            fill_zone(painter, (left, top, right - left, last + 1 - top), evicted_brush(theme))
    for box, _ in gone_zones(frame):
        fill_zone(painter, box, gone_brush(theme))
    if end < width:
        fill_zone(painter, (end, 0, width - end, frame.height_px), not_yet_brush(theme))


def draw_gone(painter: QPainter, frame: TaskStreamFrame, theme: Theme) -> None:
    """Say that a worker is not there, where there is room; no line of an event is to cut that."""
    for box, text in gone_zones(frame):
        _draw_caption(painter, box, text, theme)


def draw_evicted(painter: QPainter, frame: TaskStreamFrame, theme: Theme) -> None:
    """Say how much is gone where not all is held any more; nothing is to lie over that."""
    if frame.evicted is not None:
        left, right, text, short = frame.evicted
        box = left, 0, right - left, frame.height_px
        any(_draw_caption(painter, box, one, theme) for one in (text, short, "evicted"))


def _draw_caption(painter: QPainter, box: Box, text: str, theme: Theme) -> bool:
    """Draw a text in the middle of a zone if it has room, and say whether it has."""
    left, top, width, height = box
    text_px = round(text_width(Role.CAPTION, text)) + 16
    if text_px >= width:
        return False
    middle = left + (width - text_px) // 2, top + height // 2 - 9, text_px, 18
    painter.fillRect(*middle, colour(theme.lane2))
    draw_text(painter, middle, text, Role.CAPTION, theme.t2, Align.CENTRE)
    return True
