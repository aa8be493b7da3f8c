"""What a click does is done by keys as well: Tab comes to it, and keys press it, in the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint, QRect, Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QToolButton, QWidget

from daskscope.app import opening
from daskscope.derive.panels import PastSession
from daskscope.predicate import NO_FILTER, Filter
from daskscope.views.timeline.filterbox import FilterBox
from tests.builders import SECOND, T0
from tests.gui.chain import SUM_KEY, choose, ticked
from tests.gui.working import NOW, Link

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytestqt.qtbot import QtBot

    from daskscope.app.run import Run
    from daskscope.session import Session

KEY = Qt.Key
SPACE = KEY.Key_Space


def focus() -> QWidget:
    widget = QApplication.focusWidget()
    assert widget is not None
    return widget


def name_of(widget: QWidget) -> str:
    text = widget.text() if isinstance(widget, QToolButton) else ""
    return widget.accessibleName() or text


def go_to(name: str) -> None:
    """Press Tab until what has this name, up to a comma, has the keyboard."""
    before = focus()
    for _ in range(60):
        QTest.keyClick(focus(), KEY.Key_Tab)
        if name_of(focus()).partition(",")[0] == name:
            return
        assert focus() is not before, name
    raise AssertionError(name)


def press(*keys: Qt.Key) -> None:
    for key in keys:
        QTest.keyClick(focus(), key)


def in_popup(*keys: Qt.Key) -> None:
    """Press keys in the menu that is about to open."""

    def click() -> None:
        for key in keys:
            popup = QApplication.activePopupWidget()
            assert popup is not None
            QTest.keyClick(popup, key)

    QTimer.singleShot(0, click)


@pytest.fixture
def active(chained: Run, link: Link, qtbot: QtBot) -> Run:
    """A window in which about everything that can be pressed is there."""
    run = chained
    run.window.resize(1700, 860)
    choose(run, SUM_KEY, link)
    run.toggle_pause()
    run.places.mark()
    run.finder.search("sum", False)
    run.finder.filter_by(Filter(hidden_prefixes=frozenset({"read"})))
    run.selecting.select(T0 + 5 * SECOND, T0 + 15 * SECOND, None)
    ticked(run, link=link)
    run.window.activateWindow()
    run.window.timeline.stream.setFocus()
    qtbot.waitUntil(run.window.timeline.stream.hasFocus)
    return run


def clipboard() -> str:
    return QGuiApplication.clipboard().text()


#: By what Tab comes to: what is true once Space was pressed there.
BUTTONS: dict[str, Callable[[Run, Session], bool]] = {
    "Live": lambda run, _: run.session.is_following,
    "Fit": lambda run, before: run.session.span_ns != before.span_ns,
    "Previous error": lambda run, before: run.session.chosen != before.chosen,
    "Next error": lambda run, before: run.session.chosen != before.chosen,
    "Regular expression": lambda run, _: run.session.search.is_regex,
    "Previous match": lambda run, before: run.session.found != before.found,
    "Next match": lambda run, before: run.session.found != before.found,
    "Clear search": lambda run, _: not run.session.search.text,
    "Commands": lambda run, _: run.window.commands.isVisible(),
    "Theme": lambda run, _: run.theme.is_dark,
    "Filter": lambda run, _: len(run.window.findChildren(FilterBox)) == 1,
    "Remove filter: no read": lambda run, _: run.session.filter == NO_FILTER,
    "Link charts": lambda run, _: not run.session.are_charts_linked,
    "Clear the selection": lambda run, _: run.session.selection_ns is None,
    "Copy the key": lambda _run, _: clipboard() == SUM_KEY,
    "Zoom to task": lambda run, before: run.session.span_ns < before.span_ns,
    "Filter prefix": lambda run, _: "agg" in run.session.filter.hidden_prefixes,
}


@pytest.mark.parametrize("name", BUTTONS)
def test_tab_comes_to_a_button_and_space_presses_it(active: Run, name: str) -> None:
    QGuiApplication.clipboard().clear()
    active.window.show_tab("statistics")
    ticked(active)
    before = active.session
    assert not BUTTONS[name](active, before)
    go_to(name)
    press(SPACE)
    ticked(active)
    assert BUTTONS[name](active, before)


def test_pause_holds_the_picture(active: Run) -> None:
    active.follow()
    ticked(active)
    go_to("Pause")
    press(SPACE)
    assert not active.session.is_following


def unseen(window: QWidget) -> list[str]:
    """Names of what looks the same with the keyboard and without, of all that Tab comes to."""
    start = focus()
    names: list[str] = []
    for _ in range(60):
        before = focus()
        press(KEY.Key_Tab)
        widget = focus()
        if widget is start:
            return names
        area = QRect(widget.mapTo(window, QPoint(0, 0)), widget.size()).adjusted(-3, -3, 3, 3)
        images = []
        for other in (widget, before, widget):
            other.setFocus(Qt.FocusReason.TabFocusReason)
            images.append(window.grab(area).toImage())
        if images[0] == images[1]:
            names.append(name_of(widget))
    raise AssertionError(name_of(start))


@pytest.mark.parametrize("tab", ["workers", "statistics", "events", "errors"])
def test_what_has_the_keyboard_looks_so(active: Run, tab: str) -> None:
    active.window.show_tab(tab)
    ticked(active)
    assert unseen(active.window) == []


def test_what_has_the_keyboard_in_the_empty_state_looks_so(empty: Run) -> None:
    assert unseen(empty.window) == []


# Menus and boxes ------------------------------------------------------------------------------


def test_menus_are_opened_and_gone_through(active: Run, qtbot: QtBot) -> None:
    QGuiApplication.clipboard().clear()
    active.window.show_tab("statistics")
    ticked(active)
    go_to("Copy the table")
    in_popup(KEY.Key_Down, KEY.Key_Down, KEY.Key_Return)
    press(SPACE)
    assert clipboard().startswith("prefix,count,")
    active.window.activateWindow()  # which a menu has taken
    qtbot.waitUntil(active.window.isActiveWindow)
    go_to("Help")
    in_popup(KEY.Key_Down, KEY.Key_Return)
    press(SPACE)
    assert active.window.commands.isVisible()


def test_the_rows_of_the_lanes_are_chosen_in_the_toolbar(active: Run) -> None:
    before = active.session.grouping
    go_to("Group")
    press(KEY.Key_Down)
    assert active.session.grouping is not before


def test_a_filter_is_chosen_in_its_box(active: Run) -> None:
    go_to("Filter")
    press(SPACE)
    (box,) = active.window.findChildren(FilterBox)
    box.activateWindow()
    assert name_of(focus()) == "Prefixes"
    press(KEY.Key_Down, SPACE)
    assert active.session.filter.hidden_prefixes ^ {"read"}
    for name in ("Kinds", "Outcomes", "Workers"):
        go_to(name)
        before = active.session.filter
        press(KEY.Key_Down, SPACE)
        assert active.session.filter != before, name
    go_to("Shortest duration")
    QTest.keyClicks(focus(), "1.5 s")
    press(KEY.Key_Return)
    assert active.session.filter.least_ns == 1.5 * SECOND
    go_to("Show everything")
    press(SPACE)
    assert active.session.filter == NO_FILTER
    press(KEY.Key_Escape)
    assert not box.isVisible()


# Views ----------------------------------------------------------------------------------------


def test_kinds_of_events_are_left_out_and_in_again(active: Run) -> None:
    active.window.focus_view("events")
    ticked(active)
    active.window.timeline.stream.setFocus()
    go_to("Kinds of events")
    kind = active.window.events.chips._kinds[0].kind
    for expected in ({kind}, set()):
        press(SPACE)
        assert active.session.hidden_kinds == expected


@pytest.mark.parametrize("name", ["Events", "Errors"])
def test_rows_of_events_and_errors_are_gone_to(active: Run, name: str) -> None:
    active.window.show_tab(name.lower())
    ticked(active)
    before = active.session
    go_to(name)
    press(KEY.Key_Home, SPACE)
    assert active.session != before


def test_a_prefix_and_durations_are_chosen_in_the_statistics(active: Run) -> None:
    active.window.show_tab("statistics")
    ticked(active)
    go_to("Statistics by prefix")
    press(KEY.Key_Down, KEY.Key_Down, SPACE)
    assert active.session.statistics_prefix
    go_to("Durations")
    press(KEY.Key_Right)
    assert active.session.bins


def test_busy_shares_take_the_place_of_durations_where_there_is_no_room(active: Run) -> None:
    active.window.borders.all.setSizes([500, 1200])
    active.window.show_tab("statistics")
    ticked(active)
    assert not active.window.statistics.shares.isVisible()
    go_to("Busy shares in place of durations")
    press(SPACE)
    assert active.window.statistics.shares.isVisible()


def test_values_are_copied_and_relatives_chosen_in_the_details(active: Run) -> None:
    QGuiApplication.clipboard().clear()
    go_to("Attempt")
    facts = active.window.details.facts
    row = next(row for row in range(facts.n_rows()) if facts.can_press(row))
    press(*[KEY.Key_Down] * row, SPACE)
    assert clipboard() == facts._facts[row].copied
    before = active.session.chosen
    go_to("Dependencies")
    press(SPACE)
    assert active.session.chosen not in (None, before)


def test_a_screen_reader_is_told_what_arrows_come_to(active: Run, told: list[str]) -> None:
    active.window.show_tab("events")
    ticked(active)
    said = []
    for name, key in (
        ("Attempt", KEY.Key_Up),
        ("Dependents", KEY.Key_Down),
        ("Kinds of events", KEY.Key_Left),
        ("Legend", KEY.Key_Left),
    ):
        go_to(name)
        press(key)
        said.append(told[-1].replace("\u2009", " "))
    local = said[0].split()[2]  # the time here
    assert said == [
        f"Start, 0:07.000  {local} row 1 of 9", "agg, 1  w1  1.00 s, row 2 of 7",
        "bookmark, 1, shown", "fit, shown",
    ]  # fmt: skip


def test_an_error_is_selected_and_copied(active: Run, link: Link) -> None:
    active.ledger.step(is_forward=True)
    ticked(active, link=link)
    go_to("Error and traceback")
    text = focus()
    assert isinstance(text, QPlainTextEdit)
    for _ in range(4):
        QTest.keyClick(text, KEY.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClick(text, KEY.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert clipboard() == text.toPlainText()[:4]
    press(KEY.Key_X, KEY.Key_Delete)
    assert text.toPlainText()[:4] == clipboard()
    press(KEY.Key_Tab)
    assert focus() is not text


# The empty state ------------------------------------------------------------------------------


@pytest.fixture
def empty(run: Run, qtbot: QtBot) -> Run:
    run.window.activateWindow()
    qtbot.waitUntil(run.window.isActiveWindow)
    run.tick(NOW)
    return run


@pytest.mark.parametrize(
    ("name", "signal"),
    [("Open recording", "choose_requested"), ("Run the demo", "demo_requested")],
)
def test_buttons_of_the_empty_state_are_pressed(
    empty: Run, qtbot: QtBot, name: str, signal: str
) -> None:
    asked = getattr(empty.window.welcome, signal)
    asked.disconnect()  # it would be done
    go_to(name)
    with qtbot.waitSignal(asked):
        press(SPACE)


def test_lines_to_paste_are_chosen_and_copied(empty: Run) -> None:
    QGuiApplication.clipboard().clear()
    assert focus() is empty.window.welcome.tabs
    press(KEY.Key_Right)
    assert empty.window.welcome.tabs.currentIndex() == 1
    go_to("Copy")
    button = focus()
    press(SPACE)
    assert clipboard()
    assert name_of(button) == "Copied"
    press(KEY.Key_Tab)
    assert name_of(button) == "Copy"


def test_recordings_are_opened(empty: Run, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "say", lambda *_: None)  # that there are none
    shelf = empty.window.welcome.shelf
    shelf.show_recordings(
        (PastSession("/a", "one", "today", False), PastSession("/b", "two", "today", True))
    )
    go_to("Recordings")
    with qtbot.waitSignal(shelf.recover_requested) as recovered:
        press(KEY.Key_Down, KEY.Key_Return)
    with qtbot.waitSignal(shelf.open_requested) as opened:
        press(KEY.Key_Down, SPACE)
    assert (recovered.args, opened.args) == (["/b"], ["/a"])
