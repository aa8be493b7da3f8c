"""The only code that knows the shapes of the scheduler's objects: arguments in, events out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from distributed import Scheduler


def submitted(scheduler: Scheduler, keys: Iterable[Any]) -> dict[str | None, dict[str, int]]:
    """Tasks of a new graph by Dask span and prefix: `{span id: {prefix: tasks}}`."""
    found: dict[str | None, dict[str, int]] = {}
    tasks = scheduler.tasks
    for key in keys:
        ts = tasks[key]
        prefixes = found.setdefault(ts.group.span_id, {})
        prefixes[ts.prefix.name] = prefixes.get(ts.prefix.name, 0) + 1
    return found
