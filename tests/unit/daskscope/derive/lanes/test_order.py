"""Which rows there are, in which order, and how high."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from daskscope.derive.lanelayout import RowKind
from daskscope.derive.lanes import FOLDED_PITCH_PX, LEAST_BLOCK_PX, LaneLayouts, lane_layout
from daskscope.derive.quantity import THIN
from daskscope.predicate import Filter
from daskscope.session import Grouping, LaneSort, Session
from daskscope.store.schema import Kind
from daskscope.store.writer import Store
from daskscope.theme import COMFORTABLE, COMPACT, NORMAL
from tests.builders import SECOND, Load, Source, Span, snapshot_of
from tests.layouts import HEIGHT, cluster, plain, titles


def test_hosts_and_workers_are_in_natural_order() -> None:
    source = Source()
    for host, name, port in (("node-10", "w2", 1), ("node-2", "w10", 2), ("node-2", "w9", 3)):
        source.worker(name, host, port, 1)
    layout = lane_layout(snapshot_of(source), Session(), HEIGHT)

    assert titles(layout, RowKind.HOST) == ["node-2", "node-10"]
    assert [worker.name for worker in layout.workers] == ["w9", "w10", "w2"]
    assert [worker.address for worker in layout.workers] == [":3", ":2", ":1"]
    assert (layout.n_hosts, layout.n_workers, layout.n_lanes) == (2, 3, 3)


@pytest.mark.parametrize("grouping", list(Grouping))
@pytest.mark.parametrize("names", [("w3",), ("w1", "w2", "w12"), ("none",)])
def test_workers_that_are_filtered_out_have_no_rows(
    grouping: Grouping, names: tuple[str, ...]
) -> None:
    snapshot = cluster(20, 2, per_host=2)
    session = Session(
        grouping=grouping,
        collapsed_hosts=frozenset({"node-6"}),
        filter=Filter(workers=frozenset(names)),
    )
    layout = lane_layout(snapshot, session, HEIGHT)
    shown = {
        f"w{snapshot.lanes[lane].resource}" for lane in np.flatnonzero(layout.row_of_lane >= 0)
    }

    assert shown <= set(names)
    if grouping is not Grouping.HOST:
        assert [worker.name for worker in layout.workers] == [n for n in names if n != "none"]
    else:
        hosts = {f"node-{int(name[1:]) // 2}" for name in names if name != "none"}
        assert set(titles(layout, RowKind.HOST)) == hosts


def test_rows_follow_each_other_without_overlap() -> None:
    layout = lane_layout(cluster(5, 3, per_host=2), Session(), HEIGHT)
    bottom = 0
    for row in layout.rows:
        assert row.y_px >= bottom
        bottom = row.y_px + row.height_px
    assert layout.height_px >= bottom
    for block in layout.workers:
        assert block.height_px == 3 * layout.pitch_px


def test_threads_that_have_done_nothing_yet_have_lanes() -> None:
    source = Source()
    worker = source.worker("w0", nthreads=4)
    snapshot = snapshot_of(source, [Span(0, 1, resource=worker, thread=77)])
    layout = lane_layout(snapshot, Session(), HEIGHT)

    lanes = [row for row in layout.rows if row.kind is RowKind.LANE]
    assert [row.thread for row in lanes] == [1, 2, 3, 4]
    assert [row.lanes for row in lanes] == [(0,), (), (), ()]
    assert layout.rows[layout.row_of_lane[0]] is lanes[0]


@pytest.mark.parametrize("n_workers", [1, 8, 25, 64, 100, 400, 1_000, 4_000])
def test_clusters_of_any_size_are_readable(n_workers: int) -> None:
    layout = lane_layout(cluster(n_workers, 4), Session(), HEIGHT)
    n_threads = sum(row.n_threads for row in layout.rows if row.kind is not RowKind.HOST)

    assert n_threads == 4 * n_workers
    assert layout.pitch_px in (28, 22, 18, 12, 8, 6, FOLDED_PITCH_PX)
    for block in layout.workers:
        assert block.height_px >= LEAST_BLOCK_PX
    if n_workers <= 8:
        assert layout.pitch_px >= NORMAL.pitch_px
    if n_workers >= 4_000:
        assert {row.kind for row in layout.rows} == {RowKind.HOST, RowKind.DENSITY}


def test_larger_clusters_have_lower_lanes_and_never_higher_ones() -> None:
    sizes = (1, 8, 25, 64, 100, 400, 1_000, 4_000)
    pitches = [lane_layout(cluster(n, 4), Session(), HEIGHT).pitch_px for n in sizes]

    assert pitches == sorted(pitches, reverse=True)


def test_a_chosen_density_is_kept_while_there_is_room() -> None:
    layout = lane_layout(cluster(4, 4), Session(density=COMPACT), HEIGHT)

    assert layout.pitch_px == COMPACT.pitch_px


@pytest.mark.parametrize("n_workers", [1, 64, 150])
def test_who_asks_for_high_lanes_has_them_however_many_there_are(n_workers: int) -> None:
    snapshot = cluster(n_workers, 4)
    layout = lane_layout(snapshot, Session(density=COMFORTABLE), HEIGHT)

    assert layout.pitch_px == COMFORTABLE.pitch_px
    assert sum(row.kind is RowKind.LANE for row in layout.rows) == 4 * n_workers
    if n_workers == 150:
        assert lane_layout(snapshot, Session(), HEIGHT).pitch_px == 6


def test_a_folded_host_of_many_workers_says_how_many() -> None:
    session = Session(collapsed_hosts=frozenset({"node-0"}))
    layout = lane_layout(cluster(4, 2), session, HEIGHT)
    density = next(row for row in layout.rows if row.kind is RowKind.DENSITY)
    assert density.title == f"4{THIN}workers"


def test_a_folded_host_is_one_row() -> None:
    source = Source()
    workers = [source.worker(f"w{n}", "node-03", 40_101 + n, 2) for n in (5, 4)]
    source.worker("w0", "node-01", 1, 1)
    spans = [Span(0, 1, resource=worker, thread=thread) for worker in workers for thread in (1, 2)]
    snapshot = snapshot_of(source, spans)
    session = Session(collapsed_hosts=frozenset({"node-03"}))
    layout = lane_layout(snapshot, session, HEIGHT)

    density = next(row for row in layout.rows if row.kind is RowKind.DENSITY)
    assert (density.title, density.n_threads) == ("w4, w5", 4)
    assert sorted(density.lanes) == [0, 1, 2, 3]
    assert [worker.name for worker in layout.workers] == ["w0"]
    assert [row.is_folded for row in layout.rows if row.kind is RowKind.HOST] == [False, True]
    assert {layout.rows[row].kind for row in layout.row_of_lane} == {RowKind.DENSITY}


def test_a_host_tells_how_busy_it_is() -> None:
    source = Source()
    worker = source.worker("w0", nthreads=2)
    source.worker("w1", port=40_102, nthreads=2)
    end = 100 * SECOND
    spans = [
        Span(0, end, resource=worker, thread=1),
        Span(end - SECOND, end, resource=worker, thread=2),
        Span(0, end, "transfer", worker, 2, Kind.TRANSFER),
    ]
    layout = lane_layout(snapshot_of(source, spans), Session(), HEIGHT)

    # One and a half of four threads over the last two seconds.
    assert plain(layout.rows[0].detail) == "2 workers · 4 threads · 38 % busy"


def test_an_order_that_is_kept_is_that_of_who_is_there_and_what_was_chosen() -> None:
    """Lanes that come order nobody anew; who comes does, and so does each gesture."""
    load, store, layouts = Load(n_workers=10, n_threads=1), Store(), LaneLayouts()
    store.apply(load.source.definitions())
    for n in range(10):
        # Later ones are busier.
        span = Span(0, (n + 1) * SECOND, "prefix-0", n, 1_000 + n)
        store.apply(load.source.spans([span]))
    _, key, *_ = (block.key for block in layouts.of(store.snapshot(), Session(), HEIGHT).workers)
    chosen: list[dict[str, Any]] = [
        {},
        {"grouping": Grouping.WORKER},
        {},
        {"pinned": frozenset({key})},
        {},
        {"turned_workers": frozenset({key})},
        {},
        {"filter": Filter(workers=frozenset({"w1", "w3"}))},
        {},
        {"lane_sort": LaneSort.ERRORS},
        {"lane_sort": LaneSort.BUSY},
        {"lane_sort": LaneSort.BUSY, "grouping": Grouping.WORKER},
        {},
        {},
    ]
    seen = []
    for number, fields in enumerate(chosen):
        beside = Span(0, SECOND, "prefix-0", 0, 7 + number, Kind.DISK_READ)
        store.apply(load.source.spans([beside]))
        if number == len(chosen) - 1:
            load.source.worker("w-late", "node-00", 41_000)
            store.apply(load.source.definitions())
        snapshot, session = store.snapshot(), replace(Session(), **fields)
        kept, fresh = layouts.of(snapshot, session, HEIGHT), lane_layout(snapshot, session, HEIGHT)
        assert list(kept.rows) == list(fresh.rows)
        assert list(kept.workers) == list(fresh.workers)
        np.testing.assert_array_equal(kept.row_of_lane, fresh.row_of_lane)
        seen.append([row.lanes or row.title for row in kept.rows])
    assert all(one != next_one for one, next_one in pairwise(seen))
