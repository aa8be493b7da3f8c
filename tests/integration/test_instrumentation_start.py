"""Every way to start it, on real clusters, with scripts and commands that know nothing of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
import pytest
from distributed import Adaptive, Client, LocalCluster
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import dask_otel
from dask_otel import conventions as names
from dask_otel import preload
from dask_otel.instrumentor import DaskInstrumentor
from tests.clusters import instrumented
from tests.sinks import HttpSink, Sink
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

pytestmark = pytest.mark.cluster

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]
N_TASKS = 6
SCRIPT = f"""
from distributed import Client

if __name__ == "__main__":
    with Client(n_workers=2, threads_per_worker=1, dashboard_address=":0") as client:
        print(client.gather(client.map(abs, range(-{N_TASKS}, 0))))
"""
PRELOADS = {
    "DASK_DISTRIBUTED__SCHEDULER__PRELOAD": "dask_otel",
    "DASK_DISTRIBUTED__WORKER__PRELOAD": "dask_otel",
}
YAML = "distributed: {scheduler: {preload: [dask_otel]}, worker: {preload: dask_otel}}"
#: Keeps out what starts it because it is installed, and what would start it because it is set.
HIDDEN = "distributed: {scheduler: {preload: []}, worker: {preload: []}, client: {preload: []}}"


@pytest.fixture
def sink() -> Iterator[HttpSink]:
    with HttpSink() as sink:
        yield sink


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A config folder of a user whose own lists are empty."""
    folder = tmp_path / "dask"
    folder.mkdir()
    (folder / "mine.yaml").write_text(HIDDEN)
    return folder


@pytest.fixture
def environment(sink: HttpSink, folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "DASK_CONFIG": str(folder),
        "OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }


@pytest.fixture
def to_sink(sink: HttpSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.endpoint)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")


def attempts(sink: Sink, prefix: str = "abs") -> Counter[str]:
    """How often each attempt was sent, by key."""
    return Counter(
        seen.attributes[names.TASK_KEY]
        for seen in sink.spans()
        if seen.attributes.get(names.TASK_PREFIX) == prefix
        and seen.attributes.get(names.ACTION) == names.ACTION_COMPUTE
    )


def senders(sink: Sink, service: str) -> set[str]:
    """Instances of a service that have sent anything."""
    return {
        point.resource["service.instance.id"]
        for point in sink.points()
        if point.resource["service.name"] == service
    }


def compute(client: Client, function: Callable[[int], int] = abs, n_tasks: int = N_TASKS) -> None:
    """Tasks on every worker of the cluster."""
    client.gather(client.map(function, range(-n_tasks, 0), pure=False))


def run_script(tmp_path: Path, environment: Mapping[str, str], *command: str) -> str:
    """Run the script; what it writes to standard error."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    result = subprocess.run(
        [*(command or (sys.executable,)), str(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment,
        cwd=tmp_path,
    )
    assert (result.returncode, result.stdout) == (0, f"{list(range(N_TASKS, 0, -1))}\n"), (
        result.stderr
    )
    return result.stderr


def all_once(sink: Sink) -> bool:
    found = attempts(sink)
    return len(found) == N_TASKS and set(found.values()) == {1}


def test_an_unmodified_script_with_the_variables(
    tmp_path: Path, sink: HttpSink, environment: dict[str, str]
) -> None:
    run_script(tmp_path, environment | PRELOADS)
    assert all_once(sink)
    assert len(senders(sink, "dask-worker")) == 2
    assert len(senders(sink, "dask-scheduler")) == 1


def test_an_unmodified_script_with_a_file_of_dasks_config(
    tmp_path: Path, sink: HttpSink, environment: dict[str, str], folder: Path
) -> None:
    (folder / "mine.yaml").write_text(YAML)
    run_script(tmp_path, environment)
    assert all_once(sink)


def test_it_starts_where_it_is_installed_and_is_off_with_one_setting(
    tmp_path: Path, sink: HttpSink, environment: dict[str, str], folder: Path
) -> None:
    (folder / "mine.yaml").unlink()
    environment["DASK_ROOT_CONFIG"] = str(ROOT / "instrumentation" / "etc" / "dask")
    run_script(tmp_path, environment | {"DASK_DASK_OTEL__ENABLED": "False"})
    assert sink.requests == []
    run_script(tmp_path, environment)
    assert all_once(sink)


def test_the_package_has_put_its_config_where_dask_reads_it() -> None:
    shipped = ROOT / "instrumentation" / "etc" / "dask" / "daskscope.yaml"
    installed = Path(sys.prefix) / "etc" / "dask" / "daskscope.yaml"
    assert installed.read_text() == shipped.read_text()


def test_enable_and_disable(
    tmp_path: Path, sink: HttpSink, environment: dict[str, str], folder: Path
) -> None:
    def command(name: str) -> int:
        return subprocess.run(
            [sys.executable, "-m", "dask_otel", name], env=environment, check=False
        ).returncode

    assert command("status") == 1
    assert command("enable") == 0
    assert command("status") == 0
    run_script(tmp_path, environment)
    assert all_once(sink)
    sink.requests.clear()
    assert command("disable") == 0
    assert command("status") == 1
    assert [path.name for path in folder.iterdir()] == ["mine.yaml"]
    run_script(tmp_path, environment)
    assert sink.requests == []


def test_opentelemetry_instrument_with_an_unmodified_script(
    tmp_path: Path, sink: HttpSink, environment: dict[str, str]
) -> None:
    run_script(tmp_path, environment, str(BIN / "opentelemetry-instrument"), sys.executable)
    assert all_once(sink)


@contextlib.contextmanager
def started(
    *command: str, environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A command that runs until the end, and then ends well."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        yield process
        process.send_signal(signal.SIGINT)
        process.wait(30)
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("nanny", ["--nanny", "--no-nanny"])
@pytest.mark.parametrize("way", ["opentelemetry-instrument", "--preload"])
def test_dasks_own_commands(
    way: str,
    nanny: str,
    tmp_path: Path,
    sink: HttpSink,
    environment: dict[str, str],
    free_port: Callable[[], int],
) -> None:
    log = tmp_path / "log"
    dask_command = [sys.executable, "-m", "dask"]
    flags = ["--no-dashboard"]
    if way == "--preload":
        flags += ["--preload", "dask_otel"]
    else:
        dask_command.insert(0, str(BIN / way))
    address = f"tcp://127.0.0.1:{free_port()}"
    with (
        started(
            *dask_command,
            *("scheduler", "--host", address, *flags),
            environment=environment,
            log=log,
        ),
        started(
            *dask_command,
            *("worker", address, "--nthreads", "2", nanny, *flags),
            environment=environment,
            log=log,
        ),
        Client(address, timeout=30) as client,
    ):
        client.wait_for_workers(1, timeout=30)
        compute(client)
        providers = client.run(provider_name)
        wait_for(lambda: all_once(sink))
    expected = "TracerProvider" if way == "opentelemetry-instrument" else "ProxyTracerProvider"
    assert set(providers.values()) == {expected}, log.read_text()


def provider_name() -> str:
    from opentelemetry import trace

    return type(trace.get_tracer_provider()).__name__


@pytest.fixture
def instrumentor() -> Iterator[DaskInstrumentor]:
    instrumentor = DaskInstrumentor()
    yield instrumentor
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()


@pytest.mark.usefixtures("to_sink")
@pytest.mark.parametrize("processes", [False, True])
def test_the_instrumentor_before_a_cluster(
    sink: HttpSink, instrumentor: DaskInstrumentor, processes: bool
) -> None:
    before = {role: dask.config.get(f"distributed.{role}.preload") for role in ("worker", "client")}
    instrumentor.instrument()
    with (
        LocalCluster(n_workers=2, processes=processes, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        compute(client)
        wait_for(lambda: all_once(sink))
        assert preload.is_instrumented(cluster.scheduler)
        instrumentor.uninstrument()
        assert not preload.is_instrumented(cluster.scheduler)
        assert not preload.is_instrumented(client)
    for role, value in before.items():
        assert dask.config.get(f"distributed.{role}.preload") is value


@pytest.mark.usefixtures("to_sink")
def test_the_instrumentor_on_a_cluster_that_runs(
    sink: HttpSink, instrumentor: DaskInstrumentor
) -> None:
    with (
        LocalCluster(n_workers=1, processes=False, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        (worker,) = cluster.workers.values()
        before = [dict(vars(server)) for server in (cluster.scheduler, worker, client)]
        plugins = dict(worker.plugins), dict(cluster.scheduler.plugins)
        handlers = [dict(server.stream_handlers) for server in (cluster.scheduler, worker)]
        instrumentor.instrument()
        compute(client)
        wait_for(lambda: all_once(sink))
        instrumentor.uninstrument()
        for server, old in zip((cluster.scheduler, worker, client), before, strict=True):
            assert vars(server).keys() == old.keys()
            methods = {name for name, value in old.items() if callable(value)}
            assert all(vars(server)[name] is old[name] for name in methods)
        assert (worker.plugins, cluster.scheduler.plugins) == plugins
        for server, old in zip((cluster.scheduler, worker), handlers, strict=True):
            assert server.stream_handlers == old
        sink.requests.clear()
        compute(client)
    assert sink.spans() == []


def test_spans_go_through_a_provider_that_is_handed_in(instrumentor: DaskInstrumentor) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor.instrument(tracer_provider=provider)
    with (
        LocalCluster(n_workers=1, processes=False, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        compute(client)
        wait_for(lambda: [span.name for span in exporter.get_finished_spans()].count("abs") == 6)


@pytest.mark.usefixtures("to_sink")
def test_plugins_on_a_cluster_that_runs_and_grows(sink: HttpSink) -> None:
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        compute(client)
        client.register_plugin(dask_otel.SchedulerInstrumentation())
        client.register_plugin(dask_otel.WorkerInstrumentation())
        cluster.scale(2)
        client.wait_for_workers(2, timeout=30)
        wait_for(lambda: len(senders(sink, "dask-worker")) == 2)
        client.restart()
        wait_for(lambda: len(senders(sink, "dask-worker")) == 4)
        compute(client)
        wait_for(lambda: all_once(sink))
        client.unregister_worker_plugin(dask_otel.WorkerInstrumentation.name)
        client.unregister_scheduler_plugin(dask_otel.SchedulerInstrumentation.name)
        assert set(client.run(is_worker_instrumented).values()) == {False}
        wait_for(lambda: not preload.is_instrumented(cluster.scheduler))
        sink.requests.clear()
        compute(client)
        assert attempts(sink) == {}


def is_worker_instrumented(dask_worker: Any) -> bool:
    from dask_otel import preload

    return preload.is_instrumented(dask_worker)


def test_two_ways_instrument_once(sink: HttpSink, monkeypatch: pytest.MonkeyPatch) -> None:
    with instrumented(monkeypatch, sink.endpoint) as client:
        client.register_plugin(dask_otel.SchedulerInstrumentation())
        client.register_plugin(dask_otel.WorkerInstrumentation())
        compute(client)
        wait_for(lambda: all_once(sink))
        client.unregister_worker_plugin(dask_otel.WorkerInstrumentation.name)
        assert set(client.run(is_worker_instrumented).values()) == {True}


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


def test_nobody_listens_and_nobody_hears_of_it(
    tmp_path: Path, environment: dict[str, str], folder: Path
) -> None:
    (folder / "mine.yaml").unlink()
    environment["DASK_ROOT_CONFIG"] = str(ROOT / "instrumentation" / "etc" / "dask")
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        del environment[name]
    said = run_script(tmp_path, environment).splitlines()
    # Dask itself says what it preloads, and on a busy machine that its event loop was late.
    assert [line for line in said if not re.search(r" - distributed\.\w+ - INFO - ", line)] == []


def test_several_threads_start_the_same_servers_at_once(
    sink: HttpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    with instrumented(monkeypatch, sink.endpoint) as client:
        assert isinstance(client.cluster, LocalCluster)
        (worker,) = client.cluster.workers.values()

        async def race() -> list[bool]:
            await preload.uninstrument(worker)
            return list(await asyncio.gather(*(preload.instrument(worker) for _ in range(5))))

        assert client.sync(race) == [True, False, False, False, False]
