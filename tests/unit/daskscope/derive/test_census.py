"""Spans in a stretch of time, counted over many chunks."""

from __future__ import annotations

import gc
import weakref

from daskscope.derive.census import Census
from daskscope.store.writer import Store
from tests.builders import MS, SECOND, T0, Load


def test_a_count_is_that_of_all_chunks_while_they_come_and_go() -> None:
    load = Load(n_workers=4, n_threads=2)
    store, census = Store(cap_bytes=24 << 20), Census()
    store.apply(load.source.definitions())
    stretches = [(T0, T0 + SECOND), (T0 + 90 * SECOND, T0 + 200 * SECOND), (0, 1 << 60)]
    firsts = set()
    for _ in range(80):
        store.apply(load.batch(8_000))
        chunks = store.snapshot().chunks
        firsts.add(chunks[0].number)
        newest_ns = store.snapshot().last_ns
        for from_ns, to_ns in (*stretches, (newest_ns - 300 * MS, newest_ns)):
            expected = sum(chunk.n_overlapping(from_ns, to_ns) for chunk in chunks)
            assert census.n_overlapping(chunks, from_ns, to_ns) == expected
    assert len(firsts) > 2
    assert census.n_overlapping((), 0, 1 << 60) == 0


def test_what_counts_later_holds_nothing_that_is_evicted() -> None:
    load = Load(n_workers=4, n_threads=2)
    store, census = Store(cap_bytes=24 << 20), Census()
    store.apply(load.source.definitions())
    for _ in range(20):
        store.apply(load.batch(8_000))
    chunks = store.snapshot().chunks
    n_spans = sum(map(len, chunks))
    held = [weakref.ref(chunk.columns["start_ns"]) for chunk in chunks[:-1]]
    count = census.counting(chunks, 0, 1 << 62)
    del chunks
    for _ in range(60):
        store.apply(load.batch(8_000))
    gc.collect()
    assert store.snapshot().n_evicted >= n_spans
    assert [one for one in held if one() is not None] == []
    assert count() == n_spans
