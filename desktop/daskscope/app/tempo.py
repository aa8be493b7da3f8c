"""How often the window ticks, and how far "now" is followed while nothing happens."""

from __future__ import annotations

from typing import Final

from daskscope.app.clock import FRAME_S
from daskscope.app.pace import Pace

#: With nothing new for so long the window is idle.
IDLE_AFTER_S: Final = 2.0
#: An idle window follows time in steps: each costs a frame, charts and counters that show nothing
#: new, 20 ms in all.
IDLE_STEP_S: Final = 2.0
#: Late spans are shown so often in a view that does not follow.
PAUSED_PERIOD_S: Final = 0.5
#: What comes is taken in so often while nobody is there and nothing in view goes on.
HELD_STEP_S: Final = 0.1


class Tempo:
    """Knows when something happened last; time is an argument."""

    def __init__(self) -> None:
        self._busy_s = self._attended_s = 0.0
        self._step_pace = Pace(IDLE_STEP_S)
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

    def is_resting(self, now_s: float) -> bool:
        """Whether nothing need be shown in this tick: an idle window is shown once in a step."""
        return self.is_idle(now_s) and not self._step_pace.is_due(now_s)

    def period_s(self, now_s: float, *, has_work: bool, is_held: bool = False) -> float:
        """Time until the next tick: none while work waits, until the next step while idle."""
        if has_work:
            return 0.0
        if self.is_idle(now_s):
            return max(self._step_pace.left_s(now_s), FRAME_S)
        return HELD_STEP_S if is_held else FRAME_S

    def shown_ns(self, time_ns: int, *, is_resting: bool) -> int:
        """The time that is shown as now: it stands still in a tick in which nothing is shown."""
        if not is_resting:
            self._shown_ns = time_ns
        return self._shown_ns
