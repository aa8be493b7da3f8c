"""The filter in words, and durations as they are typed."""

from __future__ import annotations

import pytest

from daskscope.derive.filtering import (
    STATE_WORDS,
    duration_ns,
    duration_text,
    filter_choices,
    filter_frame,
)
from daskscope.derive.frames import BarState, LegendEntry
from daskscope.derive.matches import Matches
from daskscope.predicate import NO_FILTER, Filter, Predicate
from daskscope.store.schema import Kind
from daskscope.store.writer import Store
from tests.builders import MS, SECOND, Load, Source, Span

ENTRIES = tuple(LegendEntry(name, slot, is_hidden=False) for slot, name in enumerate("abcd"))
#: All but the first.
OTHER_STATES = frozenset(int(state) for _, state in STATE_WORDS[1:])


@pytest.mark.parametrize(
    ("meant", "texts"),
    [
        (NO_FILTER, []),
        (Filter(frozenset({"b"})), ["no b"]),
        (Filter(frozenset({"b", "a"})), ["no a, b"]),
        (Filter(frozenset("abd")), ["only c"]),
        (Filter(frozenset("abcd")), ["no 4 prefixes"]),
        (Filter(workers=frozenset({"w10", "w2"})), ["on w2, w10"]),
        (Filter(workers=frozenset({"w1", "w2", "w3"})), ["on 3 workers"]),
        (Filter(hidden_kinds=frozenset({Kind.TRANSFER})), ["no transfers"]),
        (Filter(hidden_kinds=frozenset({Kind.DISK_READ, Kind.DISK_WRITE})), ["no disk"]),
        (Filter(hidden_states=frozenset({BarState.ERRED, BarState.LOST})), ["not erred, lost"]),
        (Filter(hidden_states=OTHER_STATES), ["only finished"]),
        (Filter(least_ns=10 * MS), ["≥\u200910.0\u2009ms"]),
        (Filter(most_ns=2 * SECOND), ["≤\u20092.00\u2009s"]),
        (Filter(least_ns=MS, most_ns=SECOND), ["1.00\u2009ms\u2009–\u20091.00\u2009s"]),
    ],
)
def test_each_part_has_a_chip_that_takes_it_away(meant: Filter, texts: list[str]) -> None:
    marks = Matches().advance(Store().snapshot(), Predicate(filter=meant), None, lambda: True)

    frame = filter_frame(meant, marks, ENTRIES)

    assert [chip.text for chip in frame.chips] == texts
    assert all(chip.without == NO_FILTER for chip in frame.chips)


def test_a_chip_leaves_the_other_parts() -> None:
    meant = Filter(frozenset({"b"}), least_ns=MS)
    frame = filter_frame(
        meant, Matches().advance(Store().snapshot(), Predicate(), None, bool), ENTRIES
    )

    assert [chip.without for chip in frame.chips] == [
        Filter(least_ns=MS),
        Filter(frozenset({"b"})),
    ]


def test_what_is_hidden_is_counted_as_far_as_it_is_known() -> None:
    load, store, matches = Load(), Store(), Matches()
    store.apply(load.source.definitions())
    for _ in range(4):
        store.apply(load.batch(8_192))
    meant = Filter(least_ns=20 * MS)
    predicate, snapshot = Predicate(filter=meant), store.snapshot()

    begun = filter_frame(meant, matches.advance(snapshot, predicate, None, lambda: False), ENTRIES)
    ended = filter_frame(meant, matches.advance(snapshot, predicate, None, lambda: True), ENTRIES)

    assert begun.hidden_text.startswith("≥\u2009")
    durations = [chunk.end_ns - chunk.start_ns for chunk in snapshot.chunks]
    n_hidden = sum(int((lasting < 20 * MS).sum()) for lasting in durations)
    assert ended.hidden_text == f"{n_hidden:,} hidden".replace(",", "\u2009")


def test_choices_are_all_prefixes_and_workers_in_order() -> None:
    source, store = Source(), Store()
    workers = [source.worker(name) for name in ("w10", "w2", "w2")]
    source.resource({"service.name": "client"})
    batch = source.spans([Span(0, 1, "inc", worker) for worker in workers])
    store.apply(source.definitions())
    store.apply(batch)

    choices = filter_choices(store.snapshot(), Filter(workers=frozenset({"gone"})), ENTRIES)

    assert choices.workers == ("gone", "w2", "w10")
    assert choices.prefixes == (("a", 0), ("b", 1), ("c", 2), ("d", 3))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0), ("  ", 0), ("10 ms", 10 * MS), ("10ms", 10 * MS), ("1.5s", 1_500 * MS),
        ("2", 2 * SECOND),
        ("0,5 s", 500 * MS), (".5 s", 500 * MS), ("3 µs", 3_000), ("3us", 3_000), ("7 ns", 7),
        ("2 min", 120 * SECOND), ("1 h", 3_600 * SECOND), ("1 day", None), ("-1 s", None),
        ("x", None),
        ("1e3 s", None), ("1 s 2", None), ("9" * 400 + " s", 1 << 62),
    ],
)  # fmt: skip
def test_durations_are_read_as_they_are_written(text: str, expected: int | None) -> None:
    assert duration_ns(text) == expected


@pytest.mark.parametrize("time_ns", [0, 1, 999, 1_500, 10 * MS, 1_234_567_891, 90 * SECOND])
def test_what_is_written_is_read_again(time_ns: int) -> None:
    assert duration_ns(duration_text(time_ns)) == time_ns
