"""Log records of OTLP: events, plain logs, and what is running now.

A record named `dask.worker.running` replaces what was known of its worker's running attempts. All
others are kept as events, with their attributes as a JSON object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import orjson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from dask_otel import conventions
from daskscope.ingest.spans import taken_texts
from daskscope.ingest.values import attributes_of, integer_of, text_of, value_of
from daskscope.store.schema import (
    EVENT_COLUMNS,
    MAX_TIME_NS,
    RUNNING_COLUMNS,
    WORD_COLUMNS,
    Attributes,
    AttributeValue,
    EventBatch,
    RunningWords,
    TextColumn,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

    from daskscope.ingest.definitions import Tables

T = TypeVar("T")

#: Attribute that named events before `LogRecord.event_name` was there.
EVENT_NAME_ATTRIBUTE: Final = "event.name"
_MAX_SEVERITY: Final = 24


class Event(NamedTuple):
    """One row of `EVENT_COLUMNS` without the request, and the two texts."""

    time_ns: int
    resource: int
    name: int
    severity: int
    body: str
    attributes: str


class Word(NamedTuple):
    """What one worker was running: its `RUNNING_COLUMNS` as lists, and the keys."""

    time_ns: int
    resource: int
    columns: Mapping[str, list[int]]
    keys: list[str]


def read(data: bytes, received_ns: int, tables: Tables) -> tuple[list[Event], list[Word]]:
    """Events and running attempts of one request."""
    request = ExportLogsServiceRequest.FromString(data)
    events: list[Event] = []
    running: list[Word] = []
    for group in request.resource_logs:
        resource = tables.resource_of(group.resource.SerializeToString())
        for scope in group.scope_logs:
            for record in scope.log_records:
                attributes = dict(attributes_of(record.attributes))
                named = attributes.pop(EVENT_NAME_ATTRIBUTE, "")
                name = record.event_name or text_of(named)
                time_ns = _time_ns(record, received_ns)
                if name == conventions.EVENT_RUNNING:
                    running.append(_running(attributes, time_ns, resource, tables))
                else:
                    events.append(_event(record, name, time_ns, resource, attributes, tables))
    return events, running


def _time_ns(record: LogRecord, received_ns: int) -> int:
    time_ns = record.time_unix_nano or record.observed_time_unix_nano or received_ns
    return min(time_ns, MAX_TIME_NS)


def _event(
    record: LogRecord,
    name: str,
    time_ns: int,
    resource: int,
    attributes: Attributes,
    tables: Tables,
) -> Event:
    body = value_of(record.body)
    return Event(
        time_ns,
        resource,
        tables.strings[name],
        min(max(record.severity_number, 0), _MAX_SEVERITY),
        "" if body is None else text_of(body),
        orjson.dumps(attributes).decode(),
    )


def _running(attributes: Attributes, time_ns: int, resource: int, tables: Tables) -> Word:
    keys = _texts(attributes.get(conventions.RUNNING_KEYS))
    n = len(keys)
    prefixes = _texts(attributes.get(conventions.RUNNING_PREFIXES))
    columns = {
        "start_ns": [
            start_ns if 0 < start_ns <= MAX_TIME_NS else time_ns
            for start_ns in _integers(attributes.get(conventions.RUNNING_STARTS), n, time_ns)
        ],
        "name": [tables.strings[text] for text in _padded(prefixes, n, "")],
        "run_id": _integers(attributes.get(conventions.RUNNING_RUN_IDS), n, -1),
        "thread": _integers(attributes.get(conventions.RUNNING_THREADS), n, 0),
    }
    columns["run_id"] = [run if -(2**31) <= run < 2**31 else -1 for run in columns["run_id"]]
    return Word(time_ns, resource, columns, keys)


def _texts(value: AttributeValue) -> list[str]:
    return [text_of(item) for item in value] if isinstance(value, list) else []


def _integers(value: AttributeValue, n: int, default: int) -> list[int]:
    items = value if isinstance(value, list) else []
    return _padded([integer_of(item, default) for item in items], n, default)


def _padded(items: Sequence[T], n: int, default: T) -> list[T]:
    return [*items[:n], *[default] * (n - len(items))]


def batch_of(parts: Iterable[tuple[int, list[Event]]]) -> EventBatch:
    """One batch of parts `(request, events)`, in their order."""
    rows = [(request, *event) for request, events in parts for event in events]
    *by_column, bodies, attributes = zip(*rows, strict=True)
    columns = {
        name: np.array(values, dtype)
        for (name, dtype), values in zip(EVENT_COLUMNS.items(), by_column, strict=True)
    }
    return EventBatch(columns, TextColumn.of(bodies), TextColumn.of(attributes))


def words_of(parts: Iterable[tuple[int, list[Word]]]) -> RunningWords:
    """One message of parts `(request, words)`, in their order."""
    said = [(request, word) for request, words in parts for word in words]
    values = {
        "request": [request for request, _ in said],
        "time_ns": [word.time_ns for _, word in said],
        "resource": [word.resource for _, word in said],
        "n": [len(word.keys) for _, word in said],
    }
    return RunningWords(
        {name: np.array(values[name], dtype) for name, dtype in WORD_COLUMNS.items()},
        {
            name: np.array([value for _, word in said for value in word.columns[name]], dtype)
            for name, dtype in RUNNING_COLUMNS.items()
        },
        TextColumn.of(key for _, word in said for key in word.keys),
    )


def taken_words(words: RunningWords, is_taken: npt.NDArray[np.bool_]) -> RunningWords:
    """The words that are marked."""
    is_theirs = np.repeat(is_taken, words.words["n"].view(np.uint32))
    return RunningWords(
        {name: column[is_taken] for name, column in words.words.items()},
        {name: column[is_theirs] for name, column in words.columns.items()},
        taken_texts(words.keys, is_theirs),
    )
