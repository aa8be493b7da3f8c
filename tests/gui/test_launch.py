"""From options to a window that is shown, and back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import closing
from typing import TYPE_CHECKING, cast

import pytest

from daskscope.app.clock import elapsed_s
from daskscope.app.launch import Ending, Launched
from daskscope.app.options import WindowOptions
from daskscope.app.tempo import Tempo
from daskscope.app.window import Window
from tests.gui.working import Link

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from PySide6.QtWidgets import QApplication

    from daskscope.ingest.source import Source

LONG_S = 20.0


@pytest.fixture
def ending() -> Iterator[Ending]:
    numbers = signal.SIGINT, signal.SIGTERM
    before = [signal.getsignal(number) for number in numbers]
    with closing(Ending()) as made:
        yield made
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("is_live", "title"), [(False, "<b>run.dscope – daskscope"), (True, "daskscope")]
)
def test_a_window_on_a_recording_is_called_by_it(
    qapp: QApplication,
    ending: Ending,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_live: bool,
    title: str,
) -> None:
    titles: list[str] = []
    monkeypatch.setattr(Window, "show", lambda window: titles.append(window.windowTitle()))
    launched = Launched(
        qapp,
        ending,
        cast("Source", Link()),
        tmp_path / "<b>run.dscope",
        WindowOptions(seconds=0.05),
        is_live=is_live,
    )
    launched.run()
    assert titles == [title]


def test_a_signal_ends_a_window_that_waits_for_long(
    qapp: QApplication, ending: Ending, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Tempo, "period_s", lambda *_, **__: LONG_S)
    options = WindowOptions(seconds=LONG_S)
    launched = Launched(qapp, ending, cast("Source", Link()), tmp_path / "a.dscope", options)
    timer = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGTERM))
    timer.start()
    began_s = elapsed_s()
    launched.run()
    timer.join()
    assert elapsed_s() - began_s < LONG_S / 2


def test_a_window_asks_for_no_huge_pages_and_lets_others_have_them() -> None:
    script = """
import os, sys
from daskscope.app.launch import load_numpy

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "numpy":
            print(os.environ.get("NUMPY_MADVISE_HUGEPAGE"))

sys.meta_path.insert(0, Watch())
load_numpy()
print(os.environ.get("NUMPY_MADVISE_HUGEPAGE"))
"""
    command = [sys.executable, "-c", script]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.split() == ["0", "None"]
