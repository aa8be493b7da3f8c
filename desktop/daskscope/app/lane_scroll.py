"""Scrolling the lanes of one window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daskscope.app import gestures

if TYPE_CHECKING:
    from daskscope.app.run import Run


class LaneScroll:
    """Which part of the lanes is in view."""

    def __init__(self, run: Run) -> None:
        self._run = run
        timeline = run.window.timeline
        timeline.scrolled.connect(self.by)
        timeline.stream.scrolled_to.connect(self.to)

    def by(self, dy_px: int) -> None:
        """Scroll downwards."""
        self.to(self._run.session.scroll_px + dy_px)

    def to(self, y_px: int) -> None:
        """Bring a pixel row of the lanes to the top."""
        if self._run.frame is not None:
            self._run.apply(gestures.scroll_to, self._run.frame, y_px)

    def to_worker(self, key: str) -> None:
        """Bring the lanes of a member of the roster, or the row it is folded in, to the top."""
        roster, frame = self._run.roster, self._run.frame
        members = roster.members if roster is not None else ()
        lanes = next((m.rows[0] for m in members if m.key == key and m.rows), [])
        if lanes and frame is not None and lanes[0] < len(frame.layout.row_of_lane):
            row = int(frame.layout.row_of_lane[lanes[0]])
            if row >= 0:
                self.to(int(frame.layout.row_px[0, row]))
