"""How often the window ticks, and how far "now" is followed while nothing happens."""

from __future__ import annotations

from typing import Final

from daskscope.app.clock import FRAME_S
from daskscope.app.pace import Pace

#: With nothing new for so long the window is idle.
IDLE_AFTER_S: Final = 2.0
#: An idle window follows time in steps: each costs a frame, charts and counters that show nothing
#: new.
IDLE_STEP_S: Final = 2.0
#: So often is looked for late spans in a view that does not follow.
PAUSED_PERIOD_S: Final = 0.5
#: What has come is shown so often while nobody is there and nothing in view goes on.
HELD_STEP_S: Final = 1.0
#: For each second of such a step so many seconds without one: what nobody needs takes no more than
#: a hundredth of a core, however large the window is, and however slow the machine.
STEP_REST: Final = 100.0


class Tempo:
    """Knows when something happened last; time is an argument."""

    def __init__(self) -> None:
        self._busy_s = self._attended_s = 0.0
        self._idle_pace, self._held_pace = Pace(IDLE_STEP_S), Pace(HELD_STEP_S)
        #: Of the step that this tick is, None if it is none.
        self._step: Pace | None = None
        self._shown_ns = 0

    def happen(self, now_s: float) -> None:
        """Something has happened: a gesture, spans, attempts that run."""
        self._busy_s = now_s

    def attend(self, now_s: float) -> None:
        """Somebody has done something."""
        self._busy_s = self._attended_s = now_s

    def is_idle(self, now_s: float) -> bool:
        """Whether nothing has happened for a while."""
        return now_s - self._busy_s > IDLE_AFTER_S

    def is_left(self, now_s: float) -> bool:
        """Whether nobody has done anything for a while."""
        return now_s - self._attended_s > IDLE_AFTER_S

    def is_resting(self, now_s: float, *, is_held: bool = False) -> bool:
        """Whether nothing need be shown in this tick: an idle window is shown once in a step.

        So is a view that is held, which nobody looks after while nothing in it goes on.
        """
        pace = self._step_pace(now_s, is_held=is_held)
        is_due = pace is not None and pace.is_due(now_s)
        self._step = pace if is_due else None
        return pace is not None and not is_due

    def rest(self, now_s: float, spent_s: float) -> float:
        """A tick has spent so much of a core: if it was a step, the next one waits the longer.

        Returns
        -------
        float
            Seconds until the next step, 0 where this was none.
        """
        if self._step is None:
            return 0.0
        self._step.rest(now_s, spent_s, STEP_REST)
        return self._step.left_s(now_s)

    def period_s(self, now_s: float, *, has_work: bool, is_held: bool = False) -> float:
        """Time until the next tick, unless something arrives: none while work waits."""
        if has_work:
            return 0.0
        pace = self._step_pace(now_s, is_held=is_held)
        return FRAME_S if pace is None else max(pace.left_s(now_s), FRAME_S)

    def _step_pace(self, now_s: float, *, is_held: bool) -> Pace | None:
        """The pace of a window that shows itself in steps, None where it does not."""
        if self.is_idle(now_s):
            return self._idle_pace
        return self._held_pace if is_held else None

    def shown_ns(self, time_ns: int, *, is_resting: bool) -> int:
        """The time that is shown as now: it stands still in a tick in which nothing is shown."""
        if not is_resting:
            self._shown_ns = time_ns
        return self._shown_ns
