"""Lanes in a stretch of the content, and the bands in which some lanes lie."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

from daskscope.derive.bands import (
    lane_bands,
    lanes_between,
    lanes_of,
    lowest_row,
    with_row_below,
    without_lowest_row,
)
from daskscope.derive.lanes import lane_layout
from daskscope.session import Grouping, Session
from daskscope.store.writer import Store
from tests.builders import MS, Source, Span

if TYPE_CHECKING:
    from daskscope.derive.lanelayout import LaneLayout
    from daskscope.store.snapshot import Snapshot


def layout_of(session: Session | None = None) -> tuple[LaneLayout, Snapshot]:
    """Two hosts with two workers of two threads each; the second thread of w1 has done nothing."""
    source, store = Source(), Store()
    spans = []
    for number in range(4):
        one = source.worker(f"w{number}", f"node-{number // 2}", 40101 + number)
        n_busy = 1 if number == 1 else 2
        spans += [Span(0, MS, "inc", one, 10 + thread) for thread in range(n_busy)]
    batch = source.spans(spans)
    store.apply(source.definitions())
    store.apply(batch)
    snapshot = store.snapshot()
    return lane_layout(snapshot, session or Session(), 900), snapshot


def rows_of(layout: LaneLayout, name: str) -> list[int]:
    return [i for i, row in enumerate(layout.rows) if row.title == name and row.lanes]


def test_a_stretch_takes_the_lanes_of_every_row_that_it_touches() -> None:
    layout, snapshot = layout_of()
    first, second = (layout.rows[i] for i in rows_of(layout, "w0"))
    assert lanes_between(layout, first.y_px, first.y_px) == set(first.lanes)
    both = lanes_between(layout, first.y_px + first.height_px - 1, second.y_px)
    assert both == {*first.lanes, *second.lanes}
    assert lanes_between(layout, 0, layout.height_px) == set(range(len(snapshot.lanes)))
    assert lanes_between(layout, layout.height_px + 10, layout.height_px + 20) == frozenset()
    header = layout.rows[0]
    assert lanes_between(layout, header.y_px, header.y_px + 3) == frozenset()


@pytest.mark.parametrize("is_folded", [False, True])
def test_a_host_or_worker_has_the_lanes_below_its_name(is_folded: bool) -> None:
    folded = frozenset({"node-1"}) if is_folded else frozenset()
    layout, snapshot = layout_of(Session(collapsed_hosts=folded))
    hosts = [lanes_of(layout, f"node-{n}", is_host=True) for n in range(2)]
    assert sorted(lane for lanes in hosts for lane in lanes) == list(range(len(snapshot.lanes)))
    assert [len(lanes) for lanes in hosts] == [3, 4]
    parts = [lanes_of(layout, block.key, is_host=False) for block in layout.workers]
    assert [len(lanes) for lanes in parts] == ([2, 1] if is_folded else [2, 1, 2, 2])
    assert frozenset.union(*parts[:2]) == hosts[0]
    assert (
        lanes_of(layout, "gone", is_host=False) == lanes_of(layout, "gone", is_host=True) == set()
    )


@pytest.mark.parametrize("grouping", [Grouping.WORKER, Grouping.FOLDED])
def test_where_rows_have_no_hosts_none_has_lanes(grouping: Grouping) -> None:
    layout, _ = layout_of(Session(grouping=grouping))
    assert lanes_of(layout, "node-0", is_host=True) == frozenset()


def test_a_band_goes_over_headers_and_idle_threads_but_not_over_other_lanes() -> None:
    layout, _ = layout_of()
    w0, w1, w2 = (rows_of(layout, name) for name in ("w0", "w1", "w2"))
    lanes = frozenset(lane for row in (w1[0], w2[0]) for lane in layout.rows[row].lanes)
    (band,) = lane_bands(layout, lanes)
    top, bottom = layout.rows[w1[0]], layout.rows[w2[0]]
    assert band == (top.y_px, bottom.y_px + bottom.height_px)
    apart = frozenset((*layout.rows[w0[0]].lanes, *layout.rows[w2[1]].lanes))
    assert len(lane_bands(layout, apart)) == 2


@pytest.mark.parametrize("lanes", [frozenset(), frozenset({1_000})])
def test_lanes_that_are_not_there_have_no_band(lanes: frozenset[int]) -> None:
    assert lane_bands(layout_of()[0], lanes) == []


def test_folded_lanes_lie_in_the_row_of_their_host() -> None:
    layout, _ = layout_of(replace(Session(), collapsed_hosts=frozenset({"node-0"})))
    (band,) = lane_bands(layout, frozenset({0}))
    row = next(row for row in layout.rows if 0 in row.lanes)
    assert band == (row.y_px, row.y_px + row.height_px)
    assert np.diff(band)[0] == row.height_px


def test_rows_are_taken_one_by_one_downwards_and_given_back() -> None:
    layout, snapshot = layout_of()
    used = sorted(set(layout.row_of_lane.tolist()))
    assert len(used) == len(snapshot.lanes) == 7
    grown = [frozenset[int]()]
    for _ in used:
        grown.append(with_row_below(layout, grown[-1]))

    assert [lowest_row(layout, lanes) for lanes in grown] == [-1, *used]
    assert grown[-1] == set(range(7))
    assert with_row_below(layout, grown[-1]) == grown[-1]
    for fewer, more in pairwise(grown[1:]):
        assert without_lowest_row(layout, more) == fewer
    assert without_lowest_row(layout, grown[1]) == grown[1]


def test_the_first_row_is_not_above_a_given_one() -> None:
    layout, _ = layout_of()
    (_, second) = rows_of(layout, "w2")
    assert with_row_below(layout, frozenset(), second) == set(layout.rows[second].lanes)
    header = second - 2
    assert not layout.rows[header].lanes
    assert with_row_below(layout, frozenset(), header) == set(layout.rows[second - 1].lanes)


def test_a_folded_host_is_one_row() -> None:
    layout, _ = layout_of(Session(collapsed_hosts=frozenset({"node-0"})))
    assert len(with_row_below(layout, frozenset())) == 3
