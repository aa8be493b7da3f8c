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
from daskscope.app.panels import Panels, Tick
from daskscope.app.rota import Rota
from daskscope.app.statistics import StatisticsShow
from daskscope.app.tempo import IDLE_STEP_S, PAUSED_PERIOD_S, Tempo
from daskscope.app.turns import Turn, Turns
from daskscope.derive.filtering import filter_frame
from daskscope.derive.legend import legend
from daskscope.derive.loading import loading_frame
from daskscope.derive.matches import NO_MARKS, Matches
from daskscope.derive.minimap import minimap, with_brush, with_found
from daskscope.derive.pick import hit
from daskscope.derive.searching import search_field
from daskscope.derive.spoken import spoken_stream
from daskscope.derive.taskstream import TaskStream
from daskscope.derive.timeaxis import ticks
from daskscope.session import Session, Viewport, viewport
from daskscope.theme import NOT_YET_PX, Theme

if TYPE_CHECKING:
    from collections.abc import Callable

    from daskscope.app.feed import Feed
    from daskscope.app.window import Window
    from daskscope.derive.details.ties import Ties
    from daskscope.derive.frames import Hit, LegendEntry, Minimap, TaskStreamFrame
    from daskscope.derive.lanelayout import LaneLayout
    from daskscope.derive.members import Roster
    from daskscope.store.snapshot import Snapshot

#: What a picture that is made from nothing may take of a tick that draws, and of one that does not.
DRAWN_WORK_S: Final = 0.0015
UNSEEN_WORK_S: Final = 0.008
#: The same of a tick that reads a recording and shows nothing.
UNSHOWN_WORK_S: Final = 0.002
#: The same while something is lit: there are two pictures then, and the search comes before them.
LIT_WORK_S: Final = 0.005
#: Memory bars and busy shares in the gutter, and the minimap's curve.
LAYOUT_PERIOD_S: Final = 1.0
#: A screen reader that is told more often never comes to an end.
SPEECH_PERIOD_S: Final = 1.0
#: A tick that has taken in so many spans leaves drawing to the next one: a millisecond's work.
MUCH_ROWS: Final = 1_000
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
    is_resting
        Nothing need be shown in this tick.
    """

    def __init__(self, window: Window, theme: Theme, cap_bytes: int) -> None:
        self._window = window
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
        self.is_resting = False
        #: Something is still made or looked for; or all is as it will be, and so it was shown.
        self._has_work = self._is_done = False
        self._task_stream = TaskStream(lambda: elapsed_s() < self._deadline_s)
        self._matches = Matches()
        self.marks = self._drawn = NO_MARKS
        self._search_key: object = None
        self._entries_of: object = None
        self._entries: tuple[LegendEntry, ...] = ()
        self._statistics = StatisticsShow(window)
        self._shown: object = None
        self._shown_session: Session | None = None
        #: The last tick has drawn; it has left drawing to the next one.
        self._has_drawn = self._is_put_off = False
        self._is_forgetful = True
        self._session: Session | None = None
        self._layout_pace = Pace(LAYOUT_PERIOD_S, LAYOUT_PERIOD_S / 4)
        self._minimap_pace = Pace(LAYOUT_PERIOD_S, LAYOUT_PERIOD_S * 3 / 4)
        self._speech_pace = Pace(SPEECH_PERIOD_S, SPEECH_PERIOD_S / 3)
        self._panels = Panels(window, self._crowd, cap_bytes)
        jobs = *self._panels.jobs, self._show_minimap, self._read_lanes
        self._rota = Rota[Tick](jobs)

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
        return not (self._is_forgetful or self._panels.is_behind) and self._crowd.is_known

    def rouse(self) -> None:
        """Show at once what changes from now on: somebody is there."""
        self._tempo.attend(elapsed_s())

    def forget(self) -> None:
        """Show everything anew at the next tick."""
        self._is_forgetful = True
        self._shown = None
        self._layout_pace.hurry()
        self._minimap_pace.hurry()
        self._panels.forget()

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
            Whether the task stream has changed, and is to be painted.
        """
        now_s = elapsed_s()
        was_forgetful, self._is_forgetful = self._is_forgetful, False
        if self._crowd.learn(snapshot):
            self._panels.hurry_crowd()
        # Where the pointer is changes no frame.
        session = replace(session, hover_px=None)
        has_changed = session != self._session
        if has_changed:
            self._hurry(session)
            self._tempo.attend(now_s)
        if feed.has_spans or snapshot.running:
            self._tempo.happen(now_s)
        self.is_resting = not was_forgetful and self._tempo.is_resting(now_s)
        is_held = self._is_held(snapshot, session, now_ns, now_s)
        self.period_s = self._tempo.period_s(now_s, has_work=feed.is_behind, is_held=is_held)
        if not self._window.presence.is_seen:
            self.is_resting = True
            self._is_forgetful = was_forgetful
            self.period_s = 0.0 if feed.is_behind else IDLE_STEP_S
            return False
        if self.is_resting and self._is_done and not has_changed:
            self._deadline_s = now_s + UNSEEN_WORK_S
            self._task_stream.go_on()
            return False
        self._window.loading.show_frame(loading_frame(snapshot))
        if self._turn is Turn.NOTHING:
            self._deadline_s = elapsed_s() + UNSHOWN_WORK_S
            self._task_stream.go_on()
            return False
        is_idle, is_resting = is_held or self._tempo.is_idle(now_s), self.is_resting
        ms = self.frame_ms
        tick = Tick(snapshot, session, feed, now_ns, wall_ns, now_s, ms, is_idle, is_resting)
        if self._window.is_welcome:
            if self._turn.has_panels:
                self._panels.show_status(tick)
            self._panels.show_toolbar(tick)
            self._panels.show_welcome(tick)
            return False
        return self._show_data(tick, is_all=was_forgetful)

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
        if session.predicate != before.predicate:
            self._minimap_pace.hurry()
        self._panels.hurry(session, before)

    def _show_data(self, tick: Tick, *, is_all: bool) -> bool:
        """Show the timeline, and of what is around it what is due; whether the first is new."""
        has_painted = self._turn.has_timeline and self._show_stream(tick, is_all=is_all)
        if is_all or self._turn is Turn.PANELS or tick.is_idle:
            self._rota.take_all(tick)
        elif self._turn is Turn.ALL:
            self._rota.take(tick, tick.now_s, is_drawing=has_painted)
        self._panels.show_toolbar(tick)
        is_working = self._statistics.is_working or self._panels.is_behind
        self._is_done = self._crowd.is_known and not (self._has_work or is_working)
        if not self._is_done:
            self.period_s = min(self.period_s, FRAME_S)
        return has_painted

    def _show_stream(self, tick: Tick, *, is_all: bool) -> bool:
        """Show the timeline and what is counted of it; whether the task stream has changed."""
        has_painted = False
        if self._window.timeline.isVisible():
            has_painted = self._show_timeline(tick, is_all=is_all)
        if self.frame is not None and self.roster is not None:
            snapshot, session, view = tick.snapshot, tick.session, self.frame.view
            self._statistics.show(snapshot, session, view, self.roster, tick.now_ns, has_painted)
            if self._statistics.is_working:
                # No frame waits for them where none is painted.
                self.period_s = min(self.period_s, FRAME_S if has_painted else 0.0)
        return has_painted

    def _show_timeline(self, tick: Tick, *, is_all: bool) -> bool:
        """Show the timeline if it has changed, and say whether it has; `paint` comes after."""
        snapshot, session, now_s = tick.snapshot, tick.session, tick.now_s
        timeline = self._window.timeline
        width_px, height_px = timeline.lanes_size_px
        now_ns = self._tempo.shown_ns(tick.now_ns, is_resting=tick.is_resting)
        view = viewport(session, width_px, now_ns, snapshot.first_ns, NOT_YET_PX)
        # Beyond the view it is all one where now is.
        now_px = min(round(view.x_px(now_ns)), width_px)
        # An idle window shows all of a step in one frame.
        is_step = tick.is_idle and tick.is_due(self._layout_pace)
        is_reading = is_all or is_step
        layout = self._crowd.layouts.of(snapshot, session, height_px, is_reading)
        self._search(snapshot, session, view, now_s)
        if self._is_stale(tick):
            self._generation, self._drawn = snapshot.generation, self.marks
        elif self.marks.predicate != self._drawn.predicate or not self._drawn.is_complete:
            self._drawn = self.marks
        key = (self._generation, self._drawn, session, view, now_px, height_px, layout)
        # A gesture is drawn at once.
        can_wait = self._shown is not None and session == self._shown_session
        can_wait &= self._turn is Turn.ALL
        is_taking = can_wait and self._is_to_take(tick)
        is_same = is_taking or key == self._shown or (can_wait and self._is_to_work)
        self._deadline_s = now_s + self._work_s(view, has_time=is_same or tick.is_idle)
        if self.marks.is_lighting:
            self._deadline_s = elapsed_s() + LIT_WORK_S
        if is_taking:
            self._task_stream.learn(snapshot)
        elif is_same:
            is_same = not self._task_stream.go_on()
        self._has_drawn, self._is_put_off = not is_same, is_taking
        if not is_same:
            self._shown, self._shown_session = key, session
            self._show_frame(tick, layout, view, now_ns)
        if self._speech_pace.is_due(now_s) and self.frame is not None:
            said = spoken_stream(self.frame, session, snapshot.first_ns, now_ns)
            timeline.stream.set_spoken(said)
        self._show_brush(tick, view)
        self._has_work = is_taking or not self.marks.is_complete
        self._has_work |= self.frame is not None and not self.frame.is_exact
        if self._has_work:
            self.period_s = self._tempo.period_s(now_s, has_work=True)
        return not is_same

    @property
    def _is_to_work(self) -> bool:
        """Whether the last tick has drawn a picture that is not finished: this one works on it."""
        return self._has_drawn and self.frame is not None and not self.frame.is_exact

    def _is_to_take(self, tick: Tick) -> bool:
        """Whether a tick has taken in so much that the next one, which comes at once, draws it."""
        is_much = tick.feed.n_taken >= MUCH_ROWS and tick.session.is_following
        return is_much and not self._is_put_off

    def _work_s(self, view: Viewport, *, has_time: bool) -> float:
        """What a tick may take for a picture that is made from nothing."""
        if has_time:
            return UNSEEN_WORK_S
        # After one notch of the wheel comes another, for which this picture is of no use.
        is_zoomed = self.frame is not None and view.ns_per_px != self.frame.view.ns_per_px
        return 0.0 if is_zoomed else DRAWN_WORK_S

    def _is_held(self, snapshot: Snapshot, session: Session, now_ns: int, now_s: float) -> bool:
        """Whether nothing in view goes on by itself, and nobody is there."""
        if session.is_following or not snapshot.status.is_live or self.frame is None:
            return False
        return now_ns > self.frame.view.end_ns and self._tempo.is_left(now_s)

    def _is_stale(self, tick: Tick) -> bool:
        """Whether what has come is to be shown now: at once while following, if time goes on."""
        if tick.session.is_following:
            return not tick.is_resting
        return self._paused_pace.is_due(tick.now_s)

    def _legend(self, snapshot: Snapshot, session: Session) -> tuple[LegendEntry, ...]:
        """The legend, made anew where spans have come or the filter is another."""
        entries_of = snapshot.generation, session.filter
        if entries_of != self._entries_of:
            self._entries_of, self._entries = entries_of, legend(snapshot, session)
        return self._entries

    def _show_frame(self, tick: Tick, layout: LaneLayout, view: Viewport, now_ns: int) -> None:
        snapshot, session, timeline = tick.snapshot, tick.session, self._window.timeline
        height_px = timeline.lanes_size_px[1]
        self._task_stream.mark(self._drawn)
        self.frame = self._task_stream.frame(snapshot, session, layout, view, height_px, now_ns)
        entries = self._legend(snapshot, session)
        timeline.show_filter(filter_frame(session.filter, self.marks, entries))
        timeline.show_legend(entries)
        timeline.show_frame(self.frame, ticks(view, snapshot.first_ns), snapshot.strings, session)
        timeline.stream.show_ties(self.ties(self.frame, now_ns))

    def paint(self) -> None:
        """Put what was shown on the screen now, rather than when Qt comes to it."""
        self._window.timeline.stream.repaint()

    def _read_lanes(self, tick: Tick) -> bool:
        """Measure what stands beside the lanes; the next frame tells it."""
        if not tick.is_due(self._layout_pace):
            return False
        self._crowd.layouts.read(tick.snapshot)
        return True

    def _show_brush(self, tick: Tick, view: Viewport) -> None:
        """Show at once where in the run a gesture has led."""
        if self._whole is None:
            self._minimap_pace.hurry()
        elif self._is_brushed:
            self._is_brushed = False
            self._whole = with_brush(self._whole, tick.snapshot, view, tick.now_ns)
            self._window.timeline.show_minimap(self._whole, tick.session)

    def _show_minimap(self, tick: Tick) -> bool:
        """Show the whole run."""
        if self.frame is None or not tick.is_due(self._minimap_pace):
            return False
        timeline, snapshot, now_ns = self._window.timeline, tick.snapshot, tick.now_ns
        n_threads = self.roster.n_threads if self.roster is not None else 0
        width_px = timeline.lanes_size_px[0]
        whole = minimap(snapshot, self.frame.view, width_px, now_ns, n_threads)
        self._whole = with_found(whole, snapshot, self.marks, now_ns)
        timeline.show_minimap(self._whole, tick.session)
        return True

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
