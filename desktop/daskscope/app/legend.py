"""The legend and the filter beside it, made anew where spans have come or the filter is another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daskscope.derive.filtering import filter_frame
from daskscope.derive.legend import legend

if TYPE_CHECKING:
    from daskscope.app.window import Window
    from daskscope.derive.matches import Marks
    from daskscope.session import Session
    from daskscope.store.snapshot import Snapshot


class LegendShow:
    """Shows the prefixes of one window, and what is hidden of how many spans."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._generation = -1
        self._filter: object = None
        self._marks: Marks | None = None

    def show_asked(self, snapshot: Snapshot, session: Session, marks: Marks) -> None:
        """Show what is another filter's, or has been counted since."""
        if session.filter != self._filter or marks is not self._marks:
            self._show(snapshot, session, marks)

    def show_new(self, snapshot: Snapshot, session: Session, marks: Marks) -> bool:
        """Show what has become known since; whether there was anything."""
        if snapshot.generation == self._generation and marks is self._marks:
            return False
        self._show(snapshot, session, marks)
        return True

    def _show(self, snapshot: Snapshot, session: Session, marks: Marks) -> None:
        self._generation = snapshot.generation
        self._filter, self._marks = session.filter, marks
        entries, timeline = legend(snapshot, session), self._window.timeline
        timeline.show_filter(filter_frame(session.filter, marks, entries))
        timeline.show_legend(entries)
