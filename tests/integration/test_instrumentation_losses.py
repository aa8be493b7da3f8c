"""What workers had that were killed or closed, and what the scheduler makes of it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import dask
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from dask_otel import conventions as names
from tests.clusters import CLOCK_ERROR_NS, held, instrumented, nannies_know
from tests.seen import NANNIES, attempts, events, kill_when_running, links, spans
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from distributed import Scheduler, Worker

    from tests.sinks import Sink

pytestmark = pytest.mark.cluster


def test_an_attempt_that_was_lost_with_its_worker(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, tmp_path: Path
) -> None:
    began = tmp_path / "began"

    def endless_once() -> int:
        if began.exists():
            return 1
        began.touch()
        time.sleep(600)
        return 2

    with (
        dask.config.set({"distributed.scheduler.worker-saturation": "inf"}),
        instrumented(monkeypatch, sink.endpoint, n_workers=1, **NANNIES) as client,
    ):
        dependency = client.submit(int, 7, key="dependency")
        future = client.submit(lambda _, i: endless_once(), dependency, 1, key="endless")
        wait_for(began.exists)
        waiting = client.submit(int, 3, key="waiting")
        wait_for(lambda: "waiting" in next(iter(client.processing().values())))
        address = kill_when_running(client, sink, "endless")
        assert (future.result(), waiting.result()) == (1, 3)
    lost, finished = sorted(
        attempts(sink, "endless"), key=lambda seen: seen.attributes[names.TASK_RUN_ID]
    )
    assert lost.resource[names.SERVICE_NAME] == names.SERVICE_SCHEDULER
    assert finished.resource[names.SERVICE_NAME] == names.SERVICE_WORKER
    assert lost.attributes[names.TASK_OUTCOME] == names.OUTCOME_LOST
    assert lost.attributes[names.TASK_EXECUTING] is True
    assert lost.attributes[names.WORKER_ADDRESS] == address
    assert lost.span.status.code == Status.STATUS_CODE_ERROR
    assert lost.attributes[names.ERROR_TYPE].endswith("WorkerLost")
    assert abs(lost.span.start_time_unix_nano - began.stat().st_mtime_ns) < CLOCK_ERROR_NS
    assert lost.span.parent_span_id == finished.span.parent_span_id
    assert lost.attributes[names.TASK_DEPENDENCY_COUNT] == 1
    assert links(lost).keys() == links(finished).keys() == {"dependency"}
    queued = [seen for seen in attempts(sink, "waiting") if names.TASK_EXECUTING in seen.attributes]
    assert [seen.attributes[names.TASK_EXECUTING] for seen in queued] == [False]
    ids = [seen.span.span_id for seen in spans(sink, names.ACTION_COMPUTE)]
    assert len(ids) == len(set(ids))


def test_a_task_that_kills_its_workers(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, tmp_path: Path
) -> None:
    began = tmp_path / "began"

    def murder() -> None:
        held(str(began))
        os._exit(1)

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        instrumented(monkeypatch, sink.endpoint, n_workers=1, **NANNIES) as client,
    ):
        murdered = client.submit(murder, key="murder")
        for _ in range(2):
            wait_for(began.exists)
            wait_for(lambda: nannies_know(client))
            began.unlink()
        assert murdered.exception() is not None
    lost = attempts(sink, "murder")
    types = [seen.attributes[names.ERROR_TYPE].rpartition(".")[2] for seen in lost]
    assert sorted(types) == ["KilledWorker", "WorkerLost"]
    assert {seen.attributes[names.TASK_OUTCOME] for seen in lost} == {names.OUTCOME_LOST}
    assert len({seen.attributes[names.WORKER_ADDRESS] for seen in lost}) == 2
    restarted = events(sink, names.EVENT_WORKER_RESTARTED)
    assert len(restarted) >= 1
    (graph,) = spans(sink, names.ACTION_GRAPH)
    assert graph.attributes[names.GRAPH_ERRED] == 1


def never_acknowledge(dask_worker: Worker) -> None:
    dask_worker.metrics["dask-otel"] = lambda _: {"acknowledged": 0.0}
    dask_worker.periodic_callbacks["heartbeat"].callback_time = 50


def test_what_a_killed_worker_had_not_sent_is_made_good(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    def acknowledged(dask_scheduler: Scheduler) -> list[Any]:
        return [ws.metrics.get("dask-otel") for ws in dask_scheduler.workers.values()]

    def fail() -> None:
        raise ValueError("no")

    with instrumented(monkeypatch, sink.endpoint, n_workers=1, **NANNIES) as client:
        client.run(never_acknowledge)
        wait_for(lambda: client.run_on_scheduler(acknowledged) == [{"acknowledged": 0.0}])
        done = client.submit(int, 1, key="done")
        failed = client.submit(fail, key="failed", retries=1)
        total = client.submit(int, done, key="total")
        assert total.result() == 1
        assert failed.exception() is not None
        wait_for(lambda: len(spans(sink, names.ACTION_COMPUTE)) == 4)
        endless = client.submit(time.sleep, 600, key="endless")
        address = kill_when_running(client, sink, "endless")
        wait_for(lambda: len(attempts(sink, "failed")) == 4)
        endless.cancel()
    by_scheduler = {
        seen.span.span_id: seen
        for seen in spans(sink, names.ACTION_COMPUTE)
        if seen.resource[names.SERVICE_NAME] == names.SERVICE_SCHEDULER
        and seen.attributes[names.TASK_OUTCOME] != names.OUTCOME_LOST
    }
    by_worker = {
        seen.span.span_id: seen
        for seen in spans(sink, names.ACTION_COMPUTE)
        if seen.resource[names.SERVICE_NAME] == names.SERVICE_WORKER
    }
    assert set(by_scheduler) <= set(by_worker)
    assert len(by_scheduler) == 4
    for span_id, made_good in by_scheduler.items():
        original = by_worker[span_id]
        assert made_good.attributes[names.WORKER_ADDRESS] == address
        for name in ("trace_id", "parent_span_id", "name", "start_time_unix_nano"):
            assert getattr(made_good.span, name) == getattr(original.span, name)
        assert made_good.span.end_time_unix_nano == original.span.end_time_unix_nano
        assert made_good.span.status.message == original.span.status.message
        assert links(made_good) == links(original)
        for attribute in (
            names.TASK_KEY,
            names.TASK_RUN_ID,
            names.TASK_OUTCOME,
            names.TASK_TYPE,
            names.TASK_NBYTES,
            names.THREAD_ID,
            names.TASK_GROUP,
            names.ERROR_TYPE,
        ):
            if original.attributes[names.TASK_OUTCOME] == names.OUTCOME_FINISHED or (
                attribute != names.TASK_NBYTES
            ):
                assert made_good.attributes.get(attribute) == original.attributes.get(attribute)


def test_a_worker_that_closes_in_good_order_needs_no_help(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    with instrumented(monkeypatch, sink.endpoint, n_workers=2, **NANNIES) as client:
        client.run(never_acknowledge)
        client.gather(client.map(int, range(20)))
        addresses = list(client.scheduler_info()["workers"])
        client.retire_workers(addresses[:1])
        wait_for(lambda: events(sink, names.EVENT_WORKER_RETIRED))
        client.restart()
        wait_for(lambda: len(events(sink, names.EVENT_WORKER_REMOVED)) >= 2)
    assert events(sink, names.EVENT_WORKER_LOST) == []
    removed = events(sink, names.EVENT_WORKER_REMOVED)
    assert all(log.attributes[names.REMOVAL_EXPECTED] for log in removed)
    for seen in spans(sink, names.ACTION_COMPUTE):
        assert seen.resource[names.SERVICE_NAME] == names.SERVICE_WORKER
