"""Tasks that depend on each other, in a window: what is asked and answered, pressed and shown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from dask_otel import conventions
from daskscope.store.inquiry import (
    Answer,
    Asked,
    Dependent,
    Dependents,
    SpanDetails,
    SpanEvent,
    SpanLink,
)
from daskscope.store.schema import Kind, Message, SourceStatus, Status
from daskscope.theme import GUTTER_PX
from tests.builders import MS, SECOND, Source, Span
from tests.gui.working import NOW

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from daskscope.app.run import Run
    from daskscope.derive.details.frame import DetailsFrame, Listing
    from tests.gui.working import Link


HASH = "1aa99a81299c9c547b8f405bc29dfd9e"
#: Numbers of the spans below: their ids.
READ_A, READ_B, SUM, SUM_FAILED, AGG, TRANSFER = range(1, 7)
TRACE = bytes.fromhex("7f3ac2d190b84e6fa1d27c553e0b9f14")
N_AGGS = 30


def chain() -> list[Message]:
    """Two reads, a sum of both that failed once, and thirty aggregations of that."""
    source = Source()
    one = source.worker("w0", host="node-01", port=40101)
    two = source.worker("w1", host="node-02", port=40102)
    sum_key = f"('sum-{HASH}', 4)"
    spans = [
        Span(2 * SECOND, 4 * SECOND, "read", one, 11, key=f"('read-{HASH}', 0)", run_id=1,
             nbytes=1 << 20),
        Span(2 * SECOND, 5 * SECOND, "read", two, 21, key=f"('read-{HASH}', 1)", run_id=2,
             nbytes=3 << 20),
        Span(9 * SECOND, 11 * SECOND, "sum", one, 12, key=sum_key, run_id=4, nbytes=1 << 10,
             type="pandas.DataFrame", wait_data_s=1.0, wait_thread_s=0.5),
        Span(6 * SECOND, 7 * SECOND, "sum", two, 21, key=sum_key, run_id=3,
             status=Status.ERROR, error="ValueError: <b>no</b>"),
        *(
            Span((12 + n % 3) * SECOND, (13 + n % 3) * SECOND, "agg", (one, two)[n % 2], 30 + n,
                 key=f"('agg-{HASH}', {n})", run_id=10 + n)
            for n in range(N_AGGS)
        ),
        Span(7500 * MS, 8500 * MS, "transfer", one, 12, Kind.TRANSFER, nbytes=3 << 20,
             peer="tcp://10.0.4.11:40102"),
    ]  # fmt: skip
    batch = source.spans(spans)
    columns = dict(batch.columns)
    columns["parent_id"] = columns["parent_id"].copy()
    columns["parent_id"][-1] = SUM
    running = source.running(two, 19 * SECOND, [("fit", 15 * SECOND, 99, 21)])
    status = SourceStatus(is_live=True, http=("127.0.0.1:4328",), requests=3)
    definitions = replace(source.definitions(), traces=(TRACE,))
    return [status, definitions, replace(batch, columns=columns), running]


def told(link: Link) -> list[Answer]:
    """What the process that holds the journal would answer to all that was asked."""
    answers: list[Answer] = []
    for query in link.queries:
        is_sum = query.span_id in (SUM, SUM_FAILED)
        if query.asked is Asked.SPAN:
            links = (
                [SpanLink(READ_A, f"('read-{HASH}', 0)"), SpanLink(READ_B, "")] if is_sum else []
            )
            links += [SpanLink(SUM, "")] if query.span_id >= AGG else []
            error = {
                conventions.EXCEPTION_TYPE: "ValueError",
                conventions.EXCEPTION_MESSAGE: "<b>no</b>",
                conventions.EXCEPTION_STACKTRACE: "Traceback\n  line 1\nValueError: <b>no</b>",
            }
            events = (SpanEvent(conventions.EVENT_EXCEPTION, 1, error),)
            answers.append(
                SpanDetails(
                    query.number,
                    trace_id=TRACE.hex(),
                    attributes={
                        conventions.TASK_PRIORITY: [0.0, 8.0, 318.0],
                        conventions.TASK_DEPENDENCY_COUNT: 3 if is_sum else 1,
                        "my.attribute": ["<i>a</i>", 2],
                        "my.empty": [],
                    },
                    events=events if query.span_id == SUM_FAILED else (),
                    links=tuple(links),
                )
            )
        else:
            aggs = [
                Dependent(AGG + n, 0, "agg", f"('agg-{HASH}', {n})", "", 0, 1)
                for n in range(N_AGGS)
                if query.span_id == SUM
            ]
            answers.append(Dependents(query.number, tuple(aggs), 1.0, 3, is_over=True))
    link.queries.clear()
    return answers


def ticked(run: Run, n: int = 12, link: Link | None = None) -> None:
    """Some ticks, in which all that was asked is answered if there is a `link`."""
    for _ in range(n):
        if link is not None:
            link.messages = [*link.messages, *told(link)]
        run.tick(NOW)
        run.window.details._body.layout()
    run.choosing._panel_pace.hurry()
    run.tick(NOW)
    assert run.error is None


def spot(run: Run, key: str) -> QPoint:
    """A point inside the bar of a key, in the task stream."""
    frame = run.frame
    assert frame is not None
    bars, snapshot = frame.bars, run.snapshot
    for i in range(len(bars)):
        if bars.chunk[i] < 0:
            found = "fit-99"
        else:
            found = snapshot.chunks[int(bars.chunk[i])].keys[int(bars.index[i])]
        if found == key:
            top = int(frame.layout.row_px[0, bars.row[i]]) - frame.scroll_px
            return QPoint(GUTTER_PX + int(bars.x0_px[i] + bars.x1_px[i]) // 2, top + 6)
    raise AssertionError(key)


def click(widget: QWidget, point: QPoint) -> None:
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton, pos=point)


def choose(run: Run, key: str, link: Link | None = None) -> DetailsFrame:
    click(run.window.timeline.stream, spot(run, key))
    ticked(run, link=link)
    return shown(run)


def shown(run: Run) -> DetailsFrame:
    frame = run.window.details.frame_shown
    assert frame is not None
    return frame


def listed(run: Run, title: str) -> Listing:
    return next(one for one in shown(run).listings if one.title == title)


def press_row(run: Run, title: str, row: int) -> None:
    section = run.window.details.listings[title]
    click(section, QPoint(60, section.content_top_px + row * 19 + 8))


SUM_KEY = f"('sum-{HASH}', 4)"
