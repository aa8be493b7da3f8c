"""Which task waited for a transfer."""

from __future__ import annotations

from daskscope.ingest.waiters import MOST_REMEMBERED, Waiters
from daskscope.store.schema import Kind, SpanBatch
from tests.builders import Source, Span


def attempt(span_id: int, name: str) -> Span:
    return Span(0, 9, name, span_id=span_id)


def transfer(parent_id: int) -> Span:
    return Span(0, 5, "transfer", kind=Kind.TRANSFER, span_id=1 << 60, parent_id=parent_id)


def told(source: Source, batch: SpanBatch) -> list[str]:
    return [source.strings[i] for i in batch.columns["type"].tolist()]


def test_it_is_that_of_the_parent_before_or_after_it() -> None:
    source = Source()
    batch = source.spans(
        [transfer(7), attempt(7, "sum"), transfer(8), transfer(7), attempt(8, "x")]
    )
    Waiters().name(batch)
    assert told(source, batch) == ["sum", "", "x", "sum", ""]


def test_a_request_may_end_between_them() -> None:
    source, waiters = Source(), Waiters()
    waiters.name(source.spans([attempt(7, "sum")]))
    waiters.name(source.spans([]))
    for _ in range(2):
        batch = source.spans([transfer(7)])
        waiters.name(batch)
        assert told(source, batch) == ["sum"]


def test_what_has_another_parent_was_fetched_for_nobody() -> None:
    source, waiters = Source(), Waiters()
    graph = Span(0, 9, "dask.graph", kind=Kind.GRAPH, span_id=3)
    batch = source.spans([graph, transfer(3), transfer(0), attempt(7, "sum"), transfer(99)])
    waiters.name(batch)
    assert told(source, batch) == [""] * 5


def test_only_attempts_of_late_are_remembered() -> None:
    source, waiters = Source(), Waiters()
    waiters.name(source.spans([attempt(n, "sum") for n in range(1, MOST_REMEMBERED + 2)]))
    batch = source.spans([transfer(1), transfer(2)])
    waiters.name(batch)
    assert told(source, batch) == ["", "sum"]
