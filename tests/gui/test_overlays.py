"""Palette and list of keys over the real window, by keyboard only."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QScrollArea, QToolButton

from daskscope.app.actions import ACTIONS, GESTURES
from daskscope.app.manual import Manual, docs_folder
from daskscope.app.overlays import PREFIX_GROUP, WORKER_GROUP, key_groups
from daskscope.paint.control import style_sheet
from daskscope.paint.font import Role, text_width
from daskscope.theme import DARK, LIGHT, Theme
from daskscope.views.overlay.keys import (
    COLUMN_PX,
    KEYS_PX,
    about_lines,
    group_px,
    height_for,
    keys_px,
    row_px,
)

if TYPE_CHECKING:
    from PySide6.QtGui import QImage
    from pytestqt.qtbot import QtBot

    from daskscope.app.run import Run
    from daskscope.views.overlay.palette import PaletteView
    from daskscope.views.overlay.sheet import Sheet
from tests.builders import MS, SECOND
from tests.gui.working import NOW

CTRL_SHIFT = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)


@pytest.fixture
def palette(busy: Run, qtbot: QtBot) -> PaletteView:
    """The palette, opened by its keys over the task stream."""
    stream = busy.window.timeline.stream
    busy.window.activateWindow()
    stream.setFocus()
    qtbot.waitUntil(stream.hasFocus)
    QTest.keyClick(stream, Qt.Key.Key_P, CTRL_SHIFT)
    return busy.window.commands


@pytest.fixture
def key_list(busy: Run, qtbot: QtBot) -> Sheet:
    stream = busy.window.timeline.stream
    busy.window.activateWindow()
    stream.setFocus()
    qtbot.waitUntil(stream.hasFocus)
    QTest.keyClicks(stream, "?")
    return busy.window.keys


def enter(palette: PaletteView, typed: str) -> None:
    QTest.keyClicks(palette.field, typed)
    QTest.keyClick(palette.field, Qt.Key.Key_Return)


def test_it_opens_with_every_action_and_closes_by_escape(palette: PaletteView, busy: Run) -> None:
    assert palette.isVisible()
    assert palette.field.hasFocus()
    # Nothing is read or evicted.
    idle = {"file.stop", "file.earlier"}
    offered = {entry.id for entry in palette.shown()}
    assert offered & {row.id for row in ACTIONS} == {row.id for row in ACTIONS} - idle

    QTest.keyClick(palette.field, Qt.Key.Key_Escape)

    assert not palette.isVisible()
    assert busy.window.timeline.stream.hasFocus()


def test_the_same_keys_close_it(palette: PaletteView) -> None:
    QTest.keyClick(palette.field, Qt.Key.Key_P, CTRL_SHIFT)
    assert not palette.isVisible()


def test_enter_does_what_matches_best(palette: PaletteView, busy: Run) -> None:
    enter(palette, "pau")
    assert not busy.session.is_following
    assert not palette.isVisible()
    assert busy.window.timeline.stream.hasFocus()


def test_what_was_chosen_last_stands_first_and_shows_its_state(
    palette: PaletteView, busy: Run
) -> None:
    enter(palette, "pau")
    busy.overlays.toggle_palette()
    first = palette.shown()[0]
    assert (first.id, first.is_on) == ("time.pause", True)


def test_letters_are_typed_and_not_heard_by_the_task_stream(
    palette: PaletteView, busy: Run
) -> None:
    before = busy.session
    QTest.keyClicks(palette.field, "wasd f?")
    assert palette.field.text() == "wasd f?"
    assert busy.session == before


def test_arrows_choose_and_go_round(palette: PaletteView) -> None:
    QTest.keyClicks(palette.field, "zoom")
    assert palette.current() is not None
    said = []
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Up):
        QTest.keyClick(palette.field, key)
        entry = palette.current()
        assert entry is not None
        said.append(entry.id)
    assert said == ["time.out", "task.zoom", "time.out"]
    assert palette.field.accessibleDescription() == "Zoom out, Time, S, 2 of 3"


def test_enter_with_nothing_that_matches_does_nothing(palette: PaletteView) -> None:
    enter(palette, "qqq")
    assert palette.isVisible()
    assert palette.field.accessibleDescription() == "Nothing matches"


def test_a_prefix_is_shown_alone(palette: PaletteView, busy: Run) -> None:
    names = {e.text for e in palette.shown() if e.group == PREFIX_GROUP}
    assert names == set(busy.prefixes())
    enter(palette, "only sum")
    assert busy.session.filter.hidden_prefixes == set(busy.prefixes()) - {"sum"}


def test_a_worker_is_scrolled_to(
    palette: PaletteView, busy: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = [e.text for e in palette.shown() if e.group == WORKER_GROUP]
    assert workers == ["w0 :40101", "w1 :40102"]
    assert busy.frame is not None
    asked: list[int] = []
    monkeypatch.setattr(busy.lane_scroll, "to", asked.append)
    enter(palette, "worker w1")
    layout = busy.frame.layout
    assert asked == [layout.workers[1].y_px - layout.header_px]


def test_a_folded_worker_is_scrolled_to_by_what_it_is_folded_in(
    busy: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert busy.frame is not None
    hosts = frozenset(row.host for row in busy.frame.layout.rows)
    busy.session = replace(busy.session, collapsed_hosts=hosts)
    busy.tick(NOW + 48 * MS)
    rows = busy.frame.layout.rows
    asked: list[int] = []
    monkeypatch.setattr(busy.lane_scroll, "to", asked.append)
    assert busy.roster is not None
    busy.lane_scroll.to_worker(busy.roster.members[1].key)
    busy.lane_scroll.to_worker("unknown")
    assert asked == [rows[-1].y_px - rows[-2].height_px]


@pytest.mark.parametrize(
    ("typed", "field", "value"),
    [
        ("time 5 min", "span_ns", 300 * SECOND),
        ("sort memory", "worker_sort", "memory"),
        ("sort p95", "statistics_sort", "p95"),
    ],
)
def test_time_in_view_and_order_are_chosen(
    palette: PaletteView, busy: Run, typed: str, field: str, value: object
) -> None:
    enter(palette, typed)
    assert getattr(busy.session, field) == value


def test_a_click_beside_it_closes_it(palette: PaletteView, busy: Run) -> None:
    QTest.mouseClick(busy.window.timeline.stream, Qt.MouseButton.LeftButton)
    assert not palette.isVisible()


def test_the_list_shows_every_key_and_gesture(key_list: Sheet, busy: Run) -> None:
    assert key_list.isVisible()
    rows = [row for group in busy.window.keys.shown() for row in group.rows]
    ways = [way for row in rows for way in row.ways]
    assert len(ways) == sum(len(row.shortcuts) for row in ACTIONS) + sum(
        len(g.hands) for g in GESTURES
    )
    assert {row.about.casefold() for row in rows} == {
        *(row.about.casefold() for row in ACTIONS if row.shortcuts),
        *(row.about.casefold() for row in GESTURES),
    }
    QTest.keyClicks(key_list.field, "ctrl+o")
    assert [r.about for g in busy.window.keys.shown() for r in g.rows] == [
        "Open a recording in a window of its own"
    ]
    QTest.keyClick(key_list.field, Qt.Key.Key_Escape)
    assert not key_list.isVisible()
    assert busy.window.timeline.stream.hasFocus()


def test_one_takes_the_place_of_the_other(key_list: Sheet, busy: Run) -> None:
    QTest.keyClick(key_list.field, Qt.Key.Key_P, CTRL_SHIFT)
    assert busy.window.commands.isVisible()
    assert not key_list.isVisible()


@THEMES
@pytest.mark.parametrize("size", [(1600, 900), (1024, 640)])
def test_they_lie_within_the_window(busy: Run, size: tuple[int, int], theme: Theme) -> None:
    busy.window.resize(*size)
    busy.choose_theme(theme.name)
    for sheet, toggle in (
        (busy.window.commands, busy.overlays.toggle_palette),
        (busy.window.keys, busy.overlays.toggle_keys),
    ):
        toggle()
        card = sheet.card().translated(sheet.pos())
        assert busy.window.rect().contains(card)
        image: QImage = busy.window.grab().toImage()
        inside = card.topLeft()
        assert image.pixel(inside.x() + 8, inside.y() + 8) & 0xFFFFFF == theme.tipbg
        toggle()


def test_card_and_field_stay_while_one_types(key_list: Sheet) -> None:
    card, field = key_list.card(), key_list.field.geometry()
    assert card.contains(field)
    QTest.keyClicks(key_list.field, "lane")
    assert (key_list.card(), key_list.field.geometry()) == (card, field)


@pytest.mark.parametrize("column_px", [COLUMN_PX, COLUMN_PX + 150])
def test_no_text_of_the_list_is_cut(qtbot: QtBot, column_px: int) -> None:
    for row in (row for group in key_groups() for row in group.rows):
        assert keys_px(row) - 8 <= KEYS_PX
        lines = about_lines(row, column_px)
        assert " ".join(lines) == row.about
        for line in lines:
            assert text_width(Role.BODY, line) <= column_px - keys_px(row), line
        assert row_px(row, column_px) >= 16 * len(lines)


def test_columns_are_as_many_as_there_is_room_for(qtbot: QtBot) -> None:
    one, four = (height_for(key_groups(), px) for px in (COLUMN_PX, 4 * COLUMN_PX + 100))
    assert one > sum(group_px(group, COLUMN_PX) for group in key_groups()) - 20
    assert four < one / 3


def test_all_keys_fit_into_a_window_of_the_usual_size(busy: Run, qtbot: QtBot) -> None:
    busy.window.resize(1600, 900)
    busy.overlays.toggle_keys()
    scroll = busy.window.keys.findChild(QScrollArea)
    assert isinstance(scroll, QScrollArea)
    qtbot.waitUntil(lambda: scroll.verticalScrollBar().maximum() == 0)


def test_the_documentation_is_read_and_its_links_followed(busy: Run, qtbot: QtBot) -> None:
    QTest.keyClick(busy.window, Qt.Key.Key_F1)
    manual = busy.window.findChild(Manual)
    assert isinstance(manual, Manual)
    assert manual.isVisible()
    assert manual.toPlainText().startswith("Using daskscope")
    folder = docs_folder()
    assert folder is not None
    linked = re.findall(r"\]\(([^)#:]+\.md)\)", (folder / "usage.md").read_text(encoding="utf-8"))
    assert linked
    for page in linked:
        manual.setSource(QUrl(page))
        assert len(manual.toPlainText()) > 100, page
    manual.activateWindow()
    qtbot.waitUntil(manual.isActiveWindow)
    QTest.keyClick(manual, Qt.Key.Key_Escape)
    assert not manual.isVisible()


def test_there_is_one_documentation_in_the_theme_of_its_window(busy: Run) -> None:
    sheets = []
    for _ in range(2):
        QTest.keyClick(busy.window, Qt.Key.Key_F1)
        (manual,) = busy.window.findChildren(Manual)
        sheets.append(manual.styleSheet())
        busy.toggle_theme()
    assert sheets == [style_sheet(LIGHT), style_sheet(DARK)]


def test_the_button_of_the_toolbar_opens_the_palette(busy: Run) -> None:
    buttons = busy.window.toolbar.findChildren(QToolButton)
    button = next(b for b in buttons if b.accessibleName() == "Commands")
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert busy.window.commands.isVisible()


@THEMES
@pytest.mark.parametrize("size", [(1600, 900), (1024, 640)])
def test_the_hint_stands_above_the_status_bar_until_it_is_clicked(
    busy: Run, size: tuple[int, int], theme: Theme
) -> None:
    hint = busy.window.hint
    assert not hint.isVisible()  # nothing is remembered, so nobody is told
    busy.choose_theme(theme.name)
    busy.overlays.show_hint()
    busy.window.resize(*size)
    assert busy.window.rect().contains(hint.geometry())
    assert hint.geometry().bottom() < busy.window.status.geometry().top()
    assert hint.accessibleDescription() == "?: all keys; Ctrl+Shift+P: every command"
    QTest.mouseClick(hint, Qt.MouseButton.LeftButton)
    assert not hint.isVisible()
    assert busy.keeper.settings.knows_keys


@pytest.mark.parametrize("name", ["help.keys", "help.palette"])
def test_who_finds_the_keys_needs_no_hint(busy: Run, name: str) -> None:
    busy.overlays.show_hint()
    busy.overlays.perform(name)
    assert not busy.window.hint.isVisible()
    assert busy.keeper.settings.knows_keys
