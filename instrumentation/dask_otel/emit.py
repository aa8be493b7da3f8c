"""Bounded hand-over from Dask's event loop to one background thread that encodes and sends.

- `record`, `log` and `measure` are called on the event loop: they append and return, never block
  and never raise.
- What cannot be sent is kept, newest first, up to a number of spans and of bytes; what falls out is
  counted. At any quiet moment recorded = exported + dropped + held, exactly.
- One thread per scheduler or worker, a daemon: a hanging endpoint cannot keep a process alive.
- An endpoint that fails costs one log line, and one more when it is back.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from contextlib import suppress
from functools import wraps
from importlib.metadata import version
from time import monotonic
from typing import TYPE_CHECKING, Final, Protocol, TypeVar, cast

from opentelemetry.context import attach, set_value
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from dask_otel import conventions as names
from dask_otel import sdk
from dask_otel.compat import otlp
from dask_otel.events import LogEvent, Running, SpanEvent, span_count
from dask_otel.outputs import Providers
from dask_otel.record import encoder as record
from dask_otel.record.logs import log
from dask_otel.sdk import LogBatch, MetricBatch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dask_otel import wire
    from dask_otel.config import Settings, Target
    from dask_otel.points import Points
    from dask_otel.record.spans import SpanMaker

#: Spans in one request. gRPC servers refuse more than 4 MiB by default.
MAX_BATCH_SPANS: Final = 4_096
MAX_BATCH_BYTES: Final = 3 << 20
#: Encoded spans held while nobody listens take no more than this, however many they are.
MAX_HELD_BYTES: Final = 64 << 20
MAX_HELD_LOGS: Final = 1_000
#: Time after a failure in which nothing is tried.
PAUSE_S: Final = 1.0
MAX_PAUSE_S: Final = 30.0
#: Time for the last export of a scheduler or worker that closes.
STOP_S: Final = 2.0

logger = logging.getLogger(__name__)


Hook = TypeVar("Hook", bound="Callable[..., None]")


class Adapter(Protocol):
    """What `guarded` needs to know of the object whose hooks it guards."""

    emitter: Emitter


class Spool:
    """Encoded spans that wait to be sent; drops the oldest when it is full."""

    def __init__(self, n_max: int, max_bytes: int = MAX_HELD_BYTES) -> None:
        self.n_dropped = 0
        self._spans: deque[bytes] = deque()
        self._n_max = n_max
        self._max_bytes = max_bytes
        self._n_bytes = 0

    def __len__(self) -> int:
        return len(self._spans)

    def append(self, span: bytes) -> None:
        """Add the newest span."""
        self._spans.append(span)
        self._n_bytes += len(span)
        while len(self._spans) > self._n_max or self._n_bytes > self._max_bytes:
            self._n_bytes -= len(self._spans.popleft())
            self.n_dropped += 1

    def oldest(self) -> list[bytes]:
        """The spans of the next request; they stay until they are removed."""
        batch: list[bytes] = []
        n_bytes = 0
        for span in self._spans:
            n_bytes += len(span)
            if batch and (len(batch) == MAX_BATCH_SPANS or n_bytes > MAX_BATCH_BYTES):
                break
            batch.append(span)
        return batch

    def remove(self, n_spans: int) -> None:
        """Take the oldest `n_spans` out."""
        for _ in range(n_spans):
            self._n_bytes -= len(self._spans.popleft())


class Link:
    """The way of one signal to its endpoint, with pauses where it fails."""

    def __init__(self, signal: str, target: Target) -> None:
        self._signal = signal
        self._transport = otlp.transport(signal, target.protocol, target.endpoint)
        self._resume_s = 0.0
        self._failing = False

    def ready(self) -> bool:
        """Whether it makes sense to try."""
        return monotonic() >= self._resume_s

    def send(self, payload: bytes, timeout_s: float | None = None) -> otlp.Reply:
        """Send `payload` once; a failure is logged when it is the first in a row."""
        own_s = self._transport.timeout_s
        reply = self._transport.send(payload, own_s if timeout_s is None else min(own_s, timeout_s))
        if reply.retry:
            self._resume_s = monotonic() + min(reply.pause_s or PAUSE_S, MAX_PAUSE_S)
        if not reply.accepted and not self._failing:
            todo = "kept until it answers" if reply.retry else "dropped"
            logger.warning("%s are %s: %s", self._signal.capitalize(), todo, reply.reason)
        elif reply.accepted and self._failing:
            logger.info("%s are sent again", self._signal.capitalize())
        self._failing = not reply.accepted
        return reply

    def close(self) -> None:
        """Give up the connection."""
        self._transport.close()


class Emitter:
    """Takes the events of one scheduler or worker and sends them in the background.

    Parameters
    ----------
    settings
        What the user chose.
    attributes
        Who sends.
    maker
        Turns events into spans.
    providers
        What somebody has brought to send with.
    """

    def __init__(
        self,
        settings: Settings,
        attributes: Mapping[str, str | int],
        maker: SpanMaker,
        providers: Providers | None = None,
    ) -> None:
        self._settings = settings
        self._encoder = record.SpanEncoder(maker)
        self._providers = providers or Providers()
        resource = sdk.resource(attributes)
        self._resource = record.resource(cast("Mapping[str, wire.Value]", resource.attributes))
        self._version = version("daskscope")
        self._events: deque[SpanEvent] = deque()
        self._logs: deque[LogEvent] = deque(maxlen=MAX_HELD_LOGS)
        self._spool = Spool(settings.n_held)
        self._points: Points = {}
        self._points_lock = threading.Lock()
        self._log_batch = LogBatch(resource, self._version)
        self._metric_batch = MetricBatch(resource, self._version)
        self._links = {
            signal: Link(signal, target)
            for signal, target in (
                ("traces", settings.traces),
                ("metrics", settings.metrics),
                ("logs", settings.logs),
            )
            if target is not None
        }
        self._n_recorded = self._n_overrun = 0  # written by the event loop only
        self._n_exported = self._n_refused = 0  # written by the thread only
        self._records = "traces" in self._links
        self._n_held = settings.n_held
        self._complained = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dask_otel", daemon=True)

    # On the event loop

    def start(self) -> None:
        """Start the background thread."""
        self._thread.start()

    def record(self, event: SpanEvent, n_spans: int = 1) -> None:
        """Hand over what becomes `n_spans` spans."""
        if not self._records:
            return
        events = self._events
        self._n_recorded += n_spans
        events.append(event)
        if len(events) > self._n_held:
            with suppress(IndexError):  # the thread was quicker
                self._n_overrun += span_count(events.popleft())

    def log(self, event: LogEvent) -> None:
        """Hand over what becomes a log record."""
        self._logs.append(event)

    def measure(self, points: Points) -> None:
        """Hand over metric points; a newer value replaces one that has not been sent."""
        if points:
            with self._points_lock:
                self._points.update(points)

    def failed(self, what: str, error: Exception, n_spans: int = 0) -> None:
        """Count `n_spans` that a hook could not record; the first failure is logged."""
        self._n_recorded += n_spans
        self._n_overrun += n_spans
        self._complain(what, error)

    def stop(self) -> None:
        """Send what is left, for `STOP_S` at most; blocks, so call it off the event loop."""
        self._stopping.set()
        self._thread.join(STOP_S)
        links, self._links = self._links, {}  # a thread that still hangs sends nothing later
        for link in links.values():
            link.close()
        n_left = self._n_recorded - self._n_exported - self.n_dropped
        if n_left > 0:
            logger.warning("Stopped with %d spans unsent", n_left)

    @property
    def n_recorded(self) -> int:
        """Spans handed over."""
        return self._n_recorded

    @property
    def n_exported(self) -> int:
        """Spans that the endpoint has taken."""
        return self._n_exported

    @property
    def n_dropped(self) -> int:
        """Spans given up."""
        return self._n_overrun + self._spool.n_dropped + self._n_refused

    # In the background thread

    def _run(self) -> None:
        attach(set_value(otlp.SUPPRESS_INSTRUMENTATION, True))
        while not self._stopping.wait(self._settings.export_interval_s):
            self._cycle(None)
        self._cycle(monotonic() + STOP_S * 0.9)

    def _cycle(self, deadline_s: float | None) -> None:
        """Send all that there is; `deadline_s` marks the last time."""
        for step in (self._send_spans, self._send_logs, self._send_points):
            try:
                step(deadline_s)
            except Exception as error:  # noqa: BLE001 - the thread must live on
                self._complain("Sending", error)

    def _complain(self, what: str, error: Exception) -> None:
        if not self._complained:
            self._complained = True
            logger.error("%s failed; further failures are not logged", what, exc_info=error)

    def _link(self, signal: str, deadline_s: float | None) -> Link | None:
        """The link of `signal` if it may be used now; the last time it always may."""
        link = self._links.get(signal)
        if link is None or (deadline_s is None and not link.ready()):
            return None
        return link

    def _encode(self) -> None:
        events = self._events
        for _ in range(len(events)):
            try:
                event = events.popleft()
            except IndexError:  # the event loop has dropped the oldest
                break
            try:
                spans = self._encoder.encode(event)
            except Exception as error:  # noqa: BLE001 - a key can be of any kind
                self._n_refused += span_count(event)
                self._complain("Encoding a span", error)
                continue
            for span in spans:
                self._spool.append(span)

    def _send_spans(self, deadline_s: float | None) -> None:
        self._encode()
        while len(self._spool):
            link = self._link("traces", deadline_s)
            if link is None:
                return
            batch = self._spool.oldest()
            payload = record.request(self._resource, self._version, batch)
            reply = link.send(payload, _remaining_s(deadline_s))
            if reply.retry:
                return
            self._spool.remove(len(batch))
            n_rejected = _rejected(reply.body) if reply.accepted else len(batch)
            self._n_refused += n_rejected
            self._n_exported += len(batch) - n_rejected

    def _send_logs(self, deadline_s: float | None) -> None:
        link = self._link("logs", deadline_s)
        if link is None or not self._logs:
            return
        taken = [self._logs.popleft() for _ in range(len(self._logs))]
        reply = link.send(
            self._log_batch.encode([log(event) for event in taken]),
            _remaining_s(deadline_s),
        )
        if reply.retry:
            # What was running then is of no use later, and the rest must not push out newer ones.
            kept = [event for event in taken if not isinstance(event, Running)]
            room = MAX_HELD_LOGS - len(self._logs)
            self._logs.extendleft(reversed(kept[-room:] if room else []))

    def _send_points(self, deadline_s: float | None) -> None:
        link = self._link("metrics", deadline_s)
        if link is None or not (self._points or deadline_s is not None):
            return
        with self._points_lock:
            points, self._points = self._points, {}
        points |= {
            (names.SPANS_RECORDED, ()): self._n_recorded,
            (names.SPANS_EXPORTED, ()): self._n_exported,
            (names.SPANS_DROPPED, ()): self.n_dropped,
        }
        reply = link.send(self._metric_batch.encode(points), _remaining_s(deadline_s))
        if reply.retry:
            with self._points_lock:
                self._points = points | self._points


def guarded(what: str) -> Callable[[Hook], Hook]:
    """Keep what goes wrong in a hook from Dask; `what` says in the log what the hook does."""

    def decorate(hook: Hook) -> Hook:
        @wraps(hook)
        def call(self: Adapter, *args: object, **kwargs: object) -> None:
            try:
                hook(self, *args, **kwargs)
            except Exception as error:  # noqa: BLE001 - nothing here can fail a task
                self.emitter.failed(what, error)

        return cast("Hook", call)

    return decorate


def _remaining_s(deadline_s: float | None) -> float | None:
    return None if deadline_s is None else max(0.05, deadline_s - monotonic())


def _rejected(body: bytes) -> int:
    """Spans that the endpoint has refused out of a request that it took."""
    if not body:
        return 0
    return ExportTraceServiceResponse.FromString(body).partial_success.rejected_spans
