"""How far the scheduler's clock is ahead of a worker's, by more than one heartbeat.

Dask takes the middle of each heartbeat for the moment at which the scheduler answered, and errs by
up to half of what it took: on a busy machine by hundreds of milliseconds, and differently each
time, so that tasks of one thread seem to overlap. Of the last heartbeats the one that took the
shortest errs least (the clock filter of NTP, RFC 5905 section 10). Dask itself is given what was
found, so that its times and ours stay the same.
"""

from __future__ import annotations

from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple

from dask_otel.compat.override import Override

if TYPE_CHECKING:
    from collections.abc import Iterable

    from distributed import Worker

#: Heartbeats that are remembered.
N_KEPT: Final = 16
#: Seconds a second by which two clocks go apart at most, where nobody sets them right.
DRIFT: Final = 50e-6


class Measurement(NamedTuple):
    """What one heartbeat has told.

    Attributes
    ----------
    at_s
        When, on a clock that nobody sets.
    delay_s
        How far the scheduler's clock was ahead.
    took_s
        How long the heartbeat took.
    """

    at_s: float
    delay_s: float
    took_s: float

    def error_s(self, now_s: float) -> float:
        """By how much it may be wrong."""
        return self.took_s / 2 + DRIFT * (now_s - self.at_s)


def best(measurements: Iterable[Measurement], now_s: float) -> Measurement:
    """Which errs least."""
    return min(measurements, key=lambda one: one.error_s(now_s))


class DistanceProbe:
    """Keeps `Worker.scheduler_delay` at what the best of the last heartbeats has told."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._heartbeat = worker.heartbeat
        self._kept: deque[Measurement] = deque(maxlen=N_KEPT)
        self._overrides: list[Override] = []

    def begin(self) -> None:
        """From now on heartbeats are measured, those of Dask's timer and all others."""
        timer = self._worker.periodic_callbacks["heartbeat"]
        self._overrides = [
            Override(vars(self._worker), "heartbeat", self._measured),
            Override(vars(timer), "callback", self._measured),
        ]

    def end(self) -> None:
        """From now on Dask believes the last one again."""
        for override in self._overrides:
            override.undo()

    async def _measured(self) -> None:
        before_s, delay_s = monotonic(), self._worker.scheduler_delay
        # Nothing else runs on the event loop between its last step and the next line.
        await self._heartbeat()
        if self._worker.scheduler_delay != delay_s:
            now_s = monotonic()
            self._take(Measurement(now_s, self._worker.scheduler_delay, now_s - before_s))

    def _take(self, new: Measurement) -> None:
        """Learn what a heartbeat has told."""
        now_s = new.at_s
        if self._kept:
            known = best(self._kept, now_s)
            if abs(known.delay_s - new.delay_s) > known.error_s(now_s) + new.error_s(now_s):
                self._kept.clear()  # somebody has set a clock
        self._kept.append(new)
        self._worker.scheduler_delay = best(self._kept, now_s).delay_s
