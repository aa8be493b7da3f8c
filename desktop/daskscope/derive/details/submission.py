"""When the graph of an attempt was submitted."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from dask_otel import conventions
from daskscope.store.schema import Kind

if TYPE_CHECKING:
    from daskscope.derive.details.known import Known
    from daskscope.store.snapshot import Snapshot

#: Submissions before an attempt that are looked at, the newest.
_LOOKED_AT: Final = 50


def submitted_ns(snapshot: Snapshot, known: Known) -> int:
    """Start of the graph's span; while the graph goes on, its event; 0 where neither says it."""
    subject, parent = known.subject, known.survey.parent
    if parent is not None and parent.kind is Kind.GRAPH:
        return parent.start_ns
    events = snapshot.events
    times = events.columns["time_ns"].view(np.int64)
    before = np.flatnonzero(times <= subject.start_ns)
    names = events.columns["name"][before]
    is_graph = np.zeros(int(names.max(initial=0)) + 1, np.bool_)
    for number in np.unique(names).tolist():
        is_graph[number] = snapshot.strings[number] == conventions.EVENT_GRAPH_SUBMITTED
    graphs = before[is_graph[names]][-_LOOKED_AT:]
    for row in reversed(graphs.tolist()):
        if subject.name in _prefixes(events.attributes[row]):
            return int(times[row])
    return 0


@lru_cache(maxsize=256)
def _prefixes(attributes: str) -> frozenset[str]:
    """Prefixes that an event `dask.graph.submitted` names."""
    try:
        found = json.loads(attributes).get(conventions.GRAPH_PREFIXES, ())
    except (ValueError, AttributeError):
        return frozenset()
    return frozenset(map(str, found)) if isinstance(found, list) else frozenset()
