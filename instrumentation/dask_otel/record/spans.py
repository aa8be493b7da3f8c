"""Pure: events to spans, in OpenTelemetry's terms and no particular form.

Whoever brings a `TracerProvider` gets these as SDK spans; without one `record.encoder` writes them
in protobuf's wire format.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

from dask_otel import conventions as names
from dask_otel import correlate, events
from dask_otel.record.text import Description, describe, group, type_name
from dask_otel.wire import Remembered

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dask_otel.wire import Value

#: `Span.SpanKind` of OTLP.
INTERNAL: Final = 1
SERVER: Final = 2
CLIENT: Final = 3
PRODUCER: Final = 4


class Link(NamedTuple):
    """A link to the attempt that made the value of `key`."""

    trace_id: bytes
    span_id: bytes
    key: str


@dataclass(frozen=True, slots=True)
class Span:
    """A span that has ended.

    Attributes
    ----------
    trace_id, span_id, parent_id
        16, 8 and 8 bytes; no parent at the root of a trace.
    remote
        Whether the parent was made by another process.
    kind
        `Span.SpanKind` of OTLP.
    start_ns, stop_ns
        Nanoseconds since the epoch on the scheduler's clock.
    failure
        Makes the status ERROR, `error.type` and an event `exception`.
    """

    name: str
    kind: int
    trace_id: bytes
    span_id: bytes
    parent_id: bytes | None
    start_ns: int
    stop_ns: int
    attributes: dict[str, Value]
    remote: bool = True
    failure: Description | None = None
    links: tuple[Link, ...] = ()


def to_ns(time_s: float) -> int:
    """Nanoseconds since the epoch, exact to the microsecond to which Dask's floats are."""
    return round(time_s * 1e6) * 1_000


def times_ns(start_s: float, stop_s: float) -> tuple[int, int]:
    """Both in nanoseconds; a clock that was set back meanwhile makes no span end before it begins.

    Jaeger takes what is negative for centuries. Written out: to call `to_ns` and `max` takes twice
    as long, for each span.
    """
    end_s = stop_s if stop_s > start_s else start_s
    return round(start_s * 1e6) * 1_000, round(end_s * 1e6) * 1_000


@dataclass(slots=True)
class SpanMaker:
    """Turns the events of one scheduler, worker or client into spans.

    Parameters
    ----------
    address
        Of the scheduler or worker; part of the ids of what only it has seen.
    cluster
        Address of the scheduler; names the trace of what belongs to no Dask span.
    code
        Whether spans of graphs carry source code.
    tracebacks
        Whether spans of failures carry messages and tracebacks.
    """

    address: str
    cluster: str
    code: bool = True
    tracebacks: bool = True
    _nowhere: correlate.Place = field(init=False, repr=False)
    _places: Remembered[str, correlate.Place] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        trace = correlate.fallback_trace_id(self.cluster)
        self._nowhere = correlate.Place(trace, b"", None, True)
        self._places = Remembered(correlate.place)

    def place(self, event: events.SpanEvent) -> correlate.Place:
        """Where an event belongs; its `graph_id` is empty when it belongs to no graph."""
        if isinstance(event, events.Attempt):
            # What the scheduler or a client has said counts more than the Dask span.
            told, origin = said_of(event).get(events.TRACEPARENT), event.origin
            if told and isinstance(told, str):
                origin = told
            return self._places[origin] if origin else self._nowhere
        if isinstance(event, events.ClientCall):
            return correlate.Place(event.trace_id, event.span_id, event.parent_id, True)
        return self.place_of(event.origin)

    def place_of(self, origin: str | None) -> correlate.Place:
        """Where an origin belongs; see `place`."""
        return self._places[origin] if origin else self._nowhere

    def links(self, said: Mapping[str, Any], place: correlate.Place) -> tuple[Link, ...]:
        """Links to the attempts that are `said` to have made what the task works on."""
        try:
            return tuple(
                Link(
                    self.place_of(origin).trace_id if origin else place.trace_id,
                    correlate.attempt_span_id(key, run_id),
                    str(key),
                )
                for key, run_id, origin in said.get(events.DEPENDENCIES, ())
            )
        except (TypeError, ValueError):  # a user's own annotation of that name
            return ()

    def transfer_span_id(self, event: events.Transfer, start_ns: int, stop_ns: int) -> bytes:
        """Span id of this end of a batch."""
        of = "" if event.shuffle_id is None else event.transfer_id or event.shuffle_id
        return correlate.transfer_span_id(
            self.address, event.peer, start_ns, stop_ns, sent=event.sent, of=of
        )

    def transfer_id(self, event: events.Transfer) -> str:
        """What both ends of a batch call it; a shuffle says so itself."""
        if event.transfer_id or not event.keys:
            return event.transfer_id
        ends = (event.peer, self.address) if event.sent else (self.address, event.peer)
        return correlate.batch_id(*ends, event.keys)

    def describe(self, failure: events.Failure | None) -> Description | None:
        """What is said of a failure."""
        return None if failure is None else describe(failure, self.tracebacks)

    def spans(self, event: events.SpanEvent) -> Iterator[Span]:
        """Every span that `event` stands for."""
        if isinstance(event, events.Attempt):
            span = self._attempt(event)
            yield span
            for found in event.transfers:
                yield self._transfer(found, span, event.thread)
        elif isinstance(event, events.Transfer):
            yield self._transfer(event, None, None)
        elif isinstance(event, events.Disk):
            yield self._disk(event)
        elif isinstance(event, events.Graph):
            yield self._graph(event)
        else:
            yield self._client_call(event)

    def _attempt(self, event: events.Attempt) -> Span:
        place, said = self.place(event), said_of(event)
        attributes = {
            names.ACTION: names.ACTION_COMPUTE,
            names.TASK_PREFIX: event.prefix,
            names.TASK_GROUP: group(event.key, event.prefix),
            names.TASK_OUTCOME: event.outcome,
            names.THREAD_ID: event.thread,
            names.TASK_TYPE: type_text(event.type),
            names.TASK_KEY: str(event.key),
            names.TASK_RUN_ID: event.run_id,
            names.TASK_WAIT_DEPENDENCIES: event.waited_s,
            names.TASK_WAIT_READY: event.ready_s,
            names.TASK_EXECUTE: event.execute_s,
            names.TASK_NBYTES: event.n_bytes,
            names.TASK_PRIORITY: event.priority and of_one_type(event.priority),
            names.TASK_DEPENDENCY_COUNT: dependency_count(said),
            names.WORKER_ADDRESS: event.worker,
            names.TASK_EXECUTING: event.executing,
        }
        return Span(
            event.prefix,
            INTERNAL,
            place.trace_id,
            correlate.attempt_span_id(event.key, event.run_id),
            place.graph_id or None,
            *times_ns(event.start_s, event.stop_s),
            {name: value for name, value in attributes.items() if value is not None},
            failure=self.describe(event.failure),
            links=self.links(said, place),
        )

    def _transfer(self, event: events.Transfer, parent: Span | None, thread: int | None) -> Span:
        """A batch, under the attempt that waited for it, else under the graph."""
        start_ns, stop_ns = times_ns(event.start_s, event.stop_s)
        if parent is not None:
            trace, parent_id = parent.trace_id, parent.span_id
        else:
            place = self.place(event)
            trace, parent_id = place.trace_id, place.graph_id
        attributes: dict[str, Value] = {
            names.ACTION: names.ACTION_SEND if event.sent else names.ACTION_TRANSFER,
            **peer_attributes(event.peer, event.sent),
            names.TRANSFER_BYTES: event.n_bytes,
            names.TRANSFER_KEYS: tuple(map(str, event.keys)),
            names.TRANSFER_KEY_COUNT: event.n_keys,
            names.TRANSFER_BANDWIDTH: float(event.bandwidth),
        }
        if thread is not None:
            attributes[names.THREAD_ID] = thread
        if transfer_id := self.transfer_id(event):
            attributes[names.TRANSFER_ID] = transfer_id
        if event.shuffle_id is not None:
            attributes[names.SHUFFLE_ID] = event.shuffle_id
        return Span(
            names.SPAN_SEND if event.sent else names.SPAN_TRANSFER,
            SERVER if event.sent else CLIENT,
            trace,
            self.transfer_span_id(event, start_ns, stop_ns),
            parent_id or None,
            start_ns,
            stop_ns,
            attributes,
            remote=parent is None,
            failure=self.describe(event.failure),
        )

    def _disk(self, event: events.Disk) -> Span:
        place = self.place(event)
        start_ns, stop_ns = times_ns(event.start_s, event.stop_s)
        optional: dict[str, Value | None] = {
            names.TASK_KEY: None if event.key is None else str(event.key),
            names.DISK_BYTES: event.n_bytes,
            names.DISK_CAUSE: event.cause,
            names.THREAD_ID: event.thread,
            names.SHUFFLE_ID: event.shuffle_id,
        }
        parent = correlate.attempt_span_id(*event.parent) if event.parent else place.graph_id
        of = event.key if event.shuffle_id is None else event.shuffle_id
        return Span(
            event.action,  # Dask's words for the actions are the names of the spans
            INTERNAL,
            place.trace_id,
            correlate.disk_span_id(self.address, event.action, of, start_ns, stop_ns),
            parent or None,
            start_ns,
            stop_ns,
            {
                names.ACTION: event.action,
                **{name: value for name, value in optional.items() if value is not None},
            },
            remote=event.parent is None,
            failure=self.describe(event.failure),
        )

    def _graph(self, event: events.Graph) -> Span:
        place = correlate.place(event.origin)
        graph_id = place.graph_id
        if event.n_before:
            graph_id = correlate.graph_span_id(place.trace_id, place.parent_id, event.n_before)
        attributes: dict[str, Value] = {
            names.ACTION: names.ACTION_GRAPH,
            names.GRAPH_CLIENT: event.client,
            names.GRAPH_TASKS: event.n_tasks,
            names.GRAPH_ERRED: event.n_erred,
            names.GRAPH_PREFIXES: event.prefixes,
            names.GRAPH_PREFIX_COUNT: event.n_prefixes,
        }
        if event.code and self.code:
            attributes[names.CODE] = event.code
        links: tuple[Link, ...] = ()
        parent_id = place.parent_id
        if event.continues is not None:
            first = correlate.place(event.continues)
            links = (Link(first.trace_id, first.graph_id, ""),)
            parent_id = None
            attributes[names.GRAPH_CONTINUATION] = event.continuation
        return Span(
            names.SPAN_GRAPH,
            INTERNAL,
            place.trace_id,
            graph_id,
            parent_id,
            *times_ns(event.start_s, event.stop_s),
            attributes,
            links=links,
        )

    def _client_call(self, event: events.ClientCall) -> Span:
        return Span(
            f"{names.SPAN_CLIENT}.{event.name}",
            CLIENT if event.name in names.CLIENT_REQUESTS else PRODUCER,
            event.trace_id,
            event.span_id,
            event.parent_id,
            *times_ns(event.start_s, event.stop_s),
            {
                names.ACTION: names.ACTION_CLIENT,
                names.GRAPH_CLIENT: event.client,
                names.CLIENT_COUNT: event.n,
                **(event.attributes or {}),
            },
            remote=False,
            failure=self.describe(event.failure),
        )


def of_one_type(numbers: tuple[float, ...]) -> tuple[float, ...]:
    """`numbers` as OpenTelemetry wants arrays: all doubles where one of them is not whole.

    A task that another one has submitted has such a priority, with the other's less a hundredth.
    """
    # A sum is a double where any part is, and takes a fifth of the time of looking at each.
    return tuple(map(float, numbers)) if sum(numbers).__class__ is float else numbers


def type_text(kind: type | str | None) -> str | None:
    """Name of the type of a result."""
    return type_name(kind) if isinstance(kind, type) else kind


def said_of(event: events.Attempt) -> Mapping[str, Any]:
    """What scheduler and client have said; users can annotate tasks with that name, too."""
    return event.otel if isinstance(event.otel, dict) else {}


def dependency_count(said: Mapping[str, Any]) -> int | None:
    """How many dependencies the task has; None when nobody has said."""
    found = said.get(events.DEPENDENCY_COUNT)
    return found if isinstance(found, int) else None


def peer_attributes(address: str, sent: bool) -> dict[str, Value]:
    """Dask's address, and its host and port where it has them (`inproc://` has none).

    Whoever sends is the server, and its peer the client.
    """
    found: dict[str, Value] = {names.TRANSFER_PEER: address}
    try:
        url = urlsplit(address)
        host, port = url.hostname, url.port
    except ValueError:
        return found
    if host:
        found[names.CLIENT_ADDRESS if sent else names.SERVER_ADDRESS] = host
    if port is not None:
        found[names.CLIENT_PORT if sent else names.SERVER_PORT] = port
    return found
