"""Spans of OTLP as columns.

A request is walked twice: `span_scan` reads what is laid out alike, many spans at a time, straight
from the bytes; what it leaves is read here, span by span. Both give the same columns.

A span that names a worker (`dask.worker.address`) belongs to that worker, whoever sent it: the
scheduler reports what a worker can no longer report. The names of links are not read.

A span without a valid id (16 and 8 bytes, not all zero) is rejected: it could be neither told from
others nor linked. A span that ends before it starts ends when it starts; one with no start begins
at its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from dask_otel import conventions
from daskscope.ingest.values import attributes_of, integer_of, number_of, text_of
from daskscope.store.schema import (
    MAX_TIME_NS,
    SPAN_COLUMNS,
    Array,
    Attributes,
    Kind,
    Outcome,
    SpanBatch,
    Status,
    TextColumn,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from daskscope.ingest.definitions import Tables

#: Of one error's text in the columns; the whole text stays in the recording.
MAX_ERROR_CHARACTERS: Final = 2_000
_KINDS: Final = {
    conventions.ACTION_COMPUTE: Kind.COMPUTE,
    conventions.ACTION_TRANSFER: Kind.TRANSFER,
    conventions.ACTION_DISK_READ: Kind.DISK_READ,
    conventions.ACTION_DISK_WRITE: Kind.DISK_WRITE,
    conventions.ACTION_DESERIALIZE: Kind.DESERIALIZE,
    conventions.ACTION_GRAPH: Kind.GRAPH,
    conventions.ACTION_SEND: Kind.SEND,
    conventions.ACTION_CLIENT: Kind.CLIENT,
}
_OUTCOMES: Final = {
    conventions.OUTCOME_FINISHED: Outcome.FINISHED,
    conventions.OUTCOME_FAILED: Outcome.FAILED,
    conventions.OUTCOME_CANCELLED: Outcome.CANCELLED,
    conventions.OUTCOME_RESCHEDULED: Outcome.RESCHEDULED,
    conventions.OUTCOME_LOST: Outcome.LOST,
}
#: Sizes, the first that a span says counts.
NBYTES: Final = (conventions.TASK_NBYTES, conventions.TRANSFER_BYTES, conventions.DISK_BYTES)
#: Longest wait that is told from longer ones.
MAX_WAIT_S: Final = 65_504.0
#: What is decoded of a span besides its key, in the order of a row.
ROW_COLUMNS: Final = tuple(name for name in SPAN_COLUMNS if name != "request")


@dataclass(frozen=True, slots=True)
class SpanRows:
    """Some spans: columns without `request`, and the keys."""

    columns: dict[str, Array]
    keys: TextColumn

    def __len__(self) -> int:
        return len(self.keys)


def kind_of(action: object) -> Kind:
    """The kind that the attribute `dask.action` says."""
    return _KINDS.get(action, Kind.OTHER) if isinstance(action, str) else Kind.OTHER


class _ByUtf8(dict[bytes, int]):
    """Members of an enumeration by the UTF-8 bytes of what an attribute says."""

    def __init__(self, members: Mapping[str, int], default: int) -> None:
        super().__init__({text.encode(): member for text, member in members.items()})
        self._default = default

    def __missing__(self, key: bytes) -> int:
        return self._default


KINDS_BY_UTF8: Final = _ByUtf8(_KINDS, Kind.OTHER)
OUTCOMES_BY_UTF8: Final = _ByUtf8(_OUTCOMES, Outcome.NONE)


def is_identified(span: Span) -> bool:
    """The ids have their length and are not all zero."""
    return (
        len(span.trace_id) == 16
        and len(span.span_id) == 8
        and any(span.trace_id)
        and any(span.span_id)
    )


def rows_of(spans: Iterable[Span], resources: Iterable[int], tables: Tables) -> SpanRows:
    """Columns of `spans`, each of them identified and sent by the resource of the same place."""
    rows = []
    keys = []
    for span, resource in zip(spans, resources, strict=True):
        attributes = attributes_of(span.attributes)
        rows.append(_row(span, attributes, resource, tables))
        key = attributes.get(conventions.TASK_KEY)
        keys.append("" if key is None else text_of(key))
    by_column: Sequence[Sequence[float]] = list(zip(*rows, strict=True)) or [()] * len(ROW_COLUMNS)
    columns: dict[str, Array] = {
        name: np.array(values, SPAN_COLUMNS[name])
        for name, values in zip(ROW_COLUMNS, by_column, strict=True)
    }
    return SpanRows(columns, TextColumn.of(keys))


def _row(span: Span, attributes: Attributes, resource: int, tables: Tables) -> tuple[float, ...]:
    strings = tables.strings
    start_ns = min(span.start_time_unix_nano, MAX_TIME_NS)
    end_ns = min(span.end_time_unix_nano, MAX_TIME_NS)
    start_ns = start_ns or end_ns
    status = span.status.code if 0 <= span.status.code <= 2 else Status.UNSET
    sizes = (attributes.get(name) for name in NBYTES)
    nbytes = next((size for size in sizes if size not in (None, -1)), None)
    parent = span.parent_span_id if len(span.parent_span_id) == 8 else b""
    run_id = integer_of(attributes.get(conventions.TASK_RUN_ID), -1)
    return (
        start_ns,
        max(start_ns, end_ns),
        tables.traces[span.trace_id],
        int.from_bytes(span.span_id, "big"),
        int.from_bytes(parent, "big"),
        _resource(attributes, resource, tables),
        integer_of(attributes.get(conventions.THREAD_ID), 0),
        strings[span.name],
        kind_of(attributes.get(conventions.ACTION)),
        status,
        integer_of(nbytes, -1),
        _string(attributes, conventions.TRANSFER_PEER, strings),
        _string(attributes, conventions.TASK_TYPE, strings),
        strings[_error(span, attributes)] if status == Status.ERROR else 0,
        run_id if -(2**31) <= run_id < 2**31 else -1,
        _outcome(attributes),
        _wait_s(attributes, conventions.TASK_WAIT_DEPENDENCIES),
        _wait_s(attributes, conventions.TASK_WAIT_READY),
    )


def _resource(attributes: Attributes, resource: int, tables: Tables) -> int:
    """The worker that a span names, else who sent it."""
    address = attributes.get(conventions.WORKER_ADDRESS)
    if not isinstance(address, str) or not address:
        return resource
    return tables.worker(address, resource)


def _outcome(attributes: Attributes) -> Outcome:
    said = attributes.get(conventions.TASK_OUTCOME)
    outcome = _OUTCOMES.get(said, Outcome.NONE) if isinstance(said, str) else Outcome.NONE
    if outcome is Outcome.LOST and attributes.get(conventions.TASK_EXECUTING) is False:
        return Outcome.LOST_WAITING
    return outcome


def _wait_s(attributes: Attributes, name: str) -> float:
    value_s = number_of(attributes.get(name))
    return min(max(value_s, 0.0), MAX_WAIT_S) if value_s == value_s else value_s


def _string(attributes: Attributes, name: str, strings: dict[str, int]) -> int:
    value = attributes.get(name)
    return 0 if value is None else strings[text_of(value)]


def _error(span: Span, attributes: Attributes) -> str:
    """`type: message` of a failed span, as far as it is known."""
    kind = text_of(attributes.get(conventions.ERROR_TYPE, ""))
    message = ""
    for event in reversed(span.events):
        if event.name == conventions.EVENT_EXCEPTION:
            found = attributes_of(event.attributes)
            kind = kind or text_of(found.get(conventions.EXCEPTION_TYPE, ""))
            message = text_of(found.get(conventions.EXCEPTION_MESSAGE, ""))
            break
    message = message or span.status.message
    text = f"{kind}: {message}" if kind and message else kind or message
    return text[:MAX_ERROR_CHARACTERS]


def texts_of(blobs: Sequence[bytes]) -> TextColumn:
    """A column of texts that are UTF-8 already."""
    ends = np.cumsum([len(blob) for blob in blobs], dtype=np.uint32)
    return TextColumn(np.frombuffer(b"".join(blobs), np.uint8), ends)


def taken(batch: SpanBatch, is_taken: npt.NDArray[np.bool_]) -> SpanBatch:
    """The rows of `batch` that are marked."""
    if is_taken.all():
        return batch
    columns = {name: column[is_taken] for name, column in batch.columns.items()}
    return SpanBatch(columns, taken_texts(batch.keys, is_taken))


def taken_texts(texts: TextColumn, is_taken: npt.NDArray[np.bool_]) -> TextColumn:
    """The texts that are marked."""
    lengths = np.diff(texts.ends, prepend=np.uint32(0))
    data = texts.data[np.repeat(is_taken, lengths)]
    return TextColumn(data, np.cumsum(lengths[is_taken], dtype=np.uint32))
