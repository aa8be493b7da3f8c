"""Levels of sums tell what their seconds do, at any zoom, however they were written."""

from __future__ import annotations

import numpy as np
import pytest

from daskscope.derive.history import FAN, N_LEVELS, PAGE_BLOCKS, Columns, History, step

#: The second at which most tests begin, in the middle of a page.
AT = 1_700_000_123
JOINED = ((0, 1),)


class Plain:
    """What a history is of, second by second."""

    def __init__(self, n_seconds: int) -> None:
        self.value = np.zeros((2, n_seconds))
        self.n = np.zeros((2, n_seconds), np.int64)

    def add(self, row: np.ndarray, second: np.ndarray, value: np.ndarray, sign: int = 1) -> None:
        np.add.at(self.value, (row, second - AT), sign * value)
        np.add.at(self.n, (row, second - AT), sign)

    def rows(self) -> np.ndarray:
        found = np.where(self.n > 0, self.value, np.nan)
        both = np.where(
            (self.n > 0).any(axis=0), np.where(self.n > 0, self.value, 0.0).sum(axis=0), np.nan
        )
        return np.concatenate([found, both[np.newaxis]])


def written(rng: np.random.Generator, n_seconds: int, history: History) -> Plain:
    """The same in both: late and early, some taken away again, most of it with gaps."""
    plain = Plain(n_seconds)
    for _ in range(30):
        n = int(rng.integers(1, 400))
        first = int(rng.integers(0, n_seconds - 1))
        second = AT + np.minimum(first + rng.integers(0, 900, n), n_seconds - 1)
        row, value = rng.integers(0, 2, n), rng.integers(0, 1_000, n).astype(np.float64)
        history.add(row, second, value)
        plain.add(row, second, value)
        if rng.random() < 0.3:
            history.add(row, second, value, -1)
            plain.add(row, second, value, -1)
        if rng.random() < 0.3:
            history.columns(AT // 8 * 8, 8, 20)
    return plain


def folded(rows: np.ndarray, first: int, width: int, n: int) -> list[tuple[np.ndarray, ...]]:
    """Least, mean and most of the seconds of each column that are known, one by one."""
    found = []
    for begin in range(first - AT, first - AT + n * width, width):
        part = rows[:, max(begin, 0) : max(begin + width, 0)]
        columns = []
        for row in part:
            known = row[~np.isnan(row)]
            columns.append(
                (known.min(), known.mean(), known.max()) if len(known) else (np.nan,) * 3
            )
        found.append(tuple(np.array(columns).T))
    return found


def check(found: Columns, truth: list[tuple[np.ndarray, ...]]) -> None:
    for at, (least, mean, most) in enumerate(truth):
        np.testing.assert_allclose(found.least[:, at], least)
        np.testing.assert_allclose(found.mean[:, at], mean)
        np.testing.assert_allclose(found.most[:, at], most)


@pytest.mark.parametrize("seed", range(5))
def test_columns_tell_what_their_seconds_do_at_any_zoom(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_seconds = int(rng.integers(2_000, 12_000))
    history = History(2, JOINED)
    plain = written(rng, n_seconds, history)
    for _ in range(12):
        width = step(float(np.exp(rng.uniform(0, np.log(n_seconds)))))
        n = int(rng.integers(1, 40))
        first = (AT + int(rng.integers(-500, n_seconds))) // width * width
        check(history.columns(first, width, n), folded(plain.rows(), first, width, n))


def test_what_has_gone_of_a_level_the_next_one_tells() -> None:
    rng = np.random.default_rng(9)
    n_seconds = 20 * PAGE_BLOCKS
    history = History(2, JOINED, (4, 2, 2, 2, 2, 2))
    second = AT + np.arange(n_seconds)
    value = rng.integers(0, 1_000, n_seconds).astype(np.float64)
    plain = Plain(n_seconds)
    for at in range(0, n_seconds, 700):
        part = slice(at, at + 700)
        row = np.zeros(len(second[part]), np.int64)
        history.add(row, second[part], value[part])
        plain.add(row, second[part], value[part])
    rows, last = plain.rows(), AT + n_seconds
    # The newest seconds are all there, and so are blocks of the oldest ones.
    new = last // 8 * 8 - 8 * 100
    check(history.columns(new, 1, 100), folded(rows, new, 1, 100))
    old = AT // 64 * 64 + 64
    check(history.columns(old, 64, 50), folded(rows, old, 64, 50))
    # An old second is told by its block, of which it is one.
    blocks, seconds = history.columns(old, 64, 1), history.columns(old, 1, 64)
    np.testing.assert_allclose(seconds.most, np.repeat(blocks.most, 64, axis=1))
    np.testing.assert_allclose(seconds.mean, np.repeat(blocks.mean, 64, axis=1))


def test_memory_is_bounded_and_what_comes_after_its_page_has_gone_is_left_out() -> None:
    history = History(2, JOINED, (4, 2, 2, 2, 2, 2))
    one = np.ones(1, np.int64)
    for page in range(0, 3_000, 10):
        history.add(one, one * (AT + page * PAGE_BLOCKS), np.ones(1))
        assert history.nbytes <= 4 * 12 * 1_024 + 5 * 2 * 48 * 1_024
    history.add(one, one * AT, np.full(1, 1e9))
    width = FAN ** (N_LEVELS - 1)
    assert np.nanmax(history.columns(AT // width * width, width, 60).most) == 1.0
    # And what has gone of the seconds is still told by their blocks.
    gone = AT + 2_950 * PAGE_BLOCKS
    before = history.columns(gone // 8 * 8, 1, 8)
    assert not np.isnan(before.most[1]).all()
    history.add(one, one * (AT + 2_940 * PAGE_BLOCKS), np.full(1, 1e9))
    np.testing.assert_array_equal(history.columns(gone // 8 * 8, 1, 8).most, before.most)


def test_a_wrong_clock_takes_a_page_and_hides_nothing() -> None:
    history = History(2, JOINED, (4, 2, 2, 2, 2, 2))
    one = np.ones(1, np.int64)
    for second in (AT, 5, AT * 5, AT + 1):
        history.add(one, one * second, np.full(1, 7.0))
    assert history.columns(AT, 1, 3).mean[1].tolist()[:2] == [7.0, 7.0]


def test_what_is_laid_over_is_seen_until_it_is_lifted() -> None:
    history = History(2, JOINED)
    second = AT + np.arange(2_000)
    history.add(np.zeros(2_000, np.int64), second, np.ones(2_000))
    before = history.columns(AT // 8 * 8, 8, 250)
    first = AT // PAGE_BLOCKS * PAGE_BLOCKS + PAGE_BLOCKS - 3  # over the edge of a page
    history.lay(first, np.full((2, 6), 5.0), np.ones((2, 6), np.int32))
    laid = history.columns(first, 1, 6)
    assert laid.mean.tolist() == [[6.0] * 6, [5.0] * 6, [11.0] * 6]
    history.lift()
    after = history.columns(AT // 8 * 8, 8, 250)
    np.testing.assert_array_equal(after.most, before.most)
    np.testing.assert_array_equal(after.mean, before.mean)


def test_no_columns_tell_nothing() -> None:
    assert History(2, JOINED).columns(AT, 1, 0).mean.shape == (3, 0)


@pytest.mark.parametrize(
    ("least_s", "expected"),
    [
        (0.001, 1),
        (1, 1),
        (1.2, 2),
        (7.5, 8),
        (8, 8),
        (9, 16),
        (247, 256),
        (300, 320),
        (5_000, 8_192),
    ],
)
def test_a_column_is_as_short_as_blocks_allow(least_s: float, expected: int) -> None:
    assert step(least_s) == expected


def test_reading_costs_what_its_columns_do() -> None:
    """Blocks that are looked at are at most eight for each column, however long it is."""
    for least_s in np.geomspace(1, FAN**N_LEVELS - 1, 200):
        width = step(float(least_s))
        level = max(k for k in range(N_LEVELS) if width % FAN**k == 0)
        assert width // FAN**level <= FAN
        assert least_s <= width < 2 * max(least_s, 1)
