"""By key through the whole window: the order, and the ring that shows where one is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from daskscope.paint.focus import RING_PX, FocusRing
from daskscope.predicate import Filter
from daskscope.theme import DARK, LIGHT, Theme
from daskscope.views.statistics.table import PrefixTable
from tests.builders import MS, SECOND, T0
from tests.gui.working import NOW, Link, cluster

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from daskscope.app.run import Run

CTRL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def active(busy: Run, qtbot: QtBot) -> Run:
    busy.window.resize(1700, 800)  # with room for every menu
    busy.window.activateWindow()
    busy.window.timeline.stream.setFocus()
    qtbot.waitUntil(busy.window.timeline.stream.hasFocus)
    return busy


def focus() -> QWidget:
    widget = QApplication.focusWidget()
    assert widget is not None
    return widget


def tabbed(run: Run, key: Qt.Key) -> list[str]:
    """Names of what has the keyboard, one after the other, until it is the task stream again."""
    run.window.timeline.stream.setFocus()
    names: list[str] = []
    while len(names) < 100 and not (names and run.window.timeline.stream.hasFocus()):
        QTest.keyClick(focus(), key)
        names.append(focus().accessibleName())
    return names


def ring(run: Run) -> FocusRing:
    found = run.window.findChildren(FocusRing)
    assert len(found) == 1
    return found[0]


def test_tab_goes_through_the_window_as_it_is_read(active: Run) -> None:
    names = tabbed(active, Qt.Key.Key_Tab)
    start = names.index("File")
    assert names[:start] == [
        "Tabs: Progress, Details", "Progress", "Tabs: Resources", "Link charts", "Resources",
        "Tabs: Workers, Statistics, Events, Errors", "Workers",
    ]  # fmt: skip
    assert names[start:] == [
        "File", "View", "Go", "Lanes", "Tools", "Help", "Live", "Pause", "Time in view", "Fit",
        "Group", "Previous error", "Next error", "Search", "Regular expression",
        "Commands", "Theme",
        "Filter", "Legend", "Task stream",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("tab", "expected"),
    [
        (
            "statistics",
            "Copy the table, Clear the selection, Statistics by prefix, Durations, Busy share",
        ),
        ("events", "Kinds of events, Events"),
    ],
)
def test_tab_goes_through_the_parts_of_a_view_and_through_what_belongs_to_it(
    active: Run, tab: str, expected: str
) -> None:
    active.selecting.select(T0, T0 + 10 * SECOND, None)
    active.finder.filter_by(Filter(hidden_prefixes=frozenset({"read"})))
    active.ledger.step(is_forward=True)
    active.window.show_tab(tab)
    for n in range(10):
        active.tick(NOW + (40 + n) * MS)
    names = {key: tabbed(active, key) for key in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)}
    after = names[Qt.Key.Key_Tab].index("Tabs: Progress, Details")
    assert names[Qt.Key.Key_Tab][after : names[Qt.Key.Key_Tab].index("File")] == [
        "Tabs: Progress, Details", "Details", "Copy the key", "Zoom to task", "Filter prefix",
        "Error and traceback", "Attempt", "Dependencies, ", "Dependents, ",
        "Tabs: Resources", "Link charts", "Resources",
        "Tabs: Workers, Statistics, Events, Errors", *expected.split(", "),
    ]  # fmt: skip
    assert names[Qt.Key.Key_Tab][-4:] == [
        "Filter", "Remove filter: no read", "Legend", "Task stream"
    ]  # fmt: skip
    assert names[Qt.Key.Key_Backtab][:-1] == names[Qt.Key.Key_Tab][-2::-1]


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_the_focus_is_seen_where_it_came_by_key(active: Run, theme: Theme) -> None:
    active.choose_theme(theme.name)
    stream = active.window.timeline.stream
    assert not ring(active).isVisible()
    QTest.keyClick(stream, Qt.Key.Key_5, CTRL)
    workers = active.window.workers
    assert workers.hasFocus()
    image = workers.grab().toImage()
    for point in (QPoint(0, 50), QPoint(RING_PX - 1, 50), QPoint(300, workers.height() - 1)):
        assert image.pixel(point) & 0xFFFFFF == theme.accent
    assert image.pixel(RING_PX, 50) & 0xFFFFFF != theme.accent


def test_a_click_shows_no_ring_and_takes_it_away(active: Run) -> None:
    stream = active.window.timeline.stream
    QTest.keyClick(stream, Qt.Key.Key_1, CTRL)  # it has the focus already
    assert ring(active).isVisible()
    QTest.mouseClick(stream, Qt.MouseButton.LeftButton, pos=QPoint(400, 40))
    assert not ring(active).isVisible()


def test_a_hidden_dock_comes_back_when_its_view_is_asked_for(active: Run) -> None:
    active.window.toggle_dock("resources")
    active.window.toggle_dock("progress")
    assert not active.window.resources.isVisible()
    QTest.keyClick(active.window.timeline.stream, Qt.Key.Key_4, CTRL)
    assert active.window.resources.isVisible()
    assert active.window.resources.hasFocus()
    assert not active.window.progress.isVisible()


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (Qt.Key.Key_2, "progress"),
        (Qt.Key.Key_3, "details"),
        (Qt.Key.Key_6, "statistics"),
        (Qt.Key.Key_7, "events"),
        (Qt.Key.Key_8, "errors"),
    ],
)
def test_each_view_is_shown_and_given_the_keyboard_by_key(
    active: Run, key: Qt.Key, name: str
) -> None:
    active.window.show_tab("details" if name == "progress" else "progress")
    view = active.window.tabs[name].view
    assert not view.isVisible()
    QTest.keyClick(active.window.timeline.stream, key, CTRL)
    assert view.isVisible()
    assert focus() is view or view.isAncestorOf(focus())
    assert focus().focusPolicy() & Qt.FocusPolicy.TabFocus  # where keys are heard


def test_the_legend_is_used_by_key(active: Run) -> None:
    legend = active.window.timeline.legend
    legend.setFocus(Qt.FocusReason.TabFocusReason)
    names = [entry.name for entry in legend.entries()]
    QTest.keyClick(legend, Qt.Key.Key_Right)
    assert active.session.lit_prefix == names[0]
    QTest.keyClick(legend, Qt.Key.Key_Left)
    assert active.session.lit_prefix == names[-1]
    QTest.keyClick(legend, Qt.Key.Key_Space)
    assert active.session.filter.hidden_prefixes == {names[-1]}
    assert active.session.is_following  # Space was not heard by the task stream
    QTest.keyClick(legend, Qt.Key.Key_Return)
    assert active.session.filter.hidden_prefixes == set(names) - {names[-1]}
    active.window.timeline.stream.setFocus()
    assert active.session.lit_prefix == ""


def test_the_task_stream_hears_the_keys_from_the_first_data_on(
    run: Run, link: Link, qtbot: QtBot
) -> None:
    run.window.activateWindow()
    qtbot.waitUntil(run.window.isActiveWindow)
    run.tick(NOW)
    assert not run.window.timeline.stream.hasFocus()
    link.messages = cluster()[1]
    run.tick(NOW + 16 * MS)
    run.tick(NOW + 32 * MS)
    QTest.keyClick(focus(), Qt.Key.Key_W)
    assert run.session.span_ns < 30 * SECOND


def test_a_sheet_keeps_the_keys_when_the_first_data_come(
    run: Run, link: Link, qtbot: QtBot
) -> None:
    run.window.activateWindow()
    qtbot.waitUntil(run.window.isActiveWindow)
    run.overlays.toggle_palette()
    link.messages = cluster()[1]
    run.tick(NOW)
    assert run.window.commands.field.hasFocus()


def test_parts_of_a_view_show_the_focus_as_well(active: Run) -> None:
    active.window.focus_view("statistics")
    table = active.window.findChild(PrefixTable)
    assert isinstance(table, PrefixTable)
    table.setFocus(Qt.FocusReason.TabFocusReason)
    assert ring(active).isVisible()
    assert ring(active).parentWidget() is table


def test_the_ring_lies_over_scroll_bars_that_come_later(active: Run, qtbot: QtBot) -> None:
    active.window.resize(1900, 720)
    QTest.keyClick(active.window.timeline.stream, Qt.Key.Key_5, CTRL)
    workers = active.window.workers
    assert not workers.horizontalScrollBar().isVisible()
    active.window.resize(1024, 640)
    qtbot.waitUntil(workers.horizontalScrollBar().isVisible)
    image = workers.grab().toImage()
    assert image.pixel(300, workers.height() - 1) & 0xFFFFFF == active.theme.accent


def test_tab_goes_through_the_empty_state_as_it_is_read(run: Run, qtbot: QtBot) -> None:
    run.window.activateWindow()
    qtbot.waitUntil(run.window.isActiveWindow)
    run.tick(NOW)
    names = []
    for _ in range(30):
        QTest.keyClick(focus(), Qt.Key.Key_Tab)
        interface = QAccessible.queryAccessibleInterface(focus())
        names.append(str(interface.text(QAccessible.Text.Name)))
    start = names.index("Theme") + 1
    assert names[start : start + 6] == [
        "Open recording", "Run the demo", "Any script", "Copy", "Copy", "Recordings",
    ]  # fmt: skip


@pytest.mark.parametrize("key", [Qt.Key.Key_Tab, Qt.Key.Key_Backtab])
@pytest.mark.parametrize(
    "view", ["stream", "progress", "details", "statistics", "events", "errors"]
)
def test_no_view_keeps_tab_to_itself(active: Run, view: str, key: Qt.Key) -> None:
    active.window.focus_view(view)
    names = []
    for _ in range(60):
        QTest.keyClick(focus(), key)
        names.append(focus().accessibleName())
    assert "File" in names, names
    assert "Task stream" in names, names
