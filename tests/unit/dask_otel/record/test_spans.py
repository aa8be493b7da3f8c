from __future__ import annotations

import pickle
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from dask_otel import conventions as names
from dask_otel import correlate, events
from dask_otel.record import spans

if TYPE_CHECKING:
    from dask_otel.record.spans import Span

WORKER, SCHEDULER = "tcp://10.0.0.1:4001", "tcp://10.0.0.1:8786"
ORIGIN = "6f7a0a52-7a19-4f0e-9d54-0c6b2b3f1a77"
TRACE = correlate.trace_id(ORIGIN)
GRAPH_ID = correlate.graph_span_id(TRACE)
TRACEPARENT = f"00-{'ab' * 16}-{'cd' * 8}-01"
MAKER = spans.SpanMaker(WORKER, SCHEDULER)
TRANSFER = events.Transfer(
    1795464516.1, 1795464516.2, "tcp://10.0.0.2:4002", 800, (("x-1", 0), "y"), 2, 8000.0, ORIGIN
)
ATTEMPT = events.Attempt(
    ("x-1", 0), "x", 7, ORIGIN, None, 1.5, 2.5, 99, 800, list, (0, 1, -62), names.OUTCOME_FINISHED
)
DISK = events.Disk(
    names.ACTION_DISK_WRITE, "x", 1.0, 2.0, 10, names.DISK_CAUSE_MEMORY_MONITOR, ORIGIN, 99
)
GRAPH = events.Graph(ORIGIN, 0, 1.5, 2.5, "Client-1", 3, 1, ("inc", "sum"), 2)
FAILURE = events.Failure(pickle.dumps(ValueError("no")), "ValueError('no')", "")


def only(event: events.SpanEvent, maker: spans.SpanMaker = MAKER) -> Span:
    (span,) = maker.spans(event)
    return span


def test_an_attempt_says_what_is_known_of_it() -> None:
    span = only(ATTEMPT._replace(waited_s=0.1, ready_s=0.2, execute_s=0.3))
    assert (span.trace_id, span.parent_id, span.remote) == (TRACE, GRAPH_ID, True)
    assert (span.start_ns, span.stop_ns) == (1_500_000_000, 2_500_000_000)
    assert span.attributes == {
        names.ACTION: "compute",
        names.TASK_KEY: "('x-1', 0)",
        names.TASK_PREFIX: "x",
        names.TASK_GROUP: "x-1",
        names.TASK_RUN_ID: 7,
        names.TASK_OUTCOME: "finished",
        names.THREAD_ID: 99,
        names.TASK_NBYTES: 800,
        names.TASK_TYPE: "list",
        names.TASK_PRIORITY: (0, 1, -62),
        names.TASK_WAIT_DEPENDENCIES: 0.1,
        names.TASK_WAIT_READY: 0.2,
        names.TASK_EXECUTE: 0.3,
    }


def test_what_is_not_known_is_left_out() -> None:
    span = only(ATTEMPT._replace(origin=None, thread=None, n_bytes=None, type=None, priority=None))
    assert (span.trace_id, span.parent_id) == (correlate.fallback_trace_id(SCHEDULER), None)
    assert set(span.attributes) == {
        names.ACTION,
        names.TASK_KEY,
        names.TASK_PREFIX,
        names.TASK_GROUP,
        names.TASK_RUN_ID,
        names.TASK_OUTCOME,
    }


def test_what_scheduler_or_client_say_counts_more_than_the_dask_span() -> None:
    span = only(ATTEMPT._replace(otel={events.TRACEPARENT: TRACEPARENT}))
    assert span.trace_id == bytes.fromhex("ab" * 16)
    assert span.parent_id == correlate.graph_span_id(span.trace_id, bytes.fromhex("cd" * 8))


@pytest.mark.parametrize(
    "otel",
    [
        "mine",
        ["x"],
        {"traceparent": 3},
        {"traceparent": ["x"]},
        {"dependencies": 3, "n_dependencies": "many"},
        {"dependencies": [("x", 1)]},
        {},
    ],
)
def test_an_annotation_of_that_name_that_is_not_ours_does_no_harm(otel: Any) -> None:
    assert only(ATTEMPT._replace(otel=otel)) == only(ATTEMPT)


def test_a_lost_attempt_names_its_worker() -> None:
    span = only(
        ATTEMPT._replace(
            outcome=names.OUTCOME_LOST, worker="tcp://w:1", executing=False, failure=FAILURE
        )
    )
    assert span.failure is not None
    assert span.failure.type == "ValueError"
    assert (span.attributes[names.WORKER_ADDRESS], span.attributes[names.TASK_EXECUTING]) == (
        "tcp://w:1",
        False,
    )


def test_a_transfer_under_its_attempt() -> None:
    attempt, transfer = MAKER.spans(ATTEMPT._replace(transfers=(TRANSFER,)))
    assert (transfer.trace_id, transfer.parent_id) == (attempt.trace_id, attempt.span_id)
    assert (transfer.name, transfer.kind, transfer.remote) == ("transfer", spans.CLIENT, False)
    assert transfer.attributes == {
        names.ACTION: "transfer",
        names.TRANSFER_PEER: "tcp://10.0.0.2:4002",
        names.SERVER_ADDRESS: "10.0.0.2",
        names.SERVER_PORT: 4002,
        names.TRANSFER_BYTES: 800,
        names.TRANSFER_KEYS: ("('x-1', 0)", "y"),
        names.TRANSFER_KEY_COUNT: 2,
        names.TRANSFER_BANDWIDTH: 8000.0,
        names.TRANSFER_ID: correlate.batch_id(MAKER.address, TRANSFER.peer, TRANSFER.keys),
        names.THREAD_ID: 99,
        names.TRANSFER_ID: correlate.batch_id(WORKER, "tcp://10.0.0.2:4002", TRANSFER.keys),
    }


def test_a_transfer_of_its_own() -> None:
    span = only(TRANSFER._replace(peer="inproc://10.0.0.2/33/4"))
    assert (span.trace_id, span.parent_id, span.remote) == (TRACE, GRAPH_ID, True)
    assert span.attributes[names.SERVER_ADDRESS] == "10.0.0.2"
    assert names.SERVER_PORT not in span.attributes
    assert names.THREAD_ID not in span.attributes
    alone = only(TRANSFER._replace(origin=None, peer="tcp://[oops"))
    assert (alone.trace_id, alone.parent_id) == (correlate.fallback_trace_id(SCHEDULER), None)
    assert names.SERVER_ADDRESS not in alone.attributes


def test_both_ends_of_a_batch_are_spans_of_their_own() -> None:
    peer = spans.SpanMaker(TRANSFER.peer, SCHEDULER)
    received, sent = only(TRANSFER), only(TRANSFER._replace(peer=WORKER, sent=True), peer)
    assert (sent.name, sent.kind) == ("send", spans.SERVER)
    ends = names.SERVER_ADDRESS, names.CLIENT_ADDRESS
    assert [received.attributes.get(end) for end in ends] == ["10.0.0.2", None]
    assert [sent.attributes.get(end) for end in ends] == [None, "10.0.0.1"]
    assert sent.attributes[names.CLIENT_PORT] == 4001
    assert sent.attributes[names.TRANSFER_ID] == received.attributes[names.TRANSFER_ID]
    assert sent.span_id != received.span_id
    shuffled = only(TRANSFER._replace(keys=(), n_keys=0, shuffle_id="s", transfer_id="1f"))
    assert shuffled.attributes[names.TRANSFER_ID] == "1f"


def test_a_batch_is_named_by_its_ends_and_keys_at_both_ends() -> None:
    received = only(TRANSFER)
    sender = spans.SpanMaker(TRANSFER.peer, SCHEDULER)
    (sent,) = sender.spans(TRANSFER._replace(peer=MAKER.address, sent=True))
    assert sent.attributes[names.TRANSFER_ID] == received.attributes[names.TRANSFER_ID]
    other = only(TRANSFER._replace(keys=("z",)))
    assert other.attributes[names.TRANSFER_ID] != received.attributes[names.TRANSFER_ID]


def test_disk_work_hangs_under_whatever_it_was_done_for() -> None:
    span = only(DISK)
    assert (span.name, span.parent_id, span.remote) == ("disk-write", GRAPH_ID, True)
    assert span.attributes == {
        names.ACTION: "disk-write",
        names.TASK_KEY: "x",
        names.DISK_BYTES: 10,
        names.DISK_CAUSE: "memory-monitor",
        names.THREAD_ID: 99,
    }
    parent = only(DISK._replace(parent=("y", 3)))
    assert (parent.parent_id, parent.remote) == (correlate.attempt_span_id("y", 3), False)


def test_a_graph_is_a_span() -> None:
    span = only(GRAPH)
    assert (span.trace_id, span.span_id, span.parent_id) == (TRACE, GRAPH_ID, None)
    assert span.attributes == {
        names.ACTION: "graph",
        names.GRAPH_CLIENT: "Client-1",
        names.GRAPH_TASKS: 3,
        names.GRAPH_ERRED: 1,
        names.GRAPH_PREFIXES: ("inc", "sum"),
        names.GRAPH_PREFIX_COUNT: 2,
    }
    assert only(GRAPH._replace(n_before=1)).span_id == correlate.graph_span_id(TRACE, n_before=1)
    under = only(GRAPH._replace(origin=TRACEPARENT))
    assert under.parent_id == bytes.fromhex("cd" * 8)


def test_a_graph_that_goes_on_is_linked_to_the_first() -> None:
    again = correlate.continuation(ORIGIN, 2)
    span = only(GRAPH._replace(origin=again, continues=ORIGIN, continuation=2))
    assert span.parent_id is None
    assert span.trace_id != TRACE
    assert span.attributes[names.GRAPH_CONTINUATION] == 2
    assert [(link.trace_id, link.span_id) for link in span.links] == [(TRACE, GRAPH_ID)]


def test_code_is_sent_only_where_it_may_be() -> None:
    graph = GRAPH._replace(code="df.sum()")
    assert only(graph).attributes[names.CODE] == "df.sum()"
    assert names.CODE not in only(graph, replace(MAKER, code=False)).attributes


def test_a_call_of_a_client_keeps_the_ids_it_had() -> None:
    call = events.ClientCall("compute", 1.0, 2.0, "Client-1", 3, b"t" * 16, b"s" * 8, b"p" * 8)
    span = only(call)
    assert (span.name, span.kind) == ("dask.client.compute", spans.PRODUCER)
    assert (span.trace_id, span.span_id, span.parent_id) == (b"t" * 16, b"s" * 8, b"p" * 8)
    assert span.attributes[names.CLIENT_COUNT] == 3
    assert only(call._replace(parent_id=None)).parent_id is None


@pytest.mark.parametrize("name", names.CLIENT_CALLS)
def test_who_waits_for_an_answer_is_a_client(name: str) -> None:
    call = events.ClientCall(name, 1.0, 2.0, "Client-1", 3, b"t" * 16, b"s" * 8, None)
    expected = spans.CLIENT if name in ("gather", "scatter") else spans.PRODUCER
    assert only(call).kind == expected


def test_times_are_exact_to_the_microsecond() -> None:
    for micros in range(1795464516_000000, 1795464516_000000 + 2_000_000, 997):
        assert spans.to_ns(micros / 1e6) == micros * 1_000


@pytest.mark.parametrize("event", [ATTEMPT, TRANSFER, DISK], ids=lambda event: type(event).__name__)
def test_a_clock_that_is_set_back_makes_no_span_end_before_it_begins(event: Any) -> None:
    (span,) = MAKER.spans(event._replace(start_s=5.0, stop_s=4.0))
    assert (span.start_ns, span.stop_ns) == (5_000_000_000, 5_000_000_000)
