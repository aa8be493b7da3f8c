"""The tables of events and errors of one window: what they show, and where their rows lead."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from daskscope.app import time_gestures
from daskscope.app.pace import Pace
from daskscope.app.search_gestures import show_found
from daskscope.derive.errors import NO_ERRORS, ErrorKeeper
from daskscope.derive.minimap import error_columns
from daskscope.derive.records import RecordsFrame, errors_frame, events_frame
from daskscope.derive.steps import found_at

if TYPE_CHECKING:
    from daskscope.app.run import Run
    from daskscope.session import Session, Spot
    from daskscope.store.snapshot import Snapshot

PERIOD_S: Final = 0.5


class Ledger:
    """Knows what happened in one window.

    Attributes
    ----------
    errors
        What failed, as of the last tick that looked.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self.errors = NO_ERRORS
        self._keeper = ErrorKeeper()
        self._pace = Pace(PERIOD_S, PERIOD_S / 3)
        self._event_rows: RecordsFrame | None = None
        self._error_rows: RecordsFrame | None = None
        self._shown_events: object = None
        self._shown_errors: object = None
        events, errors = run.window.events, run.window.errors
        events.table.chosen.connect(self._go_to_event)
        events.chips.toggled.connect(lambda kind: run.apply(toggle_kind, kind))
        errors.chosen.connect(self._go_to_error)
        run.window.toolbar.errors.stepped.connect(self.step)

    def hurry(self) -> None:
        """Show what changed at the next tick."""
        self._pace.hurry()

    def advance(self, snapshot: Snapshot, now_ns: int, now_s: float) -> None:
        """Show what is new, now and then."""
        window, session = self._run.window, self._run.session
        is_changed = self._shown_events is not None and (
            self._shown_events[1] is not session.hidden_kinds  # type: ignore[index]
        )
        if not is_changed and not self._pace.is_due(now_s):
            return
        self.errors = self._keeper.of(snapshot)
        window.toolbar.errors.show_count(len(self.errors))
        window.set_count("errors", len(self.errors))
        width_px = window.timeline.lanes_size_px[0]
        columns = error_columns(snapshot, self.errors, width_px, now_ns)
        window.timeline.minimap.show_errors(columns)
        key = (snapshot.events, session.hidden_kinds)
        if window.events.isVisible() and not _same(key, self._shown_events):
            self._shown_events = key
            self._event_rows = events_frame(snapshot, session.hidden_kinds)
            window.events.show_frame(self._event_rows)
            window.set_summary("events", self._event_rows.summary)
        if window.errors.isVisible() and self._shown_errors is not self.errors:
            self._shown_errors = self.errors
            self._error_rows = errors_frame(snapshot, self.errors)
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
        self._show(self.errors.next(run.session.found, view_ns, is_forward))

    def _go_to_error(self, row: int) -> None:
        if self._error_rows is not None:
            self._show(self._error_rows.rows[row].spot)

    def _go_to_event(self, row: int) -> None:
        if self._event_rows is not None:
            self._run.with_view(time_gestures.go_to, self._event_rows.rows[row].time_ns)

    def _show(self, spot: Spot | None) -> None:
        run = self._run
        found = found_at(run.snapshot, spot)
        if found is None or run.frame is None:
            return
        run.apply(show_found, run.frame, found)
        if self._error_rows is not None and run.window.errors.isVisible():
            run.window.errors.make_current(self.errors.index(spot))


def _same(one: tuple[object, object], other: object) -> bool:
    return isinstance(other, tuple) and all(a is b for a, b in zip(one, other, strict=True))


def toggle_kind(session: Session, kind: str) -> Session:
    """Leave a kind of events out of their table, or in again."""
    return replace(session, hidden_kinds=session.hidden_kinds ^ {kind})
