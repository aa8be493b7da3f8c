"""Every way to start the instrumentation, around a script that knows nothing of it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from distributed import Client

import dask_otel
from tests.e2e.programs import DASKSCOPE, MARK, marked
from tests.ports import free_port
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.sinks import Sink

HERE = Path(__file__).parent
SCRIPT = str(HERE / "busy_script.py")
BIN = Path(sys.executable).parent
TIMEOUT_S = 100
#: A window starts, and what it has sent comes here, while other cells do the same.
STARTED_S = 60
#: What would start it by itself, since it is installed, is kept out.
NOT_BY_ITSELF = {
    "DASK_DISTRIBUTED__SCHEDULER__PRELOAD": "[]",
    "DASK_DISTRIBUTED__WORKER__PRELOAD": "[]",
    "DASK_DISTRIBUTED__CLIENT__PRELOAD": "[]",
}
#: For workers and schedulers started as commands, which know nothing of the script's config.
CONFIG = {
    "DASK_DISTRIBUTED__WORKER__MEMORY__TARGET": "0.01",
    "DASK_DISTRIBUTED__WORKER__MEMORY__SPILL": "0.02",
    "DASK_DISTRIBUTED__WORKER__MEMORY__PAUSE": "False",
    "DASK_DISTRIBUTED__WORKER__MEMORY__TERMINATE": "False",
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "5",
}
PRELOAD_YAML = """\
distributed:
  scheduler: {preload: [dask_otel]}
  worker: {preload: [dask_otel]}
"""


@dataclass(frozen=True)
class Way:
    """A way to start it.

    Attributes
    ----------
    settings
        Added to the environment.
    python
        Takes the place of the interpreter in front of the script and of Dask's commands.
    flags
        Of `dask scheduler` and `dask worker`.
    prepare
        Called with a new config folder of the user, which is in `DASK_CONFIG`.
    join
        Called with the address of the scheduler and the sink while the script waits; what it starts
        lasts as long as the script.
    """

    settings: Mapping[str, str] = field(default_factory=dict)
    python: tuple[str, ...] = (sys.executable,)
    flags: tuple[str, ...] = ()
    prepare: Callable[[Path], None] | None = None
    join: Callable[[str, Sink], contextlib.AbstractContextManager[None]] | None = None


def _write_config(folder: Path) -> None:
    (folder / "mine.yaml").write_text(PRELOAD_YAML)


def _enable(folder: Path) -> None:
    """Enable it over lists of the user's own, which hide what is installed."""
    (folder / "mine.yaml").write_text(PRELOAD_YAML.replace("dask_otel", ""))
    subprocess.run(
        [sys.executable, "-m", "dask_otel", "enable"],
        env=os.environ | {"DASK_CONFIG": str(folder)},
        check=True,
        capture_output=True,
    )


@contextlib.contextmanager
def _register(address: str, sink: Sink) -> Iterator[None]:
    with Client(address) as client:
        client.register_plugin(dask_otel.SchedulerInstrumentation())
        client.register_plugin(dask_otel.WorkerInstrumentation())
        wait_for(lambda: is_complete(sink), STARTED_S)
        yield


@contextlib.contextmanager
def _attach(address: str, sink: Sink) -> Iterator[None]:
    ports = [f"127.0.0.1:{free_port()}" for _ in range(2)]  # of its window
    window = "--http", ports[0], "--grpc", ports[1]
    attached = subprocess.Popen(
        [DASKSCOPE, "attach", address, "--endpoint", sink.endpoint, *window],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Other windows keep their sessions elsewhere.
        env=os.environ | {MARK: "", "XDG_DATA_HOME": tempfile.mkdtemp()},
    )
    try:
        wait_for(lambda: attached.poll() is not None or is_complete(sink), STARTED_S)
        yield
        attached.send_signal(signal.SIGINT)
        _, errors = attached.communicate(timeout=30)
        assert attached.returncode == 0, errors
    finally:
        attached.kill()
        attached.communicate()


WAYS: dict[str, Way] = {
    "environment": Way(
        {
            "DASK_DISTRIBUTED__SCHEDULER__PRELOAD": "dask_otel",
            "DASK_DISTRIBUTED__WORKER__PRELOAD": "dask_otel",
        }
    ),
    "config": Way(prepare=_write_config),
    "flag": Way(NOT_BY_ITSELF, flags=("--preload", "dask_otel")),
    "installed": Way(),
    "enable": Way(prepare=_enable),
    # The SDK's processor sends every 5 s; what it holds when a worker is killed is gone with it.
    "opentelemetry-instrument": Way(
        {**NOT_BY_ITSELF, "OTEL_BSP_SCHEDULE_DELAY": "100"},
        python=(str(BIN / "opentelemetry-instrument"), sys.executable),
    ),
    "DaskInstrumentor": Way(NOT_BY_ITSELF, python=(sys.executable, str(HERE / "instrumented.py"))),
    "register_plugin": Way(NOT_BY_ITSELF, join=_register),
    "attach": Way(NOT_BY_ITSELF, join=_attach),
}


def is_complete(sink: Sink) -> bool:
    """Whether a scheduler and two workers have sent something."""
    senders = {
        (point.resource["service.name"], point.resource["service.instance.id"])
        for point in sink.points()
    }
    services = sorted(service for service, _ in senders if service != "dask-client")
    return services == ["dask-scheduler", "dask-worker", "dask-worker"]


def run(way: Way, kind: str, folder: Path, sink: Sink, protocol: str) -> str:
    """Run the script started `way`, on a cluster of `kind`, to the end of all that came of it.

    Returns
    -------
    str
        What the script has written to standard error.
    """
    config = folder / "config"
    config.mkdir()
    mark = str(folder)
    env = {
        **os.environ,
        **CONFIG,
        **way.settings,
        "DASK_CONFIG": str(config),
        "OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        MARK: mark,
    }
    if way.prepare is not None:
        way.prepare(config)
    with contextlib.ExitStack() as stack:
        if kind == "no-nanny":
            kind = stack.enter_context(_commands(way, folder, env))
        script = stack.enter_context(
            subprocess.Popen(
                [*way.python, SCRIPT, str(folder), kind, *(["wait"] if way.join else [])],
                cwd=folder,
                env=env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        stack.callback(script.kill)
        if way.join is not None:
            assert script.stdout is not None
            stack.enter_context(way.join(script.stdout.readline().strip(), sink))
        _, errors = script.communicate("\n", timeout=TIMEOUT_S)
        assert script.returncode == 0, errors
    wait_for(lambda: not marked(mark))
    return errors


@contextlib.contextmanager
def _commands(way: Way, folder: Path, env: Mapping[str, str]) -> Iterator[str]:
    """A scheduler and two workers without nannies, started as commands; its address."""
    file = folder / "scheduler.json"
    scheduler = ["scheduler", "--host", "127.0.0.1", "--port", "0"]
    worker = ["worker", "--no-nanny", "--nthreads", "2", "--memory-limit", "1GiB"]
    with contextlib.ExitStack() as stack:
        processes = []
        for command in (scheduler, worker, worker):
            arguments = [*command, "--scheduler-file", str(file), "--no-dashboard", *way.flags]
            log = stack.enter_context((folder / "commands.log").open("a"))
            process = subprocess.Popen(
                [*way.python, "-m", "dask", *arguments], cwd=folder, env=env, stdout=log, stderr=log
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            processes.append(process)
            if command is scheduler:
                wait_for(lambda: file.exists() and file.read_text().endswith("}"))
        address = file.read_text().partition('"address": "')[2].partition('"')[0]
        yield address
        for process in reversed(processes):
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)
