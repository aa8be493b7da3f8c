"""Newest points in arrays are what a walk over all points finds."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from daskscope.store.points import PointTable
from daskscope.store.rates import N_KEPT
from daskscope.store.snapshot import SeriesPoints
from tests.builders import MS, T0, points
from tests.readings import growth_per_s

NAN = float("nan")


@pytest.mark.parametrize("seed", range(20))
def test_random_series_with_late_points_restarts_and_bursts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = PointTable()
    counters = {0, 5, 9}
    came: defaultdict[int, list[tuple[int, float]]] = defaultdict(list)

    def check() -> None:
        found = table.newest()
        for series in range(len(found.value)):
            known = sorted(came[series], key=lambda point: point[0])[-N_KEPT:]
            time_ns, value = known[-1] if known else (np.iinfo(np.int64).min, NAN)
            assert found.time_ns[series] == time_ns
            np.testing.assert_equal(found.value[series], value)
            times_ns, values = np.array([t for t, _ in known]), np.array([v for _, v in known])
            is_growing = known and series in counters
            per_s = growth_per_s(SeriesPoints(times_ns, values)) if is_growing else NAN
            np.testing.assert_equal(found.per_s[series], per_s)

    now, n_known = 10_000 * MS, 0
    for _ in range(60):
        now += int(rng.integers(1, 900)) * MS
        n = int(rng.integers(1, 40))
        series = rng.choice([0, 1, 2, 5, 9, 30][: int(rng.integers(1, 7))], n)
        late = np.where(rng.random(n) < 0.1, rng.integers(0, 5_000, n), rng.integers(0, 30, n))
        value = np.where(rng.random(n) < 0.02, np.nan, rng.integers(0, 1_000, n).astype(float))
        times = now - late * MS
        rows = list(zip(series.tolist(), times.tolist(), value.tolist(), strict=True))
        n_series = max(n_known, int(series.max()) + 1)
        table.reach(n_series, counters=sorted(counters.intersection(range(n_known, n_series))))
        n_known = n_series
        table.add(points(rows))
        for number, time_ns, read in rows:
            came[number].append((T0 + time_ns, read))
        if rng.random() < 0.5:
            check()
    check()


def test_what_was_handed_out_stays_as_it_was() -> None:
    table = PointTable()
    table.reach(1, counters=[0])
    table.add(points([(0, 0, 1.0)]))
    before = table.newest()
    table.add(points([(0, 500 * MS, 3.0), (7, 0, 1.0)]))
    assert (before.value.tolist(), len(before.time_ns)) == ([1.0], 1)
    assert table.newest().per_s[0] == 4.0
    assert table.newest() is table.newest()


def test_of_more_points_than_are_kept_the_growth_over_those_that_are_counts() -> None:
    table = PointTable()
    table.reach(1, counters=[0])
    table.add(points([(0, i * 100 * MS, float(i * i)) for i in range(4 * N_KEPT)]))
    last = 4 * N_KEPT - 1
    first = last - N_KEPT + 1
    grown = (last**2 - first**2) / ((last - first) / 10)
    assert table.newest().per_s[0] == pytest.approx(grown)
    assert table.newest().value[0] == last**2
