"""Transfers at one time share a sub-lane, and are told together."""

from __future__ import annotations

from daskscope.derive.crowd import MOST_LINES
from daskscope.store.schema import Kind
from tests.builders import SECOND, Source, Span, snapshot_of
from tests.pointed import fields
from tests.unit.daskscope.derive.pick.test_spots import at

SUB_LANE_DY = 24


def transfers(n: int) -> tuple[Source, list[Span]]:
    source = Source()
    worker = source.worker("w1", port=40_107, nthreads=1)
    source.worker("w2", port=40_108)
    peers = ("tcp://10.0.4.11:40108", "tcp://10.0.4.99:1")
    spans = [
        Span(
            SECOND + i * SECOND // 100, 4 * SECOND, "transfer", worker, 12, Kind.TRANSFER,
            nbytes=1 << 20, peer=peers[i % 2],
        )
        for i in range(n)
    ]  # fmt: skip
    return source, [*spans, Span(5 * SECOND, 8 * SECOND, "inc", worker, 12)]


def test_all_that_lie_under_the_pointer_are_counted() -> None:
    source, spans = transfers(3)
    found = at(snapshot_of(source, spans), 2 * SECOND, dy=SUB_LANE_DY)

    assert found is not None
    assert found.title == "3\u2009transfers at once"
    told = [text for label, text in found.fields if label == "Transfer"]
    assert len(told) == 3
    assert told[0].replace("\u2009", " ") == "3.00 s, 1.0 MiB, from w2"
    assert told[1].endswith("from 10.0.4.99:1")
    assert fields(found)["Bytes"] == "3.0 MiB"
    assert found.chosen is not None


def test_of_many_the_first_are_told_and_the_rest_counted() -> None:
    source, spans = transfers(MOST_LINES + 4)
    found = at(snapshot_of(source, spans), 2 * SECOND, dy=SUB_LANE_DY)

    assert found is not None
    assert fields(found)["And"] == "4 more spans"


def test_one_alone_is_told_as_ever() -> None:
    source, spans = transfers(3)
    found = at(snapshot_of(source, [spans[0], spans[-1]]), 2 * SECOND, dy=SUB_LANE_DY)

    assert found is not None
    assert found.title == "transfer"
