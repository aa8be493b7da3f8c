"""Frames and arrows against a placing one by one."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from daskscope.derive.details.known import Inquired, Known
from daskscope.derive.details.subject import Subject
from daskscope.derive.details.survey import Survey
from daskscope.derive.details.ties import MOST_ARROWS, MOST_WORKERS, STEM_PX, Tied, Ties
from daskscope.derive.frames import BarState, TaskStreamFrame
from daskscope.derive.lanelayout import LaneLayout, RowKind
from daskscope.session import Chosen, Viewport
from daskscope.store.inquiry import Dependent, SpanDetails, SpanLink
from daskscope.store.schema import Kind
from tests.builders import T0
from tests.gui import frames

NOW = T0 + 1_000
OWN = Subject(
    Chosen(0, 0, 1, 1), "sum", "sum-1", 0, Kind.COMPUTE, BarState.FINISHED, "finished",
    2, T0 + 500, T0 + 600, "w0", "tcp://w0",
)  # fmt: skip


def relative(span_id: int, lane: int, start: int, end: int, worker: str = "w1") -> Subject:
    return replace(
        OWN,
        chosen=Chosen(0, span_id, span_id, 1),
        lane=lane,
        start_ns=T0 + start,
        end_ns=T0 + end,
        worker=worker,
        address=f"tcp://{worker}",
    )


def tied(sources: list[Subject], targets: list[Subject], own: Subject = OWN) -> Tied:
    survey = Survey(own)
    survey.relatives = {one.chosen.span_id: one for one in (*sources, *targets)}
    links = tuple(SpanLink(one.chosen.span_id, "") for one in sources)
    ids = [one.chosen.span_id for one in targets]
    return Tied(
        Known(
            subject=own,
            survey=survey,
            details=SpanDetails(1, attributes={}, links=links),
            asked=Inquired.ANSWERED,
            searched=Inquired.ANSWERED,
            dependents={one: Dependent(one, 1, "", "", "", 0, 0) for one in ids},
            searched_share=1.0,
            is_cut=False,
            problem="",
            version=1,
        )
    )


@pytest.fixture
def frame() -> TaskStreamFrame:
    """Ten lanes in rows of their numbers but for 9, which has none; one nanosecond a pixel."""
    layout = frames.layout(((10,),), ())
    rows = np.arange(10, dtype=np.int32)
    rows[9] = -1
    layout = replace(layout, row_of_lane=rows, kinds=np.full(11, RowKind.LANE, np.uint8))
    made = frames.frame(layout, frames.BarList().bars(), frames.empty_dense(11, 1_000))
    return replace(made, view=Viewport(T0, 1.0, 1_000), first_row=0, last_row=11)


def test_an_arrow_leads_from_the_end_of_one_bar_to_the_beginning_of_another(
    frame: TaskStreamFrame,
) -> None:
    found = tied([relative(2, 0, 100, 200)], [relative(3, 4, 700, 800)]).ties(frame, NOW)

    assert found.chosen is not None
    assert (found.chosen.row, found.chosen.x0_px, found.chosen.x1_px) == (2, 500, 600)
    into, out = found.arrows
    assert (into.source_row, into.source_px, into.target_row, into.target_px) == (0, 200, 2, 500)
    assert into.trunk_px == 500 - STEM_PX
    assert (out.source_row, out.source_px, out.target_row, out.target_px) == (2, 600, 4, 700)
    assert out.trunk_px == 600 + STEM_PX
    assert found.related.tolist() == [[0, 100, 200, 0], [4, 700, 800, 0]]


def test_each_worker_has_one_arrow_where_there_are_many(frame: TaskStreamFrame) -> None:
    sources = [relative(10 + n, n % 9, 10 * n, 10 * n + 5, f"w{n % 3}") for n in range(30)]
    found = tied(sources, []).ties(frame, NOW)

    assert len(sources) > MOST_ARROWS
    # What ended last of each worker.
    assert sorted(arrow.source_px for arrow in found.arrows) == [275, 285, 295]
    assert (found.more_in, found.more_out) == (27, 0)
    assert len(found.related) == 30

    targets = [relative(10 + n, n % 9, 700 + n, 705 + n, f"w{n}") for n in range(50)]
    found = tied([], targets).ties(frame, NOW)
    assert [arrow.target_px for arrow in found.arrows] == list(range(700, 700 + MOST_WORKERS))


def test_what_has_no_row_has_no_arrow(frame: TaskStreamFrame) -> None:
    found = tied([relative(2, 9, 1, 2), relative(3, 10_000, 1, 2), relative(4, -1, 1, 2)], [])
    assert found.ties(frame, NOW).arrows == ()

    unplaced = tied([], [relative(2, 1, 700, 800)], replace(OWN, lane=9)).ties(frame, NOW)
    assert unplaced == Ties(None, unplaced.related)


def test_lines_go_beyond_the_view_only_a_little(frame: TaskStreamFrame) -> None:
    far = [relative(2, 0, -(10**15), -(10**14)), relative(3, 1, 10**15, 10**16)]
    found = tied(far, []).ties(frame, NOW)
    assert {arrow.source_px for arrow in found.arrows} == {-63, 1_065}
    assert len(found.related) == 0


def test_what_runs_ends_now(frame: TaskStreamFrame) -> None:
    found = tied([], [], replace(OWN, end_ns=0)).ties(frame, T0 + 900)
    assert found.chosen is not None
    assert found.chosen.x1_px == 900


@pytest.mark.parametrize("seed", range(10))
def test_rectangles_are_where_bars_are(frame: TaskStreamFrame, seed: int) -> None:
    chance = random.Random(seed)
    targets = []
    for number in range(2, 40):
        start = chance.randint(-300, 1_300)
        kind = chance.choice([Kind.COMPUTE, Kind.TRANSFER])
        one = relative(number, chance.randint(-1, 12), start, start + chance.randint(0, 200))
        targets.append(replace(one, kind=kind))
    scrolled = replace(frame, first_row=2, last_row=7)
    found = tied([], targets).ties(scrolled, NOW)
    expected = sorted(
        [
            one.lane,
            max(one.start_ns - T0, -64),
            max(min(one.end_ns - T0, 1_064), max(one.start_ns - T0, -64) + 1),
            int(one.kind is Kind.TRANSFER),
        ]
        for one in targets
        if 2 <= one.lane < 7
        and one.start_ns - T0 < 1_000
        and max(one.end_ns - T0, max(one.start_ns - T0, -64) + 1) > 0
    )
    assert sorted(found.related.tolist()) == expected


def test_a_folded_row_has_no_sub_lane(frame: TaskStreamFrame) -> None:
    layout: LaneLayout = replace(frame.layout, kinds=np.full(11, RowKind.DENSITY, np.uint8))
    one = replace(relative(2, 0, 100, 200), kind=Kind.TRANSFER)
    found = tied([], [one]).ties(replace(frame, layout=layout), NOW)
    assert found.related.tolist() == [[0, 100, 200, 0]]
