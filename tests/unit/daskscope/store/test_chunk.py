"""Finding the few spans of a chunk that a picture needs, sealed or open."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from daskscope.store.chunk import Chunk, build_index
from daskscope.store.writer import Store
from tests.builders import MS, SECOND, T0, Load, Source, Span


@pytest.fixture(params=["open", "sealed"])
def chunk(request: pytest.FixtureRequest) -> Chunk:
    load = Load(n_workers=3)
    store = Store()
    long = load.source.spans([Span(-60 * SECOND, 20 * SECOND), Span(0, 0), Span(SECOND, SECOND)])
    batch = load.batch(5_000)
    store.apply(load.source.definitions())
    store.apply(long)
    store.apply(batch)
    (chunk,) = store.snapshot().chunks
    if request.param == "sealed":
        *steps, index = build_index(chunk.start_ns, chunk.end_ns, chunk.columns["status"])
        assert steps == [None, None]
        chunk = replace(chunk, index=index)
    return chunk


WINDOWS = [(0, SECOND), (SECOND, SECOND + 5 * MS), (-10 * SECOND, 0), (19 * SECOND, 10**12)]


@pytest.mark.parametrize(("start", "end"), WINDOWS)
@pytest.mark.parametrize("least_ns", [0, 5 * MS, 3 * SECOND])
def test_lasting_spans_are_those_that_a_full_search_finds(
    chunk: Chunk, start: int, end: int, least_ns: int
) -> None:
    from_ns, to_ns = T0 + start, T0 + end
    lasted = chunk.end_ns - chunk.start_ns
    expected = (chunk.start_ns < to_ns) & (chunk.end_ns >= from_ns) & (lasted >= least_ns)

    found = chunk.lasting(least_ns, from_ns, to_ns)

    assert sorted(found.tolist()) == np.flatnonzero(expected).tolist()


@pytest.mark.parametrize(("start", "end"), WINDOWS)
def test_starting_and_begun_spans_are_those_that_overlap(
    chunk: Chunk, start: int, end: int
) -> None:
    from_ns, to_ns = T0 + start, T0 + end
    starting = chunk.starting(from_ns, to_ns).tolist()
    begun = chunk.begun(from_ns).tolist()
    is_in = (chunk.start_ns >= from_ns) & (chunk.start_ns < to_ns)

    assert sorted(starting) == np.flatnonzero(is_in).tolist()
    reaches_in = (chunk.start_ns < from_ns) & (chunk.end_ns > from_ns)
    assert sorted(begun) == np.flatnonzero(reaches_in).tolist()
    assert sorted(chunk.touching(from_ns, to_ns)) == np.flatnonzero(is_in | reaches_in).tolist()


@pytest.mark.parametrize(("start", "end"), [*WINDOWS, (-(10**12), 10**12), (10**12, 10**13)])
def test_overlapping_spans_are_counted(chunk: Chunk, start: int, end: int) -> None:
    from_ns, to_ns = T0 + start, T0 + end
    expected = (chunk.start_ns < to_ns) & (chunk.end_ns >= from_ns)

    assert chunk.n_overlapping(from_ns, to_ns) == int(expected.sum())


def test_erred_spans_are_found(chunk: Chunk) -> None:
    assert chunk.erred.tolist() == np.flatnonzero(chunk.columns["status"] == 2).tolist()
    assert len(chunk.erred) > 0


def test_bounds_are_those_of_the_rows(chunk: Chunk) -> None:
    assert chunk.t_min == chunk.start_ns.min()
    assert chunk.t_max == chunk.end_ns.max()
    assert chunk.last_start_ns == chunk.start_ns.max()


def test_keys_survive_many_batches() -> None:
    source = Source()
    source.worker("w0")
    keys = [f"ключ-{n}" * (n % 7) + "\ud800" * (n == 3) for n in range(500)]
    parts = [keys[n : n + 9] for n in range(0, 500, 9)]
    batches = [source.spans([Span(0, 1, key=key) for key in part]) for part in parts]
    store = Store()
    store.apply(source.definitions())
    for batch in batches:
        store.apply(batch)
    (chunk,) = store.snapshot().chunks

    held = [chunk.keys[i] for i in range(len(chunk))]
    assert held == [key.replace("\ud800", "?") for key in keys]
