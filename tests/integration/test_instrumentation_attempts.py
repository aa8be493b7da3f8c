"""Every attempt of a real cluster's workers is one span, however it ends."""

from __future__ import annotations

import multiprocessing
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
import pytest
from dask.base import annotate
from distributed import Reschedule, Worker, fire_and_forget, get_worker, wait
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from dask_otel import conventions as names
from dask_otel import correlate
from tests.clusters import CLOCK_ERROR_NS, held, instrumented, is_given_up
from tests.waiting import wait_for

if TYPE_CHECKING:
    from tests.sinks import SeenSpan, Sink

pytestmark = pytest.mark.cluster


def attempts(sink: Sink) -> list[SeenSpan]:
    found = [
        seen
        for seen in sink.spans()
        if seen.attributes[names.ACTION] == names.ACTION_COMPUTE
        and seen.resource[names.SERVICE_NAME] == names.SERVICE_WORKER
    ]
    return sorted(found, key=lambda seen: int(seen.attributes[names.TASK_RUN_ID]))


def outcomes(sink: Sink) -> list[str]:
    return [seen.attributes[names.TASK_OUTCOME] for seen in attempts(sink)]


def count(path: str) -> int:
    """How often this was called with `path`, this time included."""
    with Path(path).open("a") as log:
        log.write(".")
    return Path(path).stat().st_size


def fail_twice(path: str) -> int:
    n = count(path)
    if n < 3:
        raise ValueError(f"try {n}")
    return n


def reschedule_once(path: str) -> float:
    began_s = time.time()
    time.sleep(0.05)
    if count(path) == 1:
        raise Reschedule
    return began_s


class Counter:
    n = 0

    def increment(self) -> int:
        self.n += 1
        return self.n


@pytest.mark.parametrize("processes", [False, True])
def test_each_try_of_a_task_that_is_retried(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, tmp_path: Path, processes: bool
) -> None:
    with instrumented(monkeypatch, sink.endpoint, processes=processes) as client:
        path = str(tmp_path / "tries")
        assert client.submit(fail_twice, path, key="tried", retries=5).result() == 3
    found = attempts(sink)
    assert outcomes(sink) == ["failed", "failed", "finished"]
    assert len({seen.span.span_id for seen in found}) == 3
    assert [seen.span.status.message for seen in found] == ["try 1", "try 2", ""]
    for seen in found:
        run_id = seen.attributes[names.TASK_RUN_ID]
        assert seen.span.span_id == correlate.attempt_span_id("tried", run_id)


def test_a_task_that_asks_to_be_rescheduled(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, tmp_path: Path
) -> None:
    with instrumented(monkeypatch, sink.endpoint) as client:
        began_s = time.time()
        client.submit(reschedule_once, str(tmp_path / "tries"), key="again").result()
        ended_s = time.time()
    assert outcomes(sink) == ["rescheduled", "finished"]
    first, second = attempts(sink)
    assert first.span.status.code == Status.STATUS_CODE_UNSET
    assert first.attributes[names.THREAD_ID] > 0
    assert names.TASK_NBYTES not in first.attributes
    assert began_s * 1e9 < first.span.start_time_unix_nano + CLOCK_ERROR_NS
    assert first.span.end_time_unix_nano - first.span.start_time_unix_nano >= 0.05e9
    assert first.span.end_time_unix_nano < second.span.start_time_unix_nano + CLOCK_ERROR_NS
    assert second.span.end_time_unix_nano < ended_s * 1e9 + CLOCK_ERROR_NS


def test_a_task_that_is_cancelled_while_it_runs(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, tmp_path: Path
) -> None:
    path = tmp_path / "running"
    with instrumented(monkeypatch, sink.endpoint, processes=True) as client:
        future = client.submit(held, str(path), key="unwanted")
        wait_for(path.exists)
        future.cancel()
        wait_for(lambda: is_given_up(client, "unwanted"))
        time.sleep(0.3)
        path.unlink()
        wait_for(lambda: attempts(sink))
    (seen,) = attempts(sink)
    assert seen.attributes[names.TASK_OUTCOME] == "cancelled"
    assert seen.attributes[names.THREAD_ID] > 0
    assert seen.span.end_time_unix_nano - seen.span.start_time_unix_nano >= 0.3e9


@pytest.mark.parametrize("processes", [False, True])
def test_a_cancelled_task_that_runs_when_its_worker_closes(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, tmp_path: Path, processes: bool
) -> None:
    path = tmp_path / "running"

    def run() -> None:
        path.touch()
        time.sleep(3)

    with instrumented(monkeypatch, sink.endpoint, processes=processes) as client:
        future = client.submit(run, key="unwanted")
        wait_for(path.exists)
        future.cancel()
        wait_for(lambda: is_given_up(client, "unwanted"))
    (seen,) = attempts(sink)
    assert seen.attributes[names.TASK_OUTCOME] == "cancelled"
    assert seen.attributes[names.THREAD_ID] > 0
    assert seen.span.end_time_unix_nano - seen.span.start_time_unix_nano < 3e9


@pytest.mark.parametrize("processes", [False, True])
def test_what_runs_when_its_worker_closes_is_lost_from_its_first_moment(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, tmp_path: Path, processes: bool
) -> None:
    path = tmp_path / "running"

    def run() -> None:
        path.touch()
        time.sleep(1)

    with instrumented(monkeypatch, sink.endpoint, processes=processes) as client:
        fire_and_forget(client.submit(run, key="running"))
        wait_for(path.exists)  # no heartbeat has told of it yet
    (seen,) = attempts(sink)
    assert seen.attributes[names.TASK_OUTCOME] == "lost"
    assert seen.attributes[names.TASK_EXECUTING] is True
    assert seen.attributes[names.ERROR_TYPE].endswith(".WorkerLost")
    keys = [found.attributes.get(names.TASK_KEY) for found in sink.spans()]
    assert keys.count("running") == 1


def test_waits_say_what_a_task_waited_for(monkeypatch: pytest.MonkeyPatch, sink: Sink) -> None:
    with (
        dask.config.set({"distributed.scheduler.worker-saturation": "inf"}),
        instrumented(monkeypatch, sink.endpoint, threads_per_worker=1) as client,
    ):
        began_s = time.monotonic()
        wait(client.map(lambda i: time.sleep(0.3), range(3), key=["a", "b", "c"]))
        spent_s = time.monotonic() - began_s
    found = [seen.attributes for seen in attempts(sink)]
    ready = [float(said[names.TASK_WAIT_READY]) for said in found]
    # All were there when the first began, and had to wait for the only thread.
    assert ready[0] < ready[1] < ready[2]
    assert ready[2] >= 0.3
    for said in found:
        waited_s = said[names.TASK_WAIT_DEPENDENCIES], said[names.TASK_WAIT_READY]
        assert said[names.TASK_EXECUTE] >= 0.3
        assert sum(waited_s) + said[names.TASK_EXECUTE] <= spent_s


def test_tasks_on_other_executors(monkeypatch: pytest.MonkeyPatch, sink: Sink) -> None:
    def add(dask_worker: Worker) -> None:
        context = multiprocessing.get_context("spawn")
        dask_worker.executors["processes"] = ProcessPoolExecutor(1, mp_context=context)

    with instrumented(monkeypatch, sink.endpoint) as client:
        client.run(add)
        with annotate(executor="processes"):
            there = client.submit(time.sleep, 0.05, key="pool-1")
        with annotate(executor="unknown"):
            nowhere = client.submit(time.sleep, 0.0, key="nowhere")
        there.result()
        assert nowhere.exception() is not None
    by_key = {seen.attributes[names.TASK_KEY]: seen for seen in attempts(sink)}
    pool, failed = by_key["pool-1"], by_key["nowhere"]
    assert pool.attributes[names.TASK_OUTCOME] == "finished"
    assert pool.span.end_time_unix_nano - pool.span.start_time_unix_nano >= 0.05e9
    assert pool.attributes[names.TASK_EXECUTE] >= 0.05
    assert failed.attributes[names.TASK_OUTCOME] == "failed"
    assert failed.span.end_time_unix_nano == failed.span.start_time_unix_nano
    assert "Invalid executor 'unknown'" in failed.span.status.message


def test_an_actor_is_one_attempt_and_its_calls_are_none(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    with instrumented(monkeypatch, sink.endpoint) as client:
        actor: Any = client.submit(Counter, actor=True, key="counter").result()
        assert [actor.increment().result() for _ in range(2)] == [1, 2]
    assert outcomes(sink) == ["finished"]


def test_what_begins_is_named_by_the_next_tick(monkeypatch: pytest.MonkeyPatch, sink: Sink) -> None:
    release = threading.Event()
    with instrumented(monkeypatch, sink.endpoint) as client:

        def started(dask_worker: Worker) -> list[float]:
            return [ts.start_time or 0.0 for ts in dask_worker.state.executing]

        _EVENTS["endless"] = release
        future = client.submit(_wait, "endless", key="endless", pure=False)
        (start_s,) = wait_for(lambda: next(iter(client.run(started).values())))
        try:
            named = wait_for(lambda: running(sink))
        finally:
            release.set()
        future.result()
    first_s = named[0][1] / 1e9
    # What has run for less than 20 ms waits for the next tick; one of 0.2 s can be late.
    assert 0.02 <= first_s - start_s < 2.0
    assert named[0][0] == ["endless"]


def running(sink: Sink) -> list[tuple[list[str], int]]:
    return [
        (log.attributes[names.RUNNING_KEYS], log.time_ns)
        for log in sink.logs()
        if log.event_name == names.EVENT_RUNNING and log.attributes[names.RUNNING_KEYS]
    ]


def test_nothing_is_kept_of_tasks_that_have_gone(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    def held(dask_worker: Worker) -> int:
        of: Any = dask_worker.plugins["dask-otel"]
        kept = of._attempts._began, of._attempts._ran, of._attempts._given_up
        return sum(map(len, (*kept, of._starts.by_key, of._pending.held)))

    with instrumented(monkeypatch, sink.endpoint, n_workers=2, threads_per_worker=1) as client:
        slow = client.map(_late, range(60), key="slow")
        total = client.submit(sum, slow, key="total")
        time.sleep(0.2)
        client.cancel(slow[40:])  # some wait, some run
        wait(slow[:40])
        del slow, total
        wait_for(lambda: client.run_on_scheduler(lambda dask_scheduler: not dask_scheduler.tasks))
        wait_for(lambda: not any(client.run(held).values()))


def _late(number: int) -> int:
    time.sleep(0.02)
    return number


_EVENTS: dict[str, threading.Event] = {}


def _wait(name: str) -> str:
    assert _EVENTS[name].wait(20)
    return str(get_worker().address)
