"""Marks of the events lane: graphs submitted, workers that came and went, tasks that failed."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from dask_otel import conventions
from daskscope.derive import quantity
from daskscope.derive.frames import EventMark
from daskscope.derive.place import place, split_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daskscope.session import Viewport
    from daskscope.store.schema import Attributes
    from daskscope.store.snapshot import Snapshot

#: Of more events in view, as after hours zoomed out, the newest are shown.
MOST_MARKS: Final = 200
#: Failures within one stretch of so many columns are one mark.
_APART_PX: Final = 12
#: OTLP severity number of WARN.
_WARN: Final = 13


def event_marks(snapshot: Snapshot, view: Viewport) -> tuple[EventMark, ...]:
    """Marks in view, in order of time."""
    marks = [*_logged(snapshot, view), *_failures(snapshot, view)]
    return tuple(sorted(marks, key=lambda mark: mark.x_px))


def _logged(snapshot: Snapshot, view: Viewport) -> Iterator[EventMark]:
    events = snapshot.events
    times = events.columns["time_ns"].view(np.int64)
    in_view = np.flatnonzero((times >= view.start_ns) & (times < view.end_ns))
    for i in in_view[-MOST_MARKS:].tolist():
        name = snapshot.strings[int(events.columns["name"][i])]
        x_px = round(view.x_px(int(times[i])))
        attributes = _attributes(events.attributes[i])
        if name == conventions.EVENT_GRAPH_SUBMITTED:
            n_tasks = attributes.get(conventions.GRAPH_TASKS)
            counted = f", {quantity.plural(n_tasks, 'task')}" if isinstance(n_tasks, int) else ""
            yield EventMark(x_px, "graph", f"graph submitted{counted}", has_line=True)
        elif name == conventions.EVENT_WORKER_ADDED:
            yield EventMark(x_px, "added", f"{_worker(attributes)} added", has_line=False)
        elif name == conventions.EVENT_WORKER_REMOVED:
            yield EventMark(x_px, "removed", f"{_worker(attributes)} removed", has_line=True)
        elif int(events.columns["severity"][i]) >= _WARN:
            text = events.bodies[i].strip().splitlines()
            yield EventMark(x_px, "other", text[0] if text else name, has_line=False)


def _failures(snapshot: Snapshot, view: Viewport) -> Iterator[EventMark]:
    """One mark for failures of tasks that ended at nearly the same time."""
    ends = [
        chunk.end_ns[chunk.erred]
        for chunk in snapshot.chunks
        if chunk.t_min < view.end_ns and chunk.t_max >= view.start_ns
    ]
    end_ns = np.concatenate(ends) if ends else np.empty(0, np.int64)
    end_ns = np.sort(end_ns[(end_ns >= view.start_ns) & (end_ns < view.end_ns)])
    # Stretches count from the start of the run, so that marks stay together while time scrolls.
    stretch = ((end_ns - snapshot.first_ns) / (_APART_PX * view.ns_per_px)).astype(np.int64)
    _, first, count = np.unique(stretch, return_index=True, return_counts=True)
    for time_ns, n in zip(end_ns[first].tolist(), count.tolist(), strict=True):
        yield EventMark(round(view.x_px(time_ns)), "erred", _erred(n), has_line=False)


@lru_cache(maxsize=1_024)
def _erred(n_tasks: int) -> str:
    return "task erred" if n_tasks == 1 else f"{quantity.plural(n_tasks, 'task')} erred"


def _worker(attributes: Attributes) -> str:
    """The worker's name, as everywhere else; "worker" if the record names none."""
    where = place(attributes)
    return where.name or "".join(split_address(where.address)) or "worker"


def _attributes(text: str) -> Attributes:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
