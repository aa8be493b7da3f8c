"""Names of resources, spans, log records and of all attributes."""

from __future__ import annotations

from typing import Final

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.44.0"
SCOPE_NAME: Final = "dask_otel"

# Resource ---------------------------------------------------------------------------------------

SERVICE_NAME: Final = "service.name"
SERVICE_NAMESPACE: Final = "service.namespace"
SERVICE_INSTANCE_ID: Final = "service.instance.id"
HOST_NAME: Final = "host.name"
PROCESS_PID: Final = "process.pid"
TELEMETRY_SDK_NAME: Final = "telemetry.sdk.name"
TELEMETRY_SDK_LANGUAGE: Final = "telemetry.sdk.language"
TELEMETRY_SDK_VERSION: Final = "telemetry.sdk.version"

SERVICE_SCHEDULER: Final = "dask-scheduler"
SERVICE_WORKER: Final = "dask-worker"
#: Watches a worker process, and starts it anew. Where a scheduler shares its process, that speaks.
SERVICE_NANNY: Final = "dask-nanny"
SERVICE_CLIENT: Final = "dask-client"

WORKER_ADDRESS: Final = "dask.worker.address"
WORKER_NAME: Final = "dask.worker.name"
WORKER_NTHREADS: Final = "dask.worker.nthreads"
#: That in which coroutines run, any number at once; other threads run one task at a time.
WORKER_LOOP_THREAD: Final = "dask.worker.event_loop.thread_id"
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
#: The sending end of a transfer, as the worker that holds the data saw it; not one of Dask's.
ACTION_SEND: Final = "send"
#: Submission until everything wanted is finished; not one of Dask's actions.
ACTION_GRAPH: Final = "graph"
#: A call of the client; not one of Dask's actions.
ACTION_CLIENT: Final = "client"

SPAN_TRANSFER: Final = "transfer"
SPAN_SEND: Final = "send"
SPAN_DISK_READ: Final = "disk-read"
SPAN_DISK_WRITE: Final = "disk-write"
SPAN_DESERIALIZE: Final = "deserialize"
SPAN_GRAPH: Final = "dask.graph"
#: And a name from `CLIENT_CALLS`: `dask.client.compute`.
SPAN_CLIENT: Final = "dask.client"
CLIENT_CALLS: Final = ("compute", "persist", "submit", "map", "gather", "scatter")
#: Those that ask for values and wait for the answer; the others submit what is run later.
CLIENT_REQUESTS: Final = frozenset({"gather", "scatter"})

TASK_KEY: Final = "dask.task.key"
TASK_PREFIX: Final = "dask.task.prefix"
TASK_GROUP: Final = "dask.task.group"
#: (key, run id) is one attempt. Dask counts run ids over the whole cluster.
TASK_RUN_ID: Final = "dask.task.run_id"
TASK_NBYTES: Final = "dask.task.nbytes"
TASK_TYPE: Final = "dask.task.type"
TASK_PRIORITY: Final = "dask.task.priority"
#: How the attempt ended: one of `OUTCOMES`.
TASK_OUTCOME: Final = "dask.task.outcome"
OUTCOME_FINISHED: Final = "finished"
OUTCOME_FAILED: Final = "failed"
#: Nobody wanted the result any more when it ended; with an error when it did not: its worker was
#: killed meanwhile.
OUTCOME_CANCELLED: Final = "cancelled"
#: The task raised `Reschedule`, or its worker closed under it.
OUTCOME_RESCHEDULED: Final = "rescheduled"
#: Its worker went away; reported by the scheduler.
OUTCOME_LOST: Final = "lost"
OUTCOMES: Final = (
    OUTCOME_FINISHED,
    OUTCOME_FAILED,
    OUTCOME_CANCELLED,
    OUTCOME_RESCHEDULED,
    OUTCOME_LOST,
)
#: Of a lost attempt: whether its worker had said that it runs; false when it may not have begun.
TASK_EXECUTING: Final = "dask.task.executing"
#: Seconds on the worker until all dependencies were there; from there until its data were read and
#: it was given to a thread; and from there until its result was there and its size known.
TASK_WAIT_DEPENDENCIES: Final = "dask.task.wait.dependencies"
TASK_WAIT_READY: Final = "dask.task.wait.ready"
TASK_EXECUTE: Final = "dask.task.execute"
#: Dependencies of the task; the span has links to the attempts that made them, `MAX_LINKS` at most.
TASK_DEPENDENCY_COUNT: Final = "dask.task.dependency_count"
#: On each link: the key that was made.
LINK_KEY: Final = "dask.task.key"
#: OpenTelemetry's SDK keeps no more than 128 links by default.
MAX_LINKS: Final = 128
THREAD_ID: Final = "thread.id"
ERROR_TYPE: Final = "error.type"

EVENT_EXCEPTION: Final = "exception"
EXCEPTION_TYPE: Final = "exception.type"
EXCEPTION_MESSAGE: Final = "exception.message"
EXCEPTION_STACKTRACE: Final = "exception.stacktrace"

#: Whole address of the worker that sent the batch, as Dask writes it (`tcp://10.0.0.1:40101`).
TRANSFER_PEER: Final = "dask.transfer.peer"
TRANSFER_BYTES: Final = "dask.transfer.bytes"
#: The same at both ends of a batch: a hash of who sent which keys to whom. With its times it tells
#: which `send` belongs to which `transfer`. For a shuffle's batch: of what it carries a part of.
TRANSFER_ID: Final = "dask.transfer.id"
#: Of a P2P shuffle or rechunk, whose data bypasses Dask's transfers.
SHUFFLE_ID: Final = "dask.shuffle.id"
#: Keys of the batch, at most `MAX_TRANSFER_KEYS` of the `TRANSFER_KEY_COUNT`.
TRANSFER_KEYS: Final = "dask.transfer.keys"
TRANSFER_KEY_COUNT: Final = "dask.transfer.key_count"
#: Bytes a second.
TRANSFER_BANDWIDTH: Final = "dask.transfer.bandwidth"
#: Host and port of whom a `transfer` was asked, and of whoever asked for a `send`.
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
CLIENT_ADDRESS: Final = "client.address"
CLIENT_PORT: Final = "client.port"
MAX_TRANSFER_KEYS: Final = 128

DISK_BYTES: Final = "dask.disk.bytes"
#: What made a worker spill or load: one of `DISK_CAUSES`.
DISK_CAUSE: Final = "dask.disk.cause"
DISK_CAUSE_TASK: Final = "task"
DISK_CAUSE_MEMORY_MONITOR: Final = "memory-monitor"
DISK_CAUSE_TRANSFER: Final = "transfer"
DISK_CAUSE_SHUFFLE: Final = "shuffle"
DISK_CAUSES: Final = (
    DISK_CAUSE_TASK,
    DISK_CAUSE_MEMORY_MONITOR,
    DISK_CAUSE_TRANSFER,
    DISK_CAUSE_SHUFFLE,
)

GRAPH_CLIENT: Final = "dask.client.id"
GRAPH_TASKS: Final = "dask.graph.tasks"
#: Sorted, at most `MAX_GRAPH_PREFIXES` of them.
GRAPH_PREFIXES: Final = "dask.graph.prefixes"
MAX_GRAPH_PREFIXES: Final = 128
GRAPH_PREFIX_COUNT: Final = "dask.graph.prefix_count"
#: Tasks of the graph that erred.
GRAPH_ERRED: Final = "dask.graph.erred"
#: Number of the continuation, from 1, of a graph with more spans than one trace should hold.
GRAPH_CONTINUATION: Final = "dask.graph.continuation"
#: Source code that submitted the graph, where Dask sends it.
CODE: Final = "dask.graph.code"
#: Futures, keys or values that a call of the client is about.
CLIENT_COUNT: Final = "dask.client.count"

# Log records ------------------------------------------------------------------------------------

#: One record per worker and tick names every attempt that runs, but for those just begun, as
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
#: A worker's status changed: `dask.worker.state` and the one before. Paused and resumed have names
#: of their own.
EVENT_WORKER_STATUS: Final = "dask.worker.status"
EVENT_WORKER_PAUSED: Final = "dask.worker.paused"
EVENT_WORKER_RESUMED: Final = "dask.worker.resumed"
#: A nanny restarted its worker, or a client all of them.
EVENT_WORKER_RESTARTED: Final = "dask.worker.restarted"
EVENT_WORKER_RETIRED: Final = "dask.worker.retired"
#: Removed though nobody asked for it; comes with `dask.worker.removed`.
EVENT_WORKER_LOST: Final = "dask.worker.lost"
EVENT_STEAL: Final = "dask.steal"
EVENT_GROUP_ERRED: Final = "dask.group.erred"
EVENT_ADAPTIVE: Final = "dask.adaptive.target"
EVENT_SPILL: Final = "dask.spill"
EVENT_SCATTER: Final = "dask.client.scatter"
EVENT_GATHER: Final = "dask.client.gather"
#: Whatever was said with `log_event`, by users or by Dask.
EVENT_LOGGED: Final = "dask.event"
#: A record of one of Dask's own Python loggers, WARNING or worse.
EVENT_LOG: Final = "dask.log"

#: Status of the worker before.
WORKER_STATE_BEFORE: Final = "dask.worker.state.before"
EVENT_TOPIC: Final = "dask.event.topic"
#: What was said, as JSON where it can be written as JSON, else as Python writes it.
EVENT_MESSAGE: Final = "dask.event.message"
LOGGER_NAME: Final = "dask.log.logger"
#: Set on the last record of a second that had too many: the rest of it is left out.
LOG_FLOOD: Final = "dask.log.flood"
#: Tasks that an event is about.
EVENT_TASK_COUNT: Final = "dask.event.tasks"
#: Keys of those tasks, at most `MAX_TRANSFER_KEYS` of them.
EVENT_KEYS: Final = "dask.event.keys"
#: Events of the same name that are left out because too many came at once.
EVENT_OMITTED: Final = "dask.event.omitted"
STEAL_VICTIM: Final = "dask.steal.victim"
STEAL_THIEF: Final = "dask.steal.thief"
STEAL_OUTCOME: Final = "dask.steal.outcome"
ADAPTIVE_TARGET: Final = "dask.adaptive.workers"

#: Why a worker left, in Dask's words, and whether it was asked to; absent when Dask does not say.
REMOVAL_REASON: Final = "dask.worker.removal.reason"
REMOVAL_EXPECTED: Final = "dask.worker.removal.expected"

# Attributes of metric points --------------------------------------------------------------------

TASK_STATE: Final = "dask.task.state"
WORKER_STATE: Final = "dask.worker.state"
MEMORY_TYPE: Final = "dask.memory.type"
NETWORK_IO_DIRECTION: Final = "network.io.direction"
DISK_IO_DIRECTION: Final = "disk.io.direction"
CPU_MODE: Final = "cpu.mode"
#: How much of the scheduler's work a running worker has: one of `WORKER_LOADS`.
WORKER_LOAD: Final = "dask.worker.load"
WORKER_LOADS: Final = ("idle", "partially_saturated", "saturated")
#: Share of its limit at which a worker acts: one of `MEMORY_THRESHOLDS`.
MEMORY_THRESHOLD: Final = "dask.memory.threshold"
MEMORY_THRESHOLDS: Final = ("target", "spill", "pause", "terminate")
SEMAPHORE_NAME: Final = "dask.semaphore.name"
#: `active` or `pending`.
LEASE_STATE: Final = "dask.semaphore.lease.state"
LEASE_ACTIVE: Final = "active"
LEASE_PENDING: Final = "pending"
#: Level of work stealing: how many times longer than its task a transfer may take.
STEAL_COST_MULTIPLIER: Final = "dask.steal.cost_multiplier"
#: Addresses of the worker that sends and of the one that receives.
TRANSFER_SOURCE: Final = "dask.transfer.source"
TRANSFER_DESTINATION: Final = "dask.transfer.destination"
#: Dask's fine performance metrics: what the worker was doing (`execute`, `gather-dep`, `get-data`,
#: `memory-monitor`, `p2p`), what its time went to (`thread-cpu`, `disk-read`, ...), and the unit
#: where it is none of seconds, bytes and counts.
ACTIVITY_CONTEXT: Final = "dask.activity.context"
ACTIVITY_NAME: Final = "dask.activity.name"
ACTIVITY_UNIT: Final = "dask.activity.unit"
#: Stands for the rest where a metric has more attribute sets than are sent one by one.
ACTIVITY_OTHER: Final = "other"
#: Name that a user has given in `worker.metrics`.
USER_METRIC: Final = "dask.metric.name"
#: Where the buffers of a P2P shuffle empty themselves to: `comm` or `disk`.
SHUFFLE_MEDIUM: Final = "dask.shuffle.medium"
SHUFFLE_COMM: Final = "comm"
SHUFFLE_DISK: Final = "disk"

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
