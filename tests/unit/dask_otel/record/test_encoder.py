from __future__ import annotations

import pickle
from typing import Any
from uuid import UUID, uuid4

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from dask_otel import conventions as names
from dask_otel import correlate, events, record
from tests.sinks import plain_attributes

WORKER, SCHEDULER = "tcp://10.0.0.1:4001", "tcp://10.0.0.1:8786"
SPAN_ID = str(uuid4())
TRANSFER = events.Transfer(
    1795464516.1, 1795464516.2, "tcp://10.0.0.2:4002", 800, (("x-1", 0), "y"), 2, 8000.0, SPAN_ID
)
ATTEMPT = events.Attempt(
    ("x-1", 0),
    "x",
    7,
    SPAN_ID,
    1795464516.687147,
    1795464517.000001,
    140_000_000_000_000,
    800,
    list,
    (0, 1, -62),
    None,
    (),
)


def encoded(event: events.SpanEvent) -> list[Span]:
    payload = record.request(
        record.resource({"service.name": "s", "n": 2}),
        "1.2",
        record.SpanEncoder(WORKER, SCHEDULER).encode(event),
    )
    request = ExportTraceServiceRequest.FromString(payload)
    (group,) = request.resource_spans
    (scope,) = group.scope_spans
    assert plain_attributes(group.resource.attributes) == {"service.name": "s", "n": 2}
    assert (scope.scope.name, scope.scope.version) == (names.SCOPE_NAME, "1.2")
    assert {scope.schema_url, group.schema_url} == {names.SCHEMA_URL}
    # What protobuf would have written itself: nothing is malformed, repeated or out of place.
    assert ExportTraceServiceRequest.FromString(request.SerializeToString()) == request
    return list(scope.spans)


def test_an_attempt_is_a_span() -> None:
    (span,) = encoded(ATTEMPT)
    trace = UUID(SPAN_ID).bytes
    assert span.trace_id == trace
    assert span.span_id == correlate.attempt_span_id(("x-1", 0), 7)
    assert span.parent_span_id == correlate.graph_span_id(trace)
    assert (span.name, span.kind) == ("x", Span.SPAN_KIND_INTERNAL)
    assert span.start_time_unix_nano == 1795464516_687147_000
    assert span.end_time_unix_nano == 1795464517_000001_000
    assert span.status.code == Status.STATUS_CODE_UNSET
    assert plain_attributes(span.attributes) == {
        names.ACTION: "compute",
        names.TASK_KEY: "('x-1', 0)",
        names.TASK_PREFIX: "x",
        names.TASK_GROUP: "x-1",
        names.TASK_RUN_ID: 7,
        names.THREAD_ID: 140_000_000_000_000,
        names.TASK_NBYTES: 800,
        names.TASK_TYPE: "list",
        names.TASK_PRIORITY: [0, 1, -62],
    }


def test_what_is_not_known_is_left_out() -> None:
    (span,) = encoded(
        ATTEMPT._replace(span_id=None, thread=None, n_bytes=None, type=None, priority=None)
    )
    assert span.trace_id == correlate.fallback_trace_id(SCHEDULER)
    assert span.parent_span_id == b""
    assert set(plain_attributes(span.attributes)) == {
        names.ACTION,
        names.TASK_KEY,
        names.TASK_PREFIX,
        names.TASK_GROUP,
        names.TASK_RUN_ID,
    }


@pytest.mark.parametrize(
    "key",
    ["", "line\nbreak", "<b>&amp;</b>", "日本語", "k" * 10_000, "\udcff", b"bytes", 3, (b"b", 1.5)],
)
def test_any_key_is_text(key: Any) -> None:
    (span,) = encoded(ATTEMPT._replace(key=key))
    text = plain_attributes(span.attributes)[names.TASK_KEY]
    assert text == str(key).encode("utf-8", "replace").decode()


def test_a_transfer_under_its_attempt() -> None:
    attempt, transfer = encoded(ATTEMPT._replace(transfers=(TRANSFER,)))
    assert transfer.trace_id == attempt.trace_id
    assert transfer.parent_span_id == attempt.span_id
    assert (transfer.name, transfer.kind) == ("transfer", Span.SPAN_KIND_CLIENT)
    assert plain_attributes(transfer.attributes) == {
        names.ACTION: "transfer",
        names.TRANSFER_PEER: "tcp://10.0.0.2:4002",
        names.SERVER_ADDRESS: "10.0.0.2",
        names.SERVER_PORT: 4002,
        names.TRANSFER_BYTES: 800,
        names.TRANSFER_KEYS: ["('x-1', 0)", "y"],
        names.TRANSFER_KEY_COUNT: 2,
        names.TRANSFER_BANDWIDTH: 8000.0,
        names.THREAD_ID: 140_000_000_000_000,
    }


def test_a_transfer_of_its_own() -> None:
    (span,) = encoded(TRANSFER._replace(peer="inproc://10.0.0.2/33/4"))
    trace = UUID(SPAN_ID).bytes
    assert (span.trace_id, span.parent_span_id) == (trace, correlate.graph_span_id(trace))
    attributes = plain_attributes(span.attributes)
    assert attributes[names.SERVER_ADDRESS] == "10.0.0.2"
    assert names.SERVER_PORT not in attributes
    assert names.THREAD_ID not in attributes
    (alone,) = encoded(TRANSFER._replace(span_id=None, peer="tcp://[oops"))
    assert (alone.trace_id, alone.parent_span_id) == (correlate.fallback_trace_id(SCHEDULER), b"")
    assert names.SERVER_ADDRESS not in plain_attributes(alone.attributes)


def test_a_failure_has_status_event_and_type() -> None:
    failure = events.Failure(
        pickle.dumps(KeyError("lost")), "KeyError('lost')", '  File "a.py", line 1, in f\n'
    )
    (span,) = encoded(ATTEMPT._replace(failure=failure, type=None, n_bytes=None))
    assert span.status.code == Status.STATUS_CODE_ERROR
    assert span.status.message == "'lost'"
    assert plain_attributes(span.attributes)[names.ERROR_TYPE] == "KeyError"
    (event,) = span.events
    assert (event.name, event.time_unix_nano) == ("exception", span.end_time_unix_nano)
    assert plain_attributes(event.attributes) == {
        names.EXCEPTION_TYPE: "KeyError",
        names.EXCEPTION_MESSAGE: "'lost'",
        names.EXCEPTION_STACKTRACE: (
            "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nKeyError: 'lost'\n"
        ),
    }


def test_a_graph_is_a_span() -> None:
    graph = events.Graph(SPAN_ID, 1, 1.5, 2.5, "Client-1", 3, ("inc", "sum"))
    (span,) = encoded(graph)
    trace = UUID(SPAN_ID).bytes
    assert (span.trace_id, span.parent_span_id) == (trace, b"")
    assert span.span_id == correlate.graph_span_id(trace, 1)
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (1_500_000_000, 2_500_000_000)
    assert plain_attributes(span.attributes) == {
        names.ACTION: "graph",
        names.GRAPH_CLIENT: "Client-1",
        names.GRAPH_TASKS: 3,
        names.GRAPH_PREFIXES: ["inc", "sum"],
    }


def test_times_are_exact_to_the_microsecond() -> None:
    for micros in range(1795464516_000000, 1795464516_000000 + 2_000_000, 997):
        assert record.to_ns(micros / 1e6) == micros * 1_000


def test_running_tasks_are_arrays() -> None:
    task = events.RunningTask(("x", 1), "x", 4, 99, 1.25)
    log = record.log(events.Running(2.0, (task,)))
    assert (log.event_name, log.time_ns, log.body) == (names.EVENT_RUNNING, 2 * 10**9, "1 running")
    assert log.attributes == {
        names.RUNNING_KEYS: ("('x', 1)",),
        names.RUNNING_PREFIXES: ("x",),
        names.RUNNING_RUN_IDS: (4,),
        names.RUNNING_THREADS: (99,),
        names.RUNNING_STARTS: (1_250_000_000,),
    }
    assert set(record.log(events.Running(2.0, ())).attributes.values()) == {()}


def test_events_read_as_sentences() -> None:
    added = record.log(events.WorkerAdded(1.0, WORKER, "w0", 4))
    assert added.body == f"Worker w0 added at {WORKER}"
    assert added.attributes[names.WORKER_NTHREADS] == 4
    removed = record.log(events.WorkerRemoved(1.0, WORKER, "w0", "too old", False))
    assert removed.body == f"Worker w0 removed unexpectedly from {WORKER}: too old"
    assert removed.attributes[names.REMOVAL_EXPECTED] is False
    unknown = record.log(events.WorkerRemoved(1.0, WORKER, "w0", "why", None))
    assert names.REMOVAL_EXPECTED not in unknown.attributes
    graph = record.log(events.GraphSubmitted(1.0, "Client-1", 2, ("inc",), SPAN_ID))
    assert graph.body == "Client-1 submitted 2 tasks"
    assert graph.trace_id == UUID(SPAN_ID).bytes
