"""Newest point of every metric series, in arrays: thousands of workers are read at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from daskscope.store.rates import RateTable
from daskscope.store.snapshot import Newest

if TYPE_CHECKING:
    from collections.abc import Sequence

_NEVER: Final = np.iinfo(np.int64).min

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class NewestTable:
    """The newest point of all series, and the growth of those that count up."""

    def __init__(self) -> None:
        self._n = 0
        self._time_ns: Int64s = np.zeros(0, np.int64)
        self._value: Floats = np.zeros(0)
        self._rates = RateTable()
        self._frozen: Newest | None = None

    def reach(self, n: int, counters: Sequence[int]) -> None:
        """Know of so many series, of which some new ones count up."""
        n_more = n - len(self._value)
        if n_more > 0:
            n_more = max(n_more, len(self._value))
            self._time_ns = np.concatenate([self._time_ns, np.full(n_more, _NEVER)])
            self._value = np.concatenate([self._value, np.full(n_more, np.nan)])
        self._rates.reach(n, counters)

    def add(self, series: Int64s, time_ns: Int64s, value: Floats) -> None:
        """Take points of known series, in any order of time."""
        self._frozen = None
        self._n = max(self._n, int(series.max()) + 1)
        if (time_ns[1:] < time_ns[:-1]).any():
            order = np.argsort(time_ns, kind="stable")
            series, time_ns, value = series[order], time_ns[order], value[order]
        is_late = time_ns < self._time_ns[series]
        # Of several points of one series the last one stays.
        on_time = np.flatnonzero(~is_late) if is_late.any() else slice(None)
        self._time_ns[series[on_time]] = time_ns[on_time]
        self._value[series[on_time]] = value[on_time]
        self._rates.add(series, time_ns, value)

    def frozen(self) -> Newest:
        """The newest point of each series now."""
        if self._frozen is None:
            n = self._n
            time_ns, value = self._time_ns[:n].copy(), self._value[:n].copy()
            self._frozen = Newest(time_ns, value, self._rates.per_s(n))
        return self._frozen
