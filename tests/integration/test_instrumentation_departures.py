"""Whatever a worker ran when it went is one span, whichever way it went; on real clusters."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from distributed import Reschedule, WorkerPlugin

from dask_otel import conventions as names
from dask_otel import correlate
from dask_otel.events import GivenUp
from tests.clusters import CLOCK_ERROR_NS, held, instrumented, is_given_up
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from distributed import Client, Scheduler, Worker

    from tests.sinks import SeenSpan, Sink

pytestmark = pytest.mark.cluster

NANNIES: dict[str, Any] = {"processes": True, "threads_per_worker": 1}


def attempts(sink: Sink) -> list[SeenSpan]:
    """All that was sent of attempts, by whomever."""
    found = (s for s in sink.spans() if s.attributes[names.ACTION] == names.ACTION_COMPUTE)
    return sorted(found, key=lambda seen: int(seen.attributes[names.TASK_RUN_ID]))


def services(sink: Sink) -> list[str]:
    return [seen.resource[names.SERVICE_NAME] for seen in attempts(sink)]


def outcomes(sink: Sink) -> list[str]:
    return [seen.attributes[names.TASK_OUTCOME] for seen in attempts(sink)]


def begin(path: str) -> bool:
    """Whether this is the first time."""
    try:
        Path(path).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def endless(path: str) -> None:
    """The first attempt does not come to an end."""
    if begin(path):
        time.sleep(600)


async def stubborn(path: str) -> None:
    """Nor does this, which does not even heed that it is cancelled."""
    if begin(path):
        while True:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(600)


class Hanging(WorkerPlugin):
    async def teardown(self, worker: Worker) -> None:
        await asyncio.sleep(600)


def elsewhere(path: str) -> int:
    """The first attempt asks to be run elsewhere, when it may."""
    if begin(path):
        while not Path(f"{path}-go").exists():
            time.sleep(0.01)
        raise Reschedule
    return 1


def never_acknowledge(dask_worker: Worker) -> None:
    dask_worker.metrics["dask-otel"] = lambda _: {"acknowledged": 0.0}


def acknowledged(dask_scheduler: Scheduler) -> list[Any]:
    return [ws.metrics.get("dask-otel") for ws in dask_scheduler.workers.values()]


def stop_heartbeats(dask_worker: Worker) -> None:
    dask_worker.periodic_callbacks["heartbeat"].stop()


def say_no_more(dask_worker: Worker) -> None:
    async def heartbeat() -> None: ...

    dask_worker.heartbeat = heartbeat  # type: ignore[method-assign]


def begin_heartbeats_early(dask_worker: Worker, path: str) -> None:
    """Heartbeats are on their way for two seconds; `path` is there when the first has begun."""

    async def measure(_: Worker) -> int:
        begin(path)
        await asyncio.sleep(2)
        return 0

    dask_worker.metrics["slow"] = measure


def last_seen(dask_scheduler: Scheduler) -> dict[str, float]:
    return {address: ws.last_seen for address, ws in dask_scheduler.workers.items()}


def told(dask_scheduler: Scheduler) -> list[tuple[int, list[Any], list[Any]]]:
    """Of each worker: what its last heartbeat has said that it runs, and of what was given up."""
    return [
        (
            ws.pid,
            [ts.key for ts in ws.executing],
            [GivenUp._make(said) for said in ws.metrics["dask-otel"].get("given_up", ())],
        )
        for ws in dask_scheduler.workers.values()
    ]


def told_of_running(client: Client, key: Any) -> int:
    """Process of the worker that has told the scheduler that it runs `key`."""
    return wait_for(
        lambda: next(
            (pid for pid, running, _ in client.run_on_scheduler(told) if key in running), 0
        )
    )


def told_of_given_up(client: Client, key: Any, *, has_ended: bool = False) -> int:
    """The same of one that was given up, and has ended since or not."""
    return wait_for(
        lambda: next(
            (
                pid
                for pid, _, given_up in client.run_on_scheduler(told)
                for said in given_up
                if said.key == key and (said.stop_s is not None) is has_ended
            ),
            0,
        )
    )


def kill(client: Client, pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: pid not in [found for found, _, _ in client.run_on_scheduler(told)])
    client.wait_for_workers(1)


@pytest.mark.parametrize("key", ["unwanted", ("a", 1, 2.5, ("b", 0)), 1 << 63])
def test_a_cancelled_attempt_whose_worker_is_killed(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, tmp_path: Path, key: Any
) -> None:
    path = tmp_path / "running"
    with instrumented(monkeypatch, sink.endpoint, **NANNIES) as client:
        future = client.submit(endless, str(path), key=key)
        wait_for(path.exists)
        client.run(stop_heartbeats)  # the one that tells of it comes all the same
        future.cancel()
        kill(client, told_of_given_up(client, key))
        wait_for(lambda: attempts(sink))
    (seen,) = attempts(sink)
    assert seen.resource[names.SERVICE_NAME] == names.SERVICE_SCHEDULER
    assert seen.attributes[names.TASK_OUTCOME] == names.OUTCOME_CANCELLED
    assert seen.attributes[names.TASK_KEY] == str(key)
    assert seen.attributes[names.THREAD_ID] > 0
    assert seen.attributes[names.ERROR_TYPE].endswith(".WorkerLost")
    assert seen.span.span_id == correlate.attempt_span_id(key, seen.attributes[names.TASK_RUN_ID])
    (graph,) = (s for s in sink.spans() if s.attributes[names.ACTION] == names.ACTION_GRAPH)
    assert seen.span.trace_id == graph.span.trace_id
    assert seen.span.parent_span_id == graph.span.span_id
    assert abs(seen.span.start_time_unix_nano - path.stat().st_mtime_ns) < CLOCK_ERROR_NS
    assert seen.span.end_time_unix_nano > seen.span.start_time_unix_nano


def test_a_cancelled_attempt_whose_worker_is_killed_before_it_can_say_so(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, tmp_path: Path
) -> None:
    path = tmp_path / "running"
    with instrumented(monkeypatch, sink.endpoint, n_workers=1, **NANNIES) as client:
        futures = [client.submit(endless, str(path), key=key) for key in ("running", "waiting")]
        pid = told_of_running(client, "running")
        client.run(say_no_more)
        client.cancel(futures)
        wait_for(lambda: is_given_up(client, "running"))
        kill(client, pid)
        wait_for(lambda: attempts(sink))
        assert client.submit(sum, [1], key="next").result() == 1  # and another attempt's span
        wait_for(lambda: len(attempts(sink)) == 2)
    seen, _ = attempts(sink)
    assert seen.resource[names.SERVICE_NAME] == names.SERVICE_SCHEDULER
    assert seen.attributes[names.TASK_KEY] == "running"
    assert seen.attributes[names.TASK_OUTCOME] == names.OUTCOME_CANCELLED
    assert seen.attributes[names.ERROR_TYPE].endswith(".WorkerLost")
    run_id = seen.attributes[names.TASK_RUN_ID]
    assert seen.span.span_id == correlate.attempt_span_id("running", run_id)
    assert seen.span.end_time_unix_nano > seen.span.start_time_unix_nano


def test_a_cancelled_attempt_whose_workers_heartbeat_crosses_the_cancel(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, tmp_path: Path
) -> None:
    path, began = tmp_path / "running", tmp_path / "heartbeat"
    with instrumented(monkeypatch, sink.endpoint, n_workers=1, **NANNIES) as client:
        future = client.submit(endless, str(path), key="running")
        pid = told_of_running(client, "running")
        client.run(begin_heartbeats_early, path=str(began))
        wait_for(began.exists)
        (before_s,) = client.run_on_scheduler(last_seen).values()
        future.cancel()
        wait_for(lambda: is_given_up(client, "running"))
        wait_for(lambda: client.run_on_scheduler(last_seen).popitem()[1] > before_s)
        ((_, running, given_up),) = client.run_on_scheduler(told)
        assert (running, given_up) == ([], [])  # it was written before the worker knew
        kill(client, pid)
        wait_for(lambda: attempts(sink))
    assert outcomes(sink) == [names.OUTCOME_CANCELLED]
    assert services(sink) == [names.SERVICE_SCHEDULER]


def test_a_cancelled_attempt_that_has_ended_and_whose_worker_is_killed_before_it_has_sent_it(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, tmp_path: Path
) -> None:
    path = tmp_path / "running"
    with instrumented(monkeypatch, sink.endpoint, **NANNIES) as client:
        future = client.submit(held, str(path), key="unwanted")
        wait_for(path.exists)
        answer, sink.answer = sink.answer, lambda _: 503
        future.cancel()
        wait_for(lambda: is_given_up(client, "unwanted"))
        time.sleep(0.3)
        path.unlink()
        kill(client, told_of_given_up(client, "unwanted", has_ended=True))
        sink.answer = answer
        wait_for(lambda: attempts(sink))
    (seen,) = attempts(sink)
    assert seen.resource[names.SERVICE_NAME] == names.SERVICE_SCHEDULER
    assert seen.attributes[names.TASK_OUTCOME] == names.OUTCOME_CANCELLED
    assert names.ERROR_TYPE not in seen.attributes
    assert seen.span.end_time_unix_nano - seen.span.start_time_unix_nano >= 300_000_000


def test_a_rescheduled_attempt_whose_worker_is_killed_before_it_has_sent_it(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, tmp_path: Path
) -> None:
    with instrumented(monkeypatch, sink.endpoint, n_workers=1, **NANNIES) as client:
        client.run(never_acknowledge)
        wait_for(lambda: client.run_on_scheduler(acknowledged) == [{"acknowledged": 0.0}])
        moved = client.submit(elsewhere, str(tmp_path / "begun"), key="moved")
        told_of_running(client, "moved")
        client.run(say_no_more)  # nor is it one that was given up, and not heard of since
        (tmp_path / "begun-go").touch()
        assert moved.result() == 1
        del moved
        wait_for(lambda: len(attempts(sink)) == 2)
        kill(client, client.run_on_scheduler(told)[0][0])
        wait_for(lambda: len(attempts(sink)) == 4)
    assert services(sink) == [names.SERVICE_WORKER, names.SERVICE_SCHEDULER] * 2
    assert outcomes(sink) == ["rescheduled"] * 2 + ["finished"] * 2
    original, made_good, *_ = attempts(sink)
    for name in ("trace_id", "span_id", "parent_span_id", "name"):
        assert getattr(made_good.span, name) == getattr(original.span, name)
    for name in (names.TASK_KEY, names.TASK_RUN_ID):
        assert made_good.attributes[name] == original.attributes[name]
    assert made_good.attributes[names.WORKER_ADDRESS] == original.resource[names.WORKER_ADDRESS]
    assert made_good.span.start_time_unix_nano <= made_good.span.end_time_unix_nano


def test_what_a_nanny_kills_at_the_end_of_its_patience_was_sent_before(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, tmp_path: Path
) -> None:
    path = tmp_path / "running"
    with instrumented(monkeypatch, sink.endpoint, **NANNIES) as client:
        future = client.submit(endless, str(path), key="running")
        wait_for(path.exists)
        client.restart_workers(list(client.scheduler_info()["workers"]))
        future.result()
    assert services(sink) == [names.SERVICE_WORKER] * 2
    assert outcomes(sink) == [names.OUTCOME_LOST, names.OUTCOME_FINISHED]


def hang(client: Client) -> None:
    client.register_plugin(Hanging())


def nothing(client: Client) -> None:
    pass


@pytest.mark.parametrize("cancelled", [False, True])
@pytest.mark.parametrize(("function", "prepare"), [(stubborn, nothing), (endless, hang)])
def test_what_a_nanny_kills_while_its_worker_hangs_in_closing(
    monkeypatch: pytest.MonkeyPatch,
    sink: Sink,
    tmp_path: Path,
    function: Callable[[str], Any],
    prepare: Callable[[Client], None],
    cancelled: bool,
) -> None:
    path = tmp_path / "running"
    with instrumented(monkeypatch, sink.endpoint, **NANNIES) as client:
        prepare(client)
        future = client.submit(function, str(path), key="running")
        wait_for(path.exists)
        told_of_running(client, "running")
        if cancelled:
            future.cancel()
            told_of_given_up(client, "running")
        client.restart_workers(list(client.scheduler_info()["workers"]))
        if not cancelled:
            future.result()
    first, *rest = attempts(sink)
    if function is not stubborn or not cancelled:
        # A worker gives up a cancelled coroutine when its nanny does: either may be the first.
        assert first.resource[names.SERVICE_NAME] == names.SERVICE_SCHEDULER
    outcome = names.OUTCOME_CANCELLED if cancelled else names.OUTCOME_LOST
    assert first.attributes[names.TASK_OUTCOME] == outcome
    assert len(rest) == (0 if cancelled else 1)


def test_what_is_killed_after_it_has_retired(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, tmp_path: Path
) -> None:
    path = tmp_path / "running"
    with instrumented(monkeypatch, sink.endpoint, **NANNIES) as client:
        future = client.submit(endless, str(path), key="running")
        pid = told_of_running(client, "running")
        (address,) = client.scheduler_info()["workers"]
        os.kill(pid, signal.SIGSTOP)  # it cannot close
        client.retire_workers([address])
        time.sleep(0.5)
        assert attempts(sink) == []  # it may still say what became of it
        before_ns = time.time_ns()
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: attempts(sink))
        future.cancel()
        del future
        client.wait_for_workers(1)
    first = attempts(sink)[0]
    assert first.resource[names.SERVICE_NAME] == names.SERVICE_SCHEDULER
    assert first.attributes[names.TASK_OUTCOME] == names.OUTCOME_LOST
    assert first.attributes[names.WORKER_ADDRESS] == address
    assert first.span.end_time_unix_nano >= before_ns
    ids = [seen.span.span_id for seen in attempts(sink)]
    assert len(ids) == len(set(ids))


def test_what_runs_on_a_worker_that_retires_in_good_order_is_said_by_it_alone(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, tmp_path: Path
) -> None:
    path = tmp_path / "running"
    with instrumented(monkeypatch, sink.endpoint, **NANNIES) as client:
        future = client.submit(endless, str(path), key="running")
        told_of_running(client, "running")
        (address,) = client.scheduler_info()["workers"]
        client.retire_workers([address], close_workers=True)
        wait_for(lambda: attempts(sink))
        future.cancel()
        del future
    assert services(sink) == [names.SERVICE_WORKER]
    assert outcomes(sink) == [names.OUTCOME_LOST]
