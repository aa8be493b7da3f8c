"""What workers and scheduler would measure at a time: counts over the model's rows."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from dask_otel import conventions as names
from daskscope.simulate.cluster import THREAD_BYTES
from daskscope.simulate.graph import Ending
from daskscope.simulate.points import WORKER_SERIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daskscope.simulate.cluster import Cluster
    from daskscope.simulate.graph import Flags, Floats, Graph, Ints
    from daskscope.simulate.model import Tick
    from daskscope.simulate.points import Key

_MIB = float(2**20)
#: Ticks over which a host measures its traffic: half a second, as Dask's own monitor does.
_RATE_TICKS: Final = 5


class Readings:
    """Counters that grow with every tick, and what can be counted at its end."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._rng = np.random.default_rng([cluster.seed, 2**31])
        #: Bytes received, sent, read and written by each process, shape (4, n), at ends of ticks.
        self._moved: deque[tuple[int, Floats]] = deque([(0, np.zeros((4, 0)))], _RATE_TICKS + 1)
        self._recorded: Floats = np.zeros(0)
        self._forgotten: Counter[str] = Counter()
        self._erred: Counter[str] = Counter()

    def advance(self, tick: Tick, sent: Ints) -> None:
        """Count what ended within a tick; `sent` are the processes of all spans that were sent."""
        n = len(self._cluster.processes)
        received, transmitted, read, wrote = moved = _widened(self._moved[-1][1], n)
        for part in tick.parts:
            values = part.graph.values
            for rows, where, total in (
                (part.transfers, part.transfers.process, received),
                (part.transfers, part.transfers.peer, transmitted),
                (part.reads, part.reads.process, read),
                (part.writes, part.writes.process, wrote),
            ):
                np.add.at(total, where, values.n_bytes[rows.value])
        self._moved.append((tick.end, moved))
        recorded = np.bincount(sent[sent >= 0], minlength=n).astype(np.float64)
        recorded[: len(self._recorded)] += self._recorded
        self._recorded = recorded
        for graph in tick.finished:
            self._forget(graph)

    def workers(self, tick: Tick, process: Ints, is_paused: Flags) -> Floats:
        """Readings of some processes at the end of a tick, as `points` wants them."""
        n = len(self._cluster.processes)
        running, ready, held, spilled, n_held = self._counted(tick.graphs, tick.end, n)
        noise = self._rng.uniform(0.8, 1.0, (2, len(process)))
        threads = np.full(len(process), float(self._cluster.n_threads))
        limit = threads * THREAD_BYTES
        old = (140 + 40 * noise[0]) * _MIB
        recent = 30 * noise[1] * _MIB * (1 + running[process])
        received, sent, read, wrote = self._moved[-1][1][:, process]
        rates = self._by_host(process)
        columns: dict[Key, npt.NDArray[np.floating]] = {
            (names.WORKER_STATUS, ("running",)): (~is_paused).astype(np.float64),
            (names.WORKER_STATUS, ("paused",)): is_paused.astype(np.float64),
            (names.CPU_USAGE, ()): running[process] * noise[0] + 0.05 * noise[1],
            (names.WORKER_THREADS, ()): threads,
            (names.WORKER_LIMIT, ()): limit,
            (names.PROCESS_MEMORY, ()): held[process] + old + recent,
            (names.WORKER_MEMORY, (names.MEMORY_MANAGED,)): held[process],
            (names.WORKER_MEMORY, (names.MEMORY_UNMANAGED_OLD,)): old,
            (names.WORKER_MEMORY, (names.MEMORY_UNMANAGED_RECENT,)): recent,
            (names.WORKER_MEMORY, (names.MEMORY_SPILLED,)): spilled[process],
            (names.WORKER_TASKS, ("executing",)): running[process],
            (names.WORKER_TASKS, ("ready",)): ready[process],
            (names.WORKER_TASKS, ("memory",)): n_held[process],
            (names.WORKER_LATENCY, ()): 0.004 * noise[0] / noise[1],
            (names.TRANSFER_IO, (names.RECEIVE,)): received,
            (names.TRANSFER_IO, (names.TRANSMIT,)): sent,
            (names.PROCESS_DISK_IO, (names.READ,)): read,
            (names.PROCESS_DISK_IO, (names.WRITE,)): wrote,
            (names.HOST_NETWORK_RATE, (names.RECEIVE,)): rates[0],
            (names.HOST_NETWORK_RATE, (names.TRANSMIT,)): rates[1],
            (names.HOST_DISK_RATE, (names.READ,)): rates[2],
            (names.HOST_DISK_RATE, (names.WRITE,)): rates[3],
            (names.SPANS_RECORDED, ()): self._recorded[process],
            (names.SPANS_EXPORTED, ()): self._recorded[process],
            (names.SPANS_DROPPED, ()): np.zeros(len(process)),
        }
        return np.stack([columns[key] for key in WORKER_SERIES], axis=1)

    def scheduler(self, tick: Tick, n_paused: int) -> dict[Key, float]:
        """Readings of the scheduler at the end of a tick."""
        found: dict[Key, float] = {}
        counts: Counter[tuple[str, str]] = Counter()
        for name, n in self._forgotten.items():
            counts[name, "forgotten"] += n
            counts[name, "erred"] += self._erred[name]
        for graph in tick.graphs:
            if graph.submit <= tick.end < graph.end:
                _count_states(graph, tick.end, counts)
        prefixes = {name for name, _ in counts}
        for prefix in sorted(prefixes):
            for state in names.TASK_STATES:
                found[names.TASKS, (prefix, state)] = float(counts[prefix, state])
        n_workers = self._cluster.n_workers
        found[names.WORKERS, ("running",)] = float(n_workers - n_paused)
        found[names.WORKERS, ("paused",)] = float(n_paused)
        found[names.SCHEDULER_THREADS, ()] = float(self._cluster.n_lanes)
        found[names.CLIENTS, ()] = 1.0
        found[names.CPU_USAGE, ()] = 0.3 + 0.2 * float(self._rng.random())
        found[names.PROCESS_MEMORY, ()] = 420 * _MIB
        found[names.EVENT_LOOP_LAG, ()] = 0.02 + 0.004 * float(self._rng.random())
        return found

    def _forget(self, graph: Graph) -> None:
        for one in graph.layers:
            n_erred = int(np.count_nonzero(one.attempts.ending == Ending.ERRED.value))
            self._forgotten[one.layer.step.name] += one.layer.n - n_erred
            self._erred[one.layer.step.name] += n_erred

    def _by_host(self, process: Ints) -> Floats:
        """Traffic of the host of each process, shape (4, n)."""
        worker = self._cluster.worker_of(np.arange(len(self._cluster.processes)))
        host = self._cluster.host_of(worker)
        (since, before), (now, moved) = self._moved[0], self._moved[-1]
        per_s = (moved - _widened(before, moved.shape[1])) / ((now - since) / 1e9)
        totals: Floats = np.stack([np.bincount(host, rates) for rates in per_s])
        return totals[:, host[process]]

    def _counted(
        self, graphs: Sequence[Graph], time: int, n: int
    ) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """By process: attempts running and ready, bytes in memory and on disk, results."""
        running, ready, held, spilled, n_held = np.zeros((5, n))
        for graph in graphs:
            values = graph.values
            is_held = (values.end <= time) & (values.released > time)
            is_spilled = is_held & (values.written > 0) & (values.written <= time)
            is_spilled &= (values.read == 0) | (values.read > time)
            where, n_bytes = values.process[is_held], values.n_bytes[is_held]
            held += np.bincount(where, n_bytes, n)
            n_held += np.bincount(where, minlength=n)
            on_disk = np.bincount(values.process[is_spilled], values.n_bytes[is_spilled], n)
            spilled += on_disk
            held -= on_disk
            for one in graph.layers:
                rows = one.attempts
                left = slice(int(rows.end.searchsorted(time, "right")), None)
                start, process = rows.start[left], rows.process[left]
                running += np.bincount(process[start <= time], minlength=n)
                is_ready = (start > time) & (rows.ready[left] <= time)
                ready += np.bincount(process[is_ready], minlength=n)
        return running, ready, held, spilled, n_held


def _widened(totals: Floats, n: int) -> Floats:
    """A copy with nothing for processes that have come since."""
    return np.pad(totals, ((0, 0), (0, n - totals.shape[1])))


def _count_states(graph: Graph, time: int, counts: Counter[tuple[str, str]]) -> None:
    """Add the tasks of a graph by prefix and state."""
    for one in graph.layers:
        prefix, n = one.layer.step.name, one.layer.n
        own = slice(one.layer.first, one.layer.first + n)
        is_done = graph.values.end[own] <= time
        is_released = is_done & (graph.values.released[own] <= time)
        rows = one.attempts
        n_erred = int(np.count_nonzero((rows.ending == Ending.ERRED.value) & (rows.end <= time)))
        n_done, n_released = int(np.count_nonzero(is_done)), int(np.count_nonzero(is_released))
        is_final = rows.end == graph.values.end[rows.task]
        n_begun = int(np.count_nonzero(is_final & (rows.assigned <= time)))
        n_processing = max(n_begun - n_done, 0)
        waits_as = "waiting" if one.layer.dependencies.shape[1] else "queued"
        counts[prefix, "released"] += n_released
        counts[prefix, "erred"] += n_erred
        counts[prefix, "memory"] += n_done - n_released - n_erred
        counts[prefix, "processing"] += n_processing
        counts[prefix, waits_as] += n - n_done - n_processing
