"""How many spans lie in a stretch of time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from daskscope.store.chunk import Chunk


class Census:
    """Counts spans of one store, where full chunks never change.

    What is needed of them is kept in an array: there can be thousands, and a frame asks for those
    few that lie half in the stretch.
    """

    def __init__(self) -> None:
        #: Number of the first chunk that is known; of each: first start, last end, spans.
        self._first = 0
        self._known: npt.NDArray[np.int64] = np.empty((0, 3), np.int64)

    def n_overlapping(self, chunks: Sequence[Chunk], from_ns: int, to_ns: int) -> int:
        """Number of spans with `start < to_ns` and `end >= from_ns`."""
        return self.counting(chunks, from_ns, to_ns)()

    def counting(self, chunks: Sequence[Chunk], from_ns: int, to_ns: int) -> Callable[[], int]:
        """What counts them when it is called; it keeps those few chunks only that lie half in it.

        Who held all of them would hold what is evicted, too.
        """
        if not chunks:
            return int
        full, open_one = chunks[:-1], chunks[-1]
        self._learn(full, chunks[0].number)
        t_min, t_max, n = self._known.T
        is_within = (t_min >= from_ns) & (t_max < to_ns)
        halves = np.flatnonzero((t_min < to_ns) & (t_max >= from_ns) & ~is_within)
        asked = [*(full[i] for i in halves.tolist()), open_one]
        return partial(_counted, int(n[is_within].sum()), asked, from_ns, to_ns)

    def _learn(self, full: Sequence[Chunk], first: int) -> None:
        """Forget chunks that were evicted, and learn of those that are new."""
        n_gone = first - self._first
        known = self._known[n_gone:] if 0 <= n_gone <= len(self._known) else self._known[:0]
        known = known[: len(full)]
        fresh = [(one.t_min, one.t_max, len(one)) for one in full[len(known) :]]
        if fresh:
            known = np.concatenate([known, np.array(fresh, np.int64)])
        self._first, self._known = first, known


def _counted(n_within: int, asked: Sequence[Chunk], from_ns: int, to_ns: int) -> int:
    return n_within + sum(one.n_overlapping(from_ns, to_ns) for one in asked)
