from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest
from distributed.worker_state_machine import ComputeTaskEvent, TaskState

from dask_otel.conventions import MAX_TRANSFER_KEYS
from dask_otel.events import Failure
from dask_otel.record.text import describe
from dask_otel.worker import reading
from dask_otel.worker.starts import Starts

NOW_S = 1_000.0


def task(key: str = "x-1", start_s: float | None = None, **attributes: Any) -> TaskState:
    ts = TaskState(key, run_id=attributes.pop("run_id", 1))
    ts.start_time = start_s
    for name, value in attributes.items():
        setattr(ts, name, value)
    return ts


def worker(*executing: TaskState, long_running: tuple[TaskState, ...] = ()) -> Any:
    tasks = (*executing, *long_running)
    return SimpleNamespace(
        state=SimpleNamespace(executing=set(executing), long_running=set(long_running)),
        active_keys={ts.key for ts in tasks},
        active_threads={100 + i: ts.key for i, ts in enumerate(tasks)},
        active_threads_lock=threading.Lock(),
        scheduler_delay=5.0,
    )


def running(
    of: Any, before: dict[Any, reading.Known], run_ids: dict[Any, int], now_s: float
) -> dict[Any, reading.Known]:
    return reading.running(of, before, Starts(of), run_ids, now_s)


@pytest.mark.parametrize("annotations", [None, {}, {"otel": "mine"}, {"otel": None}, {"otel": 3}])
def test_a_task_without_our_annotation_belongs_to_its_dask_span(annotations: Any) -> None:
    ts = task(annotations=annotations, span_id="s")
    assert (reading.otel(ts), reading.origin(ts)) == (None, "s")


def test_what_was_said_counts_more_than_the_dask_span() -> None:
    ts = task(annotations={"otel": {"traceparent": "00-1"}}, span_id="s")
    assert reading.origin(ts) == "00-1"
    assert reading.origin(task(annotations={"otel": {"n_dependencies": 1}}, span_id="s")) == "s"
    assert reading.origin(task()) is None


def test_the_last_run_is_the_attempts_if_it_is_no_earlier_ones() -> None:
    ts = task()
    assert reading.computed(ts, 0.0) is None
    ts.startstops = [
        {"action": "compute", "start": 1.0, "stop": 2.0},
        {"action": "transfer", "start": 3.0, "stop": 4.0},
        {"action": "compute", "start": 5.0, "stop": 6.0},
        {"action": "disk-write", "start": 6.0, "stop": 7.0},
    ]
    assert reading.computed(ts, 4.5) == (5.0, 6.0, None)
    assert reading.computed(ts, 6.5) is None


def test_an_exception_that_dask_does_not_report_is_described() -> None:
    try:
        raise OSError("gone")
    except OSError as error:
        found = describe(reading.failure(error))
    assert (found.type, found.message) == ("OSError", "OSError('gone')")
    assert "test_reading.py" in found.stacktrace


def test_a_failure_is_handed_on_as_dask_has_pickled_it() -> None:
    assert reading.reported(SimpleNamespace(data=b"p"), "t", "tb") == Failure(b"p", "t", "tb")
    assert reading.reported(None, "t", "") == Failure(b"", "t", "")


def test_long_batches_keep_some_keys_and_the_count() -> None:
    entry = {
        "start": 1.0,
        "stop": 2.0,
        "total": 5,
        "bandwidth": 5.0,
        "keys": {f"k{n}": 1 for n in range(1_000)},
    }
    found = reading.transfer(entry, "tcp://a:1", None, sent=True)
    assert (len(found.keys), found.n_keys, found.sent) == (MAX_TRANSFER_KEYS, 1_000, True)
    run = reading.Run(1.0, 2.0, None)
    why = Failure(b"", "OSError()", "")
    failed = reading.failed_transfer(run, "tcp://a:1", entry["keys"], None, why, sent=False)  # type: ignore[arg-type]
    assert (len(failed.keys), failed.n_keys, failed.n_bytes) == (MAX_TRANSFER_KEYS, 1_000, 0)
    assert (failed.start_s, failed.stop_s, failed.failure) == (1.0, 2.0, why)


def test_attempts_are_named_from_a_moment_after_their_start() -> None:
    old, new = task("old-1", NOW_S - 0.1), task("new-1", NOW_S - 0.01)
    found = running(worker(old, new), {}, {}, NOW_S)
    assert list(found) == ["old-1"]
    (known,) = found.values()
    assert (known.task.key, known.task.prefix, known.task.run_id) == ("old-1", "old", 1)
    assert known.task.start_s == NOW_S - 0.1 + 5.0
    assert known.task.thread >= 100


def test_seceded_attempts_go_on_being_named() -> None:
    ts = task("x", NOW_S - 1)
    assert list(running(worker(long_running=(ts,)), {}, {}, NOW_S)) == ["x"]


def test_what_was_named_keeps_its_start_and_its_run_id() -> None:
    ts = task("x", NOW_S - 1, run_id=1)
    of = worker(ts)
    before = running(of, {}, {}, NOW_S)
    of.scheduler_delay, ts.run_id = 6.0, 2
    assert running(of, before, {}, NOW_S + 1)["x"] is before["x"]


def test_another_attempt_of_the_same_task_is_named_anew() -> None:
    ts = task("x", NOW_S - 1, run_id=1)
    of = worker(ts)
    before = running(of, {}, {}, NOW_S)
    ts.start_time, ts.run_id = NOW_S + 0.5, 2
    found = running(of, before, {}, NOW_S + 1)
    assert (found["x"].task.run_id, found["x"].task.start_s) == (2, NOW_S + 5.5)


def test_what_runs_goes_on_being_named_where_the_clock_was_set_back() -> None:
    of = worker(task("x", NOW_S - 1))
    before = running(of, {}, {}, NOW_S)
    assert running(of, before, {}, NOW_S - 5) == before


def test_one_given_up_is_named_by_the_run_id_it_had() -> None:
    of = worker(task("x", NOW_S - 1, run_id=2))
    assert running(of, {}, {"x": 1}, NOW_S)["x"].task.run_id == 1


def test_one_that_has_not_begun_is_not_named() -> None:
    waiting, stale = task("waiting"), task("stale", NOW_S - 50)
    of = worker(waiting, stale)
    of.active_keys = {"waiting"}  # the start of the other one is an earlier attempt's
    assert running(of, {}, {}, NOW_S) == {}


def test_one_without_a_thread_has_not_begun_unless_it_runs_in_another_process() -> None:
    here, there = task("here", NOW_S - 1), task("there", NOW_S - 1)
    there.annotations = {"executor": "processes"}
    of = worker(here, there)
    of.active_threads = {}
    found = running(of, {}, {}, NOW_S)
    assert [(key, known.task.thread) for key, known in found.items()] == [("there", 0)]


def test_the_thread_of_coroutines_is_the_event_loops() -> None:
    async def function() -> None: ...

    ts = task("x", NOW_S - 1)
    ts.run_spec = ComputeTaskEvent.dummy_runspec("x")
    ts.run_spec.func = function
    of = worker(ts)
    of.active_threads = {}
    found = running(of, {}, {}, NOW_S)
    assert found["x"].task.thread == threading.get_ident()
