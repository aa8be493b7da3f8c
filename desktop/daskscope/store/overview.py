"""The whole run at a glance: busy time by palette slot in at most 2,048 stretches of equal length.

When the run outgrows them, neighbours are joined and stretches are twice as long: adding costs what
is added, and memory never grows. What is evicted from the chunks stays in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

MAX_BUCKETS: Final = 2_048
#: Stretches begin with 1.05 ms: a run of two seconds fits.
_FIRST_WIDTH_NS: Final = 1 << 20

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Overview:
    """Busy time of the run.

    Attributes
    ----------
    start_ns
        Where the first stretch begins.
    width_ns
        Length of each.
    slots
        Palette slots, in order of first appearance; -1 is what is not Dask's.
    busy_ns
        float32, shape (len(slots), number of stretches): time that tasks took, of all threads.
    """

    start_ns: int
    width_ns: int
    slots: tuple[int, ...]
    busy_ns: npt.NDArray[np.float32]


EMPTY: Final = Overview(0, _FIRST_WIDTH_NS, (), np.empty((0, 0), np.float32))


class OverviewBuilder:
    """Adds spans to an overview."""

    def __init__(self) -> None:
        self._start_ns = 0
        self._width_ns = _FIRST_WIDTH_NS
        self._n_used = 0
        self._slots: list[int] = []
        self._plane_of = np.full(64, -1, np.int64)
        self._busy = np.zeros((0, MAX_BUCKETS))
        self._frozen: Overview | None = EMPTY

    def add(self, start_ns: Int64s, end_ns: Int64s, slot: npt.NDArray[np.int32]) -> None:
        """Add spans that do not end before they start, and the palette slot of each."""
        if not len(start_ns):
            return
        self._frozen = None
        plane = self._planes(slot)
        first_ns, last_ns = int(start_ns.min()), int(end_ns.max())
        self._reach(first_ns, last_ns)
        # From its start on a span takes all time, and from its end on none of it: what is left of
        # the stretch in which each of the two lies, and all of those that follow.
        shift = self._width_ns.bit_length() - 1
        left = (first_ns - self._start_ns) >> shift
        # One more, as of a span that ends in the last one the next is not taken.
        n_stretches = ((last_ns - self._start_ns) >> shift) + 2 - left
        shape = len(self._slots), n_stretches
        size, base = shape[0] * shape[1], plane * n_stretches - left
        n, times_ns = len(start_ns), np.concatenate([start_ns, end_ns])
        times_ns -= self._start_ns
        at = times_ns >> shift
        rest_ns = self._width_ns - (times_ns & self._width_ns - 1)
        rest_ns[n:] *= -1
        at[:n] += base
        at[n:] += base
        busy = np.bincount(at, rest_ns, size)
        at += 1
        n_busy = np.bincount(at[:n], minlength=size) - np.bincount(at[n:], minlength=size)
        busy += n_busy.cumsum() * self._width_ns
        self._busy[:, left : left + n_stretches - 1] += busy.reshape(shape)[:, :-1]

    def frozen(self) -> Overview:
        """What was added so far."""
        if self._frozen is None:
            busy = self._busy[:, : self._n_used].astype(np.float32)
            self._frozen = Overview(self._start_ns, self._width_ns, tuple(self._slots), busy)
        return self._frozen

    def _planes(self, slot: npt.NDArray[np.int32]) -> Int64s:
        """Row of each slot, with new rows for new slots."""
        # Slot -1 counts as number 0.
        number = slot.astype(np.int64) + 1
        if int(number.max()) >= len(self._plane_of):
            more = np.full(int(number.max()) + 1 - len(self._plane_of), -1, np.int64)
            self._plane_of = np.concatenate([self._plane_of, more])
        plane = self._plane_of[number]
        if plane.min() < 0:
            fresh, first = np.unique(number[plane < 0], return_index=True)
            for found in fresh[np.argsort(first)].tolist():
                self._plane_of[found] = len(self._slots)
                self._slots.append(found - 1)
            self._busy = np.concatenate([self._busy, np.zeros((len(fresh), MAX_BUCKETS))])
            plane = self._plane_of[number]
        return plane

    def _reach(self, from_ns: int, to_ns: int) -> None:
        """Make room for a stretch of time, by moving the start or joining neighbours."""
        if not self._n_used:
            self._start_ns = from_ns
        last_ns = max(self._start_ns + self._n_used * self._width_ns, to_ns)
        first_ns = min(self._start_ns, from_ns)
        # One to spare: the start moves by whole stretches.
        while last_ns - first_ns > (MAX_BUCKETS - 1) * self._width_ns:
            self._busy = self._busy.reshape(len(self._slots), -1, 2).sum(axis=2)
            self._busy = np.pad(self._busy, ((0, 0), (0, MAX_BUCKETS // 2)))
            self._width_ns *= 2
            self._n_used = -(-self._n_used // 2)
        n_before = -((from_ns - self._start_ns) // self._width_ns)
        if n_before > 0:
            self._busy = np.roll(self._busy, n_before, axis=1)
            self._start_ns -= n_before * self._width_ns
            self._n_used += n_before
        n_needed = -(-(to_ns - self._start_ns) // self._width_ns)
        self._n_used = min(max(self._n_used, n_needed, 1), MAX_BUCKETS)
