"""A cluster whose processes are told to end by a signal; real ones, and what their tasks wrote."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from distributed import Client, LocalCluster, fire_and_forget, get_worker, wait

from dask_otel import conventions as names
from tests.certificates import Authority, ServerTls
from tests.clusters import dask_command, held, instrumented, nannies_know
from tests.seen import NANNIES, events, spans
from tests.sinks import HttpSink
from tests.starting import started
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from subprocess import Popen

    from distributed import Scheduler

    from tests.sinks import Sink

pytestmark = pytest.mark.cluster

N_WORKERS = 2
N_IDLE = 20
#: More than are done by the time of the signal.
N_BUSY = 5_000


def noted(path: str, seconds: float, _: int) -> None:
    """A task that writes down which attempt it is."""
    worker = get_worker()
    task = worker.state.tasks[worker.get_current_task()]
    file = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY)
    os.write(file, f"{task.key} {task.run_id}\n".encode())
    os.close(file)
    time.sleep(seconds)


def begun(path: Path) -> list[tuple[str, int]]:
    """Key and run id of all attempts that have begun."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [(key, int(run_id)) for key, run_id in map(str.split, lines)]


def sent(sink: Sink) -> Counter[tuple[str, int]]:
    """How often each attempt was sent, by whomever."""
    found = (seen.attributes for seen in spans(sink, names.ACTION_COMPUTE))
    return Counter((each[names.TASK_KEY], each[names.TASK_RUN_ID]) for each in found)


def outcomes(sink: Sink) -> dict[tuple[str, int], str]:
    found = (seen.attributes for seen in spans(sink, names.ACTION_COMPUTE))
    return {
        (each[names.TASK_KEY], each[names.TASK_RUN_ID]): each[names.TASK_OUTCOME] for each in found
    }


def removed(sink: Sink) -> list[tuple[str, str]]:
    """Address of each worker that was removed, and why."""
    found = (log.attributes for log in events(sink, names.EVENT_WORKER_REMOVED))
    return sorted((each[names.WORKER_ADDRESS], each[names.REMOVAL_REASON]) for each in found)


@contextmanager
def commands(folder: Path, endpoint: str, *words: str) -> Iterator[tuple[list[Popen[bytes]], str]]:
    """A scheduler and workers, each a command with `words`; and the file that leads there."""
    file = folder / "scheduler.json"
    here = "--host", "127.0.0.1", "--port", "0"
    leads = "--scheduler-file", str(file)
    with ExitStack() as stack:

        def start(*command: str) -> Popen[bytes]:
            return stack.enter_context(dask_command(folder, endpoint, *command, *leads))

        scheduler = start("scheduler", *here)
        wait_for(lambda: file.exists() and file.read_text().endswith("}"))
        workers = [start("worker", "--nthreads", "2", *words) for _ in range(N_WORKERS)]
        yield [scheduler, *workers], str(file)


@pytest.mark.parametrize("load", ["idle", "busy"])
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("words", [("--nanny",), ("--no-nanny",)])
def test_all_processes_of_a_cluster_at_once(
    sink: Sink, tmp_path: Path, words: tuple[str, ...], signum: signal.Signals, load: str
) -> None:
    path = tmp_path / "begun"
    with commands(tmp_path, sink.endpoint, *words) as (processes, file):
        with Client(scheduler_file=file) as client:
            client.wait_for_workers(N_WORKERS, timeout=60)
            wait_for(lambda: nannies_know(client))
            pids = {*client.run(os.getpid).values(), *(command.pid for command in processes)}
            workers = sorted(client.run(lambda dask_worker: dask_worker.address))
            n_tasks = N_IDLE if load == "idle" else N_BUSY
            tasks = client.map(noted, [str(path)] * n_tasks, [0.002] * n_tasks, range(n_tasks))
            if load == "idle":
                wait(tasks)
            fire_and_forget(tasks)
            wait_for(lambda: len(begun(path)) >= min(n_tasks, 300))
        for pid in pids:
            os.kill(pid, signum)
        for command in processes:
            command.wait(20)
        wait_for(lambda: not any(map(psutil.pid_exists, pids)))
    found, ended = sent(sink), outcomes(sink)
    assert set(begun(path)) - found.keys() == set()
    assert max(found.values()) == 1
    assert {ended[attempt] for attempt in found.keys() - set(begun(path))} <= {names.OUTCOME_LOST}
    assert set(ended.values()) <= {names.OUTCOME_FINISHED, names.OUTCOME_LOST}
    assert [address for address, _ in removed(sink)] == workers
    (dropped,) = {
        point.value for point in sink.points() if point.metric == names.SPANS_DROPPED.name
    }
    assert dropped == 0


def executing(dask_scheduler: Scheduler) -> list[Any]:
    """Keys of what workers have said that they execute."""
    return [ts.key for ws in dask_scheduler.workers.values() for ts in ws.executing]


def test_a_scheduler_that_ends_says_what_those_workers_ran_that_say_nothing(
    sink: Sink,
    tmp_path: Path,
    environment: dict[str, str],
    free_port: Callable[[], int],
) -> None:
    path, log = tmp_path / "running", tmp_path / "log"
    address = f"tcp://127.0.0.1:{free_port()}"
    dask = sys.executable, "-m", "dask"
    scheduler = *dask, "scheduler", "--host", address, "--preload", "dask_otel", "--no-dashboard"
    worker = *dask, "worker", address, "--no-nanny", "--no-dashboard"
    with (
        started(*scheduler, environment=environment, log=log) as closing,
        started(*worker, environment=environment, log=log) as closed,
    ):
        with Client(address, timeout=30) as client:
            fire_and_forget(client.submit(held, str(path), key="held"))
            wait_for(lambda: client.run_on_scheduler(executing) == ["held"])
        closing.terminate()
        closing.wait(20)
        path.unlink()
        closed.wait(20)
    (seen,) = spans(sink, names.ACTION_COMPUTE)
    assert seen.attributes[names.TASK_KEY] == "held"
    assert seen.attributes[names.TASK_OUTCOME] == names.OUTCOME_LOST
    assert seen.attributes[names.TASK_EXECUTING] is True
    assert removed(sink) == [(seen.attributes[names.WORKER_ADDRESS], "scheduler-close")]


SCRIPT = """
import sys
from distributed import Client

with Client(sys.argv[1]) as client:
    client.submit(abs, -1, key="abs").result()
"""
#: What a server takes to greet who connects, as one with TLS does that is far away.
GREETING_S = 0.5


def test_a_script_that_ends_at_once_waits_for_an_endpoint_that_is_slow_to_connect_to(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    authority = Authority(tmp_path)
    environment["OTEL_EXPORTER_OTLP_CERTIFICATE"] = str(authority.own.certificate)
    environment["DASK_DISTRIBUTED__CLIENT__PRELOAD"] = "dask_otel"
    with (
        LocalCluster(n_workers=1, processes=False, dashboard_address=":0", protocol="tcp") as local,
        HttpSink(tls=ServerTls(authority.signed("server"))) as sink,
    ):
        finish = sink._server.finish_request
        sink._server.finish_request = lambda *args: (time.sleep(GREETING_S), finish(*args))  # type: ignore[assignment,func-returns-value]
        environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = sink.endpoint
        script = [sys.executable, "-c", SCRIPT, local.scheduler_address]
        subprocess.run(script, env=environment, check=True, timeout=60)
    assert "dask.client.submit" in [seen.span.name for seen in sink.spans()]


def forked(path: str) -> int:
    """How a child of a task ends that is sent a SIGTERM."""
    child = os.fork()
    if child == 0:
        Path(path).touch()
        while True:
            time.sleep(60)
    while not Path(path).exists():
        time.sleep(0.01)
    os.kill(child, signal.SIGTERM)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def endless_once(path: str) -> bool:
    """Whether it was run before; the first time it does not come to an end."""
    if Path(path).exists():
        return True
    Path(path).touch()
    time.sleep(600)
    return False


def test_a_worker_whose_process_is_told_to_end_says_what_it_ran(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, tmp_path: Path
) -> None:
    path = tmp_path / "running"
    with instrumented(monkeypatch, sink.endpoint, **NANNIES) as client:
        wait_for(lambda: nannies_know(client))
        future = client.submit(endless_once, str(path), key="endless")
        wait_for(path.exists)
        (before,) = client.run(lambda dask_worker: dask_worker.address)
        for pid in client.run(os.getpid).values():
            os.kill(pid, signal.SIGTERM)
        assert future.result()
    lost, finished = sorted(
        spans(sink, names.ACTION_COMPUTE), key=lambda seen: seen.attributes[names.TASK_RUN_ID]
    )
    assert lost.resource[names.SERVICE_NAME] == names.SERVICE_WORKER
    assert lost.resource[names.WORKER_ADDRESS] == before
    assert lost.attributes[names.TASK_OUTCOME] == names.OUTCOME_LOST
    assert finished.attributes[names.TASK_OUTCOME] == names.OUTCOME_FINISHED
    assert (before, f"signal-{signal.SIGTERM:d}") in removed(sink)


def test_signals_do_in_children_of_tasks_what_they_did(
    monkeypatch: pytest.MonkeyPatch, sink: Sink, tmp_path: Path
) -> None:
    with instrumented(monkeypatch, sink.endpoint, **NANNIES) as client:
        assert client.submit(forked, str(tmp_path / "child")).result() == -signal.SIGTERM
