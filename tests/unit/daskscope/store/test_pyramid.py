"""Levels of detail: exact sums of short spans."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest

from daskscope.store.chunk import build_index
from daskscope.store.pyramid import Level, Pyramid, build_levels
from daskscope.store.schema import Kind
from daskscope.store.writer import Store
from tests.builders import SECOND, T0, Load, Span

if TYPE_CHECKING:
    from daskscope.store.chunk import Chunk


def pyramid_of(chunk: Chunk) -> Pyramid:
    *_, index = build_index(chunk.start_ns, chunk.end_ns, chunk.columns["status"])
    assert index is not None
    levels = build_levels(chunk.start_ns, chunk.end_ns, chunk.columns, index)
    return Pyramid(tuple(level for level in levels if level is not None))


@pytest.fixture(
    params=["even", "with one long span", "with one of decades ago", "many names"], scope="module"
)
def chunk(request: pytest.FixtureRequest) -> Chunk:
    n_prefixes = 3_000 if request.param == "many names" else 6
    load = Load(n_workers=2, n_threads=2, n_prefixes=n_prefixes)
    store = Store()
    others = {
        "with one long span": [Span(-3_600 * SECOND, SECOND, "prefix-0")],
        "with one of decades ago": [Span(5 - T0, 9 - T0, "prefix-0")],
    }
    other = load.source.spans(others.get(request.param, []))
    store.apply(load.source.definitions())
    store.apply(other)
    store.apply(load.batch(30_000))
    return store.snapshot().chunks[0]


def test_every_level_has_all_the_time_of_each_short_span(chunk: Chunk) -> None:
    pyramid = pyramid_of(chunk)
    lasted = np.maximum(chunk.end_ns - chunk.start_ns, 1)

    assert pyramid.levels
    for level in pyramid.levels:
        is_short = lasted < 2 << level.k
        assert level.busy_ns.sum(dtype=np.float64) == pytest.approx(
            lasted[is_short].sum(), rel=1e-5
        )


def test_time_lies_in_the_cells_where_it_was_spent(chunk: Chunk) -> None:
    lasted = np.maximum(chunk.end_ns - chunk.start_ns, 1)
    for level in pyramid_of(chunk).levels:
        for lane in np.unique(chunk.columns["lane"])[:2].tolist():
            mine = (chunk.columns["lane"] == lane) & (lasted < 2 << level.k)
            begins = np.unique(level.bucket[level.lane == lane].astype(np.int64))
            np.testing.assert_allclose(
                busy_in(level, lane, begins),
                expected(level, chunk.start_ns[mine], lasted[mine], begins),
                rtol=1e-3,
                atol=8,
            )


def busy_in(level: Level, lane: int, buckets: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    mine = level.lane == lane
    busy: npt.NDArray[np.float64] = np.zeros(len(buckets))
    at = np.searchsorted(buckets, level.bucket[mine])
    np.add.at(busy, at, level.busy_ns[mine].astype(np.float64))
    return busy


def expected(
    level: Level,
    start_ns: npt.NDArray[np.int64],
    lasted: npt.NDArray[np.int64],
    buckets: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    # Busy time before each edge, of which cells are differences.
    order = np.argsort(start_ns)
    start, length = start_ns[order] - T0, lasted[order]

    def before(edges: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        sums = [np.clip(edge - T0 - start, 0, length).sum() for edge in edges.tolist()]
        return np.array(sums, np.float64)

    left = level.origin_ns + (buckets << level.k)
    return before(left + (1 << level.k)) - before(left)


def test_names_kinds_and_failures_stay_apart(chunk: Chunk) -> None:
    level = pyramid_of(chunk).levels[0]
    lasted = np.maximum(chunk.end_ns - chunk.start_ns, 1)
    is_short = lasted < 2 << level.k

    def busy_ns(are_meant: npt.NDArray[np.bool_]) -> float:
        return float(level.busy_ns[are_meant].sum(dtype=np.float64))

    for kind in (Kind.COMPUTE, Kind.TRANSFER):
        of_kind = is_short & (chunk.columns["kind"] == kind)
        assert busy_ns(level.kind == kind) == pytest.approx(lasted[of_kind].sum(), rel=1e-5)
    is_erred = is_short & (chunk.columns["status"] == 2)
    assert busy_ns(level.is_erred) == pytest.approx(lasted[is_erred].sum(), rel=1e-5)
    is_transfer = chunk.columns["kind"] == Kind.TRANSFER
    names = np.where(is_transfer, chunk.columns["type"], chunk.columns["name"])
    for name in np.unique(names[is_short])[:20].tolist():
        of_name = is_short & (names == name)
        assert busy_ns(level.name == name) == pytest.approx(lasted[of_name].sum(), rel=1e-5)


def test_levels_shrink_and_are_ordered(chunk: Chunk) -> None:
    levels = pyramid_of(chunk).levels

    sizes = [len(level) for level in levels]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] <= len(chunk) / 4
    for level in levels:
        assert (np.diff(level.lane.astype(np.int64)) >= 0).all()


def test_the_level_for_a_zoom_is_the_coarsest_that_is_fine_enough(chunk: Chunk) -> None:
    pyramid = pyramid_of(chunk)

    assert pyramid.level(1) is None
    assert pyramid.level(1 << 61) is pyramid.levels[-1]
    for level in pyramid.levels:
        assert pyramid.level(1 << level.k) is level


@pytest.mark.parametrize("lasting_ns", [0, SECOND, 1 << 61])
def test_spans_that_all_begin_at_once_have_levels_or_are_few(lasting_ns: int) -> None:
    start_ns = np.full(500, T0, np.int64)
    columns = {name: np.zeros(500, np.uint8) for name in ("lane", "name", "kind", "type", "status")}
    *_, index = build_index(start_ns, start_ns + lasting_ns, columns["status"])
    assert index is not None
    levels = build_levels(start_ns, start_ns + lasting_ns, columns, index)

    for level in levels:
        if level is not None:
            busy_ns = 500 * max(lasting_ns, 1) if lasting_ns < 2 << level.k else 0
            assert level.busy_ns.sum() == pytest.approx(busy_ns)


def test_a_chunk_without_rows_has_no_levels() -> None:
    empty = np.empty(0, np.int64)
    *_, index = build_index(empty, empty, np.empty(0, np.uint8))
    assert index is not None

    assert list(build_levels(empty, empty, {}, index)) == []
