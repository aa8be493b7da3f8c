"""The filter in words: chips of what is hidden, what there is to choose from, durations."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from daskscope.derive import quantity
from daskscope.derive.frames import BarState
from daskscope.derive.isolation import isolated
from daskscope.derive.place import is_worker, natural_key, place
from daskscope.predicate import NO_FILTER
from daskscope.store.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from daskscope.derive.frames import LegendEntry
    from daskscope.derive.matches import Marks
    from daskscope.predicate import Filter
    from daskscope.store.snapshot import Snapshot

#: Kinds that are drawn, in words; those that share a word are hidden together.
KIND_WORDS: Final = (
    ("tasks", (Kind.COMPUTE,)),
    ("transfers", (Kind.TRANSFER,)),
    ("disk", (Kind.DISK_READ, Kind.DISK_WRITE)),
    ("deserialize", (Kind.DESERIALIZE,)),
    ("other spans", (Kind.OTHER, Kind.CLIENT)),
)
STATE_WORDS: Final = (
    ("finished", BarState.FINISHED),
    ("erred", BarState.ERRED),
    ("running", BarState.RUNNING),
    ("lost", BarState.LOST),
    ("cancelled", BarState.DROPPED),
)
#: Names in a chip; beyond them they are counted.
_MOST_NAMES: Final = 2
_UNITS_NS: Final = {
    "ns": 1, "us": 1_000, "µs": 1_000, "μs": 1_000, "ms": 1_000_000, "s": 1_000_000_000,
    "": 1_000_000_000, "min": 60_000_000_000, "m": 60_000_000_000, "h": 3_600_000_000_000,
}  # fmt: skip
_DURATION: Final = re.compile(r"([0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)\s*([a-zµμ]*)")
_MOST_NS: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class Chip:
    """One part of the filter in words, and the filter without it."""

    text: str
    without: Filter


@dataclass(frozen=True, slots=True)
class FilterFrame:
    """What is filtered, beside the legend.

    Attributes
    ----------
    hidden_text
        "1 204 hidden"; "" without a filter.
    """

    filter: Filter
    chips: tuple[Chip, ...] = ()
    hidden_text: str = ""


@dataclass(frozen=True, slots=True)
class FilterChoices:
    """What there is to filter by: names and palette slots of prefixes, names of workers."""

    filter: Filter
    prefixes: tuple[tuple[str, int], ...]
    workers: tuple[str, ...]


def filter_frame(meant: Filter, marks: Marks, entries: Sequence[LegendEntry]) -> FilterFrame:
    """What the filter hides, beside the legend of `entries`."""
    if meant == NO_FILTER or marks.predicate.filter != meant:
        return FilterFrame(meant, _chips(meant, entries))
    least = "" if marks.is_complete else "≥\u2009"
    return FilterFrame(
        meant, _chips(meant, entries), f"{least}{quantity.count(marks.n_hidden)} hidden"
    )


def filter_choices(
    snapshot: Snapshot, meant: Filter, entries: Sequence[LegendEntry]
) -> FilterChoices:
    """Everything that can be filtered by; workers in natural order."""
    names = {place(attributes).name for attributes in snapshot.resources if is_worker(attributes)}
    prefixes = tuple((entry.name, entry.slot) for entry in entries)
    return FilterChoices(meant, prefixes, tuple(sorted(names | meant.workers, key=natural_key)))


def duration_ns(text: str) -> int | None:
    """A duration as a user writes it: "10 ms", "1.5s", "2 min"; 0 for nothing, None if it is none.

    A number alone counts seconds.
    """
    text = "".join(text.split()).lower()
    if not text:
        return 0
    match = _DURATION.fullmatch(text)
    if match is None or match[2] not in _UNITS_NS:
        return None
    time_ns = float(match[1].replace(",", ".")) * _UNITS_NS[match[2]]
    return round(min(time_ns, float(_MOST_NS)))


def duration_text(time_ns: int) -> str:
    """A limit in words that `duration_ns` reads: "10 ms"; "" for none."""
    if not time_ns:
        return ""
    scale, unit = next(
        (scale, unit)
        for unit, scale in (("s", 1_000_000_000), ("ms", 1_000_000), ("µs", 1_000), ("ns", 1))
        if time_ns >= scale
    )
    return f"{time_ns / scale:.15g} {unit}"


def _chips(meant: Filter, entries: Sequence[LegendEntry]) -> tuple[Chip, ...]:
    chips = []
    hidden = [entry.name for entry in entries if entry.name in meant.hidden_prefixes]
    shown = [entry.name for entry in entries if entry.name not in meant.hidden_prefixes]
    if hidden:
        is_few = 0 < len(shown) <= _MOST_NAMES < len(hidden)
        text = f"only {_names(shown, 'prefixes')}" if is_few else f"no {_names(hidden, 'prefixes')}"
        chips.append(Chip(text, replace(meant, hidden_prefixes=frozenset())))
    if meant.workers:
        workers = sorted(meant.workers, key=natural_key)
        text = f"on {_names(workers, 'workers')}"
        chips.append(Chip(text, replace(meant, workers=frozenset())))
    if meant.hidden_kinds:
        words = [word for word, kinds in KIND_WORDS if meant.hidden_kinds.issuperset(kinds)]
        text = f"no {_names(words, 'kinds')}"
        chips.append(Chip(text, replace(meant, hidden_kinds=frozenset())))
    if meant.hidden_states:
        words = [word for word, state in STATE_WORDS if state in meant.hidden_states]
        left = [word for word, state in STATE_WORDS if state not in meant.hidden_states]
        text = f"only {left[0]}" if len(left) == 1 else f"not {_names(words, 'states')}"
        chips.append(Chip(text, replace(meant, hidden_states=frozenset())))
    if meant.least_ns or meant.most_ns:
        chips.append(Chip(_lasting(meant), replace(meant, least_ns=0, most_ns=0)))
    return tuple(chips)


def _names(names: Iterable[str], noun: str) -> str:
    names = [isolated(name) for name in names]
    return ", ".join(names) if len(names) <= _MOST_NAMES else f"{quantity.count(len(names))} {noun}"


def _lasting(meant: Filter) -> str:
    least, most = quantity.duration(meant.least_ns), quantity.duration(meant.most_ns)
    if not meant.most_ns:
        return f"≥\u2009{least}"
    return f"{least}\u2009\u2013\u2009{most}" if meant.least_ns else f"≤\u2009{most}"
