"""Metrics that every process has, and the lists of all."""

from __future__ import annotations

from typing import Final

from dask_otel.conventions.attributes import CPU_MODE, DISK_IO_DIRECTION, NETWORK_IO_DIRECTION
from dask_otel.conventions.metric import Metric
from dask_otel.conventions.scheduler_metrics import SCHEDULER_METRICS
from dask_otel.conventions.worker_metrics import WORKER_METRICS

CPU_USAGE: Final = Metric("dask.process.cpu.usage", "{cpu}", "gauge", "CPUs kept busy.")
PROCESS_MEMORY: Final = Metric("process.memory.usage", "By", "updowncounter", "Resident set size.")
PROCESS_UPTIME: Final = Metric("process.uptime", "s", "gauge", "Time since the process started.")
OPEN_FILES: Final = Metric(
    "process.unix.file_descriptor.count",
    "{file_descriptor}",
    "updowncounter",
    "Open file descriptors.",
    when="not on Windows",
)
EVENT_LOOP_LAG: Final = Metric(
    "dask.event_loop.lag", "s", "gauge", "Mean time between ticks of the event loop (20 ms asked)."
)
EVENT_LOOP_TICK_MAX: Final = Metric(
    "dask.event_loop.tick.max", "s", "gauge", "Longest time between two ticks since the last point."
)
EVENT_LOOP_TICKS: Final = Metric(
    "dask.event_loop.ticks", "{tick}", "counter", "Ticks of the event loop."
)
GC_TIME: Final = Metric(
    "dask.process.gc.time", "s", "counter", "Time spent on garbage collection, in Dask's measure."
)
_WITH_GILKNOCKER: Final = "with gilknocker installed"
GIL_CONTENTION: Final = Metric(
    "dask.process.gil.contention",
    "1",
    "gauge",
    "Share of time in which the GIL was held by others.",
    when=_WITH_GILKNOCKER,
)
GIL_TIME: Final = Metric(
    "dask.process.gil.contention.time",
    "s",
    "counter",
    "Time in which the GIL was held by others.",
    when=_WITH_GILKNOCKER,
)

#: Of the whole host, as every process on it sees it.
HOST_NETWORK_RATE: Final = Metric(
    "dask.host.network.rate", "By/s", "gauge", "Host network traffic.", (NETWORK_IO_DIRECTION,)
)
HOST_DISK_RATE: Final = Metric(
    "dask.host.disk.rate", "By/s", "gauge", "Host disk traffic.", (DISK_IO_DIRECTION,)
)
HOST_CPU: Final = Metric(
    "dask.host.cpu.usage",
    "{cpu}",
    "gauge",
    "CPUs of the host by what they are busy with.",
    (CPU_MODE,),
    "with `distributed.admin.system-monitor.host-cpu`",
)

_WITH_GPU: Final = "with an NVIDIA GPU and pynvml"
GPU_UTILIZATION: Final = Metric(
    "dask.gpu.utilization", "1", "gauge", "Share of time in which the GPU was busy.", (), _WITH_GPU
)
GPU_MEMORY: Final = Metric(
    "dask.gpu.memory.usage", "By", "gauge", "Memory of the GPU in use.", (), _WITH_GPU
)
GPU_MEMORY_LIMIT: Final = Metric(
    "dask.gpu.memory.limit", "By", "gauge", "Memory of the GPU.", (), _WITH_GPU
)

#: The instrumentation's own counters: spans handed over, acknowledged by the endpoint, given up.
SPANS_RECORDED: Final = Metric("dask_otel.spans.recorded", "{span}", "counter", "Spans recorded.")
SPANS_EXPORTED: Final = Metric("dask_otel.spans.exported", "{span}", "counter", "Spans exported.")
SPANS_DROPPED: Final = Metric("dask_otel.spans.dropped", "{span}", "counter", "Spans dropped.")
#: Those that settings or samplers leave out; they count as none of the above.
SPANS_SAMPLED_OUT: Final = Metric(
    "dask_otel.spans.sampled_out", "{span}", "counter", "Spans left out by sampling."
)
#: Those that fell out while they waited, and those that the endpoint has refused.
LOGS_DROPPED: Final = Metric(
    "dask_otel.logs.dropped", "{log_record}", "counter", "Log records dropped."
)

PROCESS_METRICS: Final = (
    CPU_USAGE,
    PROCESS_MEMORY,
    PROCESS_UPTIME,
    OPEN_FILES,
    EVENT_LOOP_LAG,
    EVENT_LOOP_TICK_MAX,
    EVENT_LOOP_TICKS,
    GC_TIME,
    GIL_CONTENTION,
    GIL_TIME,
    HOST_NETWORK_RATE,
    HOST_DISK_RATE,
    HOST_CPU,
    GPU_UTILIZATION,
    GPU_MEMORY,
    GPU_MEMORY_LIMIT,
)
OWN_METRICS: Final = (
    SPANS_RECORDED,
    SPANS_EXPORTED,
    SPANS_DROPPED,
    SPANS_SAMPLED_OUT,
    LOGS_DROPPED,
)
METRICS: Final = SCHEDULER_METRICS + PROCESS_METRICS + WORKER_METRICS + OWN_METRICS
