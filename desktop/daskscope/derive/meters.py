"""What is summed up over all workers: which series are whose counters and gauges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.derive.sampling import NAMES, OF_PROCESS, Sampler

if TYPE_CHECKING:
    from collections.abc import Mapping

    from daskscope.derive.sampling import Indices, Mask
    from daskscope.store.snapshot import Snapshot

#: Sum to which a reading is added.
_SUM_OF: Final[Mapping[str, str]] = {
    "busy": "cpu",
    "managed": "managed",
    "old": "unmanaged",
    "recent": "unmanaged",
    "net_in": "network",
    "disk_read": "disk",
    "disk_write": "disk",
}
SUMS: Final = tuple(dict.fromkeys(_SUM_OF.values()))
NOTHING: Final = -1


class Meters:
    """Counters and gauges of one store's workers; those of one process share what is its own.

    Parameters
    ----------
    sampler
        Knows which series are whose.

    Attributes
    ----------
    sum
        int64, by number of the meter: to which of `SUMS` it belongs.
    is_counter
        bool, by number of the meter.
    """

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler
        self._n_readers = 0
        self._number_of: dict[tuple[int, int], int] = {}
        self._of_series = np.zeros(0, np.int64)
        self.sum: Indices = np.zeros(0, np.int64)
        self.is_counter: Mask = np.zeros(0, np.bool_)

    def of(self, series: Indices) -> Indices:
        """The meter of each series by id, `NOTHING` of what is not summed up."""
        self._reach(int(series.max(initial=0)) + 1)
        return self._of_series[series]

    def know(self, snapshot: Snapshot) -> bool:
        """Learn of series that are new; whether all are known."""
        sampler, readers = self._sampler, self._sampler.readers
        are_all_known = sampler.knows(snapshot)
        if self._n_readers == readers.n:
            return are_all_known
        fresh = slice(self._n_readers, readers.n)
        self._n_readers = readers.n
        self._reach(len(snapshot.series))
        is_worker, processes = sampler.are_workers(), sampler.processes()
        added: list[tuple[int, bool]] = []
        for series, resource, reading, is_counter in zip(
            readers.series[fresh].tolist(),
            readers.resource[fresh].tolist(),
            readers.reading[fresh].tolist(),
            readers.is_cumulative[fresh].tolist(),
            strict=True,
        ):
            name = NAMES[reading]
            if name not in _SUM_OF or not is_worker[resource]:
                continue
            # Workers of one process read the same meter; others have one for each series.
            is_shared = name in OF_PROCESS
            key = (reading, int(processes[resource])) if is_shared else (NOTHING, series)
            number = self._number_of.setdefault(key, len(self._number_of))
            self._of_series[series] = number
            if number == len(self.sum) + len(added):
                added.append((SUMS.index(_SUM_OF[name]), is_counter))
        if added:
            sums, are_counters = zip(*added, strict=True)
            self.sum = np.concatenate([self.sum, np.array(sums, np.int64)])
            self.is_counter = np.concatenate([self.is_counter, np.array(are_counters, np.bool_)])
        return are_all_known

    def _reach(self, n: int) -> None:
        n_more = n - len(self._of_series)
        if n_more > 0:
            fresh = np.full(max(n_more, len(self._of_series)), NOTHING, np.int64)
            self._of_series = np.concatenate([self._of_series, fresh])
