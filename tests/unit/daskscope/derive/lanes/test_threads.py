"""Which lanes have rows of their own, and which share one."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np

from dask_otel import conventions
from daskscope.derive.lanelayout import RowKind
from daskscope.derive.lanes import lane_layout
from daskscope.derive.roster import RosterKeeper
from daskscope.derive.taskstream import TaskStream
from daskscope.session import Session, fitted, viewport
from daskscope.store.placing import MOST_LEVELS
from daskscope.store.schema import Kind, Outcome
from daskscope.store.snapshot import LaneKind
from daskscope.store.writer import Store
from tests.builders import MS, SECOND, T0, Source, Span, snapshot_of
from tests.layouts import HEIGHT, lane_rows, plain
from tests.pointed import frame_of

if TYPE_CHECKING:
    from daskscope.store.snapshot import Snapshot


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


def test_what_the_event_loop_runs_makes_no_more_threads_of_the_pool() -> None:
    source = Source()
    worker = source.worker("w0", nthreads=2)
    spans = [Span(0, 9, resource=worker, thread=thread) for thread in (1, 2, 99)]
    snapshot = snapshot_of(source, spans)
    layout = lane_layout(snapshot, Session(), HEIGHT)

    assert lane_rows(layout) == [(1, "", 1), (2, "", 1), (0, "extra", 1)]
    assert " 2 threads " in f" {plain(layout.rows[0].detail)} ".replace("·", " ")
    assert layout.n_lanes == RosterKeeper().of(snapshot).n_threads == 2
    assert "2 threads on node-01" in plain(layout.workers[0].tip)


def test_coroutines_that_come_first_take_no_row_of_the_pool() -> None:
    source = Source()
    worker = source.worker("w0", nthreads=1, loop_thread=99)
    spans = [Span(0, 9 * MS, resource=worker, thread=thread) for thread in (99, 99, 11)]
    layout = lane_layout(snapshot_of(source, spans), Session(), HEIGHT)

    assert lane_rows(layout) == [(1, "", 1), (0, "async", 1), (0, "async", 1)]
    assert layout.row_of_lane.tolist() == [2, 1, 3]


def test_what_finds_no_row_free_is_summed_up_in_one() -> None:
    source = Source()
    worker = source.worker("w0", nthreads=1, loop_thread=99)
    spans = [Span(n, SECOND + n, "inc", worker, 99) for n in range(MOST_LEVELS + 20)]
    spans.append(Span(9, SECOND, "inc", worker, 11))
    snapshot = snapshot_of(source, spans)
    frame = frame_of(snapshot, fitted(Session(), T0, T0 + 2 * SECOND), 2_000)
    layout = frame.layout

    (crowd,) = [n for n, row in enumerate(layout.rows) if row.kind is RowKind.CROWD]
    assert layout.kinds[crowd] == RowKind.CROWD
    assert layout.rows[crowd].caption == "more"
    assert len(lane_rows(layout)) == MOST_LEVELS
    assert set(frame.bars.row.tolist()) == set(range(1, MOST_LEVELS + 1))
    (columns,) = [density for density in frame.densities if density.row == crowd]
    assert columns.share[:, 10:400].sum(axis=0).min() == 1.0
    assert columns.share[:, 510:].sum() == 0.0


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


def test_coroutines_of_a_worker_that_is_gone_take_no_row_of_a_thread() -> None:
    source = Source()
    worker = source.worker("w0", nthreads=1, loop_thread=99)
    spans = [Span(0, 9 * MS, "inc", worker, 11), Span(SECOND, 2 * SECOND, "inc", worker, 99)]

    layout = lane_layout(lost(source, spans, []), Session(), HEIGHT)
    assert lane_rows(layout) == [(1, "", 1), (0, "async", 1)]


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


def test_attempts_of_a_process_pool_have_rows_of_their_own_while_they_run_and_later() -> None:
    source, store = Source(), Store()
    worker = source.worker("w0", nthreads=1)
    runs = [("inc", 2 * MS * run, run, 0) for run in (1, 2)]
    word = source.running(worker, SECOND, [*runs, ("inc", 0, 3, 11)])
    ended = [
        Span(start, 2 * SECOND, "inc", worker, thread, run_id=run)
        for _, start, run, thread in reversed(runs)
    ]
    batch = source.spans(ended)
    for message in (source.definitions(), word):
        store.apply(message)
    running = store.snapshot().running[worker]
    store.apply(batch)
    snapshot = store.snapshot()

    assert lane_rows(lane_layout(snapshot, Session(), HEIGHT)) == [
        (1, "", 1),
        (0, "other", 1),
        (0, "other", 1),
    ]
    lane_of = dict(zip(running.run_id.tolist(), running.lane.tolist(), strict=True))
    assert snapshot.chunks[0].columns["lane"].tolist() == [lane_of[2], lane_of[1]]
    assert len(set(lane_of.values())) == 3


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
