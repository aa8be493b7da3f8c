"""What a task waited for is hidden with it, row by row and in cells of a pyramid alike."""

from __future__ import annotations

import numpy as np
import pytest

from daskscope.derive.sieve import Sieves
from daskscope.predicate import Filter
from daskscope.store.chunk import CHUNK_ROWS
from daskscope.store.schema import Kind
from daskscope.store.writer import Store
from tests.builders import Load


@pytest.fixture(scope="module")
def store() -> Store:
    load, made = Load(n_workers=2, n_threads=2, n_prefixes=6), Store()
    made.apply(load.source.definitions())
    made.apply(load.batch(CHUNK_ROWS + 10))
    for _ in range(100):
        made.go_on()
    return made


@pytest.mark.parametrize("hidden", [{"prefix-0"}, {"prefix-1", "prefix-4"}])
def test_transfers_go_with_the_tasks_that_waited_for_them(store: Store, hidden: set[str]) -> None:
    snapshot = store.snapshot()
    chunk, meant = snapshot.chunks[0], Sieves(Filter(frozenset(hidden))).of(snapshot)
    columns = chunk.columns
    is_transfer = columns["kind"] == Kind.TRANSFER.value
    of_task = np.where(is_transfer, columns["type"], columns["name"])
    ids = [i for i, text in enumerate(snapshot.strings) if text in hidden]
    expected = ~np.isin(of_task, ids)

    assert meant.rows(chunk, slice(0, len(chunk))).tolist() == expected.tolist()
    assert 0 < expected[is_transfer].sum() < is_transfer.sum()
    assert chunk.pyramid is not None
    level = chunk.pyramid.levels[0]
    is_short = chunk.end_ns - chunk.start_ns < 2 << level.k
    for kind in (Kind.COMPUTE, Kind.TRANSFER):
        cells = meant.cells(level) & (level.kind == kind.value)
        rows = expected & is_short & (columns["kind"] == kind.value)
        lasting_ns = (chunk.end_ns - chunk.start_ns)[rows].sum()
        assert level.busy_ns[cells].sum(dtype=np.float64) == pytest.approx(lasting_ns, rel=1e-5)


def test_what_nobody_is_known_to_have_waited_for_stays(store: Store) -> None:
    snapshot = store.snapshot()
    chunk = snapshot.chunks[0]
    meant = Sieves(Filter(frozenset(snapshot.strings[i] for i in snapshot.prefixes))).of(snapshot)
    unknown = (chunk.columns["kind"] == Kind.TRANSFER.value) & (chunk.columns["type"] == 0)

    assert unknown.any()
    assert meant.rows(chunk, slice(0, len(chunk))).tolist() == unknown.tolist()
