"""The handle that shows which rows are in view, drawn over the right edge of the lanes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QPainter

from daskscope.paint.brush import colour

if TYPE_CHECKING:
    from PySide6.QtCore import QPoint, QSize

    from daskscope.derive.frames import TaskStreamFrame
    from daskscope.theme import Theme

WIDTH_PX: Final = 6
LEAST_PX: Final = 24
#: From the right edge of the lanes.
_MARGIN_PX: Final = 3
#: How much of what the pointer can grip belongs to the handle.
_GRIP_PX: Final = 12


class ScrollHandle:
    """The handle over a frame, in a widget of some size; there is none while everything fits."""

    def __init__(self) -> None:
        #: Where it is gripped, from its top.
        self._grip_px: int | None = None

    def press(self, frame: TaskStreamFrame | None, size: QSize, point: QPoint) -> int | None:
        """Grip it; the pixel of the content that is to be on top, None if the point is beside it.

        Above and below it, it comes to the pointer.
        """
        handle = _rect(frame, size)
        if handle is None or point.x() < size.width() - _GRIP_PX:
            return None
        is_inside = handle.top() <= point.y() <= handle.bottom()
        self._grip_px = point.y() - handle.top() if is_inside else handle.height() // 2
        return self.drag(frame, size, point.y())

    def drag(self, frame: TaskStreamFrame | None, size: QSize, y_px: int) -> int | None:
        """The pixel of the content that is to be on top, None while it is not gripped."""
        handle = _rect(frame, size)
        if handle is None or frame is None or self._grip_px is None:
            return None
        free_px = max(size.height() - handle.height(), 1)
        share = min(max((y_px - self._grip_px) / free_px, 0.0), 1.0)
        return round(share * (frame.layout.height_px - size.height()))

    def release(self) -> bool:
        """Let it go, and say whether it was gripped."""
        was_gripped, self._grip_px = self._grip_px is not None, None
        return was_gripped

    def draw(self, painter: QPainter, frame: TaskStreamFrame, size: QSize, theme: Theme) -> None:
        """Draw it, if there is one."""
        handle = _rect(frame, size)
        if handle is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(theme.ctl if self._grip_px is None else theme.t3))
        painter.drawRoundedRect(handle, 2, 2)


def _rect(frame: TaskStreamFrame | None, size: QSize) -> QRect | None:
    """Where it lies in the widget, None while everything fits."""
    height_px = size.height()
    if frame is None or frame.layout.height_px <= height_px:
        return None
    length_px = max(round(height_px / frame.layout.height_px * height_px), LEAST_PX)
    most_px = frame.layout.height_px - height_px
    top_px = round(frame.scroll_px / most_px * (height_px - length_px))
    return QRect(size.width() - WIDTH_PX - _MARGIN_PX, top_px, WIDTH_PX, length_px)
