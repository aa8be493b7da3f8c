"""Borders of docks, moved by keys in the real window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolButton, QWidget

from daskscope.app.settings import Layout
from daskscope.theme import DARK, LIGHT, Theme
from daskscope.views.border import FINE_STEP_PX, STEP_PX, Border
from tests.gui.working import NOW

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from daskscope.app.run import Run
    from daskscope.views.border import Pair

KEY = Qt.Key
NO_KEYS = Qt.KeyboardModifier.NoModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
NAMES = ["Border of the right docks", "Border of the lower dock", "Border between the right docks"]


@pytest.fixture
def active(busy: Run, qtbot: QtBot) -> Run:
    busy.window.resize(1400, 860)
    busy.window.activateWindow()
    busy.window.timeline.stream.setFocus()
    qtbot.waitUntil(busy.window.timeline.stream.hasFocus)
    return busy


def press(key: Qt.Key, keys: Qt.KeyboardModifier = NO_KEYS) -> QWidget:
    """Press a key where the keyboard is; who has it then."""
    focus = QApplication.focusWidget()
    assert focus is not None
    QTest.keyClick(focus, key, keys)
    focus = QApplication.focusWidget()
    assert focus is not None
    return focus


def stepped(n: int) -> list[str]:
    return [press(KEY.Key_F8).accessibleName() for _ in range(n)]


def test_f8_goes_over_the_borders_and_back_to_the_view_before(active: Run) -> None:
    active.window.focus_view("workers")
    assert stepped(4) == [*NAMES, "Workers"]
    assert stepped(1) == NAMES[:1]


def test_borders_of_hidden_docks_are_left_out(active: Run) -> None:
    active.window.toggle_dock("resources")
    active.window.toggle_dock("workers")
    assert stepped(2) == ["Border of the right docks", "Task stream"]
    active.window.toggle_dock("progress")
    assert stepped(1) == ["Task stream"]


@pytest.mark.parametrize("key", [KEY.Key_Escape, KEY.Key_Return, KEY.Key_Enter, KEY.Key_Tab])
def test_a_border_gives_the_keyboard_back(active: Run, key: Qt.Key) -> None:
    active.window.focus_view("events")
    stepped(2)
    assert press(key).accessibleName() == "Events"


def test_a_view_that_is_gone_leaves_the_keyboard_to_the_task_stream(active: Run) -> None:
    for is_deleted in (False, True):
        button = QToolButton(active.window.status)
        button.show()
        button.setFocus()
        stepped(1)
        if is_deleted:
            button.deleteLater()
            QApplication.sendPostedEvents(button, QEvent.Type.DeferredDelete)
        else:
            button.hide()
        assert press(KEY.Key_Escape).accessibleName() == "Task stream"


def test_a_border_that_is_hidden_gives_the_keyboard_back(active: Run, qtbot: QtBot) -> None:
    active.window.focus_view("progress")
    stepped(2)
    active.window.toggle_dock("workers")
    qtbot.waitUntil(active.window.progress.hasFocus)


@pytest.mark.parametrize(
    ("index", "back", "on"),
    [
        (0, KEY.Key_Left, KEY.Key_Right),
        (1, KEY.Key_Up, KEY.Key_Down),
        (2, KEY.Key_Up, KEY.Key_Down),
    ],
)
def test_arrows_move_a_border_and_home_and_end_as_far_as_it_goes(
    active: Run, index: int, back: Qt.Key, on: Qt.Key
) -> None:
    pair: Pair = active.window.borders.pairs()[index]
    before = active.window.borders.sizes()
    stepped(index + 1)

    def moved(*presses: tuple[Qt.Key, Qt.KeyboardModifier]) -> int:
        for key, keys in presses:
            assert press(key, keys) is pair.border
        now = active.window.borders.sizes()
        assert sum(now[index]) == sum(before[index])
        return now[index][0] - before[index][0]

    assert moved((back, NO_KEYS), (back, NO_KEYS)) == -2 * STEP_PX
    assert moved((on, NO_KEYS), (on, SHIFT)) == FINE_STEP_PX - STEP_PX
    across = (KEY.Key_Up, KEY.Key_Right)[pair.orientation() == Qt.Orientation.Vertical]
    assert moved((across, NO_KEYS)) == FINE_STEP_PX - STEP_PX  # no way for it
    least = moved((KEY.Key_Home, NO_KEYS))
    assert least < -4 * STEP_PX
    assert moved((back, NO_KEYS)) == least
    most = moved((KEY.Key_End, NO_KEYS))
    assert most >= 0
    assert moved((on, NO_KEYS)) == most


def test_sizes_that_keys_have_chosen_are_remembered(active: Run) -> None:
    stepped(1)
    press(KEY.Key_Left)
    kept = active.window.layout_now()
    active.window.reset_layout()
    assert active.window.layout_now().splitters[0] != kept.splitters[0]
    active.window.lay_out(Layout(splitters=kept.splitters))
    active.window._share_room()
    assert active.window.layout_now().splitters[0] == kept.splitters[0]


def test_what_details_have_borrowed_is_given_back_after_its_border_was_moved(active: Run) -> None:
    before = active.window.borders.sizes()
    active.window.show_tab("details")
    stepped(3)
    press(KEY.Key_Up)
    right = active.window.borders.right
    assert before[2][0] < right.sizes()[0]
    assert active.window.borders.sizes() == before
    active.window.show_tab("progress")
    assert tuple(right.sizes()) == before[2]


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_the_border_that_has_the_keyboard_is_a_bar_in_the_accents_colour(
    active: Run, theme: Theme
) -> None:
    active.choose_theme(theme.name)
    active.window.focus_view("workers")  # no ring beside the border
    border = active.window.borders.all.border
    middle = border.mapTo(active.window, border.rect().center())

    def n_accent() -> int:
        line = active.window.grab(border.rect().translated(middle - QPoint(2, 0))).toImage()
        return sum(line.pixel(x, 0) & 0xFFFFFF == theme.accent for x in range(line.width()))

    assert n_accent() == 0
    stepped(1)
    assert n_accent() == 5
    press(KEY.Key_Left)
    active.window.resize(1410, 870)
    middle = border.mapTo(active.window, border.rect().center())
    assert n_accent() == 5
    press(KEY.Key_Escape)
    assert n_accent() == 0
    assert border.mask().boundingRect().width() == 1


def test_a_screen_reader_is_told_which_border_it_is_and_where_it_goes(
    active: Run, told: list[str]
) -> None:
    stepped(1)
    assert told == ["Border of the right docks: Left and right move it, Escape leaves it"]
    press(KEY.Key_Home)
    first, second = active.window.borders.all.sizes()
    assert told[1:] == [f"{first / (first + second):.0%}"]
    stepped(1)
    assert told[-1] == "Border of the lower dock: Up and down move it, Escape leaves it"


def test_tab_and_clicks_do_not_come_to_borders(active: Run) -> None:
    for _ in range(60):
        assert not isinstance(press(KEY.Key_Tab), Border)
    active.window.timeline.stream.setFocus()
    QTest.mouseClick(active.window.borders.all.border, Qt.MouseButton.LeftButton)
    assert active.window.timeline.stream.hasFocus()


def test_there_is_no_border_on_the_welcome_page(run: Run, qtbot: QtBot) -> None:
    run.window.activateWindow()
    qtbot.waitUntil(run.window.isActiveWindow)
    run.tick(NOW)
    before = QApplication.focusWidget()
    assert press(KEY.Key_F8) is before
    assert not any(entry.id == "window.border" for entry in run.overlays.entries())


def test_a_sheet_keeps_the_keyboard(active: Run) -> None:
    active.overlays.toggle_palette()
    assert press(KEY.Key_F8) is active.window.commands.field
    QTest.keyClicks(active.window.commands.field, "move a border")
    assert press(KEY.Key_Return).accessibleName() == NAMES[0]
    assert stepped(3) == [*NAMES[1:], "Task stream"]
