"""A worker that dies while the first layer of a graph runs, and what has to be done again.

Only then: nothing but that layer's own results can be on the worker, so that no chain of older
tasks has to be computed again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.simulate.graph import Attempts, Ending

if TYPE_CHECKING:
    from daskscope.simulate.graph import Flags, Ints

#: Until a worker is back, and until the scheduler has noticed that it is gone.
BACK_NS: Final = 3_000_000_000
NOTICED_NS: Final = 2_000_000


@dataclass(frozen=True, slots=True)
class Loss:
    """A worker that was lost.

    Attributes
    ----------
    process, successor
        The one that died, and the one that took its place at `back`.
    n_tasks
        Tasks that had to be done again.
    """

    worker: int
    process: int
    successor: int
    time: int
    back: int
    n_tasks: int


def victim(
    free: Ints, planned: Attempts, time: int, n_threads: int, rng: np.random.Generator
) -> int | None:
    """A worker that can be lost at a time: it works, and has done nothing else but this layer.

    `free` says when the lanes became free for the layer.
    """
    is_due = free.reshape(-1, n_threads).max(axis=1) < time
    is_busy = np.zeros(len(is_due), np.bool_)
    is_busy[planned.lane[(planned.start < time) & (planned.end > time)] // n_threads] = True
    found: Ints = np.flatnonzero(np.logical_and(is_due, is_busy))
    return int(rng.choice(found)) if len(found) and len(is_due) > 1 else None


def cut(planned: Attempts, is_there: Flags, time: int, n_threads: int) -> tuple[Attempts, Ints]:
    """What is left of planned attempts when a worker dies, and the tasks to be done again.

    `is_there`, bool of shape (n,), marks the attempts of that worker.
    """
    again = np.unique(planned.task[is_there])
    is_running = is_there & (planned.start < time) & (planned.end > time)
    is_waiting = is_there & (planned.start >= time)
    waiting = np.flatnonzero(is_waiting)
    # The worker has been told of as many tasks as it has threads before they begin.
    told = waiting[np.argsort(planned.start[waiting], kind="stable")][:n_threads]
    planned.ending[is_running] = Ending.LOST
    planned.ending[told] = Ending.LOST_WAITING
    planned.end[is_running] = time
    planned.start[told] = planned.ready[told] = np.maximum(planned.assigned[told], time - 1_000_000)
    planned.assigned[told] = planned.start[told]
    planned.end[told] = time
    is_left = ~is_waiting
    is_left[told] = True
    return planned.rows(is_left), again
