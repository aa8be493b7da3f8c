"""Spans that have to do with the chosen one, as lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dask_otel import conventions
from daskscope.derive import quantity
from daskscope.derive.details.frame import Listing, Related, Rows
from daskscope.derive.details.keys import short_key
from daskscope.derive.details.known import Inquired
from daskscope.derive.frames import BarState
from daskscope.derive.peers import peer
from daskscope.store.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from daskscope.derive.details.known import Known
    from daskscope.derive.details.subject import Subject
    from daskscope.store.inquiry import Dependent
    from daskscope.store.snapshot import Snapshot


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
        (number, one)
        for number, one in enumerate(_by_start(known.survey.attempts), 1)
        if (one.chosen.chunk, one.chosen.index) != (own.chunk, own.index)
    ]
    if not others:
        return None

    def row(at: int) -> Related:
        number, one = others[at]
        return _related(one, f"{number}, {one.status_text}")

    return Listing("Other attempts", quantity.count(len(others)), Rows(len(others), row))


def _parent(known: Known) -> Listing | None:
    """What a transfer, or a span of the user's, belongs to."""
    parent = known.survey.parent
    if parent is None or parent.kind is Kind.GRAPH or known.subject.is_attempt:
        return None
    return Listing("For", "", Rows(1, lambda _: _related(parent, _label(parent))))


def _transfers(snapshot: Snapshot, known: Known) -> Listing | None:
    moved = _by_start(one for one in known.survey.children if one.kind is Kind.TRANSFER)
    if not moved:
        return None

    def row(at: int) -> Related:
        one = moved[at]
        has_rate = one.nbytes >= 0 and one.lasted_ns > 0
        return Related(
            one.chosen,
            -1,
            one.kind,
            one.state,
            f"from {_name_at(snapshot, one.peer, one) or 'unknown'}",
            (
                _size(one),
                quantity.duration(one.lasted_ns),
                quantity.byte_rate(one.nbytes * 1e9 / one.lasted_ns) if has_rate else "",
            ),
        )

    return Listing("Transfers it waited for", quantity.count(len(moved)), Rows(len(moved), row))


def _dependencies(known: Known) -> Listing | None:
    details = known.details
    if not known.subject.is_attempt:
        return None
    if details is None or details.attributes is None:
        is_waiting = known.asked is Inquired.WAITING
        return Listing("Dependencies", "", Rows(), "reading…") if is_waiting else None
    told = details.attributes.get(conventions.TASK_DEPENDENCY_COUNT)
    n_all = max(told if isinstance(told, int) else 0, len(details.links))
    held = known.survey.relatives
    links = sorted(details.links, key=lambda link: link.span_id not in held)
    n_untold = n_all - len(links)
    note = f"{quantity.count(n_untold)} more are not named by the span" if n_untold > 0 else ""

    def row(at: int) -> Related:
        link = links[at]
        found = held.get(link.span_id)
        if found is not None:
            return _related(found, _label(found))
        text = short_key("", link.key) or f"{link.span_id:016x}"
        return Related(None, -1, Kind.COMPUTE, BarState.FINISHED, text, ("", "", ""))

    return Listing("Dependencies", quantity.count(n_all), Rows(len(links), row), note)


def _dependents(snapshot: Snapshot, known: Known) -> Listing | None:
    if not known.subject.is_attempt or known.searched is Inquired.NOT_YET:
        return None
    held = known.survey.relatives
    ordered = sorted(known.dependents.values(), key=lambda one: one.start_ns)

    def row(at: int) -> Related:
        one = ordered[at]
        found = held.get(one.span_id)
        if found is None:
            return _told(snapshot, one, known.subject)
        return _related(found, _label(found))

    prefixes = {one.name for one in ordered}
    more = f"all {next(iter(prefixes))}" if len(prefixes) == 1 else ""
    count = quantity.count(len(ordered))
    if known.is_cut:
        count = f"≥{quantity.THIN}{count}"
    if not ordered and known.searched is Inquired.WAITING:
        count = ""
    return Listing("Dependents", count, Rows(len(ordered), row), _search_note(known), more)


def _search_note(known: Known) -> str:
    if known.searched is Inquired.UNANSWERED:
        return "no answer to the search yet"
    if known.searched is Inquired.WAITING:
        return f"searching… {quantity.share(known.searched_share)}"
    return "there are more; the search ended here" if known.is_cut else ""


def _name_at(snapshot: Snapshot, address: str, one: Subject) -> str:
    """Name of the worker at an address in a span's cluster."""
    where = peer(snapshot, address, snapshot.lanes[one.lane].resource)
    return where.name if where is not None else address.rpartition("://")[2]


def _related(one: Subject, text: str) -> Related:
    time = quantity.duration(one.lasted_ns) if one.end_ns else ""
    cells = (one.worker, time, _size(one))
    return Related(one.chosen, one.slot, one.kind, one.state, text, cells)


def _told(snapshot: Snapshot, one: Dependent, asked: Subject) -> Related:
    """A dependent that the store does not hold, as the search tells it."""
    cells = (
        _name_at(snapshot, one.worker, asked),
        quantity.duration(max(one.end_ns - one.start_ns, 0)),
        quantity.nbytes(one.nbytes) if one.nbytes >= 0 else "",
    )
    text = short_key(one.name, one.key)
    return Related(None, -1, Kind.COMPUTE, BarState.FINISHED, text, cells)


def _label(one: Subject) -> str:
    return short_key(one.name, one.key)


def _size(one: Subject) -> str:
    return quantity.nbytes(one.nbytes) if one.nbytes >= 0 else ""


def _by_start(subjects: Iterable[Subject]) -> list[Subject]:
    return sorted(subjects, key=lambda one: (one.start_ns, one.key))
