"""The strip over everything while a recording is read: how far it is, and a cross that stops it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from daskscope.paint.brush import colour
from daskscope.paint.font import Role
from daskscope.paint.icon import draw_cross
from daskscope.paint.text import Align, draw_text
from daskscope.theme import LIGHT, PADDING_PX, Theme

if TYPE_CHECKING:
    from PySide6.QtGui import QMouseEvent, QPaintEvent

    from daskscope.derive.panels import LoadingFrame

_HEIGHT_PX: Final = 28
_BAR_PX: Final = 3
_CROSS_PX: Final = 28
_GAP_PX: Final = 10


class LoadingView(QWidget):
    """Hidden unless something is being read, or was not read to its end."""

    #: The cross was pressed while reading.
    stopped = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = LIGHT
        self._frame: LoadingFrame | None = None
        self._is_dismissed = False
        self.setFixedHeight(_HEIGHT_PX)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Reading")
        self.setMouseTracking(True)
        self.hide()

    def show_frame(self, frame: LoadingFrame | None) -> None:
        """Draw `frame`; None when there is nothing left to read."""
        if frame == self._frame:
            return
        self._frame = frame
        self.setVisible(frame is not None and not self._is_dismissed)
        if frame is not None:
            self.setAccessibleDescription(f"{frame.title}: {frame.detail}")
            self.setToolTip("Put away (Escape)" if frame.is_stopped else "Stop reading (Escape)")
        self.update()

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        self.update()

    def sizeHint(self) -> QSize:
        """As wide as there is room."""
        return QSize(640, _HEIGHT_PX)

    def press_cross(self) -> None:
        """Stop reading; afterwards put the strip away."""
        if self._frame is not None and self._frame.is_stopped:
            self._is_dismissed = True
            self.hide()
        else:
            self.stopped.emit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Press the cross."""
        if self._is_cross(event.position().x()):
            self.press_cross()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Show what can be clicked."""
        is_cross = self._is_cross(event.position().x())
        shape = Qt.CursorShape.PointingHandCursor if is_cross else Qt.CursorShape.ArrowCursor
        self.setCursor(shape)

    def _is_cross(self, x_px: float) -> bool:
        return x_px >= self.width() - _CROSS_PX

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw title, what is read of what, the bar, and the cross."""
        frame, theme = self._frame, self._theme
        if frame is None:
            return
        with QPainter(self) as painter:
            painter.fillRect(self.rect(), colour(theme.s2))
            top = _HEIGHT_PX - _BAR_PX
            painter.fillRect(0, top, self.width(), _BAR_PX, colour(theme.line))
            rgb = theme.warn if frame.is_stopped else theme.accent
            painter.fillRect(0, top, round(frame.share * self.width()), _BAR_PX, colour(rgb))
            room = self.width() - _CROSS_PX - PADDING_PX
            box = (float(PADDING_PX), 0.0, float(room), float(top))
            drawn_px = draw_text(painter, box, frame.title, Role.TITLE, theme.t1) + _GAP_PX
            if drawn_px < room:
                box = (PADDING_PX + drawn_px, 0.0, room - drawn_px, float(top))
                draw_text(painter, box, frame.detail, Role.VALUE, theme.t2, Align.LEFT)
            draw_cross(painter, self.width() - _CROSS_PX / 2, top / 2, 8, theme.t2)
