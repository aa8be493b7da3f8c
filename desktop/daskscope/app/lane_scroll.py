"""Scrolling the lanes of one window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daskscope.app import gestures

if TYPE_CHECKING:
    from daskscope.app.run import Run
    from daskscope.derive.lanelabels import Label


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

    def to_label(self, label: Label) -> None:
        """Scroll as little as is needed to have a label in view, or its top below the header."""
        frame = self._run.frame
        if frame is not None:
            least_px = label.y_px + label.height_px - frame.height_px
            most_px = label.y_px - (0 if label.is_host else frame.layout.header_px)
            self.to(min(max(self._run.session.scroll_px, least_px), most_px))

    def to_worker(self, key: str) -> None:
        """Bring the lanes of a member of the roster, or the row it is folded in, to the top.

        The header of its host stays above them.
        """
        roster, frame = self._run.roster, self._run.frame
        members = roster.members if roster is not None else ()
        lanes = next((m.rows[0] for m in members if m.key == key and m.rows), [])
        if lanes and frame is not None and lanes[0] < len(frame.layout.row_of_lane):
            row = int(frame.layout.row_of_lane[lanes[0]])
            if row >= 0:
                self.to(int(frame.layout.row_px[0, row]) - frame.layout.header_px)
