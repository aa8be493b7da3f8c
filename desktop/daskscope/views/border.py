"""Two parts with a border between them that is moved by the mouse, and by keys once it has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QSplitter, QSplitterHandle, QWidget

from daskscope.paint.brush import colour
from daskscope.paint.speech import announce
from daskscope.theme import LIGHT, Theme

if TYPE_CHECKING:
    from PySide6.QtGui import QFocusEvent, QKeyEvent, QPaintEvent, QResizeEvent

BORDER_PX: Final = 1
#: How far an arrow moves it, and with Shift.
STEP_PX: Final = 16
FINE_STEP_PX: Final = 1
#: Of the whole widget, the ends far beyond any window: Qt goes as far as it can.
_FAR_PX: Final = 1 << 20


class Border(QSplitterHandle):
    """A line of a pixel; a bar while it has the keyboard, which neither Tab nor a click gives it.

    Qt makes the handle of so thin a line five pixels wide, and masks what is beside the line.
    """

    #: Whoever had the keyboard before shall have it again.
    given_back = Signal()

    def __init__(self, orientation: Qt.Orientation, parent: QSplitter) -> None:
        super().__init__(orientation, parent)
        self._theme = LIGHT
        self._is_upright = orientation == Qt.Orientation.Horizontal
        ways = ("Left", "right") if self._is_upright else ("Up", "down")
        self.setAccessibleDescription(f"{' and '.join(ways)} move it, Escape leaves it")

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move by the arrows, Home and End; give the keyboard back by Escape and Enter."""
        key, keys = Qt.Key(event.key()), Qt.Key
        before, after = (
            (keys.Key_Left, keys.Key_Right) if self._is_upright else (keys.Key_Up, keys.Key_Down)
        )
        is_fine = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        step_px = FINE_STEP_PX if is_fine else STEP_PX
        steps = {before: -step_px, after: step_px, keys.Key_Home: -_FAR_PX, keys.Key_End: _FAR_PX}
        if key in steps:
            self._move(steps[key])
        elif key in (keys.Key_Escape, keys.Key_Return, keys.Key_Enter):
            self.given_back.emit()
        else:
            super().keyPressEvent(event)

    def _move(self, by_px: int) -> None:
        sizes = self.splitter().sizes()
        self.moveSplitter(sizes[0] + by_px)
        share = self.splitter().sizes()[0] / max(sum(sizes), 1)
        announce(self, f"{share:.0%}")

    def focusNextPrevChild(self, _is_next: bool) -> bool:  # noqa: N802 - Qt's name
        """Tab leads back, since there is no way here by Tab; so does being hidden."""
        self.given_back.emit()
        return True

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Be seen, and tell what keys do now."""
        super().focusInEvent(event)
        self._fit_mask()
        announce(self, f"{self.accessibleName()}: {self.accessibleDescription()}")

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Be a line again."""
        super().focusOutEvent(event)
        self._fit_mask()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Stay a bar while it has the keyboard: Qt masks it anew."""
        super().resizeEvent(event)
        self._fit_mask()

    def _fit_mask(self) -> None:
        if self.hasFocus():
            self.clearMask()
            self.raise_()
        else:
            self.setMask(self.contentsRect())
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the line, or the bar."""
        if self.hasFocus():
            QPainter(self).fillRect(self.rect(), colour(self._theme.accent))
        else:
            super().paintEvent(event)


class Pair(QSplitter):
    """Two parts beside or above each other, neither of which can be closed by its border."""

    def __init__(
        self, orientation: Qt.Orientation, first: QWidget, second: QWidget, border_name: str
    ) -> None:
        super().__init__(orientation)
        self.setHandleWidth(BORDER_PX)
        self.setChildrenCollapsible(False)
        self._parts = (first, second)
        for part in self._parts:
            self.addWidget(part)
        self.border.setAccessibleName(border_name)

    @property
    def border(self) -> Border:
        """What lies between the parts."""
        border = self.handle(1)
        assert isinstance(border, Border)
        return border

    @property
    def is_whole(self) -> bool:
        """Both parts are seen: else there is no border, though Qt hides it a little later."""
        return all(part.isVisible() for part in self._parts)

    def createHandle(self) -> Border:  # noqa: N802 - Qt's name
        """Make a border that keys move."""
        return Border(self.orientation(), self)
