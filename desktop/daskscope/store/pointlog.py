"""Points of all series in order of arrival, the newest within a bound.

Nobody reads the history of one of many thousand series, but sums over all of them are: who sums
takes what has come since, run by run, whatever the number of series.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.store.snapshot import PointRun

if TYPE_CHECKING:
    import numpy.typing as npt

#: Points of a run: a millisecond's work for who sums them up.
RUN_POINTS: Final = 1 << 14
RUN_BYTES: Final = RUN_POINTS * (4 + 8 + 8)


class PointLog:
    """Runs of points; readers see those so far of the one that is being filled."""

    def __init__(self) -> None:
        self._full: tuple[PointRun, ...] = ()
        self._filling = _empty(0)
        self._n = 0
        self._frozen: tuple[PointRun, ...] = ()

    @property
    def nbytes(self) -> int:
        """Memory of all runs."""
        return (len(self._full) + 1) * RUN_BYTES

    def add(
        self,
        series: npt.NDArray[np.uint32],
        time_ns: npt.NDArray[np.int64],
        value: npt.NDArray[np.float64],
        most_bytes: int,
    ) -> None:
        """Add points; the oldest runs go where they need more than `most_bytes`."""
        done = 0
        while done < len(series):
            n = min(RUN_POINTS - self._n, len(series) - done)
            rows, part = slice(self._n, self._n + n), slice(done, done + n)
            run = self._filling
            run.series[rows], run.time_ns[rows] = series[part], time_ns[part]
            run.value[rows] = value[part]
            self._n += n
            done += n
            if self._n == RUN_POINTS:
                n_kept = max(most_bytes // RUN_BYTES, 1)
                self._full = (*self._full, run)[-n_kept:]
                self._filling, self._n = _empty(run.number + 1), 0
        self._frozen = ()

    def frozen(self) -> tuple[PointRun, ...]:
        """All runs, oldest first; the same object while nothing has changed."""
        if not self._frozen and (self._full or self._n):
            run, n = self._filling, self._n
            part = PointRun(run.number, run.series[:n], run.time_ns[:n], run.value[:n])
            self._frozen = (*self._full, part) if n else self._full
        return self._frozen


def _empty(number: int) -> PointRun:
    return PointRun(
        number,
        np.empty(RUN_POINTS, np.uint32),
        np.empty(RUN_POINTS, np.int64),
        np.empty(RUN_POINTS),
    )
