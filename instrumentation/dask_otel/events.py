"""What happened in Dask, as plain values; the only code that knows the shapes of Dask's objects.

Everything here runs on Dask's event loop and takes as little of its time as possible: the values
are named tuples, which are four times as quick to make as frozen dataclasses, and text is made from
them later, in another thread.

Times are float seconds on the scheduler's clock, as Dask keeps them.
"""

from __future__ import annotations

import logging
import pickle
from itertools import islice
from threading import get_ident
from typing import TYPE_CHECKING, Any, NamedTuple

from dask.utils import typename
from distributed.utils import key_split_group

from dask_otel import compat
from dask_otel.conventions import MAX_TRANSFER_KEYS, TASK_STATES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from distributed import Scheduler, Worker
    from distributed.scheduler import TaskPrefix
    from distributed.worker_state_machine import TaskState

logger = logging.getLogger(__name__)

#: States of the worker out of which an attempt ends; `cancelled` and `resumed` are attempts whose
#: result nobody waits for any more: they held a thread all the same.
RUNNING_STATES = frozenset({"executing", "long-running", "cancelled", "resumed"})
#: States of the worker in which a task still waits for its data, or runs.
UNFINISHED_STATES = RUNNING_STATES | {"waiting", "ready", "constrained"}

#: Longest exception message and traceback, in characters; the middle of a longer one is cut out.
MAX_MESSAGE = 4_096
MAX_STACKTRACE = 16_384


class Failure(NamedTuple):
    """How an attempt failed, as Dask hands it on.

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


class Description(NamedTuple):
    """An exception in OpenTelemetry's three attributes."""

    type: str
    message: str
    stacktrace: str


class Transfer(NamedTuple):
    """One batch of keys that a worker received.

    Attributes
    ----------
    peer
        Address of the worker that sent it.
    keys
        At most `MAX_TRANSFER_KEYS` of the `n_keys` keys.
    span_id
        Uuid of the Dask span that it served, if known.
    """

    start_s: float
    stop_s: float
    peer: str
    n_bytes: int
    keys: tuple[Any, ...]
    n_keys: int
    bandwidth: float
    span_id: str | None


class Attempt(NamedTuple):
    """One attempt to run a task, at its end.

    Attributes
    ----------
    span_id
        Uuid of its Dask span; None when Dask's span extension is off.
    thread
        Ident of the thread that ran it; None when it never came to run.
    type
        Type of the result; None when there is none.
    failure
        None on success.
    transfers
        The batches that were fetched for it.
    """

    key: Any
    prefix: str
    run_id: int
    span_id: str | None
    start_s: float
    stop_s: float
    thread: int | None
    n_bytes: int | None
    type: type | None
    priority: tuple[float, ...] | None
    failure: Failure | None
    transfers: tuple[Transfer, ...]


class Graph(NamedTuple):
    """What was submitted under one Dask span, from submission until all of it was finished.

    Attributes
    ----------
    n_before
        How many graphs the same Dask span has had before.
    n_tasks
        Tasks submitted.
    prefixes
        Their prefixes, sorted.
    """

    span_id: str
    n_before: int
    start_s: float
    stop_s: float
    client: str
    n_tasks: int
    prefixes: tuple[str, ...]


class RunningTask(NamedTuple):
    """An attempt that has not ended."""

    key: Any
    prefix: str
    run_id: int
    thread: int
    start_s: float


class Running(NamedTuple):
    """All attempts that a worker has been running for longer than a tick."""

    time_s: float
    tasks: tuple[RunningTask, ...]


class WorkerAdded(NamedTuple):
    """A worker has joined the cluster."""

    time_s: float
    address: str
    name: str
    n_threads: int


class WorkerRemoved(NamedTuple):
    """A worker has left the cluster; `expected` is None when Dask does not say."""

    time_s: float
    address: str
    name: str
    reason: str
    expected: bool | None


class GraphSubmitted(NamedTuple):
    """A client has submitted a graph; `span_id` is the uuid of its Dask span, if it has one."""

    time_s: float
    client: str
    n_tasks: int
    prefixes: tuple[str, ...]
    span_id: str | None


SpanEvent = Attempt | Transfer | Graph
LogEvent = Running | WorkerAdded | WorkerRemoved | GraphSubmitted


def span_count(event: SpanEvent) -> int:
    """How many spans `event` becomes."""
    return 1 + len(event.transfers) if isinstance(event, Attempt) else 1


def attempt(
    worker: Worker,
    ts: TaskState,
    thread: int | None,
    failed: bool,
    transfers: tuple[Transfer, ...],
) -> Attempt | None:
    """The attempt that has just ended, or None when `ts` was not computed here.

    The last `compute` of its `startstops` is the attempt's; earlier ones belong to earlier attempts
    of the same task on this worker. An attempt that failed before its function was called (its data
    could not be read, its executor does not exist) has none: it lasts no time.
    """
    for startstop in reversed(ts.startstops):
        if startstop["action"] == "compute":
            start_s, stop_s = startstop["start"], startstop["stop"]
            break
    else:
        if ts.state != "error":
            return None
        start_s = stop_s = compat.now_s() + worker.scheduler_delay
    return Attempt(
        ts.key,
        ts.prefix,
        ts.run_id,
        ts.span_id,
        start_s,
        stop_s,
        thread,
        ts.nbytes,
        None if failed else ts.type,
        ts.priority,
        _failure(ts) if failed else None,
        transfers,
    )


def _failure(ts: TaskState) -> Failure:
    pickled = getattr(ts.exception, "data", b"")
    return Failure(
        pickled if isinstance(pickled, bytes) else b"", ts.exception_text, ts.traceback_text
    )


def describe(failure: Failure) -> Description:
    """Type, message and stack trace of a failure, as OpenTelemetry writes them.

    Dask pickles `Exception(repr(e))` in place of an exception that cannot be pickled; its real type
    then stands in front of the `repr`.
    """
    name, message = failure.text.partition("(")[0] or "Exception", failure.text
    try:
        # Dask's own bytes, pickled in this process a moment ago.
        error = pickle.loads(failure.pickled) if failure.pickled else None  # noqa: S301
        if error is not None and str(error) != failure.text:
            kind = type(error)
            module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
            name, message = f"{module}{kind.__qualname__}", str(error)
    except BaseException:
        logger.debug("An exception cannot be described: its repr is sent", exc_info=True)
    last_line = f"{name}: {message}" if message else name
    stacktrace = f"Traceback (most recent call last):\n{failure.traceback}{last_line}\n"
    return Description(name, _cut(message, MAX_MESSAGE), _cut(stacktrace, MAX_STACKTRACE))


def _cut(text: str, n_max: int) -> str:
    """`text`, without its middle and with a word about that when it is longer than `n_max`."""
    if len(text) <= n_max:
        return text
    half = n_max // 2
    return f"{text[:half]}\n... {len(text) - 2 * half} characters cut ...\n{text[-half:]}"


def group(key: object, prefix: str) -> str:
    """Name of the task group of `key`, as the scheduler computes it.

    For most text that is the prefix; for what looks like a tuple, or like the `repr` of an object,
    it is more than that.
    """
    if isinstance(key, str) and not key.startswith(("(", "<")):
        return prefix
    return str(key_split_group(key))


def type_name(kind: type) -> str:
    """Name of the type of a result, as Dask writes it."""
    return str(typename(kind))


def transfers_since(
    log: Iterable[Mapping[str, Any]], last: Mapping[str, Any] | None
) -> list[Mapping[str, Any]]:
    """Entries of a worker's transfer log that came after the entry `last`, oldest first."""
    found: list[Mapping[str, Any]] = []
    for entry in reversed(log):  # type: ignore[call-overload]  # a deque
        if entry is last:
            break
        found.append(entry)
    found.reverse()
    return found


def transfer(entry: Mapping[str, Any], span_id: str | None) -> Transfer:
    """One entry of `Worker.transfer_incoming_log`."""
    keys = entry["keys"]
    return Transfer(
        entry["start"],
        entry["stop"],
        entry["who"],
        entry["total"],
        tuple(islice(keys, MAX_TRANSFER_KEYS)),
        len(keys),
        entry["bandwidth"],
        span_id,
    )


def beneficiary(worker: Worker, entry: Mapping[str, Any]) -> TaskState | None:
    """The task to which Dask has charged a transfer, None when it is no dependent of its keys.

    Dask charges one dependent of the batch and does not say which: it is the one whose `startstops`
    hold the same times.
    """
    tasks = worker.state.tasks
    for key in entry["keys"]:
        ts = tasks.get(key)
        for dependent in ts.dependents if ts is not None else ():
            if any(transfer_id(found) == transfer_id(entry) for found in dependent.startstops):
                return dependent
    return None


def transfer_id(record: Mapping[str, Any]) -> tuple[float, float, str | None]:
    """What tells one transfer of a worker from another, in its log and in `startstops` alike."""
    return record["start"], record["stop"], record.get("who") or record.get("source")


def threads(worker: Worker) -> dict[Any, int]:
    """The thread of each running key; coroutines run in the event loop and are not among them."""
    with worker.active_threads_lock:
        return {key: thread for thread, key in worker.active_threads.items()}


def running(worker: Worker, before: Running, now_s: float, longer_than_s: float) -> Running:
    """The attempts that `worker` has been running for longer than `longer_than_s`.

    `now_s` is the time of the worker's own clock. What `before` had named keeps its start, although
    Dask measures the distance to the scheduler's clock anew with each heartbeat. Call it on the
    event loop, which is the thread of all coroutines.
    """
    known = {(task.key, task.run_id): task for task in before.tasks}
    by_key = threads(worker)
    delay_s = worker.scheduler_delay
    found = []
    for ts in _executing(worker):
        if ts.start_time is not None and now_s - ts.start_time > longer_than_s:
            in_loop = ts.run_spec is not None and ts.run_spec.is_coro
            thread = get_ident() if in_loop else by_key.get(ts.key, 0)
            task = RunningTask(ts.key, ts.prefix, ts.run_id, thread, ts.start_time + delay_s)
            found.append(known.get((ts.key, ts.run_id), task))
    return Running(now_s + delay_s, tuple(found))


def _executing(worker: Worker) -> Iterator[TaskState]:
    yield from worker.state.executing
    yield from worker.state.long_running


def task_counts(prefix: TaskPrefix) -> tuple[int, ...]:
    """Tasks of `prefix` by state, in the order of `TASK_STATES`.

    Dask takes forgotten tasks out of `states` with their group; `state_counts` keeps how many there
    ever were.
    """
    states = prefix.states
    counts = [states.get(state, 0) for state in TASK_STATES]
    counts[-1] = prefix.state_counts["forgotten"]
    return tuple(counts)


def submitted(scheduler: Scheduler, keys: Iterable[Any]) -> dict[str | None, dict[str, int]]:
    """Tasks of a new graph by Dask span and prefix: `{span id: {prefix: tasks}}`."""
    found: dict[str | None, dict[str, int]] = {}
    tasks = scheduler.tasks
    for key in keys:
        ts = tasks[key]
        prefixes = found.setdefault(ts.group.span_id, {})
        prefixes[ts.prefix.name] = prefixes.get(ts.prefix.name, 0) + 1
    return found
