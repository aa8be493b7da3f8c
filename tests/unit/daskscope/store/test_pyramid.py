"""Levels of detail: exact sums of short spans."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest

from daskscope.store.pyramid import Level, Pyramid, build_levels
from daskscope.store.schema import Kind
from daskscope.store.writer import Store
from tests.builders import SECOND, T0, Load, Span

if TYPE_CHECKING:
    from daskscope.store.chunk import Chunk


def pyramid_of(chunk: Chunk) -> Pyramid:
    levels = build_levels(chunk.start_ns, chunk.end_ns, chunk.columns)
    return Pyramid(tuple(level for level in levels if level is not None))


@pytest.fixture(params=["even", "with one long span", "many names"], scope="module")
def chunk(request: pytest.FixtureRequest) -> Chunk:
    n_prefixes = 3_000 if request.param == "many names" else 6
    load = Load(n_workers=2, n_threads=2, n_prefixes=n_prefixes)
    store = Store()
    if request.param == "with one long span":
        long = load.source.spans([Span(-3_600 * SECOND, SECOND, "prefix-0")])
        store.apply(load.source.definitions())
        store.apply(long)
    store.apply(load.source.definitions())
    store.apply(load.batch(30_000))
    return store.snapshot().chunks[0]


def test_every_level_counts_each_short_span_once_and_all_its_time(chunk: Chunk) -> None:
    pyramid = pyramid_of(chunk)
    lasted = np.maximum(chunk.end_ns - chunk.start_ns, 1)

    assert pyramid.levels
    for level in pyramid.levels:
        is_short = lasted < 2 << level.k
        assert level.n_spans.sum() == is_short.sum()
        assert level.busy_ns.sum(dtype=np.float64) == pytest.approx(
            lasted[is_short].sum(), rel=1e-5
        )


def test_time_lies_in_the_cells_where_it_was_spent(chunk: Chunk) -> None:
    lasted = np.maximum(chunk.end_ns - chunk.start_ns, 1)
    for level in pyramid_of(chunk).levels:
        for lane in np.unique(chunk.columns["lane"])[:2].tolist():
            mine = (chunk.columns["lane"] == lane) & (lasted < 2 << level.k)
            np.testing.assert_allclose(
                cells(level, lane),
                expected(level, chunk.start_ns[mine], lasted[mine], len(cells(level, lane))),
                rtol=1e-3,
                atol=8,
            )


def cells(level: Level, lane: int) -> npt.NDArray[np.float64]:
    mine = level.lane == lane
    n = int(level.bucket.max()) + 1
    busy: npt.NDArray[np.float64] = np.zeros(n)
    np.add.at(busy, level.bucket[mine], level.busy_ns[mine].astype(np.float64))
    return busy


def expected(
    level: Level, start_ns: npt.NDArray[np.int64], lasted: npt.NDArray[np.int64], n: int
) -> npt.NDArray[np.float64]:
    edges = level.origin_ns + (np.arange(n + 1, dtype=np.int64) << level.k)
    # Busy time before each edge, of which cells are differences.
    order = np.argsort(start_ns)
    start, length = start_ns[order] - T0, lasted[order]
    before = [np.clip(edge - T0 - start, 0, length).sum() for edge in edges.tolist()]
    return np.diff(np.array(before, np.float64))


def test_names_kinds_and_failures_stay_apart(chunk: Chunk) -> None:
    level = pyramid_of(chunk).levels[0]
    is_short = chunk.end_ns - chunk.start_ns < 2 << level.k
    for kind in (Kind.COMPUTE, Kind.TRANSFER):
        of_kind = is_short & (chunk.columns["kind"] == kind)
        assert level.n_spans[level.kind == kind].sum() == of_kind.sum()
    is_erred = is_short & (chunk.columns["status"] == 2)
    assert level.n_spans[level.is_erred].sum() == is_erred.sum()
    names, counts = np.unique(chunk.columns["name"][is_short], return_counts=True)
    for name, count in zip(names[:20].tolist(), counts.tolist(), strict=False):
        assert level.n_spans[level.name == name].sum() == count


def test_levels_shrink_and_are_ordered(chunk: Chunk) -> None:
    levels = pyramid_of(chunk).levels

    sizes = [len(level) for level in levels]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] <= len(chunk) / 4
    for level in levels:
        place = level.lane.astype(np.int64) << 32 | level.bucket
        assert (np.diff(place) >= 0).all()


def test_the_level_for_a_zoom_is_the_coarsest_that_is_fine_enough(chunk: Chunk) -> None:
    pyramid = pyramid_of(chunk)

    assert pyramid.level(1) is None
    assert pyramid.level(1 << 61) is pyramid.levels[-1]
    for level in pyramid.levels:
        assert pyramid.level(1 << level.k) is level


def test_a_chunk_without_rows_has_no_levels() -> None:
    empty = np.empty(0, np.int64)

    assert list(build_levels(empty, empty, {})) == []
