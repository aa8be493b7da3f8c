from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolTip, QWidget

from daskscope.paint.control import TAB_INSET_PX
from daskscope.theme import DARK, DOCK_TITLE_PX, LIGHT, Theme
from daskscope.views.dock import Dock

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


@pytest.fixture
def dock(qtbot: QtBot) -> Dock:
    made = Dock()
    qtbot.addWidget(made)
    made.add_page("Progress", QWidget())
    made.add_page("Details", QWidget())
    made.resize(420, 300)
    made.show()
    return made


def test_the_first_page_is_shown(dock: Dock) -> None:
    assert dock.current() == 0
    assert dock.title.height() == DOCK_TITLE_PX


def test_a_pressed_tab_shows_its_page_and_its_summary(qtbot: QtBot, dock: Dock) -> None:
    dock.set_summary(0, "3 060 / 3 142 tasks")
    dock.set_summary(1, "nothing chosen")
    assert dock.title.accessibleDescription() == "3 060 / 3 142 tasks"
    tabs = dock.title.tabs
    with qtbot.waitSignal(dock.page_changed) as changed:
        QTest.mouseClick(tabs, Qt.MouseButton.LeftButton, pos=tabs.tabRect(1).center())
    assert changed.args == [1]
    assert dock.title.accessibleDescription() == "nothing chosen"


def test_keys_change_the_page(qtbot: QtBot, dock: Dock) -> None:
    dock.title.tabs.setFocus()
    QTest.keyClick(dock.title.tabs, Qt.Key.Key_Right)
    assert dock.current() == 1


def test_choosing_a_tab_moves_none(dock: Dock) -> None:
    tabs = dock.title.tabs
    before = [tabs.tabRect(index) for index in range(tabs.count())]
    dock.show_page(1)
    assert [tabs.tabRect(index) for index in range(tabs.count())] == before


def test_a_longer_name_is_not_cut_until_qt_lays_out_anew(dock: Dock) -> None:
    dock.set_title(1, "Details of what was chosen")
    tabs = dock.title.tabs
    assert tabs.tabRect(1).right() < tabs.width()


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_the_chosen_tab_is_underlined(dock: Dock, theme: Theme) -> None:
    dock.set_theme(theme)
    tabs = dock.title.tabs
    picture = dock.title.grab().toImage()
    y = tabs.geometry().bottom()
    xs = [
        tabs.geometry().left() + tabs.tabRect(index).left() + TAB_INSET_PX + 3 for index in (0, 1)
    ]
    assert [picture.pixel(x, y) & 0xFFFFFF == theme.accent for x in xs] == [True, False]


def test_a_summary_that_is_cut_is_told_whole(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(QToolTip, "showText", lambda _at, text, *_rest: told.append(text))
    dock = Dock()
    qtbot.addWidget(dock)
    dock.resize(300, 100)
    dock.add_page("Statistics", QWidget())
    dock.show()

    def tip(point: QPoint) -> str:
        event = QHelpEvent(QEvent.Type.ToolTip, point, dock.title.mapToGlobal(point))
        QApplication.sendEvent(dock.title, event)
        return told[-1]

    dock.set_summary(0, "short")
    spot = dock.title.summary_box().center()
    assert tip(spot) == ""
    dock.set_summary(0, "a <b>long</b> summary " * 9)
    assert "&lt;b&gt;long" in tip(spot)
    assert tip(QPoint(2, 2)) == ""
