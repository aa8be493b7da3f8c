"""Where one was, and where one wants to come back to: views, bookmarks, and a measured distance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daskscope.app import time_gestures
from daskscope.app.aim import aimed_px, chosen_px
from daskscope.app.viewpast import ViewPast

if TYPE_CHECKING:
    from daskscope.app.run import Run


class Places:
    """Places in the time of one window."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._past = ViewPast()
        #: From where keys measure, None while they do not.
        self._from_ns: int | None = None
        timeline = run.window.timeline
        timeline.measured.connect(
            lambda start, end: run.apply(time_gestures.measure, int(start), int(end))
        )
        timeline.axis.renamed.connect(
            lambda time_ns, name: run.apply(time_gestures.rename, int(time_ns), name)
        )
        timeline.stream.clicked.connect(lambda _x, _y: run.apply(time_gestures.measure_nothing))

    def advance(self, now_s: float) -> None:
        """Note what is in view, and measure to there."""
        self._past.see(self._run.session, now_s)
        self._measure_on()

    def back(self) -> None:
        """Show what was in view before."""
        self._run.apply(self._past.back)

    def forward(self) -> None:
        """Undo going back."""
        self._run.apply(self._past.forward)

    def measure(self) -> None:
        """Measure from where keys aim to where they aim later; or stop there."""
        frame = self._run.frame
        if self._from_ns is not None:
            self._from_ns = None
        elif frame is not None:
            self._from_ns = frame.view.time_ns(aimed_px(self._run, frame.view))
            self._run.apply(time_gestures.measure, self._from_ns, self._from_ns)

    def _measure_on(self) -> None:
        run, from_ns = self._run, self._from_ns
        if from_ns is None or run.frame is None:
            return
        measured_ns = run.session.measured_ns
        if measured_ns is None or measured_ns[0] != from_ns:
            self._from_ns = None  # Escape, a click or a drag has ended it
            return
        end_ns = run.frame.view.time_ns(aimed_px(run, run.frame.view))
        if end_ns != measured_ns[1]:
            run.apply(time_gestures.measure, from_ns, end_ns)

    def mark(self) -> None:
        """Set a bookmark at the pointer, or at the chosen task, or remove the one that is there."""
        run = self._run
        if run.frame is not None:
            at_px = run.window.timeline.stream.pointer_px
            at_px = chosen_px(run, run.frame.view) if at_px is None else at_px
            now_ns = run.extent().last_ns if run.session.is_following else None
            run.apply(time_gestures.mark, run.frame.view, at_px, now_ns)

    def name(self) -> None:
        """Let the user name the bookmark that is nearest to where keys aim."""
        timeline, frame = self._run.window.timeline, self._run.frame
        if frame is None or not self._run.session.bookmarks:
            return
        at_ns = frame.view.time_ns(aimed_px(self._run, frame.view))
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
