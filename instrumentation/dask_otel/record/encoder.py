"""Pure: spans to OTLP, straight in protobuf's wire format.

That takes a tenth of the time of an SDK span and its encoding. Attempts and transfers, of which
there are many, have writers of their own; a test holds them to what `record.spans` says. The tags
in this module are those of `trace.proto`.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from dask_otel import conventions as names
from dask_otel import correlate, events, wire
from dask_otel.record import spans
from dask_otel.record.spans import times_ns
from dask_otel.record.text import group

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dask_otel.record.text import Description

#: Place, prefix, group, outcome, thread and type of an attempt.
_Common: TypeAlias = tuple[correlate.Place, str, str, str, int | None, type | str | None]

_STATUS_ERROR: Final = 2
_N_TRACE: Final = 16
_N_ID: Final = 8
#: In front of `span_id`, in a span as in a link.
_ID: Final = b"\x12\x08"
_N_ID_FIELD: Final = len(_ID) + _N_ID

#: Attempts whose name is held: a prime, for the run ids of a worker can have a common divisor.
N_HELD: Final = 4_093
#: Longest name that is held, in bytes.
_MAX_HELD: Final = 1_024
#: In front of an attempt's span of that length.
_SPAN: Final[wire.Remembered[int, bytes]] = wire.Remembered(
    lambda n_bytes: b"\x12" + wire.varint(n_bytes)
)
_TIMES: Final = struct.Struct("<BQBQ").pack
#: `Span.flags` and `Link.flags` by whether the parent, or what is linked to, is another process's:
#: bit 8 says that bit 9 is known.
_FLAGS: Final = {remote: struct.pack("<I", 0x300 if remote else 0x100) for remote in (False, True)}
_SPAN_FLAGS: Final = {remote: b"\x85\x01" + flags for remote, flags in _FLAGS.items()}
_LINK_FLAGS: Final = b"\x35" + _FLAGS[True]


def _start(kind: int, action: str) -> bytes:
    """What every span of an action has in front of its other attributes."""
    return b"\x30" + wire.varint(kind) + wire.attribute(names.ACTION, action)


_COMPUTE: Final = _start(spans.INTERNAL, names.ACTION_COMPUTE)
#: In front of `_named`, by the length of the key: in a span, and in a link.
_KEY: Final = wire.text_heads(names.TASK_KEY)
_LINK_KEY: Final = wire.text_heads(names.LINK_KEY, tag=0x22)
_run_id = wire.number_attribute(names.TASK_RUN_ID)
_WAITED: Final = wire.float_head(names.TASK_WAIT_DEPENDENCIES)
_READY: Final = wire.float_head(names.TASK_WAIT_READY)
_EXECUTE: Final = wire.float_head(names.TASK_EXECUTE)
_TIMES_AND_WAITS: Final = struct.Struct(
    "<BQBQ" + "".join(f"{len(head)}sd" for head in (_WAITED, _READY, _EXECUTE))
).pack
_priority = wire.integers_attribute(names.TASK_PRIORITY)
_divided_priority = wire.floats_attribute(names.TASK_PRIORITY)

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
        #: By the remainder of its run id: key and run id of an attempt, and what it is called. Run
        #: ids count attempts, so that others of the same remainder are thousands of attempts older.
        self._held: list[tuple[int, Any, bytes]] = [(-1, object(), b"")] * N_HELD
        self._head = wire.Remembered(_place_head)
        self._common = wire.Remembered(_common_fields)
        self._n_bytes = wire.Remembered(wire.number_attribute(names.TASK_NBYTES))
        self._n_dependencies = wire.Remembered(wire.number_attribute(names.TASK_DEPENDENCY_COUNT))
        self._thread = wire.Remembered(_thread_field)
        self._peer = wire.Remembered(_peer_fields)
        self._shuffle = wire.Remembered(_shuffle_field)

    def encode(self, event: events.SpanEvent, place: correlate.Place) -> list[bytes]:
        """Every span that `event`, which belongs to `place`, stands for: `ScopeSpans.spans`."""
        if isinstance(event, events.Attempt):
            return self._attempt(event, place)
        if isinstance(event, events.Transfer):
            return [wire.field(0x12, self._transfer(event, self._head[place], b""))]
        return [wire.field(0x12, encode(span)) for span in self._maker.spans(event)]

    def _attempt(self, event: events.Attempt, place: correlate.Place) -> list[bytes]:
        """The span of an attempt, and those of its transfers."""
        (
            key,
            prefix,
            run_id,
            _,
            said,
            start_s,
            stop_s,
            thread,
            n_bytes,
            kind,
            priority,
            outcome,
            failure,
            waited_s,
            ready_s,
            execute_s,
            transfers,
            worker,
            executing,
        ) = event
        named = self._name(key, run_id)
        # As `spans.times_ns` says it.
        start_ns = round(start_s * 1e6) * 1_000
        stop_ns = round(stop_s * 1e6) * 1_000 if stop_s > start_s else start_ns
        if waited_s is None or ready_s is None or execute_s is None:
            times = _some_times(start_ns, stop_ns, waited_s, ready_s, execute_s)
        else:
            waits = _WAITED, waited_s, _READY, ready_s, _EXECUTE, execute_s
            times = _TIMES_AND_WAITS(0x39, start_ns, 0x41, stop_ns, *waits)
        parts = [
            self._common[place, prefix, group(key, prefix), outcome, thread, kind],
            _KEY[len(named) - _N_ID_FIELD],
            named,
            _run_id(run_id),
            times,
        ]
        if n_bytes is not None:
            parts.append(self._n_bytes[n_bytes])
        if priority is not None:
            try:
                parts.append(_priority(priority))
            except TypeError:  # see `spans.of_one_type`
                parts.append(_divided_priority(priority))
        if said and isinstance(said, dict):
            n_dependencies = said.get(events.DEPENDENCY_COUNT)
            if isinstance(n_dependencies, int):
                parts.append(self._n_dependencies[n_dependencies])
            parts += self._links(said, place)
        if worker is not None or executing is not None or failure is not None:
            parts.append(self._rare(event))
        span = b"".join(parts)
        span = _SPAN[len(span)] + span
        if not transfers:
            return [span]
        head = _head(place.trace_id, named[-_N_ID:]) + _SPAN_FLAGS[False]
        others = (self._transfer(transfer, head, self._thread[thread]) for transfer in transfers)
        return [span, *(wire.field(0x12, other) for other in others)]

    def _name(self, key: Any, run_id: int) -> bytes:
        """What the span of an attempt, by its key and run id, and links to it have both."""
        text = str(key)
        named = wire.text(text) + _ID + correlate.attempt_span_id(key, run_id, text)
        if len(named) <= _MAX_HELD:
            self._held[run_id % N_HELD] = run_id, key, named
        return named

    def _links(self, said: Mapping[str, Any], place: correlate.Place) -> list[bytes]:
        """See `SpanMaker.links`; what made a value has been named by its own span, as a rule."""
        parts: list[bytes] = []
        try:
            for key, run_id, origin in said.get(events.DEPENDENCIES, ()):
                held_id, held_key, named = self._held[run_id % N_HELD]
                if held_id != run_id or held_key != key:
                    hash(key)  # what cannot be hashed is no key
                    named = self._name(key, run_id)
                trace = self._maker.place_of(origin).trace_id if origin else place.trace_id
                before, after = _LINK[len(named)]
                parts += before, trace, after, named
        except (TypeError, ValueError):  # a user's own annotation of that name
            return []
        return parts

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
            parts.append(_failure_fields(failure, times_ns(event.start_s, event.stop_s)[1]))
        return b"".join(parts)

    def _transfer(self, event: events.Transfer, head: bytes, thread: bytes) -> bytes:
        start_ns, stop_ns = times_ns(event.start_s, event.stop_s)
        parts = [
            head,
            _ID,
            self._maker.transfer_span_id(event, start_ns, stop_ns),
            _TIMES(0x39, start_ns, 0x41, stop_ns),
            _ENDS[event.sent],
            self._peer[event.peer, event.sent],
            _transfer_bytes(event.n_bytes),
            _transfer_keys(map(str, event.keys)),
            _n_transfer_keys(event.n_keys),
            _bandwidth(event.bandwidth),
            thread,
        ]
        if transfer_id := self._maker.transfer_id(event):
            parts.append(_transfer_id(transfer_id))
        if event.shuffle_id is not None:
            parts.append(self._shuffle[event.shuffle_id])
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


def _link_heads(n_named: int) -> tuple[bytes, bytes]:
    """What stands in front of the trace id of `Span.links`, and of the key and id that follow it.

    A link to a graph has no key.
    """
    n_key = n_named - _N_ID_FIELD
    after = _LINK_FLAGS + (_LINK_KEY[n_key] if n_key else b"")
    before = b"\x0a\x10"
    n_link = len(before) + _N_TRACE + len(after) + n_named
    return b"\x6a" + wire.varint(n_link) + before, after


_LINK: Final = wire.Remembered(_link_heads)


def _link(link: spans.Link) -> bytes:
    named = wire.text(link.key) + _ID + link.span_id
    before, after = _LINK[len(named)]
    return before + link.trace_id + after + named


def _common_fields(of: _Common) -> bytes:
    """What attempts have in common: place, name and kind of spans, and attributes that repeat."""
    place, prefix, group, outcome, thread, kind = of
    named = "" if kind is None else spans.type_text(kind) or ""
    return b"".join(
        (
            _place_head(place),
            wire.field(0x2A, wire.text(prefix)),
            _COMPUTE,
            wire.attribute(names.TASK_PREFIX, prefix),
            wire.attribute(names.TASK_GROUP, group),
            wire.attribute(names.TASK_OUTCOME, outcome),
            _thread_field(thread),
            b"" if kind is None else wire.attribute(names.TASK_TYPE, named),
        )
    )


def _some_times(start_ns: int, stop_ns: int, *waits_s: float | None) -> bytes:
    """`_TIMES_AND_WAITS` where not all waits are known."""
    found = zip((_WAITED, _READY, _EXECUTE), waits_s, strict=True)
    return _TIMES(0x39, start_ns, 0x41, stop_ns) + b"".join(
        [head + wire.double(wait_s) for head, wait_s in found if wait_s is not None]
    )


def _thread_field(thread: int | None) -> bytes:
    return b"" if thread is None else wire.attribute(names.THREAD_ID, thread)


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
