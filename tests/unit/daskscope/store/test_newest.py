"""Newest points in arrays are what a walk over all points finds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from daskscope.store import newest
from daskscope.store.newest import N_KEPT, growth_per_s
from daskscope.store.points import PointTable
from tests.builders import MS, points


def check(table: PointTable) -> None:
    found, held = table.newest(), table.frozen()
    for series in range(len(found.value)):
        known = held.get(series)
        if known is None:
            assert math.isnan(found.value[series])
            assert math.isnan(found.per_s[series])
            continue
        assert found.time_ns[series] == known.time_ns[-1]
        np.testing.assert_equal(found.value[series], known.value[-1])
        np.testing.assert_equal(found.per_s[series], growth_per_s(known))


@pytest.mark.parametrize("seed", range(20))
def test_random_series_with_late_points_restarts_and_bursts(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(newest, "_ROOM", 1 + seed)  # there is to be room for more, now and then
    rng = np.random.default_rng(seed)
    table = PointTable()
    table.reach(31, range(31))
    now = 10_000 * MS
    for _ in range(60):
        now += int(rng.integers(1, 900)) * MS
        n = int(rng.integers(1, 40))
        series = rng.choice([0, 1, 2, 5, 9, 30], n)
        late = np.where(rng.random(n) < 0.1, rng.integers(0, 5_000, n), rng.integers(0, 30, n))
        value = np.where(rng.random(n) < 0.02, np.nan, rng.integers(0, 1_000, n).astype(float))
        times = now - late * MS
        rows = zip(series.tolist(), times.tolist(), value.tolist(), strict=True)
        table.add(points([(int(s), int(t), float(v)) for s, t, v in rows]))
        if rng.random() < 0.5:
            check(table)
    check(table)


def test_what_was_handed_out_stays_as_it_was() -> None:
    table = PointTable()
    table.add(points([(0, 0, 1.0)]))
    before = table.newest()
    table.add(points([(0, 500 * MS, 3.0), (7, 0, 1.0)]))
    assert (before.value.tolist(), len(before.time_ns)) == ([1.0], 1)
    assert table.newest().per_s[0] == 4.0
    assert table.newest() is table.newest()


def test_more_points_than_are_kept_count_all() -> None:
    table = PointTable()
    table.reach(1, [0])
    table.add(points([(0, i * 100 * MS, float(i * i)) for i in range(4 * N_KEPT)]))
    last = 4 * N_KEPT - 1
    assert table.newest().per_s[0] == pytest.approx((last**2 - (last - 30) ** 2) / 3)


def test_of_what_nobody_follows_the_growth_over_the_points_that_are_kept_counts() -> None:
    table = PointTable()
    table.add(points([(0, i * 100 * MS, float(i * i)) for i in range(4 * N_KEPT)]))
    last = 4 * N_KEPT - 1
    first = last - N_KEPT + 1
    grown = (last**2 - first**2) / ((last - first) / 10)
    assert table.newest().per_s[0] == pytest.approx(grown)
    assert table.newest().value[0] == last**2


def test_late_points_take_their_place_among_the_newest_whoever_follows() -> None:
    rng = np.random.default_rng(5)
    known, unknown = PointTable(), PointTable()
    known.reach(9, range(9))
    for step in range(40):
        times = (step * 700 - rng.integers(0, 5_000, 12)) * MS
        rows = zip(rng.integers(0, 9, 12).tolist(), times.tolist(), range(12), strict=True)
        batch = points([(series, time, float(value)) for series, time, value in rows])
        known.add(batch)
        unknown.add(batch)
        np.testing.assert_array_equal(known.newest().time_ns, unknown.newest().time_ns)
        np.testing.assert_array_equal(known.newest().value, unknown.newest().value)
