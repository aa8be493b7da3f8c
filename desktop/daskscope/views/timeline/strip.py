"""What the strips of the timeline have in common: the gutter, and gestures on the time axis.

Positions in signals are pixels from the left edge of the lanes, right of the gutter. A selection is
sent in time, so that it stays where it is while the picture scrolls under the pointer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtWidgets import QApplication, QWidget

from daskscope.paint.brush import colour
from daskscope.paint.wheel import PAN_SHARE, notches, zoom_factor
from daskscope.theme import GUTTER_PX

if TYPE_CHECKING:
    from PySide6.QtGui import QFocusEvent, QMouseEvent, QPainter, QWheelEvent

    from daskscope.session import Bookmark, Viewport
    from daskscope.theme import Theme

#: Rows' worth of pixels that one notch scrolls.
SCROLL_STEP_PX: Final = 66
#: How near the pointer must be to an edge of the selection to move it.
GRIP_PX: Final = 5
HANDLE_PX: Final = (4, 12)


class Strip(QWidget):
    """A strip whose right part lies on the time axis."""

    #: Zoom around a position: position and factor of the span, below 1 to see less time.
    zoomed = Signal(float, float)
    #: Move the picture: pixel columns towards later times.
    panned = Signal(float)
    #: Scroll the rows: pixels downwards.
    scrolled = Signal(int)
    #: Select a stretch of time: start and end in int ns, and the ids of lanes in it, None for all.
    selected = Signal(object, object, object)
    #: Measure from one time to another: int ns.
    measured = Signal(object, object)
    #: A press without a drag: position, may be in the gutter (negative x).
    clicked = Signal(int, int)
    #: A double click in the lanes.
    activated = Signal(int, int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._view: Viewport | None = None
        self._selection_ns: tuple[int, int] | None = None
        self._selection_lanes: frozenset[int] | None = None
        self._is_edge_gripped = False
        self._press: QPointF | None = None
        self._anchor_ns: int | None = None
        self._bookmarks: tuple[Bookmark, ...] = ()
        self._measured_ns: tuple[int, int] | None = None
        self._shown: object = None
        self._is_panning = False
        self._is_measuring = False
        self._is_dragging = False
        self._is_space_down = False
        self.setMouseTracking(True)
        # Each strip paints all of itself; a background drawn first would be lost time.
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours from now on."""
        self._theme = theme
        self.update()

    def _show(
        self,
        view: Viewport,
        selection_ns: tuple[int, int] | None,
        selection_lanes: frozenset[int] | None,
        *others: object,
    ) -> bool:
        """Draw a view with what lies in it, if that or one of `others` looks other than before.

        Returns
        -------
        bool
            Whether it was.
        """
        self._view = view
        self._selection_ns, self._selection_lanes = selection_ns, selection_lanes
        shown = (*self._on_axis(), *others)
        if shown == self._shown:
            return False
        self._shown = shown
        self.update(GUTTER_PX, 0, self.width() - GUTTER_PX, self.height())
        return True

    def _on_axis(self) -> tuple[object, ...]:
        """What is drawn of the time axis, and of what the user put on it."""
        notes = self._bookmarks, self._measured_ns
        return self._view, self._selection_ns, self._selection_lanes, *notes

    def show_notes(
        self, bookmarks: tuple[Bookmark, ...], measured_ns: tuple[int, int] | None
    ) -> None:
        """What the user put on the time axis; drawn with the next frame."""
        self._bookmarks, self._measured_ns = bookmarks, measured_ns

    # Painting -------------------------------------------------------------------------------

    def _selection_px(self) -> tuple[int, int] | None:
        """Left and right pixel of the selection, relative to the lanes."""
        if self._selection_ns is None or self._view is None:
            return None
        start_ns, end_ns = self._selection_ns
        far = 4 * max(self._view.width_px, 1)  # beyond that, a pixel is not an int of Qt
        left, right = (round(min(max(self._view.x_px(t), -far), far)) for t in (start_ns, end_ns))
        return left, right

    def _paint_gutter(self, painter: QPainter, rgb: int) -> None:
        painter.fillRect(0, 0, GUTTER_PX, self.height(), colour(rgb))
        painter.fillRect(GUTTER_PX - 1, 0, 1, self.height(), colour(self._theme.line))

    def _paint_selection_edges(self, painter: QPainter) -> None:
        selection = self._selection_px()
        if selection is None:
            return
        for x in selection:
            painter.fillRect(x, 0, 1, self.height(), colour(self._theme.accent))

    # Gestures -------------------------------------------------------------------------------

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom at the pointer; Ctrl finer, Shift or sideways pans, Alt or the gutter scrolls."""
        event.accept()
        modifiers, x = event.modifiers(), event.position().x() - GUTTER_PX
        turned, is_sideways = notches(event)
        if not turned or self._view is None:
            return
        if x < 0 or modifiers & Qt.KeyboardModifier.AltModifier:  # Alt turns the wheel sideways
            self.scrolled.emit(round(-turned * SCROLL_STEP_PX))
        elif is_sideways or modifiers & Qt.KeyboardModifier.ShiftModifier:
            self.panned.emit(-turned * PAN_SHARE * self._view.width_px)
        else:
            self.zoomed.emit(x, zoom_factor(event, turned))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a drag that pans (middle, Space), measures (Shift) or selects (left)."""
        position = event.position()
        is_left = event.button() == Qt.MouseButton.LeftButton
        if not is_left and event.button() != Qt.MouseButton.MiddleButton:
            super().mousePressEvent(event)
            return
        self._press = position
        self._is_dragging = False
        self._is_panning = not is_left or self._is_space_down
        is_shifted = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        self._is_measuring = is_shifted and not self._is_panning
        self._anchor_ns = None
        x = position.x() - GUTTER_PX
        if self._is_measuring and self._view is not None and x >= 0:
            self._anchor_ns = self._view.time_ns(x)
            return
        if self._view is not None and x >= 0:
            self._anchor_ns = self._other_edge_ns(x)
            self._is_edge_gripped = self._anchor_ns is not None
            if self._anchor_ns is None:
                self._anchor_ns = self._view.time_ns(x)

    def _other_edge_ns(self, x: float) -> int | None:
        """The edge of the selection that stays when the one at `x` is dragged."""
        if self._selection_ns is None or self._view is None:
            return None
        for edge, other in (self._selection_ns, self._selection_ns[::-1]):
            if abs(self._view.x_px(edge) - x) <= GRIP_PX:
                return other
        return None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Go on with a drag; else show where an edge can be gripped."""
        position = event.position()
        if self._press is None:
            is_grip = self._other_edge_ns(position.x() - GUTTER_PX) is not None
            shape = Qt.CursorShape.SizeHorCursor if is_grip else Qt.CursorShape.ArrowCursor
            if self.cursor().shape() != shape:
                self.setCursor(shape)
            return
        moved = position - self._press
        if not self._is_dragging:
            self._is_dragging = moved.manhattanLength() >= QApplication.startDragDistance()
        if not self._is_dragging or self._view is None or self._anchor_ns is None:
            return
        if self._is_panning:
            self._press = position
            self.panned.emit(-moved.x())
            return
        x = min(max(position.x() - GUTTER_PX, 0.0), float(self._view.width_px))
        end_ns = self._view.time_ns(x)
        if self._is_measuring:
            self.measured.emit(self._anchor_ns, end_ns)
            return
        # An edge moves in time alone.
        lanes = self._selection_lanes if self._is_edge_gripped else self._dragged_lanes(event)
        self.selected.emit(min(self._anchor_ns, end_ns), max(self._anchor_ns, end_ns), lanes)

    def _dragged_lanes(self, event: QMouseEvent) -> frozenset[int] | None:
        """Ids of the lanes between the press and an event, None for all."""
        return None

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a drag; without one it was a click."""
        was_click = self._press is not None and not self._is_dragging and not self._is_panning
        self._press, self._anchor_ns, self._is_dragging = None, None, False
        self._is_measuring = False
        if was_click:
            point = event.position().toPoint()
            self.clicked.emit(point.x() - GUTTER_PX, point.y())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Report a double click in the lanes."""
        point = event.position().toPoint()
        if event.button() == Qt.MouseButton.LeftButton and point.x() >= GUTTER_PX:
            self.activated.emit(point.x() - GUTTER_PX, point.y())

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Forget keys that are released elsewhere."""
        self._is_space_down = False
        super().focusOutEvent(event)
