"""The spans of a real cluster, and Dask's own account of what happened."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from dask_otel import conventions as names
from dask_otel import correlate
from tests.clusters import CLOCK_ERROR_NS, ROUNDED_NS

if TYPE_CHECKING:
    from tests.accounts import Account
    from tests.sinks import SeenSpan

pytestmark = pytest.mark.cluster


def micro(time_s: float) -> int:
    return round(time_s * 1e6)


def placed(seen: SeenSpan) -> tuple[str, str, int, int, int]:
    """Key, worker, thread and times in microseconds of an attempt."""
    return (
        seen.attributes[names.TASK_KEY],
        seen.resource[names.WORKER_ADDRESS],
        seen.attributes[names.THREAD_ID],
        seen.span.start_time_unix_nano // 1_000,
        seen.span.end_time_unix_nano // 1_000,
    )


def test_attempts_are_those_of_dasks_task_stream(run: Account) -> None:
    expected = Counter(
        (
            str(task["key"]),
            task["worker"],
            task["thread"],
            micro(spent["start"]),
            micro(spent["stop"]),
        )
        for task in run.stream
        for spent in task["startstops"]
        if spent["action"] == "compute"
    )
    sent = Counter(placed(seen) for seen in run.actions(names.ACTION_COMPUTE))
    assert expected - sent == Counter()
    # Dask's stream knows nothing of an attempt that failed and was tried again.
    retried = Counter(key.partition("-")[0] for key, *_ in (sent - expected).elements())
    assert retried == {"unstable": 2, "hopeless": 2}


def test_failures_carry_their_traceback(run: Account) -> None:
    failed = [
        seen
        for seen in run.actions(names.ACTION_COMPUTE)
        if seen.span.status.code == Status.STATUS_CODE_ERROR
    ]
    assert Counter(seen.span.name for seen in failed) == {"unstable": 2, "hopeless": 3}
    assert len({seen.attributes[names.TASK_RUN_ID] for seen in failed}) == 5
    for seen in failed:
        kind, message, function = {
            "unstable": ("OSError", "not yet", "unstable"),
            "hopeless": ("ValueError", "never 1", "hopeless"),
        }[seen.span.name]
        assert seen.span.status.message == message
        assert seen.attributes[names.ERROR_TYPE] == kind
        (event,) = seen.span.events
        details = {item.key: item.value.string_value for item in event.attributes}
        assert (event.name, details[names.EXCEPTION_TYPE]) == (names.EVENT_EXCEPTION, kind)
        assert details[names.EXCEPTION_MESSAGE] == message
        assert f"in {function}" in details[names.EXCEPTION_STACKTRACE]
        assert details[names.EXCEPTION_STACKTRACE].endswith(f"{kind}: {message}\n")


def test_results_are_described(run: Account) -> None:
    finished = [
        seen
        for seen in run.actions(names.ACTION_COMPUTE)
        if seen.span.status.code == Status.STATUS_CODE_UNSET
    ]
    described = {
        (str(task["key"]), task["nbytes"], task["typename"])
        for task in run.stream
        if task["status"] == "OK"
    }
    assert described == {
        (
            seen.attributes[names.TASK_KEY],
            seen.attributes[names.TASK_NBYTES],
            seen.attributes[names.TASK_TYPE],
        )
        for seen in finished
    }
    for seen in finished:
        assert seen.span.name == seen.attributes[names.TASK_PREFIX]
        assert seen.attributes[names.TASK_GROUP]
        assert len(seen.attributes[names.TASK_PRIORITY]) >= 3


def lasted_us(seen: SeenSpan) -> int:
    return (seen.span.end_time_unix_nano - seen.span.start_time_unix_nano) // 1_000


def is_close_us(one: float, other: float) -> bool:
    """Whether two durations are the same: what is waited for has the clock of who waits."""
    return abs(one - other) <= 2


def test_transfers_are_those_that_the_workers_logged(run: Account) -> None:
    logged = sorted(
        (
            worker,
            entry["who"],
            entry["total"],
            len(entry["keys"]),
            entry["stop"] * 1e6 - entry["start"] * 1e6,
        )
        for worker, log in run.transfers.items()
        for entry in log
    )
    transfers = run.actions(names.ACTION_TRANSFER)
    told = sorted(
        (
            seen.resource[names.WORKER_ADDRESS],
            seen.attributes[names.TRANSFER_PEER],
            seen.attributes[names.TRANSFER_BYTES],
            seen.attributes[names.TRANSFER_KEY_COUNT],
            lasted_us(seen),
        )
        for seen in transfers
    )
    for one, other in zip(logged, told, strict=True):
        assert one[:-1] == other[:-1]
        assert is_close_us(one[-1], other[-1])
    assert len(transfers) >= 5
    for seen in transfers:
        assert seen.span.kind == Span.SPAN_KIND_CLIENT
        assert (
            len(seen.attributes[names.TRANSFER_KEYS]) == seen.attributes[names.TRANSFER_KEY_COUNT]
        )
        assert seen.attributes[names.TRANSFER_BANDWIDTH] > 0


def test_transfers_belong_to_the_attempt_that_waited(run: Account) -> None:
    owned = [
        (str(task["key"]), spent["source"], spent["stop"] * 1e6 - spent["start"] * 1e6)
        for task in run.stream
        for spent in task["startstops"]
        if spent["action"] == "transfer"
    ]
    attempts = {seen.span.span_id: seen for seen in run.actions(names.ACTION_COMPUTE)}
    transfers = [
        (seen, attempts[seen.span.parent_span_id])
        for seen in run.actions(names.ACTION_TRANSFER)
        if seen.span.parent_span_id in attempts
    ]
    for key, source, spent_us in owned:
        assert any(
            attempt.attributes[names.TASK_KEY] == key
            and seen.attributes[names.TRANSFER_PEER] == source
            and is_close_us(lasted_us(seen), spent_us)
            for seen, attempt in transfers
        )
    for seen, attempt in transfers:
        assert attempt.span.trace_id == seen.span.trace_id
        assert attempt.attributes[names.THREAD_ID] == seen.attributes[names.THREAD_ID]
        assert seen.span.end_time_unix_nano <= attempt.span.start_time_unix_nano + ROUNDED_NS
    assert len(transfers) >= len(owned) > 0


def test_each_attempt_belongs_to_a_graph(run: Account) -> None:
    graphs = {seen.span.span_id: seen for seen in run.actions(names.ACTION_GRAPH)}
    for seen in run.actions(names.ACTION_COMPUTE):
        graph = graphs[seen.span.parent_span_id]
        assert graph.span.trace_id == seen.span.trace_id
        start_ns, end_ns = seen.span.start_time_unix_nano, seen.span.end_time_unix_nano
        assert graph.span.start_time_unix_nano <= start_ns + CLOCK_ERROR_NS
        assert graph.span.end_time_unix_nano >= end_ns - CLOCK_ERROR_NS
    assert len({graph.span.trace_id for graph in graphs.values()}) == run.n_graphs
    first = [
        graph
        for graph in graphs.values()
        if graph.span.span_id == correlate.graph_span_id(graph.span.trace_id)
    ]
    assert len(first) == run.n_graphs
    for graph in graphs.values():
        assert graph.resource[names.SERVICE_NAME] == names.SERVICE_SCHEDULER
        assert graph.attributes[names.GRAPH_CLIENT].startswith("Client-")


def test_no_span_is_sent_twice(run: Account) -> None:
    ids = Counter(seen.span.span_id for seen in run.sink.spans())
    assert set(ids.values()) == {1}
