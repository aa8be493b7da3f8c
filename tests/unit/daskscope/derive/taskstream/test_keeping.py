"""What is kept from frame to frame changes nothing but time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from daskscope.derive import quantity
from daskscope.derive.picture import Picture
from daskscope.derive.taskstream import TaskStream
from daskscope.predicate import Filter
from daskscope.session import WHOLE_RUN, Session, Viewport, fitted
from daskscope.store.schema import Kind
from daskscope.store.writer import Store
from tests.builders import MS, SECOND, T0, Load, Source, Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from daskscope.derive.frames import TaskStreamFrame
    from daskscope.derive.rowing import Rowing
    from daskscope.derive.shelf import Shelf
    from daskscope.store.snapshot import Snapshot
from tests.taskframes import WIDTH, around_the_middle, frame_of, lane_rows


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Picture]:
    """Pictures that were begun, in their order."""
    found: list[Picture] = []

    class KnownPicture(Picture):
        def __init__(self, rows: Rowing, view: Viewport, shelf: Shelf | None = None) -> None:
            super().__init__(rows, view, shelf)
            found.append(self)

    monkeypatch.setattr("daskscope.derive.looks.Picture", KnownPicture)
    return found


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


def test_a_pan_takes_little_of_what_lies_beside_the_view(
    big: Snapshot, made: list[Picture]
) -> None:
    stream = TaskStream()
    session = around_the_middle(big, 60.0)
    frame_of(big, session, stream)
    stream.go_on()
    are_idle = [made[-1].is_idle]
    session = replace(session, end_ns=session.end_ns - 12 * SECOND)
    frame = frame_of(big, session, stream)
    assert frame.is_exact
    are_idle.append(made[-1].is_idle)
    stream.go_on()
    are_idle.append(made[-1].is_idle)
    assert are_idle == [True, False, True]
    assert_same(frame, frame_of(big, session))


@pytest.mark.parametrize("span_s", [0.3, 7.0, 91.0])
def test_following_begins_anew_only_when_the_spare_columns_are_used_up(
    span_s: float, made: list[Picture]
) -> None:
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
    # That is no idle time, and the frame says so as far as it goes.
    assert kept.evicted is not None
    assert kept.evicted.x0_px == round(kept.view.x_px(snapshot.first_ns))
    assert empty <= kept.evicted.x1_px == round(kept.view.x_px(snapshot.evicted_ns))
    assert kept.evicted.short.startswith(quantity.count(snapshot.n_evicted))
    assert frame_of(snapshot, Session(span_ns=SECOND)).evicted is None


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


def test_lanes_that_come_out_of_sight_begin_no_picture(made: list[Picture]) -> None:
    load = Load(n_workers=40)
    store, stream = Store(), TaskStream()
    store.apply(load.source.definitions())
    session = Session(span_ns=SECOND)
    for _ in range(20):
        store.apply(load.batch(500))
    frame_of(store.snapshot(), session, stream)
    n_made = []
    for worker in (39, 38, 0, 37):
        at = store.snapshot().last_ns - T0
        # What the worker's event loop has loaded lies beside its threads.
        beside = Span(at - 200 * MS, at, "prefix-1", worker, 7, Kind.DISK_READ)
        store.apply(load.source.spans([beside]))
        made.clear()
        kept = frame_of(store.snapshot(), session, stream)
        n_made.append(len(made))
        assert_same(kept, frame_of(store.snapshot(), session))
    assert n_made == [0, 0, 1, 0]
