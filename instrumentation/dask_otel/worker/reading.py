"""The only code that knows the shapes of a worker's objects: arguments in, events out.

Everything here runs on the worker's event loop and takes as little of its time as possible.
"""

from __future__ import annotations

from itertools import islice
from threading import get_ident
from traceback import format_tb
from typing import TYPE_CHECKING, Any

from dask_otel import conventions as names
from dask_otel.compat import clock
from dask_otel.conventions import MAX_TRANSFER_KEYS
from dask_otel.events import (
    ANNOTATION,
    TRACEPARENT,
    Attempt,
    Failure,
    Running,
    RunningTask,
    Transfer,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from distributed import Worker
    from distributed.worker_state_machine import TaskState

#: States of the worker out of which an attempt ends; `cancelled` and `resumed` are attempts whose
#: result nobody waits for any more: they held a thread all the same.
RUNNING_STATES = frozenset({"executing", "long-running", "cancelled", "resumed"})
#: States of the worker in which a task still waits for its data, or runs.
UNFINISHED_STATES = RUNNING_STATES | {"waiting", "ready", "constrained"}


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
        start_s = stop_s = clock.now_s() + worker.scheduler_delay
    return Attempt(
        ts.key,
        ts.prefix,
        ts.run_id,
        ts.span_id,
        ts.annotations.get(ANNOTATION) if ts.annotations else None,
        start_s,
        stop_s,
        thread,
        ts.nbytes,
        None if failed else ts.type,
        ts.priority,
        names.OUTCOME_FAILED if failed else names.OUTCOME_FINISHED,
        _failure(ts) if failed else None,
        transfers=transfers,
    )


def _failure(ts: TaskState) -> Failure:
    pickled = getattr(ts.exception, "data", b"")
    return Failure(
        pickled if isinstance(pickled, bytes) else b"", ts.exception_text, ts.traceback_text
    )


def failure(error: BaseException) -> Failure:
    """How something failed that Dask does not report; its class and its `repr` tell of it."""
    return Failure(b"", repr(error), "".join(format_tb(error.__traceback__)))


def origin(ts: TaskState) -> str | None:
    """Where a task belongs: what the scheduler or a client has said, else its Dask span."""
    said = ts.annotations.get(ANNOTATION) if ts.annotations else None
    told: str | None = said.get(TRACEPARENT) if said else None
    return told or ts.span_id


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
