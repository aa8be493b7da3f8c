"""Real Dask clusters that are instrumented."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import dask
from distributed import Client, LocalCluster, Nanny, Worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

PRELOAD = {
    "distributed.scheduler.preload": ["dask_otel"],
    "distributed.worker.preload": ["dask_otel"],
}

#: Between spans of one process that Dask corrects alike: each time is rounded to a microsecond.
ROUNDED_NS = 1_000
#: Between those of two: workers estimate how far they are from the scheduler's clock, and err by
#: half of what that took, which on a busy machine is a matter of luck.
CLOCK_ERROR_S = 1.0
CLOCK_ERROR_NS = int(CLOCK_ERROR_S * 1e9)


MIB: Final = 1 << 20
#: Of workers that spill what is more than 4.5 MiB, and for no other reason.
MEMORY_LIMIT: Final = 4 << 30
SPILLING: Final = {
    "distributed.worker.memory.target": 4.5 * MIB / MEMORY_LIMIT,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
}
#: Any process is above one percent of the limit: all that is in memory is spilled at each round.
BY_MEMORY_MONITOR: Final = {
    **SPILLING,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": 0.001,
}

#: For `LocalCluster`: a worker's heartbeat names its extensions, and its scheduler must know them.
WITHOUT_EXTENSIONS: Final[dict[str, Any]] = {
    "scheduler_kwargs": {"extensions": {}},
    "extensions": {},
}


@contextmanager
def instrumented(
    monkeypatch: pytest.MonkeyPatch,
    endpoint: str,
    protocol: str = "http/protobuf",
    **options: Any,
) -> Iterator[Client]:
    """A client of a cluster that sends to `endpoint`; one worker in this process by default.

    Parameters
    ----------
    options
        For `LocalCluster`.
    """
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    chosen = {
        "n_workers": 1,
        "threads_per_worker": 2,
        "processes": False,
        "dashboard_address": ":0",
        **options,
    }
    with dask.config.set(PRELOAD), LocalCluster(**chosen) as local, Client(local) as client:
        yield client


@contextmanager
def dask_command(folder: Path, endpoint: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """`dask scheduler` or `dask worker` with `words`, instrumented, in a process of its own.

    What it says goes where this process says it: a test that fails shows it.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "dask", *words, "--preload", "dask_otel", "--no-dashboard"],
        env={
            **os.environ,
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "PYTHONPATH": os.pathsep.join(sys.path),  # tasks are functions of tests
        },
        cwd=folder,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


def nannies_know(client: Client) -> bool:
    """Whether all nannies know that their workers are up.

    One whose worker dies before that waits for its word for ever in Dask before 2026, and so does
    the cluster's close.
    """

    def knows(dask_worker: Nanny) -> bool:
        return dask_worker.process is not None and dask_worker.process.status.name == "running"

    return all(client.run(knows, nanny=True).values())


def held(path: str) -> None:
    """A task that makes `path` when it begins, and ends when that is gone."""
    Path(path).touch()
    while Path(path).exists():
        time.sleep(0.01)


def is_given_up(client: Client, key: str) -> bool:
    """Whether the worker that runs `key` knows that nobody wants it any more."""

    def on_worker(dask_worker: Worker) -> bool:
        ts = dask_worker.state.tasks.get(key)
        return ts is not None and ts.state == "cancelled"

    return any(client.run(on_worker).values())
