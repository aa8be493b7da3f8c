"""Ids of traces and spans, derived so that no process has to ask another. Pure.

- What a client with OpenTelemetry submits belongs to the client's trace: a `traceparent` comes with
  its tasks, and says whether the trace is sampled.
- Else a trace is one Dask span: its uuid has the 128 bits of a trace id and is known to the
  scheduler (`ts.group.span_id`) and to the worker (`ts.span_id`) before any plugin sees the graph.
  Its halves change places: samplers compare the lower half of a trace id with a share of 2**64,
  and a uuid's lower half always begins with the bits 10, which would sample all or nothing.
- An attempt's span id is a hash of (key, run id): Dask counts run ids over the whole cluster.
- A graph's span id is a hash of its trace id and of what it is the graph of: the span that
  submitted it, if any, and the how-many-eth of its origin it is. So a worker can name the parent of
  its attempts: the first graph of their `traceparent` or Dask span.
- A very large trace goes on in others, whose ids are hashes of the first one's and of a number.
- Keys are hashed as their `ascii`, which tells `"1"`, `1`, `b"1"` and `("1",)` apart, escapes what
  UTF-8 cannot hold, and is the same in every Python version.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Iterable

_N_TRACE_BYTES = 16
_N_SPAN_BYTES = 8
_N_TRACEPARENT = 55
_HASHES = {n_bytes: blake2b(digest_size=n_bytes) for n_bytes in (_N_TRACE_BYTES, _N_SPAN_BYTES)}
_ZEROS = frozenset({bytes(_N_SPAN_BYTES), bytes(_N_TRACE_BYTES)})
#: What `_digest("attempt", key, run_id)` begins with.
_ATTEMPT = blake2b(b"('attempt', ", digest_size=_N_SPAN_BYTES)


class Place(NamedTuple):
    """Where the attempts of an origin belong.

    Attributes
    ----------
    trace_id
        16 bytes.
    graph_id
        Span id of their graph, 8 bytes.
    parent_id
        Of the graph: the span that submitted it; None when the graph is the root of its trace.
    sampled
        False when whoever submitted it has decided not to record the trace.
    """

    trace_id: bytes
    graph_id: bytes
    parent_id: bytes | None
    sampled: bool


def place(origin: str) -> Place:
    """Ids for an origin: the uuid of a Dask span, or a `traceparent` (W3C Trace Context 1)."""
    if len(origin) == _N_TRACEPARENT and origin[2] == origin[35] == origin[52] == "-":
        try:
            trace, parent = bytes.fromhex(origin[3:35]), bytes.fromhex(origin[36:52])
            sampled = bool(int(origin[53:], 16) & 1)
        except ValueError:
            pass
        else:
            # Users can write one themselves, and `fromhex` takes blanks: a span of such a trace
            # would spoil a whole request.
            if (len(trace), len(parent)) == (_N_TRACE_BYTES, _N_SPAN_BYTES) and any(trace):
                return Place(trace, graph_span_id(trace, parent), parent, sampled)
    trace = trace_id(origin)
    return Place(trace, graph_span_id(trace), None, True)


def traceparent(trace: bytes, span: bytes, sampled: bool = True) -> str:
    """W3C `traceparent` of a span."""
    return f"00-{trace.hex()}-{span.hex()}-{int(sampled):02x}"


def continuation(origin: str, number: int) -> str:
    """Origin of the `number`th continuation, from 1, of the trace of `origin`."""
    first = place(origin)
    trace = _digest("continued", first.trace_id, first.graph_id, number, n_bytes=_N_TRACE_BYTES)
    return traceparent(trace, first.graph_id, first.sampled)


def trace_id(dask_span_id: str) -> bytes:
    """Trace id of a Dask span: 16 bytes of its uuid; a hash where the user made up another form."""
    try:
        raw = UUID(dask_span_id).bytes
    except ValueError:
        return fallback_trace_id(dask_span_id)
    return raw[8:] + raw[:8] if any(raw) else fallback_trace_id(dask_span_id)


def fallback_trace_id(name: str) -> bytes:
    """Trace id of what belongs to no Dask span: a hash of `name`, the scheduler's address."""
    return _digest("trace", name, n_bytes=_N_TRACE_BYTES)


def graph_span_id(trace: bytes, of: bytes | None = None, n_before: int = 0) -> bytes:
    """Span id of the graph that `of`, or else a Dask span, submitted after `n_before` others."""
    parts = (n_before,) if of is None else (of, n_before) if n_before else (of,)
    return _digest("graph", trace, *parts, n_bytes=_N_SPAN_BYTES)


def attempt_span_id(key: object, run_id: int, text: str | None = None) -> bytes:
    """Span id of one attempt to run a task; `text` is `str(key)` where that is there already."""
    # A tuple's text is its `ascii`, but for what that escapes; to write it takes a third of all.
    is_written = text is not None and key.__class__ is tuple and text.isascii()
    hashed = _ATTEMPT.copy()
    hashed.update(f"{text if is_written else ascii(key)}, {run_id!r})".encode())
    return _valid(hashed.digest())


def transfer_span_id(
    worker: str, peer: str, start_ns: int, stop_ns: int, *, sent: bool = False, of: str = ""
) -> bytes:
    """Span id of one batch that `worker` has received from `peer`, or has sent to it."""
    kind = "send" if sent else "transfer"
    parts = (kind, worker, peer, start_ns, stop_ns, *((of,) if of else ()))
    return _digest(*parts, n_bytes=_N_SPAN_BYTES)


def disk_span_id(worker: str, action: str, key: object, start_ns: int, stop_ns: int) -> bytes:
    """Span id of a value that `worker` wrote to disk, read or unpickled."""
    return _digest(action, worker, key, start_ns, stop_ns, n_bytes=_N_SPAN_BYTES)


def batch_id(receiver: str, sender: str, keys: Iterable[object]) -> str:
    """What both ends of a transfer know of it: 16 hexadecimal digits."""
    ordered = tuple(sorted(ascii(key) for key in keys))
    return _digest("batch", receiver, sender, ordered, n_bytes=_N_SPAN_BYTES).hex()


def _digest(*parts: object, n_bytes: int) -> bytes:
    return _hash(ascii(parts), n_bytes)


def _hash(text: str, n_bytes: int) -> bytes:
    hashed = _HASHES[n_bytes].copy()  # two thirds of the time of a new one
    hashed.update(text.encode())
    return _valid(hashed.digest())


def _valid(digest: bytes) -> bytes:
    """`digest`, but never all zeros, which OpenTelemetry calls invalid."""
    return b"\x01" * len(digest) if digest in _ZEROS else digest
