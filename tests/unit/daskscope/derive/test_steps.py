"""Steps from match to match, compared with a sorted list of all of them."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from daskscope.derive.lanes import lane_layout
from daskscope.derive.matches import Mark, Marks, Matches
from daskscope.derive.searching import search_field
from daskscope.derive.steps import found_at, found_mark, ordinal, step
from daskscope.derive.taskstream import TaskStream
from daskscope.predicate import Bin, Predicate, Search
from daskscope.session import Session, Spot, Viewport
from daskscope.store.writer import Store
from tests.builders import MS, SECOND, T0, Load, Source, Span

if TYPE_CHECKING:
    from daskscope.store.snapshot import Snapshot

MEANT = Predicate(bins=(Bin("", 0, MS),))


def everything(snapshot: Snapshot, meant: Predicate) -> Marks:
    return Matches().advance(snapshot, meant, None, lambda: True)


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    """Two sealed chunks and an open one, with late spans and equal starts."""
    load, store, rng = Load(n_workers=3, n_threads=2), Store(), random.Random(2)
    store.apply(load.source.definitions())
    for _ in range(34):
        store.apply(load.batch(4_096))
        late = rng.randrange(SECOND)
        store.apply(load.source.spans([Span(late, late + 5, "prefix-1")] * 3))
    return store.snapshot()


def in_order(snapshot: Snapshot, marks: Marks) -> list[tuple[int, int, int]]:
    return sorted(
        (int(chunk.start_ns[row]), chunk.number, row)
        for chunk in snapshot.chunks
        for row, mark in enumerate(marks.rows(chunk.number).tolist())
        if mark == Mark.LIT
    )


@pytest.mark.parametrize("is_forward", [True, False])
def test_steps_go_through_all_matches_in_order_of_time(
    snapshot: Snapshot, is_forward: bool
) -> None:
    marks = everything(snapshot, MEANT)
    matches = in_order(snapshot, marks)
    assert len(snapshot.chunks) == 3
    rng = random.Random(1)
    for at in [0, len(matches) - 1, *rng.choices(range(len(matches)), k=200)]:
        found = step(snapshot, marks, matches[at], is_forward)

        assert found is not None
        wanted = (at + (1 if is_forward else -1)) % len(matches)
        assert found.order == matches[wanted]
        assert ordinal(snapshot, marks, found) == wanted + 1


def test_a_first_step_begins_at_a_time(snapshot: Snapshot) -> None:
    marks = everything(snapshot, MEANT)
    matches = in_order(snapshot, marks)
    time_ns = matches[len(matches) // 2][0]

    behind = step(snapshot, marks, (time_ns, -1, -1), is_forward=True)
    before = step(snapshot, marks, (time_ns, -1, -1), is_forward=False)

    assert behind is not None
    assert before is not None
    assert behind.order == next(match for match in matches if match[0] >= time_ns)
    assert before.order == next(match for match in reversed(matches) if match[0] < time_ns)


def test_no_match_is_no_step(snapshot: Snapshot) -> None:
    marks = everything(snapshot, Predicate(Search("zzz")))

    assert step(snapshot, marks, (0, -1, -1), is_forward=True) is None


@pytest.mark.parametrize("spot", [None, (9, 0), (-1, 0), (2, 60_000)])
def test_nothing_lies_where_nothing_is_held(snapshot: Snapshot, spot: Spot | None) -> None:
    assert found_at(snapshot, spot) is None


def test_the_mark_lies_around_the_bar() -> None:
    source, store = Source(), Store()
    worker = source.worker("w0")
    batch = source.spans(
        [Span(SECOND, 2 * SECOND, "inc", worker), Span(3 * SECOND, 3 * SECOND, "dec", worker)]
    )
    store.apply(source.definitions())
    store.apply(batch)
    snapshot, session = store.snapshot(), Session()
    view = Viewport(T0, 10.0 * MS, 500)
    layout = lane_layout(snapshot, session, 400)
    frame = TaskStream().frame(snapshot, session, layout, view, 400, T0)

    marks = [found_at(snapshot, (0, row)) for row in (0, 1)]
    rows = range(frame.first_row, frame.last_row)
    long, short = (found_mark(found, layout, rows, view) for found in marks if found is not None)

    assert long is not None
    assert short is not None
    assert (long.x0_px, long.x1_px) == (100, 200)
    assert (short.x0_px, short.x1_px) == (300, 301)
    assert long.row == short.row == int(layout.row_of_lane[0])


@pytest.mark.parametrize(
    ("search", "found", "count", "tone"),
    [
        (Search(""), None, "", "plain"),
        (Search("prefix-1"), None, " found", "plain"),
        (Search("zzz"), None, "No match", "warn"),
        (Search("prefix-"), (0, 0), " of ", "plain"),
    ],
)
def test_the_box_says_what_was_found(
    snapshot: Snapshot, search: Search, found: Spot | None, count: str, tone: str
) -> None:
    session = Session(search=search, found=found)

    field = search_field(snapshot, session, everything(snapshot, session.predicate))

    assert count in field.count
    assert bool(count) == bool(field.count)
    assert (field.text, field.tone, field.problem) == (search.text, tone, "")


def test_the_box_says_how_far_the_search_has_come(snapshot: Snapshot) -> None:
    session = Session(search=Search("prefix-"))
    matches = Matches()
    for _ in range(3):
        marks = matches.advance(snapshot, session.predicate, None, lambda: False)

    assert search_field(snapshot, session, marks).count.endswith("%")


def test_the_box_says_what_is_wrong(snapshot: Snapshot) -> None:
    session = Session(search=Search("(", is_regex=True))

    field = search_field(snapshot, session, everything(snapshot, session.predicate))

    assert field.problem
    assert (field.count, field.tone) == ("", "err")
