"""What a window had to let go, from the real receiver's journal in a real window of its own."""

from __future__ import annotations

import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from daskscope.app.options import WindowOptions
from daskscope.app.run import Run
from daskscope.ingest.clock import wall_ns
from daskscope.ingest.source import Source
from daskscope.simulate.requests import Request
from daskscope.simulate.send import connect
from daskscope.theme import LIGHT
from daskscope.views.statusbar import placed
from tests.e2e.pictures import n_prefixes
from tests.telemetry import tasks
from tests.viewer import Window, ids
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

pytestmark = pytest.mark.e2e

LOOPBACK = ("127.0.0.1:0",)
CHUNK_ROWS = 1_024
N = 20 * CHUNK_ROWS + 500


@pytest.fixture
def small(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """A window that holds a few chunks of a thousand spans."""
    monkeypatch.setattr("daskscope.store.filling.CHUNK_ROWS", CHUNK_ROWS)
    monkeypatch.setattr("daskscope.app.run.MEMORY_CAP_BYTES", 6 * 110 * CHUNK_ROWS)
    with closing(Source.receive(LOOPBACK, LOOPBACK, tmp_path / "live.dscope")) as source:
        source.wait()
        run = Run(source, WindowOptions(size=(1280, 720), theme="light"), True, lambda: "")
        qtbot.addWidget(run.window)
        run.window.resize(1280, 720)
        run.window.show()
        sender = connect(f"http://{source.http[0]}")
        for first in range(0, N, 1_000):
            n = min(1_000, N - first)
            request = Request(0, "traces", tasks(n, first=first).SerializeToString(), n)
            assert sender.send(request).retry_s is None
        sender.close()
        yield run
        run.finish()


def test_it_is_counted_and_a_click_opens_all_of_it(
    small: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []
    bar = small.window.status

    def is_counted() -> bool:
        small.tick(wall_ns())
        found = small.snapshot
        fields = [part.field for part in placed(bar._frame, bar.width())[1]]
        told = next((field.value for field in fields if field.label == "evicted"), "")
        n_told = "".join(letter for letter in told if letter.isdigit())
        return found.n_spans + found.n_evicted == N and n_told == str(found.n_evicted)

    wait_for(is_counted)
    snapshot = small.snapshot
    assert snapshot.n_evicted >= 10 * CHUNK_ROWS
    assert snapshot.memory_bytes < 10 * 110 * CHUNK_ROWS
    held = np.concatenate([chunk.columns["span_id"] for chunk in snapshot.chunks]).tolist()

    (part,) = (p for p in placed(bar._frame, bar.width())[1] if p.field.label == "evicted")
    with monkeypatch.context() as patch:
        patch.setattr("subprocess.Popen", lambda argv, **_: started.append(argv))
        QTest.mouseClick(bar, Qt.MouseButton.LeftButton, pos=QPoint(part.x_px + 4, 10))
    (argv,) = started
    picture = tmp_path / "earlier.png"
    options = ["--theme", "light", "--screenshot", str(picture)]
    done = subprocess.run(
        [*argv, *options], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert n_prefixes(picture, LIGHT) >= 1

    with closing(Source.read(tmp_path / "live.dscope", until_s=float(argv[-1]))) as source:
        source.wait()
        earlier = Window(source)
        earlier.strings.append("")  # which a journal does not tell before its first chunk is full
        earlier.wait_for_status(lambda status: status.progress == 1.0)
    assert set(ids(N)) == {*held, *earlier.column("span_id")}
