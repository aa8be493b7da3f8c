"""Parts of a recording, cut by time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from daskscope.ingest.excerpt import Excerpt, Scissors
from daskscope.store.schema import Definitions, EventBatch, PointBatch, SpanBatch
from tests.builders import SECOND, T0, Source, Span

if TYPE_CHECKING:
    from collections.abc import Iterable

SPANS = [
    Span(2 * SECOND, 3 * SECOND, key="b"),
    Span(0, SECOND, key="a"),
    Span(4 * SECOND, 9 * SECOND, key="c"),
]


def batch(spans: list[Span]) -> SpanBatch:
    return Source().spans(spans)


def keys(message: object) -> list[str]:
    assert isinstance(message, SpanBatch)
    assert all(len(column) == len(message) for column in message.columns.values())
    return [message.keys[row] for row in range(len(message))]


@pytest.mark.parametrize(
    ("since_s", "until_s", "expected"),
    [
        (0.0, None, ["b", "a", "c"]),
        (0.0, 2.0, ["b", "a"]),
        (0.0, 1.9, ["a"]),
        (3.5, None, ["c"]),
        (1.0, 4.0, ["b", "a", "c"]),  # what touches the part is in it
        (2.5, 2.6, ["b"]),
    ],
)
def test_spans_are_those_that_lie_in_the_part(
    since_s: float, until_s: float | None, expected: list[str]
) -> None:
    (part,) = Scissors(Excerpt(since_s, until_s)).cut(batch(SPANS))
    assert keys(part) == expected


def test_nothing_is_left_of_what_lies_outside() -> None:
    scissors = Scissors(Excerpt(0.0, 5.0))
    (part,) = scissors.cut(batch(SPANS))
    assert keys(part) == ["b", "a", "c"]
    assert list(scissors.cut(batch([Span(6 * SECOND, 7 * SECOND)]))) == []


def points_at(*seconds: float) -> PointBatch:
    """One point at each time, with the time as its value."""
    value = np.array(seconds, float)
    number = np.arange(len(value), dtype=np.uint32)
    times = T0 + (value * SECOND).astype(np.int64)
    return PointBatch({"request": number, "series": number, "time_ns": times, "value": value})


def values(found: Iterable[object]) -> list[list[float]]:
    return [part.columns["value"].tolist() for part in found if isinstance(part, PointBatch)]


def test_points_events_and_running_attempts_are_cut_as_well() -> None:
    scissors = Scissors(Excerpt(1.0, 3.0))
    list(scissors.cut(batch(SPANS)))
    assert values(scissors.cut(points_at(0, 2, 4))) == [[2.0]]
    assert values(scissors.cut(points_at(9, 11))) == []
    texts = Source().spans([Span(0, 1, key=key) for key in ("x", "", "zz")]).keys
    number = np.arange(3, dtype=np.uint32)
    columns = {**points_at(0, 2, 4).columns, "resource": number, "name": number}
    (events,) = scissors.cut(EventBatch({**columns, "severity": number}, texts, texts))
    assert isinstance(events, EventBatch)
    assert (len(events), events.bodies[0]) == (1, "")
    assert list(scissors.cut(Definitions())) == [Definitions()]
    assert list(scissors.rest()) == []


@pytest.mark.parametrize("comes_first", [True, False])
def test_what_ran_has_ended_by_the_end_of_a_part(comes_first: bool) -> None:
    runs = Source().running(0, SECOND, [("inc", 0, 1, 11)])
    for excerpt, expected in ((Excerpt(1.0, 3.0), []), (Excerpt(1.0), [runs])):
        scissors = Scissors(excerpt)
        if not comes_first:
            list(scissors.cut(batch(SPANS)))
        assert list(scissors.cut(runs)) == expected


def test_points_that_come_before_the_spans_wait_for_them() -> None:
    """The start of the recording is not known before."""
    scissors = Scissors(Excerpt(1.0, 3.0))
    assert list(scissors.cut(points_at(-5, 0, 2))) == list(scissors.cut(points_at(3, 4))) == []
    found = list(scissors.cut(batch(SPANS)))
    assert values(found) == [[2.0], [3.0]]
    assert isinstance(found[-1], SpanBatch)
    assert values(scissors.cut(points_at(0, 2))) == [[2.0]]


def test_a_recording_without_spans_starts_with_its_points() -> None:
    scissors = Scissors(Excerpt(1.0, 3.0))
    assert list(scissors.cut(points_at(5, 6))) == list(scissors.cut(points_at(7, 9))) == []
    assert values(scissors.rest()) == [[6.0], [7.0]]
    assert scissors.end_ns(T0 + 20 * SECOND) == T0 + 8 * SECOND


def test_the_part_is_told_and_so_is_its_end() -> None:
    assert Excerpt().is_whole
    assert Excerpt().text == ""
    assert Excerpt(10.0, 90.5).text == "0:10 to 1:30.5"
    assert Excerpt(3_600.0).text == "1:00:00 to the end"
    scissors = Scissors(Excerpt(0.0, 5.0))
    assert scissors.end_ns(T0 + 9 * SECOND) == 0  # nobody knows yet when it begins
    list(scissors.cut(batch(SPANS)))
    assert scissors.end_ns(T0 + 9 * SECOND) == T0 + 5 * SECOND
    assert Scissors(Excerpt()).end_ns(T0) == T0
