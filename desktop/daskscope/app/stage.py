"""What is on show: derives a frame for each view that can be seen and whose input has changed.

The timeline is derived on every tick whose snapshot, session, size or pixel of time differs from
the last; panels follow at a slower pace, because their data come slower.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from daskscope.app.clock import FRAME_S, elapsed_s
from daskscope.app.crowd import Crowd
from daskscope.app.pace import Pace
from daskscope.app.recordings import past_sessions
from daskscope.app.statistics import StatisticsShow
from daskscope.app.tempo import PAUSED_PERIOD_S, Tempo
from daskscope.app.turns import Turn, Turns
from daskscope.derive.filtering import filter_frame
from daskscope.derive.legend import legend
from daskscope.derive.loading import loading_frame
from daskscope.derive.matches import NO_MARKS, Matches
from daskscope.derive.minimap import minimap, with_brush, with_found
from daskscope.derive.pick import hit
from daskscope.derive.progress import progress_frame
from daskscope.derive.resources import resources_frame, shown_span_s
from daskscope.derive.searching import search_field
from daskscope.derive.spoken import spoken_stream
from daskscope.derive.status import clock_fields, cluster_field, status_frame
from daskscope.derive.taskstream import TaskStream
from daskscope.derive.timeaxis import ticks
from daskscope.derive.welcome import welcome_frame
from daskscope.derive.workers import workers_frame
from daskscope.session import Session, Viewport, viewport
from daskscope.theme import NOT_YET_PX, Theme

if TYPE_CHECKING:
    from collections.abc import Callable

    from daskscope.app.feed import Feed
    from daskscope.app.window import Window
    from daskscope.derive.details.ties import Ties
    from daskscope.derive.frames import Hit, Minimap, TaskStreamFrame
    from daskscope.derive.members import Roster
    from daskscope.derive.panels import PastSession, StatusField
    from daskscope.store.snapshot import Snapshot

#: What a picture that is made from nothing may take of a tick that draws, and of one that does not.
DRAWN_WORK_S: Final = 0.003
UNSEEN_WORK_S: Final = 0.005
#: The same of a tick that reads a recording and shows nothing.
UNSHOWN_WORK_S: Final = 0.002
#: The same while something is lit: there are two pictures then, and the search comes before them.
LIT_WORK_S: Final = 0.005
#: Memory bars and busy shares in the gutter, and the minimap's curve.
LAYOUT_PERIOD_S: Final = 1.0
PROGRESS_PERIOD_S: Final = 0.1
STATUS_PERIOD_S: Final = 0.25
#: Metrics come twice a second; numbers that change faster cannot be read.
TABLE_PERIOD_S: Final = 1.0
#: A screen reader that is told more often never comes to an end.
SPEECH_PERIOD_S: Final = 1.0
RECORDINGS_PERIOD_S: Final = 5.0
#: What a tick spends on searching, counted from its derivations' begin; more when nothing moves.
SEARCH_BUDGET_S: Final = 0.003
SEARCH_ALONE_S: Final = 0.008


class Stage:
    """Keeps what was shown last, and shows what differs.

    Attributes
    ----------
    frame
        The task stream's last frame, for hit tests and gestures.
    frame_ms
        Time of the last tick that painted, for the status bar.
    theme
        What everything is drawn in.
    marks
        Which spans are lit and hidden, as far as it is known.
    ties
        What is drawn over the bars of a frame for the chosen span.
    period_s
        Time until the next tick.
    """

    def __init__(self, window: Window, theme: Theme, cap_bytes: int) -> None:
        self._window = window
        self._cap_bytes = cap_bytes
        self.theme = theme
        self.frame: TaskStreamFrame | None = None
        self.frame_ms = 0.0
        self.ties: Callable[[TaskStreamFrame, int], Ties | None] = lambda _frame, _now_ns: None
        self._crowd = Crowd()
        self._tempo = Tempo()
        self._turns, self._turn = Turns(), Turn.ALL
        self.period_s = FRAME_S
        self._generation = 0
        self._paused_pace = Pace(PAUSED_PERIOD_S)
        self._deadline_s = 0.0
        self._whole: Minimap | None = None
        self._is_brushed = False
        self._is_resting = False
        self._task_stream = TaskStream(lambda: elapsed_s() < self._deadline_s)
        self._matches = Matches()
        self.marks = self._drawn = NO_MARKS
        self._search_key: object = None
        self._statistics = StatisticsShow(window)
        self._shown: object = None
        self._is_forgetful = True
        self._session: Session | None = None
        self._recordings: tuple[PastSession, ...] = ()
        self._layout_pace = Pace(LAYOUT_PERIOD_S, LAYOUT_PERIOD_S / 4)
        self._minimap_pace = Pace(LAYOUT_PERIOD_S, LAYOUT_PERIOD_S * 3 / 4)
        self._speech_pace = Pace(SPEECH_PERIOD_S, SPEECH_PERIOD_S / 3)
        self._progress_pace = Pace(PROGRESS_PERIOD_S)
        self._workers_pace = Pace(TABLE_PERIOD_S)
        self._resources_pace = Pace(TABLE_PERIOD_S, TABLE_PERIOD_S / 2)
        self._status_pace = Pace(STATUS_PERIOD_S)
        # It counts workers, which takes long where there are many, and no gesture changes it.
        self._cluster_pace = Pace(STATUS_PERIOD_S)
        self._cluster: StatusField | None = None
        self._recordings_pace = Pace(RECORDINGS_PERIOD_S)

    @property
    def n_spans_in_view(self) -> int:
        """Spans that lie in the time in view."""
        return self.frame.n_spans_in_view if self.frame is not None else 0

    @property
    def roster(self) -> Roster | None:
        """Who is in the task stream, None before its first frame."""
        return self._crowd.layouts.roster

    @staticmethod
    def has_data(snapshot: Snapshot) -> bool:
        """Whether there is anything to draw in the task stream or beside it."""
        return bool(snapshot.n_spans or snapshot.running or snapshot.prefixes or snapshot.lanes)

    def is_complete(self, snapshot: Snapshot) -> bool:
        """Whether everything that will come is drawn."""
        is_drawn = self.frame is not None and self.frame.is_exact
        is_drawn = is_drawn and not self._statistics.is_working
        return self.is_over(snapshot) and is_drawn and bool(snapshot.n_spans)

    @staticmethod
    def is_over(snapshot: Snapshot) -> bool:
        """Whether nothing more will come of a recording."""
        return snapshot.status.progress >= 1.0 or snapshot.status.is_stopped

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours from the next tick on."""
        self.theme = theme
        self._window.set_theme(theme)
        self.forget()

    @property
    def is_settled(self) -> bool:
        """Whether everything has been shown since `forget`."""
        resources = self._window.resources
        if resources.isVisible() and (resources.is_waiting or not self._crowd.is_summed):
            return False
        return not self._is_forgetful and self._crowd.is_known

    def forget(self) -> None:
        """Show everything anew at the next tick."""
        self._is_forgetful = True
        self._shown = None
        for pace in (
            self._layout_pace,
            self._minimap_pace,
            self._progress_pace,
            self._workers_pace,
            self._resources_pace,
            self._status_pace,
            self._cluster_pace,
        ):
            pace.hurry()

    def begin(self, snapshot: Snapshot, session: Session, now_s: float) -> bool:
        """Begin a tick; whether it shows everything that has changed."""
        is_reading = not (snapshot.status.is_live or self.is_over(snapshot) or self._is_forgetful)
        is_moved = replace(session, hover_px=None) != self._session
        self._turn = self._turns.next(now_s, is_reading=is_reading, is_moved=is_moved)
        return self._turn is not Turn.NOTHING

    def show(
        self, snapshot: Snapshot, session: Session, now_ns: int, wall_ns: int, feed: Feed
    ) -> bool:
        """Show what has changed.

        Returns
        -------
        bool
            Whether the task stream was painted.
        """
        now_s = elapsed_s()
        was_forgetful, self._is_forgetful = self._is_forgetful, False
        if self._crowd.learn(snapshot):
            for pace in (self._workers_pace, self._resources_pace, self._cluster_pace):
                pace.hurry()
        # Where the pointer is changes no frame.
        session = replace(session, hover_px=None)
        if session != self._session:
            self._hurry(session)
            self._tempo.happen(now_s)
        if feed.spans_per_s or snapshot.running:
            self._tempo.happen(now_s)
        self.period_s = self._tempo.period_s(now_s, has_work=feed.is_behind)
        if self._window.isMinimized():
            return False
        self._is_resting = not was_forgetful and self._tempo.is_resting(now_s)
        self._window.loading.show_frame(loading_frame(snapshot))
        if self._turn is Turn.NOTHING:
            self._deadline_s = elapsed_s() + UNSHOWN_WORK_S
            self._task_stream.go_on()
            return False
        has_panels = not self._is_resting and self._turn.has_panels
        if has_panels:
            self._show_status(snapshot, wall_ns, feed, now_s)
        if self._window.is_welcome:
            self._show_welcome(snapshot, wall_ns, now_s)
            return False
        if has_panels:
            self._show_panels(snapshot, session, now_ns, now_s)
        return self._turn.has_timeline and self._show_stream(snapshot, session, now_ns, now_s)

    def hit(self, snapshot: Snapshot, x_px: int, y_px: int) -> Hit | None:
        """What lies under a pixel of the lanes."""
        return hit(snapshot, self.frame, x_px, y_px) if self.frame is not None else None

    # Parts ----------------------------------------------------------------------------------

    def _hurry(self, session: Session) -> None:
        """Let a gesture be seen at once."""
        before, self._session = self._session, session
        self._is_brushed = True
        if before is None:
            return
        # Panning changes nothing else than where the view ends.
        if replace(session, end_ns=0, scroll_px=0) != replace(before, end_ns=0, scroll_px=0):
            self._status_pace.hurry()
        if session.predicate != before.predicate:
            self._minimap_pace.hurry()
        if session.collapsed_hosts != before.collapsed_hosts:
            self._workers_pace.hurry()
        if (session.worker_sort, session.is_sort_descending) != (
            before.worker_sort,
            before.is_sort_descending,
        ):
            self._workers_pace.hurry()

    def _show_stream(self, snapshot: Snapshot, session: Session, now_ns: int, now_s: float) -> bool:
        """Show the timeline and what is counted of it; whether the task stream was painted."""
        has_painted = False
        if self._window.timeline.isVisible():
            has_painted = self._show_timeline(snapshot, session, now_ns, now_s)
        if self.frame is not None and self.roster is not None:
            view = self.frame.view
            self._statistics.show(snapshot, session, view, self.roster, now_ns, has_painted)
            if self._statistics.is_working:
                # No frame waits for them where none is painted.
                self.period_s = min(self.period_s, FRAME_S if has_painted else 0.0)
        return has_painted

    def _show_timeline(
        self, snapshot: Snapshot, session: Session, now_ns: int, now_s: float
    ) -> bool:
        timeline = self._window.timeline
        width_px, height_px = timeline.lanes_size_px
        now_ns = self._tempo.shown_ns(now_ns, is_resting=self._is_resting)
        view = viewport(session, width_px, now_ns, snapshot.first_ns, NOT_YET_PX)
        # Beyond the view it is all one where now is.
        now_px = min(round(view.x_px(now_ns)), width_px)
        is_reading = not self._is_resting and self._layout_pace.is_due(now_s)
        layout = self._crowd.layouts.of(snapshot, session, height_px, is_reading)
        self._search(snapshot, session, view, now_s)
        if session.is_following or self._paused_pace.is_due(now_s):
            self._generation, self._drawn = snapshot.generation, self.marks
        elif self.marks.predicate != self._drawn.predicate or not self._drawn.is_complete:
            self._drawn = self.marks
        key = (self._generation, self._drawn, session, view, now_px, height_px, layout)
        is_same = self._shown is not None and key == self._shown
        self._deadline_s = now_s + (UNSEEN_WORK_S if is_same else DRAWN_WORK_S)
        if self.marks.is_lighting:
            self._deadline_s = elapsed_s() + LIT_WORK_S
        if is_same:
            is_same = not self._task_stream.go_on()
        if not is_same:
            self._shown = key
            self._task_stream.mark(self._drawn)
            self.frame = self._task_stream.frame(snapshot, session, layout, view, height_px, now_ns)
            entries = legend(snapshot, session)
            timeline.show_filter(filter_frame(session.filter, self.marks, entries))
            timeline.show_legend(entries)
            timeline.show_frame(
                self.frame, ticks(view, snapshot.first_ns), snapshot.strings, session
            )
            timeline.stream.show_ties(self.ties(self.frame, now_ns))
        if self._speech_pace.is_due(now_s) and self.frame is not None:
            said = spoken_stream(self.frame, session, snapshot.first_ns, now_ns)
            timeline.stream.set_spoken(said)
        self._show_minimap(snapshot, session, view, now_ns, now_s)
        has_work = not self.marks.is_complete
        has_work |= self.frame is not None and not self.frame.is_exact
        if has_work:
            self.period_s = self._tempo.period_s(now_s, has_work=True)
        if not is_same:
            timeline.stream.repaint()
        return not is_same

    def _show_minimap(
        self, snapshot: Snapshot, session: Session, view: Viewport, now_ns: int, now_s: float
    ) -> None:
        """Show the whole run now and then, and at once where in it a gesture has led."""
        timeline = self._window.timeline
        is_due = not self._is_resting and self._minimap_pace.is_due(now_s)
        if is_due or self._whole is None:
            n_threads = self.roster.n_threads if self.roster is not None else 0
            whole = minimap(snapshot, view, timeline.lanes_size_px[0], now_ns, n_threads)
            self._whole = with_found(whole, snapshot, self.marks, now_ns)
        elif self._is_brushed:
            self._whole = with_brush(self._whole, snapshot, view, now_ns)
        else:
            return
        self._is_brushed = False
        timeline.show_minimap(self._whole, session)

    def _search(self, snapshot: Snapshot, session: Session, view: Viewport, now_s: float) -> None:
        """Look for more matches, and tell about them."""
        before = self.marks
        budget_s = SEARCH_BUDGET_S if session.is_following else SEARCH_ALONE_S
        self.marks = self._matches.advance(
            snapshot, session.predicate, view, lambda: elapsed_s() < now_s + budget_s
        )
        if self.marks.is_complete and not before.is_complete:
            self._minimap_pace.hurry()
        key = (session.search, session.found)
        if self.marks is not before or key != self._search_key:
            self._search_key = key
            self._window.toolbar.show_search(search_field(snapshot, session, self.marks))

    def _show_panels(self, snapshot: Snapshot, session: Session, now_ns: int, now_s: float) -> None:
        window = self._window
        if window.progress.isVisible() and self._progress_pace.is_due(now_s):
            began_s = elapsed_s()
            progress = progress_frame(snapshot, now_ns, session.filter)
            window.progress.show_frame(progress)
            window.progress_dock.set_summary(0, progress.summary)
            self._progress_pace.rest(began_s, elapsed_s())
        if window.workers.isVisible() and self._workers_pace.is_due(now_s):
            began_s = elapsed_s()
            workers = workers_frame(snapshot, session, now_ns, self._crowd.sampler)
            window.workers.show_frame(workers)
            window.workers_dock.set_summary(0, workers.summary)
            self._workers_pace.rest(began_s, elapsed_s())
        if window.resources.isVisible():
            if self._crowd.sum_up(snapshot):
                self._resources_pace.hurry()
            if self._resources_pace.is_due(now_s):
                began_s = elapsed_s()
                span_s = shown_span_s((now_ns - snapshot.first_ns) / 1e9)
                window.resources.begin_frame(
                    resources_frame(
                        snapshot, now_ns, span_s, self._crowd.sampler, self._crowd.totals
                    )
                )
                self._resources_pace.rest(began_s, elapsed_s())
            window.resources.show_next()

    def _show_status(self, snapshot: Snapshot, wall_ns: int, feed: Feed, now_s: float) -> None:
        if self._cluster is None or self._cluster_pace.is_due(now_s):
            began_s = elapsed_s()
            self._cluster = cluster_field(snapshot, wall_ns, self._crowd.sampler)
            self._cluster_pace.rest(began_s, elapsed_s())
        if self._status_pace.is_due(now_s):
            began_s = elapsed_s()
            frame = status_frame(
                snapshot,
                wall_ns,
                feed.spans_per_s,
                self.frame_ms,
                self._cap_bytes,
                feed.is_connected,
            )
            clocks = clock_fields(self._crowd.layouts.skews)
            self._window.status.show_frame(replace(frame, counters=(*clocks, *frame.counters)))
            self._window.toolbar.show_state(
                self._session or Session(),
                self._cluster,
                snapshot.status.is_live or not snapshot.generation,
            )
            self._status_pace.rest(began_s, elapsed_s())

    def _show_welcome(self, snapshot: Snapshot, wall_ns: int, now_s: float) -> None:
        if self._recordings_pace.is_due(now_s):
            self._recordings = past_sessions(wall_ns)
        self._window.welcome.show_frame(welcome_frame(snapshot.status, wall_ns, self._recordings))
