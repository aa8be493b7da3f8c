"""Snapshots of metrics alone: a cluster's counts and readings from literals, through the store."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np

from dask_otel import conventions as names
from daskscope.store.rates import RATE_SPAN_NS
from daskscope.store.schema import Definitions, SourceStatus
from daskscope.store.snapshot import SeriesPoints
from daskscope.store.writer import Store
from tests.builders import SECOND, T0, Source, points

if TYPE_CHECKING:
    from collections.abc import Iterable

    from daskscope.store.schema import EventBatch
    from daskscope.store.snapshot import Snapshot

GIB = 1024.0**3
#: The moment that most tests look at.
AT_S = 10
NOW = T0 + AT_S * SECOND


@dataclass(slots=True)
class Cluster:
    """Collects points by words and hands out a snapshot; times are seconds since `T0`."""

    source: Source = field(default_factory=Source)
    _rows: list[tuple[int, int, float]] = field(default_factory=list)
    _series: dict[tuple[str, int, tuple[tuple[str, str], ...]], int] = field(default_factory=dict)
    _scheduler: int = -1

    @property
    def scheduler(self) -> int:
        """Resource id of the scheduler."""
        if self._scheduler < 0:
            self._scheduler = self.source.resource({names.SERVICE_NAME: names.SERVICE_SCHEDULER})
        return self._scheduler

    def tasks(self, prefix: str, at_s: float = AT_S, **counts: int) -> None:
        """Counts of one prefix as the scheduler sends them: every state, `no_worker` included."""
        for state in names.TASK_STATES:
            count = counts.get(state.replace("-", "_"), 0)
            kinds = {names.TASK_PREFIX: prefix, names.TASK_STATE: state}
            self.point(names.TASKS, self.scheduler, at_s, count, kinds)

    def worker(
        self,
        name: str,
        host: str = "node-01",
        port: int = 40101,
        at_s: float = AT_S,
        **readings: float,
    ) -> int:
        """A worker with 2 threads and a limit of 4 GiB, and what it reads."""
        resource = self.source.worker(name, host, port)
        self.read(resource, at_s, threads=2, limit=4 * GIB)
        self.read(resource, at_s, **readings)
        return resource

    def read(self, resource: int, at_s: float, **readings: float) -> None:
        """Readings of a worker by the short names of `_METRIC_OF`."""
        for name, value in readings.items():
            metric, kind = _METRIC_OF[name]
            kinds = {metric.attributes[0]: kind} if kind else {}
            self.point(metric, resource, at_s, value, kinds)

    def point(
        self,
        metric: names.Metric,
        resource: int,
        at_s: float,
        value: float,
        kinds: dict[str, str],
    ) -> None:
        """One point of any series."""
        key = (metric.name, resource, tuple(kinds.items()))
        if key not in self._series:
            self._series[key] = self.source.metric(metric, resource, **kinds)
        self._rows.append((self._series[key], round(at_s * SECOND), float(value)))

    def snapshot(self, *messages: object, status: SourceStatus | None = None) -> Snapshot:
        """What the store makes of it."""
        store = self.store(*messages)
        if status is not None:
            store.apply(status)
        return store.snapshot()

    def store(self, *messages: object) -> Store:
        """A store that knows it."""
        store = Store()
        source = self.source
        known = Definitions(
            strings=tuple(source.strings),
            resources=tuple(source.resources),
            series=tuple(source.series),
        )
        for message in (known, points(self._rows), *messages):
            store.apply(message)  # type: ignore[arg-type]
        return store


_METRIC_OF = {
    "busy": (names.CPU_USAGE, ""),
    "paused": (names.WORKER_STATUS, "paused"),
    "threads": (names.WORKER_THREADS, ""),
    "limit": (names.WORKER_LIMIT, ""),
    "latency": (names.WORKER_LATENCY, ""),
    "managed": (names.WORKER_MEMORY, names.MEMORY_MANAGED),
    "old": (names.WORKER_MEMORY, names.MEMORY_UNMANAGED_OLD),
    "recent": (names.WORKER_MEMORY, names.MEMORY_UNMANAGED_RECENT),
    "spilled": (names.WORKER_MEMORY, names.MEMORY_SPILLED),
    "run": (names.WORKER_TASKS, "executing"),
    "long": (names.WORKER_TASKS, "long-running"),
    "ready": (names.WORKER_TASKS, "ready"),
    "in_memory": (names.WORKER_TASKS, "memory"),
    "received": (names.TRANSFER_IO, names.RECEIVE),
    "sent": (names.TRANSFER_IO, names.TRANSMIT),
    "written": (names.PROCESS_DISK_IO, names.WRITE),
    "host_in": (names.HOST_NETWORK_RATE, names.RECEIVE),
    "dropped": (names.SPANS_DROPPED, ""),
    "dropped_logs": (names.LOGS_DROPPED, ""),
}


def histories(snapshot: Snapshot) -> dict[int, SeriesPoints]:
    """All points of each series, in order of time."""
    parts = defaultdict[int, list[tuple[int, float]]](list)
    for run in snapshot.point_runs:
        rows = zip(run.series.tolist(), run.time_ns.tolist(), run.value.tolist(), strict=True)
        for series, time_ns, value in rows:
            parts[series].append((time_ns, value))
    found = {}
    for series, rows_of_it in parts.items():
        times, values = zip(*sorted(rows_of_it, key=itemgetter(0)), strict=True)
        found[series] = SeriesPoints(np.array(times, np.int64), np.array(values))
    return found


def removed(source: Source, address: str, at_s: float, resource: int = 0) -> Iterable[EventBatch]:
    """The word of a scheduler, or of another of its cluster, that a worker left."""
    return (
        source.event(
            names.EVENT_WORKER_REMOVED,
            round(at_s * SECOND),
            "worker removed",
            resource=resource,
            dask_worker_address=address,
        ),
    )


def growth_per_s(points: SeriesPoints) -> float:
    """Growth of a counter over its newest points; NaN from a single point."""
    end_ns = int(points.time_ns[-1])
    first = int(points.time_ns.searchsorted(end_ns - RATE_SPAN_NS))
    first = min(first, max(len(points.time_ns) - 2, 0))
    span_ns = end_ns - int(points.time_ns[first])
    if not span_ns:
        return float("nan")
    return float(np.maximum(points.value[-1] - points.value[first], 0.0)) * 1e9 / span_ns
