"""A sheet over the window: takes the keyboard while it is open and gives it back."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPen, QPixmap
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

from daskscope.paint.brush import colour
from daskscope.paint.control import style_sheet
from daskscope.paint.font import Role, font
from daskscope.theme import CONTROL_PX, LIGHT, Theme

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent, QMouseEvent, QPaintEvent

#: Around the card, for its shadow.
SHADOW_PX: Final = 14
_RADIUS_PX: Final = 8
#: Where the shadow is darkest, in the light and in the dark theme.
_SHADOW_ALPHA: Final = (0.12, 0.45)


class Sheet(QWidget):
    """A card with a field to type into; what is typed is the view's business.

    Attributes
    ----------
    field
        It has the focus while the sheet is open.
    """

    closed = Signal()

    def __init__(self, name: str, hint: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._window = parent
        self.theme = LIGHT
        self._before: QWidget | None = None
        self.setAccessibleName(name)
        self.field = QLineEdit(self)
        self.field.setAccessibleName(hint)
        self.field.setPlaceholderText(hint)
        self.field.setFont(font(Role.BODY))
        self.field.setFixedHeight(CONTROL_PX + 4)
        self.setFocusProxy(self.field)
        self.hide()

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self.theme = theme
        self.setStyleSheet(
            style_sheet(theme)
            + f"QLineEdit {{ color: #{theme.t1:06x}; background: #{theme.s2:06x};"
            f" border: 1px solid #{theme.ctl:06x}; border-radius: 5px; padding: 0 8px;"
            f" selection-background-color: #{theme.accent:06x};"
            f" selection-color: #{theme.onacc:06x}; }}"
            f" QLineEdit:focus {{ border: 2px solid #{theme.accent:06x}; padding: 0 7px; }}"
        )
        self.update()

    def open(self) -> None:
        """Lie over everything, with an empty field that has the focus."""
        if not self.isVisible():
            self._before = QApplication.focusWidget()
        self.field.clear()
        self.place()
        self.show()
        self.raise_()
        self.field.setFocus(Qt.FocusReason.OtherFocusReason)

    def close_sheet(self) -> None:
        """Be gone, and give the focus back to what had it."""
        if not self.isVisible():
            return
        had_focus = self.field.hasFocus()
        self.hide()
        if had_focus and self._before is not None and self._before.isVisible():
            self._before.setFocus(Qt.FocusReason.OtherFocusReason)
        self._before = None
        self.closed.emit()

    def room(self) -> QRect:
        """The window's own area."""
        return self._window.rect()

    def place(self) -> None:
        """Fit into the room; a view says how."""
        raise NotImplementedError

    def card(self) -> QRect:
        """Where the card lies in the sheet."""
        return self.rect().adjusted(SHADOW_PX, SHADOW_PX, -SHADOW_PX, -SHADOW_PX)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the card and its shadow."""
        card = self.card()
        ratio = self.devicePixelRatioF()
        picture = _card_picture(self.theme, card.width(), card.height(), ratio)
        QPainter(self).drawPixmap(card.topLeft() - QPoint(SHADOW_PX, SHADOW_PX), picture)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape closes; nothing goes through to what is below."""
        if event.key() == Qt.Key.Key_Escape:
            self.close_sheet()
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A press beside the card closes."""
        event.accept()
        if not self.card().contains(event.position().toPoint()):
            self.close_sheet()


@lru_cache(maxsize=4)
def _card_picture(theme: Theme, width: int, height: int, ratio: float) -> QPixmap:
    """A card with its shadow: each time that what lies below is drawn, it is drawn again."""
    size = QSize(width + 2 * SHADOW_PX, height + 2 * SHADOW_PX)
    picture = QPixmap(size * ratio)
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    with QPainter(picture) as painter:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        card = QRectF(SHADOW_PX, SHADOW_PX, width, height)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(0, _SHADOW_ALPHA[theme.is_dark] / SHADOW_PX))
        for grown in range(SHADOW_PX, 0, -1):
            radius = _RADIUS_PX + grown
            painter.drawRoundedRect(card.adjusted(-grown, -grown, grown, grown), radius, radius)
        painter.setBrush(colour(theme.tipbg))
        painter.setPen(QPen(colour(theme.tipline), 1))
        painter.drawRoundedRect(card.adjusted(0.5, 0.5, -0.5, -0.5), _RADIUS_PX, _RADIUS_PX)
    return picture
