"""Levels of many spans at once are those that one finds by looking at all pairs."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from daskscope.store.placing import (
    CORRECTION_NS,
    MOST_LEVELS,
    SLACK_NS,
    STEP_NS,
    Spans,
    overlapping,
    placed,
    slack_ns,
)
from tests.builders import MS, T0

#: Threads that may run several at a time.
SEVERAL = np.zeros(100, np.bool_)


def spans_of(*rows: tuple[int, int, int], level: int = 0, is_attempt: bool = True) -> Spans:
    """`rows` are (lane, start, end) in ns since `T0`."""
    lane, start, end = np.array(rows, np.int64).reshape(-1, 3).T
    same = np.full(len(rows), level), np.full(len(rows), is_attempt)
    return Spans(lane, same[0], start + T0, end + T0, same[1])


def any_spans(rng: np.random.Generator, n: int, n_lanes: int, reach_ms: int) -> Spans:
    """Spans of very different lengths, some of none, some that begin where another ends."""
    start = rng.integers(0, reach_ms * MS, n)
    lasting = (rng.exponential(20 * MS, n) * rng.choice((0, 0.01, 1, 5), n)).astype(np.int64)
    copied = np.flatnonzero(rng.random(n) < 0.3)
    start[copied] = (start + lasting)[rng.integers(0, n, len(copied))]
    start[copied] -= rng.integers(0, 2 * MS, len(copied)) * rng.integers(0, 2, len(copied))
    lane, level = rng.integers(3, 3 + n_lanes, n), np.zeros(n, np.int64)
    return Spans(lane, level, start + T0, start + lasting + T0, np.ones(n, np.bool_))


def meet(one: Spans, i: int, other: Spans, j: int) -> bool:
    """Whether two spans of a lane have more in common than the slack."""
    if one.lane[i] != other.lane[j]:
        return False
    both = min(one.end_ns[i], other.end_ns[j]) - max(one.start_ns[i], other.start_ns[j])
    lasting = [np.diff([of.start_ns[at], of.end_ns[at]]) for of, at in ((one, i), (other, j))]
    return bool(both > slack_ns(*lasting)[0])


@pytest.mark.parametrize("seed", range(12))
def test_nothing_new_meets_anything_of_its_level(seed: int) -> None:
    rng = np.random.default_rng(seed)
    known = any_spans(rng, 60, 3, 1_000)
    # Each by itself, so that those of one level follow each other.
    known = Spans(known.lane, np.arange(60) % 5, *(known.start_ns, known.end_ns, known.is_attempt))
    new = any_spans(rng, 120, 4, 1_500)
    level = placed(new, known)
    is_low = level < MOST_LEVELS - 1
    assert is_low.mean() > 0.9
    for i, j in combinations(np.flatnonzero(is_low).tolist(), 2):
        assert level[i] != level[j] or not meet(new, i, new, j)
    for i, j in product(np.flatnonzero(is_low).tolist(), range(len(known))):
        assert level[i] != known.level[j] or not meet(new, i, known, j)
    # What is not on level 0 has something in common with what is; all takes some time.
    others = new.those(level == 0).joined(known.those(known.level == 0))
    until_ns = np.maximum(new.end_ns, new.start_ns + 1)
    for i in np.flatnonzero(level).tolist():
        is_met = (others.start_ns < until_ns[i]) & (others.end_ns > new.start_ns[i])
        assert is_met[others.lane == new.lane[i]].any()


@pytest.mark.parametrize("seed", range(4))
def test_as_many_levels_are_taken_as_are_needed(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ends = np.zeros(6, np.int64)
    rows = []
    for _ in range(300):
        at = int(rng.integers(0, 6))
        start = ends[at] + rng.integers(0, 9 * MS)
        ends[at] = start + rng.integers(1, 90 * MS)
        rows.append((0, int(start), int(ends[at])))
    assert set(placed(spans_of(*rows), Spans.none()).tolist()) == set(range(6))


def test_what_finds_no_level_free_is_on_the_last() -> None:
    rows = [(0, n * 2 * MS, 900 * MS) for n in range(MOST_LEVELS + 5)]
    level = placed(spans_of(*rows), Spans.none())
    assert level.tolist() == [*range(MOST_LEVELS - 1), *[MOST_LEVELS - 1] * 6]


def test_the_level_that_was_busy_last_is_taken_first() -> None:
    known = [spans_of((0, 0, end * MS), level=level) for level, end in ((0, 90), (1, 20), (2, 50))]
    new = spans_of((0, 60 * MS, 95 * MS))
    assert placed(new, known[0].joined(*known[1:])).tolist() == [2]


def test_a_few_that_begin_a_little_too_early_follow_each_other() -> None:
    late = spans_of(*((0, n * 10 * MS, n * 10 * MS + 10 * MS + SLACK_NS - 1) for n in range(9)))
    assert not placed(late, Spans.none()).any()
    assert not overlapping(late, SEVERAL).size


def test_two_attempts_at_once_may_be_a_clock_that_was_set_right() -> None:
    two = spans_of((0, 0, 200 * MS), (0, 200 * MS - CORRECTION_NS, 300 * MS))
    assert overlapping(two, SEVERAL).tolist() == []
    longer = spans_of((1, 0, 200 * MS), (1, 199 * MS - CORRECTION_NS, 300 * MS))
    three = spans_of((2, 0, 90 * MS), (2, 50 * MS, 140 * MS), (2, 60 * MS, 150 * MS))
    follow = spans_of((3, 0, 90 * MS), (3, 50 * MS, 140 * MS), (3, 90 * MS, 150 * MS))
    foreign = spans_of((4, 0, 90 * MS), (4, 50 * MS, 140 * MS), is_attempt=False)
    assert overlapping(two.joined(longer, three, follow, foreign), SEVERAL).tolist() == [1, 2, 4]


def test_attempts_of_a_thread_that_runs_one_at_a_time_overlap_when_a_clock_is_set() -> None:
    long = spans_of((0, 0, STEP_NS), (0, 0, STEP_NS), (0, 5 * MS, STEP_NS + MS))
    assert overlapping(long, SEVERAL).tolist() == [0]
    assert overlapping(long, ~SEVERAL).tolist() == []
    longer = spans_of((0, 0, STEP_NS + MS), (0, 0, STEP_NS + MS))
    assert overlapping(longer, ~SEVERAL).tolist() == [0]
    foreign = spans_of((0, 0, 90 * MS), (0, 50 * MS, 140 * MS), is_attempt=False)
    assert overlapping(foreign, ~SEVERAL).tolist() == [0]


@pytest.mark.parametrize("seed", range(12))
def test_lanes_on_which_spans_overlap_are_those_that_all_pairs_tell(seed: int) -> None:
    rng = np.random.default_rng(seed)
    spans = any_spans(rng, 400, 60, 800)
    found = set()
    for number in set(spans.lane.tolist()):
        of = spans.those(spans.lane == number)
        order = np.lexsort((of.start_ns,))
        of = of.those(order)
        for i, j in combinations(range(len(of)), 2):
            until = min(of.end_ns[i], of.end_ns[j])
            others = (min(until, of.end_ns[k]) for k in range(j) if k != i)
            three = max((int(end - of.start_ns[j]) for end in others), default=0)
            lasting = of.end_ns[j : j + 1] - of.start_ns[j : j + 1]
            if until - of.start_ns[j] > CORRECTION_NS or three > slack_ns(lasting, lasting)[0]:
                found.add(number)
    assert 0 < len(found) < 60
    assert set(overlapping(spans, SEVERAL).tolist()) == found
