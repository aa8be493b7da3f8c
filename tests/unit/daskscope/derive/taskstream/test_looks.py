"""What single spans look like in a frame of the task stream."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dask_otel import conventions
from daskscope.derive.frames import BarState
from daskscope.predicate import Filter
from daskscope.session import Grouping, Session, fitted
from daskscope.store.schema import Kind, Status
from daskscope.store.writer import Store
from tests.builders import SECOND, T0, Source, Span, snapshot_of
from tests.taskframes import WIDTH, frame_of, lane_rows

if TYPE_CHECKING:
    from daskscope.derive.frames import TaskStreamFrame
    from daskscope.store.schema import Message


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


@pytest.mark.parametrize("is_folded", [False, True])
def test_what_a_silent_worker_ran_ends_where_that_was_heard_last(*, is_folded: bool) -> None:
    source, store = Source(), Store()
    silent, heard = source.worker("w0", nthreads=2), source.worker("w1", port=40102)
    messages: list[Message] = [
        source.running(silent, 2 * SECOND, [("inc", SECOND, 1, 11), ("add", 0, 2, 12)]),
        source.running(heard, 9 * SECOND, [("inc", SECOND, 3, 21)]),
        source.event(conventions.EVENT_SPILL, 3 * SECOND),  # of the first resource
    ]
    store.apply(source.definitions())
    for message in messages:
        store.apply(message)
    store.judge(T0 + 4 * SECOND)
    grouping = Grouping.FOLDED if is_folded else Grouping.HOST
    session = Session(span_ns=20 * SECOND, grouping=grouping)

    def seen() -> tuple[TaskStreamFrame, int]:
        now_ns = T0 + 20 * SECOND
        frame = frame_of(store.snapshot(), session, now_ns=now_ns)
        return frame, round(frame.view.x_px(T0 + 3 * SECOND))

    frame, heard_px = seen()
    if is_folded:
        rows = frame.layout.rows
        (share,) = (one.share.sum(axis=0) for one in frame.densities if rows[one.row].title == "w0")
        assert np.flatnonzero(share)[-1] == heard_px - 1
        return
    states = [BarState.LOST, BarState.LOST, BarState.RUNNING]
    assert frame.bars.state.tolist() == states
    assert frame.bars.x1_px.tolist() == [heard_px, heard_px, frame.now_px]

    # It hung, and is back.
    again = source.running(silent, 19 * SECOND, [("inc", SECOND, 1, 11)])
    store.apply(again)
    store.judge(T0 + 4 * SECOND)
    frame, _ = seen()
    assert frame.bars.state.tolist() == [BarState.RUNNING] * 2
    assert frame.bars.x1_px.tolist() == [frame.now_px] * 2


def test_an_empty_store_has_an_empty_frame() -> None:
    frame = frame_of(Store().snapshot(), Session(), now_ns=T0)

    assert len(frame.bars) == 0
    assert frame.dense.slot.shape == (0, WIDTH)
    assert frame.n_spans_in_view == 0
