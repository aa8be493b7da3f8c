"""What the task stream would draw: rectangles, groups, labels, pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from daskscope.derive.frames import FAILED_KIND, BarState, DensityColumns, TaskStreamFrame
from daskscope.derive.lanelayout import RowKind
from daskscope.paint.brush import slot_colour
from daskscope.store.schema import Kind
from daskscope.theme import COMFORTABLE, COMPACT, DARK, LIGHT, NORMAL, Density, Theme, mixed
from daskscope.views.timeline.lanes import (
    Fill,
    Label,
    bar_groups,
    bar_labels,
    bar_shapes,
    lane_shape,
)
from daskscope.views.timeline.raster import Part, lanes_pixels, opacity, shown_colour, stack
from tests.gui import frames
from tests.gui.frames import BarList, frame, lane_indices, layout

THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
FIRST_LANE = 1


def one_lane(*bars: tuple[float, float, int], **more: object) -> TaskStreamFrame:
    listed = BarList()
    for x0, x1, name in bars:
        listed.add(FIRST_LANE, x0, x1, name, **more)  # type: ignore[arg-type]
    return frame(layout(), listed.bars())


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


# Pixels -------------------------------------------------------------------------------------


def test_shares_are_stacked_from_the_bottom() -> None:
    share = np.array([[0.5, 0.0, 0.0], [0.25, 0.5, 0.0]], np.float32)
    pixels = stack(share, 4, [0x0A, 0x0B]) & 0xFFFFFF
    assert pixels.tolist() == [
        [0x00, 0x00, 0x00],
        [0x0B, 0x00, 0x00],
        [0x0A, 0x0B, 0x00],
        [0x0A, 0x0B, 0x00],
    ]


def test_shares_of_more_than_everything_are_cut_at_the_top() -> None:
    pixels = stack(np.array([[0.8], [0.8]], np.float32), 10, [1, 2]) & 0xFFFFFF
    assert pixels[:, 0].tolist() == [2, 2, 1, 1, 1, 1, 1, 1, 1, 1]


def pixels_of(
    drawn: TaskStreamFrame, theme: Theme, dimmed: frozenset[int] = frozenset()
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint32]]:
    return lanes_pixels(drawn, theme, dimmed, Part(slice(0, drawn.view.width_px))) & np.uint32(
        0xFFFFFF
    )


def dense_lane(slot: int, busy: int, kind: int = 0) -> TaskStreamFrame:
    drawn = one_lane()
    drawn.dense.slot[FIRST_LANE, 300:400] = slot
    drawn.dense.busy[FIRST_LANE, 300:400] = busy
    drawn.dense.kind[FIRST_LANE, 300:400] = kind
    return drawn


@THEMES
@pytest.mark.parametrize(("busy", "share"), [(255, 1.0), (0, 0.15)])
def test_a_dense_run_is_the_prefix_mixed_into_the_lane(
    theme: Theme, busy: int, share: float
) -> None:
    drawn = dense_lane(frames.GETITEM - 1, busy)
    top = drawn.layout.rows[FIRST_LANE].y_px
    pixels = pixels_of(drawn, theme)
    expected = mixed(slot_colour(theme, frames.GETITEM - 1), theme.lane, share)
    bar = pixels[top : top + NORMAL.bar_px, 300:400]
    assert set(bar.ravel().tolist()) == {expected}
    assert pixels[top, 299] == theme.lane
    assert pixels[top + NORMAL.bar_px, 350] == theme.lane


@THEMES
def test_errors_in_a_dense_run_are_black_or_its_twin(theme: Theme) -> None:
    drawn = dense_lane(-2, 255)
    assert pixels_of(drawn, theme)[drawn.layout.rows[FIRST_LANE].y_px, 350] == theme.erred


@THEMES
def test_what_is_not_dasks_is_grey_in_a_dense_run(theme: Theme) -> None:
    drawn = dense_lane(-3, 255)
    assert pixels_of(drawn, theme)[drawn.layout.rows[FIRST_LANE].y_px, 350] == theme.t3


@THEMES
@pytest.mark.parametrize(("slot", "token"), [(-2, "erred"), (-3, "t3")])
def test_errors_and_others_have_their_colour_in_a_stack(
    theme: Theme, slot: int, token: str
) -> None:
    assert shown_colour(theme, slot, frozenset({0})) == getattr(theme, token)


@THEMES
def test_dimmed_prefixes_are_ghosts_in_a_dense_run(theme: Theme) -> None:
    drawn = dense_lane(2, 255)
    pixel = pixels_of(drawn, theme, frozenset({2}))[drawn.layout.rows[FIRST_LANE].y_px, 350]
    assert pixel == mixed(slot_colour(theme, 2), theme.lane, opacity(theme))


@THEMES
def test_transfers_of_a_dense_run_lie_on_the_sub_lane(theme: Theme) -> None:
    drawn = dense_lane(2, 255, Kind.TRANSFER)
    sub_top = drawn.layout.rows[FIRST_LANE].y_px + NORMAL.bar_px + NORMAL.gap_px
    pixels = pixels_of(drawn, theme)
    assert set(pixels[sub_top : sub_top + NORMAL.sub_lane_px, 350].tolist()) == {theme.transfer}


def test_disk_in_a_dense_run_is_dashed() -> None:
    drawn = dense_lane(2, 255, Kind.DISK_READ)
    sub_top = drawn.layout.rows[FIRST_LANE].y_px + NORMAL.bar_px + NORMAL.gap_px
    line = pixels_of(drawn, LIGHT)[sub_top, 300:320].tolist()
    assert line == ([LIGHT.disk] * 4 + [LIGHT.lane]) * 4


@THEMES
def test_headers_of_hosts_cover_the_grid(theme: Theme) -> None:
    drawn = one_lane()
    assert set(pixels_of(drawn, theme)[0].tolist()) == {theme.hdr}
    assert set(pixels_of(drawn, theme)[NORMAL.host_header_px - 1].tolist()) == {theme.line2}


@pytest.mark.parametrize("scroll", [0, 5, 21, 22, 40, 300])
def test_rows_cut_by_an_edge_keep_their_visible_lines(scroll: int) -> None:
    whole = frames.busy_run(height=900)
    lower = replace(whole, scroll_px=scroll, height_px=400)
    expected = pixels_of(whole, LIGHT)[scroll : scroll + 400]
    assert np.array_equal(pixels_of(lower, LIGHT), expected)


@THEMES
def test_a_density_row_is_stacked_and_shows_transfers_below(theme: Theme) -> None:
    lanes = layout()
    row = next(i for i, row in enumerate(lanes.rows) if row.kind is RowKind.DENSITY)
    share = np.full((1, 1012), 0.5, np.float32)
    columns = DensityColumns(row, (3,), share, np.ones(1012, np.float32))
    drawn = frame(lanes, BarList().bars(), densities=(columns,))
    top, height = lanes.rows[row].y_px, lanes.rows[row].height_px
    column = pixels_of(drawn, theme)[top : top + height, 500].tolist()
    assert column.count(slot_colour(theme, 3)) == (height - 8) // 2
    assert column[-1] == theme.transfer
    assert column[0] == theme.lane


@THEMES
def test_one_failure_among_thousands_is_a_pixel_of_a_density_row(theme: Theme) -> None:
    lanes = layout()
    row = next(i for i, row in enumerate(lanes.rows) if row.kind is RowKind.DENSITY)
    share = np.full((2, 1012), 0.9, np.float32)
    share[0] = 0.0
    share[0, 500] = 1e-5
    columns = DensityColumns(row, (-2, 3), share, np.zeros(1012, np.float32))
    drawn = frame(lanes, BarList().bars(), densities=(columns,))
    top, height = lanes.rows[row].y_px, lanes.rows[row].height_px
    pixels = pixels_of(drawn, theme)[top : top + height]
    assert pixels[:, 500].tolist().count(theme.erred) == 1
    assert theme.erred not in pixels[:, 499].tolist()


def test_a_frame_of_no_rows_is_empty_lane() -> None:
    drawn = frame(layout((), ()), BarList().bars())
    pixels = lanes_pixels(
        drawn, LIGHT, frozenset(), Part(slice(0, drawn.view.width_px))
    ) & np.uint32(0xFFFFFF)
    assert set(pixels.ravel().tolist()) == {LIGHT.lane}


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
def test_failures_of_a_dense_sub_lane_are_black_or_its_twin(theme: Theme) -> None:
    drawn = dense_lane(slot=-1, busy=0, kind=FAILED_KIND)
    top = drawn.layout.rows[FIRST_LANE].y_px + NORMAL.bar_px + NORMAL.gap_px
    assert pixels_of(drawn, theme)[top, 350] & 0xFFFFFF == theme.erred


def lit_run(drawn: TaskStreamFrame, busy: int, kind: int = 0) -> TaskStreamFrame:
    """`drawn`, of which slot 2 is lit from column 340 to 350."""
    lit = frames.empty_dense(len(drawn.layout.rows), drawn.view.width_px)
    lit.slot[FIRST_LANE, 340:350] = 2
    lit.busy[FIRST_LANE, 340:350] = busy
    lit.kind[FIRST_LANE, 340:350] = kind
    return replace(drawn, lit=lit)


@THEMES
@pytest.mark.parametrize(("busy", "share"), [(255, 1.0), (0, 0.5)])
def test_what_is_lit_in_a_dense_run_stands_out_of_ghosts(
    theme: Theme, busy: int, share: float
) -> None:
    drawn = lit_run(dense_lane(frames.GETITEM - 1, 255), busy)
    top = drawn.layout.rows[FIRST_LANE].y_px
    pixels = pixels_of(drawn, theme)
    ghost = mixed(slot_colour(theme, frames.GETITEM - 1), theme.lane, opacity(theme))
    lit = mixed(slot_colour(theme, 2), theme.lane, share)

    line = pixels[top + 3, 300:400].tolist()
    assert line[:40] == [ghost] * 40
    assert line[40:50] == [lit] * 10
    assert line[50:] == [ghost] * 50


@THEMES
def test_errors_and_sub_lanes_are_ghosts_too_where_they_are_not_lit(theme: Theme) -> None:
    drawn = lit_run(dense_lane(-2, 255, kind=int(Kind.TRANSFER)), 255, int(Kind.TRANSFER))
    top = drawn.layout.rows[FIRST_LANE].y_px
    pixels = pixels_of(drawn, theme)
    sub = top + lane_shape(drawn.layout.pitch_px).sub_top_px

    assert pixels[top, 320] == mixed(theme.erred, theme.lane, opacity(theme))
    assert pixels[sub, 320] == mixed(theme.transfer, theme.lane, opacity(theme))
    assert pixels[sub, 345] == theme.transfer


@THEMES
def test_little_that_is_lit_in_a_density_row_is_a_pixel_below_a_ghost(theme: Theme) -> None:
    lanes = layout()
    row = next(i for i, row in enumerate(lanes.rows) if row.kind is RowKind.DENSITY)
    share = np.full((1, 1012), 0.9, np.float32)
    few = np.zeros((1, 1012), np.float32)
    few[0, 500] = 1e-4
    nothing = np.zeros(1012, np.float32)
    drawn = frame(lanes, BarList().bars(), densities=(DensityColumns(row, (3,), share, nothing),))
    drawn = replace(
        drawn,
        lit=frames.empty_dense(len(lanes.rows), 1012),
        lit_densities=(DensityColumns(row, (2,), few, nothing),),
    )
    top, height = lanes.rows[row].y_px, lanes.rows[row].height_px
    pixels = pixels_of(drawn, theme)[top : top + height]

    assert pixels[:, 500].tolist().count(slot_colour(theme, 2)) == 1
    assert set(pixels[:, 499].tolist()) == {theme.wait2, theme.lane}


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
