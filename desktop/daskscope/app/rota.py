"""Which of several things that are shown now and then is shown in a tick: one, in turn."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")

#: While every tick draws the task stream, as under a hand, so much time lies between two of them.
LEAST_APART_S: Final = 0.1


class Rota(Generic[T]):
    """Jobs that take turns; time is an argument.

    Parameters
    ----------
    jobs
        Each does what is due in a tick, and says whether something was.
    """

    def __init__(self, jobs: Iterable[Callable[[T], bool]]) -> None:
        self._jobs = deque(jobs)
        self._taken_s = 0.0

    def take(self, tick: T, now_s: float, *, is_drawing: bool) -> None:
        """Do the next job that is due; in a tick that draws as well, only now and then."""
        if is_drawing and 0 <= now_s - self._taken_s < LEAST_APART_S:
            return
        for _ in range(len(self._jobs)):
            job = self._jobs[0]
            self._jobs.rotate(-1)
            if job(tick):
                self._taken_s = now_s
                return

    def take_all(self, tick: T) -> None:
        """Do all jobs that are due."""
        for job in tuple(self._jobs):
            job(tick)
