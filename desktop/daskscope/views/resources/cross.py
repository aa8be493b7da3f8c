"""What lies over all charts: a line at the time that is pointed at, and the time below it.

Times of the axis that this would cut stand back.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from daskscope.paint.brush import colour
from daskscope.paint.font import Role, text_width
from daskscope.paint.text import Align, draw_text
from daskscope.theme import LIGHT, Theme

if TYPE_CHECKING:
    from collections.abc import Sequence

FLAG_PX: Final = 15
_ROOM_PX: Final = 5


class Cross(QWidget):
    """A line across all charts; the mouse does not meet it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = LIGHT
        self._x_px = -1
        self._text = ""
        self._stretches: tuple[tuple[int, int], ...] = ()
        self._times: tuple[tuple[float, float], ...] = ()
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    @property
    def x_px(self) -> int:
        """Where the line is, -1 for nowhere."""
        return self._x_px

    def point(self, x_px: int, text: str) -> None:
        """Draw the line at a pixel and `text` at its foot; nothing at -1."""
        if (x_px, text) == (self._x_px, self._text):
            return
        self._update()
        self._x_px, self._text = x_px, text
        self.setVisible(x_px >= 0)
        self._update()

    def cover(
        self, stretches: Sequence[tuple[int, int]], times: Sequence[tuple[float, float]]
    ) -> None:
        """Draw the line where the charts are: from which pixel to which, downwards.

        `times` are those of the labels below them, to the right.
        """
        if (tuple(stretches), tuple(times)) != (self._stretches, self._times):
            self._update()
            self._stretches, self._times = tuple(stretches), tuple(times)
            self._update()

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        self._update()

    def _update(self) -> None:
        if self._x_px >= 0:
            self.update(self._x_px, 0, 1, self.height())
            self.update(self._flag())
            for box in self._cut():
                self.update(box)

    def _flag(self) -> QRect:
        width = round(text_width(Role.TINY, self._text)) + 2 * _ROOM_PX
        left = min(max(self._x_px - width // 2, 0), max(self.width() - width, 0))
        return QRect(left, self.height() - FLAG_PX, width, FLAG_PX)

    def _cut(self) -> list[QRect]:
        """Where labels stand of which the flag would leave a part."""
        flag = self._flag()
        boxes = (
            QRect(math.floor(left), flag.y(), math.ceil(right) - math.floor(left), FLAG_PX)
            for left, right in self._times
        )
        return [box for box in boxes if box.intersects(flag)]

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw line and time."""
        flag = self._flag()
        with QPainter(self) as painter:
            for top, bottom in self._stretches:
                painter.fillRect(self._x_px, top, 1, bottom - top, colour(self._theme.t2))
            for cut in self._cut():
                painter.fillRect(cut, colour(self._theme.s2))
            painter.fillRect(flag, colour(self._theme.t1))
            box = (float(flag.x()), float(flag.y()), float(flag.width()), float(flag.height()))
            draw_text(painter, box, self._text, Role.TINY, self._theme.s2, Align.CENTRE)
