"""What a worker counts by itself, read on its event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import dask.config
import psutil
from dask.utils import parse_timedelta

from dask_otel import conventions as names
from dask_otel.compat import clock, metrics
from dask_otel.points.heartbeat import Activities, UserMetrics
from dask_otel.points.memory import MemorySplit
from dask_otel.points.process import ProcessPoints
from dask_otel.points.readings import Readings
from dask_otel.points.shuffle import Shuffles

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from distributed import Worker

    from dask_otel.points.values import Points

#: Metric of each unit of `SpillBuffer.cumulative_metrics`.
_SPILL: Final = {
    "bytes": names.SPILL_IO,
    "count": names.SPILL_COUNT,
    "seconds": names.SPILL_TIME,
}
_RECEIVE: Final = ((names.NETWORK_IO_DIRECTION, names.RECEIVE),)
_TRANSMIT: Final = ((names.NETWORK_IO_DIRECTION, names.TRANSMIT),)


class WorkerPoints:
    """Points of one worker.

    `n_bytes_received` and `n_received` count the transfers that the worker has taken in: Dask
    itself keeps totals of what goes out only.
    """

    def __init__(self, worker: Worker) -> None:
        self.n_bytes_received = 0
        self.n_received = 0
        self._worker = worker
        self._states: set[str] = {"executing", "memory"}
        self._statuses: set[str] = {"running"}
        self._split = MemorySplit(
            float(parse_timedelta(dask.config.get("distributed.worker.memory.recent-to-old-time")))
        )
        self._process = psutil.Process()
        self._activities = Activities()
        self._user = UserMetrics()
        self._shuffles = Shuffles(worker)
        self._heartbeats = metrics.Heartbeats(worker, self._heartbeat)
        process = ProcessPoints(worker)
        self._readings = Readings(
            (
                *process.always,
                self._memory,
                self._memory_limit,
                self._tasks,
                self._threads_and_latency,
                self._transfers,
                self._disk,
            ),
            (
                *process.changing,
                self._status,
                self._memory_thresholds,
                self._open_transfers,
                self._connections,
                self._spill,
                self._fine_performance,
                self._user.points,
                self._shuffles.points,
            ),
        )

    def begin(self) -> None:
        """Start to see the worker's heartbeats: the adapter's `Probe`."""
        self._heartbeats.begin()

    def end(self) -> None:
        """Leave the worker as it was."""
        self._heartbeats.end()
        self._shuffles.end()

    def watch_shuffles(self) -> None:
        """Count what shuffles move from now on, however short they are."""
        self._shuffles.begin()

    def all(self) -> Points:
        """Every point of the worker and its process."""
        return self._readings.read()

    def _heartbeat(self, measured: Mapping[str, Any]) -> None:
        self._activities.add(measured.get(metrics.DIGESTS, {}))
        self._user.update(measured, self._worker.metrics)

    def _fine_performance(self) -> Points:
        """What heartbeats have taken away, and what waits for the next one."""
        return self._activities.points(self._heartbeats.pending())

    def _threads_and_latency(self) -> Points:
        worker = self._worker
        return {
            (names.WORKER_THREADS, ()): worker.state.nthreads,
            # Below zero where the clock was set back during a heartbeat.
            (names.WORKER_LATENCY, ()): max(worker.latency, 0.0),
        }

    def _memory_limit(self) -> Points:
        limit = self._worker.memory_manager.memory_limit
        return {(names.WORKER_LIMIT, ()): int(limit)} if limit else {}

    def _memory_thresholds(self) -> Points:
        worker = self._worker
        manager = worker.memory_manager
        if not manager.memory_limit:
            return {}
        terminate = dask.config.get("distributed.worker.memory.terminate")
        shares = (
            manager.memory_target_fraction,
            manager.memory_spill_fraction,
            manager.memory_pause_fraction,
            terminate if worker.nanny else False,
        )
        return {
            (
                names.WORKER_MEMORY_THRESHOLD,
                ((names.MEMORY_THRESHOLD, threshold),),
            ): int(share * manager.memory_limit)
            for threshold, share in zip(names.MEMORY_THRESHOLDS, shares, strict=True)
            if share
        }

    def _status(self) -> Points:
        now = self._worker.status.name
        self._statuses.add(now)
        return {
            (names.WORKER_STATUS, ((names.WORKER_STATE, status),)): int(status == now)
            for status in self._statuses
        }

    def _tasks(self) -> Points:
        """Tasks by state; of those in memory Dask's page tells the ones on disk apart."""
        worker = self._worker
        by_state = dict(worker.state.task_counter.current_count(by_prefix=False))
        n_on_disk = len(getattr(worker.data, "slow", ()))
        if n_on_disk:
            by_state["disk"] = n_on_disk
            by_state["memory"] = max(0, by_state.get("memory", 0) - n_on_disk)
        self._states |= by_state.keys()
        return {
            (names.WORKER_TASKS, ((names.TASK_STATE, state),)): by_state.get(state, 0)
            for state in self._states
        }

    def _memory(self) -> Points:
        worker = self._worker
        spilled, on_disk = getattr(worker.data, "spilled_total", (0, 0))
        split = self._split.of(
            clock.now_s(),
            int(worker.monitor.recent()["memory"]),
            worker.state.nbytes - spilled,
            on_disk,
        )
        return {
            (names.WORKER_MEMORY, ((names.MEMORY_TYPE, kind),)): n_bytes
            for kind, n_bytes in split.items()
        }

    def _transfers(self) -> Points:
        worker = self._worker
        return {
            (names.TRANSFER_IO, _RECEIVE): self.n_bytes_received,
            (names.TRANSFER_IO, _TRANSMIT): worker.transfer_outgoing_bytes_total,
            (names.TRANSFER_COUNT, _RECEIVE): self.n_received,
            (names.TRANSFER_COUNT, _TRANSMIT): worker.transfer_outgoing_count_total,
        }

    def _open_transfers(self) -> Points:
        worker = self._worker
        return {
            (names.OPEN_TRANSFERS, _RECEIVE): worker.state.transfer_incoming_count,
            (names.OPEN_TRANSFERS, _TRANSMIT): worker.transfer_outgoing_count,
            (names.OPEN_TRANSFER_SIZE, _RECEIVE): worker.state.transfer_incoming_bytes,
            (names.OPEN_TRANSFER_SIZE, _TRANSMIT): worker.transfer_outgoing_bytes,
        }

    def _connections(self) -> Points:
        worker = self._worker
        return {
            (names.WORKER_CONNECTIONS, ()): metrics.n_connections(worker),
            (names.WORKER_BANDWIDTH, ()): float(worker.bandwidth),
        }

    def _disk(self) -> Points:
        try:
            counters = self._process.io_counters()
        except (AttributeError, psutil.Error, OSError):  # macOS, or a sandbox
            return {}
        read = ((names.DISK_IO_DIRECTION, names.READ),)
        write = ((names.DISK_IO_DIRECTION, names.WRITE),)
        return {
            (names.PROCESS_DISK_IO, read): counters.read_bytes,
            (names.PROCESS_DISK_IO, write): counters.write_bytes,
        }

    def _spill(self) -> Points:
        counted = getattr(self._worker.data, "cumulative_metrics", {})
        return {
            (_SPILL[unit], ((names.ACTIVITY_NAME, str(label)),)): value
            for (label, unit), value in counted.items()
            if unit in _SPILL
        }
