"""A window of ten thousand lanes: scrolled, folded and unfolded by hand and by key."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from daskscope.derive.lanelayout import RowKind
from daskscope.store.schema import SourceStatus
from daskscope.views.timeline.gutter import WORKER_CHEVRON_X_PX
from tests.builders import MS, Load
from tests.gui.selecting import drag
from tests.gui.working import NOW, Link

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from daskscope.app.run import Run
    from daskscope.derive.frames import TaskStreamFrame

N_WORKERS, N_THREADS = 2_500, 4
N_HOSTS = 313


def settled(run: Run) -> TaskStreamFrame:
    """What is shown once all workers are known and the picture is whole."""
    for n in range(500):
        run.tick(NOW + n * MS)
        if run.frame is not None and run.frame.is_exact and run._stage._crowd.is_known:
            break
    run.tick(NOW + 500 * MS)
    assert run.error is None
    assert run.frame is not None
    return run.frame


def n_rows(frame: TaskStreamFrame) -> Counter[RowKind]:
    return Counter(row.kind for row in frame.layout.rows)


@pytest.fixture
def vast(run: Run, link: Link, qtbot: QtBot) -> Run:
    load = Load(N_WORKERS, N_THREADS, mean_ns=200 * MS)
    batch = load.batch(30_000)
    link.messages = [
        SourceStatus(is_live=True, http=Link.http), load.source.definitions(), batch,
    ]  # fmt: skip
    settled(run)
    run.window.activateWindow()
    run.window.timeline.stream.setFocus()
    qtbot.waitUntil(run.window.timeline.stream.hasFocus)
    return run


def test_all_of_them_are_scrolled_through_folded_and_unfolded(vast: Run) -> None:
    stream, shift = vast.window.timeline.stream, Qt.KeyboardModifier.ShiftModifier
    assert n_rows(settled(vast)) == {RowKind.HOST: N_HOSTS, RowKind.DENSITY: N_WORKERS}

    right = stream.width() - 4
    drag(stream, QPoint(right, 8), QPoint(right, stream.height()))
    frame = settled(vast)
    assert frame.last_row == N_HOSTS + N_WORKERS
    assert frame.densities[-1].share.any()

    QTest.keyClick(stream, Qt.Key.Key_C, shift)
    folded = settled(vast)
    assert n_rows(folded) == {RowKind.HOST: N_HOSTS, RowKind.DENSITY: N_HOSTS}
    assert folded.scroll_px == folded.layout.height_px - folded.height_px
    QTest.keyClick(stream, Qt.Key.Key_C, shift)
    frame = settled(vast)
    assert n_rows(frame)[RowKind.DENSITY] == N_WORKERS

    last = frame.layout.workers[-1]
    chevron = QPoint(WORKER_CHEVRON_X_PX, last.y_px - frame.scroll_px + 6)
    QTest.mouseClick(stream, Qt.MouseButton.LeftButton, pos=chevron)
    assert n_rows(settled(vast))[RowKind.LANE] == N_THREADS
