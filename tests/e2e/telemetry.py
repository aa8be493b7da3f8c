"""What a file or a program holds, in one form: to compare a recording with anything else.

Read in two ways that share no code: OTLP/JSON objects as they stand, and the messages that the
window gets for a recording.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from dask_otel import conventions
from daskscope.ingest import codec
from daskscope.ingest.recording import open_recording
from daskscope.store.schema import (
    Attributes,
    Definitions,
    EventBatch,
    Kind,
    PointBatch,
    RunningWords,
    Series,
    SpanBatch,
    Status,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from daskscope.store.schema import Message, TextColumn

ACTIONS = {
    Kind.COMPUTE: conventions.ACTION_COMPUTE,
    Kind.TRANSFER: conventions.ACTION_TRANSFER,
    Kind.SEND: conventions.ACTION_SEND,
    Kind.DISK_READ: conventions.ACTION_DISK_READ,
    Kind.DISK_WRITE: conventions.ACTION_DISK_WRITE,
    Kind.DESERIALIZE: conventions.ACTION_DESERIALIZE,
    Kind.GRAPH: conventions.ACTION_GRAPH,
    Kind.CLIENT: conventions.ACTION_CLIENT,
}


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """One span; ids in hex, no parent is "", absent texts are ""."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    action: str
    start_ns: int
    end_ns: int
    is_error: bool
    key: str
    run_id: int
    thread: int
    worker: str
    peer: str


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """One metric point; the attributes are JSON."""

    instance: str
    name: str
    unit: str
    attributes: str
    time_ns: int
    value: float


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """One log record; of running attempts `detail` is their run ids, else the attributes."""

    instance: str
    name: str
    time_ns: int
    body: str
    detail: str


# OTLP/JSON --------------------------------------------------------------------------------------


def plain(value: dict[str, Any]) -> Any:
    """An attribute's value as Python writes it."""
    ((kind, held),) = value.items()
    if kind == "arrayValue":
        return [plain(item) for item in held.get("values", [])]
    return int(held) if kind == "intValue" else held


def attributes_of(item: dict[str, Any]) -> dict[str, Any]:
    return {pair["key"]: plain(pair["value"]) for pair in item.get("attributes", [])}


def _scoped(objects: Iterable[dict[str, Any]], signal: str, items: str) -> Iterator[Any]:
    """Each item with the attributes of its resource."""
    for request in objects:
        for group in request.get(f"resource{signal}", []):
            resource = attributes_of(group["resource"])
            for scope in group[f"scope{signal}"]:
                for item in scope[items]:
                    yield resource, item


def spans_of(objects: Iterable[dict[str, Any]]) -> list[Span]:
    """Spans of OTLP/JSON objects, sorted."""
    found = []
    for resource, span in _scoped(objects, "Spans", "spans"):
        has = attributes_of(span)
        found.append(
            Span(
                trace_id=span["traceId"],
                span_id=span["spanId"],
                parent_id=span.get("parentSpanId", ""),
                name=span["name"],
                action=has.get(conventions.ACTION, ""),
                start_ns=int(span["startTimeUnixNano"]),
                end_ns=int(span["endTimeUnixNano"]),
                is_error=span.get("status", {}).get("code", 0) == int(Status.ERROR),
                key=has.get(conventions.TASK_KEY, ""),
                run_id=has.get(conventions.TASK_RUN_ID, -1),
                thread=has.get(conventions.THREAD_ID, 0),
                worker=resource.get(conventions.WORKER_ADDRESS, ""),
                peer=has.get(conventions.TRANSFER_PEER, ""),
            )
        )
    return sorted(found)


def points_of(objects: Iterable[dict[str, Any]]) -> list[Point]:
    """Points of OTLP/JSON objects, sorted."""
    return sorted(
        Point(
            instance=resource[conventions.SERVICE_INSTANCE_ID],
            name=metric["name"],
            unit=metric["unit"],
            attributes=_text(attributes_of(point)),
            time_ns=int(point["timeUnixNano"]),
            value=float(point["asDouble"] if "asDouble" in point else point["asInt"]),
        )
        for resource, metric in _scoped(objects, "Metrics", "metrics")
        for point in (metric.get("gauge") or metric.get("sum"))["dataPoints"]
    )


def lasting(events: Iterable[Event]) -> list[Event]:
    """Events, sorted; of what a worker ran its last word, which is all that a chunk keeps."""
    words: dict[str, Event] = {}
    others = []
    for event in sorted(events):
        if event.name == conventions.EVENT_RUNNING:
            words[event.instance] = event
        else:
            others.append(event)
    return sorted([*others, *words.values()])


def events_of(objects: Iterable[dict[str, Any]]) -> list[Event]:
    """Log records of OTLP/JSON objects that last, sorted."""
    found = []
    for resource, record in _scoped(objects, "Logs", "logRecords"):
        has = attributes_of(record)
        name = record.get("eventName", "")
        is_running = name == conventions.EVENT_RUNNING
        found.append(
            Event(
                instance=resource[conventions.SERVICE_INSTANCE_ID],
                name=name,
                time_ns=int(record["timeUnixNano"]),
                body="" if is_running else plain(record["body"]),
                detail=_text(has[conventions.RUNNING_RUN_IDS] if is_running else has),
            )
        )
    return lasting(found)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


# Messages ---------------------------------------------------------------------------------------


class Recorded:
    """A recording as the window gets it: its messages, applied to nothing but lists.

    Attributes
    ----------
    spans, points, events
        In order of arrival.
    """

    def __init__(self, path: Path) -> None:
        self._strings: list[str] = []
        self._resources: list[Attributes] = []
        self._traces: list[bytes] = []
        self._series: list[Series] = []
        self.spans: list[Span] = []
        self.points: list[Point] = []
        self.events: list[Event] = []
        for frames in open_recording(path).frames():
            for frame in frames:
                self._apply(codec.decode(frame))

    def _apply(self, message: Message) -> None:
        if isinstance(message, Definitions):
            self._strings += message.strings
            self._resources += message.resources
            self._traces += message.traces
            self._series += message.series
        elif isinstance(message, SpanBatch):
            self.spans += [self._span(row, key) for row, key in _rows(message, message.keys)]
        elif isinstance(message, PointBatch):
            self.points += [self._point(row) for (row,) in _rows(message)]
        elif isinstance(message, EventBatch):
            self.events += [
                self._event(row, body, detail)
                for row, body, detail in _rows(message, message.bodies, message.attributes)
            ]
        elif isinstance(message, RunningWords):
            self.events += self._running(message)

    def _of(self, resource: int, name: str) -> str:
        return str(self._resources[resource].get(name, ""))

    def _span(self, row: dict[str, int], key: str) -> Span:
        return Span(
            trace_id=self._traces[row["trace"]].hex(),
            span_id=f"{row['span_id']:016x}",
            parent_id=f"{row['parent_id']:016x}" if row["parent_id"] else "",
            name=self._strings[row["name"]],
            action=ACTIONS[Kind(row["kind"])],
            start_ns=row["start_ns"],
            end_ns=row["end_ns"],
            is_error=row["status"] == Status.ERROR,
            key=key,
            run_id=row["run_id"],
            thread=row["thread"],
            worker=self._of(row["resource"], conventions.WORKER_ADDRESS),
            peer=self._strings[row["peer"]],
        )

    def _point(self, row: dict[str, int]) -> Point:
        series = self._series[row["series"]]
        return Point(
            instance=self._of(series.resource, conventions.SERVICE_INSTANCE_ID),
            name=series.name,
            unit=series.unit,
            attributes=_text(dict(series.attributes)),
            time_ns=row["time_ns"],
            value=float(row["value"]),
        )

    def _event(self, row: dict[str, int], body: str, detail: str) -> Event:
        return Event(
            instance=self._of(row["resource"], conventions.SERVICE_INSTANCE_ID),
            name=self._strings[row["name"]],
            time_ns=row["time_ns"],
            body=body,
            detail=_text(json.loads(detail)),
        )

    def _running(self, message: RunningWords) -> Iterator[Event]:
        words = {name: column.tolist() for name, column in message.words.items()}
        run_ids = iter(message.columns["run_id"].tolist())
        for resource, time_ns, n in zip(
            words["resource"], words["time_ns"], words["n"], strict=True
        ):
            yield Event(
                instance=self._of(resource, conventions.SERVICE_INSTANCE_ID),
                name=conventions.EVENT_RUNNING,
                time_ns=time_ns,
                body="",
                detail=_text(list(islice(run_ids, n))),
            )


def _rows(message: Any, *texts: TextColumn) -> Iterator[Any]:
    """Each row as a dict of Python numbers, with its texts."""
    columns = {name: column.tolist() for name, column in message.columns.items()}
    for i in range(len(message)):
        yield {name: column[i] for name, column in columns.items()}, *(text[i] for text in texts)
