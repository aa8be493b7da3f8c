"""Which span comes next in a row of the task stream, and which is nearest in another: for keys.

Keys go along *lines*: of a row what its upper part shows (attempts) or its lower one (transfers,
disk). What a filter hides is passed over, and in a folded row what lies within attempts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.derive.details.subject import of_row
from daskscope.derive.rowing import rowing
from daskscope.derive.steps import next_span
from daskscope.session import Chosen
from daskscope.store.schema import SUB_KINDS, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from daskscope.derive.lanelayout import LaneLayout
    from daskscope.derive.sieve import Sieve
    from daskscope.derive.steps import Order
    from daskscope.store.chunk import Chunk, Rows
    from daskscope.store.snapshot import Snapshot

    Bools = npt.NDArray[np.bool_]

#: In the place of a chunk's number: an attempt that runs. It comes after what has ended.
_RUNS: Final = 1 << 62
#: The nearest span is looked for in so small a part of all that is meant, then in parts that grow.
_FIRST_PART: Final = 256
_GROWTH: Final = 4
_IS_SUB: Final = np.isin(np.arange(256), SUB_KINDS)


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """What keys go along: the upper or the lower part of a row of the layout."""

    row: int
    is_sub: bool


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """The spans that are shown, as they lie in the rows.

    Attributes
    ----------
    layout
        Of `snapshot` or of an earlier one of the same store.
    now_ns
        Until when is known what runs.
    """

    snapshot: Snapshot
    sieve: Sieve
    layout: LaneLayout
    now_ns: int

    def line(self, lane: int, kind: Kind) -> Line | None:
        """Where spans of a kind lie that are on a lane, None where that has no row."""
        row = int(self._row_of_lane[lane])
        return Line(row, kind in SUB_KINDS) if row >= 0 else None

    def order(self, chosen: Chosen, start_ns: int) -> Order:
        """Where a span stands among all, by its start."""
        if not chosen.is_running:
            return start_ns, chosen.chunk, chosen.index
        attempts = self.snapshot.running.attempts
        is_it = (attempts.resource == chosen.resource) & (attempts.run_id == chosen.run_id)
        return start_ns, _RUNS, int(is_it.argmax()) if is_it.any() else -1

    def next(self, line: Line, after: Order, *, is_forward: bool) -> Chosen | None:
        """The span of a line that begins next after an order, or the last one before it."""
        is_meant = self._meant(line)
        chunks = self.snapshot.chunks

        def meant(chunk: Chunk, from_ns: int, to_ns: int) -> Rows:
            return is_meant(chunk, chunk.starting(from_ns, to_ns))

        ended = next_span(chunks if is_forward else reversed(chunks), meant, after, is_forward)
        starts = self.snapshot.running.attempts.start_ns
        orders = [(int(starts[at]), _RUNS, at) for at in self._running(line)]
        orders = [order for order in orders if order != after and (order > after) == is_forward]
        if ended is not None:
            orders.append(ended)
        if not orders:
            return None
        _, number, at = min(orders) if is_forward else max(orders)
        return self._chosen(number, at)

    def nearest(self, line: Line, at_ns: int, from_ns: int, to_ns: int) -> Chosen | None:
        """The span of a line that is at a time, or else the nearest one between two times.

        Of several that are there at once it is the one that began last.
        """
        reach_ns = max((to_ns - from_ns) // _FIRST_PART, 1)
        while True:
            first_ns, last_ns = max(from_ns, at_ns - reach_ns), min(to_ns, at_ns + reach_ns)
            away = list(self._away(line, at_ns, first_ns, last_ns))
            if away or (first_ns == from_ns and last_ns == to_ns):
                return self._chosen(*min(away)[1:]) if away else None
            reach_ns *= _GROWTH

    def lines(self, from_ns: int, to_ns: int) -> list[Line]:
        """Lines in which anything lies between two times, from top to bottom."""
        is_there = np.zeros((len(self.snapshot.lanes), 2), np.bool_)
        for chunk in self.snapshot.chunks:
            if chunk.t_max < from_ns or chunk.t_min >= to_ns:
                continue
            is_there |= self._lanes_of(chunk, from_ns, to_ns, is_there.shape)
        attempts = self.snapshot.running.attempts
        is_in = (attempts.start_ns < to_ns) & (self._running_until_ns >= from_ns)
        is_in &= self.sieve.running(attempts, self.snapshot.running_until_ns)
        is_there[attempts.lane[is_in], 0] = True
        lane, is_sub = np.nonzero(is_there)
        row = self._row_of_lane[lane]
        number = 2 * row + is_sub
        return [Line(n // 2, bool(n % 2)) for n in np.unique(number[row >= 0]).tolist()]

    # Parts ----------------------------------------------------------------------------------

    @property
    def _row_of_lane(self) -> npt.NDArray[np.int32]:
        """By lane of the snapshot, -1 where it is in no row, or left out of one."""
        whole = rowing(self.layout, len(self.snapshot.lanes), 0, self.layout.height_px)
        return whole.row_of_lane

    @property
    def _running_until_ns(self) -> npt.NDArray[np.int64]:
        return np.minimum(self.snapshot.running_until_ns, self.now_ns)

    def _meant(self, line: Line) -> Callable[[Chunk, Rows], Rows]:
        """What picks those of some rows of a chunk that lie in a line and are shown."""
        is_in = self._row_of_lane == line.row

        def meant(chunk: Chunk, rows: Rows) -> Rows:
            rows = rows[is_in[chunk.columns["lane"][rows]]]
            rows = rows[_IS_SUB[chunk.columns["kind"][rows]] == line.is_sub]
            return rows[self.sieve.rows(chunk, rows)]

        return meant

    def _running(self, line: Line) -> list[int]:
        """Which of all attempts that run lie in a line and are shown."""
        attempts = self.snapshot.running.attempts
        if line.is_sub:
            return []
        is_in = self._row_of_lane[attempts.lane] == line.row
        is_in &= self.sieve.running(attempts, self.snapshot.running_until_ns)
        return np.flatnonzero(is_in).tolist()

    def _away(
        self, line: Line, at_ns: int, from_ns: int, to_ns: int
    ) -> Iterator[tuple[tuple[int, int], int, int]]:
        """Of each chunk, and of what runs, the nearest span between two times.

        What it is compared by comes first: how far away it is, and how early it began.
        """
        is_meant = self._meant(line)
        for chunk in self.snapshot.chunks:
            if chunk.t_max >= from_ns and chunk.t_min < to_ns:
                rows = is_meant(chunk, chunk.touching(from_ns, to_ns))
                starts, ends = chunk.start_ns[rows], chunk.end_ns[rows]
                if len(rows):
                    at, by = _least_away(starts, ends, at_ns)
                    yield by, chunk.number, int(rows[at])
        running = np.array(self._running(line), np.intp)
        starts = self.snapshot.running.attempts.start_ns[running]
        ends = self._running_until_ns[running]
        is_in = (starts < to_ns) & (ends >= from_ns)
        if is_in.any():
            at, by = _least_away(starts[is_in], ends[is_in], at_ns)
            yield by, _RUNS, int(running[is_in][at])

    def _lanes_of(self, chunk: Chunk, from_ns: int, to_ns: int, shape: tuple[int, int]) -> Bools:
        """On which lanes anything of a chunk lies between two times, in which of their parts."""
        is_there = np.zeros(shape, np.bool_)
        rows = None
        if chunk.is_within(from_ns, to_ns):
            rows = np.arange(len(chunk))
            if chunk.pyramid is not None and chunk.pyramid.levels and not self.sieve.needs_rows:
                level = chunk.pyramid.levels[-1]
                is_shown = self.sieve.cells(level)
                is_there[level.lane[is_shown], _IS_SUB[level.kind[is_shown]].view(np.uint8)] = True
                rows = chunk.lasting(2 << level.k, from_ns, to_ns)  # longer ones are in no cell
        rows = chunk.touching(from_ns, to_ns) if rows is None else rows
        rows = rows[self.sieve.rows(chunk, rows)]
        is_sub = _IS_SUB[chunk.columns["kind"][rows]].view(np.uint8)
        is_there[chunk.columns["lane"][rows], is_sub] = True
        return is_there

    def _chosen(self, number: int, at: int) -> Chosen | None:
        if number == _RUNS:
            attempts = self.snapshot.running.attempts
            return Chosen(resource=int(attempts.resource[at]), run_id=int(attempts.run_id[at]))
        chunk = self.snapshot.chunk(number)
        return of_row(chunk, at) if chunk is not None else None


def _least_away(
    starts_ns: npt.NDArray[np.int64], ends_ns: npt.NDArray[np.int64], at_ns: int
) -> tuple[int, tuple[int, int]]:
    """Which span is nearest to a time, and by what: its distance, and its start with a minus."""
    away = np.maximum(np.maximum(starts_ns - at_ns, at_ns - ends_ns), 0)
    at = int(np.lexsort((-starts_ns, away))[0])
    return at, (int(away[at]), -int(starts_ns[at]))
