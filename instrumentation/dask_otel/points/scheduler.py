"""What the scheduler counts by itself, read on its event loop."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from dask_otel import conventions as names

if TYPE_CHECKING:
    from distributed import Scheduler
    from distributed.scheduler import TaskPrefix

    from dask_otel.points.values import Points


class SchedulerPoints:
    """Points of one scheduler; sends only those prefixes whose counts have changed."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._n_transitions = -1
        self._counts: dict[str, tuple[int, ...]] = {}
        self._statuses: set[str] = set()

    def tasks(self, everything: bool = False) -> Points:
        """Tasks by prefix and state: all states of each prefix that has changed.

        A state that a prefix has left is a point with the value 0, so that no reader keeps an old
        count.

        Parameters
        ----------
        everything
            Send every prefix, changed or not.
        """
        n_transitions = self._scheduler.transition_counter
        if n_transitions == self._n_transitions and not everything:
            return {}
        self._n_transitions = n_transitions
        points: Points = {}
        for name, prefix in self._scheduler.task_prefixes.items():
            counts = _task_counts(prefix)
            if counts == self._counts.get(name) and not everything:
                continue
            self._counts[name] = counts
            for state, count in zip(names.TASK_STATES, counts, strict=True):
                points[names.TASKS, ((names.TASK_PREFIX, name), (names.TASK_STATE, state))] = count
        return points

    def cluster(self) -> Points:
        """Workers, clients and the work in hand."""
        scheduler = self._scheduler
        by_status = Counter(ws.status.name for ws in scheduler.workers.values())
        self._statuses |= by_status.keys() | {"running"}
        points: Points = {
            (names.WORKERS, ((names.WORKER_STATE, status),)): by_status[status]
            for status in self._statuses
        }
        points[names.CLIENTS, ()] = len(scheduler.clients)
        points[names.OCCUPANCY, ()] = float(scheduler.total_occupancy)
        return points


def _task_counts(prefix: TaskPrefix) -> tuple[int, ...]:
    """Tasks of `prefix` by state, in the order of `conventions.TASK_STATES`.

    Dask takes forgotten tasks out of `states` with their group; `state_counts` keeps how many there
    ever were.
    """
    states = prefix.states
    counts = [states.get(state, 0) for state in names.TASK_STATES]
    counts[-1] = prefix.state_counts["forgotten"]
    return tuple(counts)
