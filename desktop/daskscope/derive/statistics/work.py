"""Statistics made in slices: each step takes about a millisecond, whatever the number of spans.

Sums of a sealed chunk that lies wholly inside the stretch are made once and kept by its number, so
that moving an edge of the stretch costs the chunks at its edges and an addition for each other one.
Time that is covered inside tasks is kept apart, because spans that arrive later, in other chunks,
may still cover them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

import numpy as np

from daskscope.derive.sieve import sieve
from daskscope.derive.statistics.cover import Children, Intervals, children_of
from daskscope.derive.statistics.rows import (
    DURATION_VALUES,
    NAME_VALUES,
    WORKER_VALUES,
    Meant,
    RowSums,
    Scope,
    all_joined,
    covered_sums,
    row_sums,
)
from daskscope.derive.statistics.sums import Placed, Places, Sheet, Sums, empty, joined
from daskscope.predicate import NO_FILTER

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from daskscope.derive.sieve import Sieve
    from daskscope.predicate import Filter
    from daskscope.store.chunk import Chunk, Rows
    from daskscope.store.snapshot import Snapshot

T = TypeVar("T")

#: Rows of one step: a millisecond.
STEP_ROWS: Final = 8_192
_TABLES: Final = ("durations", "names", "workers", "pairs", "covered")
#: Number of each chunk whose children count, and how many it has.
_Known: TypeAlias = tuple[tuple[int, int], ...]
#: Lanes and filter of a scope.
_What: TypeAlias = "tuple[frozenset[int] | None, Filter]"
_N_VALUES: Final = (len(DURATION_VALUES), len(NAME_VALUES), len(WORKER_VALUES), 1, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """What is known of a scope so far; equal only to itself.

    Attributes
    ----------
    durations, names, workers, pairs
        As in `rows.RowSums`.
    covered
        By name: time in which its tasks are covered by their children, see `cover`.
    share
        How much of the work is done, 1.0 when all of it is.
    """

    scope: Scope
    durations: Sums
    names: Sums
    workers: Sums
    pairs: Sums
    covered: Sums
    share: float


@dataclass(frozen=True, slots=True)
class _Touched:
    """The chunks in which the work lies, with the children in them."""

    chunks: tuple[Chunk, ...]
    children: tuple[Children, ...]
    first_ns: npt.NDArray[np.int64]
    last_ns: npt.NDArray[np.int64]

    def overlapping(self, from_ns: int, to_ns: int) -> npt.NDArray[np.intp]:
        """Chunks that may have children in a stretch of time."""
        return np.flatnonzero((self.first_ns < to_ns) & (self.last_ns > from_ns))

    def between(self, from_ns: int, to_ns: int) -> Intervals:
        """Children in a stretch of time."""
        found = [
            self.children[at].touching(self.chunks[at], from_ns, to_ns)
            for at in self.overlapping(from_ns, to_ns).tolist()
        ]
        if not found:
            none = np.empty(0, np.int64)
            return Intervals(none.view(np.uint64), none, none)
        return Intervals(
            np.concatenate([part.owner for part in found]),
            np.concatenate([part.start_ns for part in found]),
            np.concatenate([part.end_ns for part in found]),
        )


class Statistics:
    """Works on one scope of one store at a time, and keeps what the next one can use."""

    def __init__(self) -> None:
        self._places = {table: Places() for table in _TABLES}
        self._children: dict[int, Children] = {}
        # By what is meant and chunk number; of the last scope, and of all that there is.
        self._kept: dict[_What, dict[int, dict[str, Placed]]] = {}
        self._covered: dict[_What, dict[int, tuple[_Known, Placed]]] = {}
        self._sieve: Sieve | None = None
        self._resource = np.empty(0, np.int64)
        self._scope = Scope(0, 0)
        self._sheets: dict[str, Sheet] = {}
        self._steps: Iterator[None] = iter(())
        self._n_rows = self._n_done = 0
        self._newest = -1
        self._is_done = True

    def begin(self, snapshot: Snapshot, scope: Scope) -> None:
        """Work on `scope` from now on, as far as `snapshot` knows it."""
        before, self._scope = self._scope, scope
        self._sheets = {
            table: Sheet(n_values, self._places[table])
            for table, n_values in zip(_TABLES, _N_VALUES, strict=True)
        }
        self._newest = snapshot.chunks[-1].number if snapshot.chunks else -1
        self._forget(snapshot, scope)
        known = len(self._resource)
        fresh = [lane.resource for lane in snapshot.lanes[known:]]
        self._resource = np.concatenate([self._resource, np.array(fresh, np.int64)])
        is_lane = None
        if scope.lanes is not None:
            is_lane = np.zeros(len(snapshot.lanes), np.bool_)
            is_lane[[lane for lane in scope.lanes if lane < len(is_lane)]] = True
        if scope.filter != before.filter:
            self._sieve = None
        if scope.filter != NO_FILTER:
            self._sieve = sieve(snapshot, scope.filter, self._sieve)
        chunks = tuple(
            chunk
            for chunk in snapshot.chunks
            if chunk.t_min < scope.to_ns and chunk.t_max >= scope.from_ns
        )
        self._n_rows, self._n_done = sum(map(len, chunks)), 0
        self._is_done = False
        self._steps = self._work(chunks, scope, Meant(self._resource, is_lane, self._sieve))

    def step(self) -> bool:
        """Do a bit more; whether there is anything left to do."""
        if not self._is_done:
            self._is_done = next(self._steps, self) is self
        return not self._is_done

    def figures(self) -> Figures:
        """What has been found so far."""
        share = 1.0 if self._is_done else min(self._n_done / max(self._n_rows, 1), 0.99)
        totals = {table: sheet.total() for table, sheet in self._sheets.items()}
        return Figures(self._scope, share=share, **totals)

    # Work -----------------------------------------------------------------------------------

    def _forget(self, snapshot: Snapshot, scope: Scope) -> None:
        """Drop what was kept of chunks that are gone, and of other lanes."""
        first = snapshot.chunks[0].number if snapshot.chunks else 0
        self._children = _since(first, self._children)
        asked = ((None, NO_FILTER), _what(scope))
        self._kept = {what: _since(first, self._kept.get(what, {})) for what in asked}
        self._covered = {what: _since(first, self._covered.get(what, {})) for what in asked}

    def _work(self, chunks: tuple[Chunk, ...], scope: Scope, meant: Meant) -> Iterator[None]:
        children = []
        for chunk in chunks:
            if chunk.number in self._children:
                children.append(self._children[chunk.number])
                continue
            children.append(children_of(chunk))
            if self._is_final(chunk):
                self._children[chunk.number] = children[-1]
            yield
        touched = _Touched(
            chunks,
            tuple(children),
            np.array([one.first_ns for one in children], np.int64),
            np.array([one.last_ns for one in children], np.int64),
        )
        for chunk in chunks:
            yield from self._sum(chunk, scope, meant)
            yield from self._cover(chunk, scope, meant, touched)
            self._n_done += len(chunk)

    def _sum(self, chunk: Chunk, scope: Scope, meant: Meant) -> Iterator[None]:
        """Add the sums of a chunk."""
        kept = self._kept[_what(scope)] if self._is_whole(chunk) else {}
        placed = kept.get(chunk.number)
        if placed is None:
            parts: list[RowSums] = []
            for rows in self._slices(chunk):
                parts.append(row_sums(chunk, rows, scope, meant))
                yield
            if not parts:
                return
            sums = all_joined(parts)
            yield
            placed = {
                table: self._sheets[table].placed(getattr(sums, table)) for table in _TABLES[:-1]
            }
            kept[chunk.number] = placed
        for table, table_sums in placed.items():
            self._sheets[table].add(table_sums)
        yield

    def _cover(self, chunk: Chunk, scope: Scope, meant: Meant, touched: _Touched) -> Iterator[None]:
        """Add what of the tasks of a chunk is covered."""
        near = touched.overlapping(chunk.t_min, chunk.t_max).tolist()
        if not near:
            return
        # Rows are only ever added, so that as many of them are the same ones.
        known_of = tuple((touched.chunks[at].number, len(touched.children[at].rows)) for at in near)
        kept = self._covered[_what(scope)] if self._is_whole(chunk) else {}
        found_of, placed = kept.get(chunk.number, ((), None))
        if placed is None or found_of != known_of:
            parts = []
            for rows in self._slices(chunk):
                from_ns = max(int(chunk.start_ns[rows].min()), scope.from_ns)
                to_ns = min(int(chunk.end_ns[rows].max()), scope.to_ns)
                children = touched.between(from_ns, to_ns)
                if len(children):
                    parts.append(covered_sums(chunk, rows, scope, meant, children))
                yield
            placed = self._sheets["covered"].placed(joined(parts) if parts else empty(1))
            kept[chunk.number] = known_of, placed
        self._sheets["covered"].add(placed)

    def _is_final(self, chunk: Chunk) -> bool:
        """Whether a chunk is full; it may have no index yet."""
        return chunk.number < self._newest or chunk.index is not None

    def _is_whole(self, chunk: Chunk) -> bool:
        """Whether a chunk will not change and lies inside the stretch of time."""
        scope = self._scope
        return (
            self._is_final(chunk)
            and chunk.t_min >= scope.from_ns
            and chunk.t_max <= scope.to_ns
            and chunk.last_start_ns < scope.to_ns
        )

    def _slices(self, chunk: Chunk) -> Iterator[Rows]:
        """Rows that touch the stretch, a step's worth each; with an index near in time."""
        scope = self._scope
        if self._is_whole(chunk):
            rows = np.arange(len(chunk)) if chunk.index is None else chunk.index.by_start
            for first in range(0, len(rows), STEP_ROWS):
                yield rows[first : first + STEP_ROWS].astype(np.intp)
            return
        for found in (chunk.begun(scope.from_ns), chunk.starting(scope.from_ns, scope.to_ns)):
            for first in range(0, len(found), STEP_ROWS):
                yield found[first : first + STEP_ROWS]


def _what(scope: Scope) -> _What:
    return scope.lanes, scope.filter


def _since(first: int, kept: dict[int, T]) -> dict[int, T]:
    """What was kept of chunks from a number on."""
    return {number: value for number, value in kept.items() if number >= first}
