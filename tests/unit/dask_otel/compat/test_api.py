"""What `dask_otel` touches of OpenTelemetry's API is where it was."""

from __future__ import annotations

import subprocess
import sys

from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, get_current_span, set_span_in_context

from dask_otel.compat import api

SCRIPT = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from dask_otel.compat import api

assert "_TRACER_PROVIDER" in vars(trace)
assert api.tracer_provider() is None
provider = TracerProvider()
trace.set_tracer_provider(provider)
assert api.tracer_provider() is provider
"""


def test_the_global_provider_is_found_once_it_is_set() -> None:
    # It can be set only once in a process.
    subprocess.run([sys.executable, "-c", SCRIPT], check=True, timeout=60)


def test_a_context_has_a_span_and_nothing_else() -> None:
    context = api.only(INVALID_SPAN)
    assert get_current_span(context) is INVALID_SPAN
    assert context == set_span_in_context(INVALID_SPAN, Context())
    assert type(context) is Context
