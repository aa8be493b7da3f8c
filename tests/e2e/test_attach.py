"""`daskscope attach`: a running, busy cluster is shown, and left as it was."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from distributed import Client, LocalCluster, Scheduler

from dask_otel import preload
from tests.clusters import instrumented
from tests.e2e.programs import DASKSCOPE, END_TIMEOUT_S, daskscope, marked
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.cluster, pytest.mark.e2e]


@pytest.fixture
def cluster() -> Iterator[LocalCluster]:
    with LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=":0", protocol="tcp://"
    ) as cluster:
        yield cluster


@pytest.fixture
def client(cluster: LocalCluster) -> Iterator[Client]:
    with Client(cluster) as client:
        yield client


def is_worker_instrumented(dask_worker: Any) -> bool:
    from dask_otel import preload

    return preload.is_instrumented(dask_worker)


def state(cluster: LocalCluster, client: Client) -> tuple[Any, ...]:
    """All of the cluster that an attachment touches."""
    scheduler = cluster.scheduler
    assert isinstance(scheduler, Scheduler)

    def of_worker(dask_worker: Any) -> tuple[Any, ...]:
        return (
            sorted(dask_worker.plugins),
            sorted(vars(dask_worker)),
            sorted(dask_worker.stream_handlers),
            sorted(dask_worker.metrics),
        )

    return (
        preload.is_instrumented(scheduler),
        dict(scheduler.plugins),
        dict(scheduler.worker_plugins),
        sorted(vars(scheduler)),
        dict(scheduler.stream_handlers),
        client.run(of_worker),
        set(client.run(is_worker_instrumented).values()),
    )


@contextlib.contextmanager
def attached(
    address: str, ports: list[str], settings: dict[str, str]
) -> Iterator[subprocess.Popen[str]]:
    """The command from the moment on when it says that it is attached."""
    process = subprocess.Popen(
        [DASKSCOPE, "attach", address, *ports],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | settings,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("listening ")
        if not process.stdout.readline().startswith("attached: "):
            pytest.fail(process.communicate()[1])
        yield process
    finally:
        process.kill()
        process.communicate()


def n_spans(folder: Path) -> int:
    """Spans in the one journal that was kept."""
    (journal,) = (folder / "data").rglob("*.dscope")
    result = daskscope("export", journal, "-o", folder / "run.jsonl")
    assert result.returncode == 0, result.stderr
    return len((folder / "run.jsonl").read_text().split('"traceId"')) - 1


def busy(seconds: float) -> float:
    import time

    time.sleep(seconds)
    return seconds


def test_a_busy_cluster_is_shown_and_left_as_it_was(
    tmp_path: Path,
    settings: dict[str, str],
    ports: list[str],
    cluster: LocalCluster,
    client: Client,
) -> None:
    before = state(cluster, client)
    futures = client.map(busy, [0.05] * 200, pure=False)
    with attached(cluster.scheduler_address, ports, settings) as process:
        assert set(client.run(is_worker_instrumented).values()) == {True}
        client.gather(futures)
        (restarted,) = client.run(os.getpid).values()
        cluster.scale(2)
        client.wait_for_workers(2, timeout=30)
        os.kill(restarted, signal.SIGKILL)
        wait_for(lambda: restarted not in client.run(os.getpid, on_error="ignore").values())
        client.wait_for_workers(2, timeout=30)
        wait_for(lambda: list(client.run(is_worker_instrumented).values()) == [True, True])
        cluster.scale(1)
        wait_for(lambda: len(client.scheduler_info(n_workers=-1)["workers"]) == 1)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=END_TIMEOUT_S)
    assert (process.returncode, errors) == (0, "")
    assert marked(str(tmp_path)) == []
    after = state(cluster, client)
    assert after[:5] == before[:5]
    assert list(after[5].values()) == list(before[5].values())
    assert after[6] == {False}
    assert n_spans(tmp_path) > 100


def test_the_cluster_is_freed_when_the_attaching_processes_are_killed(
    tmp_path: Path,
    settings: dict[str, str],
    ports: list[str],
    cluster: LocalCluster,
    client: Client,
) -> None:
    before = state(cluster, client)
    with attached(cluster.scheduler_address, ports, settings):
        for process in marked(str(tmp_path)):
            process.kill()
        wait_for(lambda: state(cluster, client) == before)


def test_what_is_instrumented_already_is_left_alone(
    settings: dict[str, str], ports: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with instrumented(monkeypatch, "http://127.0.0.1:9", processes=True) as client:
        assert isinstance(client.cluster, LocalCluster)
        scheduler = client.cluster.scheduler
        assert isinstance(scheduler, Scheduler)
        before = dict(scheduler.plugins)
        result = daskscope("attach", scheduler.address, "--seconds", "2", *ports, **settings)
        assert result.returncode == 0, result.stderr
        assert "nothing changed: " in result.stdout
        assert scheduler.plugins == before
        assert set(client.run(is_worker_instrumented).values()) == {True}


def error(result: subprocess.CompletedProcess[str]) -> str:
    """The one line in which a command says what is wrong."""
    assert result.returncode != 0
    (line,) = result.stderr.splitlines()
    return line


def test_an_address_that_is_none(settings: dict[str, str], ports: list[str]) -> None:
    assert "scheduler's address" in error(daskscope("attach", "nonsense", *ports, **settings))


def test_a_cluster_elsewhere_has_to_be_told_where_to_send(
    settings: dict[str, str], ports: list[str]
) -> None:
    line = error(daskscope("attach", "tcp://192.0.2.1:8786", *ports, **settings))
    assert "--endpoint" in line


def test_nobody_at_the_address(
    settings: dict[str, str], ports: list[str], free_port: Callable[[], int]
) -> None:
    line = error(daskscope("attach", f"tcp://127.0.0.1:{free_port()}", *ports, **settings))
    assert "no scheduler answers" in line


def test_a_cluster_without_dask_otel(
    tmp_path: Path, settings: dict[str, str], ports: list[str], free_port: Callable[[], int]
) -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    program = (
        "import sys; sys.modules['dask_otel'] = None\n"
        "from distributed.cli.dask_scheduler import main\n"
        f"main(['--host', '{address}', '--no-dashboard'])"
    )
    log = tmp_path / "scheduler.log"
    with log.open("wb") as output:
        scheduler = subprocess.Popen([sys.executable, "-c", program], stdout=output, stderr=output)
    try:
        wait_for(lambda: b"Scheduler at" in log.read_bytes())
        assert "has no dask_otel" in error(daskscope("attach", address, *ports, **settings))
    finally:
        scheduler.terminate()
        scheduler.wait()
