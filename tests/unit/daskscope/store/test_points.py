"""Points of metric series."""

from __future__ import annotations

import numpy as np

from daskscope.store.points import MOST_POINTS, PointTable
from tests.builders import SECOND, T0, points


def test_points_are_in_order_of_time_however_they_come() -> None:
    table = PointTable()
    table.add(points([(1, 5, 50.0), (0, 1, 1.0)]))
    table.add(points([(1, 9, 90.0), (1, 7, 70.0)]))
    table.add(points([(1, 6, 60.0)]))
    held = table.frozen()

    assert (held[1].time_ns - T0).tolist() == [5, 6, 7, 9]
    assert held[1].value.tolist() == [50.0, 60.0, 70.0, 90.0]
    assert held[0].value.tolist() == [1.0]
    assert (table.first_ns, table.last_ns) == (T0 + 1, T0 + 9)


def test_what_was_read_stays_as_it_was() -> None:
    table = PointTable()
    table.add(points([(0, 5, 50.0)]))
    before = table.frozen()
    table.add(points([(0, 1, 10.0), (0, 9, 90.0)]))

    assert before[0].value.tolist() == [50.0]
    assert table.frozen()[0].value.tolist() == [10.0, 50.0, 90.0]


def test_old_points_are_thinned_and_new_ones_kept() -> None:
    table = PointTable()
    n = 10 * MOST_POINTS
    for first in range(0, n, 1000):
        rows = range(first, min(first + 1000, n))
        table.add(points([(0, row * SECOND, float(row)) for row in rows]))
    held = table.frozen()[0]

    assert len(held.value) <= MOST_POINTS
    assert table.nbytes <= 3 * 16 * MOST_POINTS
    assert held.value[0] == 0.0
    newest = MOST_POINTS // 4
    np.testing.assert_array_equal(held.value[-newest:], np.arange(n - newest, n))
    assert (np.diff(held.time_ns) > 0).all()


def test_nothing_changes_without_points() -> None:
    table = PointTable()
    table.add(points([]))

    assert table.frozen() == {}
    assert table.frozen() is table.frozen()
