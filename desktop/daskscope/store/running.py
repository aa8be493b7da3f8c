"""Attempts that run now: each worker's newest word, less what has finished since.

A worker's word can arrive after the spans of attempts that it names, so finished run ids are
remembered for a while in a table of fixed size. The last word of a worker that was removed is kept:
it tells on which threads the attempts ran that were lost with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from daskscope.store.snapshot import NO_ATTEMPTS, AllRunning, Attempts

if TYPE_CHECKING:
    from daskscope.store.schema import Array
    from daskscope.store.snapshot import Running

#: Run ids remembered; Dask counts them up over the whole cluster.
N_REMEMBERED: Final = 1 << 18


Mask = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]


class RunningTable:
    """What each worker runs, by resource id."""

    def __init__(self) -> None:
        self._all = NO_ATTEMPTS
        self._n_changes = 0
        self._made: dict[int, tuple[int, Running]] = {}
        self._newest_ns = np.zeros(0, np.int64)
        self._last_word_of: dict[int, Running] = {}
        self._finished = np.full(N_REMEMBERED, -1, np.int32)
        self._finished_of = np.zeros(N_REMEMBERED, np.uint32)
        self._frozen: AllRunning | None = None

    def newest_ns(self, n_resources: int) -> Int64s:
        """Time of the newest word of each resource, 0 where there is none."""
        n_more = n_resources - len(self._newest_ns)
        if n_more > 0:
            fresh = np.zeros(max(n_more, len(self._newest_ns)), np.int64)
            self._newest_ns = np.concatenate([self._newest_ns, fresh])
        return self._newest_ns

    def replace(self, said: Attempts, worker: Array, time_ns: Int64s) -> None:
        """Take words of some workers, with the time of each; all of them are news."""
        self._newest_ns[worker] = time_ns
        has_said = np.zeros(len(self._newest_ns), np.bool_)
        has_said[worker] = True
        kept = self._all.those(~has_said[self._all.resource])
        self._put(kept.joined(said.those(~self._are_over(said))))

    def finish(self, resource: Array, run_id: npt.NDArray[np.int32]) -> None:
        """Take finished attempts out, and remember them; -1 is the run id of what is none."""
        known = np.flatnonzero(run_id >= 0)
        resource, run_id = resource[known], run_id[known]
        slot = run_id & (N_REMEMBERED - 1)
        self._finished[slot] = run_id
        self._finished_of[slot] = resource
        if not len(self._all.lane):
            return
        is_over = self._are_over(self._all)
        if is_over.any():
            self._n_changes += 1
            is_changed = np.isin(self._all.resource, self._all.resource[is_over])
            self._put(self._all.changed(is_changed, self._n_changes).those(~is_over))

    def remove(self, resource: int, time_ns: int) -> None:
        """The worker was removed at `time_ns`: what it ran by then is lost."""
        running = self.frozen().get(resource)
        newest_ns = self.newest_ns(resource + 1)
        newest_ns[resource] = max(newest_ns[resource], time_ns)
        if running is not None and running.time_ns <= time_ns:
            self._last_word_of[resource] = running
            self._put(self._all.those(self._all.resource != resource))

    def began(self, resource: int, run_id: int) -> tuple[int, int] | None:
        """Lane and start of an attempt that a worker runs, or ran when it was removed."""
        running = self.frozen().get(resource) or self._last_word_of.get(resource)
        if running is None or run_id < 0:
            return None
        found = np.flatnonzero(running.run_id == run_id)
        if not len(found):
            return None
        return int(running.lane[found[0]]), int(running.start_ns[found[0]])

    def next_change(self) -> int:
        """A number for what is said next."""
        self._n_changes += 1
        return self._n_changes

    def frozen(self) -> AllRunning:
        """By resource id; workers that run nothing are absent."""
        if self._frozen is None:
            self._frozen = AllRunning(self._all, self._made)
        return self._frozen

    def _are_over(self, attempts: Attempts) -> Mask:
        slot = attempts.run_id & (N_REMEMBERED - 1)
        is_over: Mask = self._finished[slot] == attempts.run_id
        is_over &= self._finished_of[slot] == attempts.resource
        is_over &= attempts.run_id >= 0
        return is_over

    def _put(self, attempts: Attempts) -> None:
        self._all = attempts
        self._frozen = None
