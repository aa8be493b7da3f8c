"""Sums by key, and many of them added up."""

from __future__ import annotations

import numpy as np

from daskscope.derive.statistics.sums import Places, Sheet, Sums, empty, joined, summed


def plain(sums: Sums) -> dict[int, tuple[float, ...]]:
    rows = zip(sums.key.tolist(), *sums.value.tolist(), sums.most.tolist(), strict=True)
    return {key: tuple(values) for key, *values in rows}


def random_sums(rng: np.random.Generator, n: int) -> Sums:
    key = rng.integers(0, 1 << 40, 300)[rng.integers(0, 300, n)]
    return summed(key, rng.integers(0, 100, (2, n)).astype(float), rng.uniform(0, 9, n))


def test_rows_are_summed_by_key() -> None:
    sums = summed(np.array([7, 2, 7]), np.array([[1.0, 2, 3]]), np.array([5.0, 1, 4]))
    assert plain(sums) == {2: (2, 1), 7: (4, 5)}
    assert plain(summed(np.empty(0, np.int64), np.empty((1, 0)), np.empty(0))) == {}


def test_a_sheet_adds_up_what_is_joined_otherwise() -> None:
    rng = np.random.default_rng(2)
    places = Places()
    sheet, other = Sheet(2, places), Sheet(2, places)
    parts = [random_sums(rng, n) for n in (1, 50, 400, 3, 200)]
    assert len(sheet.total()) == 0
    for part in parts:
        sheet.add(sheet.placed(part))
    other.add(other.placed(parts[1]))
    sheet.add(sheet.placed(empty(2)))
    assert plain(sheet.total()) == plain(joined(parts))
    # Places are shared, sums are not.
    assert plain(other.total()) == plain(parts[1])


def test_what_was_placed_once_can_be_added_to_any_sheet() -> None:
    places = Places()
    first = Sheet(1, places)
    placed = first.placed(summed(np.array([9, 1]), np.array([[1.0, 2]]), np.array([1.0, 2])))
    first.placed(summed(np.arange(500), np.ones((1, 500)), np.ones(500)))
    second = Sheet(1, places)
    second.add(placed)
    second.add(placed)
    assert plain(second.total()) == {1: (4, 2), 9: (2, 1)}
