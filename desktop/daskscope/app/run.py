"""One window on one source: each tick drains, derives what changed and can be seen, and shows it.

The session is changed by gestures only, here; frames are derived from it and the snapshot. Views
that change slowly are derived at their own pace, all within the one clock's tick.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication

from daskscope.app import gestures
from daskscope.app.bindings import bindings
from daskscope.app.choosing import Choosing
from daskscope.app.clock import FRAME_S, Clock, elapsed_s, spent_s
from daskscope.app.feed import Feed
from daskscope.app.finder import Finder
from daskscope.app.frame_times import FrameTimes
from daskscope.app.hovering import Hovering
from daskscope.app.keeper import Keeper
from daskscope.app.lane_scroll import LaneScroll
from daskscope.app.lanewalk import LaneWalk
from daskscope.app.ledger import Ledger
from daskscope.app.limit import Limit
from daskscope.app.menu import Menu
from daskscope.app.opening import Opening
from daskscope.app.overlays import Overlays
from daskscope.app.places import Places
from daskscope.app.pointing import Pointing
from daskscope.app.selecting import Selecting
from daskscope.app.settings import Forgetful, Memory
from daskscope.app.stage import Stage
from daskscope.app.trial import Trial
from daskscope.app.window import Window
from daskscope.app.wiring import wire
from daskscope.session import WHOLE_RUN, Session, asked_view
from daskscope.store.writer import Store
from daskscope.theme import DENSITIES, NOT_YET_PX, THEMES, Theme

if TYPE_CHECKING:
    from collections.abc import Callable

    from daskscope.app.garbage import Garbage
    from daskscope.app.options import WindowOptions
    from daskscope.derive.frames import Hit, TaskStreamFrame
    from daskscope.derive.matches import Marks
    from daskscope.derive.members import Roster
    from daskscope.ingest.source import Source
    from daskscope.session import Viewport
    from daskscope.store.snapshot import Snapshot

MEMORY_CAP_BYTES: Final = 1 << 30


class Run(QObject):
    """A window, its source and its clock.

    Parameters
    ----------
    source
        Where messages come from; it is closed by whoever made it.
    options
        What the command line says.
    is_live
        It receives; else it reads a recording, which is shown whole.
    failure
        One line when something beside the window failed, "" otherwise.
    is_ending
        The user has asked for the end from outside the window.
    memory
        What is remembered between two starts; None for nothing.

    Attributes
    ----------
    session
        What the user chose.
    finder, lane_scroll
        What the search box does; which lanes are in view.
    lane_walk, selecting
        Keys that choose a task; which time and lanes are selected.
    hovering
        What is told of what lies under the pointer, or where keys aim.
    ledger, places
        What the tables of events and errors do; views before, bookmarks, measuring.
    opening
        What is done with recordings.
    trial
        The demo's cluster, if it is started from here.
    garbage
        Looks for garbage when there is time; None to leave that to Python.
    is_reading
        A recording is not yet read to where it will be.
    error
        The first thing that went wrong, or None.
    """

    def __init__(
        self,
        source: Source,
        options: WindowOptions,
        is_live: bool,
        failure: Callable[[], str],
        is_ending: Callable[[], bool] = lambda: False,
        memory: Memory | None = None,
    ) -> None:
        super().__init__()
        self._source = source
        self._limit = Limit(options)
        self._failure = failure
        self.garbage: Garbage | None = None
        self.keeper = Keeper(memory or Forgetful(), options)
        self._store = Store(MEMORY_CAP_BYTES)
        self._feed = Feed(source, self._store)
        self.session = self.keeper.session(is_live)
        theme = THEMES[self.keeper.theme_name()]
        self.window = Window(theme)
        self._stage = Stage(self.window, theme, MEMORY_CAP_BYTES)
        self.finder = Finder(self)
        self.lane_scroll = LaneScroll(self)
        self.lane_walk = LaneWalk(self)
        self.selecting = Selecting(self)
        self.hovering = Hovering(self)
        self.ledger = Ledger(self, self._stage.clusters)
        self.places = Places(self)
        self.opening = Opening(self, source.stop)
        self.trial = Trial(self.window, source)
        self.window.set_density(self.session.density)
        self.overlays = Overlays(self)
        self.choosing = Choosing(self, source.ask, options.jaeger)
        self._stage.timeline.ties = self.choosing.ties
        actions = bindings(self)
        self._menu = Menu(self.window, actions)
        self.overlays.bind(actions)
        self._clock = Clock(self, source.fileno)
        self._clock.ticked.connect(self.tick)
        self._frame_times = FrameTimes(options.frame_log)
        self._snapshot: Snapshot = self._store.snapshot()
        self._now_ns = 0
        self.is_reading = not is_live
        self._is_ending = is_ending
        self._lines: list[str] = []
        self.error: Exception | None = None
        self._pointing = Pointing(self)
        self.window.resized.connect(self._stage.forget)
        wire(self, self._menu)

    @property
    def frame(self) -> TaskStreamFrame | None:
        """What the task stream shows."""
        return self._stage.timeline.frame

    @property
    def roster(self) -> Roster | None:
        """Who is in the task stream."""
        return self._stage.roster

    @property
    def snapshot(self) -> Snapshot:
        """What was known at the last tick."""
        return self._snapshot

    @property
    def marks(self) -> Marks:
        """Which spans are lit and hidden."""
        return self._stage.timeline.marking.marks

    def _is_all_drawn(self) -> bool:
        """Everything that the source had is drawn, in every view."""
        is_drawn = self._stage.is_complete(self._snapshot) and self._stage.is_settled
        return is_drawn and not self.is_reading and self.ledger.is_complete(self._snapshot)

    def hit(self, x_px: int, y_px: int) -> Hit | None:
        """What lies under a pixel of the lanes."""
        return self._stage.timeline.hit(self._snapshot, x_px, y_px)

    # Life -----------------------------------------------------------------------------------

    def show(self, size: tuple[int, int]) -> None:
        """Open the window and begin to tick."""
        self.keeper.lay_out(self.window, size)
        self.window.show()
        if self.keeper.is_first_time:
            self.overlays.show_hint()
        self._limit.begin(elapsed_s())
        self._clock.start()

    def finish(self) -> list[str]:
        """Stop ticking and close what was opened here; lines for the user come back."""
        self._clock.stop()
        self.keeper.keep(self.session, self.window)
        self.trial.close()
        self._frame_times.close()
        self.window.hide()
        return self._lines

    # Tick -----------------------------------------------------------------------------------

    def tick(self, wall: int) -> None:
        """Drain, derive and show; `wall` is the clock's time in ns.

        What goes wrong in one tick is told once and makes the exit status; the window stays, since
        the next tick may draw again.
        """
        started_s = elapsed_s()
        try:
            self._advance(wall, started_s)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not end the window
            if self.error is None:
                self.error = error
                sys.excepthook(type(error), error, error.__traceback__)
        if self.garbage is not None:
            self.garbage.look(started_s, is_idle=self._clock.period_s > FRAME_S)
        if self._is_ending():
            self._clock.stop()
            QApplication.exit(0)
        self._end_if_due(started_s)

    def _advance(self, wall: int, started_s: float) -> None:
        began_s = spent_s()
        is_shown = self._stage.begin(self._snapshot, self.session, started_s)
        generation = self._snapshot.stream_generation
        is_resting = self._stage.is_resting
        leaves = self._stage.has_asked or self._is_to_scroll(wall)
        self._snapshot = self._feed.advance(
            wall, is_shown=is_shown, is_resting=is_resting, leaves=leaves
        )
        self._now_ns = self._feed.now_ns(self._snapshot, wall)
        if self.window.is_welcome and self._stage.has_data(self._snapshot):
            self.window.show_data()
            self._stage.forget()
        if self.is_reading and self._stage.is_complete(self._snapshot):
            self.is_reading = False
            self.apply(gestures.pause, self._now_ns)
            self.apply(gestures.stay_within, self.extent())
            self._frame_times.restart()
            self._stage.forget()  # what is slower has not seen all of it
        self.choosing.advance(self._snapshot, self._feed.answers, self._now_ns, started_s)
        is_new = self._stage.show(
            self._snapshot,
            self.session,
            self._now_ns,
            wall,
            self._feed,
            self._frame_times.typical_ms,
        )
        self.hovering.advance(started_s)
        self._pointing.advance(started_s)
        if not self.window.is_welcome:
            if not self._stage.is_resting:
                is_busy = self._stage.is_busy
                self.ledger.advance(self._snapshot, self._now_ns, started_s, is_busy=is_busy)
            self.places.advance(started_s)
        if is_new:
            self._stage.timeline.paint()
        else:
            self._stage.watch(self._snapshot)
        has_taken = self._snapshot.stream_generation != generation
        if not self._feed.has_much and not (is_new and has_taken):
            self._store.go_on(has_time=not is_new)
        self.keeper.keep_if_due(started_s, self.session, self.window)
        self._stage.rest(started_s, spent_s() - began_s)
        self._clock.period_s = self._period_s(started_s)
        self._time(started_s, is_new=is_new, has_taken=has_taken)

    def _is_to_scroll(self, wall: int) -> bool:
        """Whether this tick scrolls, and the next one, which comes soon, does not: it shall take.

        Where nothing scrolls only what is new is painted. Where much has come there is more, which
        would be too much for the next tick.
        """
        has_more = self._feed.has_more or self._feed.has_much
        comes_soon = self._clock.period_s <= FRAME_S and not has_more
        now_ns = self._feed.now_ns(self._snapshot, wall)
        return comes_soon and self._stage.timeline.scrolls(self._snapshot, self.session, now_ns)

    def _time(self, started_s: float, *, is_new: bool, has_taken: bool) -> None:
        """Note how long a tick has taken."""
        tick_ms = (elapsed_s() - started_s) * 1000
        if is_new and self.frame is not None:
            since_s = self._limit.since_s(started_s)
            self._frame_times.draw(since_s, tick_ms, self._snapshot, self.frame)
        else:
            self._frame_times.take(tick_ms, has_taken=has_taken)

    def _period_s(self, now_s: float) -> float:
        """Time until something is due."""
        period_s = min(self._stage.period_s, self._limit.left_s(now_s))
        return min(period_s, FRAME_S) if self.choosing.has_work else period_s

    def _end_if_due(self, now_s: float) -> None:
        if not self._lines and (failure := self._failure() or self.trial.failure()):
            self._lines.append(failure)
        if not self._limit.is_due(now_s, self._is_all_drawn):
            return
        self._clock.stop()
        try:
            self._lines += self._limit.keep_picture(self.window)
        except OSError as error:
            self.error = error
        status = self._snapshot.status
        if status.problem and not status.is_live:
            self.error = self.error or OSError(status.problem)
        QApplication.exit(0)

    # Gestures -------------------------------------------------------------------------------

    def rouse(self) -> None:
        """Show soon whatever somebody who is there has changed."""
        self._stage.rouse()
        self._clock.wake()

    def apply(self, change: Callable[..., Session], *args: object) -> None:
        """Change the session by a gesture."""
        self.session = change(self.session, *args)
        self._clock.wake()

    @property
    def view(self) -> Viewport | None:
        """What the task stream shows, or is about to show: gestures come faster than frames."""
        if self.frame is None:
            return None
        return asked_view(self.session, self.frame.view, self._snapshot.first_ns, NOT_YET_PX)

    def with_view(self, change: Callable[..., Session], *args: object) -> None:
        """Change the session by a gesture on that view."""
        view = self.view
        if view is not None:
            self.apply(change, view, *args)

    def replace(self, **fields: object) -> None:
        """Change fields of the session."""
        self.session = replace(self.session, **fields)  # type: ignore[arg-type]
        self._clock.wake()

    def extent(self) -> gestures.Extent:
        """The run so far."""
        return gestures.Extent(self._snapshot.first_ns, max(self._snapshot.last_ns, self._now_ns))

    def follow(self) -> None:
        """Follow now."""
        self.apply(gestures.follow)

    def toggle_pause(self) -> None:
        """Hold the picture, or follow again."""
        if self.session.is_following:
            self.apply(gestures.pause, self._now_ns)
        else:
            self.follow()

    def fit(self) -> None:
        """Show the selection, or the whole run."""
        self.apply(gestures.fit_selection, self.extent())

    def choose_span(self, span_ns: int) -> None:
        """Show so much time, `WHOLE_RUN` for everything."""
        if span_ns == WHOLE_RUN:
            self.apply(gestures.fit_all, self.extent())
        else:
            self.replace(span_ns=int(span_ns))

    def brush(self, left_px: float, right_px: float) -> None:
        """Show a stretch of the minimap."""
        width_px = self.window.timeline.lanes_size_px[0]
        self.apply(gestures.brush, self.extent(), left_px / width_px, right_px / width_px)

    def prefixes(self) -> list[str]:
        """Names of the task prefixes so far."""
        return [self._snapshot.strings[prefix] for prefix in self._snapshot.prefixes]

    def solo(self, name: str) -> None:
        """Show one prefix alone; all again when it already is alone."""
        self.apply(gestures.solo_prefix, name, frozenset(self.prefixes()))

    # Theme ----------------------------------------------------------------------------------

    @property
    def theme(self) -> Theme:
        """What everything is drawn in."""
        return self._stage.theme

    def toggle_theme(self) -> None:
        """Light after dark, and the other way round."""
        self.choose_theme("light" if self.theme.is_dark else "dark")

    def choose_theme(self, name: str) -> None:
        """Draw in `light` or `dark`, and remember it."""
        self.keeper.change(theme=name)
        self._stage.set_theme(THEMES[name])

    def choose_density(self, name: str) -> None:
        """Draw rows as high as one of `DENSITIES` says."""
        self.replace(density=DENSITIES[name])
        self.window.set_density(DENSITIES[name])
