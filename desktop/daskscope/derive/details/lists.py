"""Spans that have to do with the chosen one, as lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dask_otel import conventions
from daskscope.derive import quantity
from daskscope.derive.details.frame import Listing, Related
from daskscope.derive.details.keys import short_key
from daskscope.derive.details.known import Inquired
from daskscope.derive.frames import BarState
from daskscope.derive.place import place
from daskscope.store.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from daskscope.derive.details.known import Known
    from daskscope.derive.details.subject import Subject
    from daskscope.store.inquiry import Dependent
    from daskscope.store.snapshot import Snapshot

#: Rows of one list.
MOST_ROWS: Final = 1_000


def listings(snapshot: Snapshot, known: Known) -> tuple[Listing, ...]:
    """The lists in the order of the panel; without those that have nothing to say."""
    found = (
        _attempts(known),
        _parent(known),
        _transfers(snapshot, known),
        _dependencies(known),
        _dependents(snapshot, known),
    )
    return tuple(one for one in found if one is not None)


def _attempts(known: Known) -> Listing | None:
    own = known.subject.chosen
    others = [
        one
        for one in known.survey.attempts
        if (one.chosen.chunk, one.chosen.index) != (own.chunk, own.index)
    ]
    if not others:
        return None
    rows = tuple(
        _related(one, f"{number}, {one.status_text}", _size(one))
        for number, one in enumerate(_by_start(known.survey.attempts), 1)
        if one in others
    )
    return Listing("Other attempts", quantity.count(len(rows)), rows)


def _parent(known: Known) -> Listing | None:
    """What a transfer, or a span of the user's, belongs to."""
    parent = known.survey.parent
    if parent is None or parent.kind is Kind.GRAPH or known.subject.is_attempt:
        return None
    return Listing("For", "", (_related(parent, _label(parent), _size(parent)),))


def _transfers(snapshot: Snapshot, known: Known) -> Listing | None:
    moved = [one for one in known.survey.children if one.kind is Kind.TRANSFER]
    if not moved:
        return None
    names = {place(one).address: place(one).name for one in snapshot.resources}
    rows = tuple(
        Related(
            one.chosen,
            -1,
            one.kind,
            one.state,
            f"from {names.get(one.peer) or one.peer.rpartition('://')[2] or 'unknown'}",
            (
                quantity.nbytes(one.nbytes) if one.nbytes >= 0 else "",
                quantity.duration(one.lasted_ns),
                quantity.byte_rate(one.nbytes * 1e9 / one.lasted_ns)
                if one.nbytes >= 0 and one.lasted_ns
                else "",
            ),
        )
        for one in _by_start(moved)
    )
    return Listing("Transfers it waited for", quantity.count(len(rows)), rows[:MOST_ROWS])


def _dependencies(known: Known) -> Listing | None:
    details = known.details
    if not known.subject.is_attempt:
        return None
    if details is None or details.attributes is None:
        is_waiting = known.asked is Inquired.WAITING
        return Listing("Dependencies", "", (), "reading…") if is_waiting else None
    told = details.attributes.get(conventions.TASK_DEPENDENCY_COUNT)
    n_all = max(told if isinstance(told, int) else 0, len(details.links))
    if not n_all:
        return Listing("Dependencies", "0", ())
    held = known.survey.relatives
    rows = []
    for link in details.links:
        found = held.get(link.span_id)
        rows.append(
            _related(found, _label(found), _size(found))
            if found is not None
            else _unheld(short_key("", link.key) or f"{link.span_id:016x}")
        )
    n_untold = n_all - len(details.links)
    note = f"{quantity.count(n_untold)} more are not named by the span" if n_untold > 0 else ""
    rows.sort(key=lambda row: row.chosen is None)
    return Listing("Dependencies", quantity.count(n_all), tuple(rows[:MOST_ROWS]), note)


def _dependents(snapshot: Snapshot, known: Known) -> Listing | None:
    if not known.subject.is_attempt or known.searched is Inquired.NOT_YET:
        return None
    held = known.survey.relatives
    names = {place(one).address: place(one).name for one in snapshot.resources}
    ordered = sorted(known.dependents.values(), key=lambda one: one.start_ns)
    rows = tuple(
        _related(held[one.span_id], _label(held[one.span_id]), _size(held[one.span_id]))
        if one.span_id in held
        else _told(one, names)
        for one in ordered[:MOST_ROWS]
    )
    prefixes = {one.name for one in ordered}
    more = f"all {next(iter(prefixes))}" if len(prefixes) == 1 else ""
    count = quantity.count(len(ordered))
    if known.is_cut:
        count = f"≥{quantity.THIN}{count}"
    if not rows and known.searched is Inquired.WAITING:
        count = ""
    return Listing("Dependents", count, rows, _search_note(known), more)


def _search_note(known: Known) -> str:
    if known.searched is Inquired.UNANSWERED:
        return "no answer to the search yet"
    if known.searched is Inquired.WAITING:
        return f"searching… {quantity.share(known.searched_share)}"
    return "there are more; the search ended here" if known.is_cut else ""


def _related(one: Subject, text: str, size: str) -> Related:
    time = quantity.duration(one.lasted_ns) if one.end_ns else ""
    return Related(one.chosen, one.slot, one.kind, one.state, text, (one.worker, time, size))


def _told(one: Dependent, names: dict[str, str]) -> Related:
    """A dependent that the store does not hold, as the search tells it."""
    cells = (
        names.get(one.worker, ""),
        quantity.duration(max(one.end_ns - one.start_ns, 0)),
        quantity.nbytes(one.nbytes) if one.nbytes >= 0 else "",
    )
    text = short_key(one.name, one.key)
    return Related(None, -1, Kind.COMPUTE, BarState.FINISHED, text, cells)


def _unheld(text: str) -> Related:
    return Related(None, -1, Kind.COMPUTE, BarState.FINISHED, text, ("", "", ""))


def _label(one: Subject) -> str:
    return short_key(one.name, one.key)


def _size(one: Subject) -> str:
    return quantity.nbytes(one.nbytes) if one.nbytes >= 0 else ""


def _by_start(subjects: Iterable[Subject]) -> list[Subject]:
    return sorted(subjects, key=lambda one: (one.start_ns, one.key))
