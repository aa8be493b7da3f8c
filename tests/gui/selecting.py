"""Gestures that select a stretch of time, and what is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from daskscope.derive.quantity import THIN
from daskscope.theme import GUTTER_PX
from tests.builders import MS, T0
from tests.gui.working import NOW

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from daskscope.app.run import Run


def tick(run: Run, n: int = 3) -> None:
    """Tick, and then until the statistics are done, however slow the machine is."""
    for _ in range(n):
        run.tick(NOW + 16 * MS)
    for _ in range(200):
        if not run._stage._statistics.is_working:
            return
        run.tick(NOW + 16 * MS)
    raise AssertionError("the statistics are never done")


def drag(
    widget: QWidget,
    start: QPoint,
    end: QPoint,
    keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
) -> None:
    """Press, move with the button held, release: QTest's own moves hold none."""
    QTest.mousePress(widget, Qt.MouseButton.LeftButton, keys, start)
    for point in ((start + end) / 2, end):
        move = QMouseEvent(
            QEvent.Type.MouseMove,
            QPointF(point),
            QPointF(widget.mapToGlobal(point)),
            Qt.MouseButton.NoButton,
            Qt.MouseButton.LeftButton,
            keys,
        )
        QApplication.sendEvent(widget, move)
    QTest.mouseRelease(widget, Qt.MouseButton.LeftButton, keys, end)


def row_y(run: Run, worker: str, thread: int) -> int:
    """The middle of a lane in the task stream."""
    assert run.frame is not None
    rows = (row for row in run.frame.layout.rows if (row.title, row.thread) == (worker, thread))
    row = next(rows)
    return row.y_px + row.height_px // 2 - run.frame.scroll_px


def at(run: Run, time: int, y: int) -> QPoint:
    """A point of the stream at `time` since the start."""
    assert run.frame is not None
    return QPoint(GUTTER_PX + round(run.frame.view.x_px(T0 + time)), y)


def heading(run: Run) -> str:
    """What the dock's title says of the statistics."""
    return run.window.workers_dock.title.accessibleDescription().replace(THIN, " ")


def cells(run: Run, column: str) -> dict[str, str]:
    frame = run.window.statistics.table._frame
    assert frame is not None
    return {n: frame.cell(row, column).replace(THIN, " ") for row, n in enumerate(frame.names)}
