"""From a task's end to its pixels: a real cluster, the receiver, the link, the window's own tick.

A task's end is Dask's, on the scheduler's clock, which is this machine's. Its pixels are there when
the tick that painted the first frame with its finished bar returns; the window is Qt's offscreen.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from PySide6.QtWidgets import QApplication

from daskscope.app.options import WindowOptions
from daskscope.app.run import Run
from daskscope.derive.frames import BarState
from daskscope.ingest.source import Source
from daskscope.store.schema import Kind
from tests.e2e.programs import PRELOAD
from tests.e2e.services import running_collector
from tests.ports import free_port

#: Four threads with tasks of 40 ms: each is a bar of some pixels, and 100 of them end a second.
CLUSTER = """
import time
from distributed import Client, LocalCluster

def work(number):
    time.sleep(0.04)

if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=2, dashboard_address=":0") as cluster:
        with Client(cluster) as client:
            client.gather(client.map(work, range({n_tasks}), pure=False))
"""
N_TASKS = 1_000
RANGE_S = 15.0
LIMIT_S = 60.0
BUDGET_MS = {"direct": 300.0, "through the Collector": 600.0}


class Watch:
    """Notes for each finished bar when it was painted first, and ends Qt's loop after the last.

    Attributes
    ----------
    latency_ms
        From the end of each task to its pixels.
    """

    def __init__(self, run: Run) -> None:
        self.latency_ms: list[float] = []
        self._run = run
        self._seen: set[tuple[int, int]] = set()

    def look(self) -> None:
        """Look at what the tick that has just returned has painted."""
        painted_ns = time.time_ns()
        frame, snapshot = self._run.frame, self._run._snapshot
        if frame is None:
            return
        bars = frame.bars
        finished = (bars.state == BarState.FINISHED) & (bars.kind == Kind.COMPUTE)
        places = zip(bars.chunk[finished].tolist(), bars.index[finished].tolist(), strict=True)
        for chunk, index in set(places) - self._seen:
            self._seen.add((chunk, index))
            end_ns = int(snapshot.chunks[chunk].columns["end_ns"][index])
            self.latency_ms.append((painted_ns - end_ns) / 1e6)
        if len(self._seen) == N_TASKS:
            QApplication.exit()


def latencies_ms(folder: Path, is_direct: bool) -> list[float]:
    """Latency of each task of a cluster that sends to a window, or to a Collector before it."""
    script = folder / "cluster.py"
    script.write_text(CLUSTER.format(n_tasks=N_TASKS))
    with ExitStack() as stack:
        if is_direct:
            http = free_port()
            endpoint = f"http://127.0.0.1:{http}"
        else:
            collector = stack.enter_context(running_collector(folder, free_port))
            http, endpoint = collector.desktop, collector.http
        source = stack.enter_context(
            closing(
                Source.receive(
                    http=(f"127.0.0.1:{http}",),
                    grpc=("127.0.0.1:0",),
                    journal=folder / f"{http}.dscope",
                )
            )
        )
        source.wait()
        options = WindowOptions(seconds=LIMIT_S, size=(1600, 900), theme="light", range_s=RANGE_S)
        run = Run(source, options, is_live=True, failure=lambda: "")
        watch = Watch(run)
        run._clock.ticked.connect(watch.look)  # after the window's own tick
        run.show((1600, 900))
        settings = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        }
        cluster = stack.enter_context(
            subprocess.Popen([sys.executable, script], env=os.environ | PRELOAD | settings)
        )
        QApplication.exec()
        run.finish()
        if cluster.wait():
            raise RuntimeError("the cluster failed")
    if len(watch.latency_ms) != N_TASKS:
        raise RuntimeError(f"{len(watch.latency_ms)} of {N_TASKS} tasks were painted as bars")
    return watch.latency_ms


def run() -> list[dict[str, Any]]:
    """Measure both ways."""
    application = QApplication.instance() or QApplication([])
    application.setApplicationName("daskscope")
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_DATA_HOME"] = folder
        for way, budget_ms in BUDGET_MS.items():
            latency_ms = np.array(latencies_ms(Path(folder), is_direct=way == "direct"))
            for name, share in (("median", 50), ("p95", 95), ("p99", 99)):
                value = float(np.percentile(latency_ms, share))
                budget = budget_ms if share == 95 else None
                figures.append(
                    {
                        "name": f"end of a task to its pixels, {way}, {name}",
                        "value": value,
                        "unit": "ms",
                        "budget": budget,
                        "met": budget is None or value <= budget,
                    }
                )
    return figures
