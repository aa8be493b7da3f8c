"""Rows on lanes, against a loop that does one after the other."""

from __future__ import annotations

import numpy as np
import pytest

from daskscope.simulate.timing import ends_in_order, rank_within


@pytest.mark.parametrize("seed", range(20))
def test_rows_begin_when_they_are_ready_and_their_lane_is_free(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, n_lanes = int(rng.integers(1, 200)), int(rng.integers(1, 12))
    lane = np.sort(rng.integers(0, n_lanes, n))
    ready = rng.integers(0, 10**12, n)
    duration = rng.integers(0, 10**10, n)
    free = rng.integers(0, 10**12, n_lanes)

    expected, reached = [], free.tolist()
    for row in range(n):
        reached[lane[row]] = max(reached[lane[row]], int(ready[row])) + int(duration[row])
        expected.append(reached[lane[row]])

    assert ends_in_order(lane, ready, duration, free).tolist() == expected


def test_no_rows_have_no_ends() -> None:
    nothing = np.empty(0, np.int64)
    assert ends_in_order(nothing, nothing, nothing, np.zeros(3, np.int64)).tolist() == []


def test_ranks_count_within_each_group() -> None:
    assert rank_within(np.array([7, 3, 7, 7, 3])).tolist() == [0, 0, 1, 2, 1]
