"""What the task stream's widget paints where."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtGui import QImage

from daskscope.derive.frames import BarState, EventMark, Evicted, TaskStreamFrame
from daskscope.derive.lanelayout import RowKind
from daskscope.paint.brush import DROPPED_SHARE, slot_colour
from daskscope.theme import GUTTER_PX, LIGHT, NORMAL, Theme, mixed
from daskscope.views.timeline.stream import StreamView
from tests.gui import frames
from tests.gui.frames import BarList, frame, layout

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot
from tests.gui.streams import (
    FIRST_LANE,
    SECOND_LANE,
    SIZE,
    THEMES,
    colour_at,
    lane_top,
    picture,
    shown,
    some_bars,
)


@THEMES
def test_bars_are_painted_in_the_colour_of_their_prefix(qtbot: QtBot, theme: Theme) -> None:
    drawn = some_bars()
    image, top = picture(shown(qtbot, drawn, theme)), lane_top(drawn, FIRST_LANE)
    assert colour_at(image, 102, top + 5) == slot_colour(theme, frames.READ - 1)
    assert colour_at(image, 220, top) == slot_colour(theme, frames.P2P - 1)
    assert colour_at(image, 239, top + 5) == theme.lane
    assert colour_at(image, 303, top + 5) == theme.erred
    sub_top = top + NORMAL.bar_px + NORMAL.gap_px
    assert colour_at(image, 420, sub_top) == theme.transfer
    assert colour_at(image, 420, sub_top - 1) == theme.lane


@THEMES
def test_lines_of_events_leave_out_the_headers_of_hosts(qtbot: QtBot, theme: Theme) -> None:
    events = (EventMark(500, "graph", "graph submitted", has_line=True),)
    drawn = replace(some_bars(), events=events)
    image = picture(shown(qtbot, drawn, theme))
    crossed = {y for y in range(SIZE[1]) if colour_at(image, 500, y) == theme.accent}
    headers = [row for row in drawn.layout.rows if row.kind is RowKind.HOST]
    assert len(headers) > 1
    for row in headers:
        assert not crossed & {*range(row.y_px, row.y_px + row.height_px)}
        assert crossed & {*range(row.y_px + row.height_px, row.y_px + row.height_px + 6)}


@THEMES
def test_a_running_bar_has_lines_and_no_right_edge(qtbot: QtBot, theme: Theme) -> None:
    drawn = some_bars()
    image, top = picture(shown(qtbot, drawn, theme)), lane_top(drawn, SECOND_LANE)
    inside = {colour_at(image, x, top + 7) for x in range(980, 1000)}
    assert len(inside) > 2
    frame_colour = colour_at(image, 900, top + 7)
    assert colour_at(image, 950, top) == frame_colour
    right_edge = {colour_at(image, 999, top + y) for y in range(1, 14)}
    assert right_edge != {frame_colour}


@THEMES
def test_now_is_a_line_and_what_is_right_of_it_is_hatched(qtbot: QtBot, theme: Theme) -> None:
    drawn = some_bars()
    image = picture(shown(qtbot, drawn, theme))
    assert {colour_at(image, drawn.now_px, y) for y in range(480)} == {theme.accent}
    right = {colour_at(image, x, 200) for x in range(drawn.now_px + 1, 1012)}
    assert theme.lane not in right
    assert len(right) > 1


@THEMES
def test_the_lanes_of_a_worker_that_is_gone_are_hatched(qtbot: QtBot, theme: Theme) -> None:
    gone_ns = frames.START_NS + 15_000_000_000
    lanes = layout(gone_ns=gone_ns)
    drawn = frame(lanes, BarList().bars())
    image = picture(shown(qtbot, drawn, theme))
    gone = next(block for block in lanes.workers if block.gone_ns)
    x = round(drawn.view.x_px(gone_ns))
    line = {colour_at(image, x + dx, gone.y_px + 2) for dx in range(1, 60)}
    assert theme.lane not in line
    assert colour_at(image, x - 5, gone.y_px + 2) == theme.lane


@THEMES
def test_no_line_of_an_event_cuts_the_text_that_a_worker_is_gone(
    qtbot: QtBot, theme: Theme
) -> None:
    gone_ns = frames.START_NS + 15_000_000_000
    lanes = layout(gone_ns=gone_ns)
    drawn = frame(lanes, BarList().bars())
    gone = next(block for block in lanes.workers if block.gone_ns)
    middle = round((drawn.view.x_px(gone_ns) + drawn.now_px) / 2)
    event = EventMark(middle, "graph", "graph submitted", has_line=True)
    before, after = (
        picture(shown(qtbot, one, theme)) for one in (drawn, replace(drawn, events=(event,)))
    )
    text = GUTTER_PX + middle - 8, gone.y_px + gone.height_px // 2 - 6, 16, 12
    assert after.copy(*text) == before.copy(*text)
    assert after.copy(text[0], gone.y_px, 16, 12) != before.copy(text[0], gone.y_px, 16, 12)


@THEMES
def test_the_lanes_of_a_worker_are_hatched_until_it_is_back(qtbot: QtBot, theme: Theme) -> None:
    lanes = layout()
    block = lanes.workers[2]
    gap_ns = frames.START_NS + 5_000_000_000, frames.START_NS + 9_000_000_000
    workers = (*lanes.workers[:2], replace(block, gaps_ns=(gap_ns,)), *lanes.workers[3:])
    drawn = frame(replace(lanes, workers=workers), BarList().bars())
    image = picture(shown(qtbot, drawn, theme))
    left, right = (round(drawn.view.x_px(edge_ns)) for edge_ns in gap_ns)
    inside = {colour_at(image, x, block.y_px + 2) for x in range(left, right)}
    assert theme.lane not in inside
    assert colour_at(image, left - 5, block.y_px + 2) == theme.lane
    assert colour_at(image, right + 5, block.y_px + 2) == theme.lane


@THEMES
def test_the_selection_is_tinted_between_two_edges(qtbot: QtBot, theme: Theme) -> None:
    drawn = frame(layout(), BarList().bars())
    view = shown(qtbot, drawn, theme)
    ends = (drawn.view.time_ns(300), drawn.view.time_ns(500))
    view.show_frame(drawn, (), frames.NAMES, frozenset(), ends)
    image, y = picture(view), lane_top(drawn, FIRST_LANE) + 3
    assert colour_at(image, 300, y) == theme.accent
    assert colour_at(image, 500, y) == theme.accent
    assert colour_at(image, 400, y) not in (theme.lane, theme.accent)
    assert colour_at(image, 250, y) == theme.lane


def test_a_dimmed_prefix_is_painted_faintly(qtbot: QtBot) -> None:
    drawn = some_bars()
    view = shown(qtbot, drawn)
    view.show_frame(drawn, (), frames.NAMES, frozenset({frames.P2P - 1}))
    pixel = colour_at(picture(view), 220, lane_top(drawn, FIRST_LANE))
    assert pixel not in (slot_colour(LIGHT, frames.P2P - 1), LIGHT.lane)


def test_the_hovered_bar_is_framed_outside(qtbot: QtBot) -> None:
    drawn = some_bars()
    view = shown(qtbot, drawn)
    view.show_hit(frames.hit(FIRST_LANE, 200, 240, "key"))
    image, top = picture(view), lane_top(drawn, FIRST_LANE)
    assert colour_at(image, 199, top + 5) == LIGHT.t1
    assert colour_at(image, 220, top - 1) == LIGHT.t1
    view.show_hit(None)
    assert colour_at(picture(view), 199, top + 5) == LIGHT.lane


def test_an_event_with_a_line_is_dashed_through_the_lanes(qtbot: QtBot) -> None:
    events = (EventMark(500, "removed", "w3 lost", True), EventMark(600, "other", "spill", False))
    drawn = frame(layout(), BarList().bars(), events=events)
    view = shown(qtbot, drawn)
    view.show_frame(drawn, (), frames.NAMES)
    image = picture(view)
    assert {LIGHT.t1, LIGHT.lane} <= {colour_at(image, 500, y) for y in range(480)}
    assert LIGHT.t1 not in {colour_at(image, 600, y) for y in range(480)}


@THEMES
@pytest.mark.parametrize("width", [1024, 1280, 2560])
@pytest.mark.parametrize("n_lanes", [8, 64, 400])
def test_every_size_is_painted_without_a_warning(
    qtbot: QtBot, theme: Theme, width: int, n_lanes: int
) -> None:
    view = StreamView(theme)
    qtbot.addWidget(view)
    view.resize(width, 500)
    view.show()
    assert picture(view).size() == view.size()  # before the first frame
    drawn = frames.busy_run(view.lanes_size_px[0], 500, n_lanes)
    view.show_frame(drawn, frames.ticks(view.lanes_size_px[0]), frames.NAMES)
    assert picture(view).size() == view.size()
    view.resize(width - 200, 300)  # painted once before the frame of the new size comes
    assert picture(view).size() == view.size()


def test_names_of_any_shape_are_painted_as_text(qtbot: QtBot) -> None:
    names = ["", "<img src=x>&amp;\n<b>" + 5_000 * "ä", *frames.NAMES[2:]]
    listed = BarList()
    listed.add(FIRST_LANE, 0, 1_000, 1)
    drawn = frame(layout(), listed.bars())
    view = shown(qtbot, drawn)
    view.show_frame(drawn, (), names)
    top = lane_top(drawn, FIRST_LANE)
    inks = {colour_at(picture(view), x, top + 7) for x in range(5, 60)}
    assert len(inks) > 1


def test_the_widget_has_a_name_for_screen_readers(qtbot: QtBot) -> None:
    assert shown(qtbot, some_bars()).accessibleName() == "Task stream"


@THEMES
def test_a_lost_bar_has_falling_lines_and_a_cap_where_its_worker_went(
    qtbot: QtBot, theme: Theme
) -> None:
    drawn = one_bar(BarState.LOST)
    image, top = picture(shown(qtbot, drawn, theme)), lane_top(drawn, FIRST_LANE)
    right = 299 - 2  # the last pixel is the lane's
    assert [colour_at(image, x, top + 7) == theme.erred for x in range(right - 3, right + 2)] == [
        False,
        True,
        True,
        True,
        False,
    ]
    # Along a falling line the colour stays the same, and it is not that of its neighbours.
    inside = [colour_at(image, 240 + step, top + 2 + step) for step in range(8)]
    assert len(set(inside)) == 1
    assert len({colour_at(image, 240 + step, top + 2) for step in range(6)}) > 1


@THEMES
def test_a_bar_that_came_to_nothing_is_a_frame(qtbot: QtBot, theme: Theme) -> None:
    drawn = one_bar(BarState.DROPPED)
    image, top = picture(shown(qtbot, drawn, theme)), lane_top(drawn, FIRST_LANE)
    inside = {colour_at(image, x, top + 7) for x in range(201, 297)}
    assert inside == {mixed(slot_colour(theme, frames.P2P - 1), theme.lane, DROPPED_SHARE)}
    edge = colour_at(image, 200, top + 7)
    assert edge == colour_at(image, 297, top + 7) == colour_at(image, 250, top)
    assert edge not in inside


def one_bar(state: BarState) -> TaskStreamFrame:
    listed = BarList()
    listed.add(FIRST_LANE, 200, 299, frames.P2P, state=state)
    drawn = frame(layout(), listed.bars())
    # No name stands on the pattern.
    return replace(drawn, bars=replace(drawn.bars, name=np.zeros(1, np.uint32)))


@pytest.mark.parametrize("ratio", [1.25, 1.5, 2.0])
def test_edges_are_sharp_at_any_resolution(qtbot: QtBot, ratio: float) -> None:
    drawn = frames.busy_run(1012, 480, 40)
    view = shown(qtbot, drawn)
    row = next(r for r in drawn.layout.rows[drawn.first_row :] if r.kind is RowKind.LANE)
    y_px = row.y_px - drawn.scroll_px + 1  # above the labels

    def colours(scale: float) -> set[int]:
        image = QImage(view.size() * scale, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(scale)
        view.render(image)
        left, y = round((GUTTER_PX + 1) * scale), round((y_px + 0.5) * scale)
        return {image.pixel(x, y) for x in range(left, image.width() - round(12 * scale))}

    # Where an edge were blurred there would be colours between those of its sides.
    assert colours(ratio) <= colours(1.0)


@THEMES
def test_what_was_evicted_looks_other_than_idle_time(qtbot: QtBot, theme: Theme) -> None:
    drawn = some_bars()
    before = picture(shown(qtbot, drawn, theme))
    evicted = Evicted(0, 600, "9 spans evicted; see File, Open the earlier part", "9 evicted")
    after = picture(shown(qtbot, replace(drawn, evicted=evicted), theme))
    y = lane_top(drawn, SECOND_LANE) + 5
    lanes = slice(420, 590), slice(610, 780)
    within, beyond = (
        sum(colour_at(before, x, y) != colour_at(after, x, y) for x in range(part.start, part.stop))
        for part in lanes
    )
    assert (within > 20, beyond) == (True, 0)
    header = GUTTER_PX, 4, 600, 14  # hosts were there all the time
    assert after.copy(*header) == before.copy(*header)
    # The text stands on a ground of its own, over all that is drawn.
    grounds = [colour_at(after, x, drawn.height_px // 2 - 8) for x in range(600)]
    assert grounds.count(theme.lane2) > 200


@pytest.mark.parametrize(("width_px", "is_told"), [(100, True), (40, False)])
def test_in_little_room_too_it_is_said_that_spans_were_evicted(
    qtbot: QtBot, width_px: int, is_told: bool
) -> None:
    drawn = some_bars()
    evicted = Evicted(0, width_px, "1 310 720 spans evicted; see File", "1 310 720 spans evicted")
    after = picture(shown(qtbot, replace(drawn, evicted=evicted), LIGHT))
    grounds = [colour_at(after, x, drawn.height_px // 2 - 8) for x in range(width_px)]
    assert (grounds.count(LIGHT.lane2) > 30) is is_told
