"""Points of metric series: all in order of arrival, and by series those that are followed.

Of a series that is followed the newest points are all kept and older ones thinned, within a bound
for all such series. Of the others, of which thousands of workers have many each, only the log knows
more than the newest points: so taking points costs the same however many series there are.

Readers hold views of arrays that are only appended to; what changes older points makes new arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from daskscope.store.newest import NewestTable
from daskscope.store.pointlog import PointLog
from daskscope.store.snapshot import SeriesPoints

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from daskscope.store.schema import PointBatch
    from daskscope.store.snapshot import Newest, PointRun

_POINT_BYTES: Final = 16
#: Points of one series are thinned beyond this number, fewer if very many series are followed.
MOST_POINTS: Final = 8_192
LEAST_POINTS: Final = 256
#: Memory of all points that are followed, and of the log, as long as `LEAST_POINTS` of each fit.
POINTS_BYTES: Final = 64 * 1024**2


@dataclass(slots=True)
class _Growing:
    time_ns: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    n: int

    def frozen(self) -> SeriesPoints:
        return SeriesPoints(self.time_ns[: self.n], self.value[: self.n])


class PointTable:
    """Points of all series.

    Attributes
    ----------
    first_ns, last_ns
        Times of the first and last point, 0 while there is none.
    """

    def __init__(self) -> None:
        self._series: dict[int, _Growing] = {}
        self._frozen: dict[int, SeriesPoints] = {}
        self._changed: set[int] = set()
        self._newest = NewestTable()
        self._log = PointLog()
        self._is_followed = np.zeros(0, np.bool_)
        self._n_series = 0
        self._followed_bytes = 0
        self.first_ns = 0
        self.last_ns = 0

    @property
    def nbytes(self) -> int:
        """Memory of all points."""
        return self._followed_bytes + self._log.nbytes

    def reach(
        self, n_series: int, followed: Sequence[int] = (), counters: Sequence[int] = ()
    ) -> None:
        """Know of so many series, of which some new ones are followed, and some count up."""
        n_more = n_series - len(self._is_followed)
        if n_more > 0:
            fresh = np.zeros(max(n_more, len(self._is_followed)), np.bool_)
            self._is_followed = np.concatenate([self._is_followed, fresh])
        self._n_series = max(self._n_series, n_series)
        self._is_followed[list(followed)] = True
        self._newest.reach(n_series, counters)

    def add(self, batch: PointBatch) -> None:
        """Add points of any series, in any order of time."""
        if not len(batch):
            return
        series = batch.columns["series"].view(np.uint32)
        time_ns = batch.columns["time_ns"].view(np.int64)
        value = batch.columns["value"].view(np.float64)
        first_ns, last_ns = int(time_ns.min()), int(time_ns.max())
        self.first_ns = min(self.first_ns or first_ns, first_ns)
        self.last_ns = max(self.last_ns, last_ns)
        self.reach(int(series.max()) + 1)
        log_bytes = max(POINTS_BYTES, _POINT_BYTES * LEAST_POINTS * self._n_series)
        self._log.add(series, time_ns, value, log_bytes)
        followed = np.flatnonzero(self._is_followed[series])
        if len(followed):
            self._follow(series[followed], time_ns[followed], value[followed])
        self._newest.add(series.astype(np.int64), time_ns, value)

    def _follow(
        self,
        series: npt.NDArray[np.uint32],
        time_ns: npt.NDArray[np.int64],
        value: npt.NDArray[np.float64],
    ) -> None:
        order = np.lexsort((time_ns, series))
        series, time_ns, value = series[order], time_ns[order], value[order]
        begins = np.flatnonzero(np.concatenate([[True], series[1:] != series[:-1]])).tolist()
        for begin, end in zip(begins, [*begins[1:], len(series)], strict=True):
            self._extend(int(series[begin]), time_ns[begin:end], value[begin:end])

    def frozen(self) -> Mapping[int, SeriesPoints]:
        """What is held now of the series that are followed, by series id."""
        if self._changed:
            fresh = {series: self._series[series].frozen() for series in self._changed}
            self._frozen = self._frozen | fresh
            self._changed = set()
        return self._frozen

    def runs(self) -> tuple[PointRun, ...]:
        """All points in order of arrival."""
        return self._log.frozen()

    def newest(self) -> Newest:
        """The newest point of each series."""
        return self._newest.frozen()

    def _extend(
        self, series: int, time_ns: npt.NDArray[np.int64], value: npt.NDArray[np.float64]
    ) -> None:
        self._changed.add(series)
        held = self._series.get(series)
        if held is None:
            held = self._series[series] = _Growing(np.empty(0, np.int64), np.empty(0), 0)
        if held.n and time_ns[0] < held.time_ns[held.n - 1]:
            self._insert(held, time_ns, value)
        else:
            self._append(held, time_ns, value)
        most = max(
            min(MOST_POINTS, POINTS_BYTES // (_POINT_BYTES * len(self._series))), LEAST_POINTS
        )
        if held.n > most:
            self._thin(held, most)

    def _append(
        self, held: _Growing, time_ns: npt.NDArray[np.int64], value: npt.NDArray[np.float64]
    ) -> None:
        n = held.n + len(time_ns)
        if n > len(held.time_ns):
            self._resize(held, max(n, 2 * held.n, 16))
        held.time_ns[held.n : n] = time_ns
        held.value[held.n : n] = value
        held.n = n

    def _insert(
        self, held: _Growing, time_ns: npt.NDArray[np.int64], value: npt.NDArray[np.float64]
    ) -> None:
        times = np.concatenate([held.time_ns[: held.n], time_ns])
        order = np.argsort(times, kind="stable")
        values = np.concatenate([held.value[: held.n], value])
        self._set(held, times[order], values[order])

    def _thin(self, held: _Growing, most: int) -> None:
        """Keep every second point of the older half, until there are at most `most`."""
        time_ns, value = held.time_ns[: held.n], held.value[: held.n]
        while len(time_ns) > most:
            middle = len(time_ns) // 2
            # The very first point tells when the series began.
            time_ns = np.concatenate([time_ns[:middle:2], time_ns[middle:]])
            value = np.concatenate([value[:middle:2], value[middle:]])
        self._set(held, time_ns, value)

    def _set(
        self, held: _Growing, time_ns: npt.NDArray[np.int64], value: npt.NDArray[np.float64]
    ) -> None:
        self._followed_bytes += _POINT_BYTES * (len(time_ns) - len(held.time_ns))
        held.time_ns, held.value, held.n = time_ns, value, len(time_ns)

    def _resize(self, held: _Growing, capacity: int) -> None:
        n = held.n
        times, values = np.empty(capacity, np.int64), np.empty(capacity)
        times[:n], values[:n] = held.time_ns[:n], held.value[:n]
        self._set(held, times, values)
        held.n = n
