"""The chosen span: what chooses it, what is shown of it, and where one goes from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices

from daskscope.app import gestures
from daskscope.app.inquiry import Inquiry
from daskscope.app.jaeger import trace_url
from daskscope.app.pace import Pace
from daskscope.derive.details.content import details_frame
from daskscope.derive.details.subject import settled, subject
from daskscope.derive.details.ties import Tied

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable

    from daskscope.app.run import Run
    from daskscope.derive.details.known import Known
    from daskscope.derive.details.subject import Subject
    from daskscope.derive.details.ties import Ties
    from daskscope.derive.frames import TaskStreamFrame
    from daskscope.session import Chosen
    from daskscope.store.inquiry import Answer, Query
    from daskscope.store.snapshot import Snapshot

#: While much comes in, texts that change faster cannot be read.
PANEL_PERIOD_S: Final = 0.25
#: How long something that runs has been running.
RUNNING_PERIOD_S: Final = 0.25


class Choosing:
    """Knows the chosen span of one window.

    Parameters
    ----------
    run
        The window at work; its session says what is chosen.
    ask
        Sends a query to the process that holds the journal.
    jaeger
        Base URL of Jaeger's pages.
    """

    def __init__(self, run: Run, ask: Callable[[Query], bool], jaeger: str) -> None:
        self._run = run
        self._jaeger = jaeger
        self._inquiry = Inquiry(ask)
        self._snapshot: Snapshot | None = None
        self._now_ns = 0
        self._shown: object = None
        self._tied_to: object = None
        self._tied: Tied | None = None
        self._panel_pace = Pace(PANEL_PERIOD_S)
        self._running_pace = Pace(RUNNING_PERIOD_S)
        # Where one came from, and whether that was towards dependents.
        self._trail: list[tuple[Chosen, bool]] = []
        details, stream = run.window.details, run.window.timeline.stream
        details.span_chosen.connect(self.choose)
        details.zoom_requested.connect(self.zoom)
        details.filter_requested.connect(run.solo)
        details.jaeger_requested.connect(lambda *_: self.open_in_jaeger())
        stream.clicked.connect(self._click)

    @property
    def known(self) -> Known | None:
        """What is known of the chosen span."""
        return self._inquiry.known

    @property
    def held(self) -> Subject | None:
        """The chosen span as the store holds it now, None where it does not."""
        chosen = self._run.session.chosen
        return subject(self._run.snapshot, chosen) if chosen is not None else None

    @property
    def has_work(self) -> bool:
        """The store has not been looked through for the chosen span."""
        return self.known is not None and not self.known.survey.is_over

    # Tick -----------------------------------------------------------------------------------

    def advance(
        self, snapshot: Snapshot, answers: deque[Answer], now_ns: int, now_s: float
    ) -> None:
        """Go on with what is chosen, and show what has become known of it."""
        self._snapshot, self._now_ns = snapshot, now_ns
        chosen = self._run.session.chosen
        if chosen is not None:
            ended = settled(snapshot, chosen)
            if ended is not chosen:
                self._run.apply(gestures.choose, ended)
        known = self._inquiry.advance(snapshot, self._run.session.chosen, answers, now_s)
        self._show(known, now_s)

    def ties(self, frame: TaskStreamFrame, now_ns: int) -> Ties | None:
        """What the task stream draws for the chosen span."""
        known = self.known
        if known is None:
            self._tied_to = self._tied = None
            return None
        found = known.subject
        key = (
            *(found.chosen, found.heard_ns),
            *(known.details, known.dependents, len(known.survey.relatives)),
        )
        if self._tied is None or key != self._tied_to:
            self._tied_to, self._tied = key, Tied(known)
        return self._tied.ties(frame, now_ns)

    def _show(self, known: Known | None, now_s: float) -> None:
        run, details = self._run, self._run.window.details
        details.advance(now_s)
        layout = run.frame.layout if run.frame is not None else None
        key = (run.session.chosen, known.version if known else 0, layout)
        is_growing = known is not None and not (known.subject.end_ns or known.subject.heard_ns)
        if key != self._shown and self._panel_pace.is_due(now_s):
            if run.frame is not None:
                run.window.timeline.stream.show_ties(self.ties(run.frame, self._now_ns))
        elif not (is_growing and self._running_pace.is_due(now_s)):
            return
        self._shown = key
        assert self._snapshot is not None
        frame = details_frame(self._snapshot, known, layout, self._now_ns) if known else None
        details.show_frame(frame, run.session.chosen)

    # What chooses ---------------------------------------------------------------------------

    def choose(self, chosen: Chosen) -> None:
        """Choose a span from anywhere: show its details, and bring it into view."""
        self._trail.clear()
        self._go(chosen)

    def _go(self, chosen: Chosen) -> None:
        self._take(chosen)
        found = subject(self._snapshot, chosen) if self._snapshot is not None else None
        frame = self._run.frame
        if found is None or frame is None:
            return
        rows = frame.layout.row_of_lane
        row = int(rows[found.lane]) if 0 <= found.lane < len(rows) else -1
        until_ns = found.known_until_ns(self._now_ns)
        self._run.with_view(gestures.reveal, frame, found.start_ns, until_ns, row)

    def _take(self, chosen: Chosen) -> None:
        self._run.apply(gestures.choose, chosen)
        self._panel_pace.hurry()
        self._run.window.show_tab("details")

    def _click(self, x_px: int, y_px: int) -> None:
        """A task is chosen where it lies; a click beside all lets go."""
        if x_px < 0:
            return
        hit = self._run.hit(x_px, y_px)
        if hit is None:
            self.let_go()
            self._run.selecting.clear()
        elif hit.chosen is not None:
            self._trail.clear()
            self._take(hit.chosen)

    def let_go(self) -> None:
        """Choose nothing."""
        self._trail.clear()
        self._panel_pace.hurry()
        self._run.apply(gestures.choose, None)

    def escape(self) -> None:
        """Let go of the chosen span; without one, of what is selected or searched."""
        if self._run.session.chosen is not None:
            self.let_go()
        else:
            self._run.finder.escape()

    # Where one goes from it -----------------------------------------------------------------

    def walk(self, *, is_on: bool) -> None:
        """Go to the dependent that began first (`is_on`), or the dependency that ended last.

        Going the other way leads back to where one came from.
        """
        known = self.known
        if known is None:
            return
        here = known.subject.chosen
        if self._trail and self._trail[-1][1] is not is_on:
            self._go(self._trail.pop()[0])
            return
        target = _next(known, is_on=is_on)
        if target is not None:
            self._trail.append((here, is_on))
            self._go(target.chosen)

    def zoom(self) -> None:
        """Fill the view with it."""
        if self.known is not None:
            found = self.known.subject
            until_ns = found.known_until_ns(self._now_ns)
            self._run.apply(gestures.fit_chosen, found.start_ns, until_ns)

    def copy_key(self) -> None:
        """Put its key on the clipboard."""
        self._run.window.details.heading.copy()

    def open_in_jaeger(self) -> None:
        """Show its trace in the browser."""
        frame = self._run.window.details.frame_shown
        if frame is None:
            return
        url = trace_url(self._jaeger, frame.trace_id, frame.span_id)
        if url:
            QDesktopServices.openUrl(QUrl(url))


def _next(known: Known, *, is_on: bool) -> Subject | None:
    held = known.survey.relatives
    if is_on:
        dependents = [held[one] for one in known.dependents if one in held]
        return min(dependents, key=lambda one: one.start_ns, default=None)
    links = known.details.links if known.details else ()
    dependencies = [held[link.span_id] for link in links if link.span_id in held]
    return max(dependencies, key=lambda one: one.end_ns, default=None)
