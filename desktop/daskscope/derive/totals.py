"""Sums over all workers by the second, kept up as points come.

Each point is looked at once: with the one before it, it tells what its worker had at the seconds
between the two, and that is added to theirs. So minutes of thousands of workers cost what is new.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.derive.reading import SILENCE_NS
from daskscope.derive.sampling import NAMES, OF_PROCESS, Sampler

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from daskscope.derive.sampling import Floats, Indices, Mask
    from daskscope.store.snapshot import PointRun, Snapshot

STEP_NS: Final = 1_000_000_000
#: Seconds that are kept, before the newest.
N_KEPT: Final = 512
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
_NOTHING: Final = -1
_NEVER: Final = np.iinfo(np.int64).min


def always() -> bool:
    """Go on until everything is done."""
    return True


class Totals:
    """Sums of one store's workers.

    What a worker had at a second lies on the line between its points around it, and what a counter
    grew by is even between them. After its newest point a worker has what it had, and grows as it
    grew, until its next point is due. It has nothing where it was silent for longer than
    `SILENCE_NS`. What comes later than a newer point of the same series is left out.

    Parameters
    ----------
    sampler
        Knows which series are whose.
    """

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler
        self._n_readers = 0
        self._number_of: dict[tuple[int, int], int] = {}
        #: By series id: its counter or gauge, -1 of what is not summed up.
        self._meter = np.zeros(0, np.int64)
        #: By number of the meter.
        self._sum = np.zeros(0, np.int64)
        self._is_counter = np.zeros(0, np.bool_)
        self._last_ns = np.zeros(0, np.int64)
        self._last = np.zeros(0)
        #: Time between the last two points, 0 while there is but one, and growth between them.
        self._gap_ns = np.zeros(0, np.int64)
        self._per_s = np.zeros(0)
        self._cells = np.zeros((len(SUMS), N_KEPT))
        #: The second after the newest that is kept.
        self._end = 0
        self._at = (0, 0)

    def advance(self, snapshot: Snapshot, may_go_on: Callable[[], bool] = always) -> bool:
        """Take points that are new, one run after the other while `may_go_on`.

        Returns
        -------
        bool
            Whether all that is known has been taken.
        """
        if not self._know(snapshot):
            return False
        for run in snapshot.point_runs:
            number, done = self._at
            if run.number < number or (run.number == number and done == len(run.series)):
                continue
            if not may_go_on():
                return False
            self._take(run, done if run.number == number else 0)
            self._at = run.number, len(run.series)
        return True

    def sums(self, n: int, end_ns: int) -> dict[str, Floats]:
        """Sums at the `n` last whole seconds until `end_ns`, of what has been measured at all.

        Of a counter the growth a second, over the second that ends then.
        """
        last = end_ns // STEP_NS
        cells = np.zeros((len(SUMS), n))
        first = last - n + 1
        begin, end = max(first, self._end - N_KEPT), min(last + 1, self._end)
        if begin < end:
            cells[:, begin - first : end - first] = self._cells[
                :, begin - self._end + N_KEPT : end - self._end + N_KEPT
            ]
        self._go_on(cells, first)
        is_known = np.zeros(len(SUMS), np.bool_)
        is_known[self._sum[self._last_ns != _NEVER]] = True
        return {name: cells[i] for i, name in enumerate(SUMS) if is_known[i]}

    # Who is summed up -----------------------------------------------------------------------

    def _know(self, snapshot: Snapshot) -> bool:
        """Learn of series that are new; whether all are known."""
        sampler, readers = self._sampler, self._sampler.readers
        are_all_known = sampler.knows(snapshot)
        if self._n_readers == readers.n:
            return are_all_known
        fresh = slice(self._n_readers, readers.n)
        self._n_readers = readers.n
        self._reach_series(len(snapshot.series))
        is_worker, processes = sampler.are_workers(), sampler.processes()
        sums: list[tuple[int, bool]] = []
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
            key = (reading, int(processes[resource])) if is_shared else (_NOTHING, series)
            number = self._meter[series] = self._number_of.setdefault(key, len(self._number_of))
            if number == len(self._sum) + len(sums):
                sums.append((SUMS.index(_SUM_OF[name]), is_counter))
        self._add(sums)
        return are_all_known

    def _reach_series(self, n: int) -> None:
        n_more = n - len(self._meter)
        if n_more > 0:
            fresh = np.full(max(n_more, len(self._meter)), _NOTHING, np.int64)
            self._meter = np.concatenate([self._meter, fresh])

    def _add(self, sums: list[tuple[int, bool]]) -> None:
        if not sums:
            return
        n = len(sums)
        numbers, are_counters = zip(*sums, strict=True)
        self._sum = np.concatenate([self._sum, np.array(numbers, np.int64)])
        self._is_counter = np.concatenate([self._is_counter, np.array(are_counters, np.bool_)])
        self._last_ns = np.concatenate([self._last_ns, np.full(n, _NEVER)])
        self._last = np.concatenate([self._last, np.zeros(n)])
        self._gap_ns = np.concatenate([self._gap_ns, np.zeros(n, np.int64)])
        self._per_s = np.concatenate([self._per_s, np.zeros(n)])

    # Points ---------------------------------------------------------------------------------

    def _take(self, run: PointRun, first: int) -> None:
        self._reach_series(int(run.series[first:].max()) + 1)
        meter = self._meter[run.series[first:]]
        time_ns, value = run.time_ns[first:], run.value[first:]
        is_meant = meter != _NOTHING
        is_number = np.isfinite(value)
        # Of a gauge what is no number counts nothing, and to a counter it says nothing.
        meant = np.flatnonzero(is_meant)
        meant = meant[is_number[meant] | ~self._is_counter[meter[meant]]]
        meant = meant[time_ns[meant] > self._last_ns[meter[meant]]]
        if not len(meant):
            return
        order = meant[np.lexsort((time_ns[meant], meter[meant]))]
        meter, time_ns = meter[order], time_ns[order]
        value = np.where(is_number[order], value[order], 0.0)
        self._reach(int(time_ns.max()) // STEP_NS + 2)
        is_first = np.concatenate([[True], meter[1:] != meter[:-1]])
        before_ns, before = np.roll(time_ns, 1), np.roll(value, 1)
        before_ns[is_first] = self._last_ns[meter[is_first]]
        before[is_first] = self._last[meter[is_first]]
        is_begun = before_ns != _NEVER
        gap_ns = np.where(is_begun, time_ns - before_ns, 0)
        is_second = np.where(is_first, self._gap_ns[meter] == 0, ~np.roll(is_begun, 1))
        self._cover(meter, (before_ns, time_ns), (before, value), (is_begun, is_second))
        last = np.flatnonzero(np.append(is_first[1:], True))
        grown = np.maximum(value - before, 0.0) * 1e9
        per_s = np.divide(grown, gap_ns, out=np.zeros(len(value)), where=gap_ns > 0)
        owner = meter[last]
        self._last_ns[owner], self._last[owner] = time_ns[last], value[last]
        self._gap_ns[owner], self._per_s[owner] = gap_ns[last], per_s[last]

    def _cover(
        self,
        meter: Indices,
        times_ns: tuple[Indices, Indices],
        values: tuple[Floats, Floats],
        orders: tuple[Mask, Mask],
    ) -> None:
        """Add what lies between neighbours: which have one before, and which are a second point."""
        is_begun, is_second = orders
        is_counter = self._is_counter[meter]
        gauges = np.flatnonzero(~is_counter)
        # The first point of all counts where it lies.
        from_ns = np.where(is_begun, times_ns[0], times_ns[1] - 1)[gauges]
        from_value = np.where(is_begun, values[0], values[1])[gauges]
        to_ns, to_value = times_ns[1][gauges], values[1][gauges]
        until_ns = np.minimum(to_ns, from_ns + SILENCE_NS)
        at, cell = self._seconds(from_ns // STEP_NS + 1, until_ns // STEP_NS + 1)
        share = (cell * STEP_NS - from_ns[at]) / (to_ns - from_ns)[at]
        read = from_value[at] + (to_value - from_value)[at] * share
        self._put(self._cells, self._sum[meter[gauges]][at], cell - self._end + N_KEPT, read)
        counters = np.flatnonzero(is_counter & is_begun)
        from_ns, to_ns = times_ns[0][counters], times_ns[1][counters]
        grown = np.maximum(values[1] - values[0], 0.0)[counters]
        per_s = grown * 1e9 / (to_ns - from_ns)
        # What a counter grew by is even over its first second as far as it is known.
        from_ns = np.where(is_second[counters], from_ns // STEP_NS * STEP_NS, from_ns)
        self._grow(self._cells, self._end - N_KEPT, meter[counters], (from_ns, to_ns), per_s)

    def _go_on(self, cells: Floats, first: int) -> None:
        """Add to cells from `first` on what is taken to go on after the newest points."""
        is_heard = self._last_ns != _NEVER
        is_heard &= self._last_ns + SILENCE_NS >= first * STEP_NS
        gauges = np.flatnonzero(is_heard & ~self._is_counter)
        last_ns, n = self._last_ns[gauges], cells.shape[1]
        begin = np.clip(last_ns // STEP_NS + 1 - first, 0, n)
        end = np.clip((last_ns + SILENCE_NS) // STEP_NS + 1 - first, 0, n)
        edges = np.zeros((len(SUMS), n + 1))
        np.add.at(edges, (self._sum[gauges], begin), self._last[gauges])
        np.add.at(edges, (self._sum[gauges], end), -self._last[gauges])
        is_any = edges.any(axis=1)
        cells[is_any] += edges[is_any].cumsum(axis=1)[:, :-1]
        counters = np.flatnonzero(is_heard & self._is_counter & (self._gap_ns > 0))
        last_ns = self._last_ns[counters]
        until_ns = last_ns + np.minimum(self._gap_ns[counters], SILENCE_NS)
        # Whole seconds, so that none ends with less than it has.
        until_ns = -(-until_ns // STEP_NS) * STEP_NS
        self._grow(cells, first, counters, (last_ns, until_ns), self._per_s[counters])

    def _grow(
        self,
        cells: Floats,
        first: int,
        meter: Indices,
        times_ns: tuple[Indices, Indices],
        per_s: Floats,
    ) -> None:
        """Add even growth between two times to the seconds that it lies in."""
        from_ns, to_ns = times_ns
        last = np.minimum(-(-to_ns // STEP_NS), first + cells.shape[1] - 1)
        at, cell = self._seconds(np.maximum(from_ns // STEP_NS + 1, first), last + 1)
        end_ns = cell * STEP_NS
        in_it_ns = np.minimum(end_ns, to_ns[at]) - np.maximum(end_ns - STEP_NS, from_ns[at])
        grown = per_s[at] * in_it_ns / STEP_NS
        self._put(cells, self._sum[meter][at], cell - first, grown)

    def _seconds(self, begin: Indices, end: Indices) -> tuple[Indices, Indices]:
        """Seconds from `begin` up to `end` of each, one after the other: whose, and which."""
        begin = np.maximum(begin, self._end - N_KEPT)
        n = np.maximum(end - begin, 0)
        at = np.repeat(np.arange(len(n)), n)
        return at, begin[at] + np.arange(len(at)) - (np.cumsum(n) - n)[at]

    @staticmethod
    def _put(cells: Floats, row: Indices, column: Indices, value: Floats) -> None:
        n = cells.shape[1]
        cells += np.bincount(row * n + column, value, cells.size).reshape(cells.shape)

    def _reach(self, end: int) -> None:
        """Keep seconds up to `end`."""
        n_more = end - self._end
        if n_more > 0:
            kept = self._cells[:, min(n_more, N_KEPT) :]
            self._cells = np.zeros_like(self._cells)
            self._cells[:, : kept.shape[1]] = kept
            self._end = end
