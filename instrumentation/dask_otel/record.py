"""Pure: events to OTLP spans, log records and metric points.

Spans are written straight in protobuf's wire format (opentelemetry-proto v1, `trace.proto`), which
takes a tenth of the time of an SDK span and its encoding: most attributes repeat, so that their
bytes come out of a dictionary. Nothing else in the package knows the wire format.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from dask_otel import conventions as names
from dask_otel import correlate, events

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

#: Attribute values as OpenTelemetry's API takes them.
Value = str | int | float | tuple[str, ...] | tuple[int, ...] | tuple[float, ...]

_INTERNAL: Final = 1  # Span.SpanKind
_CLIENT: Final = 3
_STATUS_ERROR: Final = 2
_N_REMEMBERED: Final = 4_096
_FIXED64 = struct.Struct("<Q").pack
_DOUBLE = struct.Struct("<d").pack


def to_ns(time_s: float) -> int:
    """Nanoseconds since the epoch, exact to the microsecond to which Dask's floats are."""
    return round(time_s * 1e6) * 1_000


# Protobuf's wire format -------------------------------------------------------------------------


def _varint(value: int) -> bytes:
    if value < 0x80:
        return bytes((value,)) if value >= 0 else _varint(value & 0xFFFF_FFFF_FFFF_FFFF)
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _field(tag: int, payload: bytes) -> bytes:
    """A length-delimited field; `tag` is its number shifted left by 3, plus 2."""
    return bytes((tag,)) + _varint(len(payload)) + payload


def _text(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _any_value(value: Value) -> bytes:
    if isinstance(value, str):
        return _field(0x0A, _text(value))
    if isinstance(value, bool):
        return b"\x10" + _varint(value)
    if isinstance(value, int):
        return b"\x18" + _varint(value)
    if isinstance(value, float):
        return b"\x21" + _DOUBLE(value)
    return _field(0x2A, b"".join([_field(0x0A, _any_value(item)) for item in value]))


def _key_value(name: str, value: Value) -> bytes:
    return _field(0x0A, _text(name)) + _field(0x12, _any_value(value))


def _attribute(name: str, value: Value) -> bytes:
    """`Span.attributes`."""
    return _field(0x4A, _key_value(name, value))


class _Remembered:
    """Attributes that repeat, encoded once per value; forgets all when it holds too many."""

    __slots__ = ("_encoded", "_make")

    def __init__(self, make: Callable[[Hashable], bytes]) -> None:
        self._make = make
        self._encoded: dict[Hashable, bytes] = {}

    def __call__(self, value: Hashable) -> bytes:
        encoded = self._encoded.get(value)
        if encoded is None:
            if len(self._encoded) >= _N_REMEMBERED:
                self._encoded.clear()
            encoded = self._encoded[value] = self._make(value)
        return encoded


def _text_attribute(name: str) -> Callable[[str], bytes]:
    """Writer of a text attribute whose values do not repeat."""
    key = _field(0x0A, _text(name)) + b"\x12"

    def write(text: str) -> bytes:
        value = _text(text)
        value = b"\x0a" + _varint(len(value)) + value
        pair = key + _varint(len(value)) + value
        return b"\x4a" + _varint(len(pair)) + pair

    return write


def _number_attribute(name: str) -> Callable[[int], bytes]:
    """Writer of an integer attribute whose values do not repeat."""
    key = _field(0x0A, _text(name)) + b"\x12"

    def write(number: int) -> bytes:
        value = b"\x18" + _varint(number)
        pair = key + _varint(len(value)) + value
        return b"\x4a" + _varint(len(pair)) + pair

    return write


# Spans ------------------------------------------------------------------------------------------

_key = _text_attribute(names.TASK_KEY)
_run_id = _number_attribute(names.TASK_RUN_ID)
_n_bytes = _number_attribute(names.TASK_NBYTES)
_COMPUTE = b"\x30" + _varint(_INTERNAL) + _attribute(names.ACTION, names.ACTION_COMPUTE)
_TRANSFER = (
    _field(0x2A, _text(names.SPAN_TRANSFER))
    + b"\x30"
    + _varint(_CLIENT)
    + _attribute(names.ACTION, names.ACTION_TRANSFER)
)
_GRAPH = (
    _field(0x2A, _text(names.SPAN_GRAPH))
    + b"\x30"
    + _varint(_INTERNAL)
    + _attribute(names.ACTION, names.ACTION_GRAPH)
)


class SpanEncoder:
    """Turns the events of one scheduler or worker into OTLP spans.

    Parameters
    ----------
    address
        Of the worker; names the receiving end of transfers in their ids.
    cluster
        Address of the scheduler; names the trace of what belongs to no Dask span.
    """

    def __init__(self, address: str, cluster: str) -> None:
        self._address = address
        self._orphans = correlate.fallback_trace_id(cluster)
        self._prefix = _Remembered(_prefix_fields)
        self._group = _Remembered(lambda group: _attribute(names.TASK_GROUP, str(group)))
        self._thread = _Remembered(_thread_field)
        self._type = _Remembered(_type_field)
        self._peer = _Remembered(_peer_fields)
        self._head = _Remembered(self._head_fields)

    def encode(self, event: events.SpanEvent) -> list[bytes]:
        """Every span that `event` stands for: messages `Span` in wire format."""
        if isinstance(event, events.Attempt):
            return self._attempt(event)
        if isinstance(event, events.Transfer):
            return [self._transfer(event, None, b"")]
        return [self._graph(event)]

    def _attempt(self, event: events.Attempt) -> list[bytes]:
        span_id = correlate.attempt_span_id(event.key, event.run_id)
        thread = self._thread(event.thread)
        parts = [
            self._head(event.span_id),
            b"\x12\x08",
            span_id,
            self._prefix(event.prefix),
            _times(event.start_s, event.stop_s),
            _COMPUTE,
            _key(str(event.key)),
            self._group(events.group(event.key)),
            _run_id(event.run_id),
            thread,
        ]
        if event.n_bytes is not None:
            parts.append(_n_bytes(event.n_bytes))
        if event.type is not None:
            parts.append(self._type(event.type))
        if event.priority is not None:
            parts.append(_attribute(names.TASK_PRIORITY, event.priority))
        if event.failure is not None:
            parts.append(_failure_fields(event.failure, to_ns(event.stop_s)))
        spans = [b"".join(parts)]
        spans += [self._transfer(found, span_id, thread, event) for found in event.transfers]
        return spans

    def _transfer(
        self,
        event: events.Transfer,
        parent: bytes | None,
        thread: bytes,
        cause: events.Attempt | None = None,
    ) -> bytes:
        """A batch, under the attempt that waited for it, else under the graph."""
        start_ns, stop_ns = to_ns(event.start_s), to_ns(event.stop_s)
        span_id = correlate.transfer_span_id(self._address, event.peer, start_ns, stop_ns)
        if cause is not None and parent is not None:
            trace = self._trace(cause.span_id)
            head = _field(0x0A, trace) + _field(0x22, parent)
        else:
            head = self._head(event.span_id)
        return b"".join(
            (
                head,
                b"\x12\x08",
                span_id,
                _TRANSFER,
                _times(event.start_s, event.stop_s),
                self._peer(event.peer),
                _attribute(names.TRANSFER_BYTES, event.n_bytes),
                _attribute(names.TRANSFER_KEYS, tuple(map(str, event.keys))),
                _attribute(names.TRANSFER_KEY_COUNT, event.n_keys),
                _attribute(names.TRANSFER_BANDWIDTH, float(event.bandwidth)),
                thread,
            )
        )

    def _graph(self, event: events.Graph) -> bytes:
        trace = correlate.trace_id(event.span_id)
        return b"".join(
            (
                _field(0x0A, trace),
                _field(0x12, correlate.graph_span_id(trace, event.n_before)),
                _GRAPH,
                _times(event.start_s, event.stop_s),
                _attribute(names.GRAPH_CLIENT, event.client),
                _attribute(names.GRAPH_TASKS, event.n_tasks),
                _attribute(names.GRAPH_PREFIXES, event.prefixes),
            )
        )

    def _trace(self, dask_span_id: str | None) -> bytes:
        return correlate.trace_id(dask_span_id) if dask_span_id else self._orphans

    def _head_fields(self, dask_span_id: Hashable) -> bytes:
        """Trace id, and the parent that what belongs directly to a graph has."""
        if not isinstance(dask_span_id, str) or not dask_span_id:
            return _field(0x0A, self._orphans)
        trace = correlate.trace_id(dask_span_id)
        return _field(0x0A, trace) + _field(0x22, correlate.graph_span_id(trace))


def _times(start_s: float, stop_s: float) -> bytes:
    return b"\x39" + _FIXED64(to_ns(start_s)) + b"\x41" + _FIXED64(to_ns(stop_s))


def _prefix_fields(prefix: Hashable) -> bytes:
    """The name of an attempt's span is its prefix."""
    return _field(0x2A, _text(str(prefix))) + _attribute(names.TASK_PREFIX, str(prefix))


def _thread_field(thread: Hashable) -> bytes:
    return _attribute(names.THREAD_ID, thread) if isinstance(thread, int) else b""


def _type_field(kind: Hashable) -> bytes:
    return _attribute(names.TASK_TYPE, events.type_name(kind)) if isinstance(kind, type) else b""


def _peer_fields(peer: Hashable) -> bytes:
    """Dask's address, and its host and port where it has them (`inproc://` has none)."""
    address = str(peer)
    fields = _attribute(names.TRANSFER_PEER, address)
    try:
        url = urlsplit(address)
        host, port = url.hostname, url.port
    except ValueError:
        return fields
    if host:
        fields += _attribute(names.SERVER_ADDRESS, host)
    if port is not None:
        fields += _attribute(names.SERVER_PORT, port)
    return fields


def _failure_fields(failure: events.Failure, time_ns: int) -> bytes:
    """`error.type`, the event `exception` and the status ERROR."""
    kind, message, stacktrace = events.describe(failure)
    exception = (
        b"\x09"
        + _FIXED64(time_ns)
        + _field(0x12, _text(names.EVENT_EXCEPTION))
        + _field(0x1A, _key_value(names.EXCEPTION_TYPE, kind))
        + _field(0x1A, _key_value(names.EXCEPTION_MESSAGE, message))
        + _field(0x1A, _key_value(names.EXCEPTION_STACKTRACE, stacktrace))
    )
    status = _field(0x12, _text(message)) + b"\x18" + _varint(_STATUS_ERROR)
    return _attribute(names.ERROR_TYPE, kind) + _field(0x5A, exception) + _field(0x7A, status)


def request(resource: bytes, version: str, spans: list[bytes]) -> bytes:
    """`ExportTraceServiceRequest` with `spans` of one `resource`, in wire format all of them."""
    scope = _field(0x0A, _text(names.SCOPE_NAME)) + _field(0x12, _text(version))
    body = [_field(0x0A, scope)]
    for span in spans:
        body += (b"\x12", _varint(len(span)), span)
    schema = _field(0x1A, _text(names.SCHEMA_URL))
    scope_spans = _field(0x12, b"".join(body) + schema)
    return _field(0x0A, _field(0x0A, resource) + scope_spans + schema)


def resource(attributes: Mapping[str, Value]) -> bytes:
    """Message `Resource` in wire format."""
    return b"".join(_field(0x0A, _key_value(*item)) for item in attributes.items())


# Log records ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Log:
    """A log record before the SDK makes it one.

    Attributes
    ----------
    trace_id
        Of the trace it belongs to; None for none.
    """

    time_ns: int
    event_name: str
    body: str
    attributes: dict[str, Value]
    trace_id: bytes | None = None


def log(event: events.LogEvent) -> Log:
    """The log record of an event."""
    if isinstance(event, events.Running):
        return _running_log(event)
    if isinstance(event, events.GraphSubmitted):
        return _graph_log(event)
    return _worker_log(event)


def _running_log(event: events.Running) -> Log:
    tasks = event.tasks
    return Log(
        to_ns(event.time_s),
        names.EVENT_RUNNING,
        f"{len(tasks)} running",
        {
            names.RUNNING_KEYS: tuple(str(task.key) for task in tasks),
            names.RUNNING_PREFIXES: tuple(task.prefix for task in tasks),
            names.RUNNING_RUN_IDS: tuple(task.run_id for task in tasks),
            names.RUNNING_THREADS: tuple(task.thread for task in tasks),
            names.RUNNING_STARTS: tuple(to_ns(task.start_s) for task in tasks),
        },
    )


def _graph_log(event: events.GraphSubmitted) -> Log:
    return Log(
        to_ns(event.time_s),
        names.EVENT_GRAPH_SUBMITTED,
        f"{event.client} submitted {event.n_tasks} tasks",
        {
            names.GRAPH_CLIENT: event.client,
            names.GRAPH_TASKS: event.n_tasks,
            names.GRAPH_PREFIXES: event.prefixes,
        },
        correlate.trace_id(event.span_id) if event.span_id else None,
    )


def _worker_log(event: events.WorkerAdded | events.WorkerRemoved) -> Log:
    attributes: dict[str, Value] = {
        names.WORKER_ADDRESS: event.address,
        names.WORKER_NAME: event.name,
    }
    if isinstance(event, events.WorkerAdded):
        attributes[names.WORKER_NTHREADS] = event.n_threads
        body = f"Worker {event.name} added at {event.address}"
        return Log(to_ns(event.time_s), names.EVENT_WORKER_ADDED, body, attributes)
    attributes[names.REMOVAL_REASON] = event.reason
    if event.expected is not None:
        attributes[names.REMOVAL_EXPECTED] = event.expected
    word = "" if event.expected else " unexpectedly" if event.expected is False else ""
    body = f"Worker {event.name} removed{word} from {event.address}: {event.reason}"
    return Log(to_ns(event.time_s), names.EVENT_WORKER_REMOVED, body, attributes)
