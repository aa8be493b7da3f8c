"""Which spans a predicate hides and lights: a mark for each row of each chunk, found in slices.

`Matches` is kept by whoever owns the clock and is advanced a slice at a time: chunks in view first,
then the newest. It looks at each row once for each predicate, so that following a live cluster
costs what is new. Readers get a `Marks`, a frozen value that holds the rows known so far::

    marks = matches.advance(snapshot, session.predicate, view, has_time)
    marks.n_lit, marks.n_hidden, marks.n_known, marks.is_complete
    marks.rows(chunk.number)          # uint8 `Mark` of the first rows of a chunk
    marks.of(bars.chunk, bars.index)  # of single spans

`LIT` is what the search finds or a `Bin` holds, unless the filter hides it: then it is `HIDDEN`.
With nothing searched and no bin nothing is `LIT`, and nothing is to be dimmed (`is_lighting`).
Spans that lie on no lane that is drawn (graphs, the sending ends of transfers) are never marked nor
counted. Attempts that run have marks of their own (`running`), and count once they have ended.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.derive.expression import Expression, TooSlowError, expression
from daskscope.derive.place import place
from daskscope.derive.sieve import Sieve, Sieves
from daskscope.derive.spread import NOWHERE, Spread, added
from daskscope.predicate import Predicate
from daskscope.store.chunk import CHUNK_ROWS
from daskscope.store.schema import Kind, Outcome, TextColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from daskscope.predicate import Bin
    from daskscope.session import Viewport
    from daskscope.store.chunk import Chunk, Rows
    from daskscope.store.snapshot import Running, Snapshot

    Bools = npt.NDArray[np.bool_]
    Bytes = npt.NDArray[np.uint8]

#: Rows of one slice at most: about a millisecond.
SLICE_ROWS: Final = 8_192
_SLICE_STRINGS: Final = 2_048
TOO_SLOW: Final = "This expression takes too long"


class Mark(IntEnum):
    """What a predicate makes of a span."""

    PLAIN = 0
    HIDDEN = 1
    LIT = 2


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """What is known at one moment; equal only to itself, and the same object while it is so.

    Attributes
    ----------
    predicate
        What was asked.
    problem
        Why nothing can be searched, in one line, or "".
    known
        By chunk number: uint8 `Mark` of its first rows; those beyond are not known yet.
    running
        By resource id: uint8 `Mark` of the attempts in `Running`.
    n_lit, n_hidden
        Rows marked so.
    spread
        Where in the run what is lit begins; what was evicted since is still in it.
    n_known, n_spans
        Rows looked at, and rows held.
    """

    predicate: Predicate
    problem: str
    known: Mapping[int, Bytes]
    running: Mapping[int, Bytes]
    n_lit: int
    n_hidden: int
    n_known: int
    n_spans: int
    spread: Spread = NOWHERE

    @property
    def is_lighting(self) -> bool:
        """What is not lit is to be dimmed."""
        return bool(self.predicate.bins or (self.predicate.search.text and not self.problem))

    @property
    def is_complete(self) -> bool:
        """Every row was looked at."""
        return self.n_known == self.n_spans

    def rows(self, number: int) -> Bytes:
        """Marks of the first rows of a chunk."""
        return self.known.get(number, _NONE)

    def among(self, number: int, rows: Rows) -> Bytes:
        """Marks of some rows of a chunk; of those that are not known yet `PLAIN`."""
        known = self.rows(number)
        result = np.zeros(len(rows), np.uint8)
        is_known = rows < len(known)
        result[is_known] = known[rows[is_known]]
        return result

    def of(self, chunk: npt.NDArray[np.int32], index: npt.NDArray[np.int32]) -> Bytes:
        """Marks of single spans by chunk number and row; of unknown ones `PLAIN`."""
        result = np.zeros(len(chunk), np.uint8)
        for number in np.unique(chunk).tolist():
            here = np.flatnonzero(chunk == number)
            result[here] = self.among(number, index[here].astype(np.intp))
        return result


_NONE: Final[Bytes] = np.empty(0, np.uint8)


#: Of a predicate that asks nothing.
NO_MARKS: Final = Marks(Predicate(), "", {}, {}, 0, 0, 0, 0)


@dataclass(slots=True)
class _Taken:
    """The marks of one chunk as they grow; memory of full length, so that views stay true."""

    marks: Bytes
    n: int = 0
    n_lit: int = 0
    n_hidden: int = 0


@dataclass(slots=True)
class _Work:
    """What is known for one predicate."""

    predicate: Predicate
    expression: Expression
    problem: str
    sieves: Sieves
    spread: Spread = NOWHERE
    taken: dict[int, _Taken] = field(default_factory=dict)
    is_string_found: Bools = field(default_factory=lambda: np.zeros(0, np.bool_))
    is_resource_found: Bools = field(default_factory=lambda: np.zeros(0, np.bool_))
    is_lane_found: Bools = field(default_factory=lambda: np.zeros(0, np.bool_))
    sieve: Sieve | None = None
    bin_names: tuple[int, ...] = ()
    tables_key: tuple[int, ...] = ()
    #: Until when each is known to run with it.
    running: dict[int, tuple[Running, int, Bytes]] = field(default_factory=dict)

    @property
    def is_searching(self) -> bool:
        return bool(self.predicate.search.text) and not self.problem


class Matches:
    """Finds marks, and keeps those of the last predicate."""

    def __init__(self) -> None:
        self._work: _Work | None = None
        self._marks = NO_MARKS
        self._generation = -1

    def advance(
        self,
        snapshot: Snapshot,
        predicate: Predicate,
        view: Viewport | None,
        has_time: Callable[[], bool],
    ) -> Marks:
        """Look at more rows while `has_time`, at one slice at least; what is known then.

        Parameters
        ----------
        snapshot
            What is held; the same store as before, or later.
        predicate
            What is asked.
        view
            Chunks of this stretch of time come first.
        has_time
            Asked between slices of about a millisecond.
        """
        if predicate.is_idle:
            self._work, self._marks = None, NO_MARKS
            return NO_MARKS
        work = self._work
        if work is None or work.predicate != predicate:
            made = expression(predicate.search)
            work = self._work = _Work(predicate, made, made.problem, Sieves(predicate.filter))
            self._generation = -1
        if snapshot.generation == self._generation and self._marks.is_complete:
            return self._marks
        self._generation = snapshot.generation
        self._forget_evicted(work, snapshot)
        self._look(work, snapshot, view, has_time)
        self._marks = self._frozen(work, snapshot)
        return self._marks

    def _forget_evicted(self, work: _Work, snapshot: Snapshot) -> None:
        held = {chunk.number for chunk in snapshot.chunks}
        for number in work.taken.keys() - held:
            del work.taken[number]
        for resource in work.running.keys() - snapshot.running.keys():
            del work.running[resource]

    def _look(
        self, work: _Work, snapshot: Snapshot, view: Viewport | None, has_time: Callable[[], bool]
    ) -> None:
        try:
            if not _know_strings(work, snapshot, has_time):
                return
            _know_lanes(work, snapshot)
            _know_running(work, snapshot)
            for chunk in _in_order(snapshot.chunks, view):
                taken = work.taken.get(chunk.number)
                if taken is None:
                    taken = work.taken[chunk.number] = _Taken(np.zeros(CHUNK_ROWS, np.uint8))
                while taken.n < len(chunk):
                    _take(work, chunk, taken)
                    if not has_time():
                        return
        except TooSlowError:
            # The filter still holds.
            work.problem, work.expression = TOO_SLOW, Expression()
            work.taken.clear()
            work.spread = NOWHERE
            work.running.clear()

    @staticmethod
    def _frozen(work: _Work, snapshot: Snapshot) -> Marks:
        taken = work.taken
        return Marks(
            predicate=work.predicate,
            problem=work.problem,
            known={number: part.marks[: part.n] for number, part in taken.items()},
            running={resource: marks for resource, (*_, marks) in work.running.items()},
            n_lit=sum(part.n_lit for part in taken.values()),
            n_hidden=sum(part.n_hidden for part in taken.values()),
            n_known=sum(part.n for part in taken.values()),
            n_spans=snapshot.n_spans,
            spread=work.spread,
        )


def _in_order(chunks: Sequence[Chunk], view: Viewport | None) -> list[Chunk]:
    """Chunks in view first, then the newest."""
    if view is None:
        return list(reversed(chunks))
    start_ns, end_ns = view.start_ns, view.end_ns
    return sorted(
        chunks,
        key=lambda chunk: (chunk.t_min >= end_ns or chunk.t_max < start_ns, -chunk.number),
    )


def _know_strings(work: _Work, snapshot: Snapshot, has_time: Callable[[], bool]) -> bool:
    """Search names and errors; whether all are known."""
    n_strings = len(snapshot.strings)
    if not work.is_searching:
        return True
    while (n := len(work.is_string_found)) < n_strings:
        texts = TextColumn.of(snapshot.strings[n : n + _SLICE_STRINGS])
        work.is_string_found = np.concatenate([work.is_string_found, _found(work, texts)])
        if not has_time():
            return len(work.is_string_found) == n_strings
    return True


def _found(work: _Work, texts: TextColumn) -> Bools:
    """Search `texts` in parts whose time is bounded."""
    result = np.zeros(len(texts), np.bool_)
    first = 0
    while first < len(texts):
        base = int(texts.ends[first - 1]) if first else 0
        reach = base + work.expression.max_bytes
        stop = max(int(np.searchsorted(texts.ends, reach, side="right")), first + 1)
        result[first:stop] = work.expression.found(texts.rows(first, stop))
        first = stop
    return result


def _know_lanes(work: _Work, snapshot: Snapshot) -> None:
    """Search names and addresses of workers, and bring the filter's tables up to date."""
    parts = (snapshot.strings, snapshot.prefixes, snapshot.resources, snapshot.lanes)
    key = tuple(len(part) for part in parts)
    if key == work.tables_key:
        return
    work.tables_key = key
    work.sieve = work.sieves.of(snapshot)
    id_of = {snapshot.strings[i]: i for i in snapshot.prefixes}
    work.bin_names = tuple(id_of.get(part.prefix, -1) for part in work.predicate.bins)
    if not work.is_searching:
        return
    resources = snapshot.resources[len(work.is_resource_found) :]
    if resources:
        places = [place(attributes) for attributes in resources]
        names = [_found(work, TextColumn.of(getattr(p, part) for p in places)) for part in _NAMES]
        fresh = np.logical_or.reduce(names)
        work.is_resource_found = np.concatenate([work.is_resource_found, fresh])
    lanes = snapshot.lanes[len(work.is_lane_found) :]
    resource = np.fromiter((lane.resource for lane in lanes), np.intp)
    work.is_lane_found = np.concatenate([work.is_lane_found, work.is_resource_found[resource]])


#: Of a `Place`: what is searched.
_NAMES: Final = ("name", "address", "host")


def _know_running(work: _Work, snapshot: Snapshot) -> None:
    assert work.sieve is not None
    for resource, running in snapshot.running.items():
        known = work.running.get(resource)
        until_ns = int(snapshot.heard_until_ns[resource])
        if known is not None and known[0] is running and known[1] == until_ns:
            continue
        marks = np.zeros(len(running.lane), np.uint8)
        marks[~work.sieve.running(running, until_ns)] = Mark.HIDDEN
        if work.is_searching:
            is_lit = work.is_string_found[running.name] | work.is_lane_found[running.lane]
            is_lit |= _found(work, running.keys)
            marks[is_lit & (marks == Mark.PLAIN.value)] = Mark.LIT
        work.running[resource] = running, until_ns, marks


def _take(work: _Work, chunk: Chunk, taken: _Taken) -> None:
    """Mark the next slice of a chunk."""
    first = taken.n
    keys, stop = chunk.keys, min(first + SLICE_ROWS, len(chunk))
    if work.is_searching:
        base = int(keys.ends[first - 1]) if first else 0
        reach = base + work.expression.max_bytes
        fitting = int(np.searchsorted(keys.ends[first:stop], reach, side="right"))
        stop = first + max(fitting, 1)
    which = slice(first, stop)
    assert work.sieve is not None
    is_shown = work.sieve.rows(chunk, which)
    is_lit = _lit(work, chunk, which)
    marks = taken.marks[which]
    marks[is_lit] = Mark.LIT
    is_drawn = _DRAWN[chunk.columns["kind"][which].view(np.uint8)]
    marks[~is_shown] = Mark.HIDDEN
    marks[~is_drawn] = Mark.PLAIN
    lit = np.flatnonzero(marks == Mark.LIT.value)
    work.spread = added(work.spread, chunk.start_ns[which][lit])
    taken.n_lit += len(lit)
    taken.n_hidden += int(np.count_nonzero(marks == Mark.HIDDEN.value))
    taken.n = stop


_DRAWN: Final = np.ones(256, np.bool_)
_DRAWN[[Kind.GRAPH, Kind.SEND]] = False


def _lit(work: _Work, chunk: Chunk, which: slice) -> Bools:
    columns = chunk.columns
    is_lit = np.zeros(which.stop - which.start, np.bool_)
    if work.is_searching:
        is_lit |= work.expression.found(chunk.keys.rows(which.start, which.stop))
        is_lit |= work.is_string_found[columns["name"][which]]
        is_lit |= work.is_string_found[columns["error"][which]]
        is_lit |= work.is_lane_found[columns["lane"][which]]
    for part, name in zip(work.predicate.bins, work.bin_names, strict=True):
        is_lit |= _in_bin(chunk, which, part, name)
    return is_lit


def _in_bin(chunk: Chunk, which: slice, part: Bin, name: int) -> Bools:
    start_ns, end_ns = chunk.start_ns[which], chunk.end_ns[which]
    lasting_ns = end_ns - start_ns
    result = (lasting_ns >= part.from_ns) & (lasting_ns < part.to_ns)
    result &= chunk.columns["kind"][which] == Kind.COMPUTE.value
    # As the statistics count them: what may never have begun lasted no time.
    result &= chunk.columns["outcome"][which] != Outcome.LOST_WAITING.value
    if part.prefix:
        result &= chunk.columns["name"][which] == name
    if part.within_ns is not None:
        from_ns, to_ns = part.within_ns
        result &= (start_ns < to_ns) & ((end_ns > from_ns) | (start_ns >= from_ns))
    if part.lanes is not None:
        result &= np.isin(chunk.columns["lane"][which], list(part.lanes))
    return result
