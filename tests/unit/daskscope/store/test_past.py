"""What is held at some times is what one finds by looking at all rows."""

from __future__ import annotations

import numpy as np
import pytest

from daskscope.store.chunk import CHUNK_ROWS
from daskscope.store.schema import SUB_KINDS
from daskscope.store.writer import Store
from tests.builders import MS, SECOND, T0, Load, Source, Span


@pytest.mark.parametrize("n", [5_000, CHUNK_ROWS + 20_000])
@pytest.mark.parametrize("is_indexed", [True, False])
def test_what_is_held_of_some_lanes_at_some_times_is_found(n: int, is_indexed: bool) -> None:
    load, store = Load(n_workers=4, mean_ns=40 * MS), Store()
    store.apply(load.source.definitions())
    for _ in range(n // 1_000):
        store.apply(load.batch(1_000))
    while is_indexed and store._sealed.step():
        pass
    rng = np.random.default_rng(1)
    asked_lane = rng.choice((2, 3, 11), 40)
    reach = store.snapshot().last_ns - T0
    from_ns = T0 + rng.integers(0, reach, 40)
    to_ns = from_ns + rng.integers(1, reach // 300, 40)
    found = store._past.held(asked_lane, from_ns, to_ns)
    have = set(
        zip(found.lane.tolist(), found.start_ns.tolist(), found.end_ns.tolist(), strict=True)
    )
    assert len(have) == len(found)
    names = ("lane", "start_ns", "end_ns", "kind")
    columns = [
        np.concatenate([chunk.columns[name] for chunk in store.snapshot().chunks]).astype(np.int64)
        for name in names
    ]
    lane, start_ns, end_ns, kind = columns
    is_meant = np.isin(lane, asked_lane) & ~np.isin(kind, SUB_KINDS)
    at_all = set(zip(*(column[is_meant].tolist() for column in columns[:3]), strict=True))
    is_asked = (start_ns[:, None] < to_ns) & (end_ns[:, None] > from_ns)
    is_asked &= lane[:, None] == asked_lane
    is_meant &= is_asked.any(axis=1)
    asked = set(zip(*(column[is_meant].tolist() for column in columns[:3]), strict=True))
    assert asked <= have < at_all


def test_levels_of_a_lane_are_found_with_it() -> None:
    source, store = Source(), Store()
    worker = source.worker("w0")
    spans = source.spans([Span(at, SECOND, resource=worker) for at in range(4)])
    store.apply(source.definitions())
    store.apply(spans)
    found = store._past.held(np.array([0]), np.array([T0]), np.array([T0 + SECOND]))
    assert found.lane.tolist() == [0] * 4
    assert sorted(found.level.tolist()) == [0, 1, 2, 3]
    assert found.is_attempt.all()
