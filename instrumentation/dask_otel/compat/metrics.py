"""What schedulers and workers count and keep to themselves, and what heartbeats carry."""

from __future__ import annotations

import logging
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from dask_otel.compat import clock
from dask_otel.compat.override import Override

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from distributed import Scheduler, Worker
    from distributed.core import Server
    from distributed.scheduler import TaskPrefix

#: Under which Dask keeps the longest tick. Its own Prometheus endpoint looks for `tick_duration`,
#: which nobody writes (distributed/core.py and http/*/prometheus/core.py, 2026.8.0).
TICK_DURATION: Final = "tick-duration"
UPDATE_GRAPH: Final = "update-graph-duration"
#: Entry of heartbeats with the fine performance metrics since the one before.
DIGESTS: Final = "digests_total_since_heartbeat"

logger = logging.getLogger(__name__)


def ticks(server: Server) -> int:
    """Ticks of the event loop since the server started."""
    return int(server._tick_counter)


def longest_tick_s(server: Server) -> float:
    """Longest time between two ticks since the last call, the one that lasts included.

    Dask keeps the longest until somebody takes it, and nobody else does: see `TICK_DURATION`.
    """
    longest_s = float(server.digests_max.pop(TICK_DURATION, 0.0))
    return max(longest_s, clock.now_s() - server._last_tick)


def gil_contention_s(server: Server) -> float | None:
    """Time in which the GIL was held by others; None without gilknocker."""
    monitor = server.monitor
    return float(monitor.cumulative_gil_contention) if monitor.monitor_gil_contention else None


def garbage_collection_s() -> float | None:
    """Time that this process has spent on garbage collection; None when Dask does not measure it.

    Its public `gc_collect_duration` adds a collection that goes on to it, by the CPU clock of
    whichever thread asks: it can be anything, negative as well.
    """
    from distributed import gc

    timer = gc._gc_diagnosis._fractional_timer
    return None if timer is None else timer._duration_total / timer.MULT


def update_graph_s(scheduler: Scheduler) -> float:
    """Time spent on taking in graphs; Dask measures it by a clock that can be set back."""
    return max(float(scheduler.digests_total.get(UPDATE_GRAPH, 0.0)), 0.0)


def clients_added_removed(scheduler: Scheduler) -> tuple[int, int]:
    """Clients that have connected, and that have gone."""
    return scheduler._client_connections_added_total, scheduler._client_connections_removed_total


def workers_added_removed(scheduler: Scheduler) -> tuple[int, int]:
    """Workers that have joined, and that have left."""
    return scheduler._workers_added_total, scheduler._workers_removed_total


def durations_us(prefix: TaskPrefix) -> Mapping[str, int]:
    """Microseconds spent on the tasks of a prefix, by action; its public twin makes a copy."""
    return prefix._all_durations_us


def n_connections(worker: Worker) -> int:
    """Connections that others hold to the worker."""
    return len(worker._comms)


def shuffles(worker: Worker) -> Any:
    """Dask's extension for P2P shuffles, which every worker gets soon after its start, or None."""
    return worker.extensions.get("shuffle")


def watch_shuffle_ends(
    worker: Worker, ended: Callable[[str, Mapping[str, Any]], None]
) -> Override | None:
    """Call `ended` with id and last heartbeat of each shuffle; None while there is no extension.

    A shuffle can come and go between two readings.
    """
    extension = shuffles(worker)
    if extension is None:
        return None
    runs = extension.shuffle_runs
    before = runs.close

    async def close(run: Any) -> None:
        try:
            ended(str(run.id), run.heartbeat())
        except Exception:
            logger.warning("Cannot measure a shuffle", exc_info=True)
        await before(run)

    return Override(vars(runs), "close", close)


class Heartbeats:
    """Sees what a worker puts into its heartbeats, by standing before `Worker.get_metrics`.

    `worker.metrics` are functions of users, so they must not be called more often than Dask does.

    Parameters
    ----------
    worker
        The worker.
    seen
        Called with the metrics of each heartbeat; what it raises is logged once.
    """

    def __init__(self, worker: Worker, seen: Callable[[Mapping[str, Any]], None]) -> None:
        self._worker = worker
        self._seen: Callable[[Mapping[str, Any]], None] | None = seen
        self._override: Override | None = None
        #: By identity: digests that Dask has taken for a heartbeat which nobody has seen yet.
        self._taken: dict[int, Mapping[Hashable, float]] = {}

    def begin(self) -> None:
        """Start to see them."""
        before = self._worker.get_metrics

        async def get_metrics() -> dict[str, Any]:
            # Dask takes them at once, and then waits for what users measure in coroutines.
            digests = self._worker.digests_total_since_heartbeat
            self._taken[id(digests)] = digests
            try:
                metrics: dict[str, Any] = await before()
            finally:
                self._taken.pop(id(digests), None)
            try:
                if self._seen is not None:
                    self._seen(metrics)
            except Exception:
                self._seen = None
                logger.warning("Cannot read the heartbeats of this worker", exc_info=True)
            return metrics

        self._override = Override(vars(self._worker), "get_metrics", get_metrics)

    def pending(self) -> dict[Hashable, float]:
        """Fine performance metrics of no heartbeat yet, without the ids of Dask's spans.

        The worker takes the ids out in the same way before it sends them.
        """
        from distributed.spans import CONTEXTS_WITH_SPAN_ID

        waiting = self._worker.digests_total_since_heartbeat
        squashed: defaultdict[Hashable, float] = defaultdict(float)
        for digests in {**self._taken, id(waiting): waiting}.values():
            for key, value in digests.items():
                if isinstance(key, tuple) and key[0] in CONTEXTS_WITH_SPAN_ID:
                    key = key[:1] + key[2:]  # noqa: PLW2901
                squashed[key] += value
        return squashed

    def end(self) -> None:
        """Leave the worker as it was; where somebody else stands before this, only look away."""
        self._seen = None
        if self._override is not None:
            self._override.undo()
