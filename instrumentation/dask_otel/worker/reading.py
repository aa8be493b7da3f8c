"""The only code that knows the shapes of a worker's objects: arguments in, values out.

Everything here runs on the worker's event loop and takes as little of its time as possible.
"""

from __future__ import annotations

from itertools import chain, islice
from threading import get_ident
from traceback import format_tb
from typing import TYPE_CHECKING, Any, NamedTuple

from dask_otel.conventions import MAX_TRANSFER_KEYS
from dask_otel.events import ANNOTATION, TRACEPARENT, Failure, RunningTask, Transfer

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from distributed import Worker
    from distributed.worker_state_machine import TaskState

    from dask_otel.worker.starts import Starts

#: States of a task whose attempt is of no use to anybody, or whose transfer is not.
GIVEN_UP_STATES = frozenset({"cancelled", "resumed"})
#: States of the worker out of which an attempt ends: one given up holds its thread all the same.
RUNNING_STATES = GIVEN_UP_STATES | {"executing", "long-running"}
#: States of the worker in which a task still waits for its data, or runs.
UNFINISHED_STATES = RUNNING_STATES | {"waiting", "ready", "constrained"}
#: Attempts that have run for less are not named as running: trivial tasks would only make noise.
LEAST_RUNNING_S = 0.02


class Run(NamedTuple):
    """When a task has run, on the scheduler's clock, and the ident of its thread, where known."""

    start_s: float
    stop_s: float
    thread: int | None


def otel(ts: TaskState) -> Mapping[str, Any] | None:
    """What the scheduler and the client have added to the annotations of a task."""
    said = ts.annotations.get(ANNOTATION) if ts.annotations else None
    return said if isinstance(said, dict) else None  # users can annotate with anything


def origin(ts: TaskState) -> str | None:
    """Where a task belongs: what the scheduler or a client has said, else its Dask span."""
    return told(otel(ts)) or ts.span_id


def told(said: Mapping[str, Any] | None) -> str | None:
    """Where a task belongs as far as the scheduler or a client has `said` so."""
    return said.get(TRACEPARENT) if said else None


def computed(ts: TaskState, since_s: float) -> Run | None:
    """The last run of a task that Dask has noted, if it has ended after `since_s`.

    Dask keeps the times of earlier attempts on this worker, too.
    """
    for startstop in reversed(ts.startstops):
        if startstop["action"] == "compute":
            if startstop["stop"] < since_s:
                break
            return Run(startstop["start"], startstop["stop"], None)
    return None


def failure(error: BaseException) -> Failure:
    """How something failed that Dask does not report; its class and its `repr` tell of it."""
    return Failure(b"", repr(error), "".join(format_tb(error.__traceback__)))


def reported(exception: Any, text: str, traceback: str) -> Failure:
    """How something failed, as Dask hands it on."""
    pickled = getattr(exception, "data", b"")
    return Failure(pickled if isinstance(pickled, bytes) else b"", text, traceback)


def transfer(entry: Mapping[str, Any], peer: str, origin: str | None, *, sent: bool) -> Transfer:
    """An entry of `Worker.transfer_incoming_log` or `Worker.transfer_outgoing_log`."""
    keys = entry["keys"]
    return Transfer(
        entry["start"],
        max(entry["start"], entry["stop"]),
        peer,
        entry["total"],
        tuple(islice(keys, MAX_TRANSFER_KEYS)),
        len(keys),
        entry["bandwidth"],
        origin,
        sent,
    )


def failed_transfer(
    run: Run, peer: str, keys: Collection[Any], origin: str | None, why: Failure, *, sent: bool
) -> Transfer:
    """A batch of which nothing has arrived, with the keys that were asked for."""
    return Transfer(
        run.start_s,
        run.stop_s,
        peer,
        0,
        tuple(islice(keys, MAX_TRANSFER_KEYS)),
        len(keys),
        0.0,
        origin,
        sent,
        failure=why,
    )


class Known(NamedTuple):
    """A running attempt, and the start that Dask has noted of it, on the worker's clock."""

    start_s: float
    task: RunningTask


def running(
    worker: Worker,
    before: Mapping[Any, Known],
    starts: Starts,
    run_ids: Mapping[Any, int],
    now_s: float,
) -> dict[Any, Known]:
    """The attempts that `worker` is running at `now_s` of its own clock, by key.

    What `before` had named keeps its start, although Dask measures the distance to the scheduler's
    clock anew with each heartbeat, and its run id, although Dask overwrites it when a task that was
    given up is wanted again. `run_ids` has the true ones of tasks that were given up. Call it on
    the event loop, which is the thread of all coroutines.
    """
    found: dict[Any, Known] = {}
    threads: dict[Any, int] | None = None
    active, latest_s = worker.active_keys, now_s - LEAST_RUNNING_S
    for ts in chain(worker.state.executing, worker.state.long_running):
        key, start_s = ts.key, ts.start_time
        if key not in active or start_s is None or latest_s < start_s <= now_s:
            continue  # what begins after now began before the clock was set back
        known = before.get(key)
        if known is None or known.start_s != start_s:
            if threads is None:
                threads = _threads(worker)
            ident = get_ident() if _in_loop(ts) else threads.get(key, 0)
            if not ident and not _elsewhere(ts):
                continue  # it has not got its thread yet
            run_id = run_ids.get(key, ts.run_id)
            began_s = start_s + starts.delay_s(key)
            known = Known(start_s, RunningTask(key, ts.prefix, run_id, ident, began_s))
        found[key] = known
    return found


def thread(worker: Worker, ts: TaskState) -> int | None:
    """The thread in which an attempt runs; to be called in that of the event loop."""
    return get_ident() if _in_loop(ts) else _threads(worker).get(ts.key)


def _in_loop(ts: TaskState) -> bool:
    return ts.run_spec is not None and bool(ts.run_spec.is_coro)


def _elsewhere(ts: TaskState) -> bool:
    """Whether a task may run in another process."""
    return bool(ts.annotations and "executor" in ts.annotations)


def _threads(worker: Worker) -> dict[Any, int]:
    """The thread of each running key; coroutines run in the event loop and are not among them."""
    with worker.active_threads_lock:
        return {key: thread for thread, key in worker.active_threads.items()}
