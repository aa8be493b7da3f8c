"""Keys of a keyboard, each in a small frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter, QPen

from daskscope.paint.brush import colour
from daskscope.paint.font import Role, text_width
from daskscope.paint.text import Align, draw_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daskscope.theme import Theme

CAP_PX: Final = 18
_LEAST_CAP_PX: Final = 20
_ROOM_PX: Final = 6
_GAP_PX: Final = 3
_RADIUS_PX: Final = 4


def cap_px(key: str) -> int:
    """Width of one key."""
    return max(round(text_width(Role.SMALL, key)) + 2 * _ROOM_PX, _LEAST_CAP_PX)


def caps_px(keys: Sequence[str]) -> int:
    """Width of keys that are pressed together."""
    return sum(map(cap_px, keys)) + _GAP_PX * max(len(keys) - 1, 0)


def draw_caps(
    painter: QPainter, left: int, centre_y: int, keys: Sequence[str], theme: Theme
) -> None:
    """Draw keys that are pressed together, from left to right."""
    top = centre_y - CAP_PX // 2
    for key in keys:
        width = cap_px(key)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(colour(theme.s3 if theme.is_dark else theme.s1))
        painter.setPen(QPen(colour(theme.ctl), 1))
        frame = QRectF(left + 0.5, top + 0.5, width - 1, CAP_PX - 1)
        painter.drawRoundedRect(frame, _RADIUS_PX, _RADIUS_PX)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
        draw_text(painter, (left, top, width, CAP_PX), key, Role.SMALL, theme.t2, Align.CENTRE)
        left += width + _GAP_PX
