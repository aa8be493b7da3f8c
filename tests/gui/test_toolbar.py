from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QTextDocument
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QToolButton

from daskscope.derive.panels import SearchField, StatusField
from daskscope.session import WHOLE_RUN, Session
from daskscope.theme import DARK, LIGHT, WINDOW_LEAST_PX
from daskscope.views.toolbar import RANGES, Toolbar
from daskscope.views.toolbar.bar import ConnectionLabel

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

LEFT = Qt.MouseButton.LeftButton
CLUSTER = StatusField("local cluster", "6 workers, 24 threads", "ok")


@pytest.fixture
def toolbar(qtbot: QtBot) -> Toolbar:
    made = Toolbar()
    qtbot.addWidget(made)
    made.resize(WINDOW_LEAST_PX[0], made.height())
    made.show()
    made.show_state(Session(), CLUSTER, is_live=True)
    return made


def ranges(toolbar: Toolbar) -> QComboBox:
    box = toolbar.findChild(QComboBox)
    assert isinstance(box, QComboBox)
    return box


def button(toolbar: Toolbar, name: str) -> QToolButton:
    return next(b for b in toolbar.findChildren(QToolButton) if b.accessibleName() == name)


@pytest.mark.parametrize(
    ("name", "signal"),
    [("Live", "followed"), ("Pause", "paused"), ("Fit", "fitted"), ("Theme", "theme_toggled")],
)
def test_buttons_ask(qtbot: QtBot, toolbar: Toolbar, name: str, signal: str) -> None:
    with qtbot.waitSignal(getattr(toolbar, signal)):
        QTest.mouseClick(button(toolbar, name), LEFT)


@pytest.mark.parametrize("is_following", [True, False])
def test_live_and_pause_show_which_it_is(toolbar: Toolbar, is_following: bool) -> None:
    toolbar.show_state(Session(is_following=is_following), CLUSTER, is_live=True)
    assert button(toolbar, "Live").isChecked() is is_following
    assert button(toolbar, "Pause").isChecked() is not is_following


def test_a_press_leaves_it_to_the_session_what_is_checked(qtbot: QtBot, toolbar: Toolbar) -> None:
    QTest.mouseClick(button(toolbar, "Live"), LEFT)
    assert button(toolbar, "Live").isChecked()
    QTest.mouseClick(button(toolbar, "Pause"), LEFT)
    assert not button(toolbar, "Pause").isChecked()


def test_what_is_connected_is_told_whole_and_as_plain_text(toolbar: Toolbar) -> None:
    name = "<b>cluster</b>" * 9
    toolbar.show_state(Session(), StatusField(name, "6 workers", "ok"), is_live=True)
    (label,) = toolbar.findChildren(ConnectionLabel)
    document = QTextDocument()
    document.setHtml(label.toolTip())
    assert document.toPlainText().replace("\u200b", "") == f"{name} 6 workers"


@pytest.mark.parametrize(("span_ns", "label"), RANGES)
def test_ranges_are_shown_and_asked_for(
    qtbot: QtBot, toolbar: Toolbar, span_ns: int, label: str
) -> None:
    box = ranges(toolbar)
    toolbar.show_state(replace(Session(), span_ns=span_ns), CLUSTER, is_live=True)
    assert box.currentText() == label
    with qtbot.waitSignal(toolbar.span_chosen) as asked:
        box.activated.emit(box.currentIndex())
    assert asked.args == [span_ns]


def test_the_whole_run_is_one_of_them() -> None:
    assert RANGES[-1][0] == WHOLE_RUN


def test_a_span_of_ones_own_is_none_of_them(toolbar: Toolbar) -> None:
    toolbar.show_state(replace(Session(), span_ns=7_000_000_000), CLUSTER, is_live=True)
    assert ranges(toolbar).currentIndex() == -1
    assert ranges(toolbar).placeholderText() == "7.00\u2009s"


def test_a_range_that_the_session_does_not_take_is_not_shown(toolbar: Toolbar) -> None:
    session, box = replace(Session(), span_ns=7_000_000_000), ranges(toolbar)
    toolbar.show_state(session, CLUSTER, is_live=True)
    box.setCurrentIndex(0)
    box.activated.emit(0)

    toolbar.show_state(session, CLUSTER, is_live=True)
    assert box.currentIndex() == -1


def test_a_recording_has_nothing_to_follow(toolbar: Toolbar) -> None:
    live, pause = button(toolbar, "Live"), button(toolbar, "Pause")
    toolbar.show_state(Session(is_following=False), CLUSTER, is_live=False)

    assert live.isHidden()
    assert pause.isHidden()


def test_menus_hold_the_windows_actions(toolbar: Toolbar) -> None:
    action = QAction("Quit", toolbar)
    menu = toolbar.set_menu("File", [action, None])
    assert menu.actions()[0] is action
    assert menu.actions()[1].isSeparator()
    assert button(toolbar, "File").menu() is menu


@pytest.mark.parametrize(
    ("width", "is_live", "least_px", "has_word"),
    [
        (1600, False, 370, True),
        (1600, True, 360, True),
        (1460, True, 276, False),
        (1920, True, 440, True),
    ],
)
def test_what_is_searched_has_the_room_that_is_left(
    toolbar: Toolbar, width: int, is_live: bool, least_px: int, has_word: bool
) -> None:
    for title in ("File", "View", "Go", "Lanes", "Tools", "Help"):
        toolbar.set_menu(title, [])
    toolbar.resize(width, toolbar.height())
    toolbar.show_state(Session(), StatusField("a cluster", "64 workers", "ok"), is_live=is_live)
    QApplication.sendPostedEvents()
    assert toolbar.search.width() >= least_px
    (word,) = (label for label in toolbar.findChildren(QLabel) if label.text() == "Group")
    assert word.isHidden() is not has_word
    assert not toolbar.findChildren(QComboBox)[1].isHidden()


def test_nothing_moves_while_one_types(toolbar: Toolbar) -> None:
    before = toolbar.search.geometry()
    toolbar.show_search(SearchField("(a", is_regex=True, problem="missing ) at position 0 " * 5))
    QApplication.sendPostedEvents()
    assert toolbar.search.geometry() == before


def test_nothing_lies_outside_at_the_least_width(toolbar: Toolbar) -> None:
    for title in ("File", "View", "Help"):
        toolbar.set_menu(title, [])
    field = StatusField("a cluster's name " * 20, "400 workers", "ok")
    toolbar.show_state(Session(), field, is_live=True)
    for theme in (LIGHT, DARK):
        toolbar.set_theme(theme)
        toolbar.grab()
    right = button(toolbar, "Theme").geometry()
    assert right.right() <= toolbar.width()
    assert button(toolbar, "Fit").geometry().right() < right.left()
