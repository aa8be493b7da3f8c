"""Ids are those that the instrumentation would give, and differ."""

from __future__ import annotations

import numpy as np

from dask_otel import correlate
from daskscope.simulate import ids


def test_attempts_have_the_ids_that_dask_otel_gives_them() -> None:
    found = ids.attempt_ids([b"merge-0a", b"merge-0b"], [2_097_152, 7])
    assert [row.tobytes() for row in found] == [
        correlate.attempt_span_id("merge-0a", 2_097_152),
        correlate.attempt_span_id("merge-0b", 7),
    ]


def test_numbers_that_are_near_with_salts_that_are_near_stay_apart() -> None:
    numbers = np.arange(10_000, dtype=np.uint64)
    words = np.concatenate([ids.mixed(numbers, salt) for salt in range(1, 6)])
    assert len(np.unique(words)) == 50_000


def test_keys_are_those_of_delayed_tasks() -> None:
    keys = [row.tobytes().decode() for row in ids.keys("fit", np.arange(3, dtype=np.uint64), 9)]
    assert len(set(keys)) == 3
    assert all(key.startswith("fit-") for key in keys)
    assert all(len(bytes.fromhex(key[4:])) == 16 for key in keys)
