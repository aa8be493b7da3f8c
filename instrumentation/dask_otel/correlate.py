"""Ids of traces and spans, derived so that no process has to ask another. Pure.

- A trace is one Dask span: its uuid has the 128 bits of a trace id and is known to the scheduler
  (`ts.group.span_id`) and to the worker (`ts.span_id`) before any plugin sees the graph.
- An attempt's span id is a hash of (key, run id): Dask counts run ids over the whole cluster.
- A graph's span id is a hash of its trace id and of how many graphs the trace has had before, so
  that a worker can name the parent of its attempts: the first graph of their trace.
- Keys are hashed as their `ascii`, which tells `"1"`, `1`, `b"1"` and `("1",)` apart, escapes what
  UTF-8 cannot hold, and is the same in every Python version.
"""

from __future__ import annotations

from hashlib import blake2b
from uuid import UUID

_N_TRACE_BYTES = 16
_N_SPAN_BYTES = 8


def trace_id(dask_span_id: str) -> bytes:
    """Trace id of a Dask span: 16 bytes, its uuid; a hash where the user made up another form."""
    try:
        raw = UUID(dask_span_id).bytes
    except ValueError:
        return fallback_trace_id(dask_span_id)
    return raw if any(raw) else fallback_trace_id(dask_span_id)


def fallback_trace_id(name: str) -> bytes:
    """Trace id of what belongs to no Dask span: a hash of `name`, the scheduler's address."""
    return _digest("trace", name, n_bytes=_N_TRACE_BYTES)


def graph_span_id(trace: bytes, n_before: int = 0) -> bytes:
    """Span id of the graph that comes after `n_before` others in `trace`."""
    return _digest("graph", trace, n_before, n_bytes=_N_SPAN_BYTES)


def attempt_span_id(key: object, run_id: int) -> bytes:
    """Span id of one attempt to run a task."""
    return _digest("attempt", key, run_id, n_bytes=_N_SPAN_BYTES)


def transfer_span_id(receiver: str, peer: str, start_ns: int, stop_ns: int) -> bytes:
    """Span id of one batch that the worker `receiver` fetched from `peer`."""
    return _digest("transfer", receiver, peer, start_ns, stop_ns, n_bytes=_N_SPAN_BYTES)


def _digest(*parts: object, n_bytes: int) -> bytes:
    """Hash of `parts` that is never all zeros, which OpenTelemetry calls invalid."""
    digest = blake2b(ascii(parts).encode(), digest_size=n_bytes).digest()
    return digest if digest != bytes(n_bytes) else b"\x01" * n_bytes
