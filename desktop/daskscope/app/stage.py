"""What is on show: lets every view that can be seen be shown, when its turn has come.

The timeline is derived on every tick whose snapshot, session, size or pixel of time differs from
the last; panels follow at a slower pace, because their data come slower.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daskscope.app.clock import FRAME_S, elapsed_s
from daskscope.app.crowd import Crowd
from daskscope.app.panels import Panels
from daskscope.app.rota import Rota
from daskscope.app.statistics import StatisticsShow
from daskscope.app.tempo import IDLE_STEP_S, Tempo
from daskscope.app.tick import Tick
from daskscope.app.timeline import UNSEEN_WORK_S, TimelineShow
from daskscope.app.turns import Turn, Turns
from daskscope.derive.loading import loading_frame

if TYPE_CHECKING:
    from daskscope.app.feed import Feed
    from daskscope.app.window import Window
    from daskscope.derive.members import Roster
    from daskscope.session import Session
    from daskscope.store.snapshot import Snapshot
    from daskscope.theme import Theme

#: What a tick that reads a recording and shows nothing spends on a picture.
UNSHOWN_WORK_S: Final = 0.002


class Stage:
    """Knows whose turn it is to be shown, and when there is something to show again.

    Attributes
    ----------
    timeline
        The task stream.
    theme
        What everything is drawn in.
    period_s
        Time until the next tick.
    is_resting
        Nothing need be shown in this tick.
    is_busy
        This tick draws the task stream or has taken in much: what can wait is left to others.
    """

    def __init__(self, window: Window, theme: Theme, cap_bytes: int) -> None:
        self._window = window
        self.theme = theme
        self.period_s = FRAME_S
        self.is_resting = self.is_busy = False
        self._crowd = Crowd()
        self.clusters = self._crowd.sampler.clusters
        self._tempo = Tempo()
        #: When this tick began, before it took in what has come; when the one began that asked for
        #: it, where it comes for what waits for its turn.
        self._began_s = 0.0
        self._asked_s: float | None = None
        self._turns, self._turn = Turns(), Turn.ALL
        #: All is as it will be, and so it was shown.
        self._is_done = False
        self._is_forgetful = True
        self._session: Session | None = None
        self.timeline = TimelineShow(window, self._crowd.layouts)
        self._statistics = StatisticsShow(window, self.clusters)
        self._panels = Panels(window, self._crowd, cap_bytes)
        timeline = self.timeline
        jobs = timeline.show_minimap, timeline.show_legend, timeline.read_lanes
        self._rota = Rota[Tick]((*self._panels.jobs, *jobs))

    @property
    def has_asked(self) -> bool:
        """Whether the last tick asked for this one: for what waits for its turn, and no frame."""
        return self._asked_s is not None

    @property
    def roster(self) -> Roster | None:
        """Who is in the task stream, None before its first frame."""
        return self._crowd.layouts.roster

    @staticmethod
    def has_data(snapshot: Snapshot) -> bool:
        """Whether there is anything to draw in the task stream or beside it."""
        return bool(snapshot.n_spans or snapshot.running or snapshot.prefixes or snapshot.lanes)

    def is_complete(self, snapshot: Snapshot) -> bool:
        """Whether everything that will come is drawn; in a recording that may be nothing."""
        if not (snapshot.status.is_live or self.has_data(snapshot)):
            return self.is_over(snapshot)
        frame = self.timeline.frame
        is_drawn = (frame is not None and frame.is_exact) or not self._window.timeline.isVisible()
        has_come = bool(snapshot.n_spans) or not snapshot.status.is_live
        is_worked_out = is_drawn and not self._statistics.is_working
        return self.is_over(snapshot) and is_worked_out and has_come

    @staticmethod
    def is_over(snapshot: Snapshot) -> bool:
        """Whether nothing more will come of a recording."""
        return snapshot.status.progress >= 1.0 or snapshot.status.is_over

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
        self.timeline.forget()
        self._panels.forget()

    def begin(self, snapshot: Snapshot, session: Session, now_s: float) -> bool:
        """Begin a tick; whether it shows everything that has changed."""
        self._began_s = now_s
        is_reading = not (snapshot.status.is_live or self.is_over(snapshot) or self._is_forgetful)
        is_moved = session.without_pointer != self._session
        self._turn = self._turns.next(now_s, is_reading=is_reading, is_moved=is_moved)
        return self._turn is not Turn.NOTHING and self._window.presence.is_seen

    def show(
        self,
        snapshot: Snapshot,
        session: Session,
        now_ns: int,
        wall_ns: int,
        feed: Feed,
        frame_ms: float,
    ) -> bool:
        """Show what has changed; `frame_ms` is the time of a frame, for the status bar.

        Returns
        -------
        bool
            Whether the task stream has changed, and is to be painted.
        """
        now_s = elapsed_s()
        self.is_busy = False
        was_forgetful = self._is_forgetful
        if self._crowd.learn(snapshot):
            self._panels.hurry_crowd()
        pointed, session = session, session.without_pointer
        has_changed = self._see(session, now_s)
        if feed.has_spans or snapshot.is_busy:
            self._tempo.happen(now_s)
        is_held = self._is_held(snapshot, session, now_ns, now_s)
        self.is_resting = not was_forgetful and self._tempo.is_resting(now_s, is_held=is_held)
        self.period_s = self._tempo.period_s(now_s, has_work=feed.is_behind, is_held=is_held)
        if not self._window.presence.is_seen:
            self.is_resting = True
            self.period_s = 0.0 if feed.has_more else IDLE_STEP_S
            self._crowd.keep_up(snapshot)
            return False
        if self.is_resting and self._is_done and not has_changed:
            self.timeline.go_on(now_s + UNSEEN_WORK_S)
            return False
        self._window.loading.show_frame(loading_frame(snapshot))
        if self._turn is Turn.NOTHING:
            self.timeline.go_on(elapsed_s() + UNSHOWN_WORK_S)
            self._crowd.keep_up(snapshot)
            return False
        self._is_forgetful = False
        tick = Tick(
            snapshot,
            session,
            feed,
            self._turn,
            now_ns,
            self._tempo.shown_ns(now_ns, is_resting=self.is_resting),
            wall_ns,
            now_s,
            frame_ms,
            was_forgetful,
            is_held or self._tempo.is_idle(now_s),
            self.is_resting,
            pointed != session,
        )
        return self._show_welcome(tick) if self._window.is_welcome else self._show_data(tick)

    def watch(self, snapshot: Snapshot) -> None:
        """Do in a tick that paints nothing what can wait, and would be felt in one that does.

        Some ticks a second paint nothing, however fast the picture scrolls, as panels have ticks
        of their own.
        """
        if self._crowd.watch(snapshot):
            self.timeline.hurry_readings()

    def rest(self, now_s: float, spent_s: float) -> None:
        """A tick has spent so much of a core: what nobody needs is shown the less often."""
        left_s = self._tempo.rest(now_s, spent_s)
        if self.period_s > FRAME_S:
            self.period_s = max(self.period_s, left_s)

    # Parts ----------------------------------------------------------------------------------

    def _see(self, session: Session, now_s: float) -> bool:
        """Whether a gesture has changed the session; it is to be seen at once."""
        before = self._session
        if session == before:
            return False
        self._session, self._asked_s = session, None
        self.timeline.hurry(session, before)
        if before is not None and self._panels.hurry(session, before):
            self._rota.prefer(self._panels.show_resources)
        self._rota.prefer(self._panels.show_toolbar)
        self._tempo.attend(now_s)
        return True

    def _is_held(self, snapshot: Snapshot, session: Session, now_ns: int, now_s: float) -> bool:
        """Whether nothing in view goes on by itself, and nobody is there."""
        frame = self.timeline.frame
        if session.is_following or not snapshot.status.is_live or frame is None:
            return False
        return now_ns > frame.view.end_ns and self._tempo.is_left(now_s)

    def _show_welcome(self, tick: Tick) -> bool:
        if self._turn.has_panels:
            self._panels.show_status(tick)
        self._panels.show_toolbar(tick)
        self._panels.show_welcome(tick)
        return False

    def _show_data(self, tick: Tick) -> bool:
        """Show the timeline, and of what is around it what is due; whether the first is new."""
        is_left = self._is_left(tick)
        has_painted = self._turn.has_timeline and not is_left and self._show_stream(tick)
        if tick.is_all or self._turn is Turn.PANELS or tick.is_idle:
            self._rota.take_all(tick)
        elif self._turn is Turn.ALL:
            self.is_busy = has_painted or tick.feed.has_much
            self._rota.take(tick, tick.now_s, is_busy=self.is_busy)
            is_waiting = self._rota.is_waiting(tick.now_s) or tick.feed.store.has_due
            if self.is_busy and is_waiting:
                self.period_s, self._asked_s = 0.0, self._began_s
        is_working = self._statistics.is_working or self._panels.is_behind
        self._is_done = self._crowd.is_known and not (self.timeline.has_work or is_working)
        if not self._is_done:
            # No frame waits for what is counted where none is painted.
            is_counting = self._panels.is_summing or not self._crowd.is_known
            self.period_s = 0.0 if is_counting and not has_painted else min(self.period_s, FRAME_S)
        return has_painted

    def _is_left(self, tick: Tick) -> bool:
        """Whether a tick leaves the timeline alone: it came for others, and the next is on time."""
        asked_s, self._asked_s = self._asked_s, None
        if asked_s is None or tick.is_all or tick.feed.has_much:
            return False
        self.period_s = min(self.period_s, max(FRAME_S - (self._began_s - asked_s), 0.0))
        return True

    def _show_stream(self, tick: Tick) -> bool:
        """Show the timeline and what is counted of it; whether the task stream has changed."""
        has_painted = False
        if self._window.timeline.isVisible():
            has_painted = self.timeline.show(tick)
            if self.timeline.has_work:
                self.period_s = self._tempo.period_s(tick.now_s, has_work=True)
        frame = self.timeline.frame
        if frame is not None and self.roster is not None:
            snapshot, session, now_ns = tick.snapshot, tick.session, tick.now_ns
            self._statistics.show(snapshot, session, frame.view, self.roster, now_ns, has_painted)
            if self._statistics.is_working:
                # No frame waits for them where none is painted.
                self.period_s = min(self.period_s, FRAME_S if has_painted else 0.0)
        return has_painted
