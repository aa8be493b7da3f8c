"""Everything has a name, is reached by key, and says what it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from daskscope.paint import speech
from daskscope.theme import DENSITIES
from daskscope.views.welcome.shelf import Shelf
from tests.builders import MS
from tests.gui.working import NOW, set_clock

if TYPE_CHECKING:
    from daskscope.app.run import Run


def named(widget: QWidget) -> str:
    """What Qt tells a screen reader; of a tab bar that has no tabs yet, what it will tell."""
    interface = QAccessible.queryAccessibleInterface(widget)
    return str(interface.text(QAccessible.Text.Name)) or widget.accessibleName()


def test_whatever_can_have_the_focus_has_a_name(busy: Run) -> None:
    nameless = set()
    for view in busy.window.tabs:
        busy.window.focus_view(view)
        busy.tick(NOW + 32 * MS)
        nameless |= {
            (type(widget).__name__, view)
            for widget in busy.window.findChildren(QWidget)
            if widget.focusPolicy() != Qt.FocusPolicy.NoFocus
            and widget.isVisible()
            and not named(widget)
        }
    assert not nameless


def test_the_fields_of_sheets_have_names(busy: Run) -> None:
    for toggle, sheet in (
        (busy.overlays.toggle_palette, busy.window.commands),
        (busy.overlays.toggle_keys, busy.window.keys),
    ):
        toggle()
        assert named(sheet)
        assert named(sheet.field)


def test_the_task_stream_says_what_is_in_view_once_a_second(
    busy: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, lambda: 1e6)  # later, and then it stops
    busy.tick(NOW + 17 * MS)
    stream = busy.window.timeline.stream
    first = stream.accessibleDescription().replace("\u2009", " ")
    assert first == "2 workers, 4 threads; 4 spans from 0:00 to 0:18; following"
    busy.toggle_pause()
    busy.tick(NOW + 20 * MS)
    assert stream.accessibleDescription().replace("\u2009", " ") == first


@pytest.mark.parametrize("name", DENSITIES)
def test_rows_of_the_shelf_keep_their_two_lines(run: Run, name: str) -> None:
    shelf = run.window.findChild(Shelf)
    assert isinstance(shelf, Shelf)
    before = shelf.row_px
    run.choose_density(name)
    assert shelf.row_px == before


def test_the_palette_says_what_enter_would_do(busy: Run, told: list[str]) -> None:
    busy.overlays.toggle_palette()
    QTest.keyClicks(busy.window.commands.field, "zoom o")
    assert told[-1].startswith("Zoom out, Time, S, 1 of ")


def test_without_a_screen_reader_nothing_is_said(
    busy: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[object] = []
    monkeypatch.setattr(speech, "QAccessibleAnnouncementEvent", lambda *args: said.append(args))
    busy.overlays.toggle_palette()
    assert said == []
