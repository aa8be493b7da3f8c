"""Requests to messages for the store: the pure middle of the receiver and of the file reader.

Nothing of a group counts until `accept`: when its journal entry cannot be written, its spans are
not remembered, so that the sender's second try is not taken for a duplicate.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from daskscope.ingest import points, records, spans
from daskscope.ingest.dedup import Keys, Seen, span_keys, trace_hashes
from daskscope.ingest.definitions import Mark, Tables
from daskscope.ingest.envelope import Signal
from daskscope.ingest.span_scan import read_spans
from daskscope.ingest.waiters import Waiters
from daskscope.store.schema import (
    Definitions,
    EventBatch,
    Kind,
    Outcome,
    PointBatch,
    RunningWords,
    SpanBatch,
    Status,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daskscope.ingest.otlp import Parsed
    from daskscope.store.schema import Message


@dataclass(frozen=True, slots=True)
class Numbered:
    """A parsed request with the journal's number and the time it came."""

    number: int
    received_ns: int
    parsed: Parsed


@dataclass(frozen=True, slots=True)
class Group:
    """What some requests that came one after the other say.

    Attributes
    ----------
    last_request
        Number of the last request.
    mark
        The definitions that the batches need.
    rejected
        Spans refused, by number of the request.
    keys
        What to remember of the spans.
    n_bytes
        Length of the requests.
    """

    last_request: int
    mark: Mark
    spans: SpanBatch | None = None
    points: PointBatch | None = None
    events: EventBatch | None = None
    running: RunningWords | None = None
    rejected: dict[int, int] = field(default_factory=dict)
    n_duplicates: int = 0
    keys: Keys = field(default_factory=lambda: np.empty(0, np.uint64))
    n_bytes: int = 0

    @property
    def batches(self) -> tuple[RunningWords | SpanBatch | PointBatch | EventBatch, ...]:
        """The messages, what runs first: it may end in the spans."""
        found = (self.running, self.spans, self.points, self.events)
        return tuple(batch for batch in found if batch is not None)

    @property
    def n_words(self) -> int:
        """How often a worker has said what it runs."""
        return len(self.running.words["n"]) if self.running is not None else 0


class Decoder:
    """Decodes requests in their order.

    Attributes
    ----------
    tables
        The ids that its messages use.
    """

    def __init__(self) -> None:
        self.tables = Tables()
        self._seen = Seen()
        self._waiters = Waiters()
        self._points = points.Points(self.tables)
        self._trace_hashes = np.empty(0, np.uint64)

    def decode(self, requests: Sequence[Numbered]) -> Group:
        """Decode some requests; the group counts when it is accepted."""
        self._points.begin()
        traces: list[tuple[int, bytes]] = []
        point_parts: list[tuple[int, list[points.Point]]] = []
        event_parts: list[tuple[int, list[records.Event]]] = []
        word_parts: list[tuple[int, list[records.Word]]] = []
        for request in requests:
            number, parsed = request.number, request.parsed
            if parsed.signal is Signal.TRACES:
                traces.append((number, parsed.data))
            elif parsed.signal is Signal.METRICS:
                rows = self._points.read(parsed.data, request.received_ns)
                point_parts.append((number, rows))
            else:
                events, words = records.read(parsed.data, request.received_ns, self.tables)
                event_parts.append((number, events))
                word_parts.append((number, words))
        found, rejected = read_spans(traces, self.tables)
        self._waiters.name(found)
        batch, keys, n_duplicates = self._deduplicated(found)
        return Group(
            requests[-1].number,
            self.tables.mark(),
            spans=batch,
            points=points.batch_of(point_parts) if any(p for _, p in point_parts) else None,
            events=records.batch_of(event_parts) if any(e for _, e in event_parts) else None,
            running=records.words_of(word_parts) if any(w for _, w in word_parts) else None,
            rejected=rejected,
            n_duplicates=n_duplicates,
            keys=keys,
            n_bytes=sum(len(request.parsed.data) for request in requests),
        )

    def accept(self, group: Group) -> None:
        """The group counts from now on."""
        self._seen.add(group.keys)
        self._points.accept()

    def remember(self, message: Message) -> None:
        """What was accepted in another life of this recording."""
        if isinstance(message, Definitions):
            self.tables.extend(message)
        elif isinstance(message, SpanBatch):
            self._seen.add(self._keys(message))
        elif isinstance(message, PointBatch):
            self._points.remember(message)

    def _deduplicated(self, batch: SpanBatch) -> tuple[SpanBatch | None, Keys, int]:
        if not len(batch):
            return None, np.empty(0, np.uint64), 0
        keys = self._keys(batch)
        is_new = self._seen.is_new(keys)
        n_duplicates = len(keys) - int(np.count_nonzero(is_new))
        if n_duplicates:
            batch = spans.taken(batch, is_new)
            keys = keys[is_new]
        return (batch if len(batch) else None), keys, n_duplicates

    def _keys(self, batch: SpanBatch) -> Keys:
        known = len(self._trace_hashes)
        more = self.tables.traces.entries[known:]
        if more:
            self._trace_hashes = np.concatenate([self._trace_hashes, trace_hashes(more)])
        traces: npt.NDArray[np.uint32] = batch.columns["trace"].view(np.uint32)
        return span_keys(self._trace_hashes[traces], batch.columns["span_id"].view(np.uint64))


@dataclass(frozen=True, slots=True)
class Counts:
    """What was accepted, without the duplicates.

    Attributes
    ----------
    tasks, erred
        Attempts that came to an end of their own, and those of them that failed.
    """

    requests: int = 0
    spans: int = 0
    points: int = 0
    events: int = 0
    rejected: int = 0
    duplicates: int = 0
    tasks: int = 0
    erred: int = 0

    def plus(self, group: Group, n_requests: int) -> Counts:
        """The counts when `group`, made of that many requests, was accepted."""
        tasks = erred = 0
        if group.spans is not None:
            is_task = group.spans.columns["kind"] == Kind.COMPUTE.value
            is_task &= group.spans.columns["outcome"].view(np.uint8) <= Outcome.FAILED.value
            tasks = int(np.count_nonzero(is_task))
            is_erred = is_task & (group.spans.columns["status"] == Status.ERROR.value)
            erred = int(np.count_nonzero(is_erred))
        return Counts(
            self.requests + n_requests,
            self.spans + len(group.spans or ()),
            self.points + len(group.points or ()),
            self.events + len(group.events or ()) + group.n_words,
            self.rejected + sum(group.rejected.values()),
            self.duplicates + group.n_duplicates,
            self.tasks + tasks,
            self.erred + erred,
        )
