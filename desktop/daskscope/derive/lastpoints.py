"""The last points of each of many meters, so that one that comes late finds its neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from daskscope.derive.reading import Floats, Indices, Mask

#: Half a minute of what is read twice a second.
N_KEPT: Final = 64
#: Meters that there is room for from the start, those of ten thousand workers: the system gives
#: memory of zeros when it is first written to, so what nobody uses costs nothing.
_ROOM: Final = 1 << 16


class LastPoints:
    """A ring of points for each meter.

    Parameters
    ----------
    n_kept
        Points of each, the newest by time.
    """

    def __init__(self, n_kept: int = N_KEPT) -> None:
        self._n_kept = n_kept
        self._time_ns = np.zeros((0, n_kept), np.int64)
        self._value = np.zeros((0, n_kept))
        #: Points that each had in all.
        self._n = np.zeros(0, np.int64)

    def reach(self, n: int) -> None:
        """Know of so many meters."""
        n_known = len(self._n)
        if n <= n_known:
            return
        rows = max(n, 2 * n_known, _ROOM)
        time_ns, value = np.zeros((rows, self._n_kept), np.int64), np.zeros((rows, self._n_kept))
        time_ns[:n_known], value[:n_known] = self._time_ns, self._value
        self._time_ns, self._value = time_ns, value
        self._n = np.concatenate([self._n, np.zeros(rows - n_known, np.int64)])

    def append(self, meter: Indices, time_ns: Indices, value: Floats) -> None:
        """Take points that are newer than what is kept, in order of meter and time."""
        owner, first, n_new = np.unique(meter, return_index=True, return_counts=True)
        place = np.arange(len(meter)) - np.repeat(first, n_new)
        is_kept = place >= np.repeat(n_new - self._n_kept, n_new)
        at = meter[is_kept], (self._n[meter] + place)[is_kept] % self._n_kept
        self._time_ns[at], self._value[at] = time_ns[is_kept], value[is_kept]
        self._n[owner] += n_new

    def of(self, meter: Indices) -> tuple[Indices, Indices, Floats]:
        """What is kept of some meters: whose, when and what, in order of meter and time."""
        n = self._n[meter]
        first = np.maximum(n - self._n_kept, 0)
        at = first[:, np.newaxis] + np.arange(self._n_kept)
        is_kept = at < n[:, np.newaxis]
        row = np.repeat(np.arange(len(meter)), is_kept.sum(axis=1))
        place = meter[row], at[is_kept] % self._n_kept
        return meter[row], self._time_ns[place], self._value[place]

    def are_whole(self, meter: Indices) -> Mask:
        """Whether all points that each of some meters ever had are kept."""
        whole: Mask = self._n[meter] <= self._n_kept
        return whole

    def replace(self, meter: Indices, time_ns: Indices, value: Floats) -> None:
        """Keep the last of these instead, in order of meter and time.

        They are those that were kept of each, and some more.
        """
        owner, first, n_now = np.unique(meter, return_index=True, return_counts=True)
        n_more = n_now - np.minimum(self._n[owner], self._n_kept)
        self._n[owner] += n_more
        left = np.repeat(first + n_now, n_now) - np.arange(len(meter))
        is_kept = left <= self._n_kept
        at = meter[is_kept], (self._n[meter] - left)[is_kept] % self._n_kept
        self._time_ns[at], self._value[at] = time_ns[is_kept], value[is_kept]
