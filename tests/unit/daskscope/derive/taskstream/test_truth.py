"""Frames of the task stream, compared with a plain pass over all spans."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest

from daskscope.derive.frames import LEAST_BAR_PX
from daskscope.derive.lanelayout import RowKind
from daskscope.session import WHOLE_RUN, Session, Viewport, fitted
from daskscope.store.schema import Kind
from daskscope.store.writer import Store
from tests.builders import MS, SECOND, Load, Source, Span, snapshot_of

if TYPE_CHECKING:
    from daskscope.store.snapshot import Snapshot
from tests.taskframes import around_the_middle, frame_of


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


def test_spans_within_tasks_are_no_time_of_a_folded_worker_besides() -> None:
    folded = Session(collapsed_hosts=frozenset({"node-01"}), span_ns=WHOLE_RUN)

    def snapshot(n_inner: int) -> Snapshot:
        source = Source()
        worker = source.worker("w0", nthreads=2)
        spans = [Span(0, 4 * SECOND, "inc", worker, 11), Span(0, SECOND, "inc", worker, 12)]
        inner = Span(SECOND, 4 * SECOND, "load", worker, 11, Kind.OTHER)
        return snapshot_of(source, spans + n_inner * [inner])

    (expected,) = frame_of(snapshot(0), folded).densities
    (found,) = frame_of(snapshot(2), folded).densities
    assert found.slots == expected.slots
    np.testing.assert_array_equal(found.share, expected.share)
    bars = frame_of(snapshot(2), Session(span_ns=WHOLE_RUN)).bars
    assert np.count_nonzero(bars.kind == Kind.OTHER) == 2
