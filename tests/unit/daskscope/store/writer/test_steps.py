"""Work on full chunks, in steps and where there is time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from daskscope.store.chunk import CHUNK_ROWS
from daskscope.store.filling import AHEAD_ROWS
from daskscope.store.sealing import GRACE_ROWS, ROWS_A_STEP, SealedChunks
from daskscope.store.writer import Store
from tests.builders import Load

if TYPE_CHECKING:
    import pytest


def test_the_work_on_full_chunks_is_done_in_steps_and_when_idle_as_well() -> None:
    load = Load(n_workers=2, n_threads=2)
    store = Store()
    store.apply(load.source.definitions())
    store.apply(load.batch(65_000))
    store.apply(load.batch(1_000))
    full, _ = store.snapshot().chunks
    assert full.index is None

    generation = store.snapshot().generation
    n_steps = 0
    while full.pyramid is None:
        store.go_on()
        n_steps += 1
        full = store.snapshot().chunks[0]
    assert full.index is not None
    assert n_steps > 10
    assert store.snapshot().generation == generation
    known = store.snapshot()
    store.go_on()
    assert store.snapshot() is known


def test_steps_are_done_between_batches_where_there_is_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load = Load(n_workers=2, n_threads=2)
    store = Store()
    store.apply(load.source.definitions())
    for n in (CHUNK_ROWS - 1, 1, GRACE_ROWS - 1):
        store.apply(load.batch(n))
    steps: list[str] = []
    step = SealedChunks._step
    during = ""

    def counted(sealed: SealedChunks) -> bool:
        steps.append(during)
        return step(sealed)

    monkeypatch.setattr(SealedChunks, "_step", counted)
    for _ in range(15):
        during = "a batch"
        store.apply(load.batch(ROWS_A_STEP))
        during = "no batch"
        store.go_on(has_time=False)
        store.go_on(has_time=False)
    assert steps == 15 * ["no batch"]


def test_a_step_that_is_done_when_there_is_time_is_due_no_more() -> None:
    load = Load(n_workers=2, n_threads=2)
    store = Store()
    store.apply(load.source.definitions())
    are_due = []
    for n in (CHUNK_ROWS - 1, 1, GRACE_ROWS + ROWS_A_STEP - 2, 1):
        store.apply(load.batch(n))
        are_due.append(store.has_due)
    assert are_due == [False, False, False, True]
    store.go_on()
    are_due = [store.has_due]
    store.go_on()  # one that was not due yet
    store.apply(load.batch(ROWS_A_STEP))
    assert [*are_due, store.has_due] == [False, True]


def test_memory_that_is_kept_ready_is_not_seen() -> None:
    load = Load(n_workers=2, n_threads=2)
    store, eager = Store(), Store()
    definitions = load.source.definitions()
    for one in (store, eager):
        one.apply(definitions)
    for _ in range(80):
        batch = load.batch(1_000)
        for one in (store, eager):
            one.apply(batch)
        for _ in range(30):
            eager.go_on()
    for chunk, same in zip(store.snapshot().chunks, eager.snapshot().chunks, strict=True):
        assert np.array_equal(chunk.keys.ends, same.keys.ends)
        assert np.array_equal(chunk.keys.data, same.keys.data)
        for name, column in chunk.columns.items():
            assert np.array_equal(column, same.columns[name])


def test_full_chunks_are_done_before_as_many_more_are_full() -> None:
    load = Load(n_workers=2, n_threads=2)
    store = Store()
    store.apply(load.source.definitions())
    for _ in range(200):
        store.apply(load.batch(2_048))
    sealed = store._sealed
    assert sealed.nbytes == sum(chunk.nbytes for chunk in sealed.chunks)  # indexes and all
    *done, _, _ = store.snapshot().chunks
    assert len(done) > 3
    assert all(chunk.pyramid is not None for chunk in done)


def test_a_chunk_that_is_nearly_full_has_the_memory_of_the_next_one_made_ready() -> None:
    load = Load(n_workers=2, n_threads=2)
    store = Store()
    store.apply(load.source.definitions())
    store.apply(load.batch(CHUNK_ROWS - AHEAD_ROWS - 1))
    store.go_on()
    assert store._next._n_given == 0
    store.apply(load.batch(1))
    for _ in range(4):
        store.go_on()
    ready = store._next
    assert ready._n_given == AHEAD_ROWS
    store.apply(load.batch(AHEAD_ROWS + 1))
    assert store._filling is ready
    assert [(chunk.number, len(chunk)) for chunk in store.snapshot().chunks] == [
        (0, CHUNK_ROWS),
        (1, 1),
    ]
    store.go_on()  # also while an index is to be made
    assert ready._n_given > AHEAD_ROWS
