"""Busy time of the whole run in stretches that grow with it."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest

from daskscope.store.overview import MAX_BUCKETS, OverviewBuilder
from tests.builders import MS, SECOND, T0

Int64s = npt.NDArray[np.int64]


def spans(n: int, run_ns: int, seed: int = 1) -> tuple[Int64s, Int64s, npt.NDArray[np.int32]]:
    rng = np.random.default_rng(seed)
    start = T0 + rng.integers(0, run_ns, n)
    return start, start + rng.integers(0, run_ns // 20, n), rng.integers(0, 4, n).astype(np.int32)


@pytest.mark.parametrize("run_ns", [50 * MS, 20 * SECOND, 86_400 * SECOND])
def test_all_busy_time_is_counted_once(run_ns: int) -> None:
    start, end, slot = spans(5_000, run_ns)
    builder = OverviewBuilder()
    for part in np.array_split(np.arange(5_000), 37):
        builder.add(start[part], end[part], slot[part])
    overview = builder.frozen()

    assert overview.busy_ns.shape[1] <= MAX_BUCKETS
    for number in range(4):
        busy = overview.busy_ns[overview.slots.index(number)].sum(dtype=np.float64)
        assert busy == pytest.approx((end - start)[slot == number].sum(), rel=1e-5)


def test_busy_time_lies_where_the_spans_are() -> None:
    start, end, slot = spans(2_000, 20 * SECOND)
    builder = OverviewBuilder()
    builder.add(start, end, slot)
    overview = builder.frozen()

    edges = overview.start_ns + np.arange(overview.busy_ns.shape[1] + 1) * overview.width_ns
    expected = [
        np.clip(np.minimum(end, right) - np.maximum(start, left), 0, None).sum()
        for left, right in itertools.pairwise(edges)
    ]
    np.testing.assert_allclose(overview.busy_ns.sum(axis=0), expected, rtol=1e-4, atol=10)


def test_spans_may_begin_and_end_where_stretches_do() -> None:
    width_ns = 1 << 20
    ends = [(0, 1), (1, 1), (1, 3), (0, MAX_BUCKETS - 1), (MAX_BUCKETS - 2, MAX_BUCKETS - 1)]
    start, end = T0 + np.array(ends).T * width_ns
    builder = OverviewBuilder()
    builder.add(start, end, np.zeros(len(ends), np.int32))
    overview = builder.frozen()

    expected = np.ones(MAX_BUCKETS - 1)
    expected[[0, 1, 2, -1]] += 1
    assert overview.width_ns == width_ns
    assert (overview.busy_ns[0] / width_ns).tolist() == expected.tolist()


def test_data_from_before_the_start_move_the_start() -> None:
    builder = OverviewBuilder()
    slot = np.zeros(1, np.int32)
    builder.add(np.array([T0 + SECOND]), np.array([T0 + SECOND + 5]), slot)
    builder.add(np.array([T0]), np.array([T0 + 7]), slot)
    overview = builder.frozen()

    assert T0 - overview.width_ns < overview.start_ns <= T0
    first = overview.busy_ns[0].nonzero()[0]
    assert overview.busy_ns[0, first].tolist() == [7.0, 5.0]


def test_the_order_of_arrival_does_not_matter() -> None:
    start, end, slot = spans(1_000, 60 * SECOND)
    totals = []
    for order in (np.argsort(start), np.argsort(-start)):
        builder = OverviewBuilder()
        for part in np.array_split(order, 10):
            builder.add(start[part], end[part], slot[part])
        overview = builder.frozen()
        totals.append([overview.busy_ns[overview.slots.index(n)].sum() for n in range(4)])

    np.testing.assert_allclose(totals[0], totals[1], rtol=1e-5)


def test_what_was_read_stays_as_it_was() -> None:
    builder = OverviewBuilder()
    start, end, slot = spans(100, SECOND)
    builder.add(start, end, slot)
    before = builder.frozen()
    total = before.busy_ns.sum()
    builder.add(start + 100 * SECOND, end + 100 * SECOND, slot)

    assert before.busy_ns.sum() == total
