"""Which gestures the task stream's widget reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from daskscope.paint.wheel import FINE_ZOOM_STEP, ZOOM_STEP
from daskscope.theme import GUTTER_PX
from daskscope.views.timeline.strip import SCROLL_STEP_PX
from tests.gui import frames

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from daskscope.views.timeline.stream import StreamView
from tests.gui.streams import FIRST_LANE, NO_KEYS, lane_top, shown, some_bars


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
