"""Each row of the table does something, from the keyboard and from the menus of the real window."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu, QMessageBox, QToolButton

from daskscope.app.actions import ACTIONS, MENUS
from daskscope.app.bindings import bindings
from daskscope.app.menu import say
from daskscope.session import WHOLE_RUN
from daskscope.theme import DARK, DENSITIES, LIGHT, TOOLBAR_PX, WINDOW_LEAST_PX, Theme
from tests.builders import MS
from tests.gui.working import NOW

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtGui import QAction
    from pytestqt.qtbot import QtBot

    from daskscope.app.run import Run
    from daskscope.session import Session


@pytest.fixture
def focused(busy: Run, qtbot: QtBot) -> Run:
    """The task stream hears the keys."""
    stream = busy.window.timeline.stream
    busy.window.activateWindow()
    stream.setFocus()
    qtbot.waitUntil(stream.hasFocus)
    return busy


def press(run: Run, key: Qt.Key) -> Session:
    QTest.keyClick(run.window.timeline.stream, key)
    run.tick(NOW + 32 * MS)
    return run.session


def menu(run: Run, title: str) -> QMenu:
    buttons = run.window.toolbar.findChildren(QToolButton)
    found = next(button for button in buttons if button.text() == title).menu()
    assert isinstance(found, QMenu)
    found.aboutToShow.emit()
    return found


def test_every_row_has_a_function_and_every_function_a_row(run: Run) -> None:
    assert set(bindings(run)) == {row.id for row in ACTIONS}


def test_every_row_stands_in_a_menu(run: Run) -> None:
    shown = [a.text().partition("\t")[0] for title, _ in MENUS for a in menu(run, title).actions()]
    assert sorted(filter(None, shown)) == sorted(row.text for row in ACTIONS)


def test_what_there_is_nothing_to_do_with_cannot_be_asked_for(run: Run) -> None:
    def offered() -> dict[str, bool]:
        return {action.text(): action.isEnabled() for action in menu(run, "File").actions()}

    assert not offered()["Stop reading"]
    assert not offered()["Open the earlier part"]
    assert offered()["Quit"]
    run.is_reading = True
    assert offered()["Stop reading"]


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_a_message_box_has_the_buttons_of_the_theme(run: Run, qtbot: QtBot, theme: Theme) -> None:
    run.window.set_theme(theme)
    say(run.window, "something <b>")
    box = run.window.findChild(QMessageBox)
    assert box is not None
    button = box.defaultButton() or box.buttons()[0]
    qtbot.waitUntil(button.isVisible)
    picture = button.grab().toImage()
    ground = {picture.pixelColor(6, y).rgb() & 0xFFFFFF for y in range(4, picture.height() - 4)}
    assert len(ground) == 1
    assert ground <= {theme.s3, theme.accent}
    box.close()


@pytest.mark.parametrize("title", [title for title, _ in MENUS])
def test_a_menu_fits_into_the_least_window(run: Run, title: str) -> None:
    assert menu(run, title).sizeHint().height() < WINDOW_LEAST_PX[1] - TOOLBAR_PX


def test_w_and_s_zoom(focused: Run) -> None:
    before = focused.session.span_ns
    assert press(focused, Qt.Key.Key_W).span_ns == pytest.approx(before / 1.25, rel=1e-6)
    assert press(focused, Qt.Key.Key_S).span_ns == pytest.approx(before, rel=1e-6)


@pytest.mark.parametrize(
    ("key", "is_later"),
    [
        (Qt.Key.Key_A, False),
        (Qt.Key.Key_Left, False),
        (Qt.Key.Key_D, True),
        (Qt.Key.Key_Right, True),
    ],
)
def test_a_d_and_arrows_pan(focused: Run, key: Qt.Key, is_later: bool) -> None:
    assert focused.frame is not None
    before = focused.frame.view.end_ns
    session = press(focused, key)
    assert not session.is_following
    assert (session.end_ns > before) is is_later


def test_keys_for_the_whole_its_start_and_now(focused: Run) -> None:
    assert press(focused, Qt.Key.Key_F).span_ns == WHOLE_RUN
    assert not press(focused, Qt.Key.Key_Home).is_following
    assert press(focused, Qt.Key.Key_End).is_following


def test_escape_selects_nothing(focused: Run) -> None:
    focused.window.timeline.selected.emit(NOW - 1000, NOW, None)
    assert focused.session.selection_ns is not None
    assert press(focused, Qt.Key.Key_Escape).selection_ns is None


def test_space_holds_the_picture_and_the_menu_says_so(focused: Run) -> None:
    assert not press(focused, Qt.Key.Key_Space).is_following
    checked = {a.text() for a in menu(focused, "Go").actions() if a.isChecked()}
    assert "Pause\tSpace" in checked
    assert "Follow" not in checked
    next(a for a in menu(focused, "Go").actions() if a.text() == "Follow").trigger()
    assert focused.session.is_following


def test_a_panel_is_hidden_and_shown_from_the_menu(focused: Run) -> None:
    for is_shown in (False, True):
        action = next(a for a in menu(focused, "View").actions() if a.text() == "Workers")
        assert action.isChecked() is not is_shown
        action.trigger()
        assert focused.window.workers.isVisible() is is_shown


def test_the_layout_of_the_first_start_comes_back(focused: Run) -> None:
    window = focused.window
    first = window.layout_now()
    for name in window.docks:
        window.toggle_dock(name)
    for splitter in window.borders.pairs():
        splitter.setSizes([400, 200])
    assert window.layout_now() != first
    next(a for a in menu(focused, "View").actions() if a.text() == "Reset layout").trigger()
    after = window.layout_now()
    assert replace(after, splitters=()) == replace(first, splitters=())
    for sizes, before in zip(after.splitters, first.splitters, strict=True):
        assert sizes == pytest.approx(before, abs=2)  # shared anew, in whole pixels


def test_docks_keep_their_share_of_the_height_of_any_window(focused: Run) -> None:
    window = focused.window
    shares = []
    for size in ((2560, 1440), (1024, 640), (2560, 1440)):
        window.resize(*size)
        QApplication.processEvents()
        low, high = window.workers_dock.height(), window.timeline.height()
        shares.append((low / (low + high), window.progress_dock.height() / window.height()))
    for below, right in shares:
        assert below == pytest.approx(0.28, abs=0.02)
        assert right == pytest.approx(shares[0][1], abs=0.05)


def test_a_picture_goes_to_the_clipboard(focused: Run) -> None:
    stream = focused.window.timeline.stream
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    QTest.keyClick(stream, Qt.Key.Key_C, both)
    assert QApplication.clipboard().pixmap().size() == focused.window.size()


def test_the_whole_screen_is_taken_and_given_back(focused: Run) -> None:
    for is_full in (True, False):
        QTest.keyClick(focused.window.timeline.stream, Qt.Key.Key_F11)
        assert focused.window.isFullScreen() is is_full


def entry(run: Run, title: str, text: str) -> QAction:
    return next(action for action in menu(run, title).actions() if action.text() == text)


def test_themes_are_chosen_from_the_menu(focused: Run) -> None:
    for text, other in (("Dark", "Light"), ("Light", "Dark")):
        entry(focused, "View", text).trigger()
        assert focused.theme.name == text.lower()
        assert entry(focused, "View", text).isChecked()
        assert not entry(focused, "View", other).isChecked()
    entry(focused, "View", "Change theme").trigger()
    assert focused.theme.is_dark


def test_a_picture_is_saved_where_it_is_asked_for(
    focused: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [str(tmp_path / "a.png"), "", str(tmp_path / "none" / "a.png")]
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (wanted.pop(0), ""))
    entry(focused, "File", "Save picture…").trigger()
    assert QImage(str(tmp_path / "a.png")).size() == focused.window.size()

    entry(focused, "File", "Save picture…").trigger()  # and thought better of it
    assert focused.window.findChild(QMessageBox) is None
    entry(focused, "File", "Save picture…").trigger()
    box = focused.window.findChild(QMessageBox)
    assert box is not None
    assert str(tmp_path / "none") in box.text()
    box.close()


def test_what_this_is_is_told(focused: Run) -> None:
    entry(focused, "Help", "About daskscope").trigger()
    box = focused.window.findChild(QMessageBox)
    assert box is not None
    assert box.text() == f"daskscope {version('daskscope')}"
    box.close()


def test_a_key_closes_the_window(focused: Run, qtbot: QtBot) -> None:
    with qtbot.waitSignal(focused.window.closed):
        QTest.keyClick(
            focused.window.timeline.stream, Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier
        )
    assert not focused.window.isVisible()


@pytest.mark.parametrize("name", DENSITIES)
def test_density_changes_lanes_and_tables(focused: Run, name: str) -> None:
    text = name.capitalize()
    next(a for a in menu(focused, "View").actions() if a.text() == text).trigger()
    focused.tick(NOW + 32 * MS)
    density = DENSITIES[name]
    assert focused.session.density == density
    assert focused.window.workers.row_px == density.table_row_px
    assert focused.window.progress.row_px == density.progress_row_px
    assert focused.frame is not None
    assert focused.frame.layout.pitch_px in (density.pitch_px, DENSITIES["comfortable"].pitch_px)
    assert {a.text() for a in menu(focused, "View").actions() if a.isChecked()} >= {text}


def test_tooltips_of_the_toolbar_name_the_keys(run: Run) -> None:
    tips = {b.accessibleName(): b.toolTip() for b in run.window.toolbar.findChildren(QToolButton)}
    assert tips["Fit"] == "The selection, or the whole run (F)"
    assert tips["Pause"] == "Hold the picture, and follow again (Space)"
    assert run.window.resources.buttons.toolTip().startswith(
        "Let charts show the task stream's time"
    )
