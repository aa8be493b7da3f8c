"""How many failures there are, and buttons that go from one to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QWidget

from daskscope.paint.brush import colour
from daskscope.paint.font import Role, text_width
from daskscope.paint.icon import ICON_PX, draw_event_mark, icon
from daskscope.paint.text import draw_text
from daskscope.theme import CONTROL_PX, LIGHT, Theme

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

_MARK_PX: Final = 15
_TEXT_PX: Final = 26
_BUTTON_PX: Final = 22
_RADIUS_PX: Final = 5


class ErrorsBox(QWidget):
    """A count with buttons beside it; hidden while nothing has failed."""

    #: Go to the next failure (True), or to the one before.
    stepped = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = LIGHT
        self._text = ""
        self.setFixedHeight(CONTROL_PX)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 4, 0)
        layout.setSpacing(0)
        layout.addStretch(1)
        self._buttons = []
        for name, is_forward in (("Previous error", False), ("Next error", True)):
            button = QToolButton(self)
            button.setProperty("flat", "true")
            button.setStyleSheet("QToolButton { padding: 0; min-height: 22px; max-height: 22px; }")
            button.setFixedSize(_BUTTON_PX, _BUTTON_PX)
            button.setAccessibleName(name)
            button.setToolTip(name)
            button.setIconSize(QSize(ICON_PX - 2, ICON_PX - 2))
            button.clicked.connect(lambda _=False, step=is_forward: self.stepped.emit(step))
            layout.addWidget(button)
            self._buttons.append(button)
        self.setAccessibleName("Errors")
        self.hide()

    def show_count(self, count: str) -> None:
        """There are so many failures, "" for none."""
        text = f"{count} failed" if count else ""
        if text != self._text:
            self._text = text
            self.setAccessibleDescription(text)
            self.setVisible(bool(text))
            self.updateGeometry()
            self.update()

    def controls(self) -> list[QWidget]:
        """What takes the keyboard."""
        return list(self._buttons)

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        for button, name in zip(self._buttons, ("caret-left", "caret-right"), strict=True):
            button.setIcon(icon(name, theme.t2))
        self.update()

    def sizeHint(self) -> QSize:
        """Room for the count and both buttons."""
        width = _TEXT_PX + round(text_width(Role.BODY, self._text)) + 8
        return QSize(width + 2 * _BUTTON_PX + 4, CONTROL_PX)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw frame, mark and count."""
        with QPainter(self) as painter:
            theme = self._theme
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(colour(theme.ctl), 1))
            painter.setBrush(colour(theme.s3))
            box = self.rect().toRectF().adjusted(0.5, 0.5, -0.5, -0.5)
            painter.drawRoundedRect(box, _RADIUS_PX, _RADIUS_PX)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            draw_event_mark(painter, "erred", _MARK_PX, self.height() / 2, theme)
            room = (_TEXT_PX, 0, self.width() - _TEXT_PX, self.height() - 1)
            draw_text(painter, room, self._text, Role.BODY, theme.t1)
