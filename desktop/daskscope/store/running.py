"""Attempts that run now: each worker's newest word, less what has finished since.

A worker's word can arrive after the spans of attempts that it names, so finished run ids are
remembered for a while in a table of fixed size. The last word of a worker that was removed is kept:
it tells on which threads the attempts ran that were lost with it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from daskscope.store.schema import Array, TextColumn
from daskscope.store.snapshot import Attempts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from daskscope.store.snapshot import Running

#: Run ids remembered; Dask counts them up over the whole cluster.
N_REMEMBERED: Final = 1 << 18

_NO_IDS: Final = np.zeros(0, np.uint32)
_NO_TIMES: Final = np.zeros(0, np.int64)

Mask = npt.NDArray[np.bool_]


class RunningTable:
    """What each worker runs, by resource id."""

    def __init__(self) -> None:
        self._of: dict[int, Running] = {}
        self._newest_ns: dict[int, int] = {}
        self._last_word_of: dict[int, Running] = {}
        self._finished = np.full(N_REMEMBERED, -1, np.int32)
        self._finished_of = np.zeros(N_REMEMBERED, np.uint32)
        self._frozen: Mapping[int, Running] | None = None
        self._attempts: Attempts | None = None

    def is_news(self, resource: int, time_ns: int) -> bool:
        """Whether nothing newer is known of a worker than its word of that time."""
        return time_ns >= self._newest_ns.get(resource, 0)

    def replace(self, words: Sequence[Running]) -> None:
        """Take words of different workers, all of which are news."""
        n_each = [len(word.run_id) for word in words]
        all_ids = np.concatenate([word.run_id for word in words])
        is_over = self._are_over(all_ids, np.repeat([word.resource for word in words], n_each))
        ends = np.cumsum(n_each).tolist()
        for word, begin, end in zip(words, [0, *ends], ends, strict=False):
            self._newest_ns[word.resource] = word.time_ns
            over = is_over[begin:end]
            self._put(_kept(word, ~over) if over.any() else word)

    def finish(self, resource: Array, run_id: npt.NDArray[np.int32]) -> None:
        """Take finished attempts out, and remember them."""
        known = run_id >= 0
        resource, run_id = resource[known], run_id[known]
        slot = run_id & (N_REMEMBERED - 1)
        self._finished[slot] = run_id
        self._finished_of[slot] = resource
        held = [self._of[number] for number in np.unique(resource).tolist() if number in self._of]
        if not held:
            return
        # Of all at once: thousands of workers run few attempts each.
        n_each = [len(running.run_id) for running in held]
        all_ids = np.concatenate([running.run_id for running in held])
        all_resources = np.repeat([running.resource for running in held], n_each)
        is_over = self._are_over(all_ids, all_resources)
        ends = np.cumsum(n_each).tolist()
        for running, begin, end in zip(held, [0, *ends], ends, strict=False):
            if is_over[begin:end].any():
                self._put(_kept(running, ~is_over[begin:end]))

    def remove(self, resource: int, time_ns: int) -> None:
        """The worker was removed at `time_ns`: what it ran by then is lost."""
        self._newest_ns[resource] = max(self._newest_ns.get(resource, 0), time_ns)
        running = self._of.get(resource)
        if running is not None and running.time_ns <= time_ns:
            self._last_word_of[resource] = self._of.pop(resource)
            self._frozen = None

    def began(self, resource: int, run_id: int) -> tuple[int, int] | None:
        """Lane and start of an attempt that a worker runs, or ran when it was removed."""
        running = self._of.get(resource) or self._last_word_of.get(resource)
        if running is None or run_id < 0:
            return None
        found = np.flatnonzero(running.run_id == run_id)
        if not len(found):
            return None
        return int(running.lane[found[0]]), int(running.start_ns[found[0]])

    def frozen(self) -> Mapping[int, Running]:
        """By resource id; workers that run nothing are absent."""
        if self._frozen is None:
            self._frozen = dict(self._of)
            self._attempts = None
        return self._frozen

    def attempts(self) -> Attempts:
        """What `frozen` has of all workers."""
        workers = self.frozen().values()
        if self._attempts is None:
            self._attempts = Attempts(
                np.concatenate([_NO_IDS, *[running.lane for running in workers]]),
                np.concatenate([_NO_TIMES, *[running.start_ns for running in workers]]),
                np.concatenate([_NO_IDS, *[running.name for running in workers]]),
            )
        return self._attempts

    def _are_over(self, run_id: npt.NDArray[np.int32], resource: Array) -> Mask:
        slot = run_id & (N_REMEMBERED - 1)
        is_over: Mask = self._finished[slot] == run_id
        is_over &= self._finished_of[slot] == resource
        is_over &= run_id >= 0
        return is_over

    def _put(self, running: Running) -> None:
        if self._of.get(running.resource) is running:
            return
        self._frozen = None
        if len(running.run_id):
            self._of[running.resource] = running
        else:
            self._of.pop(running.resource, None)


def _kept(running: Running, mask: Mask) -> Running:
    if mask.all():
        return running
    keys = TextColumn.of(running.keys[int(i)] for i in np.flatnonzero(mask))
    return replace(
        running,
        lane=running.lane[mask],
        start_ns=running.start_ns[mask],
        name=running.name[mask],
        run_id=running.run_id[mask],
        keys=keys,
    )
