"""Names, units and kinds of the metrics."""

from __future__ import annotations

from typing import Final, NamedTuple

from dask_otel.conventions.attributes import (
    DISK_IO_DIRECTION,
    MEMORY_TYPE,
    NETWORK_IO_DIRECTION,
    TASK_PREFIX,
    TASK_STATE,
    WORKER_STATE,
)


class Metric(NamedTuple):
    """One emitted metric.

    Attributes
    ----------
    name, unit, kind, description
        As they stand on the wire; `kind` is `gauge`, `updowncounter` or `counter` (cumulative).
    attributes
        Names of the attributes of its points.
    """

    name: str
    unit: str
    kind: str
    description: str
    attributes: tuple[str, ...] = ()


#: Every prefix with a changed count is sent again; counts include what the scheduler has forgotten.
TASKS: Final = Metric(
    "dask.tasks", "{task}", "gauge", "Tasks by prefix and state.", (TASK_PREFIX, TASK_STATE)
)
WORKERS: Final = Metric("dask.workers", "{worker}", "gauge", "Workers by state.", (WORKER_STATE,))
CLIENTS: Final = Metric("dask.clients", "{client}", "gauge", "Connected clients.")
OCCUPANCY: Final = Metric("dask.scheduler.occupancy", "s", "gauge", "Expected work in hand.")

#: Emitted by every process, scheduler and worker.
CPU_USAGE: Final = Metric("dask.process.cpu.usage", "{cpu}", "gauge", "CPUs kept busy.")
PROCESS_MEMORY: Final = Metric("process.memory.usage", "By", "gauge", "Resident set size.")
EVENT_LOOP_LAG: Final = Metric(
    "dask.event_loop.lag", "s", "gauge", "Mean time between ticks of the event loop (20 ms asked)."
)
OPEN_FILES: Final = Metric(
    "process.unix.file_descriptor.count", "{file_descriptor}", "gauge", "Open file descriptors."
)

WORKER_MEMORY: Final = Metric(
    "dask.worker.memory", "By", "gauge", "Memory by Dask's split.", (MEMORY_TYPE,)
)
WORKER_LIMIT: Final = Metric("dask.worker.memory.limit", "By", "gauge", "Memory limit.")
WORKER_TASKS: Final = Metric(
    "dask.worker.tasks", "{task}", "gauge", "Tasks the worker knows, by state.", (TASK_STATE,)
)
WORKER_THREADS: Final = Metric("dask.worker.threads", "{thread}", "gauge", "Threads for tasks.")
WORKER_LATENCY: Final = Metric(
    "dask.worker.latency", "s", "gauge", "Round trip of the last heartbeat."
)
#: Of the whole host, as every worker on it sees it.
HOST_NETWORK_RATE: Final = Metric(
    "dask.host.network.rate", "By/s", "gauge", "Host network traffic.", (NETWORK_IO_DIRECTION,)
)
HOST_DISK_RATE: Final = Metric(
    "dask.host.disk.rate", "By/s", "gauge", "Host disk traffic.", (DISK_IO_DIRECTION,)
)
#: Of this worker alone.
TRANSFER_IO: Final = Metric(
    "dask.worker.transfer.io", "By", "counter", "Bytes of task data moved.", (NETWORK_IO_DIRECTION,)
)
TRANSFER_COUNT: Final = Metric(
    "dask.worker.transfers", "{transfer}", "counter", "Batches moved.", (NETWORK_IO_DIRECTION,)
)
PROCESS_DISK_IO: Final = Metric(
    "process.disk.io", "By", "counter", "Disk traffic of the process.", (DISK_IO_DIRECTION,)
)

#: The instrumentation's own counters: spans handed over, acknowledged by the endpoint, given up.
SPANS_RECORDED: Final = Metric("dask_otel.spans.recorded", "{span}", "counter", "Spans recorded.")
SPANS_EXPORTED: Final = Metric("dask_otel.spans.exported", "{span}", "counter", "Spans exported.")
SPANS_DROPPED: Final = Metric("dask_otel.spans.dropped", "{span}", "counter", "Spans dropped.")

SCHEDULER_METRICS: Final = (TASKS, WORKERS, CLIENTS, OCCUPANCY)
PROCESS_METRICS: Final = (CPU_USAGE, PROCESS_MEMORY, EVENT_LOOP_LAG, OPEN_FILES)
WORKER_METRICS: Final = (
    WORKER_MEMORY,
    WORKER_LIMIT,
    WORKER_TASKS,
    WORKER_THREADS,
    WORKER_LATENCY,
    HOST_NETWORK_RATE,
    HOST_DISK_RATE,
    TRANSFER_IO,
    TRANSFER_COUNT,
    PROCESS_DISK_IO,
)
OWN_METRICS: Final = (SPANS_RECORDED, SPANS_EXPORTED, SPANS_DROPPED)
METRICS: Final = SCHEDULER_METRICS + PROCESS_METRICS + WORKER_METRICS + OWN_METRICS
