"""What OpenTelemetry's API keeps to itself."""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace.propagation import _SPAN_KEY


def tracer_provider() -> trace.TracerProvider | None:
    """The global provider if somebody has set one.

    `get_tracer_provider` takes twenty times as long where nobody has: it asks the environment.
    """
    return getattr(trace, "_TRACER_PROVIDER", None)


def only(span: trace.Span) -> Context:
    """A context that has a current span and nothing else.

    `set_span_in_context` takes three times as long: it copies the context that it is given.
    """
    return Context({_SPAN_KEY: span})
