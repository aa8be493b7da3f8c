"""Which of several heartbeats is believed, and that Dask is left as it was."""

from __future__ import annotations

import asyncio
import random
from types import SimpleNamespace
from typing import Any

import pytest
from distributed import Client, LocalCluster, Worker

from dask_otel.worker import distance
from dask_otel.worker.distance import DRIFT, N_KEPT, DistanceProbe, Measurement, best


class Beating:
    """A worker whose heartbeats tell what a test says, on a clock that a test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 100.0
        self._told: tuple[float, float] | None = None
        monkeypatch.setattr(distance, "monotonic", lambda: self.now_s)
        self.timer = SimpleNamespace(callback=self.beat)
        timers = {"heartbeat": self.timer}
        worker: Any = SimpleNamespace(
            heartbeat=self.beat, scheduler_delay=0.0, periodic_callbacks=timers
        )
        self.worker = worker
        self.probe = DistanceProbe(worker)
        self.probe.begin()

    async def beat(self) -> None:
        """Take a while, and then believe what was measured, as Dask does."""
        if self._told is not None:
            delay_s, took_s = self._told
            self.now_s += took_s
            self.worker.scheduler_delay = delay_s

    def tell(self, delay_s: float, took_s: float) -> float:
        """What the worker believes after a heartbeat."""
        self._told = delay_s, took_s
        asyncio.run(self.timer.callback())
        self.now_s += 0.5
        return float(self.worker.scheduler_delay)


@pytest.fixture
def beating(monkeypatch: pytest.MonkeyPatch) -> Beating:
    return Beating(monkeypatch)


def test_the_shortest_heartbeat_is_believed(beating: Beating) -> None:
    assert beating.tell(0.200, 0.5) == 0.200
    assert beating.tell(0.010, 0.02) == 0.010
    assert beating.tell(-0.150, 0.4) == 0.010
    assert beating.tell(0.012, 0.01) == 0.012


def test_one_that_is_long_past_is_forgotten(beating: Beating) -> None:
    beating.tell(0.010, 0.001)
    found = [beating.tell(0.015, 0.1) for _ in range(N_KEPT)]
    assert found == [*[0.010] * (N_KEPT - 1), 0.015]


def test_what_clocks_may_have_gone_apart_is_counted_in() -> None:
    old, new = Measurement(0.0, 0.010, 0.002), Measurement(100.0, 0.013, 0.008)
    assert new.error_s(100.0) == 0.004
    assert old.error_s(100.0) == pytest.approx(0.001 + 100 * DRIFT)
    assert best([old, new], 100.0) is new
    assert best([old, new], 101.0) is new
    assert best([old, new._replace(at_s=0.0)], 1.0) is old


def test_a_clock_that_was_set_is_believed_at_once(beating: Beating) -> None:
    for _ in range(5):
        beating.tell(0.010, 0.002)
    assert beating.tell(5.200, 0.5) == 5.200
    assert beating.tell(5.010, 0.01) == 5.010


def test_a_heartbeat_that_tells_nothing_changes_nothing(beating: Beating) -> None:
    beating.tell(0.010, 0.2)
    beating._told = None
    asyncio.run(beating.worker.heartbeat())
    assert beating.worker.scheduler_delay == 0.010
    assert len(beating.probe._kept) == 1


@pytest.mark.parametrize("seed", range(4))
def test_it_is_never_farther_from_the_truth_than_its_heartbeat_can_be(
    beating: Beating, seed: int
) -> None:
    rng = random.Random(seed)
    true_s = 0.05
    for number in range(200):
        to_s, back_s = (rng.expovariate(1 / 0.02) for _ in range(2))
        found = beating.tell(true_s + (to_s - back_s) / 2, to_s + back_s)
        least_s = best(beating.probe._kept, beating.now_s).error_s(beating.now_s)
        assert abs(found - true_s) <= least_s
        if number >= N_KEPT:
            assert least_s < 0.03


def test_the_heartbeats_of_a_real_worker_are_measured_and_given_back() -> None:
    options: dict[str, Any] = {"n_workers": 1, "threads_per_worker": 1, "processes": False}
    with (
        LocalCluster(dashboard_address=":0", **options) as cluster,
        Client(cluster) as client,
    ):

        async def measure(dask_worker: Worker) -> tuple[int, bool]:
            timer = dask_worker.periodic_callbacks["heartbeat"]
            before = timer.callback
            probe = DistanceProbe(dask_worker)
            probe.begin()
            for _ in range(200):
                if len(probe._kept) > 1:
                    break
                await asyncio.sleep(0.05)
            kept = tuple(probe._kept)
            is_believed = dask_worker.scheduler_delay in [one.delay_s for one in kept]
            assert is_believed
            assert all(0 < one.took_s < 10 for one in kept)
            probe.end()
            return len(kept), timer.callback == before and "heartbeat" not in vars(dask_worker)

        (found,) = client.run(measure).values()
    assert found[0] > 1
    assert found[1]
