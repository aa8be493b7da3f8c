"""What events say: the signs of their marks, and their words."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from dask_otel import conventions
from daskscope.derive import quantity
from daskscope.derive.isolation import isolated
from daskscope.derive.place import place, split_address

if TYPE_CHECKING:
    from daskscope.derive.place import Place
    from daskscope.store.schema import Attributes

#: OTLP severity number of WARN.
WARN: Final = 13
#: Sign of events, and whether a line goes down from them.
SIGNS: Final = {
    conventions.EVENT_GRAPH_SUBMITTED: ("graph", True),
    conventions.EVENT_WORKER_ADDED: ("added", False),
    conventions.EVENT_WORKER_REMOVED: ("removed", True),
    conventions.EVENT_WORKER_LOST: ("lost", True),
    conventions.EVENT_WORKER_RESTARTED: ("restarted", True),
    conventions.EVENT_WORKER_PAUSED: ("paused", False),
    conventions.EVENT_WORKER_RESUMED: ("resumed", False),
    conventions.EVENT_SPILL: ("spill", False),
    conventions.EVENT_STEAL: ("steal", False),
}
#: Many of these are usual.
FREQUENT: Final = (conventions.EVENT_SPILL, conventions.EVENT_STEAL)
#: Told by the failures of its tasks.
SILENT: Final = (conventions.EVENT_GROUP_ERRED,)
#: What says more than an event that comes with it.
BETTER: Final = {
    conventions.EVENT_WORKER_REMOVED: conventions.EVENT_WORKER_LOST,
    conventions.EVENT_WORKER_ADDED: conventions.EVENT_WORKER_RESTARTED,
}
#: What a sender says of its cluster.
_OF_CLUSTER: Final = (conventions.SERVICE_NAMESPACE, conventions.SCHEDULER_ADDRESS)
#: What several are called.
_MANY: Final = {
    "graph": "graphs submitted",
    "added": "workers added",
    "removed": "workers removed",
    "lost": "workers lost",
    "restarted": "workers restarted",
    "paused": "workers paused",
    "resumed": "workers resumed",
    "spill": "spills",
    "steal": "steals",
    "other": "warnings",
}


class Fact(NamedTuple):
    """What an event says: its name, the worker that it is about, and its words."""

    name: str
    address: str
    text: str


def mark_of(name: str) -> str:
    """Sign of events of a name, "" where they have none of their own."""
    return SIGNS[name][0] if name in SIGNS else ""


def warning_sign(severity: int) -> str:
    """Sign of a record of a severity, as OTLP numbers it, "" where it needs none."""
    return "other" if severity >= WARN else ""


def subject_of(attributes_text: str, sender: Attributes) -> Place | None:
    """The worker that a record is about, of its sender's cluster; None where it names none."""
    of_cluster = {name: sender[name] for name in _OF_CLUSTER if name in sender}
    where = place({**_attributes(attributes_text), **of_cluster})
    return where if where.address else None


@lru_cache(maxsize=1_024)
def fact_of(name: str, attributes_text: str) -> Fact:
    """What an event says that has a sign of its own."""
    attributes = _attributes(attributes_text)
    address = str(attributes.get(conventions.WORKER_ADDRESS))
    if name == conventions.EVENT_GRAPH_SUBMITTED:
        n_tasks = attributes.get(conventions.GRAPH_TASKS)
        counted = f", {quantity.plural(n_tasks, 'task')}" if isinstance(n_tasks, int) else ""
        return Fact(name, address, f"graph submitted{counted}")
    if name in FREQUENT:
        where = subject_of(attributes_text, {})
        worker = isolated(where.name) if where is not None else ""
        return Fact(name, address, f"{SIGNS[name][0]} {worker}".strip())
    return Fact(name, address, f"{isolated(_worker(attributes))} {SIGNS[name][0]}")


def many(sign: str, n: int) -> str:
    """What several events of a sign are called."""
    return f"{quantity.count(n)}{quantity.THIN}{_MANY[sign]}"


def first_line(name: str, body: str) -> str:
    """What a record says that has no sign of its own."""
    lines = body.strip().splitlines()
    return lines[0] if lines else name


def _worker(attributes: Attributes) -> str:
    """The worker's name, as everywhere else; "workers" if the record names none."""
    where = place(attributes)
    if not where.address:
        return "workers"
    return where.name or "".join(split_address(where.address)) or "worker"


def _attributes(text: str) -> Attributes:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
