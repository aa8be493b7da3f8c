"""Which task waited for a transfer: the prefix of the attempt that is its parent.

A worker sends an attempt and what it waited for together, so both are mostly in one batch; a
request may end between them. What has another parent, as the batches of a P2P shuffle have, was
fetched for no task that is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.store.schema import Kind

if TYPE_CHECKING:
    from daskscope.store.schema import SpanBatch

#: Attempts that are remembered for transfers in later requests.
MOST_REMEMBERED: Final = 4_096
_COMPUTE: Final = np.uint8(Kind.COMPUTE)
_TRANSFER: Final = np.uint8(Kind.TRANSFER)


class Waiters:
    """Knows the attempts of late."""

    def __init__(self) -> None:
        self._ids = np.empty(0, np.uint64)
        self._names = np.empty(0, np.uint32)

    def name(self, batch: SpanBatch) -> None:
        """Write into the column `type` of transfers of a new batch for which tasks they were."""
        columns = batch.columns
        kind = columns["kind"].view(np.uint8)
        attempts, transfers = np.flatnonzero(kind == _COMPUTE), np.flatnonzero(kind == _TRANSFER)
        self._ids = np.concatenate([self._ids, columns["span_id"][attempts]])
        self._names = np.concatenate([self._names, columns["name"][attempts]])
        if len(transfers):
            # Transfers are fewer than attempts, which need not be sorted then.
            parents, which = np.unique(columns["parent_id"][transfers], return_inverse=True)
            at = np.minimum(np.searchsorted(parents, self._ids), len(parents) - 1)
            found = np.flatnonzero(parents[at] == self._ids)
            names = np.zeros(len(parents), np.uint32)
            names[at[found]] = self._names[found]
            columns["type"][transfers] = names[which]
        self._ids, self._names = self._ids[-MOST_REMEMBERED:], self._names[-MOST_REMEMBERED:]
