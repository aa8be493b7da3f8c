"""The layout of the task stream."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dask_otel import conventions
from daskscope.derive.lanelayout import LaneLayout, RowKind
from daskscope.derive.lanes import FOLDED_PITCH_PX, LEAST_BLOCK_PX, lane_layout
from daskscope.derive.quantity import THIN
from daskscope.derive.taskstream import TaskStream
from daskscope.predicate import Filter
from daskscope.session import Grouping, Session, viewport
from daskscope.store.schema import Kind, Outcome
from daskscope.store.snapshot import LaneKind
from daskscope.store.writer import Store
from daskscope.theme import COMPACT, NORMAL
from tests.builders import MS, SECOND, T0, Source, Span, points

if TYPE_CHECKING:
    from daskscope.store.snapshot import Snapshot

HEIGHT = 700


def plain(text: str) -> str:
    return text.replace(THIN, " ")


def snapshot_of(source: Source, spans: list[Span] | None = None) -> Snapshot:
    store = Store()
    batch = source.spans(spans or [])
    store.apply(source.definitions())
    store.apply(batch)
    return store.snapshot()


def cluster(n_workers: int, n_threads: int, per_host: int = 8) -> Snapshot:
    source = Source()
    for n in range(n_workers):
        source.worker(f"w{n}", f"node-{n // per_host}", 40_000 + n, n_threads)
    return snapshot_of(source)


def titles(layout: LaneLayout, kind: RowKind) -> list[str]:
    return [row.title for row in layout.rows if row.kind is kind]


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


def test_a_restarted_worker_keeps_its_rows() -> None:
    source = Source()
    old = source.worker("w3", port=40_101, nthreads=2)
    spans = [Span(0, SECOND, resource=old, thread=thread) for thread in (1, 2)]
    new = source.worker("w3", port=40_999, nthreads=2)
    spans += [Span(3 * SECOND, 4 * SECOND, resource=new, thread=thread) for thread in (8, 9)]
    layout = lane_layout(snapshot_of(source, spans), Session(), HEIGHT)

    lanes = [row.lanes for row in layout.rows if row.kind is RowKind.LANE]
    assert lanes == [(0, 2), (1, 3)]
    assert [worker.address for worker in layout.workers] == [":40999"]


def test_two_workers_of_one_name_at_the_same_time_are_two() -> None:
    source = Source()
    workers = [source.worker("w3", port=port, nthreads=1) for port in (1, 2)]
    spans = [Span(0, SECOND, resource=worker, thread=5) for worker in workers]
    layout = lane_layout(snapshot_of(source, spans), Session(), HEIGHT)

    assert len(layout.workers) == 2


def test_a_worker_that_is_gone_says_when() -> None:
    source = Source()
    worker = source.worker("w0", port=40_101, nthreads=1)
    store = Store()
    batch = source.spans([Span(0, SECOND, resource=worker)])
    event = source.event(
        conventions.EVENT_WORKER_REMOVED, 5, dask_worker_address="tcp://10.0.4.11:40101"
    )
    store.apply(source.definitions())
    store.apply(batch)
    store.apply(event)
    layout = lane_layout(store.snapshot(), Session(), HEIGHT)

    assert [block.gone_ns for block in layout.workers] == list(store.snapshot().removed_ns.values())
    assert layout.rows[0].detail == "gone"


def test_a_worker_that_is_back_was_away_from_its_removal_to_its_first_span() -> None:
    source, store = Source(), Store()
    old = source.worker("w3", port=40_101, nthreads=1)
    before = source.spans([Span(0, SECOND, resource=old)])
    address = "tcp://10.0.4.11:40101"
    event = source.event(conventions.EVENT_WORKER_REMOVED, 2 * SECOND, dask_worker_address=address)
    new = source.worker("w3", port=40_999, nthreads=1)
    store.apply(source.definitions())
    store.apply(before)
    store.apply(event)

    (block,) = lane_layout(store.snapshot(), Session(), HEIGHT).workers
    removed_ns = store.snapshot().removed_ns[address]
    assert block.gaps_ns == ((removed_ns, 0),)

    store.apply(source.spans([Span(5 * SECOND, 6 * SECOND, resource=new)]))
    (block,) = lane_layout(store.snapshot(), Session(), HEIGHT).workers
    assert block.gaps_ns == ((removed_ns, T0 + 5 * SECOND),)
    assert not block.gone_ns


def test_a_thread_beyond_the_pool_takes_a_row_that_is_over() -> None:
    source = Source()
    worker = source.worker("w0", nthreads=2)
    spans = [
        Span(0, SECOND, resource=worker, thread=1),
        Span(0, 9 * SECOND, resource=worker, thread=2),
        Span(2 * SECOND, 3 * SECOND, resource=worker, thread=3),
        Span(2 * SECOND, 3 * SECOND, resource=worker, thread=4),
    ]
    layout = lane_layout(snapshot_of(source, spans), Session(), HEIGHT)

    lanes = [row.lanes for row in layout.rows if row.kind is RowKind.LANE]
    assert lanes == [(0, 2), (1,), (3,)]


def test_other_services_form_groups_of_their_own() -> None:
    source = Source()
    source.worker("w0", "zebra", nthreads=1)
    shop = source.resource({"service.name": "shop", "host.name": "web-1"})
    source.resource({"service.name": conventions.SERVICE_SCHEDULER, "host.name": "web-1"})
    spans = [Span(0, SECOND, "GET", shop, 0, Kind.OTHER), Span(0, 5, "GET", shop, 0, Kind.OTHER)]
    layout = lane_layout(snapshot_of(source, spans), Session(), HEIGHT)

    assert titles(layout, RowKind.HOST) == ["zebra", "service: shop"]
    assert plain(layout.rows[-3].detail) == "2 lanes"
    assert [worker.name for worker in layout.workers] == ["w0", "shop"]


def test_memory_is_shown_beside_the_worker() -> None:
    source = Source()
    worker = source.worker("w0")
    gib = 1024**3
    series = [
        source.metric(conventions.WORKER_MEMORY, worker, dask_memory_type=kind)
        for kind in (conventions.MEMORY_MANAGED, conventions.MEMORY_SPILLED)
    ]
    series.append(source.metric(conventions.WORKER_LIMIT, worker))
    store = Store()
    store.apply(source.definitions())
    values = (3 * gib, 2 * gib, 4 * gib)
    store.apply(points([(one, 0, value) for one, value in zip(series, values, strict=True)]))
    (block,) = lane_layout(store.snapshot(), Session(), HEIGHT).workers

    assert block.memory == (0.75, 0.0, 0.0, 0.5)
    assert plain(block.memory_text) == "3.0 GiB"
    assert block.alarm == 1


def test_names_of_any_shape_are_kept() -> None:
    source = Source()
    name = "<b>ключ</b>\n" * 50
    source.worker(name, "host<i>", nthreads=1)
    layout = lane_layout(snapshot_of(source), replace(Session(), density=NORMAL), HEIGHT)

    assert layout.workers[0].name == name
    assert layout.rows[0].title == "host<i>"


def lane_rows(layout: LaneLayout) -> list[tuple[int, str, int]]:
    """Thread, caption and number of lanes of each lane's row."""
    return [
        (row.thread, row.caption, len(row.lanes)) for row in layout.rows if row.kind is RowKind.LANE
    ]


def test_what_the_event_loop_moves_takes_no_row() -> None:
    source = Source()
    worker = source.worker("w0", nthreads=2)
    spans = [
        Span(0, 1, "disk-write", worker, 99, Kind.DISK_WRITE),
        Span(0, 1, "transfer", worker, 0, Kind.TRANSFER),
        Span(0, 9, "inc", worker, 11),
        Span(0, 9, "inc", worker, 12),
    ]
    snapshot = snapshot_of(source, spans)
    layout = lane_layout(snapshot, Session(), HEIGHT)

    assert lane_rows(layout) == [(1, "", 3), (2, "", 1)]
    assert layout.n_lanes == 2
    assert layout.row_of_lane.tolist().count(1) == 3


def test_the_event_loop_of_an_idle_worker_has_its_first_row() -> None:
    source = Source()
    worker = source.worker("w0", nthreads=0)
    snapshot = snapshot_of(source, [Span(0, 1, "disk-write", worker, 99, Kind.DISK_WRITE)])

    assert lane_rows(lane_layout(snapshot, Session(), HEIGHT)) == [(1, "", 1)]


def lost(source: Source, spans: list[Span], running: list[tuple[str, int, int, int]]) -> Snapshot:
    """What is known when the worker of resource 0 was lost at 10 s."""
    store = Store()
    word = source.running(0, 9 * SECOND, running)
    removed = source.event(
        conventions.EVENT_WORKER_REMOVED, 10 * SECOND, dask_worker_address="tcp://10.0.4.11:40101"
    )
    batch = source.spans(spans)
    for message in (source.definitions(), word, removed, batch):
        store.apply(message)
    return store.snapshot()


def test_what_may_never_have_begun_has_a_row_below_the_threads() -> None:
    source = Source()
    worker = source.worker("w0", nthreads=2)
    spans = [
        Span(0, 9 * SECOND, "inc", worker, 11),
        Span(SECOND, 10 * SECOND, "inc", worker, 0, run_id=1, outcome=Outcome.LOST_WAITING),
        *(
            Span(n, 10 * SECOND, "inc", worker, 0, run_id=50 + n, outcome=Outcome.LOST_WAITING)
            for n in range(20)
        ),
    ]
    snapshot = lost(source, spans, [("inc", SECOND, 1, 12)])
    layout = lane_layout(snapshot, Session(), HEIGHT)

    assert lane_rows(layout) == [(1, "", 1), (2, "", 1), (0, "lost", 1)]
    (block,) = layout.workers
    assert block.height_px == 3 * layout.pitch_px
    assert layout.n_lanes == 2


def test_lost_attempts_of_unknown_threads_take_rows_on_which_nothing_happens() -> None:
    source = Source()
    worker = source.worker("w0", nthreads=2)
    spans = [
        Span(0, 5 * SECOND, "inc", worker, 11),
        Span(6 * SECOND, 10 * SECOND, "inc", worker, 0, run_id=1, outcome=Outcome.LOST),
        Span(7 * SECOND, 10 * SECOND, "inc", worker, 0, run_id=2, outcome=Outcome.LOST),
        Span(8 * SECOND, 10 * SECOND, "inc", worker, 0, run_id=3, outcome=Outcome.LOST),
    ]
    layout = lane_layout(lost(source, spans, []), Session(), HEIGHT)

    assert lane_rows(layout) == [(1, "", 2), (2, "", 1), (0, "lost", 1)]


def test_what_waited_is_no_time_of_a_folded_worker() -> None:
    source = Source()
    worker = source.worker("w0", nthreads=2)
    spans = [
        Span(0, SECOND, "inc", worker, 11),
        Span(0, 10 * SECOND, "inc", worker, 0, outcome=Outcome.LOST_WAITING),
    ]
    snapshot = lost(source, spans, [])
    layout = lane_layout(snapshot, Session(collapsed_hosts=frozenset({"node-01"})), HEIGHT)
    (row,) = [row for row in layout.rows if row.kind is RowKind.DENSITY]

    assert [snapshot.lanes[lane].kind for lane in row.lanes] == [LaneKind.THREAD]
    assert row.n_threads == 2


def test_a_worker_known_from_others_is_the_one_that_tells_its_name() -> None:
    source = Source()
    told = source.resource(
        {
            conventions.SERVICE_NAME: conventions.SERVICE_WORKER,
            conventions.WORKER_ADDRESS: "tcp://10.0.4.11:40101",
        }
    )
    own = source.worker("w0", nthreads=1)
    spans = [Span(0, 1, resource=told, thread=11), Span(2, 3, resource=own, thread=11)]
    layout = lane_layout(snapshot_of(source, spans), Session(), HEIGHT)

    assert [worker.name for worker in layout.workers] == ["w0"]
    assert titles(layout, RowKind.HOST) == ["node-01"]
    assert lane_rows(layout) == [(1, "", 2)]


def test_a_paused_worker_alarms() -> None:
    source = Source()
    worker = source.worker("w0")
    series = source.metric(conventions.WORKER_STATUS, worker, dask_worker_state="paused")
    definitions = source.definitions()
    for value, alarmed in ((1.0, 2), (0.0, 0)):
        store = Store()
        store.apply(definitions)
        store.apply(points([(series, SECOND, value)]))
        (block,) = lane_layout(store.snapshot(), Session(), HEIGHT).workers
        assert block.alarm == alarmed


def test_what_overlaps_in_a_thread_has_rows_below_it() -> None:
    source = Source()
    worker = source.worker("w0", nthreads=2)
    spans = [
        Span(0, SECOND, "inc", worker, 11),
        Span(1, SECOND - 1, "inc", worker, 11),
        Span(0, 9, "inc", worker, 12),
        Span(1, 2, "load", worker, 12, Kind.OTHER),
    ]
    layout = lane_layout(snapshot_of(source, spans), Session(), HEIGHT)

    assert lane_rows(layout) == [(1, "", 1), (0, "async", 1), (2, "", 1), (0, "spans", 1)]
    assert layout.n_lanes == 2
    assert layout.row_of_lane.tolist() == [1, 3, 4, 2]


def test_no_two_attempts_of_a_row_overlap_in_pixels() -> None:
    rng = random.Random(3)
    source = Source()
    source.worker("w0", nthreads=2)
    ends = [0] * 5
    # So that it is sure from the start that they overlap, see `store.levels`.
    spans = [
        Span(start, start + SECOND, thread=thread)
        for thread in (11, 12)
        for start in (-2 * SECOND, -2 * SECOND + MS)
    ]
    for number in range(200):
        start = ends[number % 5] + rng.randrange(40 * MS)
        ends[number % 5] = start + rng.randrange(200 * MS)
        spans.append(Span(start, ends[number % 5], thread=(11, 12)[number % 5 < 2]))
    spans.sort(key=lambda span: span.end)
    snapshot = snapshot_of(source, spans)
    for span_ns in (SECOND, 2 * SECOND, 5 * SECOND):
        session = Session(
            is_following=False, span_ns=span_ns, end_ns=snapshot.first_ns + 3 * SECOND
        )
        view = viewport(session, 900, snapshot.last_ns, snapshot.first_ns, 0)
        layout = lane_layout(snapshot, session, HEIGHT)
        stream = TaskStream()
        bars = stream.frame(snapshot, session, layout, view, HEIGHT, snapshot.last_ns).bars
        order = np.lexsort((bars.x0_px, bars.row))
        row, x0_px, x1_px = (column[order] for column in (bars.row, bars.x0_px, bars.x1_px))
        is_same = row[1:] == row[:-1]
        assert len(bars) > 10
        # They may share a millisecond, see `store.levels`: less than a pixel here.
        assert not np.any(is_same & (x0_px[1:] < x1_px[:-1]))
