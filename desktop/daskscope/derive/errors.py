"""What failed: every span that is held and failed, in order of its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.derive.failures import FAILING
from daskscope.store.schema import Outcome

if TYPE_CHECKING:
    import numpy.typing as npt

    from daskscope.session import Spot
    from daskscope.store.chunk import Chunk
    from daskscope.store.snapshot import Snapshot

    Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Errors:
    """Failed spans in order of their ends; the same object while nothing has changed.

    Attributes
    ----------
    end_ns
        int64: end of each.
    chunk, row
        int64: number of its chunk, and its row in there.
    is_lost
        bool: it was lost with its worker, which nobody called.
    """

    end_ns: Int64s
    chunk: Int64s
    row: Int64s
    is_lost: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.end_ns)

    def spot(self, index: int) -> Spot:
        """Where one of them is held."""
        return int(self.chunk[index]), int(self.row[index])

    def index(self, spot: Spot | None) -> int:
        """Which of them is held there, -1 for none."""
        if spot is None:
            return -1
        found = np.flatnonzero((self.chunk == spot[0]) & (self.row == spot[1]))
        return int(found[0]) if len(found) else -1

    def next(self, spot: Spot | None, view_ns: tuple[int, int], is_forward: bool) -> Spot | None:
        """The next after a spot, or else in view or after it; at the end it begins anew."""
        if not len(self):
            return None
        index = self.index(spot)
        if index >= 0:
            index += 1 if is_forward else -1
        elif is_forward:
            index = int(np.searchsorted(self.end_ns, view_ns[0]))
        else:
            index = int(np.searchsorted(self.end_ns, view_ns[1])) - 1
        return self.spot(index % len(self))


_NONE: Final = np.empty(0, np.int64)
NO_ERRORS: Final = Errors(_NONE, _NONE, _NONE, np.empty(0, np.bool_))


class ErrorKeeper:
    """Finds failures of one store, those of new rows alone."""

    def __init__(self) -> None:
        self._taken: dict[int, int] = {}
        self._errors = NO_ERRORS

    def of(self, snapshot: Snapshot) -> Errors:
        """All that are held now."""
        before = self._errors
        first = snapshot.chunks[0].number if snapshot.chunks else 0
        fresh = []
        for chunk in snapshot.chunks:
            n_taken = self._taken.get(chunk.number, 0)
            if n_taken < len(chunk):
                self._taken[chunk.number] = len(chunk)
                fresh.append(_new_errors(chunk, n_taken))
        is_gone = before.chunk < first
        if not any(map(len, fresh)) and not is_gone.any():
            return before
        self._taken = {number: n for number, n in self._taken.items() if number >= first}
        parts = [before, *fresh]
        columns = [
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("end_ns", "chunk", "row", "is_lost")
        ]
        order = np.argsort(columns[0], kind="stable")
        order = order[columns[1][order] >= first]
        self._errors = Errors(*(column[order] for column in columns))
        return self._errors


def _new_errors(chunk: Chunk, n_taken: int) -> Errors:
    rows = chunk.erred_among(range(n_taken, len(chunk)))
    rows = rows[np.isin(chunk.columns["kind"][rows].view(np.uint8), FAILING)]
    is_lost = chunk.columns["outcome"][rows].view(np.uint8) >= Outcome.LOST.value
    number = np.full(len(rows), chunk.number, np.int64)
    return Errors(chunk.end_ns[rows], number, rows.astype(np.int64), is_lost)
