"""How often something is done at most."""

from __future__ import annotations


class Pace:
    """Says when `period_s` have passed since the last time; time is an argument."""

    def __init__(self, period_s: float) -> None:
        self._period_s = period_s
        self._next_s = 0.0

    def is_due(self, now_s: float) -> bool:
        """Whether it is time again; if so, the period starts anew."""
        if now_s < self._next_s:
            return False
        self._next_s = now_s + self._period_s
        return True

    def hurry(self) -> None:
        """Be due at the next question."""
        self._next_s = 0.0
