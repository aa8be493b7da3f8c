"""What a worker counts by itself, read on its event loop."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import dask.config
import psutil
from dask.utils import parse_timedelta

from dask_otel import conventions as names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distributed import Worker

    from dask_otel.points.values import Points


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
        self._unmanaged = Minimum(
            float(parse_timedelta(dask.config.get("distributed.worker.memory.recent-to-old-time")))
        )
        self._process = psutil.Process()

    def all(self, now_s: float) -> Points:
        """Every point of the worker at the time `now_s`."""
        worker = self._worker
        points: Points = {
            (names.WORKER_THREADS, ()): worker.state.nthreads,
            (names.WORKER_LATENCY, ()): worker.latency,
        }
        if worker.memory_manager.memory_limit:
            points[names.WORKER_LIMIT, ()] = int(worker.memory_manager.memory_limit)
        by_state = worker.state.task_counter.current_count(by_prefix=False)
        self._states |= by_state.keys()
        for state in self._states:
            points[names.WORKER_TASKS, ((names.TASK_STATE, state),)] = by_state[state]
        points |= self._memory(now_s) | self._host() | self._transfers() | self._disk()
        return points

    def _memory(self, now_s: float) -> Points:
        """Dask's split, made to add up to the process as Dask's `MemoryState` does."""
        worker = self._worker
        process = int(worker.monitor.recent()["memory"])
        in_memory, on_disk = getattr(worker.data, "spilled_total", (0, 0))
        held = worker.state.nbytes - in_memory
        managed = min(process, max(0, held))
        oldest = self._unmanaged.update(now_s, max(0, process - held))
        unmanaged_old = min(oldest, process - managed)
        split = {
            names.MEMORY_MANAGED: managed,
            names.MEMORY_UNMANAGED_OLD: unmanaged_old,
            names.MEMORY_UNMANAGED_RECENT: process - managed - unmanaged_old,
            names.MEMORY_SPILLED: on_disk,
        }
        return {
            (names.WORKER_MEMORY, ((names.MEMORY_TYPE, kind),)): value
            for kind, value in split.items()
        }

    def _host(self) -> Points:
        recent = self._worker.monitor.recent()
        return _pair(
            names.HOST_NETWORK_RATE,
            recent,
            (names.NETWORK_IO_DIRECTION, names.RECEIVE, "host_net_io.read_bps"),
            (names.NETWORK_IO_DIRECTION, names.TRANSMIT, "host_net_io.write_bps"),
        ) | _pair(
            names.HOST_DISK_RATE,
            recent,
            (names.DISK_IO_DIRECTION, names.READ, "host_disk_io.read_bps"),
            (names.DISK_IO_DIRECTION, names.WRITE, "host_disk_io.write_bps"),
        )

    def _transfers(self) -> Points:
        worker = self._worker
        received = ((names.NETWORK_IO_DIRECTION, names.RECEIVE),)
        sent = ((names.NETWORK_IO_DIRECTION, names.TRANSMIT),)
        return {
            (names.TRANSFER_IO, received): self.n_bytes_received,
            (names.TRANSFER_IO, sent): worker.transfer_outgoing_bytes_total,
            (names.TRANSFER_COUNT, received): self.n_received,
            (names.TRANSFER_COUNT, sent): worker.transfer_outgoing_count_total,
        }

    def _disk(self) -> Points:
        try:
            counters = self._process.io_counters()
        except (AttributeError, psutil.Error, OSError):  # macOS, or a sandbox
            return {}
        return {
            (names.PROCESS_DISK_IO, ((names.DISK_IO_DIRECTION, names.READ),)): counters.read_bytes,
            (
                names.PROCESS_DISK_IO,
                ((names.DISK_IO_DIRECTION, names.WRITE),),
            ): counters.write_bytes,
        }


class Minimum:
    """Smallest of the values seen in the last `window_s` seconds, in constant time per value."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._rising: deque[tuple[float, int]] = deque()

    def update(self, now_s: float, value: int) -> int:
        """Add `value`, forget what is too old, and return the smallest."""
        rising = self._rising
        while rising and rising[-1][1] >= value:
            rising.pop()
        rising.append((now_s, value))
        while rising[0][0] < now_s - self._window_s:
            rising.popleft()
        return rising[0][1]


def _pair(
    metric: names.Metric, recent: Mapping[str, Any], *sources: tuple[str, str, str]
) -> Points:
    """Points of `metric`, one for each source `(attribute, value, quantity)` that Dask measures."""
    return {
        (metric, ((attribute, value),)): float(recent[quantity])
        for attribute, value, quantity in sources
        if quantity in recent
    }
