"""Pure: events to log records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dask_otel import conventions as names
from dask_otel import correlate, events
from dask_otel.record.spans import to_ns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dask_otel import wire


@dataclass(frozen=True, slots=True)
class Log:
    """A log record before the SDK makes it one.

    Attributes
    ----------
    severity
        Python's level.
    place
        The trace it belongs to; None for none.
    """

    time_ns: int
    event_name: str
    body: str
    attributes: Mapping[str, wire.Value]
    severity: int
    place: correlate.Place | None = None


def log(event: events.LogEvent) -> Log:
    """The log record of an event."""
    if isinstance(event, events.Running):
        return _running(event)
    return Log(
        to_ns(event.time_s),
        event.name,
        event.body,
        event.attributes,
        event.severity,
        correlate.place(event.origin) if event.origin else None,
    )


def _running(event: events.Running) -> Log:
    tasks = event.tasks
    return Log(
        to_ns(event.time_s),
        names.EVENT_RUNNING,
        f"{len(tasks)} running",
        {
            names.RUNNING_KEYS: tuple(str(task.key) for task in tasks),
            names.RUNNING_PREFIXES: tuple(task.prefix for task in tasks),
            names.RUNNING_RUN_IDS: tuple(task.run_id for task in tasks),
            names.RUNNING_THREADS: tuple(task.thread for task in tasks),
            names.RUNNING_STARTS: tuple(to_ns(task.start_s) for task in tasks),
        },
        20,
    )
