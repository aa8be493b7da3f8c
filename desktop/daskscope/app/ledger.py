"""The tables of events and errors of one window: what they show, and where their rows lead."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from daskscope.app import time_gestures
from daskscope.app.clock import elapsed_s
from daskscope.app.pace import Pace
from daskscope.derive import quantity
from daskscope.derive.details.subject import of_row
from daskscope.derive.errors import NO_ERRORS, ErrorKeeper
from daskscope.derive.minimap import error_columns
from daskscope.derive.records import RecordsFrame, errors_frame, events_frame

if TYPE_CHECKING:
    from daskscope.app.run import Run
    from daskscope.derive.clusters import Clusters
    from daskscope.session import Session, Spot
    from daskscope.store.snapshot import Snapshot

PERIOD_S: Final = 0.5


class Ledger:
    """Knows what happened in one window.

    Parameters
    ----------
    run
        The window.
    clusters
        Those of its workers, as they come to be known.

    Attributes
    ----------
    errors
        What failed, as of the last tick that looked.
    """

    def __init__(self, run: Run, clusters: Clusters) -> None:
        self._run, self._clusters = run, clusters
        self.errors = NO_ERRORS
        self._keeper = ErrorKeeper()
        self._n_spans = 0
        self._pace = Pace(PERIOD_S, PERIOD_S / 3)
        self._event_rows: RecordsFrame | None = None
        self._error_rows: RecordsFrame | None = None
        self._shown_events: tuple[object, object] = (None, None)
        self._shown_errors: tuple[object, object] = (None, None)
        events, errors = run.window.events, run.window.errors
        events.table.chosen.connect(self._go_to_event)
        events.chips.toggled.connect(self._toggle)
        errors.chosen.connect(self._go_to_error)
        run.window.timeline.events.clicked.connect(self._open_at)
        run.window.toolbar.errors.stepped.connect(self.step)
        run.window.workers_dock.page_changed.connect(lambda _page: self._pace.hurry())

    def advance(
        self, snapshot: Snapshot, now_ns: int, now_s: float, *, is_busy: bool = False
    ) -> None:
        """Show what is new, now and then; in a tick that is busy only what was asked for."""
        if (is_busy and not self._pace.is_hurried) or not self._pace.is_due(now_s):
            return
        window = self._run.window
        self._n_spans = snapshot.n_spans
        self.errors = self._keeper.of(snapshot)
        count = quantity.least_count(len(self.errors), snapshot.n_evicted > 0)
        window.toolbar.errors.show_count(count if len(self.errors) else "")
        window.set_title("errors", f"Errors  {count}" if len(self.errors) else "Errors")
        width_px = window.timeline.lanes_size_px[0]
        columns = error_columns(snapshot, self.errors, width_px, now_ns)
        window.timeline.minimap.show_errors(columns)
        self._show_events(snapshot)
        self._show_errors(snapshot)

    def is_complete(self, snapshot: Snapshot) -> bool:
        """Whether all failures of a snapshot are counted and shown."""
        return self._n_spans == snapshot.n_spans

    def _show_events(self, snapshot: Snapshot) -> None:
        window, session = self._run.window, self._run.session
        key = session.hidden_kinds, session.bookmarks
        shown = key, self._clusters.n_changes
        if not window.events.isVisible():
            self._event_rows = None
            return
        events, before = self._shown_events
        if self._event_rows is None or events is not snapshot.events or before != shown:
            self._shown_events = snapshot.events, shown
            self._event_rows = events_frame(snapshot, *key, self._clusters)
            window.events.show_frame(self._event_rows)
            window.set_summary("events", self._event_rows.summary)

    def _show_errors(self, snapshot: Snapshot) -> None:
        """Show errors; the rows hold the chunks they come from, so that old ones are let go."""
        window = self._run.window
        first = snapshot.chunks[0].number if snapshot.chunks else 0
        shown = first, self._clusters.n_changes
        if not window.errors.isVisible():
            self._error_rows = None
            return
        errors, before = self._shown_errors
        if self._error_rows is None or errors is not self.errors or before != shown:
            self._shown_errors = self.errors, shown
            self._error_rows = errors_frame(snapshot, self.errors, self._clusters)
            window.errors.show_frame(self._error_rows)
            window.set_summary("errors", self._error_rows.summary)

    def step(self, is_forward: bool) -> None:
        """Go to the next failure, or to the one before."""
        run = self._run
        if run.frame is None:
            return
        self.errors = self._keeper.of(run.snapshot)
        view = run.frame.view
        view_ns = view.start_ns, view.end_ns
        chosen = run.session.chosen
        spot = (chosen.chunk, chosen.index) if chosen is not None else None
        self._show(self.errors.next(spot, view_ns, is_forward))

    def _open_at(self, x_px: int, _y_px: int) -> None:
        """Show the table, and in it the row, of the event at a place of the events lane."""
        window, frame = self._run.window, self._run.frame
        placed = window.timeline.events.placed_at(x_px)
        if placed is None or frame is None:
            return
        is_error = placed.event.sign == "erred"
        window.show_tab("errors" if is_error else "events")
        self._pace.hurry()
        self.advance(self._run.snapshot, self._run.extent().last_ns, elapsed_s())
        table = window.errors if is_error else window.events.table
        table.mark_row(table.frame.near(frame.view.time_ns(placed.event.x_px)))

    def _toggle(self, kind: str) -> None:
        self._run.apply(toggle_kind, kind)
        self._pace.hurry()

    def _go_to_error(self, row: int) -> None:
        if self._error_rows is not None:
            self._show(self._error_rows.rows[row].spot)

    def _go_to_event(self, row: int) -> None:
        if self._event_rows is not None:
            self._run.with_view(time_gestures.go_to, self._event_rows.rows[row].time_ns)

    def _show(self, spot: Spot | None) -> None:
        """Choose the span at a spot, which brings it into view."""
        run = self._run
        chunk = run.snapshot.chunk(spot[0]) if spot is not None else None
        if spot is None or chunk is None:
            return
        run.choosing.choose(of_row(chunk, spot[1]))
        if self._error_rows is not None and run.window.errors.isVisible():
            run.window.errors.mark_row(self.errors.index(spot))


def toggle_kind(session: Session, kind: str) -> Session:
    """Leave a kind of events out of their table, or in again."""
    return replace(session, hidden_kinds=session.hidden_kinds ^ {kind})
