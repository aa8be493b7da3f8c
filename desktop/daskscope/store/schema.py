"""The messages between a source of data and the store: plain columns, dense ids, no behaviour.

A *source* (the receiver process, or the reader of a recording) sends messages over the link; the
store applies them in order. Texts, resources, traces and metric series are defined once and then
named by dense ids, in the order of their definition. Id 0 of the strings is the empty string.

Times are int64 nanoseconds since the epoch. Columns of one batch have equal length. Whoever hands
a batch over gives it up: arrays are never written again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

AttributeValue: TypeAlias = (
    "str | bool | int | float | list[AttributeValue] | dict[str, AttributeValue] | None"
)
Attributes: TypeAlias = Mapping[str, AttributeValue]
Array: TypeAlias = npt.NDArray[np.generic]


#: Later times are taken for this one, in the year 2116, and none is before the epoch: so any two
#: have a difference, and some room around them, in 64 bits.
MAX_TIME_NS: Final = 2**62 - 1
#: How Dask calls a scheduler, and so a cluster, by itself; it tells nobody anything.
SCHEDULER_ID: Final = re.compile(r"Scheduler-[0-9a-f-]{36}")


class Kind(IntEnum):
    """What a span is: one of Dask's actions or of ours, or a span that is not Dask's."""

    COMPUTE = 0
    TRANSFER = 1
    DISK_READ = 2
    DISK_WRITE = 3
    DESERIALIZE = 4
    GRAPH = 5
    OTHER = 6
    #: The sending end of a transfer.
    SEND = 7
    #: A call of a client.
    CLIENT = 8


#: Kinds that are drawn in a lane's sub-lane; they follow each other.
SUB_KINDS: Final = (Kind.TRANSFER, Kind.DISK_READ, Kind.DISK_WRITE, Kind.DESERIALIZE)


class Status(IntEnum):
    """Status of a span, as OTLP numbers it."""

    UNSET = 0
    OK = 1
    ERROR = 2


class Outcome(IntEnum):
    """How an attempt ended; what is no attempt has none."""

    NONE = 0
    FINISHED = 1
    FAILED = 2
    CANCELLED = 3
    RESCHEDULED = 4
    LOST = 5
    #: Lost with its worker, which had not said that it runs: it may never have begun.
    LOST_WAITING = 6


#: Columns of `SpanBatch`, each with its dtype. Widths are chosen for <= 100 bytes a span in the
#: window. `request` is the journal's number of the OTLP request and never falls within a batch.
SPAN_COLUMNS: Final[Mapping[str, np.dtype[np.generic]]] = {
    "request": np.dtype("u4"),
    "start_ns": np.dtype("i8"),
    "end_ns": np.dtype("i8"),
    "trace": np.dtype("u4"),  # id of the trace
    "span_id": np.dtype("u8"),  # big-endian value of the 8 bytes on the wire
    "parent_id": np.dtype("u8"),  # 0: no parent
    "resource": np.dtype("u4"),  # id of the resource; of a worker's attempt always the worker's
    "thread": np.dtype("i8"),  # thread.id; 0: unknown
    "name": np.dtype("u4"),  # string: task prefix, else the span's name
    "kind": np.dtype("u1"),  # Kind
    "status": np.dtype("u1"),  # Status
    "nbytes": np.dtype("i8"),  # of the result, or moved by a transfer or a disk; -1: unknown
    "peer": np.dtype("u4"),  # string: address of the other end of a transfer
    # String: Python type of the result; of a transfer the prefix of the task that waited for it.
    "type": np.dtype("u4"),
    "error": np.dtype("u4"),  # string: "ErrorType: message"
    "run_id": np.dtype("i4"),  # -1: none
    "outcome": np.dtype("u1"),  # Outcome
    # Seconds until its data were there, and from there until it got a thread; NaN: unknown. Half
    # precision gives the three digits that are shown.
    "wait_data_s": np.dtype("f2"),
    "wait_thread_s": np.dtype("f2"),
}

POINT_COLUMNS: Final[Mapping[str, np.dtype[np.generic]]] = {
    "request": np.dtype("u4"),
    "series": np.dtype("u4"),
    "time_ns": np.dtype("i8"),
    "value": np.dtype("f8"),
}

EVENT_COLUMNS: Final[Mapping[str, np.dtype[np.generic]]] = {
    "request": np.dtype("u4"),
    "time_ns": np.dtype("i8"),
    "resource": np.dtype("u4"),
    "name": np.dtype("u4"),  # string: event name, "" for a plain log record
    "severity": np.dtype("u1"),  # OTLP severity number
}

#: Columns of the words of `RunningWords`.
WORD_COLUMNS: Final[Mapping[str, np.dtype[np.generic]]] = {
    "request": np.dtype("u4"),
    "time_ns": np.dtype("i8"),
    "resource": np.dtype("u4"),
    "n": np.dtype("u4"),  # attempts that its worker was running
}

RUNNING_COLUMNS: Final[Mapping[str, np.dtype[np.generic]]] = {
    "start_ns": np.dtype("i8"),
    "name": np.dtype("u4"),  # string: task prefix
    "run_id": np.dtype("i4"),
    "thread": np.dtype("i8"),
}


@dataclass(frozen=True, slots=True)
class TextColumn:
    """Texts of one column, mostly distinct: one UTF-8 blob and where each text ends.

    Attributes
    ----------
    data
        uint8, all texts one after the other.
    ends
        uint32, shape (n,): text `i` is `data[ends[i - 1]:ends[i]]`.
    """

    data: npt.NDArray[np.uint8]
    ends: npt.NDArray[np.uint32]

    @classmethod
    def of(cls, texts: Iterable[str]) -> TextColumn:
        """Column of `texts`; lone surrogates are replaced, so any text can be stored."""
        blobs = [text.encode("utf-8", "replace") for text in texts]
        ends = np.cumsum([len(blob) for blob in blobs], dtype=np.uint32)
        return cls(np.frombuffer(b"".join(blobs), np.uint8), ends)

    @classmethod
    def joined(cls, columns: Sequence[TextColumn]) -> TextColumn:
        """One column of several, in their order."""
        bases = np.cumsum([0, *(len(column.data) for column in columns[:-1])], dtype=np.uint32)
        ends = [column.ends + base for column, base in zip(columns, bases, strict=True)]
        return cls(np.concatenate([column.data for column in columns]), np.concatenate(ends))

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, index: int) -> str:
        start = int(self.ends[index - 1]) if index else 0
        return self.data[start : int(self.ends[index])].tobytes().decode("utf-8", "replace")

    def rows(self, start: int, stop: int) -> TextColumn:
        """The texts `start` up to `stop`, as a column of its own that shares memory."""
        base = int(self.ends[start - 1]) if start else 0
        end = int(self.ends[stop - 1]) if stop else 0
        return TextColumn(self.data[base:end], self.ends[start:stop] - np.uint32(base))


@dataclass(frozen=True, slots=True)
class Series:
    """One metric time series.

    Attributes
    ----------
    resource
        Id of the resource it came from.
    is_cumulative
        A monotonic sum: the value grows, rates are its differences.
    attributes
        Attributes of its points.
    """

    name: str
    unit: str
    resource: int
    is_cumulative: bool
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Definitions:
    """New entries of some of the four tables; `*_base` is the id of the first of each.

    Where a table has no new entries its base says nothing.

    Attributes
    ----------
    resources
        Attributes of each new resource.
    traces
        16 bytes each.
    """

    strings_base: int = 0
    strings: tuple[str, ...] = ()
    resources_base: int = 0
    resources: tuple[Attributes, ...] = ()
    traces_base: int = 0
    traces: tuple[bytes, ...] = ()
    series_base: int = 0
    series: tuple[Series, ...] = ()


@dataclass(frozen=True, slots=True)
class SpanBatch:
    """Finished spans, in order of arrival.

    Attributes
    ----------
    columns
        One array for each of `SPAN_COLUMNS`.
    keys
        Task key of each span, "" where it has none.
    """

    columns: Mapping[str, Array]
    keys: TextColumn

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, slots=True)
class PointBatch:
    """Metric points: one array for each of `POINT_COLUMNS`."""

    columns: Mapping[str, Array]

    def __len__(self) -> int:
        return len(self.columns["series"])


@dataclass(frozen=True, slots=True)
class EventBatch:
    """Log records that are events or plain logs.

    Attributes
    ----------
    columns
        One array for each of `EVENT_COLUMNS`.
    bodies
        The readable body.
    attributes
        JSON object of each record's attributes.
    """

    columns: Mapping[str, Array]
    bodies: TextColumn
    attributes: TextColumn

    def __len__(self) -> int:
        return len(self.bodies)


@dataclass(frozen=True, slots=True)
class RunningWords:
    """What some workers were running; a word tells all of one, and replaces what it said before.

    Attributes
    ----------
    words
        One array for each of `WORD_COLUMNS`, in order of arrival.
    columns
        One array for each of `RUNNING_COLUMNS`: attempts of all words, one word after the other.
    keys
        Task key of each attempt.
    """

    words: Mapping[str, Array]
    columns: Mapping[str, Array]
    keys: TextColumn

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """How the source is doing; sent a few times a second while it changes, and last of a recording.

    Attributes
    ----------
    is_live
        A receiver; otherwise a recording that is being read.
    http, grpc
        Addresses `host:port` on which OTLP is received.
    requests, spans, points, events
        Accepted so far (by a recording: read so far).
    rejected
        Spans, points and log records refused, malformed requests counted as one.
    duplicates
        Spans that came again and were left out.
    last_request_ns
        When the last request was accepted, 0 for never.
    journal_bytes
        Size of the recording on disk.
    progress
        Share of a recording that has been read, 1.0 when there is nothing more to come.
    problem
        What keeps it from accepting (a full disk), in one line; "" when nothing does.
    ends_ns
        When a recording ends, known before it is read to there; 0 where that is not known.
    is_stopped
        The window has asked for no more of the recording; nothing more will come.
    part
        Which part of a recording is read, as `0:10 to 1:30` since its start; "" for all of it.
    """

    is_live: bool
    http: tuple[str, ...] = ()
    grpc: tuple[str, ...] = ()
    requests: int = 0
    spans: int = 0
    points: int = 0
    events: int = 0
    rejected: int = 0
    duplicates: int = 0
    last_request_ns: int = 0
    journal_bytes: int = 0
    journal_path: str = ""
    progress: float = 1.0
    problem: str = ""
    ends_ns: int = 0
    is_stopped: bool = False
    part: str = ""

    @property
    def is_over(self) -> bool:
        """A recording of which nothing more will come."""
        return not self.is_live and (self.progress >= 1.0 or self.is_stopped or bool(self.problem))


Message: TypeAlias = Definitions | SpanBatch | PointBatch | EventBatch | RunningWords | SourceStatus


def rows_of(
    batch: SpanBatch | PointBatch | EventBatch, start: int, stop: int
) -> SpanBatch | PointBatch | EventBatch:
    """The rows `start` up to `stop` of a batch; they share its memory."""
    columns: dict[str, Array] = {name: col[start:stop] for name, col in batch.columns.items()}
    if isinstance(batch, SpanBatch):
        return SpanBatch(columns, batch.keys.rows(start, stop))
    if isinstance(batch, PointBatch):
        return PointBatch(columns)
    bodies, attributes = batch.bodies.rows(start, stop), batch.attributes.rows(start, stop)
    return EventBatch(columns, bodies, attributes)


def words_of(message: RunningWords, start: int, stop: int) -> RunningWords:
    """The words `start` up to `stop` of a message; they share its memory."""
    n_each = message.words["n"].view(np.uint32)
    first, end = int(n_each[:start].sum()), int(n_each[:stop].sum())
    return RunningWords(
        {name: column[start:stop] for name, column in message.words.items()},
        {name: column[first:end] for name, column in message.columns.items()},
        message.keys.rows(first, end),
    )
