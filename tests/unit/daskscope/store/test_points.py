"""Points of metric series."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from daskscope.store import points as module
from daskscope.store.pointlog import RUN_BYTES, RUN_POINTS
from daskscope.store.points import MOST_POINTS, PointTable
from tests.builders import SECOND, T0, points

if TYPE_CHECKING:
    import pytest


def followed(n: int) -> PointTable:
    table = PointTable()
    table.reach(n, range(n))
    return table


def test_points_are_in_order_of_time_however_they_come() -> None:
    table = followed(2)
    table.add(points([(1, 5, 50.0), (0, 1, 1.0)]))
    table.add(points([(1, 9, 90.0), (1, 7, 70.0)]))
    table.add(points([(1, 6, 60.0)]))
    held = table.frozen()

    assert (held[1].time_ns - T0).tolist() == [5, 6, 7, 9]
    assert held[1].value.tolist() == [50.0, 60.0, 70.0, 90.0]
    assert held[0].value.tolist() == [1.0]
    assert (table.first_ns, table.last_ns) == (T0 + 1, T0 + 9)


def test_what_was_read_stays_as_it_was() -> None:
    table = followed(1)
    table.add(points([(0, 5, 50.0)]))
    before = table.frozen()
    table.add(points([(0, 1, 10.0), (0, 9, 90.0)]))

    assert before[0].value.tolist() == [50.0]
    assert table.frozen()[0].value.tolist() == [10.0, 50.0, 90.0]


def test_old_points_are_thinned_and_new_ones_kept() -> None:
    table = followed(1)
    n = 10 * MOST_POINTS
    for first in range(0, n, 1000):
        rows = range(first, min(first + 1000, n))
        table.add(points([(0, row * SECOND, float(row)) for row in rows]))
    held = table.frozen()[0]

    assert len(held.value) <= MOST_POINTS
    log_bytes = (n // RUN_POINTS + 1) * RUN_BYTES
    assert table.nbytes <= 3 * 16 * MOST_POINTS + log_bytes
    assert held.value[0] == 0.0
    newest = MOST_POINTS // 4
    np.testing.assert_array_equal(held.value[-newest:], np.arange(n - newest, n))
    assert (np.diff(held.time_ns) > 0).all()


def test_nothing_changes_without_points() -> None:
    table = PointTable()
    table.add(points([]))

    assert table.frozen() == {}
    assert table.frozen() is table.frozen()
    assert table.runs() == ()


def test_all_points_stand_in_the_log_as_they_came() -> None:
    table = followed(1)
    table.add(points([(7, 5, 1.0), (0, 9, 2.0)]))
    before = table.runs()
    table.add(points([(7, 1, 3.0)]))

    assert [run.series.tolist() for run in before] == [[7, 0]]
    (run,) = table.runs()
    assert run.series.tolist() == [7, 0, 7]
    assert (run.time_ns - T0).tolist() == [5, 9, 1]
    assert run.value.tolist() == [1.0, 2.0, 3.0]
    assert list(table.frozen()) == [0]


def test_the_oldest_runs_go_and_those_that_stay_keep_their_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "POINTS_BYTES", 2 * RUN_BYTES)
    table = PointTable()
    for n in range(6):
        table.add(points([(0, n * RUN_POINTS + i, float(i)) for i in range(RUN_POINTS)]))
        table.add(points([(1, 0, 0.0)]))

    assert [(run.number, len(run.series)) for run in table.runs()] == [
        (4, RUN_POINTS),
        (5, RUN_POINTS),
        (6, 6),
    ]
    assert table.nbytes == 3 * RUN_BYTES
