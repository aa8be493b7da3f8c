"""What the task stream would draw: rectangles, groups, labels."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daskscope.derive.frames import BarState, TaskStreamFrame
from daskscope.store.schema import Kind
from daskscope.theme import COMFORTABLE, COMPACT, DARK, LIGHT, NORMAL, Density, Theme
from daskscope.views.timeline.lanes import (
    Fill,
    Label,
    bar_groups,
    bar_labels,
    bar_shapes,
    lane_shape,
)
from tests.gui import frames
from tests.gui.frames import BarList, frame, lane_indices, layout, one_lane

THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
FIRST_LANE = 1


def labels(drawn: TaskStreamFrame) -> list[Label]:
    """Labels, where every character is 6 px wide."""
    return list(
        bar_labels(drawn.bars, bar_shapes(drawn), frames.NAMES, lambda text: 6.0 * len(text))
    )


@pytest.mark.parametrize("density", [COMPACT, NORMAL, COMFORTABLE])
def test_lanes_have_the_heights_of_their_density(density: Density) -> None:
    shape = lane_shape(density.pitch_px)
    assert (shape.bar_px, shape.sub_px) == (density.bar_px, density.sub_lane_px)
    assert shape.sub_top_px == density.bar_px + density.gap_px


@pytest.mark.parametrize("pitch_px", range(1, 40))
def test_bar_and_sub_lane_lie_within_the_lane_at_every_pitch(pitch_px: int) -> None:
    shape = lane_shape(pitch_px)
    assert 1 <= shape.bar_px <= pitch_px
    assert 0 <= shape.sub_top_px < shape.sub_top_px + shape.sub_px <= pitch_px


def test_below_twelve_pixels_the_sub_lane_is_the_lowest_two_of_the_bar() -> None:
    shape = lane_shape(8)
    assert shape.sub_px == 2
    assert shape.sub_top_px + shape.sub_px == shape.bar_px


def test_a_bar_leaves_its_last_pixel_to_the_lane() -> None:
    drawn = one_lane((100, 140, frames.READ), (140, 180, frames.READ), (180, 182, frames.CLEAN))
    top = drawn.layout.rows[FIRST_LANE].y_px
    expected = [
        [100, top, 138, top + NORMAL.bar_px - 1],
        [140, top, 178, top + NORMAL.bar_px - 1],
        [180, top, 181, top + NORMAL.bar_px - 1],  # two pixels have none to give
    ]
    assert bar_shapes(drawn).rects.tolist() == expected


def test_bars_move_up_when_rows_are_scrolled() -> None:
    drawn = one_lane((100, 140, frames.READ))
    scrolled = replace(drawn, scroll_px=30)
    difference = bar_shapes(drawn).rects - bar_shapes(scrolled).rects
    assert difference.tolist() == [[0, 30, 0, 30]]


@pytest.mark.parametrize(
    ("kind", "fill"),
    [
        (Kind.TRANSFER, Fill.TRANSFER),
        (Kind.DISK_READ, Fill.DISK_READ),
        (Kind.DISK_WRITE, Fill.DISK_WRITE),
        (Kind.DESERIALIZE, Fill.DESERIALIZE),
    ],
)
def test_other_actions_lie_on_the_sub_lane_and_are_not_cut(kind: Kind, fill: Fill) -> None:
    drawn = one_lane((100, 140, frames.TRANSFER_NAME), kind=kind)
    (group,) = bar_groups(drawn.bars, bar_shapes(drawn))
    top = drawn.layout.rows[FIRST_LANE].y_px + NORMAL.bar_px + NORMAL.gap_px
    assert group.fill is fill
    assert group.rects.tolist() == [[100, top, 139, top + NORMAL.sub_lane_px - 1]]


def test_bars_of_one_colour_are_one_group() -> None:
    drawn = one_lane(*((10 * i, 10 * i + 9, 1 + i % 3) for i in range(30)))
    groups = bar_groups(drawn.bars, bar_shapes(drawn))
    assert [(group.fill, group.slot, len(group.rects)) for group in groups] == [
        (Fill.PREFIX, 0, 10),
        (Fill.PREFIX, 1, 10),
        (Fill.PREFIX, 2, 10),
    ]
    assert all(group.rects.flags.c_contiguous for group in groups)


def test_erred_and_running_bars_are_groups_of_their_own_above_the_rest() -> None:
    listed = BarList()
    for x, state in ((0, BarState.ERRED), (50, BarState.FINISHED), (100, BarState.RUNNING)):
        listed.add(FIRST_LANE, x, x + 40, frames.READ, state=state)
    drawn = frame(layout(), listed.bars())
    fills = [group.fill for group in bar_groups(drawn.bars, bar_shapes(drawn))]
    assert fills == [Fill.PREFIX, Fill.RUNNING, Fill.ERRED]


def test_a_running_bar_reaches_to_now() -> None:
    drawn = one_lane((900, 1000, frames.FIT), state=BarState.RUNNING)
    assert bar_shapes(drawn).rects[0, 2] == 999


def test_narrow_bars_of_slots_beyond_the_palette_are_apart_from_wide_ones() -> None:
    drawn = one_lane((0, 40, frames.READ), (50, 55, frames.READ), slot=25)
    groups = bar_groups(drawn.bars, bar_shapes(drawn))
    assert [(group.slot, group.is_narrow) for group in groups] == [(25, False), (25, True)]


def test_spans_that_are_not_dasks_have_no_slot() -> None:
    drawn = one_lane((0, 40, frames.READ), kind=Kind.OTHER)
    (group,) = bar_groups(drawn.bars, bar_shapes(drawn))
    assert (group.fill, group.slot) == (Fill.OTHER, -1)


def test_a_task_without_a_prefix_is_drawn_like_what_is_not_dasks() -> None:
    drawn = one_lane((0, 40, frames.READ), slot=-3)
    (group,) = bar_groups(drawn.bars, bar_shapes(drawn))
    assert (group.fill, group.slot) == (Fill.PREFIX, -1)


def test_no_bars_are_no_groups_and_no_labels() -> None:
    drawn = one_lane()
    assert bar_groups(drawn.bars, bar_shapes(drawn)) == []
    assert labels(drawn) == []


def test_a_name_that_fits_is_a_label() -> None:
    (label,) = labels(one_lane((100, 148, frames.SCORE)))
    assert label.text == "score"
    assert label.left_px == 105
    assert label.width_px >= 30


def test_a_name_that_does_not_fit_is_left_out_of_a_short_bar() -> None:
    assert labels(one_lane((100, 148, frames.SHUFFLE))) == []


def test_a_name_is_cut_where_fifty_pixels_show_most_of_it() -> None:
    name = len("shuffle-transfer") * 6
    assert [label.width_px < name for label in labels(one_lane((0, 85, frames.SHUFFLE)))] == [True]
    assert labels(one_lane((0, 60, frames.SHUFFLE))) == []


def test_a_label_stays_at_the_visible_left_edge() -> None:
    (label,) = labels(one_lane((0, 200, frames.READ)))
    assert label.left_px == 5


def test_the_label_of_an_erred_bar_leaves_room_for_the_cross() -> None:
    (label,) = labels(one_lane((100, 200, frames.READ), state=BarState.ERRED))
    assert label.left_px == 116
    assert label.fill is Fill.ERRED


def test_transfers_have_no_labels() -> None:
    assert labels(one_lane((100, 300, frames.READ), kind=Kind.TRANSFER)) == []


def test_lanes_too_low_for_text_have_no_labels() -> None:
    low = replace(NORMAL, pitch_px=9)
    listed = BarList()
    listed.add(FIRST_LANE, 0, 300, frames.READ)
    assert labels(frame(layout(density=low), listed.bars())) == []


def test_every_lane_of_the_busy_run_is_drawn() -> None:
    drawn = frames.busy_run()
    assert set(lane_indices(drawn.layout)) <= set(drawn.bars.row.tolist())


@pytest.mark.parametrize(
    ("state", "fill", "slot"),
    [
        (BarState.LOST, Fill.LOST, frames.READ - 1),
        (BarState.DROPPED, Fill.DROPPED, frames.READ - 1),
        (BarState.ERRED, Fill.ERRED, -1),
    ],
)
def test_every_end_has_a_look(state: BarState, fill: Fill, slot: int) -> None:
    drawn = one_lane((0, 40, frames.READ), state=state)
    (group,) = bar_groups(drawn.bars, bar_shapes(drawn))
    assert (group.fill, group.slot) == (fill, slot)


def test_what_failed_in_a_sub_lane_is_erred_there() -> None:
    drawn = one_lane((0, 40, frames.TRANSFER_NAME), kind=Kind.TRANSFER, state=BarState.ERRED)
    (group,) = bar_groups(drawn.bars, bar_shapes(drawn))
    assert group.fill is Fill.FAILED
    assert group.rects[0, 3] - group.rects[0, 1] + 1 == NORMAL.sub_lane_px


def test_a_call_of_a_client_is_drawn_like_what_is_not_dasks() -> None:
    drawn = one_lane((0, 40, frames.READ), kind=Kind.CLIENT, slot=-1)
    (group,) = bar_groups(drawn.bars, bar_shapes(drawn))
    assert (group.fill, group.slot) == (Fill.OTHER, -1)


def test_of_lost_bars_that_cover_each_other_one_has_a_label() -> None:
    bars = [(left, 400, frames.READ) for left in (30, 10, 20)]
    found = labels(one_lane(*bars, (500, 700, frames.READ), state=BarState.LOST))
    assert [label.left_px for label in found] == [15, 505]


@THEMES
def test_bars_that_are_not_lit_are_drawn_before_those_that_are(theme: Theme) -> None:
    bars = BarList()
    for x, state in ((10, BarState.FINISHED), (40, BarState.ERRED), (70, BarState.LOST)):
        bars.add(FIRST_LANE, x, x + 20, 1, state=state)
        bars.add(FIRST_LANE, x + 200, x + 220, 1, state=state)
    made = bars.bars()
    made = replace(made, is_lit=made.x0_px < 200)
    drawn = frame(one_lane().layout, made)

    groups = bar_groups(made, bar_shapes(drawn))

    assert [(group.fill, group.is_lit, len(group.rects)) for group in groups] == [
        (fill, is_lit, 1)
        for fill in (Fill.PREFIX, Fill.LOST, Fill.ERRED)
        for is_lit in (False, True)
    ]
