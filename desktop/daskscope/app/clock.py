"""The one clock: owns the only timer and is where the window asks for the time.

A tick that takes longer than the interval skips ticks instead of queueing them, and at least
`LEAST_REST_S` is left to Qt's own events between two ticks. What arrives ends a long wait, so
nobody looks for it in vain.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSocketNotifier, Qt, QTimer, Signal

from daskscope.ingest.clock import wall_ns

if TYPE_CHECKING:
    from collections.abc import Callable

FRAME_S = 1 / 60
LEAST_REST_S = 0.002
#: What arrives ends a wait that has lasted so long: a hundred workers' metrics come one by one.
ARRIVAL_REST_S = 0.1


def elapsed_s() -> float:
    """Seconds of a clock that never jumps, for measuring."""
    return time.perf_counter()


def spent_s() -> float:
    """Seconds of a core that this thread has spent: what others take of it is not counted."""
    return time.thread_time()


class Clock(QObject):
    """Calls `ticked` with the wall clock's nanoseconds.

    Parameters
    ----------
    descriptor
        Of the socket that is read in a tick, -1 while there is none.

    Attributes
    ----------
    period_s
        Time from tick to tick; whoever is called may change it for the next tick.
    """

    ticked = Signal(object)

    def __init__(
        self, parent: QObject | None = None, descriptor: Callable[[], int] = lambda: -1
    ) -> None:
        super().__init__(parent)
        self.period_s = FRAME_S
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._tick)
        self._is_running = False
        self._ticked_s = self._due_s = 0.0
        self._descriptor = descriptor
        self._bell: QSocketNotifier | None = None

    def start(self) -> None:
        """Begin to tick."""
        self._is_running = True
        self._due_s = elapsed_s()
        self._timer.start(0)

    def stop(self) -> None:
        """Tick no more."""
        self._is_running = False
        self._timer.stop()
        self._mute()

    def wake(self, rest_s: float = 0.0) -> None:
        """Let the next tick come within a frame, or `rest_s` after the last if that is later."""
        now_s = elapsed_s()
        due_s = max(now_s, self._ticked_s + rest_s)
        if self._timer.isActive() and due_s + FRAME_S < self._due_s:
            self._wait(due_s, now_s)

    def _tick(self) -> None:
        self._mute()
        self.ticked.emit(wall_ns())
        if not self._is_running:
            return
        self._ticked_s = now_s = elapsed_s()
        self._wait(max(self._due_s + self.period_s, now_s + LEAST_REST_S), now_s)
        if self.period_s > FRAME_S:
            self._listen()

    def _wait(self, until_s: float, now_s: float) -> None:
        self._due_s = until_s
        self._timer.start(max(math.ceil((until_s - now_s) * 1000), 1))

    def _listen(self) -> None:
        """Let the bell ring when something arrives."""
        descriptor = self._descriptor()
        if self._bell is not None and self._bell.socket() != descriptor:
            self._bell.deleteLater()
            self._bell = None
        if descriptor < 0:
            return
        if self._bell is None:
            self._bell = QSocketNotifier(descriptor, QSocketNotifier.Type.Read, self)
            self._bell.activated.connect(self._ring)
        self._bell.setEnabled(True)

    def _mute(self) -> None:
        if self._bell is not None:
            self._bell.setEnabled(False)

    def _ring(self) -> None:
        self._mute()
        self.wake(ARRIVAL_REST_S)
