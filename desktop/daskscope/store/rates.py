"""How fast metric series that count up grow, all of them at once.

The last few points of each are kept in a row of one matrix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Rates are differences over the newest points of so much time.
RATE_SPAN_NS: Final = 3_000_000_000
#: Points kept of each series: what is exported twice a second has so many in `RATE_SPAN_NS`.
N_KEPT: Final = 8
_NEVER: Final = np.iinfo(np.int64).min
_NO_ROW: Final = -1

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class RateTable:
    """The last points of series that count up, and their growth."""

    def __init__(self) -> None:
        #: By series id.
        self._row_of: Int64s = np.zeros(0, np.int64)
        #: By row; those behind the first `_n` are room for more.
        self._n = 0
        self._series: Int64s = np.zeros(0, np.int64)
        self._time_ns: Int64s = np.zeros((0, N_KEPT), np.int64)
        self._value: Floats = np.zeros((0, N_KEPT))
        self._per_s: Floats = np.zeros(0)
        #: Of the points that come: which is the last one of each row.
        self._number: Int64s = np.zeros(0, np.int64)

    def reach(self, n_series: int, counters: Sequence[int]) -> None:
        """Know of so many series, of which some new ones count up."""
        n_more = n_series - len(self._row_of)
        if n_more > 0:
            fresh = np.full(max(n_more, len(self._row_of)), _NO_ROW)
            self._row_of = np.concatenate([self._row_of, fresh])
        rows = slice(self._n, self._n + len(counters))
        n_more = rows.stop - len(self._series)
        if n_more > 0:
            n_more = max(n_more, len(self._series))
            self._series = np.concatenate([self._series, np.zeros(n_more, np.int64)])
            self._time_ns = np.concatenate([self._time_ns, np.full((n_more, N_KEPT), _NEVER)])
            self._value = np.concatenate([self._value, np.full((n_more, N_KEPT), np.nan)])
            self._per_s = np.concatenate([self._per_s, np.full(n_more, np.nan)])
            self._number = np.zeros(len(self._series), np.int64)
        self._series[rows] = counters
        self._row_of[self._series[rows]] = np.arange(rows.start, rows.stop)
        self._n = rows.stop

    def add(self, series: Int64s, time_ns: Int64s, value: Floats) -> None:
        """Take points of any known series, in any order of time."""
        row = self._row_of[series]
        counted = np.flatnonzero(row != _NO_ROW)
        if not len(counted):
            return
        row, time_ns, value = row[counted], time_ns[counted], value[counted]
        number = np.arange(len(row))
        self._number[row] = number
        is_single = (self._number[row] == number).all()
        if is_single and (time_ns >= self._time_ns[row, -1]).all():
            self._append(row, time_ns, value)
            self._measure(row)
        else:
            self._measure(self._merge(row, time_ns, value))

    def per_s(self, n: int) -> Floats:
        """Growth a second of the first `n` series over their newest points.

        NaN of what does not count up, and of what has a single point. A counter that restarts
        counts as one that stood still.
        """
        per_s = np.full(len(self._row_of), np.nan)
        per_s[self._series[: self._n]] = self._per_s[: self._n]
        return per_s[:n]

    def _append(self, row: Int64s, time_ns: Int64s, value: Floats) -> None:
        """Add one point to each of some rows, none of them late: as nearly all come."""
        for kept, new in ((self._time_ns, time_ns), (self._value, value)):
            shifted = kept[row]
            shifted[:, :-1] = shifted[:, 1:]
            shifted[:, -1] = new
            kept[row] = shifted

    def _merge(self, row: Int64s, time_ns: Int64s, value: Floats) -> Int64s:
        """Add any points, and say to which rows."""
        order = np.lexsort((time_ns, row))
        row, time_ns, value = row[order], time_ns[order], value[order]
        changed, first, n_new = np.unique(row, return_index=True, return_counts=True)
        is_late = time_ns[first] < self._time_ns[changed, -1]
        if is_late.any():
            self._sort_in(changed[is_late], row, time_ns, value)
        group = np.repeat(np.arange(len(changed)), n_new)
        place = np.arange(len(row)) - np.repeat(first + n_new, n_new) + N_KEPT
        is_kept = (place >= 0) & ~is_late[group]
        self._shift(changed[~is_late], n_new[~is_late])
        at = row[is_kept], place[is_kept]
        self._time_ns[at], self._value[at] = time_ns[is_kept], value[is_kept]
        return changed

    def _sort_in(self, late: Int64s, row: Int64s, time_ns: Int64s, value: Floats) -> None:
        """Keep the last of what is kept and of what came, in rows some of which came late."""
        came = np.isin(row, late)
        row = np.concatenate([np.repeat(late, N_KEPT), row[came]])
        time_ns = np.concatenate([self._time_ns[late].reshape(-1), time_ns[came]])
        value = np.concatenate([self._value[late].reshape(-1), value[came]])
        order = np.lexsort((time_ns, row))
        last = np.searchsorted(row[order], late, "right")[:, np.newaxis]
        kept = order[last + np.arange(-N_KEPT, 0)]
        self._time_ns[late], self._value[late] = time_ns[kept], value[kept]

    def _shift(self, row: Int64s, n_new: Int64s) -> None:
        """Make room at the right of some rows."""
        source = np.minimum(np.arange(N_KEPT) + n_new[:, np.newaxis], N_KEPT - 1)
        self._time_ns[row] = np.take_along_axis(self._time_ns[row], source, axis=1)
        self._value[row] = np.take_along_axis(self._value[row], source, axis=1)

    def _measure(self, row: Int64s) -> None:
        """Measure growth in some rows.

        Where more points lie in the time than are kept, the growth over those that are kept is as
        true, over less time.
        """
        time_ns, value = self._time_ns[row], self._value[row]
        end_ns = time_ns[:, -1]
        n_in_span = (time_ns >= end_ns[:, np.newaxis] - RATE_SPAN_NS).sum(axis=1)
        begin = np.arange(len(row)), np.minimum(N_KEPT - n_in_span, N_KEPT - 2)
        begin_ns = time_ns[begin]
        span_ns = np.where(begin_ns == _NEVER, 0, end_ns - begin_ns)
        per_s = np.full(len(row), np.nan)
        # What is not a number has no rate, and none that anybody is to be warned of.
        with np.errstate(invalid="ignore", over="ignore"):
            grown = value[:, -1] - value[begin]
            grown = np.where(grown > 0, grown, np.where(np.isnan(grown), np.nan, 0.0))
            np.divide(grown * 1e9, span_ns, out=per_s, where=span_ns > 0)
        self._per_s[row] = per_s
