"""What the store holds that has to do with one span, gathered in slices.

A slice takes some milliseconds of a tick: chunk by chunk, newest first, a few comparisons of whole
columns. Spans that arrive later are gone over as they come.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.derive.details.subject import locate, row_subject
from daskscope.derive.details.sweep import Sweep
from daskscope.store.schema import SUB_KINDS, Kind, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from daskscope.derive.details.subject import Subject
    from daskscope.derive.details.sweep import Piece
    from daskscope.store.chunk import Chunk, Rows
    from daskscope.store.inquiry import Dependent
    from daskscope.store.snapshot import Snapshot

#: Durations of the prefix that are compared with the subject's, the newest.
MOST_DURATIONS: Final = 20_000
#: Of one attempt.
MOST_CHILDREN: Final = 1_000
MOST_ATTEMPTS: Final = 200
_LOW_BITS: Final = np.uint64(0xFFFF)


class Survey:
    """Gathers for one span.

    Attributes
    ----------
    children
        Transfers, disk and deserialization with the subject as their parent.
    attempts
        All attempts to run its key, itself included; of what is no attempt none.
    parent
        Its graph, or the attempt that it belongs to; None while it has not been found.
    relatives
        By span id: spans that were wanted and are held.
    version
        Grows with everything that is found.
    """

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._key = subject.key.encode("utf-8", "replace")
        self._all = Sweep()
        self._wanted: dict[int, None] = {}
        self._bits = np.zeros(1 << 16, np.bool_)
        self._among = Sweep()
        self._pending: deque[Dependent] = deque()
        self._durations: list[npt.NDArray[np.int64]] = []
        self._n_durations = 0
        self.children: list[Subject] = []
        self.attempts: list[Subject] = []
        self.parent: Subject | None = None
        self.relatives: dict[int, Subject] = {}
        self.version = 0

    @property
    def is_over(self) -> bool:
        """Everything that is held has been gone over."""
        return self._all.is_over and (self._among.is_over or not self._wanted)

    @property
    def durations_ns(self) -> npt.NDArray[np.int64]:
        """Durations of the newest attempts of the subject's prefix, int64 ns, in no order."""
        if len(self._durations) > 1:
            self._durations = [np.concatenate(self._durations)[:MOST_DURATIONS]]
        return self._durations[0] if self._durations else np.empty(0, np.int64)

    def want(self, span_ids: Iterable[int]) -> None:
        """Look for spans of which only the ids are known."""
        fresh = [one for one in span_ids if one not in self._wanted and one not in self.relatives]
        if fresh:
            self._wanted.update(dict.fromkeys(fresh))
            self._bits[np.array(fresh, np.uint64) & _LOW_BITS] = True
            self._among = Sweep()

    def look_up(self, dependents: Sequence[Dependent]) -> None:
        """Look for spans of which the requests are known."""
        self._pending.extend(dependents)

    def advance(self, snapshot: Snapshot, budget_s: float) -> None:
        """Go on for about `budget_s` seconds."""
        begin_s = time.perf_counter()
        deadline_s = begin_s + budget_s
        self._locate_pending(snapshot, begin_s + budget_s / 2)
        for piece in self._all.pieces(snapshot):
            self._go_over(snapshot, piece)
            if time.perf_counter() >= deadline_s:
                return
        for piece in self._among.pieces(snapshot) if self._wanted else ():
            self._look_among(snapshot, piece)
            if time.perf_counter() >= deadline_s:
                return

    def _locate_pending(self, snapshot: Snapshot, deadline_s: float) -> None:
        if not self._pending or not snapshot.chunks or not len(snapshot.chunks[-1]):
            return
        newest = int(snapshot.chunks[-1].columns["request"][-1])
        for _ in range(len(self._pending)):
            dependent = self._pending.popleft()
            found = locate(snapshot, dependent.span_id, dependent.request)
            if found is not None:
                self._relate(snapshot, *found)
            elif dependent.request > newest:  # the journal is ahead of the link
                self._pending.append(dependent)
            if time.perf_counter() >= deadline_s:
                return

    def _relate(self, snapshot: Snapshot, chunk: Chunk, row: int) -> None:
        found = row_subject(snapshot, chunk, row)
        self.relatives[found.chosen.span_id] = found
        self._wanted.pop(found.chosen.span_id, None)
        self.version += 1

    def _go_over(self, snapshot: Snapshot, piece: Piece) -> None:
        chunk, rows = piece.chunk, slice(piece.start, piece.stop)
        columns = {name: column[rows] for name, column in chunk.columns.items()}
        subject = self._subject
        own_id = subject.chosen.span_id
        if own_id and len(self.children) < MOST_CHILDREN:
            is_child = columns["parent_id"] == np.uint64(own_id)
            for row in np.flatnonzero(is_child).tolist():
                if columns["kind"][row] in SUB_KINDS:
                    self.children.append(row_subject(snapshot, chunk, piece.start + row))
                    self.version += 1
        if subject.parent_id and self.parent is None:
            found = np.flatnonzero(columns["span_id"] == np.uint64(subject.parent_id))
            if len(found):
                self.parent = row_subject(snapshot, chunk, piece.start + int(found[0]))
                self.version += 1
        if subject.is_attempt:
            is_alike = columns["kind"] == Kind.COMPUTE.value
            is_alike &= columns["name"] == subject.name_id
            alike = np.flatnonzero(is_alike)
            self._compare(columns, alike)
            for row in self._of_the_key(chunk, alike + piece.start):
                if len(self.attempts) < MOST_ATTEMPTS:
                    self.attempts.append(row_subject(snapshot, chunk, row))
                    self.version += 1

    def _compare(self, columns: dict[str, npt.NDArray[np.generic]], alike: Rows) -> None:
        is_over = columns["outcome"][alike].view(np.uint8) <= Outcome.FAILED.value
        rows = alike[is_over]
        if not len(rows) or self._n_durations >= MOST_DURATIONS:
            return
        lasted_ns = columns["end_ns"][rows].view(np.int64) - columns["start_ns"][rows].view(
            np.int64
        )
        self._durations.append(lasted_ns)
        self._n_durations += len(rows)
        self.version += 1

    def _of_the_key(self, chunk: Chunk, rows: Rows) -> list[int]:
        """Those of some rows that have the subject's key.

        The ends of keys differ most, so they are compared byte by byte from there.
        """
        data, ends = chunk.keys.data, chunk.keys.ends
        stops = ends[rows].astype(np.int64)
        starts = np.where(rows > 0, ends[rows - 1], 0)
        rows, stops = _where(stops - starts == len(self._key), rows, stops)
        for back, byte in enumerate(reversed(self._key), 1):
            if not len(rows):
                break
            rows, stops = _where(data[stops - back] == byte, rows, stops)
        found: list[int] = rows.tolist()
        return found

    def _look_among(self, snapshot: Snapshot, piece: Piece) -> None:
        ids = piece.chunk.columns["span_id"][piece.start : piece.stop].view(np.uint64)
        for row in np.flatnonzero(self._bits[ids & _LOW_BITS]).tolist():
            if int(ids[row]) in self._wanted:
                self._relate(snapshot, piece.chunk, piece.start + row)


def _where(mask: npt.NDArray[np.bool_], rows: Rows, stops: Rows) -> tuple[Rows, Rows]:
    return rows[mask], stops[mask]
