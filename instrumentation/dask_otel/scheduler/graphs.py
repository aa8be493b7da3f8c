"""Graphs that are being computed, and the traces they are in.

- A graph is what was submitted under one origin, from the first submission until none of its tasks
  is unfinished; what is submitted meanwhile belongs to it too.
- A trace with more spans than one should hold goes on in another, whose graph links to the first.
- What a transition costs does not depend on how many graphs and tasks there are, and a tick looks
  at those graphs only that may have ended.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from dask_otel import correlate, events
from dask_otel.conventions import MAX_GRAPH_PREFIXES

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Traces without an open graph that are remembered; more of them are forgotten, oldest first.
MAX_TRACES: Final = 10_000


@dataclass(slots=True, eq=False)
class OpenGraph:
    """A graph, or the continuation of one, that is being computed.

    Attributes
    ----------
    trace
        What it belongs to.
    span_id
        Uuid of the Dask span of its first tasks.
    number
        How many graphs the trace has had before; of a continuation its number, from 1.
    n_open
        Tasks that have not come to their end; of a continuation attempts.
    """

    trace: Trace
    origin: str
    span_id: str | None
    client: str
    number: int
    start_s: float
    stop_s: float
    n_tasks: int = 0
    n_erred: int = 0
    n_open: int = 0
    prefixes: set[str] = field(default_factory=set)

    @property
    def continues(self) -> bool:
        """Whether it is the continuation of another."""
        return self.origin != self.trace.origin

    def event(self, code: str = "") -> events.Graph:
        """What there is to say of it at its end."""
        continues = self.continues
        return events.Graph(
            self.origin,
            0 if continues else self.number,
            self.start_s,
            self.stop_s,
            self.client,
            self.n_tasks,
            self.n_erred,
            tuple(sorted(self.prefixes))[:MAX_GRAPH_PREFIXES],
            len(self.prefixes),
            code,
            self.trace.origin if continues else None,
            self.number if continues else 0,
        )


@dataclass(slots=True, eq=False)
class Trace:
    """All that has one origin.

    Attributes
    ----------
    n_spans
        Assigned since the last continuation began.
    starts, continuations
        First run id of each continuation, and its origin.
    """

    origin: str
    n_graphs: int = 0
    n_spans: int = 0
    starts: list[int] = field(default_factory=list)
    continuations: list[str] = field(default_factory=list)
    graph: OpenGraph | None = None
    continuation: OpenGraph | None = None

    def place(self, run_id: int) -> str:
        """Origin of an attempt: this trace's, or that of one of its continuations."""
        if not self.starts:
            return self.origin
        number = bisect_right(self.starts, run_id)
        return self.continuations[number - 1] if number else self.origin


class Graphs:
    """All graphs and traces of one scheduler.

    Parameters
    ----------
    n_trace_spans
        Spans of one trace before it is continued in another.
    """

    def __init__(self, n_trace_spans: int) -> None:
        self._n_trace_spans = n_trace_spans
        self._traces: dict[str | None, Trace] = {}
        self._without_graph: dict[str, None] = {}
        self._graph_of: dict[Any, OpenGraph] = {}
        self._open: set[OpenGraph] = set()
        self._idle: set[OpenGraph] = set()

    def trace(self, origin: str) -> Trace:
        """The trace of an origin, a new one if need be."""
        trace = self._traces.get(origin)
        if trace is None:
            trace = self._traces[origin] = Trace(origin)
            self._put_aside(trace)
        return trace

    def known(self, origin: str | None) -> Trace | None:
        """The trace of an origin, if there is one yet."""
        return self._traces.get(origin)

    def submitted(
        self,
        origin: str,
        span_id: str | None,
        client: str,
        prefixes: Mapping[str, int],
        now_s: float,
    ) -> None:
        """Add tasks to the open graph of `origin`, or open one."""
        trace = self.trace(origin)
        graph = trace.graph
        if graph is None:
            graph = OpenGraph(trace, origin, span_id, client, trace.n_graphs, now_s, now_s)
            trace.graph = graph
            trace.n_graphs += 1
            self._open.add(graph)
            del self._without_graph[origin]
        graph.n_tasks += sum(prefixes.values())
        graph.prefixes |= prefixes.keys()
        self._idle.add(graph)  # until one of its tasks turns out to be unfinished

    def began(self, key: Any, origin: str | None) -> None:
        """Note that a task has become unfinished."""
        trace = self._traces.get(origin)
        if trace is not None and trace.graph is not None:
            trace.graph.n_open += 1
            self._graph_of[key] = trace.graph

    def ended(self, key: Any, stop_s: float) -> None:
        """Note that a task is not unfinished any more."""
        graph = self._graph_of.pop(key, None)
        if graph is not None:
            self._ended(graph, stop_s)

    def erred(self, origin: str | None) -> None:
        """Count a task that erred."""
        trace = self.known(origin)
        if trace is not None and trace.graph is not None:
            trace.graph.n_erred += 1

    def assigned(self, origin: str, run_id: int, n_spans: int, now_s: float) -> OpenGraph | None:
        """The continuation to which a new attempt of `origin` belongs; None for the first trace."""
        trace = self._traces.get(origin) or self.trace(origin)
        trace.n_spans += n_spans
        if trace.n_spans > self._n_trace_spans:
            self._continue(trace, run_id, n_spans, now_s)
        graph = trace.continuation
        if graph is not None:
            graph.n_open += 1
            graph.n_tasks += 1
        return graph

    def attempt_ended(self, continuation: OpenGraph, stop_s: float, erred: bool = False) -> None:
        """Note that an attempt of a continuation has ended."""
        continuation.n_erred += erred
        self._ended(continuation, stop_s)

    def close(self) -> list[OpenGraph]:
        """Take out the graphs that have ended since the last call."""
        idle, self._idle = self._idle, set()
        closed: list[OpenGraph] = []
        for graph in idle:
            if graph.n_open or graph not in self._open:
                continue
            current = graph in (graph.trace.graph, graph.trace.continuation)
            if not current:
                self._open.discard(graph)
                closed.append(graph)
            elif not graph.continues or graph.trace.graph is None:
                closed += self._close(graph.trace)
        return closed

    def close_everything(self, now_s: float) -> list[OpenGraph]:
        """Take out all graphs, ended or not."""
        closed = list(self._open)
        self._open.clear()
        for graph in closed:
            if graph.n_open:
                graph.stop_s = max(graph.stop_s, now_s)
        return closed

    def _ended(self, graph: OpenGraph, stop_s: float) -> None:
        graph.n_open -= 1
        if stop_s > graph.stop_s:
            graph.stop_s = stop_s
        if not graph.n_open:
            self._idle.add(graph)

    def _close(self, trace: Trace) -> list[OpenGraph]:
        """Close the graph of a trace with its last continuation.

        What comes after begins a continuation of its own, so that each has one graph.
        """
        closed = [found for found in (trace.graph, trace.continuation) if found is not None]
        if trace.continuation is not None:
            trace.n_spans = self._n_trace_spans
        trace.graph = trace.continuation = None
        self._open.difference_update(closed)
        self._put_aside(trace)
        return closed

    def _continue(self, trace: Trace, run_id: int, n_spans: int, now_s: float) -> None:
        before = trace.continuation
        if before is not None and not before.n_open:
            self._idle.add(before)
        number = len(trace.starts) + 1
        origin = correlate.continuation(trace.origin, number)
        trace.starts.append(run_id)
        trace.continuations.append(origin)
        trace.n_spans = n_spans
        client = trace.graph.client if trace.graph is not None else ""
        graph = OpenGraph(trace, origin, None, client, number, now_s, now_s)
        trace.continuation = graph
        self._open.add(graph)

    def _put_aside(self, trace: Trace) -> None:
        """Remember a trace without a graph, as long as there is room."""
        aside = self._without_graph
        aside[trace.origin] = None
        if len(aside) > MAX_TRACES:
            oldest = next(iter(aside))
            del aside[oldest]
            del self._traces[oldest]
