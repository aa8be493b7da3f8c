"""What a real cluster sends is what the reference says: each attribute, its type, each kind."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import dask
import dask.array as da
import pytest
from distributed import wait, worker_client
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from dask_otel import conventions as names
from dask_otel.reference import attributes, signals
from tests.clusters import instrumented
from tests.sinks import HttpSink

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

pytestmark = pytest.mark.cluster

TYPES = {"string": str, "int": int, "double": float, "bool": bool}
SPANS = {span.action: span for span in signals.SPANS}
EVENTS = {event.name: event for event in signals.EVENTS}
METRICS = {metric.name: metric for metric in names.METRICS}


def hopeless() -> None:
    raise ValueError("never")


def nested() -> int:
    """A task that submits another one."""
    with worker_client() as client:
        found: int = client.submit(abs, -1).result()
        return found


@pytest.fixture(scope="module")
def sink() -> Iterator[HttpSink]:
    with pytest.MonkeyPatch.context() as monkeypatch, HttpSink() as found:
        with instrumented(monkeypatch, found.endpoint, n_workers=2, threads_per_worker=1) as client:
            with dask.config.set({"array.rechunk.method": "p2p"}):
                da.random.random((800, 800), chunks=(100, 800)).rechunk((800, 100)).sum().compute()
            wait([client.submit(hopeless, retries=1), client.submit(time.sleep, 0.5)])
            assert client.gather([client.scatter(1), client.submit(nested)]) == [1, 1]
            client.log_event("mine", {"epoch": 3})
        yield found


def check(of: str, found: Mapping[str, Any], allowed: Collection[str], table: Any) -> None:
    assert found.keys() <= {*allowed}, of
    for name, value in found.items():
        kind, is_list = table[name][0].removesuffix("[]"), table[name][0].endswith("[]")
        values = value if is_list else [value]
        if name == names.TASK_PRIORITY and {*map(type, values)} == {float}:
            continue  # as it says in its description
        assert {*map(type, values)} <= {TYPES[kind]}, (of, name, value)


def test_spans(sink: HttpSink) -> None:
    for seen in sink.spans():
        found = dict(seen.attributes)
        described = SPANS[found.pop(names.ACTION)]
        check(described.action, found, described.attributes, attributes.SPAN)
        assert Span.SpanKind.Name(seen.span.kind) == f"SPAN_KIND_{described.kind.upper()}"
        check("resource", seen.resource, attributes.RESOURCE, attributes.RESOURCE)
    assert {seen.attributes[names.ACTION] for seen in sink.spans()} >= {
        names.ACTION_COMPUTE,
        names.ACTION_TRANSFER,
        names.ACTION_SEND,
        names.ACTION_GRAPH,
    }


def test_events(sink: HttpSink) -> None:
    for seen in sink.logs():
        allowed = (*EVENTS[seen.event_name].attributes, *signals.EVENT_ALWAYS)
        check(seen.event_name, seen.attributes, allowed, attributes.LOG)
    assert {seen.event_name for seen in sink.logs()} >= {
        names.EVENT_RUNNING,
        names.EVENT_WORKER_ADDED,
        names.EVENT_WORKER_REMOVED,
        names.EVENT_GRAPH_SUBMITTED,
        names.EVENT_GROUP_ERRED,
        names.EVENT_LOGGED,
    }


def test_metrics(sink: HttpSink) -> None:
    for seen in sink.points():
        metric = METRICS[seen.metric]
        assert seen.unit == metric.unit
        check(metric.name, seen.attributes, metric.attributes, attributes.POINT)
        assert len(seen.attributes) == len(metric.attributes), metric.name
    always = {metric.name for metric in names.METRICS if not metric.when}
    assert always <= {seen.metric for seen in sink.points()}
