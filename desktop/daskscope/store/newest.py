"""Newest point and growth of every metric series, in arrays: thousands of workers are read at once.

The last few points of each series are kept in rows of one matrix, of all series at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from daskscope.store.snapshot import Newest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daskscope.store.snapshot import SeriesPoints

#: Rates are differences over the newest points of so much time.
RATE_SPAN_NS: Final = 3_000_000_000
#: Points kept of each series: what is exported twice a second has so many in `RATE_SPAN_NS`.
N_KEPT: Final = 8
_NEVER: Final = np.iinfo(np.int64).min
#: Series that there is room for from the start: what nobody uses of it is given by no system.
_ROOM: Final = 1 << 17

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def growth_per_s(points: SeriesPoints) -> float:
    """Rate of a cumulative series over its newest points; NaN from a single point.

    A counter that restarts counts as one that stood still.
    """
    end_ns = int(points.time_ns[-1])
    first = max(int(points.time_ns.searchsorted(end_ns - RATE_SPAN_NS)), 0)
    first = min(first, max(len(points.time_ns) - 2, 0))
    span_ns = end_ns - int(points.time_ns[first])
    if span_ns <= 0:
        return float("nan")
    return max(float(points.value[-1]) - float(points.value[first]), 0.0) * 1e9 / span_ns


class NewestTable:
    """The last points of all series."""

    def __init__(self) -> None:
        self._time_ns: Int64s = np.full((0, N_KEPT), _NEVER)
        self._value: Floats = np.zeros((0, N_KEPT))
        self._per_s: Floats = np.zeros(0)
        self._n = 0
        self._frozen: Newest | None = None

    def add(
        self, series: Int64s, time_ns: Int64s, value: Floats, points: Mapping[int, SeriesPoints]
    ) -> None:
        """Take points of any series, in any order of time; `points` are those followed so far."""
        self._frozen = None
        order = np.lexsort((time_ns, series))
        series, time_ns, value = series[order], time_ns[order], value[order]
        changed, first, n_new = np.unique(series, return_index=True, return_counts=True)
        self._reach(int(changed[-1]) + 1)
        is_late = time_ns[first] < self._time_ns[changed, -1]
        if is_late.any():
            self._sort_in(changed[is_late], series, time_ns, value)
        group = np.repeat(np.arange(len(changed)), n_new)
        place = np.arange(len(series)) - np.repeat(first + n_new, n_new) + N_KEPT
        is_kept = (place >= 0) & ~is_late[group]
        self._shift(changed[~is_late], n_new[~is_late])
        at = series[is_kept], place[is_kept]
        self._time_ns[at], self._value[at] = time_ns[is_kept], value[is_kept]
        self._rate(changed, points)

    def frozen(self) -> Newest:
        """The newest point of each series now."""
        if self._frozen is None:
            n = self._n
            time_ns, value = self._time_ns[:n, -1].copy(), self._value[:n, -1].copy()
            self._frozen = Newest(time_ns, value, self._per_s[:n].copy())
        return self._frozen

    def _reach(self, n: int) -> None:
        n_known = self._n
        if n <= n_known:
            return
        if n > len(self._per_s):
            rows = max(n, 2 * len(self._per_s), _ROOM)
            before = self._time_ns, self._value, self._per_s
            self._time_ns = np.empty((rows, N_KEPT), np.int64)
            self._value, self._per_s = np.empty((rows, N_KEPT)), np.empty(rows)
            for table, known in zip((self._time_ns, self._value, self._per_s), before, strict=True):
                table[:n_known] = known[:n_known]
        self._time_ns[n_known:n] = _NEVER
        self._value[n_known:n] = self._per_s[n_known:n] = np.nan
        self._n = n

    def _sort_in(self, late: Int64s, series: Int64s, time_ns: Int64s, value: Floats) -> None:
        """Keep the last of what is kept and of what came, of series some of which came late."""
        came = np.isin(series, late)
        series = np.concatenate([np.repeat(late, N_KEPT), series[came]])
        time_ns = np.concatenate([self._time_ns[late].reshape(-1), time_ns[came]])
        value = np.concatenate([self._value[late].reshape(-1), value[came]])
        order = np.lexsort((time_ns, series))
        last = np.searchsorted(series[order], late, "right")[:, np.newaxis]
        kept = order[last + np.arange(-N_KEPT, 0)]
        self._time_ns[late], self._value[late] = time_ns[kept], value[kept]

    def _shift(self, series: Int64s, n_new: Int64s) -> None:
        """Make room at the right of some rows."""
        source = np.minimum(np.arange(N_KEPT) + n_new[:, np.newaxis], N_KEPT - 1)
        self._time_ns[series] = np.take_along_axis(self._time_ns[series], source, axis=1)
        self._value[series] = np.take_along_axis(self._value[series], source, axis=1)

    def _rate(self, series: Int64s, points: Mapping[int, SeriesPoints]) -> None:
        """Growth of some series, as `growth_per_s` has it.

        Where more points lie in the time than are kept, a series that is followed is asked for
        them; of others the growth over those that are kept is as true, over less time.
        """
        time_ns, value = self._time_ns[series], self._value[series]
        end_ns = time_ns[:, -1]
        is_in_span = time_ns >= end_ns[:, np.newaxis] - RATE_SPAN_NS
        n_in_span = is_in_span.sum(axis=1)
        row = np.arange(len(series))
        begin = np.minimum(N_KEPT - n_in_span, N_KEPT - 2)
        begin_ns = time_ns[row, begin]
        span_ns = np.where(begin_ns == _NEVER, 0, end_ns - begin_ns)
        per_s = np.full(len(series), np.nan)
        # What is not a number has no rate, and none that anybody is to be warned of.
        with np.errstate(invalid="ignore", over="ignore"):
            grown = value[:, -1] - value[row, begin]
            grown = np.where(grown > 0, grown, np.where(np.isnan(grown), np.nan, 0.0))
            np.divide(grown * 1e9, span_ns, out=per_s, where=span_ns > 0)
        for at in np.flatnonzero(n_in_span == N_KEPT).tolist():
            known = points.get(int(series[at]))
            if known is not None:
                per_s[at] = growth_per_s(known)
        self._per_s[series] = per_s
