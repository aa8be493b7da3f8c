"""The events lane: what happened to graphs and workers, as marks with texts that never overlap."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPixmap
from PySide6.QtWidgets import QSizePolicy, QToolTip

from daskscope.paint.brush import colour, fill_zone, not_yet_brush
from daskscope.paint.control import plain_tip
from daskscope.paint.font import Role, text_width
from daskscope.paint.icon import draw_event_marks
from daskscope.paint.text import Align, draw_label, draw_text
from daskscope.theme import EVENTS_LANE_PX, GUTTER_PX
from daskscope.views.timeline.gutter import RIGHT_PX
from daskscope.views.timeline.placing import MARK_PX, Placing
from daskscope.views.timeline.strip import Strip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QPaintEvent
    from PySide6.QtWidgets import QWidget

    from daskscope.derive.frames import EventMark, TaskStreamFrame
    from daskscope.theme import Theme
    from daskscope.views.timeline.placing import PlacedEvent

#: How near to a mark it is meant.
_REACH_PX: Final = 6
#: Lines of a tooltip, and characters of each.
_MOST_LINES: Final = 12
_MOST_TEXT: Final = 300


class EventsView(Strip):
    """The events lane, with the length of the selection as a badge."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._events: tuple[EventMark, ...] = ()
        self._now_px = 0
        self._selection_text = ""
        self._placing = Placing(partial(text_width, Role.SMALL))
        self._inner = QPixmap()
        self._inner_of: object = None
        self.setAccessibleName("Events")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """One lane."""
        return QSize(GUTTER_PX, EVENTS_LANE_PX)

    def show_frame(
        self,
        frame: TaskStreamFrame,
        selection_ns: tuple[int, int] | None = None,
        selection_text: str = "",
        selection_lanes: frozenset[int] | None = None,
    ) -> None:
        """Draw the events of `frame`; `selection_text` is the length of the selection."""
        self._events, self._now_px = frame.events, frame.now_px
        self._selection_text = selection_text
        drawn = frame.events, frame.now_px, selection_text
        self._show(frame.view, selection_ns, selection_lanes, *drawn)

    def _on_axis(self) -> tuple[object, ...]:
        """Only the selection: where no event is, time goes on unseen."""
        return self._view and self._view.width_px, self._selection_px()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint marks, texts and the badge."""
        with QPainter(self) as painter:
            theme, width, height = self._theme, self.width(), self.height()
            painter.fillRect(event.rect(), colour(theme.lane2))
            painter.fillRect(0, height - 1, width, 1, colour(theme.line))
            if event.rect().left() < GUTTER_PX:
                painter.fillRect(GUTTER_PX - 1, 0, 1, height, colour(theme.line))
                box = (0, 0, RIGHT_PX + 1, height - 1)
                draw_text(painter, box, "Events", Role.CAPTION, theme.t2, Align.RIGHT)
            if self._view is None:
                return
            painter.setClipRect(GUTTER_PX, 0, width - GUTTER_PX, height - 1)
            painter.translate(GUTTER_PX, 0)
            if 0 <= self._now_px < self._view.width_px:
                right = self._view.width_px - self._now_px
                fill_zone(painter, (self._now_px, 0, right, height - 1), not_yet_brush(theme))
                painter.fillRect(self._now_px, 0, 1, height, colour(theme.accent))
            badge = self._badge()
            self._placing.place(self._events, self._view.width_px - 4, badge)
            painter.translate(self._placing.shift_px, 0)
            self._paint_placed(painter)
            painter.translate(-self._placing.shift_px, 0)
            self._paint_selection_edges(painter)
            if badge is not None:
                self._paint_badge(painter, badge)

    def _paint_placed(self, painter: QPainter) -> None:
        placing, placed = self._placing, self._placing.placed
        ratio = painter.device().devicePixelRatio()
        # Between pixels of the screen a picture would not stand where its parts do.
        if placing.is_kept and len(placed) > 2 and ratio.is_integer():
            painter.drawPixmap(-MARK_PX, 0, self._inner_picture(ratio))
            placed = [placed[number] for number in placing.outer]
        self._paint_events(painter, placed)

    def _inner_picture(self, ratio: float) -> QPixmap:
        """Picture of all but the outermost: made once while all move together."""
        made_of = self._placing.n_times, self._theme, self.size(), ratio
        if made_of != self._inner_of:
            self._inner_of = made_of
            self._inner = QPixmap(self.size() * ratio)
            self._inner.setDevicePixelRatio(ratio)
            self._inner.fill(Qt.GlobalColor.transparent)
            with QPainter(self._inner) as painter:
                painter.translate(MARK_PX, 0)
                self._paint_events(painter, self._placing.placed[1:-1])
        return self._inner

    def _paint_events(self, painter: QPainter, placed: Sequence[PlacedEvent]) -> None:
        height = self.height() - 1
        marks = ((one.event.sign, one.event.x_px) for one in placed)
        draw_event_marks(painter, marks, (0, height / 2), self._theme)
        for one in placed:
            if one.width_px:
                box = (one.left_px, 0, one.width_px, height)
                draw_label(painter, box, one.text, Role.SMALL, self._theme.t2)

    def placed_at(self, x_px: float) -> PlacedEvent | None:
        """The event whose mark or text is at a place right of the gutter."""
        x_px -= self._placing.shift_px
        for placed in self._placing.placed:
            is_text = placed.left_px <= x_px < placed.left_px + placed.width_px
            if is_text or abs(placed.event.x_px - x_px) <= _REACH_PX:
                return placed.moved(self._placing.shift_px)
        return None

    def event(self, event: QEvent) -> bool:
        """Tell all that a mark stands for."""
        if not isinstance(event, QHelpEvent) or event.type() != QEvent.Type.ToolTip:
            return super().event(event)
        placed = self.placed_at(event.pos().x() - GUTTER_PX)
        text = _tip(placed.members) if placed is not None else ""
        QToolTip.showText(event.globalPos(), plain_tip(text), self)
        return True

    def _badge(self) -> tuple[int, int] | None:
        """Left and right edge of the badge, inside the selection's left edge."""
        selection = self._selection_px()
        if selection is None or not self._selection_text:
            return None
        left = max(selection[0], 0) + 4
        return left, left + round(text_width(Role.SUM, self._selection_text)) + 16

    def _paint_badge(self, painter: QPainter, badge: tuple[int, int]) -> None:
        left, right = badge
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(colour(self._theme.accent))
        painter.setPen(colour(self._theme.accent))
        painter.drawRoundedRect(QRectF(left + 0.5, 1.5, right - left - 1, self.height() - 5), 3, 3)
        box = (left, 1, right - left, self.height() - 4)
        draw_text(painter, box, self._selection_text, Role.SUM, self._theme.onacc, Align.CENTRE)


def _tip(members: Sequence[EventMark]) -> str:
    lines = [event.text[:_MOST_TEXT] for event in members[:_MOST_LINES]]
    if len(members) > _MOST_LINES:
        lines.append(f"and {len(members) - _MOST_LINES} more")
    return "\n".join(lines)
