"""Metrics of a worker."""

from __future__ import annotations

from typing import Final

from dask_otel.conventions.attributes import (
    ACTIVITY_CONTEXT,
    ACTIVITY_NAME,
    ACTIVITY_UNIT,
    DISK_IO_DIRECTION,
    MEMORY_THRESHOLD,
    MEMORY_TYPE,
    NETWORK_IO_DIRECTION,
    SHUFFLE_MEDIUM,
    TASK_PREFIX,
    TASK_STATE,
    USER_METRIC,
    WORKER_STATE,
)
from dask_otel.conventions.metric import Metric

_WITH_LIMIT: Final = "where the worker has a memory limit"

WORKER_STATUS: Final = Metric(
    "dask.worker.status",
    "1",
    "gauge",
    "1 for the state that the worker is in, 0 for those it has left.",
    (WORKER_STATE,),
)
WORKER_MEMORY: Final = Metric(
    "dask.worker.memory", "By", "gauge", "Memory by Dask's split.", (MEMORY_TYPE,)
)
WORKER_LIMIT: Final = Metric(
    "dask.worker.memory.limit", "By", "gauge", "Memory limit.", (), _WITH_LIMIT
)
WORKER_MEMORY_THRESHOLD: Final = Metric(
    "dask.worker.memory.threshold",
    "By",
    "gauge",
    "Memory from which the worker spills, pauses, or is restarted by its nanny.",
    (MEMORY_THRESHOLD,),
    _WITH_LIMIT,
)
WORKER_TASKS: Final = Metric(
    "dask.worker.tasks",
    "{task}",
    "gauge",
    "Tasks the worker knows, by state; `disk` are those that it has spilled.",
    (TASK_STATE,),
)
WORKER_THREADS: Final = Metric("dask.worker.threads", "{thread}", "gauge", "Threads for tasks.")
WORKER_LATENCY: Final = Metric(
    "dask.worker.latency", "s", "gauge", "Round trip of heartbeats, smoothed."
)
WORKER_BANDWIDTH: Final = Metric(
    "dask.worker.bandwidth", "By/s", "gauge", "Moving average of what large transfers reach."
)
WORKER_CONNECTIONS: Final = Metric(
    "dask.worker.connections",
    "{connection}",
    "gauge",
    "Connections to the worker.",
)

#: Of this worker alone.
TRANSFER_IO: Final = Metric(
    "dask.worker.transfer.io", "By", "counter", "Bytes of task data moved.", (NETWORK_IO_DIRECTION,)
)
TRANSFER_COUNT: Final = Metric(
    "dask.worker.transfers", "{transfer}", "counter", "Batches moved.", (NETWORK_IO_DIRECTION,)
)
OPEN_TRANSFERS: Final = Metric(
    "dask.worker.transfers.open",
    "{transfer}",
    "gauge",
    "Batches that are being moved.",
    (NETWORK_IO_DIRECTION,),
)
OPEN_TRANSFER_SIZE: Final = Metric(
    "dask.worker.transfers.open.size",
    "By",
    "gauge",
    "Size of the batches that are being moved.",
    (NETWORK_IO_DIRECTION,),
)
PROCESS_DISK_IO: Final = Metric(
    "process.disk.io",
    "By",
    "counter",
    "Disk traffic of the process.",
    (DISK_IO_DIRECTION,),
    "not on macOS",
)

_AFTER_SPILLING: Final = "once values were read or spilled"
SPILL_IO: Final = Metric(
    "dask.worker.spill.io",
    "By",
    "counter",
    "Bytes of values read from memory and disk, and written to disk.",
    (ACTIVITY_NAME,),
    _AFTER_SPILLING,
)
SPILL_COUNT: Final = Metric(
    "dask.worker.spill.operations",
    "{operation}",
    "counter",
    "Values read from memory and disk, and written to disk.",
    (ACTIVITY_NAME,),
    _AFTER_SPILLING,
)
SPILL_TIME: Final = Metric(
    "dask.worker.spill.time",
    "s",
    "counter",
    "Time spent on spilling and loading.",
    (ACTIVITY_NAME,),
    _AFTER_SPILLING,
)

#: Dask's fine performance metrics. The prefix is empty where no task is meant.
_ACTIVITY: Final = (ACTIVITY_CONTEXT, TASK_PREFIX, ACTIVITY_NAME)
_AFTER_WORK: Final = "once the worker has worked"
ACTIVITY_TIME: Final = Metric(
    "dask.worker.activity.time", "s", "counter", "What time went to.", _ACTIVITY, _AFTER_WORK
)
ACTIVITY_IO: Final = Metric(
    "dask.worker.activity.io",
    "By",
    "counter",
    "Bytes read, written and moved.",
    _ACTIVITY,
    _AFTER_WORK,
)
ACTIVITY_COUNT: Final = Metric(
    "dask.worker.activity.operations",
    "{operation}",
    "counter",
    "How often something was read, written or moved.",
    _ACTIVITY,
    _AFTER_WORK,
)
ACTIVITY_CUSTOM: Final = Metric(
    "dask.worker.activity.custom",
    "1",
    "counter",
    "What tasks measure by themselves, in units of their own.",
    (*_ACTIVITY, ACTIVITY_UNIT),
    "where a task calls `context_meter.digest_metric` with a unit of its own",
)

_WITH_SHUFFLE: Final = "once there was a P2P shuffle or rechunk"
SHUFFLES: Final = Metric(
    "dask.worker.shuffles", "{shuffle}", "gauge", "P2P shuffles in hand.", (), _WITH_SHUFFLE
)
SHUFFLE_BUFFER: Final = Metric(
    "dask.worker.shuffle.buffer",
    "By",
    "gauge",
    "What waits in the buffers of shuffles.",
    (SHUFFLE_MEDIUM,),
    _WITH_SHUFFLE,
)
SHUFFLE_BUFFER_LIMIT: Final = Metric(
    "dask.worker.shuffle.buffer.limit",
    "By",
    "gauge",
    "What the buffers of shuffles may hold.",
    (SHUFFLE_MEDIUM,),
    _WITH_SHUFFLE,
)
SHUFFLE_NETWORK_IO: Final = Metric(
    "dask.worker.shuffle.network.io",
    "By",
    "counter",
    "Bytes that shuffles have moved between workers.",
    (NETWORK_IO_DIRECTION,),
    _WITH_SHUFFLE,
)
SHUFFLE_DISK_IO: Final = Metric(
    "dask.worker.shuffle.disk.io",
    "By",
    "counter",
    "Bytes that shuffles have written and read.",
    (DISK_IO_DIRECTION,),
    _WITH_SHUFFLE,
)

USER_METRICS: Final = Metric(
    "dask.worker.metric",
    "1",
    "gauge",
    "Numbers that users measure with `worker.metrics`, 64 at most.",
    (USER_METRIC,),
    "where `worker.metrics` has functions",
)
_WITH_RMM: Final = "with rmm installed"
RMM_USED: Final = Metric(
    "dask.gpu.rmm.usage", "By", "gauge", "GPU memory that RMM has given out.", (), _WITH_RMM
)
RMM_TOTAL: Final = Metric(
    "dask.gpu.rmm.limit", "By", "gauge", "GPU memory in RMM's pool.", (), _WITH_RMM
)
CUDF_SPILLED: Final = Metric(
    "dask.gpu.cudf.spilled",
    "By",
    "gauge",
    "GPU memory that cuDF has spilled to the host.",
    (),
    "with `distributed.diagnostics.cudf`",
)

WORKER_METRICS: Final = (
    WORKER_STATUS,
    WORKER_MEMORY,
    WORKER_LIMIT,
    WORKER_MEMORY_THRESHOLD,
    WORKER_TASKS,
    WORKER_THREADS,
    WORKER_LATENCY,
    WORKER_BANDWIDTH,
    WORKER_CONNECTIONS,
    TRANSFER_IO,
    TRANSFER_COUNT,
    OPEN_TRANSFERS,
    OPEN_TRANSFER_SIZE,
    PROCESS_DISK_IO,
    SPILL_IO,
    SPILL_COUNT,
    SPILL_TIME,
    ACTIVITY_TIME,
    ACTIVITY_IO,
    ACTIVITY_COUNT,
    ACTIVITY_CUSTOM,
    SHUFFLES,
    SHUFFLE_BUFFER,
    SHUFFLE_BUFFER_LIMIT,
    SHUFFLE_NETWORK_IO,
    SHUFFLE_DISK_IO,
    USER_METRICS,
    RMM_USED,
    RMM_TOTAL,
    CUDF_SPILLED,
)
