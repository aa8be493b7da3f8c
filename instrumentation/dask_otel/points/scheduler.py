"""What the scheduler counts by itself, read on its event loop.

No reading looks at all prefixes' states or at all workers at once where there are very many: those
that have waited longest come first, the others next time.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice
from time import monotonic
from typing import TYPE_CHECKING, Final

from dask_otel import conventions as names
from dask_otel.compat import metrics
from dask_otel.points.process import ProcessPoints
from dask_otel.points.readings import REFRESH_S, Readings

if TYPE_CHECKING:
    from distributed import Scheduler
    from distributed.scheduler import TaskPrefix

    from dask_otel.points.values import Points

#: Prefixes and workers that one reading reports at most: of counts there are two a second, and one
#: when a graph ends, of the rest there is one.
MAX_COUNTS: Final = 250
MAX_TOTALS: Final = 100
MAX_WORKERS: Final = 200
#: Pairs of workers of which the bandwidth is reported; there are as many as workers squared.
MAX_PAIRS: Final = 1_024
#: Of a client that does not exist, for tasks that nobody holds a future of.
FIRE_AND_FORGET: Final = "fire-and-forget"


class SchedulerPoints:
    """Points of one scheduler."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._counts = Prefixes(scheduler, MAX_COUNTS)
        self._totals = Prefixes(scheduler, MAX_TOTALS)
        self._statuses: set[str] = {"running"}
        self._next_worker = 0
        self._busy: set[str] = set()
        process = ProcessPoints(scheduler)
        self._readings = Readings(
            (*process.always, self._workers, self._clients_and_work),
            (
                *process.changing,
                self._prefix_totals,
                self._turnover,
                self._assigned,
                self._bandwidth,
                self._update_graph,
                self._semaphores,
                self._stealing,
            ),
            (self._desired, self._bandwidth_by_workers),
        )

    def tasks(self, everything: bool = False) -> Points:
        """Tasks by prefix and state: all states of each prefix that has changed.

        A state that a prefix has left is a point with the value 0, so that no reader keeps an old
        count.

        Parameters
        ----------
        everything
            Send every prefix, changed or not, however many there are.
        """
        points: Points = {}
        for name, prefix in self._counts.changed(everything):
            for state, count in zip(names.TASK_STATES, _task_counts(prefix), strict=True):
                points[names.TASKS, ((names.TASK_PREFIX, name), (names.TASK_STATE, state))] = count
        return points

    def cluster(self) -> Points:
        """Everything else: the process, workers, clients, work, and totals by prefix."""
        return self._readings.read()

    def _prefix_totals(self) -> Points:
        points: Points = {}
        for name, prefix in self._totals.changed():
            attribute = (names.TASK_PREFIX, name)
            points[names.TASK_OUTPUT, (attribute,)] = prefix.nbytes_total
            points[names.TASKS_SUSPICIOUS, (attribute,)] = prefix.suspicious
            for state, count in prefix.state_counts.items():
                points[names.TASK_TRANSITIONS, (attribute, (names.TASK_STATE, state))] = count
            for action, duration_us in metrics.durations_us(prefix).items():
                points[names.TASK_DURATION, (attribute, (names.ACTION, action))] = duration_us / 1e6
        return points

    def _workers(self) -> Points:
        scheduler = self._scheduler
        by_status = Counter(ws.status.name for ws in scheduler.workers.values())
        self._statuses |= by_status.keys()
        points: Points = {
            (names.WORKERS, ((names.WORKER_STATE, status),)): by_status[status]
            for status in self._statuses
        }
        n_idle, n_saturated = len(scheduler.idle), len(scheduler.saturated)
        n_partially = max(0, len(scheduler.running) - n_idle - n_saturated)
        for load, count in zip(names.WORKER_LOADS, (n_idle, n_partially, n_saturated), strict=True):
            points[names.WORKERS_BY_LOAD, ((names.WORKER_LOAD, load),)] = count
        return points

    def _clients_and_work(self) -> Points:
        scheduler = self._scheduler
        clients = scheduler.clients
        return {
            (names.CLIENTS, ()): len(clients) - (FIRE_AND_FORGET in clients),
            (names.OCCUPANCY, ()): float(scheduler.total_occupancy),
            (names.TASK_GROUPS, ()): len(scheduler.task_groups),
            (names.SCHEDULER_THREADS, ()): scheduler.total_nthreads,
        }

    def _turnover(self) -> Points:
        clients = metrics.clients_added_removed(self._scheduler)
        workers = metrics.workers_added_removed(self._scheduler)
        return {
            (names.CLIENTS_ADDED, ()): clients[0],
            (names.CLIENTS_REMOVED, ()): clients[1],
            (names.WORKERS_ADDED, ()): workers[0],
            (names.WORKERS_REMOVED, ()): workers[1],
        }

    def _assigned(self) -> Points:
        """Tasks and expected time of the next `MAX_WORKERS` workers, and 0 for those that left."""
        workers = self._scheduler.workers
        points: Points = {}
        for address in self._busy - workers.keys():
            self._busy.discard(address)
            points |= _assignment(address, 0, 0.0)
        if self._next_worker >= len(workers):
            self._next_worker = 0
        first, self._next_worker = self._next_worker, self._next_worker + MAX_WORKERS
        for address, ws in islice(workers.items(), first, self._next_worker):
            self._busy.add(address)
            points |= _assignment(address, len(ws.processing), float(ws.occupancy))
        return points

    def _desired(self) -> Points:
        scheduler = self._scheduler
        # Through the class: who watches the instance's method wants to see Dask ask, not us.
        return {(names.WORKERS_DESIRED, ()): type(scheduler).adaptive_target(scheduler)}

    def _bandwidth(self) -> Points:
        scheduler = self._scheduler
        points: Points = {(names.BANDWIDTH, ()): float(scheduler.bandwidth)}
        for kind, value in scheduler.bandwidth_types.items():
            points[names.BANDWIDTH_BY_TYPE, ((names.TASK_TYPE, str(kind)),)] = float(value)
        return points

    def _bandwidth_by_workers(self) -> Points:
        points: Points = {}
        pairs = islice(self._scheduler.bandwidth_workers.items(), MAX_PAIRS)
        for (receiver, sender), value in pairs:
            attributes = (
                (names.TRANSFER_SOURCE, sender),
                (names.TRANSFER_DESTINATION, receiver),
            )
            points[names.BANDWIDTH_BY_WORKERS, attributes] = float(value)
        return points

    def _update_graph(self) -> Points:
        return {(names.UPDATE_GRAPH_TIME, ()): metrics.update_graph_s(self._scheduler)}

    def _semaphores(self) -> Points:
        extension = self._scheduler.extensions.get("semaphores")
        points: Points = {}
        if extension is None:
            return points
        counts = extension.metrics
        for name, limit in extension.max_leases.items():
            one = (names.SEMAPHORE_NAME, str(name))
            active = (one, (names.LEASE_STATE, names.LEASE_ACTIVE))
            pending = (one, (names.LEASE_STATE, names.LEASE_PENDING))
            points[names.SEMAPHORE_LIMIT, (one,)] = limit
            points[names.SEMAPHORE_LEASES, active] = len(extension.leases.get(name, ()))
            points[names.SEMAPHORE_LEASES, pending] = counts["pending"].get(name, 0)
            points[names.SEMAPHORE_ACQUIRED, (one,)] = counts["acquire_total"].get(name, 0)
            points[names.SEMAPHORE_RELEASED, (one,)] = counts["release_total"].get(name, 0)
            wait_s = counts["average_pending_lease_time"].get(name, 0.0)
            points[names.SEMAPHORE_WAIT, (one,)] = float(wait_s)
        return points

    def _stealing(self) -> Points:
        extension = self._scheduler.extensions.get("stealing")
        points: Points = {}
        if extension is None:
            return points
        costs = extension.metrics["request_cost_total"]
        for level, count in extension.metrics["request_count_total"].items():
            multiplier = str(extension.cost_multipliers[level])
            attributes = ((names.STEAL_COST_MULTIPLIER, multiplier),)
            points[names.STEAL_REQUESTS, attributes] = count
            points[names.STEAL_COST, attributes] = float(costs.get(level, 0.0))
        return points


class Prefixes:
    """Finds the prefixes of tasks that have changed since it last found them.

    A prefix has changed when one of its tasks went into a state, which Dask counts, and is found
    again after `REFRESH_S` in any case. Of more than `n_max` at once those come first that were
    found longest ago.
    """

    def __init__(self, scheduler: Scheduler, n_max: int) -> None:
        self._scheduler = scheduler
        self._n_max = n_max
        self._n_transitions = -1
        self._due_s = 0.0
        self._found: dict[str, tuple[float, int]] = {}

    def changed(self, everything: bool = False) -> list[tuple[str, TaskPrefix]]:
        """Their names and themselves; `everything` for all there are."""
        n_transitions = self._scheduler.transition_counter
        now_s = monotonic()
        if n_transitions == self._n_transitions and now_s < self._due_s and not everything:
            return []
        changed = []
        old_s = now_s - REFRESH_S
        never = (-REFRESH_S, -1)
        for name, prefix in self._scheduler.task_prefixes.items():
            found_s, n_before = self._found.get(name, never)
            n = sum(prefix.state_counts.values())
            if n != n_before or found_s <= old_s or everything:
                changed.append((found_s, name, n, prefix))
        self._n_transitions, self._due_s = n_transitions, now_s + 0.1 * REFRESH_S
        if len(changed) > self._n_max and not everything:
            changed.sort(key=lambda one: one[0])
            del changed[self._n_max :]
            self._due_s = now_s
        for _, name, n, _ in changed:
            self._found[name] = (now_s, n)
        return [(name, prefix) for _, name, _, prefix in changed]


def _assignment(address: str, n_tasks: int, occupancy_s: float) -> Points:
    attributes = ((names.WORKER_ADDRESS, address),)
    return {
        (names.WORKER_PROCESSING, attributes): n_tasks,
        (names.WORKER_OCCUPANCY, attributes): occupancy_s,
    }


def _task_counts(prefix: TaskPrefix) -> tuple[int, ...]:
    """Tasks of `prefix` by state, in the order of `conventions.TASK_STATES`.

    Dask takes forgotten tasks out of `states` with their group; `state_counts` keeps how many there
    ever were.
    """
    states = prefix.states
    counts = [states.get(state, 0) for state in names.TASK_STATES]
    counts[-1] = prefix.state_counts.get("forgotten", 0)
    return tuple(counts)
