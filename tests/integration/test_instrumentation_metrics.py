"""Metrics say what Dask itself counts, and nothing goes over the wire that the reference lacks."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import dask
import pytest
from dask import array
from distributed import Client, LocalCluster, Semaphore, get_worker
from distributed.metrics import context_meter

from dask_otel import conventions as names
from dask_otel.reference import attributes as reference
from dask_otel.reference import signals
from tests.sinks import HttpSink
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distributed import Scheduler, Worker

pytestmark = pytest.mark.cluster

CONFIG = {
    "distributed.scheduler.preload": ["dask_otel"],
    "distributed.worker.preload": ["dask_otel"],
    "distributed.client.preload": ["dask_otel"],
    "distributed.worker.memory.target": 0.001,  # 2 MB: nearly everything is spilled
    # Never reached, however large the process of all tests is by then.
    "distributed.worker.memory.spill": 98.0,
    "distributed.worker.memory.pause": 99.0,
    "distributed.admin.system-monitor.host-cpu": True,
    "distributed.scheduler.work-stealing-interval": "50ms",
}
BLOB = 1_500_000


def blob(number: int) -> bytes:
    context_meter.digest_metric("blobs", 1, "parcels")
    with Semaphore(2, "gate"):
        return bytes(BLOB) + str(number).encode()


def total(*blobs: bytes) -> int:
    return sum(map(len, blobs))


def fail(number: int) -> None:
    raise ZeroDivisionError(number)


def slow(number: int) -> int:
    time.sleep(0.05)
    get_worker().log_event("mine", {"number": number})
    return number


@dataclass
class Run:
    """A workload that is over, on a cluster that still stands."""

    sink: HttpSink
    scheduler: Scheduler
    workers: list[Worker]
    failed: list[str] = field(default_factory=list)

    def value(self, metric: names.Metric, worker: Worker | None = None, **_: Any) -> float | None:
        """The newest value of a metric without attributes."""
        return self.values(metric, worker).get(())

    def values(
        self, metric: names.Metric, worker: Worker | None = None
    ) -> dict[tuple[str, ...], float]:
        """The newest values, by the attributes in the order of the conventions."""
        found: dict[tuple[str, ...], float] = {}
        address = worker.address if worker else None
        for point in self.sink.points():
            if point.metric == metric.name and point.resource.get(names.WORKER_ADDRESS) == address:
                found[tuple(point.attributes[name] for name in metric.attributes)] = point.value
        return found


def work(client: Client, cluster: LocalCluster) -> None:
    Semaphore(2, "gate")
    for worker in cluster.workers.values():
        worker.metrics["answer"] = lambda _worker: 42
        worker.metrics["nested"] = lambda _worker: {"depth": 1.5, "word": "none"}
    blobs = client.map(blob, range(20), pure=False)
    assert client.submit(total, *blobs, pure=False).result() > 20 * BLOB
    array.ones((1_000, 1_000), chunks=(1_000, 100)).rechunk(
        (100, 1_000), method="p2p"
    ).sum().compute()
    assert isinstance(client.submit(fail, 1, retries=1, pure=False).exception(), ZeroDivisionError)
    first = next(iter(cluster.workers.values())).address
    stolen = client.map(slow, range(60), workers=[first], allow_other_workers=True, pure=False)
    client.gather(stolen)
    client.log_event("mine", {"answer": 42})
    client.gather(client.scatter([1, 2, 3]))
    logging.getLogger("distributed.worker").warning("a warning")
    del blobs, stolen


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    with pytest.MonkeyPatch.context() as patch, HttpSink() as sink:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.endpoint)
        patch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        options = {
            "n_workers": 2,
            "threads_per_worker": 2,
            "processes": False,
            "dashboard_address": ":0",
            "memory_limit": "2GB",
        }
        with dask.config.set(CONFIG), LocalCluster(**options) as cluster, Client(cluster) as client:
            work(client, cluster)
            scheduler: Any = cluster.scheduler
            yield Run(sink, scheduler, list(cluster.workers.values()))


def test_totals_by_prefix_are_those_of_dask(run: Run) -> None:
    prefixes = run.scheduler.task_prefixes

    def expected(kind: str) -> dict[tuple[str, ...], float]:
        if kind == "transitions":
            return {
                (name, state): count
                for name, prefix in prefixes.items()
                for state, count in prefix.state_counts.items()
            }
        return {
            (name, action): spent
            for name, prefix in prefixes.items()
            for action, spent in prefix.all_durations.items()
        }

    wait_for(lambda: run.values(names.TASK_TRANSITIONS) == expected("transitions"))
    wait_for(lambda: run.values(names.TASK_DURATION) == pytest.approx(expected("durations")))
    wait_for(
        lambda: (
            run.values(names.TASK_OUTPUT)
            == {(name,): prefix.nbytes_total for name, prefix in prefixes.items()}
        )
    )
    counts = run.values(names.TASKS)
    assert {(name, state) for name in prefixes for state in names.TASK_STATES} == counts.keys()
    assert counts["blob", "forgotten"] == 20


def test_cluster_is_what_the_scheduler_says(run: Run) -> None:
    scheduler = run.scheduler
    assert run.value(names.CLIENTS) == 1
    assert run.values(names.WORKERS)["running",] == 2
    wait_for(lambda: run.values(names.WORKERS_BY_LOAD)["idle",] == len(scheduler.idle) == 2)
    assert run.value(names.WORKERS_ADDED) == 2
    assert run.value(names.WORKERS_REMOVED) == 0
    assert run.value(names.SCHEDULER_THREADS) == 4
    wait_for(lambda: run.value(names.WORKERS_DESIRED) == scheduler.adaptive_target())
    wait_for(
        lambda: (
            run.values(names.WORKER_PROCESSING) == {(worker.address,): 0 for worker in run.workers}
        )
    )
    assert (run.value(names.UPDATE_GRAPH_TIME) or 0) > 0


def test_semaphores_and_stealing_are_counted(run: Run) -> None:
    gate = ("gate",)
    assert run.values(names.SEMAPHORE_LIMIT)[gate] == 2
    wait_for(lambda: run.values(names.SEMAPHORE_ACQUIRED).get(gate) == 20)
    wait_for(lambda: run.values(names.SEMAPHORE_RELEASED).get(gate) == 20)
    wait_for(lambda: run.values(names.SEMAPHORE_LEASES).get(("gate", "active")) == 0)
    stealing = run.scheduler.extensions["stealing"].metrics["request_count_total"]
    wait_for(lambda: sum(run.values(names.STEAL_REQUESTS).values()) == sum(stealing.values()) > 0)


def test_spilling_is_what_the_buffer_counts(run: Run) -> None:
    for worker in run.workers:
        data: Any = worker.data
        metrics = data.cumulative_metrics
        for unit, metric in (
            ("bytes", names.SPILL_IO),
            ("count", names.SPILL_COUNT),
            ("seconds", names.SPILL_TIME),
        ):
            expected = {(label,): value for (label, of), value in metrics.items() if of == unit}
            assert expected
            wait_for(lambda: run.values(metric, worker) == pytest.approx(expected))  # noqa: B023


def test_fine_performance_metrics_add_up_to_those_of_dask(run: Run) -> None:
    """Of each worker all that Dask has ever counted, whatever heartbeats have carried off."""
    for worker in run.workers:

        def sums(unit: str, worker: Worker = worker) -> dict[tuple[str, str], float]:
            found: dict[tuple[str, str], float] = {}
            for key, value in worker.digests_total.items():
                if isinstance(key, tuple) and len(key) > 2 and key[-1] == unit:
                    kind = str(key[0]), str(key[2]) if key[0] == "execute" else ""
                    found[kind] = found.get(kind, 0.0) + value
            return found

        def told(metric: names.Metric, worker: Worker = worker) -> dict[tuple[str, str], float]:
            found: dict[tuple[str, str], float] = {}
            for (context, prefix, *_), value in run.values(metric, worker).items():
                found[context, prefix] = found.get((context, prefix), 0.0) + value
            return found

        for unit, metric in (
            ("bytes", names.ACTIVITY_IO),
            ("count", names.ACTIVITY_COUNT),
            ("seconds", names.ACTIVITY_TIME),
            ("parcels", names.ACTIVITY_CUSTOM),
        ):
            assert sums(unit)
            wait_for(lambda: told(metric) == pytest.approx(sums(unit)))  # noqa: B023
    contexts = {
        kind[0] for worker in run.workers for kind in run.values(names.ACTIVITY_TIME, worker)
    }
    assert {"execute", "gather-dep", "get-data", "p2p"} <= contexts


def test_workers_tell_their_state_memory_and_what_users_measure(run: Run) -> None:
    for worker in run.workers:
        assert run.values(names.WORKER_STATUS, worker) == {("running",): 1}
        thresholds = run.values(names.WORKER_MEMORY_THRESHOLD, worker)
        assert thresholds == {
            ("target",): 2_000_000,
            ("spill",): 196_000_000_000,
            ("pause",): 198_000_000_000,
        }
        wait_for(lambda: run.values(names.USER_METRICS, worker).get(("answer",)) == 42)  # noqa: B023
        assert run.values(names.USER_METRICS, worker) == {("answer",): 42, ("nested.depth",): 1.5}
        assert run.values(names.OPEN_TRANSFERS, worker) == {("receive",): 0, ("transmit",): 0}
        assert (run.value(names.WORKER_CONNECTIONS, worker) or 0) >= 1
        assert ("user",) in run.values(names.HOST_CPU, worker)


def test_shuffles_are_counted_though_they_are_over(run: Run) -> None:
    def moved(metric: names.Metric, direction: str) -> float:
        return sum(run.values(metric, worker).get((direction,), 0) for worker in run.workers)

    n_bytes = 8_000_000  # the whole array
    wait_for(lambda: moved(names.SHUFFLE_NETWORK_IO, names.RECEIVE) >= n_bytes)
    wait_for(lambda: moved(names.SHUFFLE_NETWORK_IO, names.TRANSMIT) >= n_bytes)
    wait_for(lambda: moved(names.SHUFFLE_DISK_IO, names.WRITE) >= n_bytes)
    wait_for(lambda: moved(names.SHUFFLE_DISK_IO, names.READ) >= n_bytes)
    wait_for(lambda: {run.value(names.SHUFFLES, worker) for worker in run.workers} <= {0, None})


def test_event_loops_are_watched(run: Run) -> None:
    for worker in (None, *run.workers):
        assert 0 < (run.value(names.EVENT_LOOP_TICK_MAX, worker) or 0) < 60
        assert (run.value(names.EVENT_LOOP_TICKS, worker) or 0) > 10
        assert (run.value(names.PROCESS_UPTIME, worker) or 0) > 0
        assert run.value(names.GC_TIME, worker) is not None


def test_a_stall_of_the_event_loop_is_seen(run: Run) -> None:
    def longest() -> float:
        return max(
            point.value
            for point in run.sink.points()
            if point.metric == names.EVENT_LOOP_TICK_MAX.name
        )

    done = threading.Event()

    def stall() -> None:
        time.sleep(0.7)
        done.set()

    run.scheduler.loop.add_callback(stall)
    assert done.wait(10)
    wait_for(lambda: longest() >= 0.7)


def test_logs_of_dask_are_sent(run: Run) -> None:
    records = [log for log in run.sink.logs() if log.event_name == names.EVENT_LOG]
    (warning,) = (log for log in records if log.body == "a warning")
    assert warning.attributes[names.LOGGER_NAME] == "distributed.worker"
    failures = [log for log in records if log.body.startswith("Compute Failed")]
    assert len(failures) == 2  # the attempt and its retry
    assert all("ZeroDivisionError" in log.body for log in failures)


def test_every_metric_is_sent_that_needs_nothing_special(run: Run) -> None:
    sent = {point.metric for point in run.sink.points()}
    special = ("gilknocker", "GPU", "rmm", "cudf", "1 MB")
    expected = {
        metric.name for metric in names.METRICS if not any(word in metric.when for word in special)
    }
    assert not expected - sent


def test_the_reference_lists_all_that_goes_over_the_wire(run: Run) -> None:
    sink = run.sink
    metrics = {metric.name: metric for metric in names.METRICS}
    spans = {span.action: span for span in signals.SPANS}
    events = {event.name: event for event in signals.EVENTS}
    unknown: set[tuple[str, ...]] = set()
    for seen in sink.spans():
        unknown |= {("resource", name) for name in seen.resource.keys() - reference.RESOURCE.keys()}
        action = seen.attributes[names.ACTION]
        known = {*spans[action].attributes, names.ACTION}
        unknown |= {(action, name) for name in seen.attributes.keys() - known}
        unknown |= {
            ("event", event.name) for event in seen.span.events if event.name != "exception"
        }
        for event in seen.span.events:
            unknown |= {
                ("exception", item.key)
                for item in event.attributes
                if item.key not in reference.SPAN
            }
    for log in sink.logs():
        known = {*events[log.event_name].attributes, *signals.EVENT_ALWAYS}
        unknown |= {(log.event_name, name) for name in log.attributes.keys() - known}
    for point in sink.points():
        metric = metrics[point.metric]
        assert point.unit == metric.unit
        unknown |= {(metric.name, name) for name in point.attributes.keys() - {*metric.attributes}}
    assert not unknown
    sent = {seen.attributes[names.ACTION] for seen in sink.spans()}
    assert {"compute", "transfer", "send", "disk-write", "disk-read", "graph", "client"} <= sent
