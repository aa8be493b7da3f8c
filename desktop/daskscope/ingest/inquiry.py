"""Answers to queries about one span, from the requests as they came.

A dependent's span has the 8 bytes of the span id in a link, so a search needs no index: it looks
for these bytes in the body of each request, a gigabyte in a second, and parses only the spans in
which they stand. It goes from the span's own request on to the newest, then back to the first, for
what came before it. Whoever runs it cuts it into slices, so that receiving goes on meanwhile.
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from itertools import chain, islice
from typing import TYPE_CHECKING, Final, Protocol

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from dask_otel import conventions
from daskscope.ingest.envelope import Encoding, Signal
from daskscope.ingest.otlp import BadRequestError, parse
from daskscope.ingest.spans import NBYTES
from daskscope.ingest.values import attributes_of, integer_of, text_of
from daskscope.ingest.wire import submessages
from daskscope.store.inquiry import (
    Dependent,
    Dependents,
    Query,
    SpanDetails,
    SpanEvent,
    SpanLink,
)
from daskscope.store.schema import MAX_TIME_NS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opentelemetry.proto.common.v1.common_pb2 import KeyValue

    from daskscope.ingest.journal import Entry
    from daskscope.store.schema import AttributeValue

#: What one answer tells at most. Of a span with more, the first ones.
MAX_DEPENDENTS: Final = 1_000
MAX_ATTRIBUTES: Final = 256
MAX_EVENTS: Final = 64
MAX_LINKS: Final = 1_024
#: Of one text; a traceback is longer than any other.
MAX_TEXT: Final = 100_000
_CUT: Final = "…"
#: Tags of `span_id` in `Span` and in `Span.Link`, which are the same, and its length.
_SPAN_ID: Final = b"\x12\x08"
_RESOURCE_SPANS, _RESOURCE, _SCOPE_SPANS, _SPANS = 0x0A, 0x0A, 0x12, 0x12


class Archive(Protocol):
    """The requests of a session, by their numbers from 1."""

    def entry(self, number: int) -> Entry | None:
        """A request that carries spans, None where it carries something else or is not there."""

    def last_entry(self) -> int:
        """Number of the newest request, 0 while there is none."""

    def close(self) -> None:
        """Let go of the file."""


# One span -----------------------------------------------------------------------------------


def span_details(archive: Archive, query: Query) -> SpanDetails:
    """All that the request of a span says of it."""
    entry = archive.entry(query.request)
    if entry is None:
        return SpanDetails(query.number, f"request {query.request} is not in the recording")
    wanted = query.span_id.to_bytes(8, "big")
    for _, span in _spans_with(entry, wanted):
        if span.span_id == wanted:
            return _details(query.number, span)
    return SpanDetails(query.number, f"request {query.request} does not hold the span")


def _details(number: int, span: Span) -> SpanDetails:
    return SpanDetails(
        number,
        trace_id=span.trace_id.hex(),
        status_text=_cut_text(span.status.message),
        attributes=_attributes(span.attributes),
        events=tuple(
            SpanEvent(
                _cut_text(event.name),
                min(event.time_unix_nano, MAX_TIME_NS),
                _attributes(event.attributes),
            )
            for event in span.events[:MAX_EVENTS]
        ),
        links=tuple(_link(link) for link in span.links[:MAX_LINKS]),
    )


def _link(link: Span.Link) -> SpanLink:
    key = attributes_of(link.attributes).get(conventions.LINK_KEY, "")
    return SpanLink(int.from_bytes(link.span_id[:8], "big"), _cut_text(text_of(key)))


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, AttributeValue]:
    found = attributes_of(islice(pairs, MAX_ATTRIBUTES))
    return {_cut_text(name): _cut_value(value) for name, value in found.items()}


def _cut_value(value: AttributeValue) -> AttributeValue:
    if isinstance(value, str):
        return _cut_text(value)
    if isinstance(value, list | dict):
        text = text_of(value)
        return _cut_text(text) if len(text) > MAX_TEXT else value
    return value


def _cut_text(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + _CUT


# Dependents ---------------------------------------------------------------------------------


class Search:
    """The search for the dependents of one span.

    Parameters
    ----------
    archive
        Read in the thread that calls `advance`.
    query
        What is searched.
    """

    def __init__(self, archive: Archive, query: Query) -> None:
        self._archive = archive
        self._query = query
        self._wanted = query.span_id.to_bytes(8, "big")
        self._until = archive.last_entry()
        first = min(max(query.request, query.least), self._until + 1)
        self._numbers: Iterator[int] = chain(
            range(first, self._until + 1), range(first - 1, query.least - 1, -1)
        )
        self._n_all = max(self._until + 1 - query.least, 0)
        self._n_done = 0
        self._n_found = 0

    def advance(self, budget_s: float) -> Dependents:
        """What is found in about `budget_s` seconds from now."""
        deadline_s = time.perf_counter() + budget_s
        found: list[Dependent] = []
        is_over = True
        for number in self._numbers:
            found += self._in_request(number)
            self._n_done += 1
            if self._n_found + len(found) > MAX_DEPENDENTS:
                break
            if time.perf_counter() >= deadline_s:
                is_over = self._n_done >= self._n_all
                break
        room = MAX_DEPENDENTS - self._n_found
        is_cut = len(found) > room
        self._n_found += min(len(found), room)
        return Dependents(
            self._query.number,
            tuple(found[:room]),
            share=1.0 if is_over else self._n_done / self._n_all,
            until=self._until,
            is_over=is_over,
            is_cut=is_cut,
        )

    def _in_request(self, number: int) -> list[Dependent]:
        entry = self._archive.entry(number)
        if entry is None:
            return []
        return [
            _dependent(span, resource, number)
            for resource, span in _spans_with(entry, self._wanted)
            if any(link.span_id == self._wanted for link in span.links)
        ]


def _dependent(span: Span, resource: Resource, request: int) -> Dependent:
    # The scheduler names the worker that it reports for.
    attributes = {
        conventions.WORKER_ADDRESS: attributes_of(resource.attributes).get(
            conventions.WORKER_ADDRESS, ""
        ),
        **attributes_of(span.attributes),
    }
    start_ns = min(span.start_time_unix_nano, MAX_TIME_NS)
    sizes = (attributes.get(name) for name in NBYTES)
    return Dependent(
        span_id=int.from_bytes(span.span_id[:8], "big"),
        request=request,
        name=_cut_text(span.name),
        key=_cut_text(text_of(attributes.get(conventions.TASK_KEY, ""))),
        worker=_cut_text(text_of(attributes[conventions.WORKER_ADDRESS])),
        start_ns=start_ns,
        end_ns=max(start_ns, min(span.end_time_unix_nano, MAX_TIME_NS)),
        nbytes=integer_of(next((size for size in sizes if size is not None), None), -1),
    )


# Where an id stands -------------------------------------------------------------------------


def _spans_with(entry: Entry, span_id: bytes) -> Iterator[tuple[Resource, Span]]:
    """Spans of a request that have an id, or a link with it, and their resources."""
    if entry.encoding is Encoding.JSON:
        digits = span_id.hex().encode()
        if digits not in entry.body and digits.upper() not in entry.body:
            return
        yield from _parsed_with(entry, span_id)
        return
    places = _places(entry.body, _SPAN_ID + span_id)
    found = _located(entry.body, places) if places else []
    if found is None:
        yield from _parsed_with(entry, span_id)
    else:
        for resource, span in found:
            yield Resource.FromString(resource), Span.FromString(span)


def _places(data: bytes, needle: bytes) -> list[int]:
    places = []
    at = data.find(needle)
    while at >= 0:
        places.append(at)
        at = data.find(needle, at + len(needle))
    return places


def _located(data: bytes, places: list[int]) -> list[tuple[bytes, bytes]] | None:
    """The resource and the span around each of `places`, which ascend.

    None where the request has fields that we do not know, so that it must be parsed.
    """
    found = []
    groups = submessages(data, 0, len(data), _RESOURCE_SPANS)
    if groups is None:
        return None
    for group in zip(*groups, strict=True):
        if not _within(places, *group):
            continue
        resources = submessages(data, *group, _RESOURCE)
        scopes = submessages(data, *group, _SCOPE_SPANS)
        if resources is None or scopes is None:
            return None
        resource = b"".join(data[begin:end] for begin, end in zip(*resources, strict=True))
        for scope in zip(*scopes, strict=True):
            spans = submessages(data, *scope, _SPANS)
            if spans is None:
                return None
            begins, ends = spans
            around = {bisect_right(begins, place) - 1 for place in _within(places, *scope)}
            found += [(resource, data[begins[i] : ends[i]]) for i in sorted(around) if i >= 0]
    return found


def _within(places: list[int], begin: int, end: int) -> list[int]:
    return places[bisect_left(places, begin) : bisect_left(places, end)]


def _parsed_with(entry: Entry, span_id: bytes) -> Iterator[tuple[Resource, Span]]:
    """The same by parsing the whole request; one that cannot be parsed holds nothing."""
    try:
        request = parse(Signal.TRACES, entry.encoding, entry.body).message()
    except BadRequestError:
        return
    assert isinstance(request, ExportTraceServiceRequest)
    for group in request.resource_spans:
        for scope in group.scope_spans:
            for span in scope.spans:
                if span.span_id == span_id or any(link.span_id == span_id for link in span.links):
                    yield group.resource, span
