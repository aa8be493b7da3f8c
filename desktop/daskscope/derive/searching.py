"""Texts of the search box: which match of how many, how far it has come, why it cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daskscope.derive import quantity
from daskscope.derive.matches import TOO_SLOW
from daskscope.derive.panels import SearchField
from daskscope.derive.steps import found_at, ordinal

if TYPE_CHECKING:
    from daskscope.derive.matches import Marks
    from daskscope.session import Session
    from daskscope.store.snapshot import Snapshot


def search_field(snapshot: Snapshot, session: Session, marks: Marks) -> SearchField:
    """What the search box shows.

    While rows are still looked at, the count says so; `marks` may be of an earlier session, as
    long as nothing was derived for this one.
    """
    search = session.search
    if not search.text or marks.predicate.search != search:
        return SearchField(search.text, search.is_regex)
    if marks.problem:
        tip = _SLOW_TIP if marks.problem == TOO_SLOW else ""
        return SearchField(search.text, search.is_regex, "", marks.problem, "err", tip)
    n_lit = quantity.least_count(marks.n_lit, snapshot.n_evicted > 0)
    tip, tone = "Tasks that run are lit, and count once they have ended", "plain"
    found = found_at(snapshot, session.found)
    number = ordinal(snapshot, marks, found) if found is not None else 0
    if number:
        count = f"{quantity.count(number)} of {n_lit}"
    elif marks.n_lit:
        count = f"{n_lit} found"
    elif marks.is_complete:
        count, tone = "No match", "warn"
    else:
        count = "Searching"
    if not marks.is_complete:
        share = quantity.share(marks.n_known / max(marks.n_spans, 1))
        count = f"{count}, {share}"
        tip = f"{share} of {quantity.count(marks.n_spans)} spans searched so far"
    return SearchField(search.text, search.is_regex, count, "", tone, tip)


_SLOW_TIP = "It took too long on a few keys, so it was stopped; nothing is lit"
