"""A real window in this process, offscreen, on a store that is filled with synthetic columns.

Time goes as it does for a user: ticks come when the window's clock would let them, gestures 60
times a second. What is measured is the whole tick: drain, store, derive, paint. A tick waits for
nothing, so its time is the CPU time of the window's thread, which other programs of the machine
disturb less than the wall clock.
"""

from __future__ import annotations

import gc
import os
import socket
import time
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from daskscope.app.clock import LEAST_REST_S
from daskscope.app.options import WindowOptions
from daskscope.store.schema import SourceStatus
from tests.builders import Load

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from daskscope.app.run import Run
    from daskscope.derive.frames import TaskStreamFrame
    from daskscope.ingest.source import Source
    from daskscope.store.schema import Message

SIZE_PX = (1_600, 900)
TICK_S = 1 / 60
RATE = 20_000
N_FILL = 8_192
#: Spans come as a receiver sends them on: what arrived in a tenth of a second.
TICKS_A_BATCH = 6


@dataclass(slots=True)
class Spring:
    """A source that hands over what was put into it, and tells a clock that it is there."""

    http: tuple[str, ...] = ("127.0.0.1:1",)
    grpc: tuple[str, ...] = ()
    is_closed: bool = False
    _messages: list[Message] = field(default_factory=list)
    _ends: tuple[socket.socket, socket.socket] = field(default_factory=socket.socketpair)

    def put(self, message: Message) -> None:
        """Let it be drained."""
        self._messages.append(message)
        self._ends[1].send(b"!")

    def drain(self, _budget_s: float) -> list[Message]:
        messages, self._messages = self._messages, []
        if messages:
            self._ends[0].recv(len(messages))
        return messages

    def fileno(self) -> int:
        """Where a byte lies for each message."""
        return self._ends[0].fileno()

    def close(self) -> None:
        """Nothing more comes."""
        for end in self._ends:
            end.close()

    def ask(self, _query: object) -> None:
        """Nobody answers."""

    def stop(self) -> None:
        """There is nothing to stop."""


@dataclass(frozen=True, slots=True)
class Ticks:
    """Some ticks: CPU time of the window's thread and wall clock, ms, and what each did.

    One that has taken in much leaves painting to the next, which comes at once.
    """

    cpu_ms: npt.NDArray[np.float64]
    wall_ms: npt.NDArray[np.float64]
    has_painted: npt.NDArray[np.bool_]
    has_taken: npt.NDArray[np.bool_]

    @property
    def frame_ms(self) -> npt.NDArray[np.float64]:
        """CPU time of each frame: of the tick that painted it, and of one that took in for it."""
        taken_ms = np.where(self.has_taken & ~self.has_painted, self.cpu_ms, 0.0)
        found: npt.NDArray[np.float64] = self.cpu_ms + np.concatenate([[0.0], taken_ms[:-1]])
        return np.compress(self.has_painted, found)

    def of(self, share: float, *, painted: bool = True) -> float:
        """A percentile of the CPU time, of frames or of all ticks."""
        return float(np.percentile(self.frame_ms if painted else self.cpu_ms, share))


def joined(parts: Sequence[Ticks]) -> Ticks:
    """Ticks of several turns as one."""
    return Ticks(
        *(
            np.concatenate([getattr(part, column.name) for part in parts])
            for column in fields(Ticks)
        )
    )


def _is_drawn(before: TaskStreamFrame | None, now: TaskStreamFrame | None) -> bool:
    """Whether a frame was made: other labels beside the lanes make none."""
    return now is not None and (before is None or now.bars is not before.bars)


class Stand:
    """The window and its load: 64 workers with 4 threads that end 20,000 tasks a second."""

    def __init__(self, n_held: int, range_s: float) -> None:
        from PySide6.QtWidgets import QApplication

        from daskscope.app.run import Run

        self.application = QApplication.instance() or QApplication([])
        self.load = Load()
        self._spring = Spring()
        options = WindowOptions(range_s=range_s, theme="light", size=SIZE_PX)
        self.run: Run = Run(cast("Source", self._spring), options, True, lambda: "")
        self.run._store._cap_bytes = 1 << 40
        self.run.show(SIZE_PX)
        self.run._clock.stop()
        self._n_owed = 0.0
        store = self.run._store
        store.apply(self.load.source.definitions())
        store.apply(SourceStatus(is_live=True, http=self._spring.http))
        self.fill(n_held)

    def fill(self, n: int) -> None:
        """Put so many more spans into the store; time goes on from the last of them."""
        store = self.run._store
        for _ in range(-(-n // N_FILL)):
            store.apply(self.load.batch(N_FILL))
        self._started_s = time.perf_counter()
        self._started_ns = store.snapshot().last_ns
        gc.collect()
        for _ in self.ticking(1.0):
            pass

    @property
    def view(self) -> Any:
        """The timeline."""
        return self.run.window.timeline

    @property
    def n_spans(self) -> int:
        return self.run.snapshot.n_spans

    def now_ns(self) -> int:
        """The cluster's clock, which went on from the last span that was held at the start."""
        return self._started_ns + round((time.perf_counter() - self._started_s) * 1e9)

    def ticking(
        self,
        seconds: float,
        rate: int = RATE,
        gesture: Callable[[int], object] | None = None,
    ) -> Iterator[tuple[float, float, bool, bool]]:
        """Tick for a while, as often as the window's clock would.

        Yields wall and CPU time of each tick, and whether it painted and took in. Spans and
        gestures come 60 times a second, whether a tick is late or one comes between.
        """
        started_s, number = time.perf_counter(), -1
        while (begin_s := time.perf_counter()) < started_s + seconds:
            while number < int((begin_s - started_s) / TICK_S):
                number += 1
                self._send(number, rate)
                if gesture is not None:
                    gesture(number)
            frame, generation = self.run.frame, self.run.snapshot.generation
            cpu_s, wall_s = time.thread_time(), time.perf_counter()
            self.run.tick(self.now_ns())
            yield (
                (time.perf_counter() - wall_s) * 1e3,
                (time.thread_time() - cpu_s) * 1e3,
                _is_drawn(frame, self.run.frame),
                self.run.snapshot.generation != generation,
            )
            self.application.processEvents()
            due_s = begin_s + min(self.run._clock.period_s, TICK_S)
            time.sleep(max(due_s - time.perf_counter(), LEAST_REST_S))

    def _send(self, number: int, rate: int) -> None:
        """Let the spans of a sixtieth of a second come, together with those of others."""
        self._n_owed += rate * TICK_S
        if number % TICKS_A_BATCH == 0 and self._n_owed >= 1:
            self._spring.put(self.load.batch(int(self._n_owed)))
            self._n_owed = 0.0

    def ticks(
        self, seconds: float, rate: int = RATE, gesture: Callable[[int], object] | None = None
    ) -> Ticks:
        """Tick for a while, with a gesture 60 times a second."""
        wall, cpu, painted, taken = zip(*self.ticking(seconds, rate, gesture), strict=True)
        return Ticks(np.array(cpu), np.array(wall), np.array(painted), np.array(taken))

    def share(self, seconds: float, rate: int, idle_s: float = 3.0) -> float:
        """Share of a core that the window takes by its own clock, after a while of the same.

        What comes has just ended, though nothing came for a while.
        """
        self.load.wait(self.now_ns())
        clock = self.run._clock
        clock.ticked.disconnect(self.run.tick)
        clock.ticked.connect(self._tick)
        clock.start()
        self._live(idle_s, rate)
        before_s, begin_s = time.process_time(), time.perf_counter()
        making_s = self._live(seconds, rate)
        taken_s = time.process_time() - before_s - making_s
        lasted_s = time.perf_counter() - begin_s
        clock.stop()
        clock.ticked.disconnect(self._tick)
        clock.ticked.connect(self.run.tick)
        return taken_s / lasted_s

    def _tick(self, _wall_ns: int) -> None:
        self.run.tick(self.now_ns())

    def _live(self, seconds: float, rate: int) -> float:
        """Let the application run; the CPU seconds that went into making its load."""
        from PySide6.QtCore import QEventLoop, Qt, QTimer

        # Waking up in vain would be counted as the window's, as would a wait that is too short
        # and is waited for once more.
        wait_s = 0.1 if rate else seconds
        loop, timer = QEventLoop(), QTimer()
        timer.setTimerType(Qt.TimerType.PreciseTimer)
        timer.timeout.connect(loop.quit)
        timer.start(round(wait_s * 1e3))
        making_s = 0.0
        for _ in range(round(seconds / wait_s)):
            begin_s = time.thread_time()
            if rate:
                self._spring.put(self.load.batch(round(rate * wait_s)))
            making_s += time.thread_time() - begin_s
            loop.exec()
        return making_s

    def settle(self) -> float:
        """Tick until the picture is exact; the ms that it took."""
        begin_s = time.perf_counter()
        for _ in self.ticking(5.0, 0):
            if self.run.frame is not None and self.run.frame.is_exact:
                break
        return (time.perf_counter() - begin_s) * 1e3

    def close(self) -> None:
        """Close the window."""
        self.run.finish()
        self.run.window.close()
        self._spring.close()
