"""Where one was, and where one wants to come back to: views, bookmarks, and a measured distance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daskscope.app import time_gestures
from daskscope.app.viewpast import ViewPast

if TYPE_CHECKING:
    from daskscope.app.run import Run


class Places:
    """Places in the time of one window."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._past = ViewPast()
        timeline = run.window.timeline
        timeline.measured.connect(
            lambda start, end: run.apply(time_gestures.measure, int(start), int(end))
        )
        timeline.axis.renamed.connect(
            lambda time_ns, name: run.apply(time_gestures.rename, int(time_ns), name)
        )
        timeline.stream.clicked.connect(lambda _x, _y: run.apply(time_gestures.measure_nothing))

    def advance(self, now_s: float) -> None:
        """Note what is in view."""
        self._past.see(self._run.session, now_s)

    def back(self) -> None:
        """Show what was in view before."""
        self._run.apply(self._past.back)

    def forward(self) -> None:
        """Undo going back."""
        self._run.apply(self._past.forward)

    def mark(self) -> None:
        """Set a bookmark at the pointer, or remove the one that is there."""
        run = self._run
        pointer_px = run.window.timeline.stream.met_px
        if run.frame is not None:
            now_ns = run.extent().last_ns if run.session.is_following else None
            run.apply(time_gestures.mark, run.frame.view, pointer_px, now_ns)

    def name(self) -> None:
        """Let the user name the bookmark nearest to the pointer, or to the middle of the view."""
        timeline, frame = self._run.window.timeline, self._run.frame
        if frame is None or not self._run.session.bookmarks:
            return
        at_ns = frame.view.time_ns(timeline.stream.pointer_px)
        nearest = min(self._run.session.bookmarks, key=lambda one: abs(one.time_ns - at_ns))
        timeline.axis.name(nearest)

    def step(self, is_forward: bool) -> None:
        """Go to the next bookmark, or to the one before."""
        self._run.with_view(time_gestures.step, is_forward)

    def escape(self) -> None:
        """Measure nothing; where nothing is measured, let go of what is chosen or selected."""
        if self._run.session.measured_ns is not None:
            self._run.apply(time_gestures.measure_nothing)
        else:
            self._run.choosing.escape()
