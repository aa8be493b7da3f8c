"""The timeline: legend, minimap, time axis, events and task stream on one gutter.

The strips are public, so that whoever owns the session connects what it needs; gestures that
several strips share come as signals of the panel. Positions are pixels right of the gutter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from daskscope.derive import quantity
from daskscope.theme import GUTTER_PX
from daskscope.views.timeline.axis import AxisView
from daskscope.views.timeline.events import EventsView
from daskscope.views.timeline.filterbox import FilterBox
from daskscope.views.timeline.filterstrip import FilterStrip
from daskscope.views.timeline.legend import LegendView
from daskscope.views.timeline.minimap import MinimapView
from daskscope.views.timeline.pointer import PointerLine
from daskscope.views.timeline.stream import StreamView

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from daskscope.derive.filtering import FilterChoices, FilterFrame
    from daskscope.derive.frames import LegendEntry, Minimap, TaskStreamFrame, Tick
    from daskscope.session import Session, Viewport
    from daskscope.theme import Theme


def dimmed_slots(entries: Iterable[LegendEntry], lit_prefix: str) -> frozenset[int]:
    """Palette slots that are drawn as ghosts: switched off, or not the one that is lit."""
    entries = tuple(entries)
    is_any_lit = any(entry.name == lit_prefix for entry in entries)
    return frozenset(
        entry.slot
        for entry in entries
        if entry.is_hidden or (is_any_lit and entry.name != lit_prefix)
    )


class TimelinePanel(QWidget):
    """Five strips, one above the other; the filter stands in the legend's."""

    #: Zoom around a position: position and factor of the span, below 1 to see less time.
    zoomed = Signal(float, float)
    #: Move the picture: pixel columns towards later times.
    panned = Signal(float)
    #: Measure from one time to another: int ns.
    measured = Signal(object, object)
    #: Scroll the rows: pixels downwards.
    scrolled = Signal(int)
    #: Select a stretch of time: start and end in int ns, and the ids of lanes in it, None for all.
    selected = Signal(object, object, object)
    #: Another filter: `predicate.Filter`.
    filtered = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.filter = FilterStrip(theme, self)
        self.legend = LegendView(theme, self)
        self.minimap = MinimapView(theme, self)
        self.axis = AxisView(theme, self)
        self.events = EventsView(theme, self)
        self.stream = StreamView(theme, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        upper = QHBoxLayout()
        upper.setSpacing(0)
        upper.addWidget(self.filter)
        upper.addWidget(self.legend)
        layout.addLayout(upper)
        for strip in (self.minimap, self.axis, self.events, self.stream):
            layout.addWidget(strip)
        for strip in (self.axis, self.events, self.stream):
            strip.zoomed.connect(self.zoomed)
            strip.panned.connect(self.panned)
            strip.scrolled.connect(self.scrolled)
            strip.selected.connect(self.selected)
            strip.measured.connect(self.measured)
        self.filter.chosen.connect(self.filtered)
        self.legend.let_go.connect(self._show_filter)
        self.legend.more_asked.connect(self.filter.opened)
        self._theme = theme
        self._view: Viewport | None = None
        self._pointer = PointerLine(theme, self.stream)
        self._filter_frame: FilterFrame | None = None
        self.stream.hit_changed.connect(self.legend.show_lit)
        self._entries: tuple[LegendEntry, ...] = ()
        self.setAccessibleName("Timeline")

    @property
    def lanes_size_px(self) -> tuple[int, int]:
        """Width and height of the lanes, for the next frame; the minimap is as wide."""
        return self.stream.lanes_size_px

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours from now on."""
        self._theme = theme
        for strip in (self.filter, self.legend, self.minimap, self.axis, self.events, self.stream):
            strip.set_theme(theme)
        self._pointer.set_theme(theme)

    def point(self, time_ns: int | None) -> None:
        """Draw a line at a time that is pointed at elsewhere, None for no time."""
        x_px = self._view.x_px(time_ns) if self._view is not None and time_ns is not None else -1.0
        is_within = 0 <= x_px < self.lanes_size_px[0]
        self._pointer.put(GUTTER_PX + round(x_px) if is_within else None)

    def show_filter(self, frame: FilterFrame) -> None:
        """Show what is filtered, beside the legend, which it moves: once it may be moved."""
        self._filter_frame = frame
        if not self.legend.is_held:
            self._show_filter()

    def _show_filter(self) -> None:
        if self._filter_frame is not None:
            self.filter.show_filter(self._filter_frame)

    def open_filter(self, choices: FilterChoices) -> FilterBox:
        """Let the user choose a filter, in a box that closes by itself."""
        box = FilterBox(self._theme, choices, self)
        box.chosen.connect(self.filtered)
        box.show_below(self.filter.funnel)
        return box

    def show_legend(self, entries: Sequence[LegendEntry]) -> None:
        """Draw the legend; what it hides is dimmed in the frames that are shown after it."""
        self._entries = tuple(entries)
        self.legend.show_entries(entries)

    def show_minimap(self, minimap: Minimap, session: Session) -> None:
        """Draw the minimap."""
        self.minimap.show_minimap(minimap, dimmed_slots(self._entries, session.lit_prefix))

    def show_frame(
        self,
        frame: TaskStreamFrame,
        ticks: Sequence[Tick],
        names: Sequence[str],
        session: Session,
    ) -> None:
        """Draw axis, events and task stream; `names` are texts by string id."""
        self._view = frame.view
        selection = session.selection_ns
        length = quantity.duration(selection[1] - selection[0]) if selection else ""
        lanes = session.selection_lanes
        for strip in (self.axis, self.events, self.stream):
            strip.show_notes(session.bookmarks, session.measured_ns)
        self.axis.show_frame(frame, ticks, selection, lanes)
        self.events.show_frame(frame, selection, length, lanes)
        dimmed = dimmed_slots(self._entries, session.lit_prefix)
        self.stream.show_frame(frame, ticks, names, dimmed, selection, lanes)
