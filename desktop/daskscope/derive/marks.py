"""Marks of the events lane: graphs submitted, workers that came and went, tasks that failed."""

from __future__ import annotations

from functools import lru_cache
from itertools import repeat
from operator import attrgetter
from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.derive import quantity
from daskscope.derive.eventwords import (
    BETTER,
    FREQUENT,
    SIGNS,
    SILENT,
    WARN,
    fact_of,
    first_line,
    many,
)
from daskscope.derive.failures import FAILING
from daskscope.derive.frames import EventMark
from daskscope.store.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from daskscope.session import Viewport
    from daskscope.store.snapshot import Snapshot

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


def event_marks(
    snapshot: Snapshot, view: Viewport, failed: npt.NDArray[np.int32]
) -> tuple[EventMark, ...]:
    """Marks in view, in order of time.

    `failed` are numbers of failures by kind and pixel column of the view, as in `failures`.
    """
    marks = [*_logged(snapshot, view), *_failures(failed, snapshot.first_ns, view)]
    return tuple(sorted(marks, key=_X_PX))


def _logged(snapshot: Snapshot, view: Viewport) -> Iterator[EventMark]:
    times = snapshot.events.columns["time_ns"].view(np.int64)
    in_view = np.flatnonzero((times >= view.start_ns) & (times < view.end_ns))
    if not len(in_view):
        return
    told, frequent, warned = _chosen(snapshot, in_view)
    is_many = len(told) > MOST_MARKS
    if not is_many:
        yield from _told(snapshot, view, told)
    for rows, apart_px in (
        (told if is_many else told[:0], _APART_PX),
        (frequent, _FAR_APART_PX),
        (warned, _APART_PX),
    ):
        yield from _together(snapshot, view, rows, apart_px)


def _told(snapshot: Snapshot, view: Viewport, told: Numbers) -> Iterator[EventMark]:
    """One mark for each event, but for such as another tells better."""
    events = snapshot.events
    times = events.columns["time_ns"].view(np.int64)
    facts = [
        (int(times[i]), fact_of(_name(snapshot, i), events.attributes[i])) for i in told.tolist()
    ]
    lines_apart_ns = _LINES_APART_PX * view.ns_per_px
    lined: set[tuple[str, int]] = set()
    said = {(fact.name, fact.address): time_ns for time_ns, fact in facts}
    for time_ns, fact in facts:
        better_ns = said.get((BETTER.get(fact.name, ""), fact.address), 0)
        if abs(better_ns - time_ns) > _SAME_NS:
            sign, has_line = SIGNS[fact.name]
            # Counted from the start of the run, as in `_together`.
            stretch = sign, int((time_ns - snapshot.first_ns) / lines_apart_ns)
            has_line &= stretch not in lined
            lined.add(stretch)
            yield EventMark(round(view.x_px(time_ns)), sign, fact.text, has_line)


def _together(
    snapshot: Snapshot, view: Viewport, rows: Numbers, apart_px: int
) -> Iterator[EventMark]:
    """One mark for all events of one name within stretches of so many columns.

    Stretches count from the start of the run, so that marks stay together while time scrolls.
    """
    if not len(rows):
        return
    columns, events = snapshot.events.columns, snapshot.events
    names = columns["name"][rows].astype(np.int64)
    times = columns["time_ns"].view(np.int64)[rows]
    stretch = ((times - snapshot.first_ns) / (apart_px * view.ns_per_px)).astype(np.int64)
    key = stretch * (int(names.max(initial=0)) + 1) + names
    _, first, counts = np.unique(key, return_index=True, return_counts=True)
    for row, n in zip(rows[first].tolist(), counts.tolist(), strict=True):
        name, x_px = _name(snapshot, row), round(view.x_px(int(columns["time_ns"][row])))
        sign, has_line = SIGNS.get(name, ("other", False))
        if n > 1:
            text = many(sign, n)
        elif name in SIGNS:
            text = fact_of(name, events.attributes[row]).text
        else:
            text = first_line(name, events.bodies[row])
        yield EventMark(x_px, sign, text, has_line, n)


def _chosen(snapshot: Snapshot, in_view: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Of some events those with a mark of their own, those that are frequent, and warnings."""
    columns = snapshot.events.columns
    names = columns["name"][in_view]
    n_of_name = np.bincount(names)
    has_mark, is_frequent, is_silent = np.zeros((3, len(n_of_name)), np.bool_)
    for number in np.flatnonzero(n_of_name).tolist():
        has_mark[number] = snapshot.strings[number] in SIGNS
        is_frequent[number] = snapshot.strings[number] in FREQUENT
        is_silent[number] = snapshot.strings[number] in SILENT
    is_told = has_mark[names]
    is_warned = columns["severity"][in_view].view(np.uint8) >= WARN
    warned = in_view[is_warned & ~is_told & ~is_silent[names]]
    is_often = is_frequent[names]
    return in_view[is_told & ~is_often], in_view[is_often], warned


def _name(snapshot: Snapshot, index: int) -> str:
    return snapshot.strings[int(snapshot.events.columns["name"][index])]


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
