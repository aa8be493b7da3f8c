"""The panels around the timeline: each derived at its own pace, since their data come slower."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from daskscope.app.clock import elapsed_s, spent_s
from daskscope.app.pace import Pace
from daskscope.app.recordings import past_sessions
from daskscope.derive.progress import progress_frame
from daskscope.derive.resources import last_minutes, resources_frame
from daskscope.derive.status import clock_fields, cluster_field, is_heard, status_frame
from daskscope.derive.welcome import welcome_frame
from daskscope.derive.workers import workers_frame
from daskscope.session import Viewport, viewport
from daskscope.theme import NOT_YET_PX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from daskscope.app.crowd import Crowd
    from daskscope.app.tick import Tick
    from daskscope.app.window import Window
    from daskscope.derive.panels import PastSession, ResourcesFrame, StatusField
    from daskscope.session import Session

PROGRESS_PERIOD_S: Final = 0.1
STATUS_PERIOD_S: Final = 0.25
#: Metrics come twice a second; numbers that change faster cannot be read.
TABLE_PERIOD_S: Final = 1.0
RECORDINGS_PERIOD_S: Final = 5.0


@contextmanager
def _resting(pace: Pace) -> Iterator[None]:
    """Do what is due, and be due the later the more of a core that takes."""
    began_s = spent_s()
    yield
    pace.rest(elapsed_s(), spent_s() - began_s)


class Panels:
    """Shows what is around the timeline.

    Attributes
    ----------
    jobs
        What can take turns: each shows what is due, and says whether something was.
    """

    def __init__(self, window: Window, crowd: Crowd, cap_bytes: int) -> None:
        self._window = window
        self._cap_bytes = cap_bytes
        self._crowd = crowd
        self._progress_pace = Pace(PROGRESS_PERIOD_S)
        self._workers_pace = Pace(TABLE_PERIOD_S)
        #: What the table of workers was made of, and what the cluster's name and size were.
        self._workers_of: object = None
        self._cluster_of: object = None
        self._resources_pace = Pace(TABLE_PERIOD_S, TABLE_PERIOD_S / 2)
        #: A hand has moved the time of the charts.
        self._has_moved = False
        self._status_pace = Pace(STATUS_PERIOD_S)
        # It counts workers, which takes long where there are many, and no gesture changes it.
        self._cluster_pace = Pace(STATUS_PERIOD_S)
        self._cluster: StatusField | None = None
        self._recordings_pace = Pace(RECORDINGS_PERIOD_S)
        self._recordings: tuple[PastSession, ...] = ()
        self.jobs: tuple[Callable[[Tick], bool], ...] = (
            self.show_status,
            self.show_toolbar,
            self._show_progress,
            self._show_workers,
            self.show_resources,
        )

    @property
    def is_summing(self) -> bool:
        """Whether points are still to be summed up for the charts."""
        return self._window.resources.isVisible() and not self._crowd.is_summed

    @property
    def is_behind(self) -> bool:
        """Whether points are still to be summed up, or a chart to be drawn."""
        resources = self._window.resources
        is_waiting = resources.is_waiting or self._has_moved
        return self.is_summing or (resources.isVisible() and is_waiting)

    def forget(self) -> None:
        """Show everything anew at the next tick."""
        for pace in (
            self._progress_pace,
            self._workers_pace,
            self._resources_pace,
            self._status_pace,
            self._cluster_pace,
        ):
            pace.hurry()

    def hurry_crowd(self) -> None:
        """Tell soon of workers that have come."""
        for pace in (self._workers_pace, self._resources_pace, self._cluster_pace):
            pace.hurry()

    def hurry(self, session: Session, before: Session) -> bool:
        """Let a gesture be seen soon; whether it has moved the time of the charts."""
        sort = session.worker_sort, session.is_sort_descending, session.collapsed_hosts
        if sort != (before.worker_sort, before.is_sort_descending, before.collapsed_hosts):
            self._workers_pace.hurry()
        has_moved = _time_of(session) != _time_of(before)
        self._has_moved |= has_moved
        return has_moved

    def _show_progress(self, tick: Tick) -> bool:
        window = self._window
        if not window.progress.isVisible() or not tick.is_due(self._progress_pace):
            return False
        with _resting(self._progress_pace):
            progress = progress_frame(tick.snapshot, tick.now_ns, tick.session.filter)
            window.progress.show_frame(progress)
            window.progress_dock.set_summary(0, progress.summary)
        return True

    def _show_workers(self, tick: Tick) -> bool:
        window = self._window
        if not window.workers.isVisible() or not tick.is_due(self._workers_pace):
            return False
        made_of = *self._known(tick, tick.now_ns), tick.session
        if made_of == self._workers_of:
            return False
        self._workers_of = made_of
        with _resting(self._workers_pace):
            workers = workers_frame(
                tick.snapshot,
                tick.session,
                tick.now_ns,
                self._crowd.sampler,
                is_heard(tick.snapshot, tick.wall_ns, tick.feed.is_connected),
            )
            window.workers.show_frame(workers)
            window.workers_dock.set_summary(0, workers.summary)
        return True

    def show_resources(self, tick: Tick) -> bool:
        """Show the next chart, of new figures once they are due; all of them while idle."""
        resources, crowd = self._window.resources, self._crowd
        if not resources.isVisible():
            crowd.keep_up(tick.snapshot)
            return False
        if crowd.sum_up(tick.snapshot):
            self._resources_pace.hurry()
        has_moved = self._has_moved and not resources.is_waiting
        if has_moved or tick.is_due(self._resources_pace):
            self._has_moved = False
            with _resting(self._resources_pace):
                frame = self._charts(tick)
                resources.begin_frame(frame)
                self._window.set_summary("resources", frame.summary)
        has_chart = resources.is_waiting
        while resources.show_next() and tick.is_idle:
            pass
        return has_chart

    def _charts(self, tick: Tick) -> ResourcesFrame:
        """The charts of the time that is chosen for them."""
        snapshot, session, crowd = tick.snapshot, tick.session, self._crowd
        width_px = self._window.resources.charts_px
        if session.are_charts_linked:
            timeline = self._window.timeline
            stream_px = timeline.lanes_size_px[0] if timeline.isVisible() else width_px
            shown = viewport(session, stream_px, tick.shown_ns, snapshot.first_ns, NOT_YET_PX)
            view = Viewport(shown.start_ns, shown.ns_per_px * stream_px / width_px, width_px)
        else:
            view = last_minutes(snapshot, tick.now_ns, width_px)
        is_linked = session.are_charts_linked
        return resources_frame(
            snapshot, view, tick.now_ns, crowd.sampler, crowd.totals, is_linked=is_linked
        )

    def _known(self, tick: Tick, now_ns: int) -> tuple[object, ...]:
        """What newest readings of workers depend on: while it is the same, so are they."""
        snapshot, is_connected = tick.snapshot, tick.feed.is_connected
        # Once now has come to the newest of them, it is the newest that says who is silent.
        until_ns = min(now_ns, snapshot.last_ns)
        is_said = is_heard(snapshot, tick.wall_ns, is_connected)
        return snapshot.generation, self._crowd.is_known, until_ns, is_connected, is_said

    def show_status(self, tick: Tick) -> bool:
        """Show connection and counters, if they are due."""
        snapshot, feed = tick.snapshot, tick.feed
        if self._cluster is None or tick.is_due(self._cluster_pace):
            self._cluster = self._counted(tick)
        if not tick.is_due(self._status_pace):
            return False
        with _resting(self._status_pace):
            frame = status_frame(
                snapshot,
                tick.wall_ns,
                feed.spans_per_s,
                tick.frame_ms,
                self._cap_bytes,
                feed.is_connected,
            )
            clocks = clock_fields(self._crowd.layouts.skews)
            self._window.status.show_frame(replace(frame, counters=(*clocks, *frame.counters)))
        return True

    def _counted(self, tick: Tick) -> StatusField:
        """Name and size of the cluster: the last ones while nothing else is known."""
        made_of = self._known(tick, tick.wall_ns)
        if self._cluster is not None and made_of == self._cluster_of:
            return self._cluster
        self._cluster_of = made_of
        with _resting(self._cluster_pace):
            return cluster_field(
                tick.snapshot, tick.wall_ns, self._crowd.sampler, tick.feed.is_connected
            )

    def show_toolbar(self, tick: Tick) -> bool:
        """Show what a gesture has changed; nothing is done where it is the same."""
        if self._cluster is None:
            return False
        is_live = tick.snapshot.status.is_live or not tick.snapshot.generation
        return self._window.toolbar.show_state(tick.session, self._cluster, is_live)

    def show_welcome(self, tick: Tick) -> None:
        """Show the empty state; what it has no need of is made ready while nothing happens."""
        if self._recordings_pace.is_due(tick.now_s):
            self._recordings = past_sessions(tick.wall_ns)
        status = tick.snapshot.status
        self._window.welcome.show_frame(welcome_frame(status, tick.wall_ns, self._recordings))
        if tick.is_resting:
            self._window.resources.prepare()


def _time_of(session: Session) -> tuple[object, ...]:
    """What a gesture changes that moves the time of the charts."""
    return session.are_charts_linked, session.is_following, session.span_ns, session.end_ns
