"""Sums over workers: what a walk over all points of each series finds, however they come."""

from __future__ import annotations

import itertools
import math
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dask_otel import conventions as names
from daskscope.derive.history import MOST_PAGES, PAGE_BLOCKS
from daskscope.derive.reading import SILENCE_NS
from daskscope.derive.sampling import Sampler
from daskscope.derive.totals import STEP_NS, Totals
from daskscope.store.writer import Store
from tests.builders import SECOND, T0, Source, points
from tests.readings import Cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daskscope.derive.history import Columns
    from daskscope.store.schema import PointBatch

GAUGES = {names.MEMORY_MANAGED: "managed", names.MEMORY_UNMANAGED_OLD: "unmanaged"}
FIRST = T0 // STEP_NS


class Crowd:
    """Workers that are read at odd times, restart, fall silent and come again; points are late."""

    def __init__(self, seed: int, n_workers: int = 7) -> None:
        self.rng = np.random.default_rng(seed)
        self.source, self.store = Source(), Store()
        self.histories: dict[tuple[str, int], list[tuple[int, float]]] = {}
        self.series: dict[tuple[str, int], int] = {}
        self.waiting: list[tuple[int, int, float]] = []
        for port in range(n_workers):
            resource = self.source.worker(f"w{port}", port=port)
            for kind, name in GAUGES.items():
                said = {names.WORKER_MEMORY.attributes[0]: kind}
                self.add(name, resource, self.source.metric(names.WORKER_MEMORY, resource, **said))
            said = {names.TRANSFER_IO.attributes[0]: names.RECEIVE}
            self.add("network", resource, self.source.metric(names.TRANSFER_IO, resource, **said))
        self.next_ns = dict.fromkeys(range(n_workers), 0)
        self.store.apply(self.source.definitions())

    def add(self, name: str, resource: int, series: int) -> None:
        self.series[name, resource] = series
        self.histories[name, resource] = []

    def batch(self, until_ns: int, late: float = 0.0) -> PointBatch:
        """What all read until then, and a share of what is still `late`, in no order."""
        rows, self.waiting = self.waiting, []
        for worker in self.next_ns:
            while self.next_ns[worker] < until_ns:
                rows += self.read(worker)
        is_late = self.rng.random(len(rows)) < late
        self.waiting = [row for row, waits in zip(rows, is_late, strict=True) if waits]
        rows = [row for row, waits in zip(rows, is_late, strict=True) if not waits]
        return points([rows[i] for i in self.rng.permutation(len(rows))])

    def read(self, worker: int) -> Iterator[tuple[int, int, float]]:
        """What a worker reads now: all of its own at once; then time goes on."""
        at_ns = self.next_ns[worker]
        is_silent = self.rng.random() < 0.05
        thirds = int(self.rng.integers(1, 45 if is_silent else 4))
        self.next_ns[worker] += thirds * SECOND // 3 + 7
        for (name, resource), series in self.series.items():
            if resource == worker:
                known = self.histories[name, resource]
                value = float(self.rng.integers(0, 1_000))
                if name == "network" and known and self.rng.random() < 0.95:
                    value = known[-1][1] + value
                known.append((at_ns, value))
                yield series, at_ns, value


def is_gap(from_ns: int, to_ns: int) -> bool:
    return to_ns - from_ns > SILENCE_NS


def gauge(history: list[tuple[int, float]], at_ns: int, last_ns: int) -> float:
    """What one gauge had at a time, NaN where nothing was read."""
    for (from_ns, before), (to_ns, after) in itertools.pairwise(history):
        if from_ns < at_ns <= to_ns and not is_gap(from_ns, to_ns):
            return before + (after - before) * (at_ns - from_ns) / (to_ns - from_ns)
    if any(at_ns == time_ns for time_ns, _ in history):
        return dict(history)[at_ns]
    newest_ns, newest = history[-1]
    goes_on = newest_ns < at_ns and newest_ns + SILENCE_NS >= last_ns
    return newest if goes_on else math.nan


def counter(history: list[tuple[int, float]], at_ns: int, last_ns: int) -> float:
    """What one counter grew by in the second that ends at a time, NaN where nothing was read."""
    total, is_known, was_begun, gap_ns, per_s = 0.0, False, False, 0, 0.0
    stretches = []
    for (from_ns, before), (to_ns, after) in itertools.pairwise(history):
        if is_gap(from_ns, to_ns):
            was_begun, gap_ns = False, 0
            continue
        begin_ns = from_ns if was_begun else (T0 + from_ns) // STEP_NS * STEP_NS - T0
        gap_ns, per_s = to_ns - from_ns, max(after - before, 0) * 1e9 / (to_ns - from_ns)
        stretches.append((begin_ns, to_ns, per_s))
        was_begun = True
    newest_ns = history[-1][0]
    if gap_ns and newest_ns + SILENCE_NS >= last_ns:
        until_ns = -(-(T0 + newest_ns + gap_ns) // STEP_NS) * STEP_NS - T0
        stretches.append((newest_ns, until_ns, per_s))
    for begin_ns, end_ns, growth in stretches:
        in_it_ns = min(at_ns, end_ns) - max(at_ns - STEP_NS, begin_ns)
        if in_it_ns > 0:
            total, is_known = total + in_it_ns / STEP_NS * growth, True
    return total if is_known else math.nan


def expected(crowd: Crowd, name: str, second: int, last: int) -> float:
    """One series after the other, at a second."""
    parts = ("managed", "unmanaged") if name == "memory" else (name,)
    read = counter if name == "network" else gauge
    values = [
        read(history, second * STEP_NS - T0, last * STEP_NS - T0)
        for (of, _), history in crowd.histories.items()
        if of in parts
    ]
    known = [value for value in values if not math.isnan(value)]
    return sum(known) if known else math.nan


def seconds_of(totals: Totals, first: int, last: int) -> dict[str, Columns]:
    return totals.columns(first, 1, last - first + 1, last)


@pytest.mark.parametrize("late", [0.0, 0.3], ids=["in order", "late"])
@pytest.mark.parametrize("seed", range(6))
def test_sums_are_those_of_all_series_one_by_one(seed: int, late: float) -> None:
    crowd = Crowd(seed, n_workers=2 if seed % 2 else 7)
    totals = Totals(Sampler())
    now_ns = 0
    for _ in range(40):
        now_ns += int(crowd.rng.integers(1, 3 * SECOND))
        crowd.store.apply(crowd.batch(now_ns, late))
        if crowd.rng.random() < 0.7:
            assert totals.advance(crowd.store.snapshot())
        if crowd.rng.random() < 0.3:
            totals.columns(
                FIRST, 1, 8, FIRST + now_ns // SECOND
            )  # what it takes to go on is no point
    crowd.store.apply(crowd.batch(now_ns))
    totals.advance(crowd.store.snapshot())
    last = FIRST + now_ns // SECOND
    sums = seconds_of(totals, FIRST - 2, last + 1)

    assert totals.n_late == 0
    assert sums.keys() == {"managed", "unmanaged", "network", "memory"}
    for name, found in sums.items():
        truth = [expected(crowd, name, second, last + 1) for second in range(FIRST - 2, last + 2)]
        np.testing.assert_allclose(found.mean, truth, rtol=1e-9, atol=1e-6, err_msg=name)
        np.testing.assert_array_equal(found.least, found.mean)
        np.testing.assert_array_equal(found.most, found.mean)
    once = Totals(Sampler())
    once.advance(crowd.store.snapshot())
    for name, found in seconds_of(once, FIRST - 2, last + 1).items():
        np.testing.assert_allclose(found.mean, sums[name].mean, rtol=1e-9, atol=1e-6)


def test_a_column_tells_least_mean_and_most_of_its_seconds() -> None:
    crowd = Crowd(1)
    crowd.store.apply(crowd.batch(300 * SECOND))
    totals = Totals(Sampler())
    totals.advance(crowd.store.snapshot())
    first, last = FIRST // 64 * 64, FIRST + 299
    one_by_one = totals.columns(first, 1, 384, last)
    for width in (2, 8, 24, 64):
        for name, found in totals.columns(first, width, 384 // width, last).items():
            seconds = one_by_one[name].mean.reshape(-1, width)
            with warnings.catch_warnings():
                warnings.simplefilter(
                    "ignore", RuntimeWarning
                )  # of columns that nobody was read in
                np.testing.assert_allclose(found.least, np.nanmin(seconds, axis=1))
                np.testing.assert_allclose(found.mean, np.nanmean(seconds, axis=1))
                np.testing.assert_allclose(found.most, np.nanmax(seconds, axis=1))


def test_points_are_taken_as_far_as_time_allows_and_each_once() -> None:
    crowd = Crowd(3)
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
    # All of it is there, however long ago.
    last = FIRST + 1_599
    assert not np.isnan(seconds_of(whole, FIRST, last)["managed"].mean).any()
    for name, found in seconds_of(whole, FIRST, last).items():
        np.testing.assert_array_equal(found.mean, seconds_of(parts, FIRST, last)[name].mean)


def test_who_has_not_exported_yet_goes_on_as_before() -> None:
    cluster = Cluster()
    resource = cluster.worker("w0")
    for second in (0, 2, 4):
        cluster.read(resource, second, managed=5.0, received=second * 10.0)
    totals = Totals(Sampler())
    totals.advance(cluster.snapshot())
    sums = seconds_of(totals, FIRST, FIRST + 14)

    assert sums["managed"].mean.tolist() == [5.0] * 15
    # As long as it took between the last two exports, and no longer.
    assert sums["network"].mean.tolist()[1:7] == [10.0] * 6
    assert np.isnan(sums["network"].mean[7:]).all()
    # Who stays silent had nothing after its newest point.
    sums = seconds_of(totals, FIRST, FIRST + 15)
    assert sums["managed"].mean.tolist()[:5] == [5.0] * 5
    assert np.isnan(sums["managed"].mean[5:]).all()


def test_what_was_silent_too_long_is_a_gap_and_no_line() -> None:
    cluster = Cluster()
    resource = cluster.worker("w0")
    for second in (0, 1, 12, 13):
        cluster.read(resource, second, managed=5.0, received=second * 10.0)
    totals = Totals(Sampler())
    totals.advance(cluster.snapshot())
    sums = seconds_of(totals, FIRST, FIRST + 13)
    assert np.flatnonzero(np.isnan(sums["managed"].mean)).tolist() == list(range(2, 12))
    assert np.nanmax(sums["network"].mean) == 10.0


def test_what_comes_too_late_is_counted_and_left_out() -> None:
    cluster = Cluster()
    resource = cluster.worker("w0")
    for second in range(2, 100):
        cluster.read(resource, second, managed=5.0)
    cluster.read(resource, 1, managed=100.0)
    snapshot = cluster.snapshot()
    in_order = Totals(Sampler())
    in_order.advance(snapshot)
    assert in_order.n_late == 0  # points of one message have an order of their own

    store = Store()
    store.apply(cluster.source.definitions())
    series = len(cluster.source.series) - 1
    store.apply(points([(series, second * SECOND, 5.0) for second in range(2, 100)]))
    totals = Totals(Sampler())
    totals.advance(store.snapshot())
    store.apply(points([(series, SECOND, 100.0), (series, 98 * SECOND + 1, 5.0)]))
    totals.advance(store.snapshot())
    assert totals.n_late == 1
    found = seconds_of(totals, FIRST, FIRST + 99)["managed"].mean
    np.testing.assert_allclose(found[2:], 5.0)
    assert np.isnan(found[:2]).all()


def test_what_is_older_than_all_that_is_kept_is_counted() -> None:
    cluster = Cluster()
    early, late = cluster.worker("w0"), cluster.worker("w1")
    n_pages = MOST_PAGES[0]
    for page in range(n_pages):
        cluster.read(early, page * PAGE_BLOCKS, managed=5.0)
    totals = Totals(Sampler())

    def n_late() -> int:
        totals.advance(cluster.snapshot())
        return totals.n_late

    assert n_late() == 0
    cluster.read(late, -PAGE_BLOCKS, managed=7.0)  # would take the place of a newer page
    assert n_late() == 1
    cluster.read(late, -PAGE_BLOCKS + 10, managed=7.0)
    assert n_late() == 2
    cluster.read(late, -PAGE_BLOCKS + 5, managed=7.0)  # between two that were left out
    assert n_late() == 3
    cluster.read(late, n_pages * PAGE_BLOCKS, managed=7.0)  # the oldest page goes, summed up
    cluster.read(early, 1, managed=5.0)
    assert n_late() == 4
    border = (FIRST // PAGE_BLOCKS + 1) * PAGE_BLOCKS - FIRST
    third = cluster.worker("w2")
    for second in (border - 3, border + 2):  # the second one reaches into what is kept
        cluster.read(third, second, managed=7.0)
        assert n_late() == 5
    last = FIRST + n_pages * PAGE_BLOCKS
    assert seconds_of(totals, last, last)["managed"].mean.tolist() == [7.0]


def test_of_a_counter_what_is_no_number_says_nothing() -> None:
    cluster = Cluster()
    resource = cluster.worker("w0")
    for second, value in ((0, 0.0), (1, 10.0), (2, math.nan), (3, 30.0)):
        cluster.read(resource, second, received=value)
    totals = Totals(Sampler())
    totals.advance(cluster.snapshot())
    assert seconds_of(totals, FIRST + 1, FIRST + 3)["network"].mean.tolist() == [10.0] * 3


def test_a_counter_that_restarts_is_no_spike() -> None:
    cluster = Cluster()
    resource = cluster.worker("w0")
    for second, value in ((0, 1e9), (1, 1e9 + 10), (2, 5.0), (3, 15.0)):
        cluster.read(resource, second, received=value)
    totals = Totals(Sampler())
    totals.advance(cluster.snapshot())
    found = seconds_of(totals, FIRST + 1, FIRST + 3)["network"].mean
    assert found.tolist() == [10.0, 0.0, 10.0]


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
    last = snapshot.last_ns // STEP_NS
    assert seconds_of(totals, last, last)["managed"].mean.tolist() == [40.0]
