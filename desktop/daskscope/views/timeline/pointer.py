"""A line at the time that is pointed at elsewhere in the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QWidget

from daskscope.paint.brush import colour

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from daskscope.theme import Theme


class PointerLine(QWidget):
    """One pixel wide, over a strip; the mouse does not meet it."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._strip = parent
        self._theme = theme
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours from now on."""
        self._theme = theme
        self.update()

    def put(self, x_px: int | None) -> None:
        """Stand at a pixel of the parent, None for nowhere."""
        if x_px is not None:
            self.setGeometry(x_px, 0, 1, self._strip.height())
            self.raise_()
        if self.isVisible() != (x_px is not None):
            self.setVisible(x_px is not None)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the line."""
        QPainter(self).fillRect(self.rect(), colour(self._theme.t2))
