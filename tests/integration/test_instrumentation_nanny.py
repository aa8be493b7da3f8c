"""What a nanny says of its worker, in a process of its own and beside a scheduler."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import dask
import pytest
from distributed import Client, Nanny

from dask_otel import conventions as names
from dask_otel.plugins import NAME, WorkerInstrumentation
from tests.clusters import MIB, instrumented, nannies_know
from tests.starting import PRELOADS, started
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.sinks import HttpSink, SeenLog

pytestmark = pytest.mark.cluster

BIN: Final = Path(sys.executable).parent
ROOT: Final = Path(__file__).parents[2]
DASK: Final = (sys.executable, "-m", "dask")
SAID: Final = "Restarting worker"


def said(sink: HttpSink) -> list[SeenLog]:
    """Records by which a nanny says that it starts a worker anew."""
    return [log for log in sink.logs() if log.body.startswith(SAID)]


def begun(way: str, worker: list[str], environment: dict[str, str], folder: Path) -> list[str]:
    """The command `worker`, and what `way` changes so that it is instrumented."""
    match way:
        case "variable":
            environment |= PRELOADS
        case "file":
            (folder / "mine.yaml").write_text("distributed: {worker: {preload: [dask_otel]}}")
        case "enabled":
            enable = [sys.executable, "-m", "dask_otel", "enable"]
            subprocess.run(enable, env=environment, check=True, stdout=subprocess.DEVNULL)
        case "installed":
            (folder / "mine.yaml").unlink()
            environment["DASK_ROOT_CONFIG"] = str(ROOT / "instrumentation" / "etc" / "dask")
        case "agent":
            return [str(BIN / "opentelemetry-instrument"), *worker]
        case "plugin":
            del environment["OTEL_EXPORTER_OTLP_ENDPOINT"]
        case flag:
            return [*worker, flag, "dask_otel"]
    return worker


def is_watched(dask_worker: Nanny) -> bool:
    """Whether anybody sends what is logged in the process of a nanny."""
    from dask_otel import preload

    return preload.is_instrumented(dask_worker)


def wait_for_a_worker(client: Client) -> None:
    client.wait_for_workers(1, timeout=30)
    wait_for(lambda: nannies_know(client), 30)


def kill_a_worker(client: Client) -> None:
    wait_for_a_worker(client)
    os.kill(next(iter(client.run(os.getpid).values())), signal.SIGKILL)


@contextmanager
def watched(
    address: str,
    way: str,
    environment: dict[str, str],
    folder: Path,
    log: Path,
    *words: str,
) -> Iterator[tuple[subprocess.Popen[bytes], Client]]:
    """The nanny of a worker that is instrumented in one way, and a client of its scheduler."""
    scheduler = [*DASK, "scheduler", "--host", address, "--no-dashboard"]
    worker = [*DASK, "worker", address, "--nthreads", "1", "--no-dashboard", *words]
    plain = dict(environment)
    worker = begun(way, worker, environment, folder)
    with (
        started(*scheduler, environment=plain, log=log),
        started(*worker, environment=environment, log=log) as nanny,
        Client(address, timeout=30) as client,
    ):
        yield nanny, client


@pytest.mark.parametrize(
    "way",
    ["--preload-nanny", "--preload", "variable", "file", "enabled", "installed", "agent", "plugin"],
)
def test_a_nanny_of_a_process_of_its_own_says_that_it_starts_its_worker_anew(
    way: str,
    tmp_path: Path,
    sink: HttpSink,
    environment: dict[str, str],
    folder: Path,
    free_port: Callable[[], int],
) -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    log = tmp_path / "log"
    with watched(address, way, environment, folder, log) as (nanny, client):
        client.wait_for_workers(1, timeout=30)
        if way == "plugin":
            client.register_plugin(WorkerInstrumentation(sink.endpoint))
        if way != "--preload-nanny":  # what its worker has asked of it may still be under way
            wait_for(lambda: all(client.run(is_watched, nanny=True).values()), 30)
        for n_times in (1, 2):
            kill_a_worker(client)
            wait_for(lambda: len(said(sink)) == n_times, 30)  # noqa: B023
        wait_for_a_worker(client)
        if way == "plugin":
            client.unregister_worker_plugin(NAME)
            assert not any(client.run(is_watched, nanny=True).values())
    assert len(said(sink)) == 2
    for record in said(sink):
        resource = record.resource
        assert resource[names.SERVICE_NAME] == names.SERVICE_NANNY
        assert resource[names.PROCESS_PID] == nanny.pid
        assert resource[names.SCHEDULER_ADDRESS] == address
        assert resource[names.WORKER_NANNY] in log.read_text()
        assert names.WORKER_ADDRESS not in resource


def test_a_nanny_that_ends_its_worker_for_lack_of_memory_says_so(
    tmp_path: Path,
    sink: HttpSink,
    environment: dict[str, str],
    folder: Path,
    free_port: Callable[[], int],
) -> None:
    def fill(n_bytes: int) -> None:
        filled = b"x" * n_bytes
        time.sleep(600)
        del filled

    address = f"tcp://127.0.0.1:{free_port()}"
    limit = "--memory-limit", "1GiB"
    made = watched(address, "--preload", environment, folder, tmp_path / "log", *limit)
    with made as (_, client):
        client.wait_for_workers(1, timeout=30)
        wait_for(lambda: all(client.run(is_watched, nanny=True).values()), 30)
        wait_for_a_worker(client)
        (ended,) = client.scheduler_info()["workers"]
        filling = client.submit(fill, 1_000 * MIB)
        wait_for(lambda: said(sink), 60)
        filling.cancel()
        wait_for_a_worker(client)
    exceeded = [found for found in sink.logs() if "exceeded 95% memory budget" in found.body]
    assert ended in exceeded[0].body  # the next one may have begun the task, too
    assert exceeded[0].resource[names.SERVICE_NAME] == names.SERVICE_NANNY


def test_beside_a_scheduler_it_leaves_that_to_it(
    sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        dask.config.set({"distributed.nanny.preload": ["dask_otel"]}),
        instrumented(monkeypatch, sink.endpoint, processes=True, n_workers=2) as client,
    ):
        kill_a_worker(client)
        wait_for(lambda: said(sink), 30)
        client.wait_for_workers(2, timeout=30)
    (record,) = said(sink)
    assert record.resource[names.SERVICE_NAME] == names.SERVICE_SCHEDULER
    services = {log.resource[names.SERVICE_NAME] for log in sink.logs()}
    assert names.SERVICE_NANNY not in services
