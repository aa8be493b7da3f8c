"""Calls of a client that have not ended, as OpenTelemetry's context knows them.

A call is a span from its begin: it has its ids, its sampler has decided, and it is in the context,
so that what happens inside finds it. A context can outlive its call (Dask's event loop runs what a
call has asked for in a copy of it), so a call says by itself whether it is still open.
"""

from __future__ import annotations

from functools import cache
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as contexts
from opentelemetry import propagate, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags

from dask_otel import conventions as names
from dask_otel import correlate
from dask_otel.compat import api, clock, otlp
from dask_otel.events import ClientCall

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextvars import Token

    from opentelemetry.context import Context

    from dask_otel.events import Failure

_CALL: Final = contexts.create_key("dask-otel-call")
_SPAN_NAMES: Final = {name: f"{names.SPAN_CLIENT}.{name}" for name in names.CLIENT_CALLS}
_KINDS: Final = {
    name: SpanKind.CLIENT if name in names.CLIENT_REQUESTS else SpanKind.PRODUCER
    for name in names.CLIENT_CALLS
}


class Call:
    """A call of a client.

    Parameters
    ----------
    client
        Id of the client.
    name
        One of `conventions.CLIENT_CALLS`.
    span
        Ids of its span, and whether it is to be recorded.
    parent
        Span id of its parent; 0 at the root of a trace.
    attributes
        What its sampler says of it.
    delay_s
        What the scheduler's clock is ahead of this machine's.
    """

    __slots__ = (
        "_attributes",
        "_began_s",
        "_start_s",
        "client",
        "is_open",
        "n",
        "name",
        "parent",
        "span",
    )

    def __init__(
        self,
        client: str,
        name: str,
        span: SpanContext,
        parent: int,
        attributes: Mapping[str, Any] | None,
        delay_s: float,
    ) -> None:
        self.client = client
        self.name = name
        self.span = NonRecordingSpan(span)
        self.parent = parent
        self.n = 0
        self.is_open = True
        self._attributes = attributes
        self._start_s = clock.now_s() + delay_s
        self._began_s = perf_counter()  # how long it takes must not depend on a clock that is set

    @property
    def sampled(self) -> bool:
        """Whether its span is to be recorded."""
        return self.span.get_span_context().trace_flags.sampled

    def enter(self, outside: Context) -> Token[Context]:
        """Make it current in place of `outside`, until the token is handed back."""
        return contexts.attach(
            contexts.set_value(_CALL, self, trace.set_span_in_context(self.span, outside))
        )

    def traceparent(self) -> str:
        """W3C `traceparent` of its span."""
        span = self.span.get_span_context()
        trace_id, span_id = _trace_bytes(span.trace_id), _span_bytes(span.span_id)
        return correlate.traceparent(trace_id, span_id, self.sampled)

    def inject(self, carrier: dict[str, str]) -> None:
        """Put into `carrier` what the user's propagators say of its context."""
        propagate.inject(carrier, trace.set_span_in_context(self.span))

    def event(self, failure: Failure | None) -> ClientCall:
        """The call as it was, if it ends now."""
        span = self.span.get_span_context()
        return ClientCall(
            self.name,
            self._start_s,
            self._start_s + perf_counter() - self._began_s,
            self.client,
            self.n,
            _trace_bytes(span.trace_id),
            _span_bytes(span.span_id),
            _span_bytes(self.parent) if self.parent else None,
            failure,
            self._attributes,
        )


class Caller:
    """Makes the calls of one client.

    Parameters
    ----------
    client
        Id of the client.
    provider
        Its sampler and its ids are used, by default those of the global one; where that is not the
        SDK's, what the environment says (`OTEL_TRACES_SAMPLER`).
    delay_s
        What the scheduler's clock is ahead of this machine's.
    """

    def __init__(
        self, client: str, provider: trace.TracerProvider | None = None, delay_s: float = 0.0
    ) -> None:
        self._client = client
        self._provider = provider
        self._delay_s = delay_s

    def call(self, name: str, outside: Context) -> Call | None:
        """A call that begins in the context `outside`; None where it is part of another call.

        None, too, where the context forbids all instrumentation.
        """
        if contexts.get_value(otlp.SUPPRESS_INSTRUMENTATION, outside) or self.inside(outside):
            return None
        provider = self._provider or api.tracer_provider()
        if not isinstance(provider, TracerProvider):
            provider = _environment()
        parent = trace.get_current_span(outside).get_span_context()
        ids = provider.id_generator
        trace_id = parent.trace_id if parent.is_valid else ids.generate_trace_id()
        sampling = provider.sampler.should_sample(
            outside, trace_id, _SPAN_NAMES[name], _KINDS[name]
        )
        sampled = sampling.decision is Decision.RECORD_AND_SAMPLE
        # The other flags are about the trace and stay as they are (W3C Trace Context 2).
        flags = TraceFlags(parent.trace_flags & ~TraceFlags.SAMPLED | sampled)
        span = SpanContext(trace_id, ids.generate_span_id(), False, flags, sampling.trace_state)
        parent_id = parent.span_id if parent.is_valid else 0
        return Call(self._client, name, span, parent_id, sampling.attributes, self._delay_s)

    def inside(self, context: Context | None = None) -> Call | None:
        """The open call of this client in `context`, by default the current one."""
        call = contexts.get_value(_CALL, context)
        if isinstance(call, Call) and call.is_open and call.client == self._client:
            return call
        return None


@cache
def _environment() -> TracerProvider:
    """The sampler and the ids that the environment asks for; nothing is ever sent with it."""
    return TracerProvider(resource=Resource.get_empty(), shutdown_on_exit=False)


def _trace_bytes(number: int) -> bytes:
    return number.to_bytes(16, "big")


def _span_bytes(number: int) -> bytes:
    return number.to_bytes(8, "big")
