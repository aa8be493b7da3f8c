"""A clock that is set back while a cluster works."""

from __future__ import annotations

import logging
import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Any

import dask
import pytest
from dask.base import annotate
from distributed import Client

from dask_otel import conventions as names
from tests.clusters import CLOCK_ERROR_NS, dask_command, instrumented
from tests.sinks import HttpSink
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from distributed import Worker

    from tests.sinks import SeenSpan

pytestmark = pytest.mark.cluster

SHIFT_S = -5.0
HOUR_BACK_S = -3_600.0
#: Whose modules read the clock, under whatever name.
READERS = ("dask", "distributed", "dask_otel")
DURATIONS = (names.TASK_WAIT_DEPENDENCIES, names.TASK_WAIT_READY, names.TASK_EXECUTE)


def set_back(put: Callable[[Any, str, Any], None] = setattr, shift_s: float = SHIFT_S) -> None:
    """From now on this process reads an earlier time of day, wherever it reads it."""
    right = time.time

    def earlier() -> float:
        return right() + shift_s

    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").split(".")[0] in READERS:
            for name, value in list(vars(module).items()):
                if value is right:
                    put(module, name, earlier)


def work(number: int, *_: int) -> int:
    time.sleep(0.03)
    return number


def jump(number: int) -> int:
    """Sets its worker's clock back while it runs."""
    time.sleep(0.1)
    set_back()
    time.sleep(0.1)
    return number


def is_attempt(seen: SeenSpan) -> bool:
    return bool(seen.attributes[names.ACTION] == names.ACTION_COMPUTE)


def add_pool(dask_worker: Worker) -> None:
    context = multiprocessing.get_context("spawn")
    dask_worker.executors["processes"] = ProcessPoolExecutor(1, mp_context=context)


def measure_backwards(dask_worker: Worker) -> None:
    dask_worker.latency = -0.2  # where the clock is set back during a heartbeat


def test_readings_of_workers_have_the_schedulers_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        HttpSink() as sink,
        instrumented(monkeypatch, sink.endpoint, n_workers=1, processes=True) as client,
    ):
        client.run(set_back, shift_s=HOUR_BACK_S)
        changed_ns = time.time_ns()

        def is_right() -> bool:
            readings = [seen for seen in sink.points() if seen.metric == names.WORKER_THREADS.name]
            return any(seen.time_ns > changed_ns for seen in readings)

        wait_for(is_right)


def say(what: str, time_s: float) -> None:
    """Log a warning in Dask's name, at a time of a clock that `logging` does not read."""
    logger = logging.getLogger("distributed.client")
    record = logger.makeRecord(logger.name, logging.WARNING, __file__, 1, what, (), None)
    record.created = time_s
    logger.handle(record)


def test_calls_of_a_client_have_the_schedulers_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "scheduler.json"
    here = "--scheduler-file", str(file)
    with (
        HttpSink() as sink,
        dask_command(tmp_path, sink.endpoint, "scheduler", "--port", "0", *here),
        dask_command(tmp_path, sink.endpoint, "worker", "--no-nanny", *here),
        dask.config.set({"distributed.client.preload": ["dask_otel"]}),
    ):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.endpoint)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        wait_for(lambda: file.exists() and file.read_text().endswith("}"))
        set_back(monkeypatch.setattr, HOUR_BACK_S)
        with Client(scheduler_file=str(file)) as client:
            client.wait_for_workers(1, timeout=60)
            before_ns = time.time_ns()
            assert client.submit(work, 7).result() == 7
            say("said by a client", time.time() + HOUR_BACK_S)
            after_ns = time.time_ns()
    (call,) = (seen for seen in sink.spans() if seen.span.name == "dask.client.submit")
    (said,) = (seen for seen in sink.logs() if seen.body == "said by a client")
    for time_ns in (call.span.start_time_unix_nano, call.span.end_time_unix_nano, said.time_ns):
        assert before_ns - CLOCK_ERROR_NS < time_ns < after_ns + CLOCK_ERROR_NS


@pytest.mark.parametrize("where", ["task", "workers", "scheduler"])
def test_every_attempt_is_there_once_and_none_lasts_less_than_nothing(
    monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    with (
        dask.config.set({"distributed.worker.daemon": False}),  # for the pool
        HttpSink() as sink,
        instrumented(
            monkeypatch, sink.endpoint, n_workers=2, threads_per_worker=2, processes=True
        ) as client,
    ):
        client.run(add_pool)
        first = client.map(work, range(30), key=[f"first-{i}" for i in range(30)])
        with annotate(executor="processes"):
            pooled = client.map(work, range(3), key=[f"pooled-{i}" for i in range(3)])
        middle = client.submit(jump if where == "task" else work, 7, key="middle")
        if where == "workers":
            client.run(set_back)
            client.run(measure_backwards)
        elif where == "scheduler":
            set_back(monkeypatch.setattr)  # it is in this process
        last = [client.submit(work, i, middle, *first, key=f"last-{i}") for i in range(10)]
        assert client.gather([*first, *pooled, middle, *last]) == [
            *range(30),
            *range(3),
            7,
            *range(10),
        ]
        wait_for(lambda: sum(map(is_attempt, sink.spans())) == 44)
        time.sleep(0.7)  # readings of the workers, and transfers
    attempts = [seen for seen in sink.spans() if is_attempt(seen)]
    keys = [seen.attributes[names.TASK_KEY] for seen in attempts]
    assert len(keys) == len(set(keys)) == 44
    assert {seen.attributes[names.TASK_OUTCOME] for seen in attempts} == {names.OUTCOME_FINISHED}
    for seen in sink.spans():
        assert seen.span.end_time_unix_nano >= seen.span.start_time_unix_nano, seen
    for seen in attempts:
        assert all(seen.attributes.get(name, 0) >= 0 for name in DURATIONS), seen
    assert [point for point in sink.points() if point.value < 0] == []
    dropped = [point.value for point in sink.points() if point.metric == names.SPANS_DROPPED.name]
    assert set(dropped) == {0}
    complaints = [log for log in sink.logs() if "dask_otel" in log.body]
    assert complaints == []
