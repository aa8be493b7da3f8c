"""Watches what `compat.unpickle` takes from Dask, on a real worker."""

from __future__ import annotations

import time
from typing import Any

import pytest
from dask._task_spec import GraphNode, Task
from distributed import Client, LocalCluster, Worker
from distributed.protocol import pickle

from dask_otel.compat import unpickle


class Slow:
    """Takes a while to be unpickled."""

    def __init__(self, for_s: float = 0.005) -> None:
        self.for_s = for_s

    def __reduce__(self) -> Any:
        return wake, (self.for_s,)


def wake(after_s: float) -> Slow:
    time.sleep(after_s)
    return Slow()


def take(value: Any) -> str:
    return type(value).__name__


def test_a_task_that_takes_long_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpickle, "LEAST_S", 0.1)
    found: list[unpickle.Unpickled] = []
    before = pickle.loads
    unpickle.listen(found.append)
    try:
        for task in (Task("quick", take, 1), Task("slow", take, Slow(0.2))):
            pickle.loads(pickle.dumps(task))
        pickle.loads(pickle.dumps(Slow(0.2)))
    finally:
        unpickle.unlisten(found.append)
    assert pickle.loads is before
    (slow,) = found
    assert slow.task.key == "slow"
    assert 0.2 <= slow.stop_s - slow.start_s < 2
    assert slow.n_bytes == len(pickle.dumps(Task("slow", take, Slow(0.2))))


def test_two_listeners_hear_the_same_and_leave_one_by_one() -> None:
    first: list[unpickle.Unpickled] = []
    second: list[unpickle.Unpickled] = []
    before, pickled = pickle.loads, pickle.dumps(Task("slow", take, Slow()))
    unpickle.listen(first.append)
    unpickle.listen(second.append)
    pickle.loads(pickled)
    unpickle.unlisten(first.append)
    assert pickle.loads is not before
    pickle.loads(pickled)
    unpickle.unlisten(second.append)
    assert pickle.loads is before
    assert (len(first), len(second)) == (1, 2)


def test_what_fails_fails_as_before() -> None:
    unpickle.listen(print)
    try:
        with pytest.raises(EOFError):
            pickle.loads(b"")
    finally:
        unpickle.unlisten(print)


def test_nothing_is_measured_outside_of_an_instruction() -> None:
    assert unpickle.received_s() == 0


@pytest.mark.cluster
def test_what_a_worker_runs_is_the_object_that_was_unpickled() -> None:
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=False,
            protocol="tcp",
            dashboard_address=":0",
        ) as cluster,
        Client(cluster) as client,
    ):
        here, there = (worker for worker in cluster.workers.values() if isinstance(worker, Worker))
        found: list[unpickle.Unpickled] = []
        unpickle.listen(found.append)
        try:
            made = client.submit(wake, 0.0, key="made", workers=here.address)
            used = client.submit(take, Slow(), key="used", workers=here.address)
            assert used.result() == "Slow"
            specification = here.state.tasks["used"].run_spec
            assert isinstance(specification, GraphNode)
            assert any(one.task is specification for one in found)

            gather_dep = there.gather_dep
            received: list[float] = []

            async def gather(*args: Any, **kwargs: Any) -> Any:
                event = await gather_dep(*args, **kwargs)
                received.append(unpickle.received_s())
                return event

            there.gather_dep = gather  # type: ignore[method-assign]
            moved = client.submit(take, made, key="moved", workers=there.address)
            assert moved.result() == "Slow"
        finally:
            unpickle.unlisten(found.append)
    assert [spent_s >= 0.005 for spent_s in received] == [True]
