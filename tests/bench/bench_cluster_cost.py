"""What a whole cluster pays: none, ours, ours through the SDK, and Dask's page with one tab open.

Four clusters of a scheduler and a worker, each a process, live side by side and compute in turn, so
that each figure is a ratio of neighbours in time. The receiver, another process, forgets what it
reads. The tab is one more process, which receives what a browser would: see `tab`.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask
import psutil
from distributed import Client, wait

from tests.bench.tab import Tab
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

N_TASKS = 2_000
N_ROUNDS = 10
N_WARM = 500
#: Where `make bench` has put what Dask's page needs; nobody else needs it.
BOKEH = Path(__file__).parents[2] / "out" / "bokeh"
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
    """Of each round: seconds of the wall clock, CPU microseconds per task, patches that the tab has
    received since the one before; bytes at the end.
    """

    wall_s: list[float] = field(default_factory=list)
    scheduler_us: list[float] = field(default_factory=list)
    worker_us: list[float] = field(default_factory=list)
    n_patches: list[int] = field(default_factory=list)
    scheduler_bytes: int = 0
    worker_bytes: int = 0


class Cluster:
    """A scheduler and a worker of two threads, a client, and a tab if there is one."""

    def __init__(
        self,
        client: Client,
        scheduler: psutil.Process,
        worker: psutil.Process,
        tab: Tab | None = None,
    ) -> None:
        self._client, self._scheduler, self._worker = client, scheduler, worker
        self._tab = tab
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

    def measure(self) -> None:
        """One round."""
        before = _cpu_s(self._scheduler), _cpu_s(self._worker)
        self.cost.wall_s.append(self.compute(N_TASKS))
        after = _cpu_s(self._scheduler), _cpu_s(self._worker)
        scheduler_s, worker_s = (now - then for now, then in zip(after, before, strict=True))
        self.cost.scheduler_us.append(scheduler_s / N_TASKS * 1e6)
        self.cost.worker_us.append(worker_s / N_TASKS * 1e6)
        self.cost.scheduler_bytes = self._scheduler.memory_info().rss
        self.cost.worker_bytes = self._worker.memory_info().rss
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
    commands = [
        ["scheduler", "--host", "127.0.0.1", "--port", "0", *page],
        ["worker", "--no-nanny", "--nthreads", "2", "--no-dashboard"],
    ]
    with contextlib.ExitStack() as stack:
        processes = []
        for command in commands:
            arguments = [*command, "--scheduler-file", str(file)]
            process = subprocess.Popen(
                [*setup.prefix, sys.executable, "-m", "dask", *arguments],
                env=env,
                stderr=subprocess.DEVNULL,
            )
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
                cluster.measure()
        return {name: cluster.cost for name, cluster in clusters.items()}


def _ratio(values: list[float], bases: list[float]) -> float:
    """Median of the rounds' ratios."""
    pairs = zip(values, bases, strict=True)
    return statistics.median(value / base for value, base in pairs)


def _spread(values: Sequence[float]) -> str:
    return f"{min(values):.0f} to {max(values):.0f}"


def run() -> list[dict[str, Any]]:
    """Measure; the budgets hold for `dask_otel` alone, the others stand beside it."""
    if not BOKEH.exists():
        raise FileNotFoundError(f"{BOKEH}: `make bench` installs it")
    found = costs()
    base = found["no instrumentation"]
    figures: list[dict[str, Any]] = []

    def add(name: str, value: float, unit: str, budget: float | None = None) -> None:
        met = budget is None or value <= budget
        figures.append({"name": name, "value": value, "unit": unit, "budget": budget, "met": met})

    for name, cost in found.items():
        is_ours = name == "dask_otel"
        rate = N_TASKS / statistics.median(cost.wall_s)
        add(f"{name}: throughput", rate, "tasks/s")
        for role, spent in (("scheduler", cost.scheduler_us), ("worker", cost.worker_us)):
            label = f"{name}: {role}, CPU per task ({_spread(spent)})"
            add(label, statistics.median(spent), "us")
        add(f"{name}: scheduler, memory", cost.scheduler_bytes / 2**20, "MiB")
        add(f"{name}: worker, memory", cost.worker_bytes / 2**20, "MiB")
        if cost.n_patches:
            label = f"{name}: patches that it received, a round ({_spread(cost.n_patches)})"
            add(label, statistics.median(cost.n_patches), "")
        if cost is not base:
            slower = _ratio(cost.wall_s, base.wall_s) - 1
            add(f"{name}: slower", slower * 100, "%", 2.0 if is_ours else None)
            dearer = _ratio(cost.scheduler_us, base.scheduler_us) - 1
            add(f"{name}: scheduler, more CPU", dearer * 100, "%", 1.0 if is_ours else None)
            dearer = _ratio(cost.worker_us, base.worker_us) - 1
            add(f"{name}: worker, more CPU", dearer * 100, "%")
    return figures
