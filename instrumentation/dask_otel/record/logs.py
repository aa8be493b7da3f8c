"""Pure: events to log records."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dask_otel import conventions as names
from dask_otel import correlate, events
from dask_otel.record.spans import to_ns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dask_otel import wire

#: Longest message of a user's event, in characters.
MAX_MESSAGE: Final = 4_096


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
        _readable(event.attributes),
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


def _readable(attributes: Mapping[str, Any]) -> Mapping[str, wire.Value]:
    """Attributes in which whatever was said with `log_event` is text."""
    if names.EVENT_MESSAGE not in attributes:
        return attributes
    return {**attributes, names.EVENT_MESSAGE: _message(attributes[names.EVENT_MESSAGE])}


def _message(said: object) -> str:
    """JSON of what was said where it can be written as JSON, else as Python writes it."""
    try:
        text = json.dumps(said, default=_jsonable, ensure_ascii=False)
    except Exception:  # noqa: BLE001 - it can be anything
        try:
            text = repr(said)
        except Exception:  # noqa: BLE001
            text = object.__repr__(said)
    n_cut = len(text) - MAX_MESSAGE
    return text if n_cut <= 0 else f"{text[:MAX_MESSAGE]}... {n_cut} characters cut"


def _jsonable(value: object) -> object:
    return list(value) if isinstance(value, set | frozenset) else repr(value)
