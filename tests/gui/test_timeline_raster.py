"""Pixels of what is dense: runs of lanes, density rows, headers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from daskscope.derive.frames import FAILED_KIND, DensityColumns, TaskStreamFrame
from daskscope.derive.lanelayout import RowKind
from daskscope.paint.brush import slot_colour
from daskscope.store.schema import Kind
from daskscope.theme import DARK, LIGHT, NORMAL, Theme, mixed
from daskscope.views.timeline.lanes import (
    lane_shape,
)
from daskscope.views.timeline.raster import Part, lanes_pixels, opacity, shown_colour, stack
from tests.gui import frames
from tests.gui.frames import BarList, frame, layout, one_lane

THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
FIRST_LANE = 1


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


def test_density_rows_of_other_prefixes_and_of_nothing_stand_side_by_side() -> None:
    lanes = layout((), ((2,), (2,), (2,)))
    rows = [i for i, row in enumerate(lanes.rows) if row.kind is RowKind.DENSITY]
    half, nothing = np.full((1, 1012), 0.5, np.float32), np.zeros(1012, np.float32)
    shown = {3: half, 1: half, None: half[:0]}
    densities = tuple(
        DensityColumns(row, () if slot is None else (slot,), share, nothing)
        for row, (slot, share) in zip(rows, shown.items(), strict=True)
    )
    drawn = pixels_of(frame(lanes, BarList().bars(), densities=densities), LIGHT)
    for row, slot in zip(rows, shown, strict=True):
        top, height = lanes.rows[row].y_px, lanes.rows[row].height_px
        colours = set(drawn[top : top + height, 500].tolist())
        assert colours == {LIGHT.lane, LIGHT.lane if slot is None else slot_colour(LIGHT, slot)}


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
