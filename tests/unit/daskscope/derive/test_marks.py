"""Marks of the events lane."""

from __future__ import annotations

from dask_otel import conventions
from daskscope.derive.frames import EventMark
from daskscope.derive.marks import event_marks
from daskscope.derive.quantity import THIN
from daskscope.session import Viewport
from daskscope.store.schema import EventBatch, Status
from daskscope.store.writer import Store
from tests.builders import SECOND, T0, Source, Span

VIEW = Viewport(T0, SECOND / 10, 100)


def marks_of(
    source: Source, *events: EventBatch, spans: tuple[Span, ...] = ()
) -> tuple[EventMark, ...]:
    store = Store()
    batch = source.spans(spans)
    store.apply(source.definitions())
    store.apply(batch)
    for event in events:
        store.apply(event)
    return event_marks(store.snapshot(), VIEW)


def test_each_event_has_its_mark() -> None:
    source = Source()
    worker = {"dask_worker_address": "tcp://10.0.4.11:40107", "dask_worker_name": "w3"}
    marks = marks_of(
        source,
        source.event(conventions.EVENT_WORKER_REMOVED, 3 * SECOND, **worker),
        source.event(conventions.EVENT_WORKER_ADDED, 5 * SECOND, **worker),
        source.event(conventions.EVENT_GRAPH_SUBMITTED, SECOND, dask_graph_tasks=3_142),
    )

    assert marks == (
        EventMark(10, "graph", f"graph submitted, 3{THIN}142{THIN}tasks", has_line=True),
        EventMark(30, "removed", "w3 removed", has_line=True),
        EventMark(50, "added", "w3 added", has_line=False),
    )


def test_events_out_of_view_and_plain_information_have_none() -> None:
    source = Source()
    marks = marks_of(
        source,
        source.event(conventions.EVENT_GRAPH_SUBMITTED, 11 * SECOND),
        source.event(conventions.EVENT_GRAPH_SUBMITTED, -SECOND),
        source.event("", SECOND, "just so"),
    )

    assert marks == ()


def test_failures_that_are_close_together_are_one_mark() -> None:
    source = Source()
    source.worker("w0")
    ends = [100, 200, 300, 5_000]
    spans = tuple(
        Span(0, end * 1_000_000, status=Status.ERROR if end else Status.UNSET) for end in ends
    )
    marks = marks_of(source, spans=(*spans, Span(0, 8 * SECOND)))

    assert [(mark.x_px, mark.sign, mark.text) for mark in marks] == [
        (1, "erred", f"3{THIN}tasks erred"),
        (50, "erred", "task erred"),
    ]


def test_many_failures_are_few_marks() -> None:
    source = Source()
    source.worker("w0")
    spans = tuple(Span(0, n * 1_000_000, status=Status.ERROR) for n in range(9_000))

    assert len(marks_of(source, spans=spans)) <= 10
