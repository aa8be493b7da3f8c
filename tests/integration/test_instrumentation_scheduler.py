"""What only the scheduler knows, on real clusters: links, continuations, graphs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import dask
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from dask_otel import conventions as names
from dask_otel import correlate
from tests.clusters import instrumented
from tests.seen import NANNIES, attempts, events, kill_when_running, links, spans
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from distributed import Scheduler

    from tests.sinks import SeenSpan, Sink

pytestmark = pytest.mark.cluster


def test_attempts_link_to_those_that_made_their_dependencies(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    with instrumented(monkeypatch, sink.endpoint, n_workers=2) as client:
        (scattered,) = client.scatter([1])
        parts = [client.submit(int, i, key=("part", i)) for i in range(3)]
        total = client.submit(lambda *values: sum(values), scattered, *parts, key="total")
        assert total.result() == 4
    made = {
        key: (seen.span.trace_id, seen.span.span_id)
        for key in ("('part', 0)", "('part', 1)", "('part', 2)")
        for seen in attempts(sink, key)
    }
    (seen,) = attempts(sink, "total")
    assert links(seen) == made
    assert seen.attributes[names.TASK_DEPENDENCY_COUNT] == 4
    for key in made:
        (part,) = attempts(sink, key)
        assert names.TASK_DEPENDENCY_COUNT not in part.attributes


def test_a_task_that_is_tried_again_is_linked_by_its_last_attempt(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, tmp_path: Path
) -> None:
    tried = tmp_path / "tried"

    def unstable() -> int:
        if not tried.exists():
            tried.touch()
            raise OSError("not yet")
        return 1

    with instrumented(monkeypatch, sink.endpoint) as client:
        future = client.submit(unstable, key="unstable", retries=2)
        assert client.submit(int, future, key="after").result() == 1
    failed, finished = sorted(
        attempts(sink, "unstable"), key=lambda seen: seen.attributes[names.TASK_RUN_ID]
    )
    assert failed.span.status.code == Status.STATUS_CODE_ERROR
    (after,) = attempts(sink, "after")
    assert links(after) == {"unstable": (finished.span.trace_id, finished.span.span_id)}


def test_the_message_of_a_task_keeps_its_annotations(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    carrier = {"traceparent": correlate.traceparent(b"t" * 16, b"s" * 8), "baggage": "a=b"}
    with (
        instrumented(monkeypatch, sink.endpoint, protocol="http/protobuf") as client,
        dask.annotate(otel=carrier, mine=5),  # type: ignore[attr-defined]
    ):
        one = client.submit(int, 1, key="one")
        two = client.submit(int, one, key="two")
        assert two.result() == 1

        def annotations(dask_scheduler: Scheduler) -> Any:
            return [dask_scheduler.tasks[key].annotations for key in ("one", "two")]

        for found in client.run_on_scheduler(annotations):
            assert found["otel"] == carrier
        (seen,) = client.run(
            lambda dask_worker: dask_worker.state.tasks["two"].annotations
        ).values()
        assert seen["mine"] == 5
        assert seen["otel"]["baggage"] == "a=b"
        assert seen["otel"]["n_dependencies"] == 1
    (graph,) = spans(sink, names.ACTION_GRAPH)
    assert graph.span.trace_id == b"t" * 16
    assert graph.span.parent_span_id == b"s" * 8
    for seen_span in (*attempts(sink, "one"), *attempts(sink, "two")):
        assert seen_span.span.trace_id == b"t" * 16
        assert seen_span.span.parent_span_id == graph.span.span_id


def test_a_very_large_trace_is_continued_in_linked_ones(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    with (
        dask.config.set({"dask-otel.trace-spans": 10}),
        instrumented(monkeypatch, sink.endpoint) as client,
    ):
        layers = client.map(int, range(25), key=[f"a-{i:02}" for i in range(25)])
        sums = client.map(sum, [[layers[i], layers[i + 1]] for i in range(24)])
        client.gather(sums)
    graphs = {seen.span.trace_id: seen for seen in spans(sink, names.ACTION_GRAPH)}
    (first,) = (seen for seen in graphs.values() if names.GRAPH_CONTINUATION not in seen.attributes)
    by_trace: dict[bytes, list[SeenSpan]] = {}
    for seen in spans(sink, names.ACTION_COMPUTE):
        by_trace.setdefault(seen.span.trace_id, []).append(seen)
        assert seen.span.parent_span_id == graphs[seen.span.trace_id].span.span_id
    assert sum(map(len, by_trace.values())) == 49
    assert all(len(found) <= 10 for found in by_trace.values())
    continued = [seen for seen in graphs.values() if seen is not first]
    assert len(continued) >= 6
    numbers = sorted(seen.attributes[names.GRAPH_CONTINUATION] for seen in continued)
    assert numbers == list(range(1, len(continued) + 1))
    for seen in continued:
        (link,) = seen.span.links
        assert (link.trace_id, link.span_id) == (first.span.trace_id, first.span.span_id)
        assert seen.attributes[names.GRAPH_TASKS] == len(by_trace[seen.span.trace_id])
    known = {(seen.span.trace_id, seen.span.span_id) for seen in spans(sink, names.ACTION_COMPUTE)}
    linked = [
        (link.trace_id, link.span_id)
        for seen in spans(sink, names.ACTION_COMPUTE)
        for link in seen.span.links
    ]
    assert len(linked) == 48
    assert set(linked) <= known


def test_a_graph_says_what_erred_and_where_it_came_from(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    with (
        dask.config.set({"distributed.diagnostics.computations.nframes": 3}),
        instrumented(monkeypatch, sink.endpoint) as client,
    ):
        bad = client.submit(divmod, 1, 0, key="bad-1")
        after = client.submit(bool, bad, key="after")
        assert after.exception() is not None
        assert client.submit(int, 5, key="good").result() == 5
    graphs = spans(sink, names.ACTION_GRAPH)
    assert sum(graph.attributes[names.GRAPH_ERRED] for graph in graphs) == 2
    for graph in graphs:
        assert "test_a_graph_says_what_erred" in graph.attributes[names.CODE]
    (erred,) = events(sink, names.EVENT_GROUP_ERRED)
    assert "ZeroDivisionError" in erred.body
    assert erred.attributes[names.TASK_KEY] == "bad-1"
    assert erred.trace_id in {
        graph.span.trace_id for graph in graphs if graph.attributes[names.GRAPH_ERRED]
    }


def test_many_submissions_are_few_graphs_and_nothing_is_left(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    def left(dask_scheduler: Scheduler) -> Any:
        adapter: Any = dask_scheduler.plugins["dask-otel"]
        graphs = adapter._graphs
        return [len(adapter._assignments), len(graphs._graph_of), len(graphs._open)]

    with instrumented(monkeypatch, sink.endpoint) as client:
        futures = [client.submit(lambda i: i, i, pure=False) for i in range(300)]
        client.gather(futures)
        wait_for(lambda: client.run_on_scheduler(left) == [0, 0, 0])
        del futures
        cancelled = [client.submit(time.sleep, 0.2, pure=False) for _ in range(20)]
        client.cancel(cancelled)
        wait_for(lambda: client.run_on_scheduler(left) == [0, 0, 0])
    graphs = spans(sink, names.ACTION_GRAPH)
    assert sum(seen.attributes[names.GRAPH_TASKS] for seen in graphs) == 320
    assert len({seen.span.span_id for seen in graphs}) == len(graphs)


def slow(i: int) -> int:
    time.sleep(0.002)
    return i


def test_a_busy_scheduler_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch, sink: Sink) -> None:
    def stop(dask_scheduler: Scheduler) -> Any:
        before = "_task_to_msg" in vars(dask_scheduler)
        adapter: Any = dask_scheduler.plugins["dask-otel"]
        adapter.end()
        handlers = (
            dask_scheduler.handlers["adaptive_target"],
            dask_scheduler.stream_handlers["task-erred"],
        )
        return (
            before,
            "_task_to_msg" in vars(dask_scheduler),
            handlers == (dask_scheduler.adaptive_target, dask_scheduler.handle_task_erred),
        )

    with instrumented(monkeypatch, sink.endpoint) as client:
        futures = client.map(slow, range(400))
        wait_for(lambda: spans(sink, names.ACTION_COMPUTE))
        assert client.run_on_scheduler(stop) == (True, False, True)
        assert client.gather(futures) == list(range(400))


def test_a_scheduler_is_instrumented_while_it_works(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    def again(dask_scheduler: Scheduler) -> None:
        adapter: Any = dask_scheduler.plugins["dask-otel"]
        adapter.end()
        adapter.__init__(dask_scheduler, adapter.emitter, adapter.emitter._settings)
        adapter.begin()

    with instrumented(monkeypatch, sink.endpoint, n_workers=1, **NANNIES) as client:
        future = client.submit(time.sleep, 600, key="endless")
        wait_for(lambda: client.processing().popitem()[1])
        client.run_on_scheduler(again)
        address = kill_when_running(client, sink, "endless")
        wait_for(lambda: attempts(sink, "endless"))
        future.cancel()
    (lost,) = attempts(sink, "endless")[:1]
    assert lost.attributes[names.WORKER_ADDRESS] == address
    assert lost.attributes[names.TASK_OUTCOME] == names.OUTCOME_LOST
