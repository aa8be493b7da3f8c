"""Rarer ways of a task's life, on a real cluster."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

import dask
import pytest
from distributed import secede, span
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from dask_otel import conventions as names
from dask_otel import correlate
from tests.clusters import WITHOUT_EXTENSIONS, instrumented
from tests.waiting import wait_for

if TYPE_CHECKING:
    from tests.sinks import SeenSpan, Sink

pytestmark = pytest.mark.cluster


def spans(sink: Sink, action: str) -> list[SeenSpan]:
    return [seen for seen in sink.spans() if seen.attributes[names.ACTION] == action]


def test_the_uuid_of_a_dask_span_is_the_trace_id(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    with instrumented(monkeypatch, sink.endpoint) as client, span("mine") as span_id:
        client.submit(lambda: 1, key="in my span").result()
    found = (*spans(sink, names.ACTION_COMPUTE), *spans(sink, names.ACTION_GRAPH))
    assert len(found) == 2
    for seen in found:
        assert seen.span.trace_id == correlate.trace_id(span_id)


def test_a_later_submission_is_another_graph_of_the_same_trace(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    with instrumented(monkeypatch, sink.endpoint) as client, span("twice"):
        client.submit(lambda: 1, key="first").result()
        wait_for(lambda: len(spans(sink, names.ACTION_GRAPH)) == 1)
        client.submit(lambda: 2, key="second").result()
    first, second = spans(sink, names.ACTION_GRAPH)
    trace = first.span.trace_id
    assert second.span.trace_id == trace
    assert first.span.span_id == correlate.graph_span_id(trace, n_before=0)
    assert second.span.span_id == correlate.graph_span_id(trace, n_before=1)
    assert second.span.start_time_unix_nano >= first.span.end_time_unix_nano


def test_a_graph_still_open_at_the_end_is_sent(monkeypatch: pytest.MonkeyPatch, sink: Sink) -> None:
    with instrumented(monkeypatch, sink.endpoint) as client:
        future = client.submit(lambda: 1, key="never", resources={"a rare one": 1})
        wait_for(lambda: [log for log in sink.logs() if log.event_name == "dask.graph.submitted"])
        del future
        assert spans(sink, names.ACTION_GRAPH) == []
    (graph,) = spans(sink, names.ACTION_GRAPH)
    assert graph.attributes[names.GRAPH_TASKS] == 1
    assert graph.attributes[names.GRAPH_PREFIXES] == ["never"]


def test_a_batch_that_no_task_waited_for_is_sent_once(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    with instrumented(monkeypatch, sink.endpoint, n_workers=2) as client:
        future = client.submit(lambda: b"x" * 100_000, key="moved")
        future.result()
        ((leaving, *_),) = client.who_has(future).values()
        client.retire_workers([leaving])
        wait_for(lambda: spans(sink, names.ACTION_TRANSFER))
    (seen,) = spans(sink, names.ACTION_TRANSFER)
    assert seen.attributes[names.TRANSFER_PEER] == leaving
    assert seen.attributes[names.TRANSFER_KEYS] == ["moved"]
    assert seen.attributes[names.TRANSFER_BYTES] == 100_000
    assert names.THREAD_ID not in seen.attributes
    removed = [log for log in sink.logs() if log.event_name == names.EVENT_WORKER_REMOVED]
    assert removed[0].attributes[names.WORKER_ADDRESS] == leaving
    assert removed[0].attributes[names.REMOVAL_EXPECTED] is True
    assert removed[0].attributes[names.REMOVAL_REASON].startswith("retire-workers")


def test_a_cancelled_attempt_has_held_its_thread(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    running, release = threading.Event(), threading.Event()

    def hold() -> int:
        running.set()
        assert release.wait(20)
        return threading.get_ident()

    with instrumented(monkeypatch, sink.endpoint) as client:
        # The key keeps `hold` from being pickled: the events live in this process.
        future = client.submit(_call, id(hold), key="unwanted")
        _FUNCTIONS[id(hold)] = hold
        assert running.wait(20)
        future.cancel()
        wait_for(lambda: client.run_on_scheduler(lambda dask_scheduler: not dask_scheduler.tasks))
        release.set()
        wait_for(lambda: spans(sink, names.ACTION_COMPUTE))
    (seen,) = spans(sink, names.ACTION_COMPUTE)
    assert seen.attributes[names.TASK_KEY] == "unwanted"
    assert seen.attributes[names.THREAD_ID] > 0
    assert seen.span.end_time_unix_nano > seen.span.start_time_unix_nano


def test_coroutines_and_seceded_tasks(monkeypatch: pytest.MonkeyPatch, sink: Sink) -> None:
    async def coroutine() -> int:
        await asyncio.sleep(0.5)
        return threading.get_ident()

    def seceded() -> int:
        secede()
        time.sleep(0.5)
        return threading.get_ident()

    with instrumented(monkeypatch, sink.endpoint) as client:
        threads = {
            "coroutine": client.submit(coroutine, key="coroutine").result(),
            "seceded": client.submit(seceded, key="seceded").result(),
        }
    for seen in spans(sink, names.ACTION_COMPUTE):
        thread, key = seen.attributes[names.THREAD_ID], seen.attributes[names.TASK_KEY]
        assert thread == threads.pop(key)
        assert (thread == seen.resource[names.WORKER_LOOP_THREAD]) is (key == "coroutine")
    assert threads == {}
    named = {
        key
        for log in sink.logs()
        if log.event_name == names.EVENT_RUNNING
        for key, thread in zip(
            log.attributes[names.RUNNING_KEYS],
            log.attributes[names.RUNNING_THREADS],
            strict=True,
        )
        if thread > 0
    }
    assert named == {"coroutine", "seceded"}


def test_without_dasks_spans_there_is_one_trace(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    with instrumented(monkeypatch, sink.endpoint, **WITHOUT_EXTENSIONS) as client:
        client.gather(client.map(lambda i: i, range(3)))
    found = spans(sink, names.ACTION_COMPUTE)
    assert len(found) == 3
    assert len({seen.span.trace_id for seen in found}) == 1
    assert {seen.span.parent_span_id for seen in found} == {b""}
    assert spans(sink, names.ACTION_GRAPH) == []


def test_a_result_that_cannot_be_stored_is_one_failure(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    class Unspillable:
        def __sizeof__(self) -> int:
            return 1 << 30

        def __reduce__(self) -> tuple[object, ...]:
            raise TypeError("not to disk")

    with (
        dask.config.set({"distributed.worker.memory.target": 1e-6}),
        instrumented(monkeypatch, sink.endpoint, memory_limit="1 GiB") as client,
    ):
        future = client.submit(Unspillable, key="too large")
        assert future.exception() is not None
    (seen,) = spans(sink, names.ACTION_COMPUTE)
    assert seen.span.status.code == Status.STATUS_CODE_ERROR
    assert seen.span.status.message == "Failed to pickle 'too large'"


def test_a_restarted_worker_is_watched_again(monkeypatch: pytest.MonkeyPatch, sink: Sink) -> None:
    with instrumented(monkeypatch, sink.endpoint, processes=True) as client:
        client.submit(lambda: 1, key="before").result()
        client.restart()
        client.submit(lambda: 1, key="after").result()
    seen = spans(sink, names.ACTION_COMPUTE)
    assert [found.attributes[names.TASK_KEY] for found in seen] == ["before", "after"]
    first, second = (found.resource for found in seen)
    assert first[names.PROCESS_PID] != second[names.PROCESS_PID]
    assert first[names.SERVICE_INSTANCE_ID] != second[names.SERVICE_INSTANCE_ID]
    assert first[names.WORKER_NANNY] == second[names.WORKER_NANNY]


_FUNCTIONS: dict[int, object] = {}


def _call(number: int) -> object:
    function = _FUNCTIONS[number]
    assert callable(function)
    return function()
