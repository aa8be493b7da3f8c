"""What a whole cluster pays: none, ours, ours through the SDK, and Dask's page with one tab open.

Four clusters, each scheduler and worker a process, live side by side and compute in turn, so that
each figure is a ratio of neighbours in time. The receiver, another process, forgets what it reads.
The tab is one more process, which receives what a browser would: see `tab`.

A real worker of two threads leaves the scheduler idle more often than not, so that what happens by
the clock is divided among few tasks; for a scheduler with no time to spare see
`bench_scheduler_cost`.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
import psutil
from distributed import Client, wait

from tests.bench.figures import Figure, figure
from tests.bench.page import BOKEH, check_bokeh
from tests.bench.tab import Tab
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

N_TASKS = 2_000
N_ROUNDS = 10
N_WARM = 500
OFF = {f"DASK_DISTRIBUTED__{role}__PRELOAD": "[]" for role in ("SCHEDULER", "WORKER", "CLIENT")}
OURS = OFF | {f"DASK_DISTRIBUTED__{role}__PRELOAD": "dask_otel" for role in ("SCHEDULER", "WORKER")}
RECEIVE = "from tests.bench.bench_worker_cost import serve; serve()"


@dataclass(frozen=True)
class Setup:
    """A cluster's environment, what stands in front of its commands, whether its client is
    instrumented, and whether a tab is open.
    """

    env: Mapping[str, str]
    prefix: tuple[str, ...] = ()
    has_our_client: bool = False
    has_tab: bool = False


SETUPS = {
    "no instrumentation": Setup(OFF),
    "dask_otel": Setup(OURS, has_our_client=True),
    "dask_otel through the SDK": Setup(
        OFF,
        (str(Path(sys.executable).with_name("opentelemetry-instrument")),),
        has_our_client=True,
    ),
    "Dask's page, one tab": Setup(OFF | {"PYTHONPATH": str(BOKEH)}, has_tab=True),
}


@dataclass
class Cost:
    """Of each round: seconds of the wall clock, CPU microseconds per task of scheduler and worker,
    patches that the tab has received since the one before; bytes at the end.
    """

    wall_s: list[float] = field(default_factory=list)
    cpu_us: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    n_patches: list[int] = field(default_factory=list)
    n_bytes: dict[str, int] = field(default_factory=dict)


class Cluster:
    """A scheduler, a worker, a client, and a tab if there is one."""

    def __init__(
        self,
        client: Client,
        scheduler: psutil.Process,
        worker: psutil.Process,
        tab: Tab | None = None,
    ) -> None:
        self._client, self._tab = client, tab
        self._processes = {"scheduler": scheduler, "worker": worker}
        self.cost = Cost()

    def compute(self, n_tasks: int) -> float:
        """Compute trivial tasks; the seconds it took."""
        began_s = time.perf_counter()
        futures = self._client.map(_inc, range(n_tasks), pure=False)
        wait(futures)
        took_s = time.perf_counter() - began_s
        del futures
        wait_for(lambda: not self._client.run_on_scheduler(_n_tasks))
        return took_s

    def measure(self, n_tasks: int) -> None:
        """One round."""
        before = {role: _cpu_s(process) for role, process in self._processes.items()}
        self.cost.wall_s.append(self.compute(n_tasks))
        for role, process in self._processes.items():
            self.cost.cpu_us[role].append((_cpu_s(process) - before[role]) / n_tasks * 1e6)
            self.cost.n_bytes[role] = process.memory_info().rss
        if self._tab is not None:
            self.cost.n_patches.append(self._tab.check())


def _inc(number: int) -> int:
    return number + 1


def _n_tasks(dask_scheduler: Any) -> int:
    return len(dask_scheduler.tasks)


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@contextlib.contextmanager
def _cluster(setup: Setup, folder: Path) -> Iterator[Cluster]:
    file = folder / "scheduler.json"
    env = {**os.environ, **setup.env}
    page = ["--dashboard-address", "127.0.0.1:0"] if setup.has_tab else ["--no-dashboard"]
    at = ["--scheduler-file", str(file)]
    dask_command = [*setup.prefix, sys.executable, "-m", "dask"]
    commands = [
        [*dask_command, "scheduler", "--host", "127.0.0.1", "--port", "0", *page, *at],
        [*dask_command, "worker", "--no-nanny", "--nthreads", "2", "--no-dashboard", *at],
    ]
    with contextlib.ExitStack() as stack:
        processes = []
        for command in commands:
            process = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.kill)
            processes.append(psutil.Process(process.pid))
            wait_for(lambda: file.exists() and file.read_text().endswith("}"))
        preload = ["dask_otel"] if setup.has_our_client else []
        with dask.config.set({"distributed.client.preload": preload}):
            client = stack.enter_context(Client(scheduler_file=str(file)))
        client.wait_for_workers(1)
        tab = stack.enter_context(Tab(client.dashboard_link)) if setup.has_tab else None
        scheduler, worker = processes
        yield Cluster(client, scheduler, worker, tab)


def costs() -> dict[str, Cost]:
    """What each cluster paid, in rounds by turns."""
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-c", RECEIVE],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        stack.callback(sink.kill)
        assert sink.stdout is not None
        os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = sink.stdout.readline().strip()
        os.environ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf"
        clusters = {}
        for name, setup in SETUPS.items():
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            clusters[name] = stack.enter_context(_cluster(setup, folder))
            clusters[name].compute(N_WARM)
        for number in range(N_ROUNDS):
            order = list(clusters.values())
            for cluster in order if number % 2 else reversed(order):
                cluster.measure(N_TASKS)
        return {name: cluster.cost for name, cluster in clusters.items()}


def _more(values: list[float], bases: list[float]) -> tuple[float, str]:
    """Percent more in the median of the rounds, and where half of them are."""
    pairs = zip(values, bases, strict=True)
    found = sorted((value / base - 1) * 100 for value, base in pairs)
    quarter = len(found) // 4
    return statistics.median(
        found
    ), f"half of the rounds {found[quarter]:.1f} to {found[-1 - quarter]:.1f}"


def _spread(values: Sequence[float]) -> str:
    return f"{min(values):.0f} to {max(values):.0f}"


def run() -> list[Figure]:
    """Measure; the budgets hold for `dask_otel` alone, the others stand beside it."""
    check_bokeh()
    found = costs()
    return [one for name in found for one in _figures(name, found)]


def _figures(name: str, found: Mapping[str, Cost]) -> Iterator[Figure]:
    """Of one setup."""
    cost, base = found[name], found["no instrumentation"]
    is_ours = name == "dask_otel"
    rate = N_TASKS / statistics.median(cost.wall_s)
    yield figure(f"{name}: throughput", rate, "tasks/s")
    for role in cost.cpu_us:
        spent, spent_bare = cost.cpu_us[role], base.cpu_us[role]
        about = f"{name}: {role}, CPU per task ({_spread(spent)})"
        yield figure(about, statistics.median(spent), "us")
        yield figure(f"{name}: {role}, memory", cost.n_bytes[role] / 2**20, "MiB")
        if cost is not base:
            dearer, about = _more(spent, spent_bare)
            budget = 1.0 if is_ours and role == "scheduler" else None
            yield figure(f"{name}: {role}, more CPU ({about})", dearer, "%", budget)
    if cost is not base:
        slower, about = _more(cost.wall_s, base.wall_s)
        yield figure(f"{name}: slower ({about})", slower, "%", 2.0 if is_ours else None)
    if cost.n_patches:
        about = f"{name}: patches that it received, a round ({_spread(cost.n_patches)})"
        yield figure(about, statistics.median(cost.n_patches), "")
