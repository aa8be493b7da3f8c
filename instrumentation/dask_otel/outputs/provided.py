"""Through providers that somebody has brought: with their samplers, limits, processors, readers.

Their provider is never shut down, and nothing is made global. From a provider of the SDK another
one is derived for each scheduler and worker, with its own resource and the same processors, whose
spans have the ids that other processes derive for them. A provider of another kind gets plain calls
of OpenTelemetry's API, and ids are its own then.
"""

from __future__ import annotations

import os
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary, WeakSet

from opentelemetry.metrics import Observation
from opentelemetry.sdk.trace import TracerProvider as SdkTracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link as SpanLink
from opentelemetry.trace import (
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
)

from dask_otel import conventions as names
from dask_otel import sdk
from dask_otel.compat import sdk as otel
from dask_otel.compat.otel_logs import SdkLoggerProvider
from dask_otel.events import ClientCall
from dask_otel.record import spans as records
from dask_otel.record.logs import log
from dask_otel.wire import readable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opentelemetry.context import Context
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.trace import Tracer, TracerProvider, TraceState
    from opentelemetry.util.types import Attributes as SdkAttributes

    from dask_otel.compat.otel_logs import LoggerProvider
    from dask_otel.events import LogEvent, SpanEvent
    from dask_otel.points import Attributes, Points
    from dask_otel.record.spans import Span, SpanMaker

#: How long a batch processor waits by default. What it has not sent when its process is killed is
#: lost, and nobody can ask it: so long after it got a span we believe that it has sent it.
SETTLE_S: Final = 5.0
#: Points of one metric of one emitter that a reader finds, the newest.
MAX_POINTS: Final = 50_000

_KINDS: Final = {
    records.INTERNAL: SpanKind.INTERNAL,
    records.SERVER: SpanKind.SERVER,
    records.CLIENT: SpanKind.CLIENT,
    records.PRODUCER: SpanKind.PRODUCER,
}


class _Ids(IdGenerator):
    """Names the next span as it is to be named; used by one thread."""

    trace_id = span_id = 0

    def generate_trace_id(self) -> int:
        return self.trace_id

    def generate_span_id(self) -> int:
        return self.span_id


class _Sampler(Sampler):
    """Somebody's sampler, which is not asked again what a client has asked it; for one thread."""

    is_decided = False

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler

    def should_sample(  # noqa: PLR0913 - the SDK's
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: SdkAttributes = None,
        links: Sequence[SpanLink] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        if self.is_decided:
            return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes)
        return self._sampler.should_sample(
            parent_context, trace_id, name, kind, attributes, links, trace_state
        )

    def get_description(self) -> str:
        return self._sampler.get_description()


class _Provided:
    """What is known of all that goes through providers."""

    #: How long they wait for whom is their business.
    waited_s: Final = 0.0


class ProvidedSpans(_Provided):
    """Spans of a provider; see `SpanOutput`. What it makes of them is its own business.

    Parameters
    ----------
    provider
        Somebody's.
    resource, version
        Who sends.
    maker
        Says what the spans are.
    """

    def __init__(
        self, provider: TracerProvider, resource: Resource, version: str, maker: SpanMaker
    ) -> None:
        self.n_exported = self.n_sampled_out = 0
        self.n_dropped = 0
        self.acknowledged_s = 0.0
        self._provider: Any = provider
        self._maker = maker
        self._ids = _Ids()
        if isinstance(provider, SdkTracerProvider):
            self._asked = _Sampler(provider.sampler)
            provider = otel.derived_tracer_provider(
                provider, sdk.merged(resource, provider.resource), self._ids, self._asked
            )
        else:
            self._asked = _Sampler(otel.configured_sampler())
        self._sampler = sdk.TraceSampler(self._asked)
        self._tracer: Tracer = provider.get_tracer(names.SCOPE_NAME, version, names.SCHEMA_URL)

    def __len__(self) -> int:
        return 0

    def put(self, event: SpanEvent) -> None:
        """Hand the spans of one event to the provider."""
        place = self._maker.place(event)
        # A client has asked before it began a call. Whoever continues another trace has that one's
        # word; otherwise the sampler is asked of each span.
        self._asked.is_decided = is_decided = isinstance(event, ClientCall)
        continues = is_decided or place.parent_id is not None
        sampled = place.sampled if continues else self._sampler.keeps(place)
        made = list(self._maker.spans(event))
        for span in made:
            if self._emit(span, sampled):
                self.n_exported += 1
            else:
                self.n_sampled_out += 1

    def _emit(self, span: Span, sampled: bool) -> bool:
        self._ids.trace_id = int.from_bytes(span.trace_id, "big")
        self._ids.span_id = int.from_bytes(span.span_id, "big")
        failure = span.failure
        attributes = span.attributes
        if failure is not None:
            attributes = {**attributes, names.ERROR_TYPE: failure.type}
        emitted = self._tracer.start_span(
            str(readable(span.name)),
            sdk.parent_context(span.trace_id, span.parent_id, sampled, span.remote),
            _KINDS[span.kind],
            sdk.readable(attributes.items()),
            [_link(link) for link in span.links],
            span.start_ns,
        )
        if failure is not None:
            said = sdk.readable(((names.EXCEPTION_TYPE, failure.type), *failure.details()))
            emitted.add_event(names.EVENT_EXCEPTION, said, span.stop_ns)
            message = str(readable(failure.message)) or None
            emitted.set_status(Status(StatusCode.ERROR, message))
        emitted.end(span.stop_ns)
        return emitted.get_span_context().trace_flags.sampled

    def send(self, put_s: float, deadline_s: float | None) -> None:
        """Let the provider send what it holds, the last time; otherwise it knows when."""
        self.acknowledged_s = max(self.acknowledged_s, put_s - SETTLE_S)
        if deadline_s is not None:
            _flush(self._provider, deadline_s)

    def close(self) -> None:
        """Nothing to do: the provider is not ours."""


class ProvidedLogs(_Provided):
    """Log records of a provider; see `LogOutput`."""

    def __init__(self, provider: LoggerProvider, resource: Resource, version: str) -> None:
        self.n_dropped = 0
        self._provider: Any = provider
        if isinstance(provider, SdkLoggerProvider):
            provider = otel.derived_logger_provider(
                provider, sdk.merged(resource, provider.resource)
            )
        self._logger = provider.get_logger(names.SCOPE_NAME, version, names.SCHEMA_URL)

    def put(self, event: LogEvent) -> None:
        """Hand one record to the provider."""
        self._logger.emit(sdk.log_record(log(event)))

    def send(self, deadline_s: float | None) -> None:
        """Let the provider send what it holds, the last time; otherwise it knows when."""
        if deadline_s is not None:
            _flush(self._provider, deadline_s)

    def close(self) -> None:
        """Nothing to do: the provider is not ours."""


class _Board:
    """The instruments of one provider, which observe the points of every emitter that uses it.

    A provider knows an instrument by its name and takes only one. Emitters come and go in their
    threads while readers observe in others.
    """

    def __init__(self, provider: MeterProvider, version: str) -> None:
        self.forget()
        meter = provider.get_meter(names.SCOPE_NAME, version, names.SCHEMA_URL)
        sdk.create_instruments(meter, self._observe)

    def forget(self) -> None:
        """Begin with no emitters."""
        self._emitters: WeakSet[ProvidedPoints] = WeakSet()
        self._lock = Lock()

    def add(self, emitter: ProvidedPoints) -> None:
        """Observe the points of `emitter`, too."""
        with self._lock:
            self._emitters.add(emitter)

    def discard(self, emitter: ProvidedPoints) -> None:
        """Observe them no longer."""
        with self._lock:
            self._emitters.discard(emitter)

    def _observe(self, metric: names.Metric) -> Iterator[Observation]:
        with self._lock:
            emitters = tuple(self._emitters)
        for emitter in emitters:
            yield from emitter.observations(metric)


class _Boards:
    """The boards of this process, one for each provider."""

    def __init__(self) -> None:
        self._boards: WeakKeyDictionary[MeterProvider, _Board] = WeakKeyDictionary()
        self._lock = Lock()

    def of(self, provider: MeterProvider, version: str) -> _Board:
        """That of `provider`: the emitters of a process may all ask at the same moment."""
        with self._lock:
            board = self._boards.get(provider)
            if board is None:
                board = self._boards[provider] = _Board(provider, version)
            return board

    def forget(self) -> None:
        """Show nothing in a process that was forked: readers go on there, emitters do not."""
        self._lock = Lock()
        for board in list(self._boards.values()):
            board.forget()


_boards: Final = _Boards()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_boards.forget)


class ProvidedPoints(_Provided):
    """The latest metric points, for the readers of a provider; see `PointOutput`.

    The resource is the provider's, so points say which instance they are of.
    """

    def __init__(self, provider: MeterProvider, resource: Resource, version: str) -> None:
        self._provider: Any = provider
        instance = resource.attributes.get(names.SERVICE_INSTANCE_ID, "")
        self._instance = {names.SERVICE_INSTANCE_ID: str(instance)}
        self._latest: dict[names.Metric, dict[Attributes, Observation]] = {}
        self._board = _boards.of(provider, version)
        self._board.add(self)

    def observations(self, metric: names.Metric) -> list[Observation]:
        """The latest points of `metric`; called by readers, in their threads."""
        return list(self._latest.get(metric, {}).values())

    def put(self, points: Points, delay_s: float = 0.0) -> None:
        """Take readings; their times are those of the provider's own clock."""
        for (metric, attributes), value in points.items():
            latest = self._latest.setdefault(metric, {})
            latest.pop(attributes, None)  # the newest stand last
            if len(latest) >= MAX_POINTS:
                del latest[next(iter(latest))]
            latest[attributes] = Observation(value, sdk.readable(attributes) | self._instance)

    def send(self, deadline_s: float | None) -> None:
        """Let the provider read once more, the last time; otherwise it knows when."""
        if deadline_s is not None:
            _flush(self._provider, deadline_s)

    def close(self) -> None:
        """Show no more points; instruments cannot be taken back."""
        self._board.discard(self)


def _link(link: records.Link) -> SpanLink:
    context = SpanContext(
        int.from_bytes(link.trace_id, "big"),
        int.from_bytes(link.span_id, "big"),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )
    return SpanLink(context, {names.LINK_KEY: readable(link.key)} if link.key else None)


def _flush(provider: Any, deadline_s: float) -> None:
    """Flush what can be flushed; only the SDK's providers promise it."""
    flush = getattr(provider, "force_flush", None)
    if flush is not None:
        flush(max(1, int((deadline_s - monotonic()) * 1e3)))
