"""Ways to start it with scripts and commands that know nothing of it, on real clusters."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from distributed import Client

from tests.starting import N_TASKS, PRELOADS, all_once, compute, senders, started
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.sinks import HttpSink

pytestmark = pytest.mark.cluster

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]
SCRIPT = f"""
from distributed import Client

if __name__ == "__main__":
    with Client(n_workers=2, threads_per_worker=1, dashboard_address=":0") as client:
        print(client.gather(client.map(abs, range(-{N_TASKS}, 0))))
"""
YAML = "distributed: {scheduler: {preload: [dask_otel]}, worker: {preload: dask_otel}}"


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
