"""A real cluster, an OTLP receiver of our own, and Dask's own account of what happened."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dask.array as da
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from dask_otel import conventions as names
from dask_otel import correlate
from tests.clusters import CLOCK_ERROR_NS, ROUNDED_NS, instrumented
from tests.sinks import GrpcSink, HttpSink, SeenSpan, Sink
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from distributed import Client

pytestmark = pytest.mark.cluster


@dataclass(frozen=True)
class Run:
    """A finished run: what was sent, and what Dask says."""

    sink: Sink
    stream: list[dict[str, Any]]
    transfers: dict[str, list[dict[str, Any]]]
    counts: dict[str, dict[str, int]]
    n_graphs: int

    def actions(self, action: str) -> list[SeenSpan]:
        return [seen for seen in self.sink.spans() if seen.attributes[names.ACTION] == action]

    def last_counts(self) -> dict[str, dict[str, int]]:
        return last_counts(self.sink)


def last_counts(sink: Sink) -> dict[str, dict[str, int]]:
    """The newest `dask.tasks` of each prefix and state, zeros left out."""
    newest: dict[tuple[str, str], int] = {}
    for point in sink.points():
        if point.metric == names.TASKS.name:
            where = point.attributes[names.TASK_PREFIX], point.attributes[names.TASK_STATE]
            newest[where] = int(point.value)
    found: dict[str, dict[str, int]] = {}
    for (prefix, state), count in newest.items():
        if count:
            found.setdefault(prefix, {})[state] = count
    return found


def scheduler_counts(client: Client) -> dict[str, dict[str, int]]:
    def count(dask_scheduler: Any) -> dict[str, dict[str, int]]:
        found = {}
        for name, prefix in dask_scheduler.task_prefixes.items():
            states = {state: n for state, n in prefix.states.items() if n and state != "forgotten"}
            if forgotten := prefix.state_counts["forgotten"]:
                states["forgotten"] = forgotten
            found[name] = states
        return found

    counts: dict[str, dict[str, int]] = client.run_on_scheduler(count)
    return counts


def work(client: Client, folder: Path) -> list[Any]:
    """Transfers, failures with and without success at last, odd keys, a slow task."""
    tries = folder / "tries"

    def unstable() -> int:
        with tries.open("a") as file:
            file.write("x")
        if len(tries.read_text()) < 3:
            raise OSError("not yet")
        return 1

    def hopeless(i: int) -> None:
        raise ValueError(f"never {i}")

    x = da.random.random((800, 800), chunks=(100, 800))
    array = client.compute((x + x.T).rechunk((800, 100)).sum())
    kept = [
        array,
        client.submit(unstable, retries=5, pure=False),
        client.submit(hopeless, 1, retries=2, pure=False),
        client.submit(time.sleep, 0.9),
        *(
            client.submit(lambda: 1, key=key)
            for key in (("tuple-key", 1, "é"), "line\nbreak", "<b>&amp;", "日本語", "k" * 10_000)
        ),
    ]
    wait_for(lambda: all(future.done() for future in kept))
    return kept


@pytest.fixture(
    scope="module",
    params=[
        pytest.param((HttpSink, "http/protobuf", True), id="http-nannies"),
        pytest.param((GrpcSink, "grpc", True), id="grpc-nannies"),
        pytest.param((HttpSink, "http/protobuf", False), id="http-one-process"),
        pytest.param((GrpcSink, "grpc", False), id="grpc-one-process"),
    ],
)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    make_sink, protocol, processes = request.param
    with pytest.MonkeyPatch.context() as monkeypatch, make_sink() as sink:
        options = {"n_workers": 2, "processes": processes}
        with instrumented(monkeypatch, sink.endpoint, protocol, **options) as client:
            client.get_task_stream()
            kept = work(client, tmp_path_factory.mktemp("work"))
            counts = scheduler_counts(client)
            wait_for(lambda: last_counts(sink) == counts)
            transfers = client.run(lambda dask_worker: list(dask_worker.transfer_incoming_log))
            stream = list(client.get_task_stream())
            n_graphs = client.run_on_scheduler(
                lambda dask_scheduler: len(dask_scheduler.extensions["spans"].spans)
            )
            del kept
        yield Run(sink, stream, transfers, counts, n_graphs)


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


def test_attempts_are_those_of_dasks_task_stream(run: Run) -> None:
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


def test_failures_carry_their_traceback(run: Run) -> None:
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


def test_results_are_described(run: Run) -> None:
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


def test_transfers_are_those_that_the_workers_logged(run: Run) -> None:
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


def test_transfers_belong_to_the_attempt_that_waited(run: Run) -> None:
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


def test_each_attempt_belongs_to_a_graph(run: Run) -> None:
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


def test_progress_is_the_schedulers(run: Run) -> None:
    # The fixture has waited until it was; what came after is the release of everything.
    assert run.counts["sum-aggregate"]
    assert set(run.last_counts()) == set(run.counts)


def test_running_tasks_are_named_until_they_end(run: Run) -> None:
    (slow,) = (seen for seen in run.actions(names.ACTION_COMPUTE) if seen.span.name == "sleep")
    worker = slow.resource[names.WORKER_ADDRESS]
    reports = [
        log
        for log in run.sink.logs()
        if log.event_name == names.EVENT_RUNNING
        and log.resource.get(names.WORKER_ADDRESS) == worker
    ]
    named = [
        (run_id, thread, start)
        for log in reports
        for key, run_id, thread, start in zip(
            log.attributes[names.RUNNING_KEYS],
            log.attributes[names.RUNNING_RUN_IDS],
            log.attributes[names.RUNNING_THREADS],
            log.attributes[names.RUNNING_STARTS],
            strict=True,
        )
        if key == slow.attributes[names.TASK_KEY]
    ]
    assert len(named) >= 2
    assert len(set(named)) == 1
    run_id, thread, start_ns = named[0]
    assert run_id == slow.attributes[names.TASK_RUN_ID]
    assert thread == slow.attributes[names.THREAD_ID]
    # It was named from when it was given to its thread, by the clock that its span has.
    assert 0 <= slow.span.start_time_unix_nano + ROUNDED_NS - start_ns < CLOCK_ERROR_NS
    assert reports[-1].attributes[names.RUNNING_KEYS] == []


def test_events_of_the_cluster_are_logged(run: Run) -> None:
    logs = run.sink.logs()
    workers = set(run.transfers)
    for event_name in (names.EVENT_WORKER_ADDED, names.EVENT_WORKER_REMOVED):
        found = [log for log in logs if log.event_name == event_name]
        assert {log.attributes[names.WORKER_ADDRESS] for log in found} == workers
        assert all(log.attributes[names.WORKER_ADDRESS] in log.body for log in found)
    submitted = [log for log in logs if log.event_name == names.EVENT_GRAPH_SUBMITTED]
    assert len(submitted) == 9
    assert "sum-aggregate" in submitted[0].attributes[names.GRAPH_PREFIXES]
    assert {log.trace_id for log in submitted} == {
        seen.span.trace_id for seen in run.actions(names.ACTION_GRAPH)
    }


def test_every_metric_is_sent_and_the_memory_adds_up(run: Run) -> None:
    points = run.sink.points()
    sent = {(point.metric, point.unit) for point in points}
    everywhere = {(metric.name, metric.unit) for metric in names.METRICS if not metric.when}
    assert everywhere <= sent <= {(metric.name, metric.unit) for metric in names.METRICS}
    for metric in names.METRICS:
        kinds = {tuple(sorted(point.attributes)) for point in points if point.metric == metric.name}
        assert kinds <= {tuple(sorted(metric.attributes))}
    memory: dict[tuple[str, int], int] = {}
    process: dict[tuple[str, int], int] = {}
    for point in points:
        where = str(point.resource.get(names.WORKER_ADDRESS)), point.time_ns
        if point.metric == names.WORKER_MEMORY.name:
            if point.attributes[names.MEMORY_TYPE] != names.MEMORY_SPILLED:
                memory[where] = memory.get(where, 0) + int(point.value)
        elif point.metric == names.PROCESS_MEMORY.name:
            process[where] = int(point.value)
    assert memory
    assert memory == {where: process[where] for where in memory}


def test_own_counters_are_exact(run: Run) -> None:
    newest = {
        (point.resource[names.SERVICE_INSTANCE_ID], point.metric): point.value
        for point in run.sink.points()
        if point.metric.startswith("dask_otel.")
    }
    sent = Counter(seen.resource[names.SERVICE_INSTANCE_ID] for seen in run.sink.spans())
    assert len(sent) == 3
    for instance, n_spans in sent.items():
        assert newest[instance, names.SPANS_RECORDED.name] == n_spans
        assert newest[instance, names.SPANS_EXPORTED.name] == n_spans
        assert newest[instance, names.SPANS_DROPPED.name] == 0


def test_each_worker_has_its_own_resource(run: Run) -> None:
    resources = {
        seen.resource[names.SERVICE_INSTANCE_ID]: seen.resource for seen in run.sink.spans()
    }
    workers = [
        found for found in resources.values() if found[names.SERVICE_NAME] == names.SERVICE_WORKER
    ]
    assert {found[names.WORKER_ADDRESS] for found in workers} == set(run.transfers)
    assert {found[names.WORKER_NTHREADS] for found in workers} == {2}
    assert len({found[names.SERVICE_NAMESPACE] for found in resources.values()}) == 1
    assert len({found[names.SCHEDULER_ADDRESS] for found in resources.values()}) == 1


def test_no_span_is_sent_twice(run: Run) -> None:
    ids = Counter(seen.span.span_id for seen in run.sink.spans())
    assert set(ids.values()) == {1}
