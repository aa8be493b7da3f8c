"""The events lane: what happened to graphs and workers, as marks with texts that never overlap."""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from PySide6.QtCore import QEvent, QRectF, QSize
from PySide6.QtGui import QHelpEvent, QPainter
from PySide6.QtWidgets import QSizePolicy, QToolTip

from daskscope.paint.brush import colour, fill_zone, not_yet_brush
from daskscope.paint.control import plain_tip
from daskscope.paint.font import Role, text_width
from daskscope.paint.icon import draw_event_marks
from daskscope.paint.text import Align, draw_label, draw_text
from daskscope.theme import EVENTS_LANE_PX, GUTTER_PX
from daskscope.views.timeline.gutter import RIGHT_PX
from daskscope.views.timeline.strip import Strip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from PySide6.QtGui import QPaintEvent
    from PySide6.QtWidgets import QWidget

    from daskscope.derive.frames import EventMark, TaskStreamFrame
    from daskscope.theme import Theme

MARK_PX: Final = 9
#: From the middle of a mark to its text.
_TEXT_PX: Final = MARK_PX // 2 + 6
#: Between the end of one text and the next mark.
_APART_PX: Final = 8
#: Besides, between what comes before and a text left of its mark, lest that be taken for its mark.
_ASTRAY_PX: Final = 12
#: A cut text must show this much.
_LEAST_TEXT_PX: Final = 48
_LEAST_SHARE: Final = 0.5
#: How near to a mark it is meant.
_REACH_PX: Final = 6
_X_PX: Final = attrgetter("x_px")
#: Lines of a tooltip, and characters of each.
_MOST_LINES: Final = 12
_MOST_TEXT: Final = 300
#: Which of two marks in one place is kept.
_WEIGHTS: Final = {"paused": 1, "restarted": 1, "removed": 1, "erred": 2, "lost": 3}


class PlacedEvent(NamedTuple):
    """An event with the room its text got: none where `width_px` is 0.

    Attributes
    ----------
    members
        All events that its mark stands for.
    text
        What it says, and how many others stand in its place; "" where there is no room.
    """

    event: EventMark
    left_px: int
    width_px: int
    members: Sequence[EventMark]
    text: str


def placed_events(
    events: Iterable[EventMark],
    width_px: int,
    width_of: Callable[[str], float],
    taken_px: tuple[int, int] = (0, 0),
) -> list[PlacedEvent]:
    """Place the texts of events so that none covers another or another's mark.

    A text stands right of its mark, cut if half of it can be shown, else left of it, else it is
    left out. Of marks that would cover each other the first is drawn, unless a later one tells of
    something worse, and the others are counted. `width_px` is the right edge, `taken_px` a stretch
    in which no text may stand.
    """
    seen = sorted((one for one in events if -MARK_PX < one.x_px < width_px), key=_X_PX)
    kept, firsts = _apart(seen)
    begins_px = [event.x_px - MARK_PX // 2 for event in kept]
    result: list[PlacedEvent] = []
    free_px = -_ASTRAY_PX
    for event, first, end, next_px in zip(
        kept, firsts, [*firsts[1:], len(seen)], [*begins_px[1:], width_px + _APART_PX], strict=False
    ):
        members, x_px = seen[first:end], event.x_px
        left, stop, before = x_px + _TEXT_PX, next_px - _APART_PX, x_px - _TEXT_PX
        begin_px = free_px + _ASTRAY_PX
        if stop < left and before < begin_px:
            # Where marks stand close, as most do when they are many, there is room for no text.
            result.append(PlacedEvent(event, left, 0, members, ""))
            free_px = x_px + MARK_PX
            continue
        if taken_px[0] <= left < taken_px[1]:
            left = taken_px[1] + _APART_PX
        if left <= taken_px[0] < stop:
            stop = taken_px[0] - _APART_PX
        room, text = stop - left, _text(event, members)
        text_px = round(width_of(text) + 0.5)
        before -= text_px
        if text_px <= room or room >= max(_LEAST_TEXT_PX, _LEAST_SHARE * text_px):
            result.append(PlacedEvent(event, left, min(text_px, room), members, text))
            free_px = left + min(text_px, room) + _APART_PX
        elif before >= begin_px and not _overlap((before, before + text_px), taken_px):
            result.append(PlacedEvent(event, before, text_px, members, text))
            free_px = x_px + MARK_PX
        else:
            result.append(PlacedEvent(event, left, 0, members, ""))
            free_px = x_px + MARK_PX
    return result


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _text(event: EventMark, members: Sequence[EventMark]) -> str:
    if len(members) == 1:
        return event.text
    return f"{event.text} +{sum(one.n for one in members) - event.n}"


def _apart(events: Sequence[EventMark]) -> tuple[list[EventMark], list[int]]:
    """Marks that do not cover each other, and which event is the first in the place of each."""
    kept: list[EventMark] = []
    firsts: list[int] = []
    end_px = -MARK_PX
    for number, event in enumerate(events):
        if event.x_px >= end_px:
            firsts.append(number)
            kept.append(event)
        elif _WEIGHTS.get(event.sign, 0) > _WEIGHTS.get(kept[-1].sign, 0):
            kept[-1] = event
        else:
            continue
        end_px = event.x_px + MARK_PX
    return kept, firsts


class EventsView(Strip):
    """The events lane, with the length of the selection as a badge."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._events: tuple[EventMark, ...] = ()
        self._now_px = 0
        self._selection_text = ""
        self._placed: list[PlacedEvent] = []
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
            self._placed = placed_events(
                self._events,
                self._view.width_px - 4,
                partial(text_width, Role.SMALL),
                badge or (0, 0),
            )
            self._paint_events(painter)
            self._paint_selection_edges(painter)
            if badge is not None:
                self._paint_badge(painter, badge)

    def _paint_events(self, painter: QPainter) -> None:
        height = self.height() - 1
        marks = ((placed.event.sign, placed.event.x_px) for placed in self._placed)
        draw_event_marks(painter, marks, (0, height / 2), self._theme)
        for placed in self._placed:
            if placed.width_px:
                box = (placed.left_px, 0, placed.width_px, height)
                draw_label(painter, box, placed.text, Role.SMALL, self._theme.t2)

    def placed_at(self, x_px: float) -> PlacedEvent | None:
        """The event whose mark or text is at a place right of the gutter."""
        for placed in self._placed:
            is_text = placed.left_px <= x_px < placed.left_px + placed.width_px
            if is_text or abs(placed.event.x_px - x_px) <= _REACH_PX:
                return placed
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
