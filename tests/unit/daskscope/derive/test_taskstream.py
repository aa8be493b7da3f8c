"""Frames of the task stream, compared with a plain pass over all spans."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest

from dask_otel import conventions
from daskscope.derive.frames import LEAST_BAR_PX, BarState, TaskStreamFrame
from daskscope.derive.lanelayout import RowKind
from daskscope.derive.lanes import lane_layout
from daskscope.derive.picture import Picture
from daskscope.derive.taskstream import TaskStream
from daskscope.predicate import Filter
from daskscope.session import WHOLE_RUN, Session, Viewport, fitted, viewport
from daskscope.store.schema import Kind, Status
from daskscope.store.writer import Store
from daskscope.theme import NOT_YET_PX
from tests.builders import MS, SECOND, T0, Load, Source, Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from daskscope.derive.rowing import Rowing
    from daskscope.derive.shelf import Shelf
    from daskscope.store.snapshot import Snapshot

WIDTH, HEIGHT = 700, 500


def frame_of(
    snapshot: Snapshot,
    session: Session,
    stream: TaskStream | None = None,
    now_ns: int = 0,
    height_px: int = HEIGHT,
) -> TaskStreamFrame:
    now_ns = now_ns or snapshot.last_ns
    view = viewport(session, WIDTH, now_ns, snapshot.first_ns, NOT_YET_PX)
    layout = lane_layout(snapshot, session, height_px)
    stream = stream or TaskStream()
    return stream.frame(snapshot, session, layout, view, height_px, now_ns)


def column(snapshot: Snapshot, name: str) -> npt.NDArray[np.int64]:
    parts = [chunk.columns[name].astype(np.int64) for chunk in snapshot.chunks]
    return np.concatenate(parts)


def is_sub_lane(kind: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    return (kind >= Kind.TRANSFER) & (kind <= Kind.DESERIALIZE)


def coverage(
    view: Viewport, start_ns: npt.NDArray[np.int64], end_ns: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Busy share of each pixel column."""
    edges = view.start_ns + np.rint(np.arange(view.width_px + 1) * view.ns_per_px).astype(np.int64)
    before = [np.clip(edge - start_ns, 0, end_ns - start_ns).sum() for edge in edges.tolist()]
    return np.diff(np.array(before, np.float64)) / view.ns_per_px


@pytest.fixture(scope="module")
def big() -> Snapshot:
    """Three chunks, two of them sealed: short tasks, and lanes with tasks of all lengths."""
    load = Load(n_workers=3, n_threads=2)
    rng = np.random.default_rng(5)
    lasting = np.exp(rng.uniform(np.log(0.1 * SECOND), np.log(5 * SECOND), 150)).astype(int)
    ends = np.cumsum(2 * lasting)  # half of the time nothing runs, so that nothing can be hidden
    long = [
        Span(end - length, end, f"long-{n % 3}", n % 3, 900)
        for n, (length, end) in enumerate(zip(lasting.tolist(), ends.tolist(), strict=True))
    ]
    batch = load.source.spans(long)
    store = Store()
    store.apply(load.source.definitions())
    store.apply(batch)
    for _ in range(40):
        store.apply(load.batch(4_096))
    for _ in range(30):
        store.go_on()
    assert [chunk.pyramid is not None for chunk in store.snapshot().chunks] == [True, True, False]
    return store.snapshot()


def around_the_middle(snapshot: Snapshot, span_s: float) -> Session:
    middle = snapshot.first_ns + (snapshot.last_ns - snapshot.first_ns) // 2
    half = round(span_s * SECOND / 2)
    return fitted(Session(), middle - half, middle + half)


SPANS_S = [0.05, 0.5, 5.0, 60.0, 400.0, 1_500.0]


@pytest.mark.parametrize("span_s", SPANS_S)
def test_bars_are_exactly_the_wide_spans_in_view(big: Snapshot, span_s: float) -> None:
    frame = frame_of(big, around_the_middle(big, span_s))
    view = frame.view

    start, end = column(big, "start_ns"), column(big, "end_ns")
    is_wide = end - start >= LEAST_BAR_PX * view.ns_per_px
    expected = (start < view.end_ns) & (end > view.start_ns) & is_wide
    offsets = np.cumsum([0, *(len(chunk) for chunk in big.chunks)])
    found = offsets[frame.bars.chunk] + frame.bars.index

    assert len(found) == len(set(found.tolist()))
    # A bar that reaches less than half a pixel into the view is not drawn.
    missing = set(np.flatnonzero(expected).tolist()) - set(found.tolist())
    for row in missing:
        inside = min(end[row], view.end_ns) - max(start[row], view.start_ns)
        assert inside <= view.ns_per_px
    assert not set(found.tolist()) - set(np.flatnonzero(expected).tolist())
    x0 = (start[found] - view.start_ns) / view.ns_per_px
    shown = ~frame.bars.is_cut
    np.testing.assert_allclose(frame.bars.x0_px[shown], x0[shown], atol=0.5)
    assert (frame.bars.x1_px > frame.bars.x0_px).all()
    assert (frame.bars.x0_px >= 0).all()
    assert (frame.bars.x1_px <= view.width_px).all()


@pytest.mark.parametrize("span_s", SPANS_S)
def test_dense_columns_and_bars_hold_all_busy_time(big: Snapshot, span_s: float) -> None:
    frame = frame_of(big, around_the_middle(big, span_s))
    view = frame.view
    start, end = column(big, "start_ns"), column(big, "end_ns")
    lane, kind = column(big, "lane"), column(big, "kind")
    is_short = end - start < LEAST_BAR_PX * view.ns_per_px

    for index in range(frame.first_row, frame.last_row):
        row = frame.layout.rows[index]
        if row.kind is not RowKind.LANE:
            continue
        mine = np.isin(lane, row.lanes) & is_short & ~is_sub_lane(kind)
        expected = coverage(view, start[mine], end[mine])
        found = frame.dense.busy[index] / 255
        # Cells of a pyramid are at most a pixel wide: time may lie in the next column, no farther.
        assert np.abs(np.cumsum(found) - np.cumsum(expected)).max() <= 1.5
        assert ((frame.dense.slot[index] != -1) == (frame.dense.busy[index] > 0)).all()


@pytest.mark.parametrize("span_s", SPANS_S)
def test_spans_in_view_are_counted(big: Snapshot, span_s: float) -> None:
    session = fitted(Session(), big.last_ns - round(span_s * SECOND), big.last_ns)
    frame = frame_of(big, session)
    start, end = column(big, "start_ns"), column(big, "end_ns")

    expected = (start < frame.view.end_ns) & (end >= frame.view.start_ns)
    assert frame.n_spans_in_view == int(expected.sum())


def test_the_commonest_prefix_fills_a_column() -> None:
    source = Source()
    source.worker("w0")
    spans = [
        Span(n * 100_000, n * 100_000 + 90_000, "rare" if n % 10 == 0 else "common")
        for n in range(10_000)
    ]
    snapshot = snapshot_of(source, spans)
    session = fitted(Session(), T0, T0 + SECOND)
    frame = frame_of(snapshot, session)

    row = lane_rows(frame)[0]
    used = frame.dense.slot[row][frame.dense.slot[row] != -1]
    assert (used == snapshot.slot_of[snapshot.strings.index("common")]).all()
    hidden = frame_of(snapshot, replace(session, filter=Filter(frozenset({"common"}))))
    assert snapshot.slot_of[snapshot.strings.index("rare")] in hidden.dense.slot[row]


def lane_rows(frame: TaskStreamFrame) -> list[int]:
    return [i for i, row in enumerate(frame.layout.rows) if row.kind is RowKind.LANE]


def snapshot_of(source: Source, spans: list[Span]) -> Snapshot:
    store = Store()
    batch = source.spans(spans)
    store.apply(source.definitions())
    store.apply(batch)
    return store.snapshot()


def test_failures_transfers_and_other_spans_show_as_what_they_are() -> None:
    source = Source()
    worker = source.worker("w0", nthreads=1)
    shop = source.resource({conventions.SERVICE_NAME: "shop", conventions.HOST_NAME: "web"})
    spans = []
    for n in range(5_000):
        at = n * 200_000
        status = Status.ERROR if n == 2_500 else Status.UNSET
        spans.append(Span(at, at + 100_000, "inc", worker, 5, status=status))
        spans.append(Span(at, at + 50_000, "transfer", worker, 0, Kind.TRANSFER))
        spans.append(Span(at, at + 100_000, "GET", shop, 7, Kind.OTHER))
    snapshot = snapshot_of(source, spans)
    frame = frame_of(snapshot, fitted(Session(), T0, T0 + SECOND))
    worker_row, shop_row = lane_rows(frame)
    slot = int(snapshot.slot_of[snapshot.strings.index("inc")])

    assert set(frame.dense.slot[worker_row].tolist()) == {-2, slot, -1}
    assert 1 <= (frame.dense.slot[worker_row] == -2).sum() <= 2
    assert set(frame.dense.kind[worker_row].tolist()) == {0, Kind.TRANSFER}
    assert set(frame.dense.slot[shop_row].tolist()) == {-3, -1}
    assert not frame.dense.kind[shop_row].any()
    assert frame.events[0].sign == "erred"


def test_a_task_of_no_length_is_seen() -> None:
    source = Source()
    source.worker("w0", nthreads=1)
    snapshot = snapshot_of(
        source, [Span(SECOND // 2, SECOND // 2), Span(0, 1), Span(SECOND, SECOND)]
    )
    frame = frame_of(snapshot, fitted(Session(), T0, T0 + SECOND))

    used = np.flatnonzero(frame.dense.slot[lane_rows(frame)[0]] != -1)
    x_px = [round(frame.view.x_px(T0 + at)) for at in (0, SECOND // 2, SECOND)]
    np.testing.assert_allclose(used, x_px, atol=1)


def test_running_attempts_grow_to_now() -> None:
    source = Source()
    worker = source.worker("w0", nthreads=2)
    store = Store()
    running = source.running(worker, SECOND, [("inc", SECOND // 2, 1, 11), ("add", 0, 2, 12)])
    store.apply(source.definitions())
    store.apply(running)
    for now in (T0 + SECOND, T0 + 3 * SECOND):
        frame = frame_of(store.snapshot(), Session(span_ns=10 * SECOND), now_ns=now)
        bars = frame.bars
        assert bars.state.tolist() == [BarState.RUNNING] * 2
        assert bars.chunk.tolist() == [-1, -1]
        assert bars.index.tolist() == [0, 1]
        assert bars.x1_px.tolist() == [frame.now_px] * 2
        assert bars.x0_px[0] == pytest.approx(frame.view.x_px(T0 + SECOND // 2), abs=0.5)


def test_a_folded_host_shows_its_whole_busy_time() -> None:
    load = Load(n_workers=2, n_threads=2, mean_ns=40 * MS)
    store = Store()
    store.apply(load.source.definitions())
    store.apply(load.batch(20_000))
    running = load.source.running(0, 0, [("prefix-1", 0, 1, 1000)])
    session = Session(collapsed_hosts=frozenset({"node-00"}), span_ns=WHOLE_RUN)
    snapshot = store.snapshot()
    frame = frame_of(snapshot, session)
    start, end = column(snapshot, "start_ns"), column(snapshot, "end_ns")
    mine = ~is_sub_lane(column(snapshot, "kind"))

    (columns,) = frame.densities
    assert frame.layout.rows[columns.row].n_threads == 4
    assert not len(frame.bars)
    expected = coverage(frame.view, start[mine], end[mine]) / 4
    # Transfers stand in the place of tasks: what overlaps is not more than the whole.
    np.testing.assert_allclose(columns.share.sum(axis=0), np.minimum(expected, 1), atol=0.01)
    assert -2 in columns.slots
    assert (columns.transfer > 0).any()

    store.apply(running)
    (busier,) = frame_of(store.snapshot(), session).densities
    assert busier.share.sum() > columns.share.sum()


def test_only_visible_rows_are_derived_and_scrolling_is_bounded(big: Snapshot) -> None:
    session = fitted(Session(), big.first_ns, big.last_ns)
    top = frame_of(big, session, height_px=70)
    bottom = frame_of(big, replace(session, scroll_px=10**6), height_px=70)

    assert top.scroll_px == 0
    assert bottom.scroll_px == bottom.layout.height_px - 70
    assert top.last_row < len(top.layout.rows)
    assert bottom.first_row > 0
    assert (bottom.bars.row >= bottom.first_row).all()
    assert (top.bars.row < top.last_row).all()


def assert_same(one: TaskStreamFrame, two: TaskStreamFrame) -> None:
    rows = slice(one.first_row, one.last_row)
    for name in ("slot", "kind"):
        differs = getattr(one.dense, name)[rows] != getattr(two.dense, name)[rows]
        assert differs.mean() < 0.002  # equal sums, added in another order
    np.testing.assert_allclose(
        one.dense.busy[rows].astype(int), two.dense.busy[rows].astype(int), atol=1
    )
    spans = [
        set(zip(f.bars.chunk.tolist(), f.bars.index.tolist(), strict=True)) for f in (one, two)
    ]
    assert spans[0] == spans[1]
    assert one.events == two.events
    assert one.n_spans_in_view == two.n_spans_in_view


@pytest.mark.parametrize("span_s", [0.5, 3.0, WHOLE_RUN])
def test_following_gives_what_a_fresh_start_gives(span_s: float) -> None:
    load = Load(n_workers=3, n_threads=2)
    store, stream = Store(), TaskStream()
    store.apply(load.source.definitions())
    session = Session(span_ns=round(span_s * SECOND))
    late = load.batch(300)
    for step in range(60):
        store.apply(load.batch(300))
        if step == 30:
            store.apply(late)
        snapshot = store.snapshot()
        if step % 3 == 0:
            stream.learn(snapshot)
            store.apply(load.batch(200))
            snapshot = store.snapshot()
        kept = frame_of(snapshot, session, stream)
        if step % 7 == 0:
            assert_same(kept, frame_of(snapshot, session))


def test_what_a_zoom_needs_waits_while_there_is_no_time(
    big: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    works: list[Picture] = []
    has_time = True

    class WorkedPicture(Picture):
        def go_on(self, may_go_on: Callable[[], bool]) -> None:
            works.append(self)
            super().go_on(may_go_on)

    monkeypatch.setattr("daskscope.derive.looks.Picture", WorkedPicture)
    stream = TaskStream(lambda: has_time)
    assert frame_of(big, around_the_middle(big, 60.0), stream).is_exact
    has_time = False
    n_before = len(works)
    assert not frame_of(big, around_the_middle(big, 40.0), stream).is_exact
    assert len(works) == n_before
    has_time = True
    stream.go_on()
    session = around_the_middle(big, 40.0)
    assert_same(frame_of(big, session, stream), frame_of(big, session))


@pytest.mark.parametrize("span_s", [0.3, 7.0, 91.0])
def test_following_begins_anew_only_when_the_spare_columns_are_used_up(
    span_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Picture] = []

    class CountedPicture(Picture):
        def __init__(self, rows: Rowing, view: Viewport, shelf: Shelf | None = None) -> None:
            super().__init__(rows, view, shelf)
            made.append(self)

    monkeypatch.setattr("daskscope.derive.looks.Picture", CountedPicture)
    load = Load(n_workers=3, n_threads=2)
    store, stream = Store(), TaskStream()
    store.apply(load.source.definitions())
    session = Session(span_ns=round(span_s * SECOND))
    n_frames = 200
    for _ in range(n_frames):
        store.apply(load.batch(20))
        frame_of(store.snapshot(), session, stream)

    snapshot = store.snapshot()
    lasted_s = (snapshot.last_ns - snapshot.first_ns) / SECOND
    # The spare columns are a quarter of the view; lanes that come up while it starts are new rows.
    assert len(made) <= 4 + lasted_s / (0.2 * span_s)
    assert len(made) < n_frames / 2


def test_gestures_give_what_a_fresh_start_gives() -> None:
    load = Load(n_workers=3, n_threads=2)
    store, stream = Store(), TaskStream()
    store.apply(load.source.definitions())
    store.apply(load.batch(20_000))
    snapshot = store.snapshot()
    session = fitted(Session(), T0, T0 + 2 * SECOND)
    hidden = frozenset({"prefix-1"})
    steps = [
        session,
        replace(session, end_ns=session.end_ns + 300 * MS),
        replace(session, end_ns=session.end_ns - 900 * MS),
        replace(session, end_ns=session.end_ns + 9 * SECOND),
        replace(session, span_ns=SECOND),
        replace(session, filter=Filter(hidden)),
        replace(session, filter=Filter(hidden), collapsed_hosts=frozenset({"node-00"})),
        replace(session, collapsed_hosts=frozenset({"node-00"}), scroll_px=10),
    ]
    for step in steps:
        assert_same(frame_of(snapshot, step, stream), frame_of(snapshot, step))


def test_what_was_evicted_is_not_drawn_any_more() -> None:
    load = Load(n_workers=3, n_threads=2)
    store, stream = Store(cap_bytes=8_000_000), TaskStream()
    store.apply(load.source.definitions())
    session = Session(span_ns=WHOLE_RUN)
    for _ in range(40):
        store.apply(load.batch(8_192))
        kept = frame_of(store.snapshot(), session, stream)
    snapshot = store.snapshot()
    assert snapshot.n_evicted
    oldest = min(chunk.t_min for chunk in snapshot.chunks)
    empty = int(kept.view.x_px(oldest)) - 2

    assert empty > WIDTH // 2
    rows = lane_rows(kept)
    assert (kept.dense.slot[rows, :empty] == -1).all()


def test_new_lanes_and_workers_appear() -> None:
    source = Source()
    first = source.worker("w0", nthreads=1)
    store, stream = Store(), TaskStream()
    for n in range(3):
        worker = first if n == 0 else source.worker(f"w{n}", port=40_101 + n, nthreads=1)
        batch = source.spans([Span(0, SECOND, "inc", worker, 11)])
        store.apply(source.definitions())
        store.apply(batch)
        frame = frame_of(store.snapshot(), Session(), stream)
        assert len(frame.bars) == n + 1
        assert len(set(frame.bars.row.tolist())) == n + 1


def test_an_empty_store_has_an_empty_frame() -> None:
    frame = frame_of(Store().snapshot(), Session(), now_ns=T0)

    assert len(frame.bars) == 0
    assert frame.dense.slot.shape == (0, WIDTH)
    assert frame.n_spans_in_view == 0
