"""What each lane has done since the store began: busy time and failures, chunk by chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.store.schema import Kind

if TYPE_CHECKING:
    import numpy.typing as npt

    from daskscope.store.chunk import Chunk
    from daskscope.store.snapshot import Snapshot

#: Chunks that are added in one go; the sums of a long history are complete some calls later.
MOST_CHUNKS: Final = 4


class LaneTally:
    """Sums by lane of one store; what is evicted stays in them.

    Attributes
    ----------
    busy_ns
        float64, by lane id: time of its attempts.
    n_erred
        int64, by lane id: spans that failed or were lost.
    """

    def __init__(self) -> None:
        self.busy_ns = np.zeros(0)
        self.n_erred = np.zeros(0, np.int64)
        self._taken: dict[int, int] = {}

    def add(self, snapshot: Snapshot) -> bool:
        """Add what is new; whether that was all of it."""
        n_lanes = len(snapshot.lanes)
        n_more = n_lanes - len(self.busy_ns)
        if n_more > 0:
            self.busy_ns = np.concatenate([self.busy_ns, np.zeros(n_more)])
            self.n_erred = np.concatenate([self.n_erred, np.zeros(n_more, np.int64)])
        n_chunks = 0
        for chunk in snapshot.chunks:
            n_taken = self._taken.get(chunk.number, 0)
            if n_taken == len(chunk):
                continue
            if n_chunks == MOST_CHUNKS:
                return False
            n_chunks += 1
            self._take(chunk, n_taken)
            self._taken[chunk.number] = len(chunk)
        first = snapshot.chunks[0].number if snapshot.chunks else 0
        self._taken = {number: n for number, n in self._taken.items() if number >= first}
        return True

    def _take(self, chunk: Chunk, n_taken: int) -> None:
        rows = slice(n_taken, len(chunk))
        lane = chunk.columns["lane"][rows]
        is_attempt = chunk.columns["kind"][rows] == Kind.COMPUTE.value
        lasting_ns: npt.NDArray[np.float64] = (
            chunk.end_ns[rows] - chunk.start_ns[rows]
        ) * is_attempt
        n = len(self.busy_ns)
        self.busy_ns += np.bincount(lane, lasting_ns, n)
        erred = chunk.erred
        self.n_erred += np.bincount(chunk.columns["lane"][erred[erred >= n_taken]], minlength=n)
