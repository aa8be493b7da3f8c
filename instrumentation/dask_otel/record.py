"""Pure: events to OTLP spans, log records and metric points.

Spans are written straight in protobuf's wire format, which takes a tenth of the time of an SDK span
and its encoding. The tags in this module are those of `trace.proto`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from dask_otel import conventions as names
from dask_otel import correlate, events, wire

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

_INTERNAL: Final = 1  # Span.SpanKind
_CLIENT: Final = 3
_STATUS_ERROR: Final = 2


_TIMES = struct.Struct("<BQBQ").pack


def to_ns(time_s: float) -> int:
    """Nanoseconds since the epoch, exact to the microsecond to which Dask's floats are."""
    return round(time_s * 1e6) * 1_000


# Spans ------------------------------------------------------------------------------------------

_key = wire.text_attribute(names.TASK_KEY)
_run_id = wire.number_attribute(names.TASK_RUN_ID)
_n_bytes = wire.number_attribute(names.TASK_NBYTES)
_priority = wire.array_attribute(names.TASK_PRIORITY)
_COMPUTE = b"\x30" + wire.varint(_INTERNAL) + wire.attribute(names.ACTION, names.ACTION_COMPUTE)
_TRANSFER = (
    wire.field(0x2A, wire.text(names.SPAN_TRANSFER))
    + b"\x30"
    + wire.varint(_CLIENT)
    + wire.attribute(names.ACTION, names.ACTION_TRANSFER)
)
_GRAPH = (
    wire.field(0x2A, wire.text(names.SPAN_GRAPH))
    + b"\x30"
    + wire.varint(_INTERNAL)
    + wire.attribute(names.ACTION, names.ACTION_GRAPH)
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
        self._prefix = wire.Remembered(_prefix_fields)
        self._group = wire.Remembered(lambda group: wire.attribute(names.TASK_GROUP, str(group)))
        self._thread = wire.Remembered(_thread_field)
        self._type = wire.Remembered(_type_field)
        self._peer = wire.Remembered(_peer_fields)
        self._head = wire.Remembered(self._head_fields)

    def encode(self, event: events.SpanEvent) -> list[bytes]:
        """Every span that `event` stands for: fields `ScopeSpans.spans`."""
        if isinstance(event, events.Attempt):
            spans = self._attempt(event)
        elif isinstance(event, events.Transfer):
            spans = [self._transfer(event, None, b"")]
        else:
            spans = [self._graph(event)]
        return [wire.field(0x12, span) for span in spans]

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
            self._group(events.group(event.key, event.prefix)),
            _run_id(event.run_id),
            thread,
        ]
        if event.n_bytes is not None:
            parts.append(_n_bytes(event.n_bytes))
        if event.type is not None:
            parts.append(self._type(event.type))
        if event.priority is not None:
            parts.append(_priority(event.priority))
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
            head = wire.field(0x0A, trace) + wire.field(0x22, parent)
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
                wire.attribute(names.TRANSFER_BYTES, event.n_bytes),
                wire.attribute(names.TRANSFER_KEYS, tuple(map(str, event.keys))),
                wire.attribute(names.TRANSFER_KEY_COUNT, event.n_keys),
                wire.attribute(names.TRANSFER_BANDWIDTH, float(event.bandwidth)),
                thread,
            )
        )

    def _graph(self, event: events.Graph) -> bytes:
        trace = correlate.trace_id(event.span_id)
        return b"".join(
            (
                wire.field(0x0A, trace),
                wire.field(0x12, correlate.graph_span_id(trace, event.n_before)),
                _GRAPH,
                _times(event.start_s, event.stop_s),
                wire.attribute(names.GRAPH_CLIENT, event.client),
                wire.attribute(names.GRAPH_TASKS, event.n_tasks),
                wire.attribute(names.GRAPH_PREFIXES, event.prefixes),
            )
        )

    def _trace(self, dask_span_id: str | None) -> bytes:
        return correlate.trace_id(dask_span_id) if dask_span_id else self._orphans

    def _head_fields(self, dask_span_id: Hashable) -> bytes:
        """Trace id, and the parent that what belongs directly to a graph has."""
        if not isinstance(dask_span_id, str) or not dask_span_id:
            return wire.field(0x0A, self._orphans)
        trace = correlate.trace_id(dask_span_id)
        return wire.field(0x0A, trace) + wire.field(0x22, correlate.graph_span_id(trace))


def _times(start_s: float, stop_s: float) -> bytes:
    return _TIMES(0x39, to_ns(start_s), 0x41, to_ns(stop_s))


def _prefix_fields(prefix: Hashable) -> bytes:
    """The name of an attempt's span is its prefix."""
    return wire.field(0x2A, wire.text(str(prefix))) + wire.attribute(names.TASK_PREFIX, str(prefix))


def _thread_field(thread: Hashable) -> bytes:
    return wire.attribute(names.THREAD_ID, thread) if isinstance(thread, int) else b""


def _type_field(kind: Hashable) -> bytes:
    assert isinstance(kind, type)
    return wire.attribute(names.TASK_TYPE, events.type_name(kind))


def _peer_fields(peer: Hashable) -> bytes:
    """Dask's address, and its host and port where it has them (`inproc://` has none)."""
    address = str(peer)
    fields = wire.attribute(names.TRANSFER_PEER, address)
    try:
        url = urlsplit(address)
        host, port = url.hostname, url.port
    except ValueError:
        return fields
    if host:
        fields += wire.attribute(names.SERVER_ADDRESS, host)
    if port is not None:
        fields += wire.attribute(names.SERVER_PORT, port)
    return fields


def _failure_fields(failure: events.Failure, time_ns: int) -> bytes:
    """`error.type`, the event `exception` and the status ERROR."""
    kind, message, stacktrace = events.describe(failure)
    exception = (
        b"\x09"
        + wire.fixed64(time_ns)
        + wire.field(0x12, wire.text(names.EVENT_EXCEPTION))
        + wire.field(0x1A, wire.key_value(names.EXCEPTION_TYPE, kind))
        + wire.field(0x1A, wire.key_value(names.EXCEPTION_MESSAGE, message))
        + wire.field(0x1A, wire.key_value(names.EXCEPTION_STACKTRACE, stacktrace))
    )
    status = wire.field(0x12, wire.text(message)) + b"\x18" + wire.varint(_STATUS_ERROR)
    return (
        wire.attribute(names.ERROR_TYPE, kind)
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
    attributes: dict[str, wire.Value]
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
    attributes: dict[str, wire.Value] = {
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
