"""Which spans are meant: what the user searches, marks and hides. Frozen values, no Qt.

A span is *hidden* by the filter and then not drawn. Where something is searched or marked, a span
is *lit* if the search finds it or a marked bin holds it, and not hidden; all others are dimmed.
`derive.matches` finds out which spans those are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from daskscope.store.schema import Kind


@dataclass(frozen=True, slots=True)
class Search:
    """Text that is searched in keys, prefixes, names and addresses of workers, and errors.

    Attributes
    ----------
    text
        "" searches nothing.
    is_regex
        A regular expression of Python's `re`; else plain text. Both ignore case.
    """

    text: str = ""
    is_regex: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """What is hidden.

    Attributes
    ----------
    hidden_prefixes
        Task prefixes switched off in the legend.
    workers
        Names of the only workers that are shown (`place.name`); empty for all.
    hidden_kinds
        Kinds of spans that are not shown.
    hidden_states
        Values of `derive.frames.BarState` that are not shown.
    least_ns, most_ns
        Shortest and longest duration that is shown; 0 for no limit.
    """

    hidden_prefixes: frozenset[str] = frozenset()
    workers: frozenset[str] = frozenset()
    hidden_kinds: frozenset[Kind] = frozenset()
    hidden_states: frozenset[int] = frozenset()
    least_ns: int = 0
    most_ns: int = 0

    @property
    def hides_tasks(self) -> bool:
        """Tasks may be hidden, and not just transfers and other spans."""
        others = self.hidden_kinds - {Kind.COMPUTE}
        return self != Filter(hidden_kinds=others)


NO_SEARCH: Final = Search()
NO_FILTER: Final = Filter()


@dataclass(frozen=True, slots=True)
class Bin:
    """Tasks of one prefix ("" for all) that lasted `from_ns` up to, and not with, `to_ns`.

    `within_ns` leaves only those that touch a stretch of time, start and end; `lanes` only those in
    lanes of these ids.
    """

    prefix: str
    from_ns: int
    to_ns: int
    within_ns: tuple[int, int] | None = None
    lanes: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class Predicate:
    """Everything that is asked of a span."""

    search: Search = NO_SEARCH
    bins: tuple[Bin, ...] = ()
    filter: Filter = NO_FILTER

    @property
    def is_lighting(self) -> bool:
        """Something is searched or marked, so that what is not lit is dimmed."""
        return bool(self.search.text or self.bins)

    @property
    def is_idle(self) -> bool:
        """Nothing is asked: all spans are drawn as they are."""
        return not self.is_lighting and self.filter == NO_FILTER
