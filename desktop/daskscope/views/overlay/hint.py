"""A hint for the first time: by which keys all the others are found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QWidget

from daskscope.paint.brush import colour
from daskscope.paint.font import Role, text_width
from daskscope.paint.icon import draw_cross
from daskscope.paint.keycap import caps_px, draw_caps
from daskscope.paint.text import draw_text
from daskscope.theme import LIGHT, STATUS_BAR_PX, Theme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QMouseEvent, QPaintEvent

_HEIGHT_PX: Final = 36
_EDGE_PX: Final = 14
_GAP_PX: Final = 8
_CROSS_PX: Final = 24
_ABOVE_STATUS_PX: Final = 12


class HintView(QWidget):
    """Keys and what they are for, at the lower edge of the window, until it is clicked."""

    #: It was put away.
    dismissed = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._window = parent
        self._theme = LIGHT
        self._parts: Sequence[tuple[tuple[str, ...], str]] = ()
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip("Put away")
        self.setAccessibleName("Hint")
        self.hide()

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        self.update()

    def show_keys(self, parts: Sequence[tuple[tuple[str, ...], str]]) -> None:
        """Show keys that are pressed together, each with what they are for."""
        self._parts = parts
        self.setAccessibleDescription("; ".join(f"{'+'.join(k)}: {text}" for k, text in parts))
        self.place()
        self.show()
        self.raise_()

    def place(self) -> None:
        """In the middle of the window's lower edge."""
        width = 2 * _EDGE_PX + _CROSS_PX + sum(map(self._part_px, self._parts))
        room = self._window.rect()
        top = room.height() - STATUS_BAR_PX - _ABOVE_STATUS_PX - _HEIGHT_PX
        self.setGeometry((room.width() - width) // 2, top, width, _HEIGHT_PX)

    @staticmethod
    def _part_px(part: tuple[tuple[str, ...], str]) -> int:
        keys, text = part
        return caps_px(keys) + _GAP_PX + round(text_width(Role.BODY, text)) + 2 * _GAP_PX

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Be gone."""
        event.accept()
        self.hide()
        self.dismissed.emit()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the card, keys and texts, and the cross that puts it away."""
        with QPainter(self) as painter:
            theme, middle = self._theme, self.height() // 2
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setBrush(colour(theme.tipbg))
            painter.setPen(QPen(colour(theme.accent), 1))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
            x = _EDGE_PX
            for part in self._parts:
                keys, text = part
                draw_caps(painter, x, middle, keys, theme)
                left = x + caps_px(keys) + _GAP_PX
                box = (left, 0, self.width() - left, self.height())
                draw_text(painter, box, text, Role.BODY, theme.t1)
                x += self._part_px(part)
            draw_cross(painter, self.width() - _EDGE_PX - 4, middle, 8, theme.t2)
