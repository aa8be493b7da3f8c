"""From options to a window that is shown, and back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from daskscope.app.launch import Launched
from daskscope.app.options import WindowOptions
from daskscope.app.window import Window
from tests.gui.working import Link

if TYPE_CHECKING:
    from pathlib import Path

    from PySide6.QtWidgets import QApplication

    from daskscope.app.launch import Ending
    from daskscope.ingest.source import Source


@pytest.mark.parametrize(
    ("is_live", "title"), [(False, "<b>run.dscope – daskscope"), (True, "daskscope")]
)
def test_a_window_on_a_recording_is_called_by_it(
    qapp: QApplication,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_live: bool,
    title: str,
) -> None:
    titles: list[str] = []
    monkeypatch.setattr(Window, "show", lambda window: titles.append(window.windowTitle()))
    launched = Launched(
        qapp,
        cast("Ending", SimpleNamespace(is_asked=False)),
        cast("Source", Link()),
        tmp_path / "<b>run.dscope",
        WindowOptions(seconds=0.05),
        is_live=is_live,
    )
    launched.run()
    assert titles == [title]
