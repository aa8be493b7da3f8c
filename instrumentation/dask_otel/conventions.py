"""Every name that `dask_otel` emits: the contract with the desktop and with any other consumer.

The only module that both sides share, so it imports nothing. Names follow OpenTelemetry's semantic
conventions 1.44 where one fits (`thread.id`, `error.type`, `process.*`), else the namespace
`dask.*`.
Units are UCUM. A renamed attribute is a breaking change and goes into the changelog.
"""

from __future__ import annotations

from typing import Final, NamedTuple

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.44.0"
SCOPE_NAME: Final = "dask_otel"

# Resource ---------------------------------------------------------------------------------------

SERVICE_NAME: Final = "service.name"
SERVICE_NAMESPACE: Final = "service.namespace"
SERVICE_INSTANCE_ID: Final = "service.instance.id"
HOST_NAME: Final = "host.name"
PROCESS_PID: Final = "process.pid"

SERVICE_SCHEDULER: Final = "dask-scheduler"
SERVICE_WORKER: Final = "dask-worker"
SERVICE_CLIENT: Final = "dask-client"

WORKER_ADDRESS: Final = "dask.worker.address"
WORKER_NAME: Final = "dask.worker.name"
WORKER_NTHREADS: Final = "dask.worker.nthreads"
#: Bytes; absent when the worker has no limit.
WORKER_MEMORY_LIMIT: Final = "dask.worker.memory_limit"
#: Address of the nanny; absent without one.
WORKER_NANNY: Final = "dask.worker.nanny"
SCHEDULER_ADDRESS: Final = "dask.scheduler.address"

# Spans ------------------------------------------------------------------------------------------

#: What the time of a span was spent on, in the words of Dask's `startstops`.
ACTION: Final = "dask.action"
ACTION_COMPUTE: Final = "compute"
ACTION_TRANSFER: Final = "transfer"
ACTION_DISK_READ: Final = "disk-read"
ACTION_DISK_WRITE: Final = "disk-write"
ACTION_DESERIALIZE: Final = "deserialize"
#: Submission until everything wanted is finished; not one of Dask's actions.
ACTION_GRAPH: Final = "graph"

SPAN_TRANSFER: Final = "transfer"
SPAN_GRAPH: Final = "dask.graph"

TASK_KEY: Final = "dask.task.key"
TASK_PREFIX: Final = "dask.task.prefix"
TASK_GROUP: Final = "dask.task.group"
#: (key, run id) is one attempt. Dask counts run ids over the whole cluster.
TASK_RUN_ID: Final = "dask.task.run_id"
TASK_NBYTES: Final = "dask.task.nbytes"
TASK_TYPE: Final = "dask.task.type"
TASK_PRIORITY: Final = "dask.task.priority"
THREAD_ID: Final = "thread.id"
ERROR_TYPE: Final = "error.type"

EVENT_EXCEPTION: Final = "exception"
EXCEPTION_TYPE: Final = "exception.type"
EXCEPTION_MESSAGE: Final = "exception.message"
EXCEPTION_STACKTRACE: Final = "exception.stacktrace"

#: Whole address of the worker that sent the batch, as Dask writes it (`tcp://10.0.0.1:40101`).
TRANSFER_PEER: Final = "dask.transfer.peer"
TRANSFER_BYTES: Final = "dask.transfer.bytes"
#: Keys of the batch, at most `MAX_TRANSFER_KEYS` of the `TRANSFER_KEY_COUNT`.
TRANSFER_KEYS: Final = "dask.transfer.keys"
TRANSFER_KEY_COUNT: Final = "dask.transfer.key_count"
#: Bytes a second.
TRANSFER_BANDWIDTH: Final = "dask.transfer.bandwidth"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
MAX_TRANSFER_KEYS: Final = 128

GRAPH_CLIENT: Final = "dask.client.id"
GRAPH_TASKS: Final = "dask.graph.tasks"
#: Sorted, at most `MAX_GRAPH_PREFIXES` of them.
GRAPH_PREFIXES: Final = "dask.graph.prefixes"
MAX_GRAPH_PREFIXES: Final = 128

# Log records ------------------------------------------------------------------------------------

#: One record per worker and tick names every attempt that has been running longer than a tick, as
#: arrays of equal length; a record with empty arrays says that nothing runs any more.
EVENT_RUNNING: Final = "dask.worker.running"
RUNNING_KEYS: Final = "dask.running.keys"
RUNNING_PREFIXES: Final = "dask.running.prefixes"
RUNNING_RUN_IDS: Final = "dask.running.run_ids"
RUNNING_THREADS: Final = "dask.running.thread_ids"
#: Nanoseconds since the epoch on the scheduler's clock.
RUNNING_STARTS: Final = "dask.running.start_times"

EVENT_WORKER_ADDED: Final = "dask.worker.added"
EVENT_WORKER_REMOVED: Final = "dask.worker.removed"
EVENT_GRAPH_SUBMITTED: Final = "dask.graph.submitted"

#: Why a worker left, in Dask's words, and whether it was asked to; absent when Dask does not say.
REMOVAL_REASON: Final = "dask.worker.removal.reason"
REMOVAL_EXPECTED: Final = "dask.worker.removal.expected"

# Attributes of metric points --------------------------------------------------------------------

TASK_STATE: Final = "dask.task.state"
WORKER_STATE: Final = "dask.worker.state"
MEMORY_TYPE: Final = "dask.memory.type"
NETWORK_IO_DIRECTION: Final = "network.io.direction"
DISK_IO_DIRECTION: Final = "disk.io.direction"

#: Dask's task states on the scheduler, in the order of a task's life.
TASK_STATES: Final = (
    "released",
    "waiting",
    "no-worker",
    "queued",
    "processing",
    "memory",
    "erred",
    "forgotten",
)

#: Dask's split of a worker's process memory, and what it has spilled to disk.
MEMORY_MANAGED: Final = "managed"
MEMORY_UNMANAGED_OLD: Final = "unmanaged_old"
MEMORY_UNMANAGED_RECENT: Final = "unmanaged_recent"
MEMORY_SPILLED: Final = "spilled"

RECEIVE: Final = "receive"
TRANSMIT: Final = "transmit"
READ: Final = "read"
WRITE: Final = "write"


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
