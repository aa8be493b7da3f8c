"""What starts late or comes back is instrumented as the others are, on real clusters."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import dask
import pytest
from distributed import Adaptive, Client, LocalCluster

from tests.clusters import instrumented
from tests.starting import PRELOADS, all_once, compute, started
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.sinks import HttpSink

pytestmark = pytest.mark.cluster


def test_a_worker_that_is_killed_comes_back_instrumented(
    sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    with instrumented(monkeypatch, sink.endpoint, processes=True) as client:
        (pid,) = client.run(os.getpid).values()
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: pid not in client.run(os.getpid, on_error="ignore").values())
        client.wait_for_workers(1, timeout=30)
        compute(client)
        wait_for(lambda: all_once(sink))


def test_workers_that_adaptive_scaling_adds_are_instrumented(
    sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    with instrumented(monkeypatch, sink.endpoint, n_workers=0) as client:
        assert isinstance(client.cluster, LocalCluster)
        adaptive = client.cluster.adapt(minimum=0, maximum=2, interval="50ms")
        assert isinstance(adaptive, Adaptive)
        compute(client)
        wait_for(lambda: all_once(sink))


@pytest.mark.parametrize("method", ["fork", "forkserver"])
def test_other_ways_to_start_a_worker_process(
    sink: HttpSink, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    with (
        dask.config.set({"distributed.worker.multiprocessing-method": method}),
        instrumented(monkeypatch, sink.endpoint, n_workers=2, processes=True) as client,
    ):
        compute(client)
        wait_for(lambda: all_once(sink))


def test_a_scheduler_that_goes_and_comes_back(
    tmp_path: Path,
    sink: HttpSink,
    environment: dict[str, str],
    free_port: Callable[[], int],
) -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    log = tmp_path / "log"
    common = {"environment": environment | PRELOADS, "log": log}
    scheduler = [sys.executable, "-m", "dask", "scheduler", "--host", address, "--no-dashboard"]
    worker = [sys.executable, "-m", "dask", "worker", address, "--nthreads", "1", "--no-dashboard"]
    for _ in range(2):
        sink.requests.clear()
        with (
            started(*scheduler, **common),  # type: ignore[arg-type]
            started(*worker, **common),  # type: ignore[arg-type]
            Client(address, timeout=30) as client,
        ):
            client.wait_for_workers(1, timeout=30)
            compute(client)
            wait_for(lambda: all_once(sink))
