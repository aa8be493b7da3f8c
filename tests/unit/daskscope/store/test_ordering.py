"""Numbers of any length are put in order, equal ones as they were."""

from __future__ import annotations

import numpy as np
import pytest

from daskscope.store.ordering import order_of, ranks_of


@pytest.mark.parametrize("bits", [1, 15, 16, 17, 32, 33, 48, 62])
@pytest.mark.parametrize("n", [0, 1, 5_000])
def test_numbers_of_any_length_are_put_in_order(bits: int, n: int) -> None:
    numbers = np.random.default_rng(bits).integers(0, 1 << bits, n)
    numbers[n // 2 :] = numbers[: n - n // 2]
    assert order_of(numbers).tolist() == np.argsort(numbers, kind="stable").tolist()
    _, ranks = np.unique(numbers, return_inverse=True)
    assert ranks_of(numbers).tolist() == ranks.tolist()
