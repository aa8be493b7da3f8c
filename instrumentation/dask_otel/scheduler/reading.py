"""The only code that knows the shapes of the scheduler's objects: arguments in, values out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dask_otel.compat import scheduler as private
from dask_otel.events import (
    ACKNOWLEDGED,
    ANNOTATION,
    GIVEN_UP,
    HEARTBEAT,
    SAID,
    TRACEPARENT,
    Failure,
    GivenUp,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from distributed import Scheduler
    from distributed.scheduler import TaskState, WorkerState

#: States out of which a task still comes to its end.
UNFINISHED_STATES = frozenset({"waiting", "no-worker", "queued", "processing"})


def origin(ts: TaskState) -> str | None:
    """Trace that a task belongs to: what its client has said, else its Dask span."""
    if ts.annotations:
        carrier = ts.annotations.get(ANNOTATION)
        if isinstance(carrier, dict) and isinstance(said := carrier.get(TRACEPARENT), str):
            return said
    return ts.group.span_id


def new(scheduler: Scheduler, keys: Iterable[Any]) -> list[TaskState]:
    """Those of a submission that Dask did not know before it, or knew of by name alone.

    Dask names all that it comes upon, futures and what they were made of among them.
    """
    tasks = scheduler.tasks
    return [ts for key in keys if (ts := tasks[key]).run_id is None and ts.state == "released"]


def submitted(tasks: Iterable[TaskState]) -> dict[tuple[str | None, str | None], dict[str, int]]:
    """Tasks by origin and Dask span, and by prefix: `{...: {prefix: tasks}}`."""
    found: dict[tuple[str | None, str | None], dict[str, int]] = {}
    place: tuple[str | None, str | None] | None = None
    prefixes: dict[str, int] = {}
    for ts in tasks:
        found_at = origin(ts), ts.group.span_id
        if found_at != place:  # most have the same
            place = found_at
            prefixes = found.setdefault(place, {})
        name = ts.prefix.name
        prefixes[name] = prefixes.get(name, 0) + 1
    return found


def compute(startstops: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Times of the last `compute`; None for an attempt that never called its function."""
    startstop: Mapping[str, Any]
    for startstop in reversed(startstops):
        if startstop["action"] == "compute":
            return startstop
    return None


def failure(message: Mapping[str, Any]) -> Failure:
    """How an attempt failed, as its worker says it."""
    return Failure(
        private.pickled(message.get("exception")),
        message.get("exception_text") or "",
        message.get("traceback_text") or "",
    )


def executing_since(ws: WorkerState, ts: TaskState, after_s: float) -> float | None:
    """When a worker had begun to execute a task; None when its last heartbeat did not say so.

    What a heartbeat said before the task was assigned, `after_s`, was about an earlier attempt.
    """
    spent_s = ws.executing.get(ts)
    if spent_s is None or ws.last_seen < after_s:
        return None
    return max(after_s, float(ws.last_seen - spent_s))


def said_s(ws: WorkerState) -> float:
    """When a worker has written its last heartbeat: what it was told later it did not know."""
    found = _said(ws).get(SAID)
    return float(found if isinstance(found, int | float) else ws.last_seen)


def acknowledged_s(ws: WorkerState) -> float | None:
    """Up to when all that a worker has recorded is exported; None when it is not instrumented."""
    found = _said(ws).get(ACKNOWLEDGED)
    return float(found) if isinstance(found, int | float) else None


def given_up(ws: WorkerState) -> list[GivenUp]:
    """Attempts of which a worker has said that they were given up, and run or are not sent."""
    n_fields = len(GivenUp._fields)
    return [GivenUp._make(said) for said in _said(ws).get(GIVEN_UP, ()) if len(said) == n_fields]


def _said(ws: WorkerState) -> Mapping[str, Any]:
    """What a worker has added to its last heartbeat."""
    found = ws.metrics.get(HEARTBEAT)
    return found if isinstance(found, dict) else {}
