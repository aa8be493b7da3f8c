"""Each key of the table asks for its row, and for no other, in the real window."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest

from daskscope.app.actions import ACTIONS
from daskscope.app.bindings import Binding, bindings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytestqt.qtbot import QtBot

    from daskscope.app.run import Run


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Actions that were asked for, in the place of what they do; before the window is made."""
    ids: list[str] = []

    def ask(name: str) -> Callable[[], object]:
        return lambda: ids.append(name)

    def recorded(run: Run) -> Mapping[str, Binding]:
        return {name: replace(one, perform=ask(name)) for name, one in bindings(run).items()}

    monkeypatch.setattr("daskscope.app.run.bindings", recorded)
    return ids


def test_each_key_asks_for_its_row(asked: list[str], busy: Run, qtbot: QtBot) -> None:
    stream = busy.window.timeline.stream
    busy.window.activateWindow()
    stream.setFocus()
    qtbot.waitUntil(stream.hasFocus)
    heard = {}
    expected = {keys: [row.id] for row in ACTIONS if not row.is_held for keys in row.shortcuts}
    for keys in expected:
        QTest.keySequence(stream, QKeySequence(keys))
        heard[keys] = asked[:]
        asked.clear()
    assert heard == expected
