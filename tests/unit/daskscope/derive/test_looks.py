"""Frames while something is searched or hidden, compared with a plain pass over the spans meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest

from daskscope.derive.frames import LEAST_BAR_PX, BarState, TaskStreamFrame
from daskscope.derive.lanelayout import RowKind
from daskscope.derive.lanes import lane_layout
from daskscope.derive.matches import Mark, Marks, Matches
from daskscope.derive.taskstream import TaskStream, always
from daskscope.predicate import Bin, Filter, Predicate, Search
from daskscope.session import Session, Viewport
from daskscope.store.schema import Kind, Status
from daskscope.store.writer import Store
from tests.builders import MS, SECOND, T0, Load, Source, Span

if TYPE_CHECKING:
    from daskscope.store.snapshot import Snapshot

WIDTH, HEIGHT = 600, 400
Ints = npt.NDArray[np.int64]


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    """Sealed chunks with pyramids and an open one; tasks of 10 ms, some of them erred."""
    load, store = Load(n_workers=2, n_threads=2, n_prefixes=5), Store()
    store.apply(load.source.definitions())
    for _ in range(60):
        store.apply(load.batch(4_096))
    assert [chunk.pyramid is not None for chunk in store.snapshot().chunks][:2] == [True, True]
    return store.snapshot()


def framed(
    snapshot: Snapshot, session: Session, view: Viewport, stream: TaskStream | None = None
) -> tuple[TaskStreamFrame, Marks]:
    marks = Matches().advance(snapshot, session.predicate, None, always)
    layout = lane_layout(snapshot, session, HEIGHT)
    stream = stream or TaskStream()
    stream.mark(marks)
    return stream.frame(snapshot, session, layout, view, HEIGHT, snapshot.last_ns), marks


def column(snapshot: Snapshot, name: str) -> Ints:
    return np.concatenate([chunk.columns[name].astype(np.int64) for chunk in snapshot.chunks])


def busy_px(snapshot: Snapshot, view: Viewport, meant: npt.NDArray[np.bool_]) -> float:
    """Columns that some spans fill, of all lanes together."""
    start = np.clip(column(snapshot, "start_ns")[meant], view.start_ns, view.end_ns)
    end = np.clip(column(snapshot, "end_ns")[meant], view.start_ns, view.end_ns)
    return float((end - start).sum() / view.ns_per_px)


def covered(
    snapshot: Snapshot, view: Viewport, lanes: tuple[int, ...], meant: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Busy share of each column of one row."""
    here = meant & np.isin(column(snapshot, "lane"), lanes)
    start, end = column(snapshot, "start_ns")[here], column(snapshot, "end_ns")[here]
    edges = view.start_ns + np.rint(np.arange(view.width_px + 1) * view.ns_per_px).astype(np.int64)
    before = [np.clip(edge - start, 0, end - start).sum() for edge in edges.tolist()]
    return np.diff(np.array(before, np.float64)) / view.ns_per_px


VIEWS = (
    Viewport(T0, 800.0 * MS, WIDTH),
    Viewport(T0 + 60 * SECOND, 50.0 * MS, WIDTH),
    Viewport(T0 + 60 * SECOND, 1.0 * MS, WIDTH),
)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(
    "meant",
    [
        Predicate(Search("prefix-3")),
        Predicate(Search("w1"), filter=Filter(frozenset({"prefix-2"}))),
        Predicate(bins=(Bin("", 30 * MS, SECOND),)),
        Predicate(Search("zzz")),
    ],
)
def test_what_is_lit_is_what_matches(snapshot: Snapshot, view: Viewport, meant: Predicate) -> None:
    session = Session(search=meant.search, bins=meant.bins, filter=meant.filter)

    frame, marks = framed(snapshot, session, view)

    is_lit = np.concatenate([marks.rows(chunk.number) for chunk in snapshot.chunks]) == Mark.LIT
    lasting = column(snapshot, "end_ns") - column(snapshot, "start_ns")
    is_short = lasting < LEAST_BAR_PX * view.ns_per_px
    is_main = column(snapshot, "kind") == Kind.COMPUTE
    assert frame.lit is not None
    for i in range(frame.first_row, frame.last_row):
        row = frame.layout.rows[i]
        if row.kind is RowKind.LANE:
            share = covered(snapshot, view, row.lanes, is_lit & is_short & is_main)
            assert ((frame.lit.slot[i] != -1) == (share > 0)).all()
            close = np.abs(frame.lit.busy[i] / 255 - np.minimum(share, 1)) < 0.01
            assert close[share > 0.01].all()
    numbers = frame.bars.chunk
    assert frame.bars.is_lit is not None
    assert (frame.bars.is_lit == (marks.of(numbers, frame.bars.index) == Mark.LIT)).all()


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(
    "meant",
    [
        Filter(hidden_prefixes=frozenset({"prefix-1", "prefix-4"})),
        Filter(workers=frozenset({"w1"})),
        Filter(hidden_kinds=frozenset({Kind.TRANSFER})),
        Filter(hidden_states=frozenset({BarState.ERRED})),
        Filter(least_ns=5 * MS, most_ns=20 * MS),
    ],
)
def test_what_is_hidden_is_not_drawn(snapshot: Snapshot, view: Viewport, meant: Filter) -> None:
    frame, marks = framed(snapshot, Session(filter=meant), view)

    known = np.concatenate([marks.rows(chunk.number) for chunk in snapshot.chunks])
    assert 0 < marks.n_hidden < snapshot.n_spans
    assert marks.n_hidden == np.count_nonzero(known == Mark.HIDDEN)
    lasting = column(snapshot, "end_ns") - column(snapshot, "start_ns")
    is_short = lasting < LEAST_BAR_PX * view.ns_per_px
    is_main = column(snapshot, "kind") == Kind.COMPUTE
    is_shown = (known != Mark.HIDDEN) & is_main & is_short
    rows = [
        i
        for i in range(frame.first_row, frame.last_row)
        if frame.layout.rows[i].kind is RowKind.LANE
    ]
    drawn = frame.dense.busy[rows].sum() / 255
    wanted = busy_px(snapshot, view, is_shown)
    assert drawn == pytest.approx(wanted, rel=0.03, abs=12)
    numbers = frame.bars.chunk
    assert (marks.of(numbers, frame.bars.index) != Mark.HIDDEN).all()
    assert frame.lit is None
    assert frame.bars.is_lit is None


def test_density_rows_show_what_is_lit_and_not_what_is_hidden(snapshot: Snapshot) -> None:
    hosts = frozenset({"node-00"})
    session = Session(
        collapsed_hosts=hosts,
        search=Search("prefix-3"),
        filter=Filter(hidden_prefixes=frozenset({"prefix-1"})),
    )

    frame, _ = framed(snapshot, session, VIEWS[0])

    slot = {
        name: int(snapshot.slot_of[snapshot.strings.index(name)])
        for name in ("prefix-1", "prefix-3")
    }
    (shown,), (lit,) = frame.densities, frame.lit_densities
    assert slot["prefix-1"] not in shown.slots
    assert set(lit.slots) <= {slot["prefix-3"], -2}
    assert lit.share.sum() > 0
    assert lit.share.sum(axis=0).max() <= shown.share.sum(axis=0).max() + 1e-5


def test_an_erred_task_of_a_hidden_prefix_is_hidden_too() -> None:
    source, store = Source(), Store()
    worker = source.worker("w0")
    spans = [Span(n * MS, n * MS + 900_000, "bad", worker, status=Status.ERROR) for n in range(100)]
    batch = source.spans([*spans, Span(SECOND, SECOND + MS, "good", worker)])
    store.apply(source.definitions())
    store.apply(batch)
    session = Session(filter=Filter(frozenset({"bad"})))

    frame, marks = framed(store.snapshot(), session, Viewport(T0, 5.0 * MS, WIDTH))

    used = frame.dense.slot[frame.first_row : frame.last_row]
    used = used[used != -1]
    snapshot = store.snapshot()
    assert set(used.tolist()) == {int(snapshot.slot_of[snapshot.strings.index("good")])}
    assert marks.n_hidden == 100


def test_running_attempts_are_lit_and_hidden_as_well() -> None:
    source, store = Source(), Store()
    one, two = source.worker("w0"), source.worker("w1", port=40102)
    batches = [
        source.running(one, SECOND, [("inc", 0, 7, 11), ("sum", 0, 8, 12)]),
        source.running(two, SECOND, [("inc", 0, 9, 21)]),
    ]
    store.apply(source.definitions())
    for batch in batches:
        store.apply(batch)
    session = Session(search=Search("inc-"), filter=Filter(workers=frozenset({"w0"})))

    frame, _ = framed(store.snapshot(), session, Viewport(T0, 10.0 * MS, WIDTH))

    assert frame.bars.is_lit is not None
    assert frame.bars.is_lit.tolist() == [True, False]


def test_lit_columns_grow_with_the_search_and_with_what_arrives() -> None:
    load, store = Load(n_workers=1, n_threads=2, n_prefixes=2), Store()
    store.apply(load.source.definitions())
    session, view, stream, matches = (
        Session(search=Search("prefix-1")),
        VIEWS[1],
        TaskStream(),
        Matches(),
    )
    view = Viewport(T0, 20.0 * MS, WIDTH)
    lit = []
    for _ in range(12):
        store.apply(load.batch(300))
        snapshot = store.snapshot()
        marks = matches.advance(snapshot, session.predicate, view, always)
        layout = lane_layout(snapshot, session, HEIGHT)
        stream.mark(marks)
        frame = stream.frame(snapshot, session, layout, view, HEIGHT, snapshot.last_ns)
        assert frame.lit is not None
        lit.append(int((frame.lit.slot[frame.first_row : frame.last_row] != -1).sum()))

    fresh, _ = framed(store.snapshot(), session, view)
    assert fresh.lit is not None
    assert frame.lit is not None
    rows = slice(frame.first_row, frame.last_row)
    assert (frame.lit.slot[rows] == fresh.lit.slot[rows]).all()
    assert lit == sorted(lit)
    assert lit[-1] > lit[0]


def test_what_is_lit_is_not_left_behind_while_spans_arrive_and_time_is_short() -> None:
    load, store, matches = Load(n_workers=2, n_threads=2, n_prefixes=2), Store(), Matches()
    store.apply(load.source.definitions())
    for _ in range(20):
        store.apply(load.batch(8_192))
    session, asked = Session(search=Search("prefix-1")), 0

    def may_go_on() -> bool:
        nonlocal asked
        asked += 1
        return asked < 2

    stream = TaskStream(may_go_on)
    n_exact = 0
    for _ in range(150):
        store.apply(load.batch(50))
        snapshot, asked = store.snapshot(), 0
        view = Viewport(T0, 400.0 * MS, WIDTH)
        stream.mark(matches.advance(snapshot, session.predicate, view, always))
        layout = lane_layout(snapshot, session, HEIGHT)
        frame = stream.frame(snapshot, session, layout, view, HEIGHT, snapshot.last_ns)
        n_exact += frame.is_exact

    assert n_exact > 100
