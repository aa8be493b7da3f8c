"""Quantiles of classes against those of the durations themselves."""

from __future__ import annotations

import numpy as np
import pytest

from daskscope.derive.statistics.durations import (
    CLASS_BITS,
    N_PER_OCTAVE,
    class_start_ns,
    classes,
    quantiles,
)

SHARES = (0.0, 0.01, 0.25, 0.5, 0.95, 0.99, 0.999, 1.0)
WORST = 2 ** (1 / N_PER_OCTAVE) - 1


def of_classes(groups: list[np.ndarray]) -> np.ndarray:
    """Quantiles of some groups of durations by way of their classes."""
    group, n, mean = [], [], []
    for number, lasting in enumerate(groups):
        if not len(lasting):
            continue
        found, where = np.unique(classes(lasting), return_inverse=True)
        counts = np.bincount(where)
        group += [number] * len(found)
        n += counts.tolist()
        mean += (np.bincount(where, lasting) / counts).tolist()
    return quantiles(
        np.array(group, np.intp), len(groups), np.array(n, float), np.array(mean), SHARES
    )


def test_many_durations_are_never_more_than_a_class_beside_the_truth() -> None:
    rng = np.random.default_rng(1)
    groups = [
        (10 ** rng.normal(6, 1, 100_000)).astype(np.int64),
        (10 ** rng.uniform(0, 15, 50_000)).astype(np.int64),
        np.full(1_000, 12_345_678, np.int64),
        np.empty(0, np.int64),
        rng.integers(1_000_000, 1_010_000, 10_000),
    ]
    found = of_classes(groups)
    for number, lasting in enumerate(groups):
        if not len(lasting):
            assert np.isnan(found[:, number]).all()
            continue
        truth = np.quantile(lasting, SHARES)
        assert found[:, number] == pytest.approx(truth, rel=WORST)
    assert WORST < 0.0055


def test_few_durations_that_differ_have_exact_quantiles() -> None:
    lasting = np.array([0, 345_000_000, 441_000_000, 12, 7_000_000_000_000])
    assert of_classes([lasting])[:, 0] == pytest.approx(np.quantile(lasting, SHARES), rel=1e-12)


def test_the_median_of_two_lies_between_them() -> None:
    assert of_classes([np.array([345, 441])])[3, 0] == 393


def test_classes_rise_and_fit_into_their_bits() -> None:
    lasting = np.array([0, 1, 2, 3, 1_000, 10**9, 2**62, 2**63 - 1])
    found = classes(lasting)
    assert (np.diff(found) >= 0).all()
    assert found[0] == found[1] == 0
    assert found[-1] < 1 << CLASS_BITS
    for duration, number in zip(lasting[1:-1].tolist(), found[1:-1].tolist(), strict=True):
        assert class_start_ns(number) <= duration * (1 + 1e-12)
        assert duration < class_start_ns(number + 1)
