"""The task stream's widget: what it paints where, and which gestures it reports."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from daskscope.derive.frames import BarState, EventMark, TaskStreamFrame
from daskscope.derive.lanelayout import RowKind
from daskscope.paint.brush import DROPPED_SHARE, slot_colour
from daskscope.store.schema import Kind
from daskscope.theme import DARK, GUTTER_PX, LIGHT, NORMAL, Theme, mixed
from daskscope.views.timeline.stream import StreamView
from daskscope.views.timeline.strip import FINE_ZOOM_STEP, SCROLL_STEP_PX, ZOOM_STEP
from tests.gui import frames
from tests.gui.frames import BarList, frame, layout

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
SIZE = (GUTTER_PX + 1012, 480)
FIRST_LANE, SECOND_LANE = 1, 2
NO_KEYS = Qt.KeyboardModifier.NoModifier


def shown(qtbot: QtBot, drawn: TaskStreamFrame, theme: Theme = LIGHT) -> StreamView:
    view = StreamView(theme)
    qtbot.addWidget(view)
    view.resize(*SIZE)
    view.show_frame(drawn, frames.ticks(), frames.NAMES)
    view.show()
    return view


def picture(view: StreamView) -> QImage:
    return view.grab().toImage()


def colour_at(image: QImage, x: int, y: int) -> int:
    """0xRRGGBB at a pixel of the lanes."""
    return image.pixel(GUTTER_PX + x, y) & 0xFFFFFF


def some_bars() -> TaskStreamFrame:
    listed = BarList()
    listed.add(FIRST_LANE, 100, 104, frames.READ)
    listed.add(FIRST_LANE, 200, 240, frames.P2P)
    listed.add(FIRST_LANE, 300, 306, frames.FIT, state=BarState.ERRED)
    listed.add(FIRST_LANE, 400, 440, frames.TRANSFER_NAME, Kind.TRANSFER)
    listed.add(SECOND_LANE, 900, 1000, frames.CLEAN, state=BarState.RUNNING)
    return frame(layout(), listed.bars())


def lane_top(drawn: TaskStreamFrame, row: int) -> int:
    return drawn.layout.rows[row].y_px - drawn.scroll_px


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


# Gestures -------------------------------------------------------------------------------------


def wheel(
    view: StreamView,
    x: int,
    notches: float,
    modifiers: Qt.KeyboardModifier = NO_KEYS,
    *,
    is_sideways: bool = False,
) -> None:
    at = QPointF(x, 100)
    delta = QPoint(round(120 * notches), 0) if is_sideways else QPoint(0, round(120 * notches))
    event = QWheelEvent(
        at,
        view.mapToGlobal(at),
        QPoint(),
        delta,
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view, event)


@pytest.mark.parametrize(
    ("modifiers", "step"),
    [
        (NO_KEYS, ZOOM_STEP),
        (Qt.KeyboardModifier.ControlModifier, FINE_ZOOM_STEP),
    ],
)
def test_the_wheel_zooms_at_the_pointer(
    qtbot: QtBot, modifiers: Qt.KeyboardModifier, step: float
) -> None:
    view = shown(qtbot, some_bars())
    with qtbot.waitSignal(view.zoomed) as zoomed:
        wheel(view, GUTTER_PX + 300, 1, modifiers)
    assert zoomed.args == [300.0, pytest.approx(1 / step)]
    with qtbot.waitSignal(view.zoomed) as zoomed:
        wheel(view, GUTTER_PX + 300, -1, modifiers)
    assert zoomed.args == [300.0, pytest.approx(step)]


@pytest.mark.parametrize("is_sideways", [False, True])
def test_a_wheel_with_shift_or_sideways_pans(qtbot: QtBot, is_sideways: bool) -> None:
    view = shown(qtbot, some_bars())
    shift = Qt.KeyboardModifier.ShiftModifier
    modifiers = NO_KEYS if is_sideways else shift
    with qtbot.waitSignal(view.panned) as panned:
        wheel(view, GUTTER_PX + 300, -1, modifiers, is_sideways=is_sideways)
    assert panned.args == [pytest.approx(101.2)]


@pytest.mark.parametrize(
    ("x", "modifiers"),
    [
        (50, NO_KEYS),
        (GUTTER_PX + 300, Qt.KeyboardModifier.AltModifier),
    ],
)
def test_a_wheel_over_the_gutter_or_with_alt_scrolls(
    qtbot: QtBot, x: int, modifiers: Qt.KeyboardModifier
) -> None:
    view = shown(qtbot, some_bars())
    with qtbot.waitSignal(view.scrolled) as scrolled:
        wheel(view, x, -1, modifiers)
    assert scrolled.args == [SCROLL_STEP_PX]


def drag(
    view: StreamView,
    start: tuple[int, int],
    stop: tuple[int, int],
    button: Qt.MouseButton = Qt.MouseButton.LeftButton,
    modifiers: Qt.KeyboardModifier = NO_KEYS,
) -> None:
    steps = [
        (QEvent.Type.MouseButtonPress, start, button),
        (QEvent.Type.MouseMove, ((start[0] + stop[0]) // 2, start[1]), button),
        (QEvent.Type.MouseMove, stop, button),
        (QEvent.Type.MouseButtonRelease, stop, Qt.MouseButton.NoButton),
    ]
    for kind, (x, y), held in steps:
        at = QPointF(GUTTER_PX + x, y)
        event = QMouseEvent(kind, at, view.mapToGlobal(at), button, held, modifiers)
        QApplication.sendEvent(view, event)


def test_a_drag_selects_time_in_either_direction(qtbot: QtBot) -> None:
    drawn = some_bars()
    view = shown(qtbot, drawn)
    selections: list[tuple[int, int]] = []
    view.selected.connect(lambda start, end: selections.append((start, end)))
    drag(view, (300, 100), (500, 120))
    drag(view, (500, 100), (300, 120))
    expected = (drawn.view.time_ns(300), drawn.view.time_ns(500))
    assert selections[1] == selections[3] == expected
    assert selections[1][0] > 2**60  # nanoseconds of the epoch arrive whole


def test_an_edge_of_the_selection_is_moved_by_dragging_it(qtbot: QtBot) -> None:
    drawn = some_bars()
    view = shown(qtbot, drawn)
    ends = (drawn.view.time_ns(300), drawn.view.time_ns(500))
    view.show_frame(drawn, (), frames.NAMES, frozenset(), ends)
    selections: list[tuple[int, int]] = []
    view.selected.connect(lambda start, end: selections.append((start, end)))
    drag(view, (502, 100), (700, 100))
    assert selections[-1] == (ends[0], drawn.view.time_ns(700))


def test_a_middle_drag_pans(qtbot: QtBot) -> None:
    view = shown(qtbot, some_bars())
    moves: list[float] = []
    view.panned.connect(moves.append)
    drag(view, (500, 100), (400, 100), Qt.MouseButton.MiddleButton, NO_KEYS)
    assert sum(moves) == 100.0


def test_space_pauses_unless_it_was_held_for_a_drag(qtbot: QtBot) -> None:
    view = shown(qtbot, some_bars())
    pauses: list[bool] = []
    view.paused.connect(lambda: pauses.append(True))
    moves: list[float] = []
    view.panned.connect(moves.append)
    QTest.keyPress(view, Qt.Key.Key_Space)
    drag(view, (500, 100), (450, 100))
    QTest.keyRelease(view, Qt.Key.Key_Space)
    assert (sum(moves), pauses) == (50.0, [])
    QTest.keyClick(view, Qt.Key.Key_Space)
    assert pauses == [True]


def test_a_press_without_a_drag_is_a_click(qtbot: QtBot) -> None:
    view = shown(qtbot, some_bars())
    with qtbot.assertNotEmitted(view.selected), qtbot.waitSignal(view.clicked) as clicked:
        QTest.mouseClick(view, Qt.MouseButton.LeftButton, NO_KEYS, QPoint(GUTTER_PX + 220, 30))
    assert clicked.args == [220, 30]


def test_a_double_click_in_the_lanes_activates(qtbot: QtBot) -> None:
    view = shown(qtbot, some_bars())
    with qtbot.waitSignal(view.activated) as activated:
        QTest.mouseDClick(view, Qt.MouseButton.LeftButton, NO_KEYS, QPoint(GUTTER_PX + 220, 30))
    assert activated.args == [220, 30]


@pytest.mark.parametrize("x", [14, 60, GUTTER_PX + 300])
def test_a_click_on_a_host_folds_it(qtbot: QtBot, x: int) -> None:
    drawn = some_bars()
    view = shown(qtbot, drawn)
    hosts = [row for row in drawn.layout.rows if row.title.startswith("node")]
    with qtbot.waitSignal(view.host_folded) as folded:
        QTest.mouseClick(view, Qt.MouseButton.LeftButton, NO_KEYS, QPoint(x, hosts[1].y_px + 5))
    assert folded.args == ["node-02"]


def test_a_click_on_a_lane_folds_nothing(qtbot: QtBot) -> None:
    drawn = some_bars()
    view = shown(qtbot, drawn)
    with qtbot.assertNotEmitted(view.host_folded):
        pos = QPoint(60, lane_top(drawn, FIRST_LANE) + 5)
        QTest.mouseClick(view, Qt.MouseButton.LeftButton, NO_KEYS, pos)


def test_the_pointer_is_reported_over_the_lanes_and_when_it_leaves(qtbot: QtBot) -> None:
    view = shown(qtbot, some_bars())
    with qtbot.waitSignal(view.hovered) as hovered:
        QTest.mouseMove(view, QPoint(GUTTER_PX + 220, 40))
    assert hovered.args == [220, 40]
    with qtbot.waitSignal(view.left):
        QApplication.sendEvent(view, QEvent(QEvent.Type.Leave))


def test_rows_that_do_not_fit_are_scrolled_by_the_handle(qtbot: QtBot) -> None:
    drawn = frames.busy_run(1012, 480, 400)
    view = shown(qtbot, drawn)
    most = drawn.layout.height_px - view.height()
    positions: list[int] = []
    view.scrolled_to.connect(positions.append)
    drag(view, (1007, 5), (1007, 475))
    assert positions[0] == 0
    assert positions[-1] == most


def test_while_everything_fits_there_is_no_handle(qtbot: QtBot) -> None:
    view = shown(qtbot, some_bars())
    with qtbot.assertNotEmitted(view.scrolled_to):
        drag(view, (1007, 5), (1007, 300))


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
