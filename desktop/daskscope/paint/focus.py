"""A ring around the view that has the focus, where it came by key: a click needs none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QEvent, QObject, QRect, Qt
from PySide6.QtGui import QFocusEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QComboBox,
    QLineEdit,
    QTabBar,
    QWidget,
)

from daskscope.paint.brush import colour
from daskscope.theme import LIGHT, Theme

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

RING_PX: Final = 2
KEY_REASONS: Final = (
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
)

#: The focus will be back where it was: another window, or a menu of this one.
PASSING_REASONS: Final = (Qt.FocusReason.ActiveWindowFocusReason, Qt.FocusReason.PopupFocusReason)

#: What draws its focus itself.
_DRAWING: Final = (QAbstractButton, QComboBox, QLineEdit, QTabBar)


def stops(view: QWidget) -> list[QWidget]:
    """`view` and parts of it, those to which Tab comes, in the order in which they were made."""
    return [
        part
        for part in (view, *view.findChildren(QWidget))
        if part.focusPolicy() & Qt.FocusPolicy.TabFocus
    ]


class FocusRing(QWidget):
    """Lies over the view that has the focus, inside its edges; pointer and keys go through it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = LIGHT
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hide()

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        self.update()

    def watch(self, view: QWidget) -> None:
        """Show when `view` has the focus by key."""
        view.installEventFilter(self)
        if isinstance(view, QAbstractScrollArea):
            for bar in (view.horizontalScrollBar(), view.verticalScrollBar()):
                if (container := bar.parentWidget()) is not None:
                    container.installEventFilter(self)

    def watch_within(self, view: QWidget) -> None:
        """Show when `view`, or a part of it that draws no focus itself, has the focus by key."""
        for part in stops(view):
            if not isinstance(part, _DRAWING):
                self.watch(part)

    def show_on(self, view: QWidget) -> None:
        """Lie over `view`."""
        self.setParent(view)
        self.setGeometry(view.rect())
        self.show()
        self.raise_()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Come and go with the focus of a view, and keep to its size."""
        if not isinstance(watched, QWidget):
            return False
        if isinstance(event, QFocusEvent):
            self._follow(watched, event)
        elif watched is self.parentWidget():
            if event.type() == QEvent.Type.Resize:
                self.setGeometry(watched.rect())
            elif event.type() == QEvent.Type.MouseButtonPress:
                self.hide()
        elif event.type() == QEvent.Type.ZOrderChange and self._is_beside(watched):
            self.raise_()  # a scroll bar that comes puts itself on top
        return False

    def _is_beside(self, widget: QWidget) -> bool:
        return widget.parentWidget() is self.parentWidget()

    def _follow(self, view: QWidget, event: QFocusEvent) -> None:
        if event.reason() in PASSING_REASONS:
            return
        if event.gotFocus() and event.reason() in KEY_REASONS:
            self.show_on(view)
        else:
            self.hide()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the ring."""
        with QPainter(self) as painter:
            width, height, rgb = self.width(), self.height(), colour(self._theme.accent)
            for edge in (
                QRect(0, 0, width, RING_PX),
                QRect(0, height - RING_PX, width, RING_PX),
                QRect(0, 0, RING_PX, height),
                QRect(width - RING_PX, 0, RING_PX, height),
            ):
                painter.fillRect(edge, rgb)
