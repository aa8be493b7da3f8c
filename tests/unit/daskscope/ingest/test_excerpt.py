"""Parts of a recording, cut by time."""

from __future__ import annotations

import numpy as np
import pytest

from daskscope.ingest.excerpt import Excerpt, Scissors
from daskscope.store.schema import Definitions, EventBatch, PointBatch, RunningBatch, SpanBatch
from tests.builders import SECOND, T0, Source, Span

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
    assert keys(Scissors(Excerpt(since_s, until_s)).cut(batch(SPANS))) == expected


def test_nothing_is_left_of_what_lies_outside() -> None:
    scissors = Scissors(Excerpt(0.0, 5.0))
    assert keys(scissors.cut(batch(SPANS))) == ["b", "a", "c"]
    assert scissors.cut(batch([Span(6 * SECOND, 7 * SECOND)])) is None


def test_points_events_and_running_attempts_are_cut_as_well() -> None:
    scissors = Scissors(Excerpt(1.0, 3.0))
    scissors.cut(batch(SPANS))
    times = np.array([T0, T0 + 2 * SECOND, T0 + 4 * SECOND])
    number = np.arange(3, dtype=np.uint32)
    columns = {"request": number, "series": number, "time_ns": times, "value": np.arange(3.0)}
    points = scissors.cut(PointBatch(columns))
    assert isinstance(points, PointBatch)
    assert points.columns["value"].tolist() == [1.0]
    texts = Source().spans([Span(0, 1, key=key) for key in ("x", "", "zz")]).keys
    columns = {"request": number, "time_ns": times, "resource": number, "name": number}
    events = scissors.cut(EventBatch({**columns, "severity": number}, texts, texts))
    assert isinstance(events, EventBatch)
    assert (len(events), events.bodies[0]) == (1, "")
    assert scissors.cut(PointBatch({**columns, "time_ns": times + 9 * SECOND})) is None
    runs = RunningBatch(1, T0, 0, {}, texts)
    assert scissors.cut(runs) is None
    assert Scissors(Excerpt(1.0)).cut(runs) is runs
    assert scissors.cut(Definitions()) == Definitions()


def test_the_part_is_told_and_so_is_its_end() -> None:
    assert Excerpt().is_whole
    assert Excerpt().text == ""
    assert Excerpt(10.0, 90.5).text == "0:10 to 1:30.5"
    assert Excerpt(3_600.0).text == "1:00:00 to the end"
    scissors = Scissors(Excerpt(0.0, 5.0))
    assert scissors.end_ns(T0 + 9 * SECOND) == 0  # nobody knows yet when it begins
    scissors.cut(batch(SPANS))
    assert scissors.end_ns(T0 + 9 * SECOND) == T0 + 5 * SECOND
    assert Scissors(Excerpt()).end_ns(T0) == T0
