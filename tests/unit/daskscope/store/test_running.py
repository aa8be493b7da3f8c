"""Attempts that run: each worker's newest word, less what has finished."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dask_otel import conventions
from daskscope.store.writer import Store
from tests.builders import MS, T0, Source, Span

if TYPE_CHECKING:
    from daskscope.store.schema import RunningWords


class Cluster:
    """Two workers and a store."""

    def __init__(self) -> None:
        self.source = Source()
        self.workers = [self.source.worker("w0", port=40101), self.source.worker("w1", port=40102)]
        self.store = Store()

    def say(self, worker: int, time: int, *run_ids: int) -> None:
        attempts = [("inc", time - 5 * MS, run_id, 11) for run_id in run_ids]
        self.apply(self.source.running(self.workers[worker], time, attempts))

    def finish(self, worker: int, run_id: int, end: int) -> None:
        span = Span(end - 5 * MS, end, resource=self.workers[worker], run_id=run_id)
        batch = self.source.spans([span])
        self.store.apply(self.source.definitions())
        self.store.apply(batch)

    def apply(self, batch: RunningWords) -> None:
        self.store.apply(self.source.definitions())
        self.store.apply(batch)

    def running(self) -> dict[int, list[int]]:
        return {
            resource: running.run_id.tolist()
            for resource, running in self.store.snapshot().running.items()
        }


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def test_the_newest_word_of_each_worker_holds(cluster: Cluster) -> None:
    cluster.say(0, 10 * MS, 1, 2)
    cluster.say(1, 10 * MS, 3)
    cluster.say(0, 20 * MS, 2)

    assert cluster.running() == {0: [2], 1: [3]}
    running = cluster.store.snapshot().running[0]
    assert running.keys[0] == "inc-2"
    assert running.start_ns.tolist() == [T0 + 15 * MS]
    assert cluster.store.snapshot().lanes[running.lane[0]].thread == 11


def test_nothing_runs_any_more(cluster: Cluster) -> None:
    cluster.say(0, 10 * MS, 1)
    cluster.say(0, 20 * MS)

    assert cluster.running() == {}


def test_a_late_word_is_ignored(cluster: Cluster) -> None:
    cluster.say(0, 20 * MS, 2)
    cluster.say(0, 10 * MS, 1)

    assert cluster.running() == {0: [2]}


def test_a_finished_attempt_does_not_run(cluster: Cluster) -> None:
    cluster.say(0, 10 * MS, 1, 2)
    cluster.finish(0, 1, 12 * MS)

    assert cluster.running() == {0: [2]}
    assert cluster.store.snapshot().running[0].keys[0] == "inc-2"


def test_a_finished_attempt_does_not_come_back_by_an_older_word(cluster: Cluster) -> None:
    cluster.finish(0, 1, 12 * MS)
    cluster.say(0, 11 * MS, 1, 2)

    assert cluster.running() == {0: [2]}


def test_run_ids_of_another_worker_are_other_attempts(cluster: Cluster) -> None:
    cluster.say(0, 10 * MS, 1)
    cluster.finish(1, 1, 12 * MS)

    assert cluster.running() == {0: [1]}


def test_what_a_removed_worker_ran_is_gone_and_stays_gone(cluster: Cluster) -> None:
    cluster.say(0, 10 * MS, 1)
    cluster.say(1, 10 * MS, 2)
    removed = cluster.source.event(
        conventions.EVENT_WORKER_REMOVED, 15 * MS, dask_worker_address="tcp://10.0.4.11:40101"
    )
    cluster.store.apply(cluster.source.definitions())
    cluster.store.apply(removed)
    assert cluster.running() == {1: [2]}

    cluster.say(0, 14 * MS, 1)
    assert cluster.running() == {1: [2]}


def test_an_old_snapshot_keeps_what_ran(cluster: Cluster) -> None:
    cluster.say(0, 10 * MS, 1)
    before = cluster.store.snapshot()
    cluster.say(0, 20 * MS)

    assert before.running[0].run_id.tolist() == [1]
