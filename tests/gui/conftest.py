"""A window at work for every test that wants one: messages in, gestures on it, ticked by hand."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QCoreApplication, QEvent

from daskscope.app.options import WindowOptions
from daskscope.app.run import Run
from daskscope.paint import speech
from tests.builders import MS, SECOND
from tests.gui.chain import chain, ticked
from tests.gui.searching import Searched
from tests.gui.selecting import at, drag, row_y, tick
from tests.gui.working import NOW, Hand, Link, cluster, set_budget

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from PySide6.QtGui import QAccessibleAnnouncementEvent
    from pytestqt.qtbot import QtBot


@pytest.fixture(autouse=True)
def deleted() -> Iterator[None]:
    """Let windows of finished tests go: without an event loop Qt never gets to delete them."""
    yield
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture(autouse=True)
def searches() -> Iterator[None]:
    """Let Python look for garbage in other tests as if there had been no window."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each tick take in all that has come, however slow the machine is."""
    set_budget(monkeypatch, 1e9)


@pytest.fixture
def link() -> Link:
    return Link()


@pytest.fixture
def run(qtbot: QtBot, link: Link, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    options = WindowOptions(size=(1280, 720), theme="light")
    made = Run(link, options, True, lambda: "")  # type: ignore[arg-type]
    qtbot.addWidget(made.window)
    made.window.resize(1280, 720)
    made.window.show()
    yield made
    made.finish()


@pytest.fixture
def hand(run: Run, monkeypatch: pytest.MonkeyPatch) -> Hand:
    return Hand(run, monkeypatch)


@pytest.fixture
def busy(run: Run, link: Link) -> Run:
    link.messages = cluster()[1]
    run.tick(NOW)
    run.tick(NOW + 16 * MS)
    return run


@pytest.fixture
def chained(run: Run, link: Link) -> Run:
    link.messages = chain()
    ticked(run, 3)
    return run


@pytest.fixture
def searched(run: Run, link: Link) -> Searched:
    return Searched(run, link)


@pytest.fixture
def chosen(busy: Run) -> Run:
    """The stretch from second 4 to second 10 is selected."""
    busy.toggle_pause()
    tick(busy)
    y = row_y(busy, "w0", 1)
    drag(busy.window.timeline.stream, at(busy, 4 * SECOND, y), at(busy, 10 * SECOND, y + 3))
    tick(busy)
    return busy


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a screen reader is told."""
    lines: list[str] = []

    class Listening:
        @staticmethod
        def isActive() -> bool:  # noqa: N802 - Qt's name
            return True

        @staticmethod
        def updateAccessibility(event: QAccessibleAnnouncementEvent) -> None:  # noqa: N802 - Qt's name
            lines.append(event.message())

    monkeypatch.setattr(speech, "QAccessible", Listening)
    return lines
