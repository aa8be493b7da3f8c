"""How often something is done at most."""

from __future__ import annotations

from typing import Final

#: For each second of work so many seconds without it.
REST: Final = 12.0


class Pace:
    """Says when `period_s` have passed since the last time; time is an argument.

    Times lie on a grid of periods, moved by `phase_s`, so that two paces of one period that have
    different phases never fall on one tick.
    """

    def __init__(self, period_s: float, phase_s: float = 0.0) -> None:
        self._period_s = period_s
        self._phase_s = phase_s
        self._next_s = 0.0

    def is_due(self, now_s: float) -> bool:
        """Whether it is time again; if so, the next time is a period on."""
        if now_s < self._next_s:
            return False
        periods = (now_s - self._phase_s) // self._period_s + 1
        self._next_s = self._phase_s + periods * self._period_s
        return True

    @property
    def is_hurried(self) -> bool:
        """Whether somebody waits for it."""
        return self._next_s == 0.0

    def left_s(self, now_s: float) -> float:
        """Time until it is due."""
        return max(self._next_s - now_s, 0.0)

    def rest(self, now_s: float, spent_s: float, rest: float = REST) -> None:
        """What was due took so much of a core: be due after `rest` times that, if not later.

        So what takes long, as with thousands of workers, is done less often and never takes most
        of a core; what others take of it does not count.
        """
        self._next_s = max(self._next_s, now_s + rest * spent_s)

    def hurry(self) -> None:
        """Be due at the next question."""
        self._next_s = 0.0
