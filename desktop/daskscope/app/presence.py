"""Whether somebody is at a window: what is done to it, and whether any of it can be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtGui import QWindow

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

#: What a window is told when somebody does something to it, or to what lies over it.
_DEEDS: Final = frozenset(
    {
        QEvent.Type.MouseMove,
        QEvent.Type.MouseButtonPress,
        QEvent.Type.MouseButtonRelease,
        QEvent.Type.Wheel,
        QEvent.Type.KeyPress,
        QEvent.Type.TouchBegin,
        QEvent.Type.TouchUpdate,
        QEvent.Type.FocusIn,
        QEvent.Type.Resize,
        QEvent.Type.Expose,
        QEvent.Type.WindowStateChange,
    }
)


class Presence(QObject):
    """Sees what the system tells a window, before its widgets do."""

    #: Somebody is there.
    roused = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._is_covered = False

    @property
    def is_seen(self) -> bool:
        """Something of the window may be on a screen.

        X11 tells of a window that is minimised or on another desktop, not of one that is covered.
        """
        return not (self._is_covered or self._window.isMinimized())

    def watch(self) -> None:
        """Begin, once the window has been shown."""
        self._window.windowHandle().installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Note what is told, and let it go on."""
        if event.type() in _DEEDS:
            if event.type() == QEvent.Type.Expose and isinstance(watched, QWindow):
                self._is_covered = not watched.isExposed()
            self.roused.emit()
        return False
