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
from dask_otel.record.text import group

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dask_otel.record.text import Description

_STATUS_ERROR: Final = 2

_TIMES = struct.Struct("<BQBQ").pack
#: `Span.flags` and `Link.flags` by whether the parent, or what is linked to, is another process's:
#: bit 8 says that bit 9 is known.
_FLAGS: Final = {remote: struct.pack("<I", 0x300 if remote else 0x100) for remote in (False, True)}
_SPAN_FLAGS: Final = {remote: b"\x85\x01" + flags for remote, flags in _FLAGS.items()}
_LINK_FLAGS: Final = b"\x35" + _FLAGS[True]


def _start(kind: int, action: str) -> bytes:
    """What every span of an action has in front of its other attributes."""
    return b"\x30" + wire.varint(kind) + wire.attribute(names.ACTION, action)


_COMPUTE: Final = _start(spans.INTERNAL, names.ACTION_COMPUTE)
_OUTCOMES: Final = {
    outcome: wire.attribute(names.TASK_OUTCOME, outcome) for outcome in names.OUTCOMES
}
_key = wire.text_attribute(names.TASK_KEY)
_run_id = wire.number_attribute(names.TASK_RUN_ID)
_n_bytes = wire.number_attribute(names.TASK_NBYTES)
_priority = wire.numbers_attribute(names.TASK_PRIORITY)
_waited = wire.float_attribute(names.TASK_WAIT_DEPENDENCIES)
_ready = wire.float_attribute(names.TASK_WAIT_READY)
_execute = wire.float_attribute(names.TASK_EXECUTE)
_n_dependencies = wire.number_attribute(names.TASK_DEPENDENCY_COUNT)
_link_key = wire.text_attribute(names.LINK_KEY, tag=0x22)

#: By whether it is the sending end: the name of the span, and what it starts with.
_ENDS: Final = {
    sent: wire.field(0x2A, wire.text(name)) + _start(kind, action)
    for sent, name, kind, action in (
        (False, names.SPAN_TRANSFER, spans.CLIENT, names.ACTION_TRANSFER),
        (True, names.SPAN_SEND, spans.SERVER, names.ACTION_SEND),
    )
}
_transfer_bytes = wire.number_attribute(names.TRANSFER_BYTES)
_transfer_keys = wire.texts_attribute(names.TRANSFER_KEYS)
_n_transfer_keys = wire.number_attribute(names.TRANSFER_KEY_COUNT)
_bandwidth = wire.float_attribute(names.TRANSFER_BANDWIDTH)
_transfer_id = wire.text_attribute(names.TRANSFER_ID)


class SpanEncoder:
    """Turns the events of one scheduler, worker or client into OTLP spans.

    Parameters
    ----------
    maker
        Says what the spans are.
    """

    def __init__(self, maker: spans.SpanMaker) -> None:
        self._maker = maker
        self._head = wire.Remembered(_place_head)
        self._prefix = wire.Remembered(_prefix_fields)
        self._group = wire.Remembered(_group_field)
        self._thread = wire.Remembered(_thread_field)
        self._type = wire.Remembered(_type_field)
        self._peer = wire.Remembered(_peer_fields)
        self._shuffle = wire.Remembered(_shuffle_field)

    def encode(self, event: events.SpanEvent, place: correlate.Place) -> list[bytes]:
        """Every span that `event`, which belongs to `place`, stands for: `ScopeSpans.spans`."""
        if isinstance(event, events.Attempt):
            span_id = correlate.attempt_span_id(event.key, event.run_id)
            found = [wire.field(0x12, self._attempt(event, place, span_id))]
            if event.transfers:
                head = _head(place.trace_id, span_id) + _SPAN_FLAGS[False]
                thread = self._thread(event.thread)
                found += [
                    wire.field(0x12, self._transfer(transfer, head, thread))
                    for transfer in event.transfers
                ]
            return found
        if isinstance(event, events.Transfer):
            return [wire.field(0x12, self._transfer(event, self._head(place), b""))]
        return [wire.field(0x12, encode(span)) for span in self._maker.spans(event)]

    def _attempt(self, event: events.Attempt, place: correlate.Place, span_id: bytes) -> bytes:
        parts = [
            self._head(place),
            b"\x12\x08",
            span_id,
            _TIMES(0x39, to_ns(event.start_s), 0x41, to_ns(event.stop_s)),
            self._prefix(event.prefix),
            self._group(group(event.key, event.prefix)),
            _OUTCOMES[event.outcome],
            _key(str(event.key)),
            _run_id(event.run_id),
            self._thread(event.thread),
        ]
        if event.n_bytes is not None:
            parts.append(_n_bytes(event.n_bytes))
        if event.type is not None:
            parts.append(self._type(event.type))
        if event.priority is not None:
            parts.append(_priority(event.priority))
        if event.waited_s is not None:
            parts.append(_waited(event.waited_s))
        if event.ready_s is not None:
            parts.append(_ready(event.ready_s))
        if event.execute_s is not None:
            parts.append(_execute(event.execute_s))
        if event.otel:
            n_dependencies = spans.dependency_count(event)
            if n_dependencies is not None:
                parts.append(_n_dependencies(n_dependencies))
            parts += map(_link, self._maker.links(event, place))
        if event.worker is not None or event.executing is not None or event.failure is not None:
            parts.append(self._rare(event))
        return b"".join(parts)

    def _rare(self, event: events.Attempt) -> bytes:
        """What few attempts have."""
        parts = [
            wire.attribute(name, value)
            for name, value in (
                (names.WORKER_ADDRESS, event.worker),
                (names.TASK_EXECUTING, event.executing),
            )
            if value is not None
        ]
        failure = self._maker.describe(event.failure)
        if failure is not None:
            parts.append(_failure_fields(failure, to_ns(event.stop_s)))
        return b"".join(parts)

    def _transfer(self, event: events.Transfer, head: bytes, thread: bytes) -> bytes:
        start_ns, stop_ns = to_ns(event.start_s), to_ns(event.stop_s)
        parts = [
            head,
            b"\x12\x08",
            self._maker.transfer_span_id(event, start_ns, stop_ns),
            _TIMES(0x39, start_ns, 0x41, stop_ns),
            _ENDS[event.sent],
            self._peer((event.peer, event.sent)),
            _transfer_bytes(event.n_bytes),
            _transfer_keys(map(str, event.keys)),
            _n_transfer_keys(event.n_keys),
            _bandwidth(event.bandwidth),
            thread,
        ]
        if transfer_id := self._maker.transfer_id(event):
            parts.append(_transfer_id(transfer_id))
        if event.shuffle_id is not None:
            parts.append(self._shuffle(event.shuffle_id))
        failure = self._maker.describe(event.failure)
        if failure is not None:
            parts.append(_failure_fields(failure, stop_ns))
        return b"".join(parts)


def encode(span: spans.Span) -> bytes:
    """Message `Span`."""
    return b"".join(
        (
            _head(span.trace_id, span.parent_id),
            _SPAN_FLAGS[span.remote and span.parent_id is not None],
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
    head = b"\x0a\x10" + trace
    return head + b"\x22\x08" + parent if parent else head


def _place_head(place: correlate.Place) -> bytes:
    """What spans of the same place begin with, when their parent is its graph."""
    return _head(place.trace_id, place.graph_id) + _SPAN_FLAGS[bool(place.graph_id)]


def _link(link: spans.Link) -> bytes:
    """`Span.links`."""
    trace_id, span_id, key = link
    named = _link_key(key) if key else b""
    return wire.field(0x6A, b"\x0a\x10%b\x12\x08%b%b%b" % (trace_id, span_id, named, _LINK_FLAGS))


def _prefix_fields(prefix: str) -> bytes:
    """The name of an attempt's span is its prefix."""
    return (
        wire.field(0x2A, wire.text(prefix)) + _COMPUTE + wire.attribute(names.TASK_PREFIX, prefix)
    )


def _group_field(group: str) -> bytes:
    return wire.attribute(names.TASK_GROUP, group)


def _thread_field(thread: int | None) -> bytes:
    return b"" if thread is None else wire.attribute(names.THREAD_ID, thread)


def _type_field(kind: type | str) -> bytes:
    return wire.attribute(names.TASK_TYPE, spans.type_text(kind) or "")


def _peer_fields(end: tuple[str, bool]) -> bytes:
    return b"".join(
        wire.attribute(name, value) for name, value in spans.peer_attributes(*end).items()
    )


def _shuffle_field(shuffle: str) -> bytes:
    return wire.attribute(names.SHUFFLE_ID, shuffle)


def _failure_fields(failure: Description, time_ns: int) -> bytes:
    """`error.type`, the event `exception` and the status ERROR."""
    said = ((names.EXCEPTION_TYPE, failure.type), *failure.details())
    exception = (
        b"\x09"
        + wire.fixed64(time_ns)
        + wire.field(0x12, wire.text(names.EVENT_EXCEPTION))
        + b"".join(wire.field(0x1A, wire.key_value(name, value)) for name, value in said)
    )
    message = wire.field(0x12, wire.text(failure.message)) if failure.message else b""
    return (
        wire.attribute(names.ERROR_TYPE, failure.type)
        + wire.field(0x5A, exception)
        + wire.field(0x7A, message + b"\x18" + wire.varint(_STATUS_ERROR))
    )


def request(resource: bytes, version: str, spans: list[bytes]) -> bytes:
    """`ExportTraceServiceRequest` with encoded `spans` of one `resource`."""
    scope = wire.field(0x0A, wire.text(names.SCOPE_NAME)) + wire.field(0x12, wire.text(version))
    head, schema = wire.field(0x0A, scope), wire.field(0x1A, wire.text(names.SCHEMA_URL))
    who = wire.field(0x0A, resource)
    # Joined once: a request has megabytes, and each message around it would be another copy.
    n_inner = len(head) + sum(map(len, spans)) + len(schema)
    inner = b"\x12" + wire.varint(n_inner)
    n_outer = len(who) + len(inner) + n_inner + len(schema)
    return b"".join((b"\x0a", wire.varint(n_outer), who, inner, head, *spans, schema, schema))


def resource(attributes: Mapping[str, wire.Value]) -> bytes:
    """Message `Resource` in wire format."""
    return b"".join(wire.field(0x0A, wire.key_value(*item)) for item in attributes.items())
