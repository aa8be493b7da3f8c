"""No loop of Python's goes over spans in a tick: lines that are run do not grow with them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication

from daskscope.app.options import WindowOptions
from daskscope.app.run import Run
from daskscope.session import Session
from daskscope.store.schema import SourceStatus
from tests.builders import MS, SECOND, Load
from tests.gui.working import Link

if TYPE_CHECKING:
    from pathlib import Path
    from types import FrameType

    from pytestqt.qtbot import QtBot

N_WORKERS, N_THREADS = 64, 4
N_TICKS = 30
VIEW_NS = 50 * SECOND
#: Spans in view, and spans that come in each tick.
FEW, MANY = (20_000, 64), (300_000, 5_000)


class Lines:
    """Counts lines of daskscope that are run."""

    def __init__(self) -> None:
        self.n = 0

    def __enter__(self) -> Lines:
        self._before = sys.gettrace()
        sys.settrace(self._enter)
        return self

    def __exit__(self, *_error: object) -> None:
        sys.settrace(self._before)

    def _enter(self, frame: FrameType, _event: str, _value: object) -> Any:
        return self._line if "/daskscope/" in frame.f_code.co_filename else None

    def _line(self, _frame: FrameType, event: str, _value: object) -> Any:
        self.n += event == "line"
        return self._line


@pytest.fixture
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def n_lines(qtbot: QtBot, n_held: int, n_new: int) -> int:
    """Lines that are run in some live ticks, painting among them, of a view full of spans."""
    link = Link()
    run = Run(link, WindowOptions(size=(1600, 900), theme="dark"), True, lambda: "")  # type: ignore[arg-type]
    qtbot.addWidget(run.window)
    run.show((1600, 900))
    run._clock.stop()
    run.session = Session(span_ns=VIEW_NS)
    load = Load(N_WORKERS, N_THREADS, mean_ns=round(0.9 * VIEW_NS * N_WORKERS * N_THREADS / n_held))
    batch = load.batch(n_held)
    link.messages = [SourceStatus(is_live=True, http=Link.http), load.source.definitions(), batch]
    now = int(batch.columns["end_ns"].view(np.int64).max())
    for _ in range(60):
        now += 16 * MS
        run.tick(now)
    assert run.frame is not None
    assert run.frame.is_exact
    assert run.frame.n_spans_in_view > 0.8 * n_held
    lines = Lines()
    for _ in range(N_TICKS):
        link.messages = [load.batch(n_new)]
        now += 16 * MS
        with lines:
            run.tick(now)
            QApplication.processEvents()
    assert run.error is None
    run.finish()
    return lines.n


@pytest.mark.usefixtures("homes")
def test_lines_that_are_run_do_not_grow_with_spans(qtbot: QtBot) -> None:
    (few, few_new), (many, many_new) = FEW, MANY
    least = n_lines(qtbot, few, few_new)
    assert n_lines(qtbot, many, few_new) < 2 * least
    assert n_lines(qtbot, few, many_new) < 2 * least
    assert n_lines(qtbot, many, many_new) < 2 * least
