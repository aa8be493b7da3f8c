"""Which of several things that are shown now and then is shown in a tick: one, in turn."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")

#: While every tick is busy with the task stream, as under a hand, one is left to them so often.
TURN_S: Final = 0.1
#: With none left for so long one of them is taken all the same.
PATIENCE_S: Final = 0.3


class Rota(Generic[T]):
    """Jobs that take turns; time is an argument.

    Parameters
    ----------
    jobs
        Each does what is due in a tick, and says whether something was.
    """

    def __init__(self, jobs: Iterable[Callable[[T], bool]]) -> None:
        self._jobs = deque(jobs)
        self._asked_s = 0.0

    def is_waiting(self, now_s: float) -> bool:
        """Whether a tick is to be left to them."""
        return not 0 <= now_s - self._asked_s < TURN_S

    def prefer(self, job: Callable[[T], bool]) -> None:
        """Let a job be the next whose turn it is: somebody waits for it."""
        self._jobs.remove(job)
        self._jobs.appendleft(job)

    def take(self, tick: T, now_s: float, *, is_busy: bool) -> None:
        """Do the next job that is due; in a tick that has much else to do none, if it can wait."""
        if is_busy and 0 <= now_s - self._asked_s < PATIENCE_S:
            return
        self._asked_s = now_s
        for _ in range(len(self._jobs)):
            job = self._jobs[0]
            self._jobs.rotate(-1)
            if job(tick):
                return

    def take_all(self, tick: T) -> None:
        """Do all jobs that are due."""
        for job in tuple(self._jobs):
            job(tick)
