"""The one clock: owns the only timer and is where the window asks for the time.

A tick that takes longer than the interval skips ticks instead of queueing them, and at least
`LEAST_REST_S` is left to Qt's own events between two ticks.
"""

from __future__ import annotations

import time

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from daskscope.ingest.clock import wall_ns

FRAME_S = 1 / 60
LEAST_REST_S = 0.002


def elapsed_s() -> float:
    """Seconds of a clock that never jumps, for measuring."""
    return time.perf_counter()


class Clock(QObject):
    """Calls `ticked` with the wall clock's nanoseconds.

    Attributes
    ----------
    period_s
        Least time from tick to tick; whoever is called may change it for the next tick.
    """

    ticked = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.period_s = FRAME_S
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._tick)
        self._due_s = 0.0

    def start(self) -> None:
        """Begin to tick."""
        self._due_s = elapsed_s()
        self._timer.start(0)

    def stop(self) -> None:
        """Tick no more."""
        self._timer.stop()

    def wake(self) -> None:
        """Let the next tick come within a frame, however long it was to be waited for."""
        if self._timer.remainingTime() > FRAME_S * 1000:
            self._timer.start(0)

    def _tick(self) -> None:
        self.ticked.emit(wall_ns())
        now_s = elapsed_s()
        self._due_s = max(self._due_s + self.period_s, now_s + LEAST_REST_S)
        self._timer.start(max(round((self._due_s - now_s) * 1000), 1))
