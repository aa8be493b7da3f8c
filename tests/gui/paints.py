"""What Qt has painted of a widget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QRect
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QApplication

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget


class Paints(QObject):
    """Boxes of a widget that Qt has painted."""

    def __init__(self, view: QWidget) -> None:
        super().__init__(view)
        self._boxes: list[QRect] = []
        view.installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QPaintEvent):
            self._boxes += list(event.region())  # type: ignore[call-overload]
        return False

    def taken(self) -> list[QRect]:
        """Those since the last call."""
        QApplication.processEvents()
        boxes, self._boxes = self._boxes, []
        return boxes
