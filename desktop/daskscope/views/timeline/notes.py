"""What the user put on the time axis: bookmarks, and a distance that is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen, QPolygonF

from daskscope.derive import quantity
from daskscope.paint.brush import colour
from daskscope.paint.font import Role, text_width
from daskscope.paint.text import Align, draw_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daskscope.session import Bookmark, Viewport
    from daskscope.theme import Theme

FLAG_PX: Final = 15
_FLAG_TOP_PX: Final = 1
_PADDING_PX: Final = 5
_MOST_NAME_PX: Final = 140
_BADGE_PX: Final = (18, 8)
_ARROW_PX: Final = 4
#: Beyond this many columns from the view a position is no int of Qt.
_FAR_PX: Final = 100_000


def flag_boxes(view: Viewport, bookmarks: Sequence[Bookmark]) -> list[QRectF]:
    """Where the flag of each bookmark lies, relative to the lanes; its left edge is its time."""
    boxes = []
    for bookmark in bookmarks:
        width = min(text_width(Role.SMALL, bookmark.name), _MOST_NAME_PX) + 2 * _PADDING_PX
        boxes.append(QRectF(_x_px(view, bookmark.time_ns), _FLAG_TOP_PX, round(width), FLAG_PX))
    return boxes


def draw_flags(
    painter: QPainter,
    view: Viewport,
    bookmarks: Sequence[Bookmark],
    height_px: int,
    theme: Theme,
) -> None:
    """Draw bookmarks on the axis: a pole, and a flag with the name."""
    for bookmark, box in zip(bookmarks, flag_boxes(view, bookmarks), strict=True):
        if box.right() < 0 or box.left() > view.width_px:
            continue
        painter.fillRect(round(box.left()), _FLAG_TOP_PX, 1, height_px, colour(theme.accent))
        painter.fillRect(box, colour(theme.accent_bg))
        painter.fillRect(round(box.left()), _FLAG_TOP_PX, 2, FLAG_PX, colour(theme.accent))
        room = (box.left() + _PADDING_PX, box.top(), _MOST_NAME_PX, FLAG_PX - 1.0)
        draw_text(painter, room, bookmark.name, Role.SMALL, theme.accent_t)


def draw_poles(
    painter: QPainter,
    view: Viewport,
    bookmarks: Sequence[Bookmark],
    height_px: int,
    theme: Theme,
) -> None:
    """Draw where bookmarks stand in the lanes."""
    pen = QPen(colour(theme.accent), 1, Qt.PenStyle.DotLine)
    for bookmark in bookmarks:
        x = _x_px(view, bookmark.time_ns)
        if 0 <= x < view.width_px:
            painter.setPen(pen)
            painter.drawLine(x, 0, x, height_px)


def draw_measure(
    painter: QPainter, view: Viewport, measured_ns: tuple[int, int], height_px: int, theme: Theme
) -> None:
    """Draw two lines, what lies between them, and how long it is."""
    left, right = sorted(_x_px(view, time_ns) for time_ns in measured_ns)
    for x in (left, right):
        painter.fillRect(x, 0, 1, height_px, colour(theme.t1))
    middle = height_px // 2
    painter.fillRect(left, middle, right - left, 1, colour(theme.t1))
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour(theme.t1))
    if right - left > 4 * _ARROW_PX:
        for edge, way in ((left + 0.5, 1), (right + 0.5, -1)):
            tip = QPointF(edge, middle + 0.5)
            back = edge + way * 1.6 * _ARROW_PX
            corners = [QPointF(back, middle + 0.5 + dy) for dy in (-_ARROW_PX, _ARROW_PX)]
            painter.drawPolygon(QPolygonF([tip, *corners]))
    text = quantity.duration(abs(measured_ns[1] - measured_ns[0]))
    height, padding = _BADGE_PX
    width = round(text_width(Role.SUM, text)) + 2 * padding
    centre = (max(left, 0) + min(right, view.width_px)) / 2
    badge_left = min(max(centre - width / 2, 4), max(view.width_px - width - 4, 4))
    badge = QRectF(round(badge_left), middle - height // 2, width, height)
    painter.drawRoundedRect(badge, 4, 4)
    painter.restore()
    box = (badge.left(), badge.top(), badge.width(), badge.height() - 1)
    draw_text(painter, box, text, Role.SUM, theme.lane, Align.CENTRE)


def _x_px(view: Viewport, time_ns: int) -> int:
    return round(min(max(view.x_px(time_ns), -_FAR_PX), _FAR_PX))
