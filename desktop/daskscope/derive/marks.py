"""Marks of the events lane: graphs submitted, workers that came and went, tasks that failed."""

from __future__ import annotations

from functools import lru_cache
from itertools import chain, repeat
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from daskscope.derive import quantity
from daskscope.derive.eventrows import EventRows, Timed
from daskscope.derive.eventwords import (
    BETTER,
    SIGNS,
    fact_of,
    first_line,
    many,
)
from daskscope.derive.failures import FAILING
from daskscope.derive.frames import EventMark
from daskscope.store.schema import Kind

if TYPE_CHECKING:
    import numpy.typing as npt

    from daskscope.session import Viewport
    from daskscope.store.snapshot import Events, Snapshot

    Numbers = npt.NDArray[np.intp]

#: Of more events in view, as after hours zoomed out, those of one name that lie together are one.
MOST_MARKS: Final = 200
#: Failures and other events within one stretch of so many columns are one mark.
_APART_PX: Final = 12
#: The same of such as come all the time and are not what one looks for.
_FAR_APART_PX: Final = 96
#: One line of a sign goes down in so many columns: more of them would hide the tasks.
_LINES_APART_PX: Final = 24
_SAME_NS: Final = 1_000_000_000
_X_PX: Final = attrgetter("x_px")
_NOUNS: Final = {
    Kind.COMPUTE: "task",
    Kind.TRANSFER: "transfer",
    Kind.DISK_READ: "disk read",
    Kind.DISK_WRITE: "disk write",
    Kind.DESERIALIZE: "deserialization",
    Kind.OTHER: "span",
}


class EventMarks:
    """Makes marks of one store's events.

    What they say is kept while the same events are in view, and where there are many, by stretch:
    a frame makes that of the few stretches anew that events have come to, or left with the view's
    edge. What is kept changes nothing but how long it takes.
    """

    def __init__(self) -> None:
        self._rows = EventRows()
        self._scale: object = None
        self._parts = _Part(_APART_PX, MOST_MARKS), _Part(_FAR_APART_PX), _Part(_APART_PX)
        self._times_ns = np.empty(0, np.int64)
        self._columns: list[tuple[object, ...]] = []

    def of(
        self, snapshot: Snapshot, view: Viewport, failed: npt.NDArray[np.int32]
    ) -> tuple[EventMark, ...]:
        """Marks in view, in order of time.

        `failed` are numbers of failures by kind and pixel column of the view, as in `failures`.
        """
        self._look(snapshot, view)
        x_px = np.rint((self._times_ns - view.start_ns) / view.ns_per_px).astype(np.int64)
        marks = list(map(EventMark._make, zip(x_px.tolist(), *self._columns, strict=False)))
        marks += _failures(failed, snapshot.first_ns, view)
        return tuple(sorted(marks, key=_X_PX))

    def _look(self, snapshot: Snapshot, view: Viewport) -> None:
        """Know what is said in view."""
        rows = self._rows
        rows.learn(snapshot)
        scale = snapshot.events.n_evicted, view.ns_per_px, snapshot.first_ns
        if scale != self._scale:
            self._scale = scale
            for part in self._parts:
                part.forget(snapshot.events.n_evicted)
        source = _Source(snapshot.events, rows, snapshot.first_ns, view.ns_per_px)
        pairs = zip(self._parts, (rows.told, rows.frequent, rows.warned), strict=True)
        are_new = [part.look(source, timed, view) for part, timed in pairs]
        if any(are_new):
            said = [one for part in self._parts for one in part.said]
            self._times_ns = np.array([one.time_ns for one in said], np.int64)
            self._columns = list(zip(*said, strict=True))[1:]


class _Source(NamedTuple):
    """What says what an event says, and where its stretch begins."""

    events: Events
    rows: EventRows
    first_ns: int
    ns_per_px: float


class _Said(NamedTuple):
    """A mark without its place."""

    time_ns: int
    sign: str
    text: str
    has_line: bool
    n: int = 1


class _Told(NamedTuple):
    """An event that has a mark of its own.

    Attributes
    ----------
    said, plain
        With and without a line.
    what, better
        Name of the event, who says it and address of the worker; those of one that would say more.
    """

    said: _Said
    plain: _Said
    what: tuple[str, int, str]
    better: tuple[str, int, str]

    @classmethod
    def of(cls, events: Events, row: int, name: str) -> _Told:
        """The event of a row of the log."""
        said = _said(events, name, row, 1)
        address = fact_of(name, events.attributes[row]).address
        worker = int(events.columns["resource"][row]), address
        what, better = (name, *worker), (BETTER.get(name, ""), *worker)
        return cls(said, said._replace(has_line=False), what, better)


class _Part:
    """What some kind of events says.

    Parameters
    ----------
    apart_px
        All events of one name within stretches of so many columns are one mark. Stretches count
        from the start of the run, so that marks stay together while time scrolls.
    n_each
        Of so many in view each has a mark of its own.
    """

    def __init__(self, apart_px: int, n_each: int = 0) -> None:
        self.said: list[_Said] = []
        self._apart_px, self._n_each = apart_px, n_each
        self._seen: object = None
        #: By how many events of a stretch are in view, and which is the first and the last: as
        #: events only come, those between two are the same while they are as many.
        self._kept: dict[tuple[int, int, int], list[_Said]] = {}
        #: By row in the log: those in view that have a mark of their own.
        self._told: dict[int, _Told] = {}
        self._n_evicted = 0

    def forget(self, n_evicted: int) -> None:
        """Begin anew at another scale, or after so many events have been evicted."""
        self._seen, self._kept = None, {}
        if n_evicted != self._n_evicted:
            self._n_evicted, self._told = n_evicted, {}

    def look(self, source: _Source, timed: Timed, view: Viewport) -> bool:
        """Know what is said in view; whether that may be something else than before."""
        first, end = timed.within(view.start_ns, view.end_ns)
        seen = timed, first, end
        if seen == self._seen:
            return False
        self._seen = seen
        if end - first <= self._n_each:
            self._kept = {}
            self.said = self._each(source, np.sort(timed.rows[first:end]).tolist())
        else:
            self.said = self._together(source, timed, first, end)
        return True

    def _together(self, source: _Source, timed: Timed, first: int, end: int) -> list[_Said]:
        """One mark for all events of one name within a stretch."""
        stretch_ns = self._apart_px * source.ns_per_px
        number = ((timed.times_ns[first:end] - source.first_ns) / stretch_ns).astype(np.int64)
        is_first = np.ones(len(number), np.bool_)
        np.not_equal(number[1:], number[:-1], out=is_first[1:])
        at = np.flatnonzero(is_first)
        ends = np.append(at[1:], len(number))
        rows = timed.rows[first:end]
        columns = ends - at, rows[at], rows[ends - 1]
        keys = list(zip(*(column.tolist() for column in columns), strict=True))
        new = [i for i, key in enumerate(keys) if key not in self._kept]
        if new:
            made = _of_runs(source, timed, first + np.stack([at[new], ends[new]], axis=1))
            self._kept |= dict(zip((keys[i] for i in new), made, strict=True))
        self._kept = {key: self._kept[key] for key in keys}
        return list(chain.from_iterable(self._kept.values()))

    def _each(self, source: _Source, rows: list[int]) -> list[_Said]:
        """One mark for each event, but for such as another tells better."""
        new = [row for row in rows if row not in self._told]
        names = source.rows.names_of(source.events, new)
        for row, name in zip(new, names, strict=True):
            self._told[row] = _Told.of(source.events, row, name)
        self._told = {row: self._told[row] for row in rows}
        lines_apart_ns = _LINES_APART_PX * source.ns_per_px
        lined: set[tuple[str, int]] = set()
        time_of = {one.what: one.said.time_ns for one in self._told.values()}
        result = []
        for said, plain, _, better in self._told.values():
            if abs(time_of.get(better, 0) - said.time_ns) <= _SAME_NS:
                continue
            if said.has_line:
                # Counted from the start of the run, as other stretches are.
                stretch = said.sign, int((said.time_ns - source.first_ns) / lines_apart_ns)
                result.append(plain if stretch in lined else said)
                lined.add(stretch)
            else:
                result.append(said)
        return result


def _of_runs(source: _Source, timed: Timed, runs: Numbers) -> list[list[_Said]]:
    """One mark for all events of one name in each run of some; the first that came gives the place.

    `runs` are intp of shape (n, 2): first and end in `timed`.
    """
    n_rows = runs[:, 1] - runs[:, 0]
    before = np.cumsum(n_rows) - n_rows
    at = np.arange(n_rows.sum()) + np.repeat(runs[:, 0] - before, n_rows)
    names, name_ids = source.rows.names, np.array(source.rows.name_ids)
    group = np.repeat(np.arange(len(runs)), n_rows) * len(names) + timed.codes[at]
    n_of = np.bincount(group)
    row_of = np.full(len(n_of), len(source.events.bodies))
    np.minimum.at(row_of, group, timed.rows[at])
    groups = np.flatnonzero(n_of)
    run, code = np.divmod(groups, len(names))
    order = np.lexsort((name_ids[code], run))
    result: list[list[_Said]] = [[] for _ in runs]
    columns = (run, code, row_of[groups], n_of[groups])
    for one, name, row, n in zip(*(column[order].tolist() for column in columns), strict=True):
        result[one].append(_said(source.events, names[name], row, n))
    return result


def _said(events: Events, name: str, row: int, n: int) -> _Said:
    """What some events of a name say, the first of which is in that row."""
    sign, has_line = SIGNS.get(name, ("other", False))
    if n > 1:
        text = many(sign, n)
    elif name in SIGNS:
        text = fact_of(name, events.attributes[row]).text
    else:
        text = first_line(name, events.bodies[row])
    return _Said(int(events.columns["time_ns"][row]), sign, text, has_line, n)


def _failures(failed: npt.NDArray[np.int32], first_ns: int, view: Viewport) -> list[EventMark]:
    """One mark for failures of one kind that ended at nearly the same time."""
    at = np.flatnonzero(failed)
    if not len(at):
        return []
    line, x_px = np.divmod(at, failed.shape[1])
    # Stretches count from the start of the run, so that marks stay together while time scrolls.
    before_px = round((view.start_ns - first_ns) / view.ns_per_px)
    stretch = (x_px + before_px) // _APART_PX
    is_first = np.ones(len(at), np.bool_)
    is_first[1:] = (stretch[1:] != stretch[:-1]) | (line[1:] != line[:-1])
    first = np.flatnonzero(is_first)
    counts = np.add.reduceat(failed.reshape(-1)[at], first).tolist()
    texts = map(_erred, line[first].tolist(), counts)
    columns = x_px[first].tolist(), repeat("erred"), texts, repeat(False), counts
    return list(map(EventMark._make, zip(*columns, strict=False)))


@lru_cache(maxsize=1_024)
def _erred(line: int, n: int) -> str:
    """What some failures of a kind are called."""
    noun = _NOUNS[FAILING[line]]
    verb = "erred" if noun == "task" else "failed"
    return f"{noun} {verb}" if n == 1 else f"{quantity.plural(n, noun)} {verb}"
