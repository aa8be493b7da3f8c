"""What `compat.metrics` reads of Dask is where it was, on a real cluster."""

from __future__ import annotations

import gc
import re
from typing import TYPE_CHECKING, Any

import distributed.core
import pytest
from dask import array
from distributed import Client, LocalCluster, Scheduler, Worker

from dask_otel.compat import metrics
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    options = {"processes": False, "n_workers": 1, "dashboard_address": ":0"}
    with LocalCluster(**options) as local, Client(local) as client:
        client.submit(lambda: 1, key="one").result()
        yield client


def scheduler_of(client: Client) -> Scheduler:
    cluster: Any = client.cluster
    found = cluster.scheduler
    assert isinstance(found, Scheduler)
    return found


def worker_of(client: Client) -> Worker:
    cluster: Any = client.cluster
    found = cluster.workers[0]
    assert isinstance(found, Worker)
    return found


def test_ticks_are_counted_and_the_longest_is_taken(client: Client) -> None:
    for server in (scheduler_of(client), worker_of(client)):
        before = metrics.ticks(server)
        wait_for(lambda: metrics.ticks(server) > before)  # noqa: B023 - ends before the next one
        wait_for(lambda: metrics.TICK_DURATION in server.digests_max)  # noqa: B023
        server.digests_max[metrics.TICK_DURATION] = 7.0
        assert metrics.longest_tick_s(server) >= 7.0
        assert 0 <= metrics.longest_tick_s(server) < 7.0


def test_nobody_else_takes_the_longest_tick() -> None:
    """Else one of the two would take it away from the other: see `longest_tick_s`."""
    for module in ("http/scheduler/prometheus/core.py", "http/worker/prometheus/core.py"):
        path = distributed.core.__file__.replace("core.py", module)
        with open(path) as file:
            reads = re.findall(r"""digests_max(?:\[|\.\w+\()"([^"]+)""", file.read())
        assert reads
        assert metrics.TICK_DURATION not in reads


def test_turnover_and_durations_are_counted(client: Client) -> None:
    scheduler = scheduler_of(client)
    added, removed = metrics.clients_added_removed(scheduler)
    with Client(scheduler.address, set_as_default=False):
        assert metrics.clients_added_removed(scheduler)[0] == added + 1
    wait_for(lambda: metrics.clients_added_removed(scheduler)[1] == removed + 1)
    assert metrics.workers_added_removed(scheduler)[0] == 1
    assert metrics.update_graph_s(scheduler) > 0
    assert metrics.durations_us(scheduler.task_prefixes["one"])["compute"] > 0
    assert metrics.n_connections(worker_of(client)) >= 1
    spent_s = metrics.garbage_collection_s()
    assert spent_s is not None
    gc.collect()
    assert (metrics.garbage_collection_s() or 0) >= spent_s >= 0
    assert metrics.gil_contention_s(scheduler) is None  # without gilknocker


def test_ids_of_spans_are_taken_out_of_pending_digests(client: Client) -> None:
    worker = worker_of(client)

    def ask(dask_worker: Worker) -> dict[Any, float]:
        digests = dask_worker.digests_total_since_heartbeat
        keys = [("execute", span, "inc", "thread-cpu", "seconds") for span in ("a", "b")]
        for key in keys:
            digests[key] = 1.0
        found = metrics.Heartbeats(dask_worker, lambda _seen: None).pending()
        for key in keys:  # Dask's scheduler knows no such spans
            del digests[key]
        return found

    found: Any = client.run(ask)[worker.address]
    assert found["execute", "inc", "thread-cpu", "seconds"] == 2.0


def test_heartbeats_are_seen_and_the_worker_is_left_as_it_was(client: Client) -> None:
    worker = worker_of(client)
    worker.metrics["answer"] = lambda _worker: 42
    seen: list[Mapping[str, Any]] = []
    heartbeats = metrics.Heartbeats(worker, seen.append)
    before = dict(vars(worker))
    heartbeats.begin()
    wait_for(lambda: seen)
    heartbeats.end()
    assert seen[0]["answer"] == 42
    assert metrics.DIGESTS in seen[0]
    assert "get_metrics" not in vars(worker)
    assert vars(worker).keys() == before.keys()


def test_what_a_heartbeat_takes_is_pending_until_it_is_seen(client: Client) -> None:
    worker = worker_of(client)

    async def beat(dask_worker: Worker) -> list[float | None]:
        key = ("get-data", "network", "parcels")
        looks: list[float | None] = []

        async def measure(_worker: Worker) -> int:
            dask_worker.digests_total_since_heartbeat[key] += 1.0  # comes meanwhile
            looks.append(heartbeats.pending().get(key))
            return 42

        def see(found: Mapping[str, Any]) -> None:
            looks.append(found[metrics.DIGESTS].get(key))
            looks.append(heartbeats.pending().get(key))

        heartbeats = metrics.Heartbeats(dask_worker, see)
        dask_worker.digests_total_since_heartbeat[key] = 2.0
        dask_worker.metrics["slow"] = measure
        heartbeats.begin()
        await dask_worker.get_metrics()
        heartbeats.end()
        dask_worker.extensions["spans"].heartbeat()  # Dask's next one finds nothing left
        del dask_worker.metrics["slow"], dask_worker.digests_total_since_heartbeat[key]
        return looks

    found: Any = client.run(beat)[worker.address]
    assert found == [3.0, 2.0, 1.0]


def test_a_listener_that_fails_costs_one_line_and_no_heartbeat(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    worker = worker_of(client)
    seen: list[Mapping[str, Any]] = []

    def fail(found: Mapping[str, Any]) -> None:
        seen.append(found)
        raise RuntimeError("mine")

    first = metrics.Heartbeats(worker, fail)
    second = metrics.Heartbeats(worker, seen.append)
    first.begin()
    second.begin()
    wait_for(lambda: len(seen) >= 4)
    assert worker.status.name == "running"
    assert [record.message for record in caplog.records if record.name.startswith("dask_otel")] == [
        "Cannot read the heartbeats of this worker"
    ]
    second.end()
    first.end()
    assert "get_metrics" not in vars(worker)


def test_the_end_of_a_shuffle_is_told(client: Client) -> None:
    worker = worker_of(client)
    ended: list[tuple[str, Mapping[str, Any]]] = []
    override = metrics.watch_shuffle_ends(worker, lambda *found: ended.append(found))
    assert override is not None
    array.ones((100, 100), chunks=(100, 10)).rechunk((10, 100), method="p2p").sum().compute()
    wait_for(lambda: ended)
    override.undo()
    shuffle_id, beat = ended[0]
    assert shuffle_id
    assert beat["start"] > 0
    for medium in ("comm", "disk"):
        assert {"memory", "memory_limit", "read", "written"} <= beat[medium].keys()
    assert beat["comm"]["read"] >= 80_000
    assert "close" not in vars(metrics.shuffles(worker).shuffle_runs)
