"""What happened in Dask, as plain values.

They are made on Dask's event loop, so they are named tuples, which are four times as quick to make
as frozen dataclasses, and hold Dask's own objects (keys of any type, types, pickles): text is made
from them later, in another thread.

Times are float seconds on the scheduler's clock, as Dask keeps them.

An `origin` says which trace something belongs to: the uuid of a Dask span, or, for what a client
with OpenTelemetry has submitted and for what continues a very large trace, a W3C `traceparent`.
`correlate` makes ids from both.
"""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


#: Longest name of a type that is believed to be one.
MAX_TYPE: Final = 200


class Failure(NamedTuple):
    """How something failed, as Dask hands it on.

    Attributes
    ----------
    pickled
        The exception, pickled by Dask; empty when it is not known.
    text
        Its `repr`.
    traceback
        The formatted frames, without the heading and the exception.
    """

    pickled: bytes
    text: str
    traceback: str


def named_type(text: str) -> str:
    """Name of an exception's type as its `repr` says it; `Exception` where it may say anything.

    Users can make a `repr` of what they like, of which not a word may stand in place of a type.
    """
    name, bracket, _ = text.partition("(")
    words = name.split(".")
    is_name = bool(bracket) and len(name) <= MAX_TYPE and all(map(str.isidentifier, words))
    return name if is_name else "Exception"


class WorkerLost(Exception):  # noqa: N818 - named as Dask names `KilledWorker`
    """The worker that was to run a task has gone."""


def gone(reason: str) -> Failure:
    """Failure of all attempts that were lost together with their worker."""
    return Failure(pickle.dumps(WorkerLost(reason)), "WorkerLost()", "")


class Transfer(NamedTuple):
    """One batch that a worker received, or sent.

    Attributes
    ----------
    peer
        Address of the other end; empty where a shuffle's receiver cannot tell it.
    keys
        At most `MAX_TRANSFER_KEYS` of the `n_keys` keys; empty for a shuffle.
    origin
        Of the task that it served, if known.
    sent
        Whether this is the sending end.
    transfer_id
        The same at both ends. A shuffle names its batches; all others are named by their ends and
        keys, later: see `correlate.batch_id`.
    shuffle_id
        Of the P2P shuffle that it belongs to.
    failure
        Why it failed; None when it did not.
    """

    start_s: float
    stop_s: float
    peer: str
    n_bytes: int
    keys: tuple[Any, ...]
    n_keys: int
    bandwidth: float
    origin: str | None
    sent: bool = False
    transfer_id: str = ""
    shuffle_id: str | None = None
    failure: Failure | None = None


class Attempt(NamedTuple):
    """One attempt to run a task, at its end.

    Attributes
    ----------
    origin
        Uuid of its Dask span; None when Dask's span extension is off.
    otel
        What the scheduler has added to the task's annotations (`ANNOTATION`): a `traceparent` that
        counts instead of `origin`, and the attempts that made the task's dependencies.
    thread
        Ident of the thread that ran it; None when it never came to run.
    type
        Type of the result, or its name; None when there is none.
    outcome
        One of `conventions.OUTCOMES`.
    failure
        None on success.
    waited_s, ready_s, execute_s
        Time on the worker until its dependencies were there, from there until it was given to a
        thread, from there until its result was there; None where not known.
    transfers
        The batches that were fetched for it.
    worker
        Address of its worker when the scheduler reports it, else None.
    executing
        Of a lost attempt: whether its worker had said that it runs.
    """

    key: Any
    prefix: str
    run_id: int
    origin: str | None
    otel: Mapping[str, Any] | None
    start_s: float
    stop_s: float
    thread: int | None
    n_bytes: int | None
    type: type | str | None
    priority: tuple[float, ...] | None
    outcome: str
    failure: Failure | None = None
    waited_s: float | None = None
    ready_s: float | None = None
    execute_s: float | None = None
    transfers: tuple[Transfer, ...] = ()
    worker: str | None = None
    executing: bool | None = None


#: Key of the task annotation in which scheduler and client tell the worker what they know: a
#: mapping with any of the entries below.
ANNOTATION = "otel"
#: W3C trace context of whoever submitted the task. Other entries of a client's annotation are what
#: the user's propagators have added (`tracestate`, `baggage`).
TRACEPARENT = "traceparent"
#: `[key, run id, origin]` of the attempt that made each dependency, at most `MAX_LINKS` of them.
DEPENDENCIES = "dependencies"
#: How many dependencies there are.
DEPENDENCY_COUNT = "n_dependencies"


class GivenUp(NamedTuple):
    """An attempt that was given up, as its worker says it in each heartbeat until it has sent it.

    Attributes
    ----------
    origin
        What it was assigned with: see `Attempt.origin` and `Attempt.otel`, of which the latter
        counts.
    stop_s
        None while it runs.
    """

    key: Any
    prefix: str
    run_id: int
    origin: str | None
    start_s: float
    stop_s: float | None
    thread: int | None
    priority: tuple[float, ...] | None


#: Name of what a worker adds to its heartbeats: a mapping with the entries below.
HEARTBEAT: Final = "dask-otel"
#: When it was written; the scheduler may hear of it much later.
SAID: Final = "said"
#: All that it recorded before this time is exported.
ACKNOWLEDGED: Final = "acknowledged"
#: A sequence of `GivenUp`; absent where there is none.
GIVEN_UP: Final = "given_up"
#: Entry for the scheduler's time in what it says of itself to who asks.
TIME: Final = "dask-otel-time"
#: Action of what a worker that closes says with `log_event` when all that it recorded is sent.
CLOSED: Final = "dask-otel-closed"
#: Its entry for how long the worker has waited for its endpoint, in seconds.
WAITED: Final = "waited"


class Disk(NamedTuple):
    """A value written to disk or read from it, or a task's function unpickled.

    Attributes
    ----------
    action
        `disk-write`, `disk-read` or `deserialize`.
    key
        Of the value; None for a shuffle's buffers.
    cause
        One of `conventions.DISK_CAUSES`; None for `deserialize`.
    origin
        Of the task that it was done for, else of the one that made the value.
    parent
        Key and run id of the attempt that it was done for.
    """

    action: str
    key: Any
    start_s: float
    stop_s: float
    n_bytes: int | None
    cause: str | None
    origin: str | None
    thread: int | None
    parent: tuple[Any, int] | None = None
    shuffle_id: str | None = None
    failure: Failure | None = None


class Graph(NamedTuple):
    """What was submitted under one origin, from submission until all of it was finished.

    Attributes
    ----------
    n_before
        How many graphs the same origin has had before.
    n_tasks, n_erred
        Tasks submitted, and those of them that erred.
    prefixes
        Their prefixes, sorted, at most `MAX_GRAPH_PREFIXES` of the `n_prefixes`.
    code
        The source code that submitted it; empty when Dask was not told.
    continues
        Origin of the graph that this one continues in another trace, None for a first one.
    continuation
        0, or the number of the continuation.
    """

    origin: str
    n_before: int
    start_s: float
    stop_s: float
    client: str
    n_tasks: int
    n_erred: int
    prefixes: tuple[str, ...]
    n_prefixes: int
    code: str = ""
    continues: str | None = None
    continuation: int = 0


class ClientCall(NamedTuple):
    """A call of a client, with ids of its own because it was the current span while it ran.

    Attributes
    ----------
    name
        One of `conventions.CLIENT_CALLS`.
    n
        Futures, keys or values it was about.
    trace_id, span_id, parent_id
        16, 8 and 8 bytes; no parent at the root of a trace.
    attributes
        What the sampler wants to be said of it: it was asked before the call began.
    """

    name: str
    start_s: float
    stop_s: float
    client: str
    n: int
    trace_id: bytes
    span_id: bytes
    parent_id: bytes | None
    failure: Failure | None = None
    attributes: Mapping[str, Any] | None = None


class RunningTask(NamedTuple):
    """An attempt that has not ended."""

    key: Any
    prefix: str
    run_id: int
    thread: int
    start_s: float


class Running(NamedTuple):
    """All attempts that a worker is running; those that have only just begun are left out."""

    time_s: float
    tasks: tuple[RunningTask, ...]


class Event(NamedTuple):
    """Something that happened at one moment.

    Attributes
    ----------
    name
        One of `conventions.EVENT_...`.
    body
        One sentence for people.
    severity
        Python's level: `logging.INFO` and so on.
    """

    time_s: float
    name: str
    body: str
    attributes: Mapping[str, Any]
    severity: int = 20
    origin: str | None = None


SpanEvent = Attempt | Transfer | Disk | Graph | ClientCall
LogEvent = Running | Event


def span_count(event: SpanEvent) -> int:
    """How many spans `event` becomes."""
    return 1 + len(event.transfers) if isinstance(event, Attempt) else 1
