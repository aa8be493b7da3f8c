"""The details panel: sections under one another that scroll together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPalette
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from daskscope.paint.control import style_sheet
from daskscope.paint.font import Role
from daskscope.paint.text import draw_text
from daskscope.theme import LIGHT, Theme
from daskscope.views.details.among import AmongSection
from daskscope.views.details.facts import FactsSection
from daskscope.views.details.failure import FailureSection
from daskscope.views.details.heading import Heading
from daskscope.views.details.listing import ListingSection
from daskscope.views.details.section import PADDING_PX, Section
from daskscope.views.details.timebar import TimeSection

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from daskscope.derive.details.frame import DetailsFrame
    from daskscope.session import Chosen

#: Titles of the lists, in their order.
_LISTS: Final = (
    "Other attempts",
    "For",
    "Dependencies",
    "Dependents",
    "Transfers it waited for",
)
_HINT: Final = ("Click a task in the task stream", "to see everything that is known of it.")
_GONE: Final = (
    "The window no longer holds this task; it was evicted.",
    "File, Open the earlier part, shows it.",
)


class Note(QWidget):
    """One line that says why something is missing."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = LIGHT
        self.text = ""
        self._ink = "warn"
        self.setFixedHeight(22)

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        self.update()

    def show_text(self, text: str, ink: str = "warn") -> None:
        """Show a line in the colour of a token of the theme, or nothing."""
        self.text, self._ink = text, ink
        self.setAccessibleName(text)
        self.setVisible(bool(text))
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the line."""
        with QPainter(self) as painter:
            box = (PADDING_PX, 0, self.width() - 2 * PADDING_PX, self.height() - 4)
            draw_text(painter, box, self.text, Role.VALUE, getattr(self._theme, self._ink))


class DetailsView(QScrollArea):
    """Everything about one span, or how one chooses one."""

    #: The `session.Chosen` of a row that was pressed.
    span_chosen = Signal(object)
    #: Trace id and span id, hexadecimal digits.
    jaeger_requested = Signal(str, str)
    zoom_requested = Signal()
    #: A prefix.
    filter_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = LIGHT
        self._frame: DetailsFrame | None = None
        self._hint = _HINT
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Details")
        self.heading = Heading()
        self._note = Note()
        self._times = TimeSection()
        self.facts = FactsSection("Attempt")
        self._failure = FailureSection()
        self._among = AmongSection()
        self.listings = {title: ListingSection() for title in _LISTS}
        self.others = FactsSection("Other attributes", label_share=0.42)
        self._body = QWidget()
        layout = QVBoxLayout(self._body)
        layout.setContentsMargins(0, 0, 0, 12)
        layout.setSpacing(0)
        for part in self._parts():
            layout.addWidget(part)
        layout.addStretch(1)
        self.setWidget(self._body)
        self._body.hide()
        self._let_scroll(has_content=False)
        self.heading.jaeger_requested.connect(self._open_in_jaeger)
        self.heading.zoom_requested.connect(self.zoom_requested)
        self.heading.filter_requested.connect(self._filter)
        for section in (self.facts, self.others, *self.listings.values()):
            section.reached.connect(lambda y: self.ensureVisible(0, y, 0, 40))
        for listing in self.listings.values():
            listing.row_chosen.connect(self.span_chosen)

    def _parts(self) -> tuple[Heading | Note | Section, ...]:
        return (
            self.heading,
            self._note,
            self._failure,
            self._times,
            self.facts,
            self._among,
            *self.listings.values(),
            self.others,
        )

    @property
    def frame_shown(self) -> DetailsFrame | None:
        """What is shown, None while nothing is chosen."""
        return self._frame

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        self.setStyleSheet(style_sheet(theme))
        ground = QPalette(self.palette())
        ground.setColor(QPalette.ColorRole.Window, QColor(theme.s2))
        for widget in (self.viewport(), self._body):
            widget.setPalette(ground)
            widget.setAutoFillBackground(True)
        for part in self._parts():
            part.set_theme(theme)

    def show_frame(self, frame: DetailsFrame | None, chosen: Chosen | None = None) -> None:
        """Show a frame; None for nothing chosen, or for a span `chosen` that is not held."""
        is_other = self._frame is None or frame is None or frame.chosen != self._frame.chosen
        self._frame = frame
        self._hint = _HINT if chosen is None else _GONE
        self._body.setVisible(frame is not None)
        self._let_scroll(frame is not None)
        self.viewport().update()
        if frame is None:
            self.setAccessibleDescription(" ".join(self._hint))
            return
        self.setAccessibleDescription(f"{frame.name}, {frame.pill}, {frame.whole_time}")
        self.heading.show_frame(frame)
        self._note.show_text(frame.note, frame.note_ink)
        self._failure.show_failure(frame.failure)
        self._times.show_frame(frame)
        self.facts.show_facts(frame.facts, frame.facts_title, frame.facts_note)
        self._among.show_among(frame.among)
        found = {listing.title: listing for listing in frame.listings}
        for title, section in self.listings.items():
            section.show_listing(found.get(title), is_other)
        self.others.show_facts(frame.others)
        if is_other:
            self.verticalScrollBar().setValue(0)

    def _let_scroll(self, has_content: bool) -> None:
        """Show a scroll bar where one is needed: what is hidden counts for Qt as well."""
        policy = Qt.ScrollBarPolicy
        self.setVerticalScrollBarPolicy(
            policy.ScrollBarAsNeeded if has_content else policy.ScrollBarAlwaysOff
        )

    def advance(self, now_s: float) -> None:
        """Let copied marks go when their time is over."""
        self.heading.advance(now_s)
        self.facts.advance(now_s)
        self.others.advance(now_s)

    def _open_in_jaeger(self) -> None:
        if self._frame is not None:
            self.jaeger_requested.emit(self._frame.trace_id, self._frame.span_id)

    def _filter(self) -> None:
        if self._frame is not None:
            self.filter_requested.emit(self._frame.name)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Say how one chooses a task while none is chosen."""
        super().paintEvent(event)
        if self._frame is not None:
            return
        with QPainter(self.viewport()) as painter:
            for number, line in enumerate(self._hint):
                box = (PADDING_PX, 12 + number * 18, self.width() - 2 * PADDING_PX, 18)
                draw_text(painter, box, line, Role.BODY, self._theme.t3)
