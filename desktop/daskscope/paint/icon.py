"""Icons and small drawn marks.

Icons are Phosphor's, from the font that QtAwesome brings, in a colour of the theme. Chevrons,
crosses and the marks of events are drawn, so that they stand on whole pixels beside text.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPen, QPixmap, QPolygonF

from daskscope.paint.brush import colour
from daskscope.paint.iconfont import GlyphEngine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from daskscope.theme import Theme

ICON_PX: Final = 16
#: A mark reaches less far from its centre.
MARK_ROOM_PX: Final = 9
_STROKE_PX: Final = 1.4


@lru_cache(maxsize=256)
def icon(name: str, rgb: int, disabled_rgb: int | None = None) -> QIcon:
    """Phosphor icon `name` ("play-fill", "funnel-simple") in a colour."""
    disabled = colour(rgb if disabled_rgb is None else disabled_rgb)
    return QIcon(GlyphEngine(name, colour(rgb), disabled))


def draw_icon(
    painter: QPainter, name: str, left_px: float, top_px: float, rgb: int, size_px: int = ICON_PX
) -> None:
    """Draw an icon with its left upper corner at a point."""
    ratio = painter.device().devicePixelRatio()
    pixmap = _pixmap(name, rgb, size_px, ratio)
    painter.drawPixmap(QPointF(left_px, top_px), pixmap)


@lru_cache(maxsize=256)
def _pixmap(name: str, rgb: int, size_px: int, ratio: float) -> QPixmap:
    return icon(name, rgb).pixmap(QSize(size_px, size_px), ratio)


def draw_chevron(
    painter: QPainter, centre_x: float, centre_y: float, rgb: int, *, is_open: bool
) -> None:
    """Draw the chevron of something that unfolds: downwards when open, else to the right."""
    left, top = math.floor(centre_x) - MARK_ROOM_PX, math.floor(centre_y) - MARK_ROOM_PX
    ratio = painter.device().devicePixelRatio()
    within = centre_x - left, centre_y - top
    painter.drawPixmap(left, top, _chevron(*within, rgb, is_open, ratio))


@lru_cache(maxsize=256)
def _chevron(centre_x: float, centre_y: float, rgb: int, is_open: bool, ratio: float) -> QPixmap:
    """Picture of a chevron: every host and worker that is seen has one."""
    pixmap = _blank(ratio)
    with QPainter(pixmap) as painter:
        _paint_chevron(painter, centre_x, centre_y, rgb, is_open=is_open)
    return pixmap


def _paint_chevron(
    painter: QPainter, centre_x: float, centre_y: float, rgb: int, *, is_open: bool
) -> None:
    long, short = 4.0, 2.0
    points = (
        [(-long, -short), (0.0, short), (long, -short)]
        if is_open
        else [(-short, -long), (short, 0.0), (-short, long)]
    )
    _polyline(painter, [QPointF(centre_x + x, centre_y + y) for x, y in points], rgb)


def draw_check(painter: QPainter, centre_x: float, centre_y: float, rgb: int) -> None:
    """Draw a check mark, 8 pixels wide."""
    points = [
        QPointF(centre_x + x, centre_y + y) for x, y in ((-3.5, 0.0), (-1.0, 2.5), (3.5, -2.5))
    ]
    _polyline(painter, points, rgb)


def draw_sort_mark(
    painter: QPainter, centre_x: float, centre_y: float, rgb: int, is_descending: bool
) -> None:
    """Draw the mark of the column that sorts: upwards while the greatest comes last."""
    painter.save()
    painter.translate(centre_x, centre_y)
    painter.scale(0.8, 0.8 if is_descending else -0.8)
    _paint_chevron(painter, 0, 0, rgb, is_open=True)
    painter.restore()


def draw_cross(
    painter: QPainter, centre_x: float, centre_y: float, size_px: float, rgb: int
) -> None:
    """Draw a diagonal cross."""
    left, top = math.floor(centre_x) - MARK_ROOM_PX, math.floor(centre_y) - MARK_ROOM_PX
    ratio = painter.device().devicePixelRatio()
    painter.drawPixmap(left, top, _cross(centre_x - left, centre_y - top, size_px, rgb, ratio))


@lru_cache(maxsize=64)
def _cross(centre_x: float, centre_y: float, size_px: float, rgb: int, ratio: float) -> QPixmap:
    """Picture of a cross: lines that are smoothed take ten times as long to draw."""
    pixmap, half = _blank(ratio), size_px / 2
    with QPainter(pixmap) as painter:
        for slope in (-1, 1):
            start = QPointF(centre_x - half, centre_y - half * slope)
            stop = QPointF(centre_x + half, centre_y + half * slope)
            _polyline(painter, [start, stop], rgb)
    return pixmap


def draw_event_mark(
    painter: QPainter, sign: str, centre_x: float, centre_y: float, theme: Theme
) -> None:
    """Draw the mark of an event, 9 pixels wide, by its `sign` (see `derive.frames.EventMark`)."""
    left = math.floor(centre_x)
    draw_event_marks(painter, [(sign, left)], (centre_x - left, centre_y), theme)


def draw_event_marks(
    painter: QPainter, marks: Iterable[tuple[str, int]], centre: tuple[float, float], theme: Theme
) -> None:
    """Draw marks of one height, each right of a pixel; `centre` is that of one at pixel 0."""
    centre_x, centre_y = centre
    top = math.floor(centre_y) - MARK_ROOM_PX
    ratio = painter.device().devicePixelRatio()
    # There can be dozens in every frame, of two or three signs.
    pictures: dict[str, QPixmap] = {}
    for sign, x_px in marks:
        if sign not in pictures:
            pictures[sign] = _mark(sign, centre_x + MARK_ROOM_PX, centre_y - top, theme, ratio)
        painter.drawPixmap(x_px - MARK_ROOM_PX, top, pictures[sign])


@lru_cache(maxsize=64)
def _mark(sign: str, centre_x: float, centre_y: float, theme: Theme, ratio: float) -> QPixmap:
    """Picture of a mark."""
    pixmap = _blank(ratio)
    with QPainter(pixmap) as painter:
        _paint_mark(painter, sign, centre_x, centre_y, theme)
    return pixmap


def _blank(ratio: float) -> QPixmap:
    """Room for a mark, in which nothing is."""
    size = round(2 * MARK_ROOM_PX * ratio)
    pixmap = QPixmap(size, size)
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    return pixmap


def _paint_mark(
    painter: QPainter, sign: str, centre_x: float, centre_y: float, theme: Theme
) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    box = QRectF(centre_x - 4, centre_y - 4, 8, 8)
    if sign == "graph":
        painter.setBrush(colour(theme.accent))
        painter.drawPolygon(_triangle(centre_x, centre_y))
    elif sign == "bookmark":
        painter.setBrush(colour(theme.accent))
        painter.drawPolygon(_flag(centre_x - 3, centre_y))
    elif sign == "spill":
        painter.setBrush(colour(theme.disk))
        painter.drawPolygon(_upwards(centre_x, centre_y))
    elif sign == "steal":
        painter.setBrush(colour(theme.t3))
        painter.drawPolygon(_triangle(centre_x - 3, centre_y))
    elif sign in ("added", "restarted", "resumed"):
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(colour(theme.ok), 1.5))
        painter.drawEllipse(box.adjusted(0.75, 0.75, -0.75, -0.75))
    elif sign == "paused":
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
        for left in (-3, 1):
            painter.fillRect(QRectF(centre_x + left, centre_y - 4, 3, 8), colour(theme.mempause))
    elif sign in ("removed", "lost", "erred"):
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
        painter.fillRect(box.toRect(), colour(theme.erred))
        if sign != "removed":
            draw_cross(painter, centre_x, centre_y, 4, theme.errtext)
    else:
        painter.setBrush(colour(theme.t3))
        painter.drawEllipse(box.adjusted(1, 1, -1, -1))


def _triangle(left: float, centre_y: float) -> QPolygonF:
    return QPolygonF(
        [QPointF(left, centre_y - 5), QPointF(left + 7, centre_y), QPointF(left, centre_y + 5)]
    )


def _flag(left: float, centre_y: float) -> QPolygonF:
    corners = ((0, -4), (7, -4), (5, -1.5), (7, 1), (1.5, 1), (1.5, 4), (0, 4))
    return QPolygonF([QPointF(left + x, centre_y + y) for x, y in corners])


def _upwards(centre_x: float, centre_y: float) -> QPolygonF:
    return QPolygonF(
        [
            QPointF(centre_x - 4.5, centre_y + 4),
            QPointF(centre_x, centre_y - 4),
            QPointF(centre_x + 4.5, centre_y + 4),
        ]
    )


def _polyline(painter: QPainter, points: list[QPointF], rgb: int) -> None:
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(colour(rgb), _STROKE_PX))
    painter.drawPolyline(points)
    painter.restore()
