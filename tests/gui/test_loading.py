"""A recording that is read: the strip, its cross, Escape, and the part that had to go."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QToolButton

from daskscope.app import opening
from daskscope.app.options import WindowOptions
from daskscope.app.run import Run
from daskscope.derive.status import status_frame
from daskscope.ingest.journal import VERSION, Journal
from daskscope.store.schema import SourceStatus
from daskscope.views.statusbar import placed
from tests.builders import MS, T0
from tests.gui.working import NOW, Link, cluster

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

READING = SourceStatus(
    is_live=False, spans=1_000, journal_path="/a/run.dscope", progress=0.4, ends_ns=T0 + 10**10
)


class Reader(Link):
    """A link to the reader of a recording."""

    def __init__(self) -> None:
        super().__init__()
        self.n_stops = 0

    def stop(self) -> bool:
        self.n_stops += 1
        return True


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
def reading(
    qtbot: QtBot, reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Run]:
    """A window on a recording of which some has been read."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    options = WindowOptions(size=(1280, 720), theme="light")
    made = Run(reader, options, False, lambda: "")  # type: ignore[arg-type]
    qtbot.addWidget(made.window)
    made.window.resize(1280, 720)
    made.window.show()
    reader.messages = [*cluster()[1], READING]
    tick(made, 2)
    yield made
    made.finish()


def tick(run: Run, n: int = 1) -> None:
    for _ in range(n):
        run.tick(NOW + 16 * MS)


def click_cross(run: Run) -> None:
    strip = run.window.loading
    QTest.mouseClick(
        strip, Qt.MouseButton.LeftButton, pos=QPoint(strip.width() - 12, strip.height() // 2)
    )


def test_the_strip_stands_there_until_all_is_read(reading: Run, reader: Reader) -> None:
    assert reading.window.loading.isVisible()
    assert "of 1" in reading.window.loading.accessibleDescription()

    reader.messages = [replace(READING, progress=1.0)]
    tick(reading, 3)

    assert not reading.window.loading.isVisible()


@pytest.mark.parametrize("is_empty", [True, False])
def test_a_recording_that_is_damaged_is_read_as_far_as_it_goes(
    run: Run, link: Link, is_empty: bool
) -> None:
    run.is_reading = True
    damaged = replace(READING, problem="/a/run.dscope is damaged")
    link.messages = [damaged] if is_empty else [*cluster()[1], damaged]
    tick(run, 5)

    assert not run.is_reading
    assert not run.session.is_following
    assert run.window.is_welcome is is_empty


def test_the_view_is_that_of_the_whole_run_from_the_start(reading: Run) -> None:
    assert reading.frame is not None
    assert reading.frame.view.end_ns >= READING.ends_ns


def test_the_cross_stops_reading_and_then_puts_the_strip_away(reading: Run, reader: Reader) -> None:
    QTest.mouseClick(reading.window.loading, Qt.MouseButton.LeftButton, pos=QPoint(200, 10))
    assert reader.n_stops == 0
    click_cross(reading)
    assert reader.n_stops == 1

    reader.messages = [replace(READING, is_stopped=True)]
    tick(reading, 3)

    strip = reading.window.loading
    assert strip.isVisible()
    assert "the rest is not shown" in strip.accessibleDescription()
    assert reading.snapshot.n_spans == 4
    click_cross(reading)
    assert not strip.isVisible()
    assert reader.n_stops == 1


def test_the_menu_stops_reading(reading: Run, reader: Reader) -> None:
    reading._menu.refresh()
    action = reading._menu.actions["file.stop"]
    assert action.isEnabled()
    action.trigger()
    assert reader.n_stops == 1


def test_escape_stops_reading_and_afterwards_clears_the_selection(
    reading: Run, reader: Reader
) -> None:
    stream = reading.window.timeline.stream
    reading.selecting.select(T0, T0 + 1_000, None)
    stream.setFocus()
    QTest.keyClick(stream, Qt.Key.Key_Escape)
    assert reader.n_stops == 1
    assert reading.session.selection_ns is not None

    reader.messages = [replace(READING, is_stopped=True)]
    tick(reading, 3)
    QTest.keyClick(stream, Qt.Key.Key_Escape)
    assert not reading.window.loading.isVisible()
    assert reading.session.selection_ns is not None
    QTest.keyClick(stream, Qt.Key.Key_Escape)

    assert reader.n_stops == 1
    assert reading.session.selection_ns is None


def escape() -> None:
    """Press Escape where the keyboard is."""
    focus = QApplication.focusWidget()
    assert focus is not None
    QTest.keyClick(focus, Qt.Key.Key_Escape)


def test_escape_stops_reading_and_puts_the_strip_away_in_other_views_as_well(
    reading: Run, reader: Reader
) -> None:
    strip = reading.window.loading
    reading.window.focus_view("workers")
    escape()
    assert (reader.n_stops, strip.isVisible()) == (1, True)
    reader.messages = [replace(READING, is_stopped=True)]
    tick(reading, 3)
    escape()
    reader.messages = [replace(READING, is_stopped=True, spans=2_000)]
    tick(reading, 3)
    assert (reader.n_stops, strip.isVisible()) == (1, False)


def test_escape_puts_the_strip_of_an_empty_recording_away(run: Run, link: Link) -> None:
    run.is_reading = True
    link.messages = [replace(READING, problem="/a/run.dscope is damaged")]
    tick(run, 5)
    assert run.window.is_welcome
    assert run.window.loading.isVisible()
    run.window.activateWindow()
    escape()
    assert not run.window.loading.isVisible()


def test_what_cannot_be_opened_is_told_in_the_window(
    reading: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []
    told: list[str] = []
    monkeypatch.setattr(opening, "open_in_new_window", asked.append)
    monkeypatch.setattr(opening, "say", lambda _window, text: told.append(text))
    path = tmp_path / "a.dscope"
    Journal(path).close()
    reading.opening.open(str(path))
    assert (asked, told) == ([str(path)], [])

    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    reading.opening.open(str(path))
    assert (len(asked), told) == (1, [f"{path} was written by a newer daskscope (format 2)"])
    path.write_text("no recording")
    reading.opening.open(str(path))
    assert len(asked) == 1
    assert "neither a recording" in told[-1]


def test_a_recording_is_chosen_by_key(
    reading: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []
    path = tmp_path / "a.dscope"
    Journal(path).close()
    chosen = ["", str(path)]
    monkeypatch.setattr(opening, "open_in_new_window", asked.append)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (chosen.pop(0), ""))
    stream = reading.window.timeline.stream
    stream.setFocus()
    for expected in ([], [str(path)]):
        QTest.keyClick(stream, Qt.Key.Key_O, Qt.KeyboardModifier.ControlModifier)
        assert asked == expected


def test_a_recording_is_chosen_and_opened_from_an_empty_window(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []
    session = tmp_path / "a.dscope"
    Journal(session).close()
    monkeypatch.setattr(opening, "open_in_new_window", asked.append)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(session), ""))
    tick(run)
    welcome = run.window.welcome
    (button,) = (b for b in welcome.findChildren(QToolButton) if b.text() == "Open recording")
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert asked == [str(session)]
    for signal in (welcome.shelf.open_requested, welcome.shelf.recover_requested):
        signal.emit(str(session))
    assert asked == 3 * [str(session)]


def test_a_click_on_what_was_evicted_opens_it(
    reading: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(opening, "open_in_new_window", lambda *arguments: asked.append(arguments))
    reading.opening.open_earlier()
    assert asked == []  # nothing was

    reading._store._n_evicted, reading._store._evicted_ns = 7, T0 + 2_500_000_000
    reading._store.apply(READING)
    tick(reading)
    reading.window.status.show_frame(status_frame(reading.snapshot, NOW, 0.0, 0.0))
    click_field(reading, "evicted")

    assert asked == [("/a/run.dscope", "--until", f"{2.5 - first_s(reading):.3f}")]


def first_s(run: Run) -> float:
    return (run.snapshot.first_ns - T0) / 1e9


def click_field(run: Run, label: str) -> None:
    bar = run.window.status
    (part,) = (p for p in placed(bar._frame, bar.width())[1] if p.field.label == label)
    QTest.mouseClick(bar, Qt.MouseButton.LeftButton, pos=QPoint(part.x_px + 4, 10))
