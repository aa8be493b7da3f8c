"""Straight to OTLP: what cannot be sent is kept, newest first, within bounds."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, cast

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.metrics import ObservableCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality

from dask_otel import sdk
from dask_otel.compat import clock
from dask_otel.events import ClientCall, Running, SpanEvent, span_count
from dask_otel.outputs.spool import MAX_BATCH_SPANS, Spool
from dask_otel.record import encoder
from dask_otel.record.logs import LogEncoder, log
from dask_otel.record.metrics import MetricEncoder
from dask_otel.record.spans import to_ns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.sdk.resources import Resource

    from dask_otel import correlate, wire
    from dask_otel.compat import otlp
    from dask_otel.events import LogEvent
    from dask_otel.outputs.link import Link
    from dask_otel.points import Points
    from dask_otel.record.spans import SpanMaker

#: Spans by which is tried whether somebody listens again.
MAX_PROBE_SPANS: Final = 64
MAX_HELD_LOGS: Final = 1_000
MAX_HELD_POINTS: Final = 50_000


class _Direct:
    """What goes over one link."""

    def __init__(self, link: Link) -> None:
        self._link = link

    @property
    def waited_s(self) -> float:
        """How long the request that is under way has had no answer; 0 where there is none."""
        return self._link.waited_s

    def close(self) -> None:
        """Give up the connection."""
        self._link.close()


class DirectSpans(_Direct):
    """Spans in OTLP's wire format; see `SpanOutput`.

    Parameters
    ----------
    link
        Where they go.
    resource, version
        Who sends.
    maker
        Says what the spans are.
    sampler
        Decides about traces.
    n_held
        Spans kept while nobody listens.
    """

    def __init__(
        self,
        link: Link,
        resource: Resource,
        version: str,
        maker: SpanMaker,
        sampler: sdk.TraceSampler,
        n_held: int,
    ) -> None:
        super().__init__(link)
        self.n_exported = self.n_sampled_out = 0
        self.acknowledged_s = 0.0
        self._resource = encoder.resource(_values(resource))
        self._version = version
        self._maker = maker
        self._encoder = encoder.SpanEncoder(maker)
        self._sampler = sampler
        self._spool = Spool(n_held)
        #: That of the last event, to which most belong as well, and whether its trace is sent.
        self._place: correlate.Place | None = None
        self._keeps = True
        self._n_refused = 0
        #: By number of spans that came in: all that was recorded before then is among them.
        self._marks: deque[tuple[int, float]] = deque()

    def __len__(self) -> int:
        return len(self._spool)

    @property
    def n_dropped(self) -> int:
        """Spans given up."""
        return self._spool.n_dropped + self._n_refused

    def put(self, event: SpanEvent) -> None:
        """Encode one event; a client has asked the sampler itself before it began a call."""
        place = self._maker.place(event)
        if place is not self._place and not isinstance(event, ClientCall):
            self._place, self._keeps = place, self._sampler.keeps(place)
        if not self._keeps and not isinstance(event, ClientCall):
            self.n_sampled_out += span_count(event)
            return
        for span in self._encoder.encode(event, place):
            self._spool.append(span)

    def send(self, put_s: float, deadline_s: float | None) -> None:
        """Send what waits, in requests that any server takes."""
        if self._marks and self._marks[-1][0] == self._spool.n_in:
            self._marks.pop()
        self._marks.append((self._spool.n_in, put_s))
        while len(self._spool) and self._link.ready(deadline_s):
            # Whether somebody listens again is asked with little: it is asked every second.
            n_most = MAX_PROBE_SPANS if self._link.failing else MAX_BATCH_SPANS
            batch = self._spool.oldest(n_most)
            payload = encoder.request(self._resource, self._version, batch)
            reply = self._link.send(payload, deadline_s)
            if reply.retry:
                break
            self._spool.remove(len(batch))
            n_rejected = _n_refused(reply, len(batch), _rejected_spans)
            self._n_refused += n_rejected
            self.n_exported += len(batch) - n_rejected
        n_out = self._spool.n_in - len(self._spool)
        while self._marks and self._marks[0][0] <= n_out:
            self.acknowledged_s = self._marks.popleft()[1]


class DirectLogs(_Direct):
    """Log records; see `LogOutput`."""

    def __init__(self, link: Link, resource: Resource, version: str) -> None:
        super().__init__(link)
        self.n_dropped = 0
        self._encoder = LogEncoder(encoder.resource(_values(resource)), version)
        self._waiting: deque[LogEvent] = deque()

    def put(self, event: LogEvent) -> None:
        """Take one event."""
        if len(self._waiting) >= MAX_HELD_LOGS:
            self._waiting.popleft()
            self.n_dropped += 1
        self._waiting.append(event)

    def send(self, deadline_s: float | None) -> None:
        """Send what waits in one request."""
        if not self._waiting or not self._link.ready(deadline_s):
            return
        taken, self._waiting = self._waiting, deque()
        reply = self._link.send(self._encoder.encode(map(log, taken)), deadline_s)
        if reply.retry:
            # What was running then is of no use later, and is no loss.
            self._waiting.extend(event for event in taken if not isinstance(event, Running))
        else:
            self.n_dropped += _n_refused(reply, len(taken), _rejected_logs)


class DirectPoints(_Direct):
    """Metric points; see `PointOutput`."""

    def __init__(self, link: Link, resource: Resource, version: str) -> None:
        super().__init__(link)
        self._encode = _point_encoder(link, resource, version)
        self._waiting: Points = {}
        self._delay_s = 0.0
        #: What was not taken is sent again as it was: a difference is not to be made twice.
        self._refused = b""

    def put(self, points: Points, delay_s: float = 0.0) -> None:
        """Take readings."""
        self._waiting |= points
        self._delay_s = delay_s
        while len(self._waiting) > MAX_HELD_POINTS:
            del self._waiting[next(iter(self._waiting))]

    def send(self, deadline_s: float | None) -> None:
        """Send what was not taken the last time, then what waits."""
        if self._refused and self._link.ready(deadline_s):
            self._send(self._refused, deadline_s)
        if self._waiting and not self._refused and self._link.ready(deadline_s):
            points, self._waiting = self._waiting, {}
            self._send(self._encode(points, self._delay_s), deadline_s)

    def _send(self, payload: bytes, deadline_s: float | None) -> None:
        reply = self._link.send(payload, deadline_s)
        self._refused = payload if reply.retry else b""


def _values(resource: Resource) -> Mapping[str, wire.Value]:
    return cast("Mapping[str, wire.Value]", resource.attributes)


def _point_encoder(
    link: Link, resource: Resource, version: str
) -> Callable[[Points, float], bytes]:
    """Ours; the SDK's where the endpoint wants differences, which it knows how to make.

    Ours has the scheduler's clock as spans have it, for what is sent together is seen together.
    """
    if link.preferred_temporality.get(ObservableCounter) is AggregationTemporality.DELTA:
        batch = sdk.MetricBatch(resource, version, link.preferred_temporality)
        return lambda points, _: batch.encode(points)
    start_s = clock.now_s()
    own: MetricEncoder | None = None

    def encode(points: Points, delay_s: float) -> bytes:
        nonlocal own
        if own is None:  # before, the scheduler's clock was not known
            own = MetricEncoder(
                encoder.resource(_values(resource)), version, to_ns(start_s + delay_s)
            )
        return own.encode(points, to_ns(clock.now_s() + delay_s))

    return encode


def _n_refused(reply: otlp.Reply, n_sent: int, rejected: Callable[[bytes], int]) -> int:
    """How many of `n_sent` the endpoint does not want; `rejected` reads its answer."""
    if not reply.accepted:
        return n_sent
    try:
        return min(max(0, rejected(reply.body)), n_sent)
    except DecodeError:  # whatever it says there, it has taken the request
        return 0


def _rejected_spans(body: bytes) -> int:
    return ExportTraceServiceResponse.FromString(body).partial_success.rejected_spans


def _rejected_logs(body: bytes) -> int:
    return ExportLogsServiceResponse.FromString(body).partial_success.rejected_log_records
