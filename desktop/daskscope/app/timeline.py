"""The task stream as it is shown: drawn when something in it has changed, finished in slices."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from daskscope.app.clock import FRAME_S, elapsed_s
from daskscope.app.legend import LegendShow
from daskscope.app.marking import Marking
from daskscope.app.minimap import MinimapShow
from daskscope.app.pace import Pace
from daskscope.app.tempo import PAUSED_PERIOD_S
from daskscope.app.turns import Turn
from daskscope.derive.contents import Contents, Inventory
from daskscope.derive.pick import hit
from daskscope.derive.spoken import spoken_stream
from daskscope.derive.taskstream import TaskStream
from daskscope.derive.timeaxis import ticks
from daskscope.session import Session, Viewport, viewport
from daskscope.theme import GUTTER_PX, NOT_YET_PX

if TYPE_CHECKING:
    from collections.abc import Callable

    from daskscope.app.tick import Tick
    from daskscope.app.window import Window
    from daskscope.derive.details.ties import Ties
    from daskscope.derive.frames import Hit, TaskStreamFrame
    from daskscope.derive.lanelayout import LaneLayout
    from daskscope.derive.lanes import LaneLayouts
    from daskscope.store.snapshot import Snapshot

#: What a picture that is made from nothing may take of a tick that draws or has taken in much, and
#: of one that has done neither.
DRAWN_WORK_S: Final = 0.0015
UNSEEN_WORK_S: Final = 0.006
#: A picture that is not finished is drawn anew so often: that takes as long as working on it.
UNFINISHED_PERIOD_S: Final = 0.1
#: The same while something is lit: there are two pictures then, and the search comes before them.
LIT_WORK_S: Final = 0.005
#: Memory bars and busy shares in the gutter.
READINGS_PERIOD_S: Final = 1.0
#: Prefixes, where no gesture has changed them.
LEGEND_PERIOD_S: Final = 0.25
#: A screen reader that is told more often never comes to an end.
SPEECH_PERIOD_S: Final = 1.0


class TimelineShow:
    """Keeps what was drawn last, and draws what differs.

    Attributes
    ----------
    frame
        The last frame, for hit tests and gestures.
    ties
        What is drawn over the bars of a frame for the chosen span.
    marking
        What is lit and hidden.
    has_work
        Something is still made or looked for.
    """

    def __init__(self, window: Window, layouts: LaneLayouts) -> None:
        self._window = window
        self._layouts = layouts
        self.frame: TaskStreamFrame | None = None
        self.ties: Callable[[TaskStreamFrame, int], Ties | None] = lambda _frame, _now_ns: None
        self.marking = Marking(window)
        self.has_work = False
        self._legend = LegendShow(window)
        self._minimap = MinimapShow(window)
        self._deadline_s = 0.0
        self._task_stream = TaskStream(lambda: elapsed_s() < self._deadline_s)
        self._inventory = Inventory()
        #: Between which times was looked last, in which generation, and what lay there; nothing
        #: while following.
        self._seen: dict[tuple[int, int], tuple[int, Callable[[], Contents]]] = {}
        #: Generation of what there is to draw.
        self._contents = -1
        #: What was drawn, and of which session.
        self._shown: object = None
        self._shown_session: Session | None = None
        self._drawn_s = 0.0
        #: This tick leaves drawing to the next one.
        self._is_put_off = False
        self._paused_pace = Pace(PAUSED_PERIOD_S)
        self._readings_pace = Pace(READINGS_PERIOD_S, READINGS_PERIOD_S / 4)
        self._legend_pace = Pace(LEGEND_PERIOD_S, LEGEND_PERIOD_S / 2)
        self._speech_pace = Pace(SPEECH_PERIOD_S, SPEECH_PERIOD_S / 3)

    def forget(self) -> None:
        """Draw everything anew at the next tick."""
        self._shown = None
        self._readings_pace.hurry()
        self._minimap.hurry()

    def hurry(self, session: Session, before: Session | None) -> None:
        """Let a gesture be seen at once."""
        self._minimap.move()
        if before is not None and session.predicate != before.predicate:
            self._minimap.hurry()

    def hurry_readings(self) -> None:
        """Tell soon what stands beside the lanes."""
        self._readings_pace.hurry()

    def go_on(self, until_s: float) -> None:
        """Work on what is not finished, without drawing it: `show` draws what is finished then."""
        self._deadline_s = until_s
        if self._task_stream.go_on():
            self._shown = None

    def hit(self, snapshot: Snapshot, x_px: int, y_px: int) -> Hit | None:
        """What lies under a pixel of the lanes."""
        return hit(snapshot, self.frame, x_px, y_px) if self.frame is not None else None

    def paint(self) -> None:
        """Put what was shown on the screen now, rather than when Qt comes to it."""
        # All that has changed is painted with this pixel, and the gutter is left alone.
        self._window.timeline.stream.repaint(GUTTER_PX, 0, 1, 1)

    def scrolls(self, snapshot: Snapshot, session: Session, now_ns: int) -> bool:
        """Whether what follows scrolls in this tick, and in less than half of all."""
        if self.frame is None or not session.is_following:
            return False
        width_px = self._window.timeline.lanes_size_px[0]
        view = viewport(session, width_px, now_ns, snapshot.first_ns, NOT_YET_PX)
        return view != self.frame.view and view.ns_per_px > 2 * FRAME_S * 1e9

    def show(self, tick: Tick) -> bool:
        """Show the task stream if it has changed, and say whether it has; `paint` comes after."""
        snapshot, session = tick.snapshot, tick.session
        width_px, height_px = self._window.timeline.lanes_size_px
        view = viewport(session, width_px, tick.shown_ns, snapshot.first_ns, NOT_YET_PX)
        # An idle window shows all of a step in one frame.
        is_read = (tick.is_all or tick.is_idle) and tick.is_due(self._readings_pace)
        layout = self._layouts.of(snapshot, session, height_px, is_read)
        if self.marking.advance(tick, view):
            self._minimap.hurry()
        before, self._contents = self._contents, self._look(tick, view)
        self.marking.draw(is_due=self._contents != before)
        # Beyond the view it is all one where now is.
        now_px = min(round(view.x_px(tick.shown_ns)), width_px)
        first_ns = snapshot.first_ns  # where the axis begins to count
        key = self._contents, self.marking.drawn, session, view, now_px, height_px, first_ns
        has_drawn = self._draw_if_new(tick, key, layout, view)
        self._speak(tick)
        self._minimap.show_brush(tick, view)
        self.has_work = self._is_put_off or self._shown is None
        self.has_work |= not self.marking.marks.is_complete
        self.has_work |= self.frame is not None and not self.frame.is_exact
        return has_drawn

    def read_lanes(self, tick: Tick) -> bool:
        """Measure what stands beside the lanes, and tell it, so that no frame has to."""
        if not tick.is_due(self._readings_pace):
            return False
        self._layouts.read(tick.snapshot)
        height_px = self._window.timeline.lanes_size_px[1]
        layout = self._layouts.of(tick.snapshot, tick.session, height_px, is_reading=False)
        if self._has_rows(layout):
            self._label(layout)
        return True

    def show_legend(self, tick: Tick) -> bool:
        """Show what has become known of prefixes, if that is due."""
        if self.frame is None or not tick.is_due(self._legend_pace):
            return False
        return self._legend.show_new(tick.snapshot, tick.session, self.marking.marks)

    def show_minimap(self, tick: Tick) -> bool:
        """Show the whole run, if it is due; whether it was."""
        if self.frame is None:
            return False
        return self._minimap.show(tick, self.frame.view, self._layouts.roster, self.marking.marks)

    # Parts ----------------------------------------------------------------------------------

    def _draw_if_new(self, tick: Tick, key: object, layout: LaneLayout, view: Viewport) -> bool:
        """Draw what `key` stands for if it is not on show; whether it was not.

        Else, and where it has taken long to take in, take the time to work on the next picture.
        """
        # A gesture is drawn at once.
        can_wait = self._shown is not None and tick.session == self._shown_session
        can_wait &= tick.turn is Turn.ALL
        is_taking = can_wait and self._is_to_take(tick)
        is_shown = key == self._shown and self._has_rows(layout)
        is_same = is_taking or is_shown or (can_wait and self._is_to_work(tick))
        has_time = tick.is_idle or (is_same and not tick.feed.has_much)
        self._deadline_s = tick.now_s + self._work_s(view, has_time=has_time)
        if self.marking.marks.is_lighting:
            self._deadline_s = elapsed_s() + LIT_WORK_S
        if is_taking:
            self._task_stream.learn(tick.snapshot)
        elif is_same:
            is_same = not self._has_finished(tick)
        self._is_put_off = is_taking
        if not is_same:
            self._shown, self._shown_session, self._drawn_s = key, tick.session, tick.now_s
            self._draw(tick, layout, view)
        elif is_shown:
            self._label(layout)
        return not is_same

    def _has_finished(self, tick: Tick) -> bool:
        """Work on the picture, and say whether it is finished and this tick has time to draw it."""
        if not self._task_stream.go_on():
            return False
        self._shown = None
        return elapsed_s() - tick.now_s <= DRAWN_WORK_S

    def _is_to_work(self, tick: Tick) -> bool:
        """Whether a picture that is not finished was drawn a moment ago: this tick works on it."""
        is_finished = self.frame is None or self.frame.is_exact
        return not is_finished and tick.now_s - self._drawn_s < UNFINISHED_PERIOD_S

    def _has_rows(self, layout: LaneLayout) -> bool:
        """Whether the rows that were drawn last lie where they lie in `layout`."""
        return self.frame is not None and layout.row_of_lane is self.frame.layout.row_of_lane

    def _label(self, layout: LaneLayout) -> None:
        """Tell other readings beside rows that are where they were."""
        if self.frame is not None and layout is not self.frame.layout:
            self.frame = replace(self.frame, layout=layout)
            self._window.timeline.stream.show_labels(self.frame)

    def _is_to_take(self, tick: Tick) -> bool:
        """Whether a tick has taken in so much that the next one, which comes at once, draws it.

        Where nobody points that is its whole share: a tick of its own takes half a millisecond.
        """
        is_long = tick.feed.has_much if tick.is_pointed else tick.feed.is_behind
        return is_long and tick.session.is_following and not self._is_put_off

    def _work_s(self, view: Viewport, *, has_time: bool) -> float:
        """What a tick may take for a picture that is made from nothing."""
        if has_time:
            return UNSEEN_WORK_S
        # After one notch of the wheel comes another, for which this picture is of no use; and of a
        # view elsewhere so little can be made in this time that it is better shown soon.
        return DRAWN_WORK_S if self.frame is None or _is_beside(view, self.frame.view) else 0.0

    def _look(self, tick: Tick, view: Viewport) -> int:
        """What there is to draw: all that has come while following, if time goes on.

        Else what lies in view; what comes elsewhere draws nothing.
        """
        generation = tick.snapshot.stream_generation
        if tick.session.is_following:
            self._seen = {}
            return self._contents if tick.is_resting else generation
        stretch = view.start_ns, view.end_ns
        before = self._seen.get(stretch)
        if before is not None and not self._paused_pace.is_due(tick.now_s):
            return self._contents
        if before is not None and before[0] == generation:
            return self._contents
        now = self._inventory.look(tick.snapshot, *stretch)
        self._seen = {stretch: (generation, now)}
        # A view that has moved is drawn whatever lies in it, and that is not counted.
        if before is None or before[1]() != now():
            return generation
        return self._contents

    def _draw(self, tick: Tick, layout: LaneLayout, view: Viewport) -> None:
        snapshot, session, timeline = tick.snapshot, tick.session, self._window.timeline
        height_px, now_ns = timeline.lanes_size_px[1], tick.shown_ns
        self._task_stream.mark(self.marking.drawn)
        self.frame = self._task_stream.frame(snapshot, session, layout, view, height_px, now_ns)
        self._legend.show_asked(snapshot, session, self.marking.marks)
        timeline.show_frame(self.frame, ticks(view, snapshot.first_ns), snapshot.strings, session)
        timeline.stream.show_ties(self.ties(self.frame, now_ns))

    def _speak(self, tick: Tick) -> None:
        """Tell a screen reader what is on show, now and then."""
        if self._speech_pace.is_due(tick.now_s) and self.frame is not None:
            snapshot = tick.snapshot
            said = spoken_stream(self.frame, tick.session, snapshot.first_ns, tick.shown_ns)
            self._window.timeline.stream.set_spoken(said)


def _is_beside(view: Viewport, other: Viewport) -> bool:
    """Whether two views have one scale, and some time that both show."""
    is_near = view.start_ns < other.end_ns and other.start_ns < view.end_ns
    return is_near and view.ns_per_px == other.ns_per_px
