from __future__ import annotations

import numpy as np

from daskscope.ingest.dedup import Seen, span_keys, trace_hashes
from tests.telemetry import span_id, trace_id


def test_what_was_added_is_known_whatever_the_run_it_lies_in() -> None:
    chance = np.random.default_rng(1)
    seen = Seen()
    known: set[int] = set()
    for size in (1, 4_000, 3, 500, 4_000, 1, 9_000, 2):
        fresh = chance.integers(0, 2**64, size, np.uint64)
        again = np.array(sorted(known)[:: max(len(known) // 50, 1)], np.uint64)
        keys = chance.permutation(np.concatenate([fresh, again, fresh[:1]]))
        is_new = seen.is_new(keys)
        assert set(keys[is_new].tolist()) == set(fresh.tolist())
        assert np.count_nonzero(is_new) == len(fresh)
        seen.add(keys[is_new])
        known.update(fresh.tolist())
    assert len(seen) == len(known)


def test_of_equal_keys_the_first_is_new() -> None:
    keys = np.array([5, 3, 5, 5, 3], np.uint64)
    assert Seen().is_new(keys).tolist() == [True, True, False, False, False]


def test_asking_does_not_remember() -> None:
    seen = Seen()
    keys = np.array([1, 2], np.uint64)
    assert seen.is_new(keys).all()
    assert seen.is_new(keys).all()


def test_nothing_at_all() -> None:
    seen = Seen()
    seen.add(np.empty(0, np.uint64))
    assert len(seen.is_new(np.empty(0, np.uint64))) == 0


def test_keys_differ_in_each_half_of_a_trace_and_in_the_span() -> None:
    traces = [trace_id(n) for n in range(100)] + [trace_id(1)[:8] + bytes(8), bytes(15) + b"\x01"]
    hashes = trace_hashes(traces)
    ids = np.array([int.from_bytes(span_id(n), "big") for n in range(100)], np.uint64)
    keys = span_keys(np.repeat(hashes, 100), np.tile(ids, len(traces)))
    assert len(np.unique(keys)) == len(traces) * 100


def test_however_often_keys_are_added_few_runs_are_searched() -> None:
    chance = np.random.default_rng(1)
    seen = Seen()
    for _ in range(1_000):
        seen.add(chance.integers(0, 2**64, 20, np.uint64))
    assert len(seen) == 20_000
    assert len(seen._runs) <= 6  # each is at least four times as long as the next
