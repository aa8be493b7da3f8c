"""Runs readings so that one that fails costs its own metrics only, and nothing is sent in vain."""

from __future__ import annotations

import logging
from itertools import cycle, islice
from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from dask_otel.points.values import Attributes, Metric, Points

    Reading = Callable[[], Points]

#: Everything is sent again so often, for whoever came late.
REFRESH_S: Final = 10.0
#: Every slow reading is taken so often, one at a time.
SLOW_S: Final = 5.0

logger = logging.getLogger(__name__)


class Readings:
    """The readings of one scheduler or worker.

    Parameters
    ----------
    always
        Send all their points each time: what is drawn as a line must not have gaps.
    changing
        Send the points that have changed, and each again after `REFRESH_S`.
    slow
        The same, every `SLOW_S`: they cost too much to be taken each time.
    """

    def __init__(
        self,
        always: Iterable[Reading],
        changing: Iterable[Reading],
        slow: Sequence[Reading] = (),
    ) -> None:
        self._always = tuple(always)
        self._changing = tuple(changing)
        self._slow = cycle(slow)
        self._slow_s = SLOW_S / max(1, len(slow))
        self._next_s = 0.0
        self._complained: set[Reading] = set()
        self._changes = Changes()

    def read(self) -> Points:
        """The points to send now."""
        changing: Iterable[Reading] = self._changing
        now_s = monotonic()
        if now_s >= self._next_s:
            self._next_s = now_s + self._slow_s
            changing = (*self._changing, *islice(self._slow, 1))
        return self._read(self._always) | self._changes.of(self._read(changing))

    def _read(self, readings: Iterable[Reading]) -> Points:
        points: Points = {}
        for reading in readings:
            try:
                points |= reading()
            except Exception as error:  # noqa: BLE001 - of an unknown Dask, or of a closing server
                self._complain(reading, error)
        return points

    def _complain(self, reading: Reading, error: Exception) -> None:
        if reading not in self._complained:
            self._complained.add(reading)
            name = getattr(reading, "__name__", repr(reading)).strip("_").replace("_", " ")
            logger.warning("Cannot measure %s here", name, exc_info=error)


class Changes:
    """Remembers what was sent."""

    def __init__(self) -> None:
        self._sent: dict[tuple[Metric, Attributes], tuple[float, float]] = {}
        self._forget_s = monotonic() + 2 * REFRESH_S

    def of(self, points: Points) -> Points:
        """Those of `points` that have changed or were sent `REFRESH_S` ago."""
        now_s = monotonic()
        due_s = now_s - REFRESH_S
        sent = self._sent
        found: Points = {}
        for key, value in points.items():
            before = sent.get(key)
            if before is None or before[0] != value or before[1] <= due_s:
                sent[key] = (value, now_s)
                found[key] = value
        if now_s >= self._forget_s:
            self._forget(now_s)
        return found

    def _forget(self, now_s: float) -> None:
        """Lose what is no longer measured, so that workers that come and go leave nothing."""
        self._forget_s = now_s + 2 * REFRESH_S
        lost_s = now_s - 2 * REFRESH_S
        self._sent = {key: seen for key, seen in self._sent.items() if seen[1] > lost_s}
