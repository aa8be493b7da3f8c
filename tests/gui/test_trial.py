"""The demo's cluster that is started from an empty window."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from daskscope.app import trial
from daskscope.app.companion import Companion
from tests.gui.working import NOW
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from daskscope.app.run import Run


def test_its_end_is_told_once_and_it_is_started_once(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ending.py").write_text("raise SystemExit('no room')")
    started: list[Companion] = []

    def start(endpoint: str, _n_workers: int, log_path: Path) -> Companion:
        assert endpoint == "http://127.0.0.1:4328"
        started.append(Companion("it", ("ending",), log_path, {"PYTHONPATH": str(tmp_path)}))
        return started[-1]

    monkeypatch.setattr(trial, "Demo", start)
    for _ in range(2):
        run.window.welcome.demo_requested.emit()
    (one,) = started
    wait_for(lambda: one.has_ended)
    for _ in range(2):
        run.tick(NOW)
    (line,) = run.finish()
    assert line.startswith("it ended: no room (log: ")


def test_what_it_lacks_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    monkeypatch.setattr(trial, "say", lambda _window, text: told.append(text))
    run.window.welcome.demo_requested.emit()
    (line,) = told
    assert "pip install 'daskscope[demo]'" in line
    assert run.trial.failure() == ""
