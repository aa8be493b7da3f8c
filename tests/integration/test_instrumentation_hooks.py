"""Hooks that seldom run, each broken on a real cluster, which computes on.

The others fail in `tests/matrix/test_breaking.py`, whose script gives these no occasion.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import dask
import pytest
from distributed import wait
from distributed.comm.core import connect

from dask_otel.scheduler.adapter import SchedulerAdapter
from dask_otel.worker.deserialize import DeserializeProbe
from dask_otel.worker.disk import DiskProbe
from dask_otel.worker.transfers import TransferProbe
from tests.clusters import BY_MEMORY_MONITOR, MEMORY_LIMIT, instrumented
from tests.matrix.breaking import guarded
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from distributed import Worker

    from tests.sinks import Sink

pytestmark = pytest.mark.cluster

SLOW_S = 0.02
#: For what would wait without end for a hook that has done harm.
TIMEOUT_S = 20
#: Messages are not pickled inside of a process.
TCP: dict[str, Any] = {"host": "tcp://127.0.0.1"}


class Broken:
    """A hook that fails inside of its guard, each time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, hook: Callable[..., None]) -> None:
        self.n_calls = 0
        monkeypatch.setattr(guarded(hook), "cell_contents", self._fail)

    def _fail(self, *_: object) -> None:
        self.n_calls += 1
        raise RuntimeError("the hook is broken")


class Slow:
    """Takes `SLOW_S` to be unpickled."""

    def __reduce__(self) -> Any:
        return _wake, ()


def _wake() -> Slow:
    time.sleep(SLOW_S)
    return Slow()


def take(value: object) -> str:
    return type(value).__name__


def on_disk(dask_worker: Worker) -> int:
    """How many values are."""
    return len(dask_worker.data.disk)  # type: ignore[attr-defined]


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was said of the hook, by us or by those that have called it; cuts what follows."""
    lines = [
        record.getMessage()
        for record in caplog.records
        if record.exc_info and "the hook is broken" in str(record.exc_info[1])
    ]
    return [line.partition(" failed")[0] for line in lines]


def test_adaptive_scaling_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, sink: Sink
) -> None:
    broken = Broken(monkeypatch, SchedulerAdapter._target_said)
    with instrumented(monkeypatch, sink.endpoint, n_workers=0) as client:
        assert client.cluster is not None
        client.cluster.adapt(minimum=0, maximum=2, interval="50ms")
        futures = client.map(abs, range(-20, 0))
        assert wait(futures, timeout=TIMEOUT_S).not_done == set()
        assert sum(client.gather(futures)) == 210
        wait_for(lambda: broken.n_calls > 1)
    assert complaints(caplog) == ["Recording a target"]


def test_a_task_that_takes_long_to_arrive_runs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, sink: Sink
) -> None:
    broken = Broken(monkeypatch, DeserializeProbe._unpickled)
    with instrumented(monkeypatch, sink.endpoint, **TCP) as client:
        for _ in range(2):
            assert client.submit(take, Slow(), pure=False).result(TIMEOUT_S) == "Slow"
    assert broken.n_calls >= 2
    assert complaints(caplog) == ["Recording an unpickled task"]


def test_the_memory_monitor_spills_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, sink: Sink
) -> None:
    broken = Broken(monkeypatch, DiskProbe._round_ended)
    with (
        dask.config.set(BY_MEMORY_MONITOR),
        instrumented(monkeypatch, sink.endpoint, memory_limit=MEMORY_LIMIT) as client,
    ):
        first = client.submit(bytes, 1 << 20, key="first")
        wait(first, timeout=TIMEOUT_S)
        wait_for(lambda: broken.n_calls)
        second = client.submit(bytes, 2 << 20, key="second")
        wait_for(lambda: list(client.run(on_disk).values()) == [2])
        sizes = [client.submit(len, value).result(TIMEOUT_S) for value in (first, second)]
        assert sizes == [1 << 20, 2 << 20]
    assert complaints(caplog) == ["Recording a spill"]


def test_a_peer_that_goes_before_it_is_answered_costs_its_own_comm(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, sink: Sink
) -> None:
    async def ask_and_go(worker: str, key: str) -> None:
        comm = await connect(worker)
        await comm.write({"op": "get_data", "keys": [key], "who": "a peer", "reply": True})
        await comm.read()
        comm.abort()

    broken = Broken(monkeypatch, TransferProbe._not_sent)
    with instrumented(monkeypatch, sink.endpoint, n_workers=2, **TCP) as client:
        here, there = client.scheduler_info(n_workers=2)["workers"]
        made = client.submit(bytes, 5, key="made", workers=[here])
        wait(made, timeout=TIMEOUT_S)
        for n_asked in range(1, 3):
            client.sync(ask_and_go, here, "made")
            wait_for(lambda at_least=n_asked: broken.n_calls >= at_least)  # type: ignore[misc]
        assert client.submit(len, made, workers=[there]).result(TIMEOUT_S) == 5
    assert complaints(caplog) == ["Recording a transfer"]
