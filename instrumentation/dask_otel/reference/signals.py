"""Who emits which span and which log record, when, and with which attributes."""

from __future__ import annotations

from typing import Final, NamedTuple

from dask_otel import conventions as c


class Span(NamedTuple):
    """A span.

    Attributes
    ----------
    action
        Value of `dask.action`.
    name, kind
        Of the span; `<prefix>` stands for the task's.
    sender, when
        Who emits it, and for what.
    parent
        The span above it.
    attributes
        What it can carry.
    """

    action: str
    name: str
    kind: str
    sender: str
    when: str
    parent: str
    attributes: tuple[str, ...]


class Event(NamedTuple):
    """A log record."""

    name: str
    sender: str
    when: str
    attributes: tuple[str, ...] = ()


_FAILURE: Final = (c.ERROR_TYPE,)
_BATCH: Final = (
    c.TRANSFER_PEER,
    c.TRANSFER_BYTES,
    c.TRANSFER_KEYS,
    c.TRANSFER_KEY_COUNT,
    c.TRANSFER_BANDWIDTH,
    c.TRANSFER_ID,
    c.SHUFFLE_ID,
    *_FAILURE,
)
_DISK: Final = (
    c.TASK_KEY,
    c.DISK_BYTES,
    c.DISK_CAUSE,
    c.THREAD_ID,
    c.SHUFFLE_ID,
    *_FAILURE,
)

SPANS: Final = (
    Span(
        c.ACTION_COMPUTE,
        "`<prefix>`",
        "internal",
        "worker; the scheduler for what a lost worker had",
        "every attempt to run a task, however it ended",
        "the graph",
        (
            c.TASK_KEY,
            c.TASK_PREFIX,
            c.TASK_GROUP,
            c.TASK_RUN_ID,
            c.TASK_OUTCOME,
            c.TASK_NBYTES,
            c.TASK_TYPE,
            c.TASK_PRIORITY,
            c.TASK_WAIT_DEPENDENCIES,
            c.TASK_WAIT_READY,
            c.TASK_EXECUTE,
            c.TASK_DEPENDENCY_COUNT,
            c.TASK_EXECUTING,
            c.THREAD_ID,
            c.WORKER_ADDRESS,
            *_FAILURE,
        ),
    ),
    Span(
        c.ACTION_TRANSFER,
        f"`{c.SPAN_TRANSFER}`",
        "client",
        "worker that receives",
        "every batch of values fetched, and of a P2P shuffle",
        "the attempt that waited for it, else the graph",
        (c.SERVER_ADDRESS, c.SERVER_PORT, c.THREAD_ID, *_BATCH),
    ),
    Span(
        c.ACTION_SEND,
        f"`{c.SPAN_SEND}`",
        "server",
        "worker that sends",
        "the other end of it",
        "the graph",
        (c.CLIENT_ADDRESS, c.CLIENT_PORT, *_BATCH),
    ),
    Span(
        c.ACTION_DISK_WRITE,
        f"`{c.SPAN_DISK_WRITE}`",
        "internal",
        "worker",
        "every value spilled, and what shuffles write",
        "the attempt that it was done for, else the graph",
        _DISK,
    ),
    Span(
        c.ACTION_DISK_READ,
        f"`{c.SPAN_DISK_READ}`",
        "internal",
        "worker",
        "every value read back, and what shuffles read",
        "the attempt that it was done for, else the graph",
        _DISK,
    ),
    Span(
        c.ACTION_DESERIALIZE,
        f"`{c.SPAN_DESERIALIZE}`",
        "internal",
        "worker",
        "a task or values that take long to be unpickled",
        "the attempt that it was done for, else the graph",
        (c.TASK_KEY, c.DISK_BYTES, c.THREAD_ID),
    ),
    Span(
        c.ACTION_GRAPH,
        f"`{c.SPAN_GRAPH}`",
        "internal",
        "scheduler",
        "submission until everything wanted is finished",
        "the call of the client, where that is instrumented",
        (
            c.GRAPH_CLIENT,
            c.GRAPH_TASKS,
            c.GRAPH_ERRED,
            c.GRAPH_PREFIXES,
            c.GRAPH_PREFIX_COUNT,
            c.GRAPH_CONTINUATION,
            c.CODE,
        ),
    ),
    Span(
        c.ACTION_CLIENT,
        ", ".join(f"`{c.SPAN_CLIENT}.{call}`" for call in c.CLIENT_CALLS),
        "producer; client of those that wait for an answer: "
        + ", ".join(f"`{call}`" for call in c.CLIENT_CALLS if call in c.CLIENT_REQUESTS),
        "client",
        "a call of the client",
        "the user's own span, if one is open",
        (c.GRAPH_CLIENT, c.CLIENT_COUNT, *_FAILURE),
    ),
)

_WORKER: Final = (c.WORKER_ADDRESS, c.WORKER_NAME)
_REMOVAL: Final = (
    *_WORKER,
    c.WORKER_NTHREADS,
    c.REMOVAL_REASON,
    c.REMOVAL_EXPECTED,
    c.EVENT_TASK_COUNT,
)
_SCHEDULER: Final = "scheduler"

EVENTS: Final = (
    Event(
        c.EVENT_RUNNING,
        "worker",
        "each tick: all attempts that run, but for those just begun; once more when none is left",
        (
            c.RUNNING_KEYS,
            c.RUNNING_PREFIXES,
            c.RUNNING_RUN_IDS,
            c.RUNNING_THREADS,
            c.RUNNING_STARTS,
        ),
    ),
    Event(
        c.EVENT_GRAPH_SUBMITTED,
        _SCHEDULER,
        "tasks were submitted",
        (c.GRAPH_CLIENT, c.GRAPH_TASKS, c.GRAPH_PREFIXES, c.GRAPH_PREFIX_COUNT),
    ),
    Event(
        c.EVENT_GROUP_ERRED,
        _SCHEDULER,
        "the first task of a group erred",
        (c.TASK_KEY, c.TASK_PREFIX, c.TASK_GROUP, c.EVENT_TASK_COUNT, c.WORKER_ADDRESS),
    ),
    Event(c.EVENT_WORKER_ADDED, _SCHEDULER, "a worker has joined", (*_WORKER, c.WORKER_NTHREADS)),
    Event(
        c.EVENT_WORKER_REMOVED,
        _SCHEDULER,
        "a worker has left",
        _REMOVAL,
    ),
    Event(
        c.EVENT_WORKER_LOST,
        _SCHEDULER,
        "it left though nobody asked it to",
        _REMOVAL,
    ),
    Event(
        c.EVENT_WORKER_RETIRED,
        _SCHEDULER,
        "a worker was retired",
        (*_WORKER, c.REMOVAL_REASON),
    ),
    Event(
        c.EVENT_WORKER_RESTARTED,
        _SCHEDULER,
        "a nanny restarted its worker, or a client all of them",
        (*_WORKER, c.WORKER_NTHREADS, c.EVENT_TOPIC, c.EVENT_MESSAGE),
    ),
    *(
        Event(name, _SCHEDULER, when, (*_WORKER, c.WORKER_STATE, c.WORKER_STATE_BEFORE))
        for name, when in (
            (c.EVENT_WORKER_PAUSED, "a worker takes no more tasks: its memory is full"),
            (c.EVENT_WORKER_RESUMED, "a paused worker takes tasks again"),
            (c.EVENT_WORKER_STATUS, "any other change of a worker's status"),
        )
    ),
    Event(
        c.EVENT_STEAL,
        _SCHEDULER,
        "tasks moved, or were to move, from a busy worker to an idle one",
        (c.STEAL_VICTIM, c.STEAL_THIEF, c.STEAL_OUTCOME, c.EVENT_TASK_COUNT, c.EVENT_KEYS),
    ),
    Event(c.EVENT_ADAPTIVE, _SCHEDULER, "adaptive scaling wants workers", (c.ADAPTIVE_TARGET,)),
    Event(
        c.EVENT_SPILL,
        "worker",
        "its memory monitor spilled values",
        (c.EVENT_TASK_COUNT, c.DISK_BYTES),
    ),
    Event(
        c.EVENT_SCATTER,
        _SCHEDULER,
        "a client scattered values",
        (c.GRAPH_CLIENT, c.CLIENT_COUNT),
    ),
    Event(c.EVENT_GATHER, _SCHEDULER, "a client gathered values", (c.GRAPH_CLIENT, c.CLIENT_COUNT)),
    Event(
        c.EVENT_LOGGED,
        _SCHEDULER,
        "`log_event` of users, and what else Dask says with it",
        (c.EVENT_TOPIC, c.EVENT_MESSAGE),
    ),
    Event(
        c.EVENT_LOG,
        "all",
        "a record of Dask's own loggers, WARNING or worse; 100 a second at most",
        (c.LOGGER_NAME, c.EXCEPTION_TYPE, c.EXCEPTION_MESSAGE, c.LOG_FLOOD),
    ),
)
#: Every event can carry it.
EVENT_ALWAYS: Final = (c.EVENT_OMITTED,)
