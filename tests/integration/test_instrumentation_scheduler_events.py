"""What happens to a cluster, as events: who came and went, stole, paused, and what users say."""

from __future__ import annotations

import json
import logging
import os
import signal
import time
from itertools import pairwise
from typing import TYPE_CHECKING

import dask
import pytest
from distributed import Status, get_worker

from dask_otel import conventions as names
from tests.clusters import instrumented
from tests.seen import NANNIES
from tests.waiting import wait_for

if TYPE_CHECKING:
    from distributed import Worker

    from tests.sinks import SeenLog, Sink

pytestmark = pytest.mark.cluster


def events(sink: Sink, name: str) -> list[SeenLog]:
    return [log for log in sink.logs() if log.event_name == name]


def test_a_worker_pauses_and_goes_on(monkeypatch: pytest.MonkeyPatch, sink: Sink) -> None:
    def become(dask_worker: Worker, status: str) -> None:
        dask_worker.status = Status[status]

    with (
        dask.config.set({"distributed.worker.memory.pause": False}),
        instrumented(monkeypatch, sink.endpoint) as client,
    ):
        client.run(become, status="paused")
        (paused,) = wait_for(lambda: events(sink, names.EVENT_WORKER_PAUSED))
        client.run(become, status="running")
        (resumed,) = wait_for(lambda: events(sink, names.EVENT_WORKER_RESUMED))
        (address,) = client.scheduler_info()["workers"]
    for log, before, after in ((paused, "running", "paused"), (resumed, "paused", "running")):
        assert log.attributes[names.WORKER_ADDRESS] == address
        assert log.attributes[names.WORKER_STATE_BEFORE] == before
        assert log.attributes[names.WORKER_STATE] == after


def test_workers_that_die_restart_and_retire(monkeypatch: pytest.MonkeyPatch, sink: Sink) -> None:
    with instrumented(monkeypatch, sink.endpoint, n_workers=2, processes=True) as client:
        before = set(client.scheduler_info()["workers"])
        victim, other = before
        deadly = client.submit(os._exit, 1, workers=[victim], retries=0)
        wait_for(lambda: events(sink, names.EVENT_WORKER_RESTARTED))
        client.retire_workers([other])
        wait_for(lambda: events(sink, names.EVENT_WORKER_RETIRED))
        del deadly
    (lost,) = events(sink, names.EVENT_WORKER_LOST)
    assert lost.attributes[names.WORKER_ADDRESS] == victim
    assert lost.attributes[names.REMOVAL_EXPECTED] is False
    assert lost.attributes[names.EVENT_TASK_COUNT] == 1
    restarted = events(sink, names.EVENT_WORKER_RESTARTED)[0]
    assert restarted.attributes[names.WORKER_ADDRESS] not in before
    assert restarted.attributes[names.WORKER_NAME] == lost.attributes[names.WORKER_NAME]
    (retired,) = events(sink, names.EVENT_WORKER_RETIRED)
    assert retired.attributes[names.WORKER_ADDRESS] == other
    added = [log.attributes[names.WORKER_ADDRESS] for log in events(sink, names.EVENT_WORKER_ADDED)]
    assert before < set(added)


def test_steals_are_told(monkeypatch: pytest.MonkeyPatch, sink: Sink) -> None:
    with instrumented(
        monkeypatch, sink.endpoint, n_workers=2, processes=False, threads_per_worker=1
    ) as client:
        victim, thief = client.scheduler_info()["workers"]
        futures = client.map(
            lambda i: time.sleep(0.05),
            range(60),
            workers=[victim],
            allow_other_workers=True,
        )
        client.gather(futures)
    steals = events(sink, names.EVENT_STEAL)
    assert steals
    confirmed = [
        log.attributes for log in steals if log.attributes[names.STEAL_OUTCOME] == "confirm"
    ]
    assert {(said[names.STEAL_VICTIM], said[names.STEAL_THIEF]) for said in confirmed} >= {
        (victim, thief)
    }
    for said in confirmed:
        assert said[names.EVENT_TASK_COUNT] == len(said[names.EVENT_KEYS]) > 0


def test_clients_scatter_gather_and_say_things(monkeypatch: pytest.MonkeyPatch, sink: Sink) -> None:
    def say() -> None:
        get_worker().log_event("from a task", {"loss": 0.5})

    with instrumented(monkeypatch, sink.endpoint) as client:
        futures = client.scatter(list(range(5)))
        client.gather(futures, direct=False)
        client.log_event("mine", {"epoch": 3, "kind": ["a", "b"]})
        client.submit(say).result()
        wait_for(lambda: len(events(sink, names.EVENT_LOGGED)) >= 2)
    (scatter,) = events(sink, names.EVENT_SCATTER)
    assert scatter.attributes[names.CLIENT_COUNT] == 5
    assert scatter.attributes[names.GRAPH_CLIENT].startswith("Client-")
    assert events(sink, names.EVENT_GATHER)[0].attributes[names.CLIENT_COUNT] == 5
    said = {
        log.attributes[names.EVENT_TOPIC]: json.loads(log.attributes[names.EVENT_MESSAGE])
        for log in events(sink, names.EVENT_LOGGED)
    }
    assert said["mine"] == {"epoch": 3, "kind": ["a", "b"]}
    assert said["from a task"]["loss"] == 0.5


def test_adaptive_scaling_says_what_it_wants(monkeypatch: pytest.MonkeyPatch, sink: Sink) -> None:
    with instrumented(monkeypatch, sink.endpoint, n_workers=0) as client:
        assert client.cluster is not None
        client.cluster.adapt(minimum=0, maximum=2, interval="50ms", target_duration="10ms")
        client.gather(client.map(lambda i: time.sleep(0.05), range(20)))
    wanted = [log.attributes[names.ADAPTIVE_TARGET] for log in events(sink, names.EVENT_ADAPTIVE)]
    assert max(wanted) >= 1
    assert all(one != other for one, other in pairwise(wanted))


def warn(where: str) -> None:
    logging.getLogger("distributed.mine").warning("a warning of the %s", where)


def test_dasks_warnings_come_from_schedulers_workers_and_nannies(
    monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    with instrumented(monkeypatch, sink.endpoint, **NANNIES) as client:
        (pid,) = client.run(os.getpid).values()
        client.run(warn, "worker")
        client.run_on_scheduler(warn, "scheduler")
        wait_for(lambda: len(events(sink, names.EVENT_LOG)) >= 2)
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: pid not in client.run(os.getpid, on_error="ignore").values())
        client.wait_for_workers(1, timeout=30)
    said = {log.body: log.resource[names.SERVICE_NAME] for log in events(sink, names.EVENT_LOG)}
    assert said["a warning of the worker"] == names.SERVICE_WORKER
    assert said["a warning of the scheduler"] == names.SERVICE_SCHEDULER
    # The nanny of a LocalCluster is in the scheduler's process.
    (restarted,) = (service for body, service in said.items() if "Restarting worker" in body)
    assert restarted == names.SERVICE_SCHEDULER
