"""Sums over workers: what a walk over all points of each series finds, however they come."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dask_otel import conventions as names
from daskscope.derive.reading import SILENCE_NS
from daskscope.derive.sampling import Sampler
from daskscope.derive.totals import N_KEPT, STEP_NS, Totals
from daskscope.store.writer import Store
from tests.builders import SECOND, T0, Source, points
from tests.readings import Cluster

if TYPE_CHECKING:
    from daskscope.store.schema import PointBatch

GAUGES = {names.MEMORY_MANAGED: "managed", names.MEMORY_UNMANAGED_OLD: "unmanaged"}


class Crowd:
    """Workers that are read at odd times, fall silent and come again."""

    def __init__(self, seed: int, n_workers: int = 7) -> None:
        self.rng = np.random.default_rng(seed)
        self.source, self.store = Source(), Store()
        self.histories: dict[tuple[str, int], list[tuple[int, float]]] = {}
        self.series: dict[tuple[str, int], int] = {}
        for port in range(n_workers):
            resource = self.source.worker(f"w{port}", port=port)
            for kind, name in GAUGES.items():
                said = {names.WORKER_MEMORY.attributes[0]: kind}
                self.add(name, resource, self.source.metric(names.WORKER_MEMORY, resource, **said))
            said = {names.TRANSFER_IO.attributes[0]: names.RECEIVE}
            self.add("network", resource, self.source.metric(names.TRANSFER_IO, resource, **said))
        self.next_ns = dict.fromkeys(range(n_workers), 0)

    def add(self, name: str, resource: int, series: int) -> None:
        self.series[name, resource] = series
        self.histories[name, resource] = []

    def batch(self, until_ns: int) -> PointBatch:
        """What all read until then; a worker reads all of its own at once."""
        rows = []
        for worker in self.next_ns:
            while (at_ns := self.next_ns[worker]) < until_ns:
                for (name, resource), series in self.series.items():
                    if resource != worker:
                        continue
                    known = self.histories[name, resource]
                    value = float(self.rng.integers(0, 1_000))
                    if name == "network" and known and self.rng.random() < 0.95:
                        value = known[-1][1] + value
                    known.append((at_ns, value))
                    rows.append((series, at_ns, value))
                is_silent = self.rng.random() < 0.05
                thirds = int(self.rng.integers(1, 25 if is_silent else 4))
                self.next_ns[worker] += thirds * SECOND // 3 + 7
        order = self.rng.permutation(len(rows))
        return points([rows[i] for i in order])


def expected(crowd: Crowd, name: str, second: int) -> float:
    """One series after the other, at a second that all of them have passed."""
    at_ns, total = second * STEP_NS - T0, 0.0
    for (of, _), history in crowd.histories.items():
        if of != name:
            continue
        neighbours = itertools.pairwise(history)
        for i, ((from_ns, before), (to_ns, after)) in enumerate(neighbours):
            if name == "network":
                begin_ns = from_ns // STEP_NS * STEP_NS if i == 0 else from_ns
                in_it_ns = min(at_ns, to_ns) - max(at_ns - STEP_NS, begin_ns)
                total += (
                    max(in_it_ns, 0) / STEP_NS * max(after - before, 0) * 1e9 / (to_ns - from_ns)
                )
            elif from_ns < at_ns <= to_ns and at_ns - from_ns <= SILENCE_NS:
                total += before + (after - before) * (at_ns - from_ns) / (to_ns - from_ns)
        if name != "network" and history and at_ns == history[0][0]:
            total += history[0][1]
    return total


@pytest.mark.parametrize("seed", range(8))
def test_sums_are_those_of_all_series_one_by_one(seed: int) -> None:
    crowd = Crowd(seed)
    crowd.store.apply(crowd.source.definitions())
    totals = Totals(Sampler())
    now_ns = 0
    for _ in range(40):
        now_ns += int(crowd.rng.integers(1, 3 * SECOND))
        crowd.store.apply(crowd.batch(now_ns))
        if crowd.rng.random() < 0.7:
            assert totals.advance(crowd.store.snapshot())
    totals.advance(crowd.store.snapshot())
    heard_ns = min(history[-1][0] for history in crowd.histories.values())
    last = (T0 + heard_ns) // STEP_NS
    n = heard_ns // SECOND
    sums = totals.sums(n, last * STEP_NS)

    assert sums.keys() == {"managed", "unmanaged", "network"}
    for name, found in sums.items():
        truth = [expected(crowd, name, second) for second in range(last - n + 1, last + 1)]
        np.testing.assert_allclose(found, truth, rtol=1e-9, atol=1e-6)
    once = Totals(Sampler())
    once.advance(crowd.store.snapshot())
    for name, found in once.sums(n, last * STEP_NS).items():
        np.testing.assert_allclose(found, sums[name], rtol=1e-9, atol=1e-6)


def test_points_are_taken_as_far_as_time_allows_and_each_once() -> None:
    crowd = Crowd(3)
    crowd.store.apply(crowd.source.definitions())
    for until_s in range(4, 1_600, 4):
        crowd.store.apply(crowd.batch(until_s * SECOND))
    snapshot = crowd.store.snapshot()
    assert len(snapshot.point_runs) > 1
    whole, parts = Totals(Sampler()), Totals(Sampler())
    assert whole.advance(snapshot)
    n_steps = 0
    while not parts.advance(snapshot, iter([True, False]).__next__):
        n_steps += 1
    assert n_steps == len(snapshot.point_runs) - 1
    at_ns = snapshot.last_ns
    assert len(whole.sums(N_KEPT, at_ns)["managed"]) == N_KEPT
    for name, found in whole.sums(300, at_ns).items():
        np.testing.assert_array_equal(found, parts.sums(300, at_ns)[name])


def test_who_has_not_exported_yet_goes_on_as_before() -> None:
    cluster = Cluster()
    resource = cluster.worker("w0")
    for second in (0, 2, 4):
        cluster.read(resource, second, managed=5.0, received=second * 10.0)
    totals = Totals(Sampler())
    totals.advance(cluster.snapshot())
    sums = totals.sums(20, T0 + 19 * SECOND)

    assert sums["managed"].tolist() == [5.0] * 15 + [0.0] * 5
    # As long as it took between the last two exports, and no longer.
    assert sums["network"].tolist() == [0.0] + [10.0] * 6 + [0.0] * 13


def test_of_a_counter_what_is_no_number_says_nothing() -> None:
    cluster = Cluster()
    resource = cluster.worker("w0")
    for second, value in ((0, 0.0), (1, 10.0), (2, math.nan), (3, 30.0)):
        cluster.read(resource, second, received=value)
    totals = Totals(Sampler())
    totals.advance(cluster.snapshot())
    assert totals.sums(3, T0 + 3 * SECOND)["network"].tolist() == [10.0] * 3


def test_who_is_patient_learns_a_part_at_a_time_and_sums_up_when_all_are_known() -> None:
    cluster = Cluster()
    for port in range(40):
        cluster.worker(f"w{port}", port=port, managed=1.0)
    snapshot, sampler = cluster.snapshot(), Sampler(is_patient=True)
    totals = Totals(sampler)
    steps = 0
    while not sampler.learn(snapshot, 64):
        assert not totals.advance(snapshot)
        assert len(sampler.of(snapshot, snapshot.last_ns)) <= 40
        steps += 1
    assert steps == 10
    assert totals.advance(snapshot)
    assert len(sampler.of(snapshot, snapshot.last_ns)) == 40
    assert totals.sums(1, snapshot.last_ns)["managed"].tolist() == [40.0]
