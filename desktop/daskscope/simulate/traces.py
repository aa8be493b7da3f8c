"""The traces of a graph: a large one goes on in others, so that each can be looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.simulate import ids

if TYPE_CHECKING:
    from daskscope.simulate.graph import Graph, Ints
    from daskscope.simulate.layout import Octets

#: With what they move that is about as many spans as `dask_otel` puts into one trace.
TASKS_A_TRACE: Final = 3_000


@dataclass(frozen=True, slots=True, eq=False)
class Traces:
    """Ids of the traces of one graph.

    Attributes
    ----------
    trace
        uint8, shape (n traces, 16).
    graph
        Span ids of the graph in each trace, uint8, shape (n traces, 8).
    """

    trace: Octets
    graph: Octets

    @classmethod
    def of(cls, graph: Graph, seed: int) -> Traces:
        """The traces of `graph`."""
        n = -(-graph.n_tasks // TASKS_A_TRACE)
        found = [ids.trace_id(seed, graph.number, part) for part in range(n)]
        spans = [ids.span_id(trace, "graph") for trace in found]
        return cls(
            np.frombuffer(b"".join(found), np.uint8).reshape(n, 16),
            np.frombuffer(b"".join(spans), np.uint8).reshape(n, 8),
        )

    def trace_of(self, task: Ints) -> Octets:
        """Trace id of each task."""
        return self.trace[task // TASKS_A_TRACE]

    def place(self, task: Ints) -> dict[str, Octets]:
        """Trace and parent of the attempts at each task."""
        part = task // TASKS_A_TRACE
        return {"trace": self.trace[part], "parent": self.graph[part]}
