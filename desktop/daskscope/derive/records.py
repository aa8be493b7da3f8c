"""The tables of events and of errors: rows with their texts, made as they are asked for."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from dask_otel import conventions
from daskscope.derive import quantity
from daskscope.derive.eventwords import mark_of, subject_of, warning_sign
from daskscope.derive.lazy import Lazy
from daskscope.derive.place import place, place_of_any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from daskscope.derive.clusters import Clusters
    from daskscope.derive.errors import Errors
    from daskscope.derive.place import Place
    from daskscope.session import Bookmark, Spot
    from daskscope.store.snapshot import Snapshot

_MS_NS: Final = 1_000_000
#: What kinds of events are called, in the order in which they are offered.
KINDS: Final = {
    conventions.EVENT_GRAPH_SUBMITTED: "graph",
    conventions.EVENT_GROUP_ERRED: "erred",
    conventions.EVENT_WORKER_ADDED: "worker",
    conventions.EVENT_WORKER_REMOVED: "worker",
    conventions.EVENT_WORKER_LOST: "worker",
    conventions.EVENT_WORKER_RETIRED: "worker",
    conventions.EVENT_WORKER_RESTARTED: "worker",
    conventions.EVENT_WORKER_STATUS: "worker",
    conventions.EVENT_WORKER_PAUSED: "pause",
    conventions.EVENT_WORKER_RESUMED: "pause",
    conventions.EVENT_SPILL: "spill",
    conventions.EVENT_STEAL: "steal",
    conventions.EVENT_ADAPTIVE: "scaling",
    conventions.EVENT_SCATTER: "client",
    conventions.EVENT_GATHER: "client",
    conventions.EVENT_LOGGED: "said",
    conventions.EVENT_LOG: "log",
}
OTHER: Final = "other"
#: What the user set; also its sign.
BOOKMARK: Final = "bookmark"
_ORDER: Final = (*dict.fromkeys(KINDS.values()), OTHER, BOOKMARK)


@dataclass(frozen=True, slots=True)
class RecordRow:
    """One row of a table.

    Attributes
    ----------
    cells
        Text of each column.
    sign
        Mark of an event, see `frames.EventMark`; "" for none.
    slot
        Palette slot of a swatch; None for none.
    is_warning
        Its last text warns.
    time_ns
        When it happened.
    spot
        The span that it is about, None for none.
    """

    cells: tuple[str, ...]
    time_ns: int
    sign: str = ""
    slot: int | None = None
    is_warning: bool = False
    spot: Spot | None = None


@dataclass(frozen=True, slots=True)
class KindCount:
    """How many events of one kind there are, and whether they are in the table."""

    kind: str
    n: int
    is_shown: bool


@dataclass(frozen=True, slots=True, eq=False)
class RecordsFrame:
    """A table, the newest rows last.

    Attributes
    ----------
    kinds
        Of events: what there is; of errors empty.
    empty
        What is said where there is no row.
    """

    rows: Sequence[RecordRow]
    kinds: tuple[KindCount, ...]
    summary: str
    empty: str = ""

    def near(self, time_ns: int) -> int:
        """The row whose time is nearest to another, -1 where there is none."""
        at = bisect_left(self.rows, time_ns, key=lambda row: row.time_ns)
        around = [row for row in (at - 1, at) if 0 <= row < len(self.rows)]
        return min(around, key=lambda row: abs(self.rows[row].time_ns - time_ns), default=-1)


class _EventRows(Lazy[RecordRow]):
    def __init__(
        self,
        snapshot: Snapshot,
        order: npt.NDArray[np.intp],
        bookmarks: tuple[Bookmark, ...],
        clusters: Clusters | None,
    ) -> None:
        super().__init__(len(order))
        self._bookmarks = bookmarks
        self._snapshot = snapshot
        self._name = _Name(snapshot, clusters)
        self._order = order

    def make(self, index: int) -> RecordRow:
        snapshot, at = self._snapshot, int(self._order[index])
        columns = snapshot.events.columns
        if at >= len(columns["name"]):
            bookmark = self._bookmarks[at - len(columns["name"])]
            cells = (_when(snapshot, bookmark.time_ns), BOOKMARK, "", bookmark.name)
            return RecordRow(cells, bookmark.time_ns, BOOKMARK)
        name = snapshot.strings[int(columns["name"][at])]
        time_ns = int(columns["time_ns"][at])
        severity = int(columns["severity"][at])
        body = snapshot.events.bodies[at].strip() or name
        resource = int(columns["resource"][at])
        sender = snapshot.resources[resource] if resource < len(snapshot.resources) else {}
        where = subject_of(snapshot.events.attributes[at], sender) or place_of_any(sender)
        told = self._name.told(where)
        cells = (_when(snapshot, time_ns), KINDS.get(name, OTHER), told, body)
        sign = mark_of(name) or warning_sign(severity)
        return RecordRow(cells, time_ns, sign, is_warning=bool(warning_sign(severity)))


class _Name:
    """Names of workers and services; `clusters` tell those of several apart."""

    def __init__(self, snapshot: Snapshot, clusters: Clusters | None) -> None:
        self._clusters = clusters
        self._labels = clusters.labels(snapshot.added_ns) if clusters is not None else {}

    def told(self, where: Place) -> str:
        """What one is called in a table."""
        return where.name if self._clusters is None else self._clusters.told(where, self._labels)


def events_frame(
    snapshot: Snapshot,
    hidden: frozenset[str],
    bookmarks: tuple[Bookmark, ...] = (),
    clusters: Clusters | None = None,
) -> RecordsFrame:
    """All log records and bookmarks but those of hidden kinds, in order of time.

    `clusters` are those of the snapshot, None where there are not several.
    """
    columns = snapshot.events.columns
    names = columns["name"]
    present = np.unique(names).tolist()
    kind_of = {name: KINDS.get(snapshot.strings[name], OTHER) for name in present}
    n_of_name = dict(
        zip(*(part.tolist() for part in np.unique(names, return_counts=True)), strict=True)
    )
    counts: Counter[str] = Counter()
    for name, n in n_of_name.items():
        counts[kind_of[name]] += n
    shown = [name for name in present if kind_of[name] not in hidden]
    rows = np.flatnonzero(np.isin(names, shown))
    counts[BOOKMARK] = len(bookmarks)
    marked = () if BOOKMARK in hidden else bookmarks
    marked_ns = np.array([one.time_ns for one in marked], np.int64)
    times = np.concatenate([columns["time_ns"].view(np.int64)[rows], marked_ns])
    rows = np.concatenate([rows, len(names) + np.arange(len(marked))])
    rows = rows[np.argsort(times, kind="stable")]
    kinds = tuple(
        KindCount(kind, counts[kind], kind not in hidden) for kind in _ORDER if counts[kind]
    )
    n_all = len(names) + len(bookmarks)
    text = quantity.plural(n_all, "event")
    if len(rows) < n_all:
        text = f"{quantity.count(len(rows))} of {text}"
    if snapshot.events.n_evicted:
        text = f"{text}, {quantity.count(snapshot.events.n_evicted)} evicted"
    empty = "All of them are filtered out" if n_all else "Nothing has happened yet"
    return RecordsFrame(_EventRows(snapshot, rows, bookmarks, clusters), kinds, text, empty)


class _ErrorRows(Lazy[RecordRow]):
    def __init__(self, snapshot: Snapshot, errors: Errors, clusters: Clusters | None) -> None:
        super().__init__(len(errors))
        self._snapshot = snapshot
        self._name = _Name(snapshot, clusters)
        self._errors = errors

    def make(self, index: int) -> RecordRow:
        snapshot = self._snapshot
        number, row = spot = self._errors.spot(index)
        chunk = snapshot.chunk(number)
        assert chunk is not None  # errors are those of chunks that are held
        columns = chunk.columns
        name, lane = (int(columns[column][row]) for column in ("name", "lane"))
        where = self._name.told(place(snapshot.resources[snapshot.lanes[lane].resource]))
        is_lost = bool(self._errors.is_lost[index])
        error = snapshot.strings[int(columns["error"][row])]
        error = error or ("lost with its worker" if is_lost else "failed")
        time_ns = int(self._errors.end_ns[index])
        cells = (_when(snapshot, time_ns), snapshot.strings[name], chunk.keys[row], where, error)
        return RecordRow(cells, time_ns, "", int(snapshot.slot_of[name]), spot=spot)


def errors_frame(
    snapshot: Snapshot, errors: Errors, clusters: Clusters | None = None
) -> RecordsFrame:
    """All failures that are held, in order of their ends; `clusters` as for events."""
    n_lost = int(np.count_nonzero(errors.is_lost))
    text = f"{quantity.count(len(errors) - n_lost)} failed"
    if n_lost:
        text += f", {quantity.count(n_lost)} lost with a worker"
    empty = "Nothing has failed"
    if snapshot.n_evicted:
        text += ", what was evicted not counted"
        empty = "Nothing that is held has failed; what was evicted is not known"
    has_text = len(errors) or snapshot.n_evicted
    return RecordsFrame(_ErrorRows(snapshot, errors, clusters), (), text if has_text else "", empty)


def _when(snapshot: Snapshot, time_ns: int) -> str:
    return quantity.elapsed(time_ns - snapshot.first_ns, _MS_NS)
