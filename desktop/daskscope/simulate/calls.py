"""Spans of graphs and of the client's calls: few, so they are made one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from dask_otel import conventions as names
from daskscope.simulate import ids
from daskscope.simulate.graph import Ending
from daskscope.simulate.layout import constant, field
from daskscope.simulate.requests import attribute
from daskscope.simulate.traces import TASKS_A_TRACE

if TYPE_CHECKING:
    from daskscope.simulate.cluster import Cluster
    from daskscope.simulate.graph import Attempts, Graph
    from daskscope.simulate.requests import Value
    from daskscope.simulate.traces import Traces

_REMOTE: Final = 0x300
_SUBMITTING_NS: Final = 3_000_000


def graph_spans(graph: Graph, traces: Traces, cluster: Cluster, origin_ns: int) -> list[bytes]:
    """The graph as its scheduler tells it, and its continuations in other traces."""
    prefixes = sorted({one.layer.step.name for one in graph.layers})
    spans = []
    for part, (trace, span_id) in enumerate(zip(traces.trace, traces.graph, strict=True)):
        own = slice(part * TASKS_A_TRACE, (part + 1) * TASKS_A_TRACE)
        n_erred = sum(_n_erred(one.attempts, own) for one in graph.layers)
        said: dict[str, Value] = {
            names.ACTION: names.ACTION_GRAPH,
            names.GRAPH_CLIENT: cluster.client_id,
            names.GRAPH_TASKS: len(graph.values.end[own]),
            names.GRAPH_ERRED: n_erred,
            names.GRAPH_PREFIXES: prefixes,
            names.GRAPH_PREFIX_COUNT: len(prefixes),
        }
        if not part:
            said[names.CODE] = graph.recipe.code
        span = _span(names.SPAN_GRAPH, Span.SPAN_KIND_INTERNAL, trace.tobytes(), span_id.tobytes())
        span.start_time_unix_nano = origin_ns + graph.submit
        span.end_time_unix_nano = origin_ns + graph.end
        if part:
            said[names.GRAPH_CONTINUATION] = part
            first = Span.Link(trace_id=traces.trace[0].tobytes(), flags=_REMOTE)
            first.span_id = traces.graph[0].tobytes()
            span.links.append(first)
        else:
            span.parent_span_id = _call_id(traces, "compute")
            span.flags = _REMOTE
        span.attributes.extend(attribute(*item) for item in said.items())
        spans.append(_framed(span))
    return spans


def client_spans(graph: Graph, traces: Traces, cluster: Cluster, origin_ns: int) -> list[bytes]:
    """What the client called: it submitted the graph and waited for its results."""
    spans = []
    for name, start, end, n in (
        ("compute", graph.submit - _SUBMITTING_NS, graph.submit, graph.n_tasks),
        ("gather", graph.submit, graph.end + _SUBMITTING_NS, graph.layers[-1].layer.n),
    ):
        span = _span(
            f"{names.SPAN_CLIENT}.{name}",
            Span.SPAN_KIND_CLIENT if name == "gather" else Span.SPAN_KIND_PRODUCER,
            traces.trace[0].tobytes(),
            _call_id(traces, name),
        )
        if name == "gather":
            span.parent_span_id = _call_id(traces, "compute")
        span.start_time_unix_nano = origin_ns + max(start, 0)
        span.end_time_unix_nano = origin_ns + end
        said: dict[str, Value] = {
            names.ACTION: names.ACTION_CLIENT,
            names.GRAPH_CLIENT: cluster.client_id,
            names.CLIENT_COUNT: n,
        }
        span.attributes.extend(attribute(*item) for item in said.items())
        spans.append(_framed(span))
    return spans


def _n_erred(attempts: Attempts, own: slice) -> int:
    """Attempts at some tasks that failed for good."""
    is_own = (attempts.task >= own.start) & (attempts.task < own.stop)
    return int(np.count_nonzero(is_own & (attempts.ending == Ending.ERRED.value)))


def _call_id(traces: Traces, name: str) -> bytes:
    return ids.span_id(traces.trace[0].tobytes(), name)


def _span(name: str, kind: Span.SpanKind.ValueType, trace: bytes, span_id: bytes) -> Span:
    return Span(name=name, kind=kind, trace_id=trace, span_id=span_id)


def _framed(span: Span) -> bytes:
    return constant(field(0x12, span.SerializeToString()))
