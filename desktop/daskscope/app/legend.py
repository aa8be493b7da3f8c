"""The legend and the filter beside it, made anew where spans have come or the filter is another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daskscope.derive.filtering import filter_frame
from daskscope.derive.legend import legend

if TYPE_CHECKING:
    from daskscope.app.window import Window
    from daskscope.derive.frames import LegendEntry
    from daskscope.derive.matches import Marks
    from daskscope.session import Session
    from daskscope.store.snapshot import Snapshot


class LegendShow:
    """Shows the prefixes of one window."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._entries_of: object = None
        self._entries: tuple[LegendEntry, ...] = ()

    def show(self, snapshot: Snapshot, session: Session, marks: Marks) -> None:
        """Show them, and what is hidden of how many."""
        entries_of = snapshot.generation, session.filter
        if entries_of != self._entries_of:
            self._entries_of, self._entries = entries_of, legend(snapshot, session)
        timeline = self._window.timeline
        timeline.show_filter(filter_frame(session.filter, marks, self._entries))
        timeline.show_legend(self._entries)
