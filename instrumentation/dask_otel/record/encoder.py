"""Pure: spans to OTLP, straight in protobuf's wire format.

That takes a tenth of the time of an SDK span and its encoding. Attempts and transfers, of which
there are many, have writers of their own; a test holds them to what `record.spans` says. The tags
in this module are those of `trace.proto`.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from dask_otel import conventions as names
from dask_otel import correlate, events, wire
from dask_otel.record import spans
from dask_otel.record.spans import to_ns
from dask_otel.record.text import Description, describe, group

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

_STATUS_ERROR: Final = 2

_TIMES = struct.Struct("<BQBQ").pack
_key = wire.text_attribute(names.TASK_KEY)
_run_id = wire.number_attribute(names.TASK_RUN_ID)
_n_bytes = wire.number_attribute(names.TASK_NBYTES)
_priority = wire.array_attribute(names.TASK_PRIORITY)
_COMPUTE = (
    b"\x30" + wire.varint(spans.INTERNAL) + wire.attribute(names.ACTION, names.ACTION_COMPUTE)
)
_OUTCOMES = {outcome: wire.attribute(names.TASK_OUTCOME, outcome) for outcome in names.OUTCOMES}


class SpanEncoder:
    """Turns the events of one scheduler, worker or client into OTLP spans.

    Parameters
    ----------
    maker
        Says what the spans are.
    """

    def __init__(self, maker: spans.SpanMaker) -> None:
        self._maker = maker
        self._prefix = wire.Remembered(_prefix_fields)
        self._group = wire.Remembered(lambda group: wire.attribute(names.TASK_GROUP, str(group)))
        self._thread = wire.Remembered(_thread_field)
        self._type = wire.Remembered(_type_field)

    def encode(self, event: events.SpanEvent) -> list[bytes]:
        """Every span that `event` stands for: fields `ScopeSpans.spans`."""
        if isinstance(event, events.Attempt) and not event.transfers:
            return [wire.field(0x12, self._attempt(event))]
        return [wire.field(0x12, encode(span)) for span in self._maker.spans(event)]

    def _attempt(self, event: events.Attempt) -> bytes:
        place = self._maker.place(event)
        parts = [
            _head(place.trace_id, place.graph_id),
            b"\x12\x08",
            correlate.attempt_span_id(event.key, event.run_id),
            self._prefix(event.prefix),
            _TIMES(0x39, to_ns(event.start_s), 0x41, to_ns(event.stop_s)),
            _COMPUTE,
            _key(str(event.key)),
            self._group(group(event.key, event.prefix)),
            _run_id(event.run_id),
            self._thread(event.thread),
            _OUTCOMES[event.outcome],
        ]
        if event.n_bytes is not None:
            parts.append(_n_bytes(event.n_bytes))
        if event.type is not None:
            parts.append(self._type(event.type))
        if event.priority is not None:
            parts.append(_priority(event.priority))
        return b"".join(parts) + _rare(event, place)


def _rare(event: events.Attempt, place: correlate.Place) -> bytes:
    """What not every attempt has."""
    parts = [
        wire.attribute(name, value)
        for name, value in (
            (names.TASK_WAIT_DEPENDENCIES, event.waited_s),
            (names.TASK_WAIT_READY, event.ready_s),
            (names.TASK_EXECUTE, event.execute_s),
            (names.WORKER_ADDRESS, event.worker),
            (names.TASK_EXECUTING, event.executing),
            (names.TASK_DEPENDENCY_COUNT, spans.dependency_count(event)),
        )
        if value is not None
    ]
    if event.failure is not None:
        parts.append(_failure_fields(describe(event.failure), to_ns(event.stop_s)))
    parts += [_link(link) for link in spans.links(event, place)]
    return b"".join(parts)


def encode(span: spans.Span) -> bytes:
    """Message `Span`."""
    return b"".join(
        (
            _head(span.trace_id, span.parent_id),
            wire.field(0x12, span.span_id),
            wire.field(0x2A, wire.text(span.name)),
            b"\x30" + wire.varint(span.kind),
            _TIMES(0x39, span.start_ns, 0x41, span.stop_ns),
            *(wire.attribute(name, value) for name, value in span.attributes.items()),
            b"" if span.failure is None else _failure_fields(span.failure, span.stop_ns),
            *map(_link, span.links),
        )
    )


def _head(trace: bytes, parent: bytes | None) -> bytes:
    head = wire.field(0x0A, trace)
    return head + wire.field(0x22, parent) if parent else head


def _link(link: spans.Link) -> bytes:
    """`Span.links`."""
    key = wire.field(0x22, wire.key_value(names.LINK_KEY, link.key)) if link.key else b""
    return wire.field(0x6A, wire.field(0x0A, link.trace_id) + wire.field(0x12, link.span_id) + key)


def _prefix_fields(prefix: Hashable) -> bytes:
    """The name of an attempt's span is its prefix."""
    return wire.field(0x2A, wire.text(str(prefix))) + wire.attribute(names.TASK_PREFIX, str(prefix))


def _thread_field(thread: Hashable) -> bytes:
    return wire.attribute(names.THREAD_ID, thread) if isinstance(thread, int) else b""


def _type_field(kind: Hashable) -> bytes:
    assert isinstance(kind, type | str)
    return wire.attribute(names.TASK_TYPE, spans.type_text(kind) or "")


def _failure_fields(failure: Description, time_ns: int) -> bytes:
    """`error.type`, the event `exception` and the status ERROR."""
    exception = (
        b"\x09"
        + wire.fixed64(time_ns)
        + wire.field(0x12, wire.text(names.EVENT_EXCEPTION))
        + wire.field(0x1A, wire.key_value(names.EXCEPTION_TYPE, failure.type))
        + wire.field(0x1A, wire.key_value(names.EXCEPTION_MESSAGE, failure.message))
        + wire.field(0x1A, wire.key_value(names.EXCEPTION_STACKTRACE, failure.stacktrace))
    )
    status = wire.field(0x12, wire.text(failure.message)) + b"\x18" + wire.varint(_STATUS_ERROR)
    return (
        wire.attribute(names.ERROR_TYPE, failure.type)
        + wire.field(0x5A, exception)
        + wire.field(0x7A, status)
    )


def request(resource: bytes, version: str, spans: list[bytes]) -> bytes:
    """`ExportTraceServiceRequest` with encoded `spans` of one `resource`."""
    scope = wire.field(0x0A, wire.text(names.SCOPE_NAME)) + wire.field(0x12, wire.text(version))
    schema = wire.field(0x1A, wire.text(names.SCHEMA_URL))
    scope_spans = wire.field(0x12, b"".join((wire.field(0x0A, scope), *spans, schema)))
    return wire.field(0x0A, wire.field(0x0A, resource) + scope_spans + schema)


def resource(attributes: Mapping[str, wire.Value]) -> bytes:
    """Message `Resource` in wire format."""
    return b"".join(wire.field(0x0A, wire.key_value(*item)) for item in attributes.items())
