"""What user code opens inside a task is a child of the attempt, in its trace."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, cast

import distributed.worker
import pytest
from dask.base import annotate
from distributed import Client, LocalCluster
from opentelemetry import baggage, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from dask_otel import conventions as names
from dask_otel import correlate, events
from dask_otel.worker.context import AttemptSpan, ContextProbe
from dask_otel.worker.starts import Start
from tests.clusters import WITHOUT_EXTENSIONS, instrumented
from tests.sinks import HttpSink, SeenSpan, Sink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan

pytestmark = pytest.mark.cluster

TRACE, SPAN = bytes(range(16)), bytes(range(8))
#: In this process, as the workers are: functions refer to it by name, so that it is not pickled.
EXPORTER = InMemorySpanExporter()
PROVIDER = TracerProvider(shutdown_on_exit=False)
PROVIDER.add_span_processor(SimpleSpanProcessor(EXPORTER))
TRACER = PROVIDER.get_tracer("user")


@pytest.fixture
def sink() -> Iterator[Sink]:
    EXPORTER.clear()
    with HttpSink() as found:
        yield found


def in_thread(name: str) -> str:
    with TRACER.start_as_current_span(name), TRACER.start_as_current_span(f"{name}-inner"):
        time.sleep(0.01)
    return name


async def in_loop(name: str) -> str:
    with TRACER.start_as_current_span(name):
        await asyncio.sleep(0.05)
        with TRACER.start_as_current_span(f"{name}-inner"):
            await asyncio.sleep(0)
    return name


def carried() -> tuple[Any, str, str, bool]:
    context = trace.get_current_span().get_span_context()
    found = str(baggage.get_baggage("user"))
    state = context.trace_state.to_header()
    return found, state, f"{context.trace_id:032x}", context.trace_flags.sampled


def kind_of_current_span() -> str:
    return type(trace.get_current_span()).__name__


def attempts(sink: Sink) -> dict[str, SeenSpan]:
    return {
        seen.attributes[names.TASK_KEY]: seen
        for seen in sink.spans()
        if seen.attributes[names.ACTION] == names.ACTION_COMPUTE
    }


def user_spans() -> dict[str, ReadableSpan]:
    return {span.name: span for span in EXPORTER.get_finished_spans()}


@pytest.mark.parametrize("function", [in_thread, in_loop])
def test_spans_of_tasks_side_by_side_are_children_of_their_own_attempts(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, function: Any
) -> None:
    # Somebody's span is open around the cluster: no task is its child.
    with (
        TRACER.start_as_current_span("around"),
        instrumented(monkeypatch, sink.endpoint, n_workers=2) as client,
    ):
        keys = [f"task-{i}" for i in range(8)]
        client.gather([client.submit(function, key, key=key) for key in keys])
    spans, done = user_spans(), attempts(sink)
    for key in keys:
        outer, inner, attempt = spans[key], spans[f"{key}-inner"], done[key].span
        assert outer.parent is not None
        assert outer.parent.span_id == int.from_bytes(attempt.span_id, "big")
        assert outer.context is not None
        assert outer.context.trace_id == int.from_bytes(attempt.trace_id, "big")
        assert inner.parent == outer.context
    assert len({seen.resource[names.WORKER_ADDRESS] for seen in done.values()}) == 2


def test_without_dasks_spans_they_are_in_the_clusters_trace(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    with instrumented(monkeypatch, sink.endpoint, **WITHOUT_EXTENSIONS) as client:
        client.submit(in_thread, "bare", key="bare").result()
    attempt, span = attempts(sink)["bare"].span, user_spans()["bare"]
    assert span.context is not None
    assert span.parent is not None
    assert span.context.trace_id == int.from_bytes(attempt.trace_id, "big")
    assert span.parent.span_id == int.from_bytes(attempt.span_id, "big")


@pytest.mark.parametrize("sampled", [True, False])
def test_what_the_clients_propagators_carry_is_there(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, sampled: bool
) -> None:
    carrier = {
        events.TRACEPARENT: correlate.traceparent(TRACE, SPAN, sampled),
        "tracestate": "vendor=1",
        "baggage": "user=ada",
    }
    with instrumented(monkeypatch, sink.endpoint) as client, annotate(otel=carrier):
        found = client.submit(carried, key="carried").result()
        plain = client.submit(kind_of_current_span, key="kind").result()
    assert found == ("ada", "vendor=1", TRACE.hex(), sampled)
    assert plain == AttemptSpan.__name__


def test_one_task_leaves_nothing_to_the_next(monkeypatch: pytest.MonkeyPatch, sink: Sink) -> None:
    carrier = {events.TRACEPARENT: correlate.traceparent(TRACE, SPAN), "baggage": "user=ada"}
    with instrumented(monkeypatch, sink.endpoint, threads_per_worker=1) as client:
        with annotate(otel=carrier):
            assert client.submit(carried, key="with").result()[0] == "ada"
        assert client.submit(carried, key="without").result()[0] == "None"


def test_a_user_annotation_of_that_name_does_no_harm(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    with instrumented(monkeypatch, sink.endpoint) as client:
        for i, mine in enumerate(["text", 5, ["list"], {"traceparent": "no such"}]):
            with annotate(otel=mine):
                assert client.submit(in_thread, "any", key=f"any-{i}").result() == "any"
    assert attempts(sink).keys() == {f"any-{i}" for i in range(4)}


def test_functions_are_replaced_from_the_first_worker_to_the_last() -> None:
    own = {name: vars(distributed.worker)[name] for name in ("_run_task", "_run_task_async")}

    def replaced() -> bool:
        now = {name: vars(distributed.worker)[name] for name in own}
        if all(now[name] is own[name] for name in own):
            return False
        assert all(now[name] is not own[name] for name in own)
        return True

    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
    ) as cluster:
        first, second = (
            ContextProbe(worker, cast("Any", _Deaf())) for worker in cluster.workers.values()
        )
        first.begin()
        second.begin()
        assert replaced()
        with Client(cluster) as client:
            one, two = cluster.scheduler.workers
            kinds = [
                client.submit(kind_of_current_span, workers=[address], pure=False).result()
                for address in (one, two)
            ]
            assert kinds == [AttemptSpan.__name__] * 2
            first.end()
            assert replaced()
            kinds = [
                client.submit(kind_of_current_span, workers=[address], pure=False).result()
                for address in (one, two)
            ]
            assert sorted(kinds) == [AttemptSpan.__name__, "NonRecordingSpan"]
        second.end()
        assert not replaced()


class _Deaf:
    """Attempts that nobody is interested in."""

    def started(self, ts: Any, delay_s: float) -> Start:
        return Start(ts.run_id, ts.span_id, None, ts, None, None, None, delay_s)

    def ran(self, start: object, result: object) -> None: ...
