"""Marks of the events lane."""

from __future__ import annotations

from typing import Any

from dask_otel import conventions
from daskscope.derive.frames import EventMark
from daskscope.derive.lanes import lane_layout
from daskscope.derive.marks import MOST_MARKS
from daskscope.derive.quantity import THIN
from daskscope.derive.taskstream import TaskStream
from daskscope.session import Session, Viewport
from daskscope.store.schema import EventBatch, Kind, Outcome, Status
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
    snapshot = store.snapshot()
    layout = lane_layout(snapshot, Session(), 100)
    return TaskStream().frame(snapshot, Session(), layout, VIEW, 100, T0).events


def test_each_event_has_its_mark() -> None:
    source = Source()
    worker: dict[str, Any] = {
        "dask_worker_address": "tcp://10.0.4.11:40107",
        "dask_worker_name": "w3",
    }
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


def test_lines_of_many_events_do_not_hide_the_tasks() -> None:
    source = Source()
    # A column is a tenth of a second.
    events = [
        source.event(conventions.EVENT_GRAPH_SUBMITTED, number * SECOND // 5)
        for number in range(50)
    ]
    marks = marks_of(source, *events)

    assert [mark.x_px for mark in marks] == list(range(0, 100, 2))
    assert [mark.x_px for mark in marks if mark.has_line] == [0, 24, 48, 72, 96]


def test_a_line_stays_where_it_is_when_an_event_comes_late() -> None:
    source = Source()
    marks = marks_of(
        source,
        source.event(conventions.EVENT_GRAPH_SUBMITTED, 2 * SECOND),
        source.event(conventions.EVENT_GRAPH_SUBMITTED, SECOND),
    )

    assert [(mark.x_px, mark.has_line) for mark in marks] == [(10, False), (20, True)]


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


W3: dict[str, Any] = {"dask_worker_address": "tcp://10.0.4.11:40107", "dask_worker_name": "w3"}


def test_what_happens_to_workers_is_told() -> None:
    source = Source()
    marks = marks_of(
        source,
        source.event(conventions.EVENT_WORKER_PAUSED, SECOND, severity=13, **W3),
        source.event(conventions.EVENT_WORKER_RESUMED, 2 * SECOND, **W3),
        source.event(conventions.EVENT_WORKER_RESTARTED, 5 * SECOND, **W3),
        source.event(conventions.EVENT_WORKER_RESTARTED, 8 * SECOND),
    )

    assert marks == (
        EventMark(10, "paused", "w3 paused", has_line=False),
        EventMark(20, "resumed", "w3 resumed", has_line=False),
        EventMark(50, "restarted", "w3 restarted", has_line=True),
        EventMark(80, "restarted", "workers restarted", has_line=True),
    )


def test_a_loss_is_told_once() -> None:
    source = Source()
    worker = source.worker("w3")
    marks = marks_of(
        source,
        source.event(conventions.EVENT_WORKER_REMOVED, 3 * SECOND, severity=13, **W3),
        source.event(conventions.EVENT_WORKER_LOST, 3 * SECOND + 900, severity=17, **W3),
        source.event(conventions.EVENT_WORKER_ADDED, 6 * SECOND, **W3),
        source.event(conventions.EVENT_WORKER_RESTARTED, 6 * SECOND + 90, **W3),
        source.event(conventions.EVENT_WORKER_REMOVED, 8 * SECOND, **W3),
        spans=(Span(0, 3 * SECOND, "inc", worker, 0, status=Status.ERROR, outcome=Outcome.LOST),),
    )

    assert [(mark.sign, mark.text) for mark in marks] == [
        ("lost", "w3 lost"),
        ("restarted", "w3 restarted"),
        ("removed", "w3 removed"),
    ]


def test_who_leaves_one_cluster_is_told_though_another_loses_one_at_its_address() -> None:
    source = Source()
    one, other = (source.resource({conventions.SERVICE_NAMESPACE: name}) for name in "ab")
    marks = marks_of(
        source,
        source.event(conventions.EVENT_WORKER_REMOVED, 3 * SECOND, resource=one, **W3),
        source.event(conventions.EVENT_WORKER_LOST, 3 * SECOND + 900, resource=other, **W3),
    )

    assert [mark.sign for mark in marks] == ["removed", "lost"]


def test_failures_are_told_by_what_failed_and_once() -> None:
    source = Source()
    worker, client = source.worker("w0"), source.resource({"service.name": "dask-client"})
    kinds = (Kind.TRANSFER, Kind.SEND, Kind.DISK_WRITE, Kind.CLIENT, Kind.COMPUTE)
    spans = tuple(
        Span(0, n * SECOND, kind.name, client if kind is Kind.CLIENT else worker, 0, kind,
             Status.ERROR)
        for n, kind in enumerate(kinds, 1)
    )  # fmt: skip
    group = source.event(conventions.EVENT_GROUP_ERRED, 5 * SECOND, "inc failed", severity=17)
    marks = marks_of(source, group, spans=spans)

    assert [mark.text for mark in marks] == ["transfer failed", "disk write failed", "task erred"]


def test_warnings_of_logs_are_told_and_information_is_not() -> None:
    source = Source()
    marks = marks_of(
        source,
        source.event(conventions.EVENT_LOG, SECOND, "too slow\nin detail", severity=13),
        source.event(conventions.EVENT_LOGGED, 2 * SECOND, "hello"),
        source.event(conventions.EVENT_ADAPTIVE, 3 * SECOND, "more"),
    )

    assert marks == (EventMark(10, "other", "too slow", has_line=False),)


def test_a_flood_hides_nothing_that_has_a_mark_of_its_own() -> None:
    source = Source()
    lost = source.event(conventions.EVENT_WORKER_LOST, SECOND, **W3)
    flood = [
        source.event(conventions.EVENT_LOG, 2 * SECOND + n, str(n), severity=severity)
        for n in range(500)
        for severity in (9, 13)
    ]
    marks = marks_of(source, lost, *flood)

    assert marks[0].text == "w3 lost"
    assert marks[1:] == (EventMark(20, "other", f"500{THIN}warnings", False, 500),)


def test_spills_and_steals_that_lie_together_are_counted() -> None:
    source = Source()
    marks = marks_of(
        source,
        *(source.event(conventions.EVENT_SPILL, SECOND + n, **W3) for n in range(7)),
        source.event(conventions.EVENT_SPILL, 5 * SECOND, **W3),
        *(source.event(conventions.EVENT_STEAL, 8 * SECOND + n) for n in range(3)),
    )

    assert [(mark.sign, mark.text, mark.n) for mark in marks] == [
        ("spill", f"8{THIN}spills", 8),
        ("steal", f"3{THIN}steals", 3),
    ]


def test_of_more_than_can_be_told_all_are_counted() -> None:
    source = Source()
    n = 3 * MOST_MARKS
    added = [source.event(conventions.EVENT_WORKER_ADDED, i * 10_000_000, **W3) for i in range(n)]
    marks = marks_of(source, *added)

    assert sum(mark.n for mark in marks) == n
    assert len(marks) < MOST_MARKS
    assert marks[0].text.endswith("workers added")


def test_an_address_that_is_no_text_is_no_worker() -> None:
    source = Source()
    event = source.event(conventions.EVENT_WORKER_PAUSED, SECOND, dask_worker_address=["x", {}])

    assert len(marks_of(source, event)) == 1
