"""Ten minutes of a live window at 20,000 spans a second: is the end as the start was?

A simulated cluster of 256 threads sends; sender, receiver and window share the machine, and the
window comes first. Not one of the benchmarks that run by default: `make bench ARGS=soak`.
"""

from __future__ import annotations

import csv
import os
import re
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import psutil

from daskscope.ingest.catalogue import recordings
from daskscope.ingest.source import NICENESS
from tests.e2e.programs import DASKSCOPE
from tests.ports import free_port

if TYPE_CHECKING:
    from tests.bench.figures import Figure

SECONDS: Final = 600.0
RATE: Final = 20_000
N_WORKERS, N_THREADS = 64, 4
#: Time in view, which is full of spans after it.
RANGE_S: Final = 60.0
#: What is compared: so much after the view has filled, and so much before the end.
MINUTE_S: Final = 60.0
#: Until data come, and until what was sent is in the window.
SETTLING_S: Final = 5.0
P95_BUDGET_MS: Final = 8.0
WORSE_BUDGET: Final = 1.3
MIB: Final = 2**20
#: The window's cap of spans, and what Python, Qt, fonts, readings and pictures take besides.
WINDOW_BUDGET_MIB: Final = 1_024 + 384


class Memory(threading.Thread):
    """Resident memory of a process and its children, every second."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._process = psutil.Process(pid)
        self.bytes: list[dict[str, int]] = []

    def run(self) -> None:
        """Look until the process has gone."""
        try:
            while True:
                receivers = self._process.children()
                window = self._process.memory_info().rss
                rest = sum(child.memory_info().rss for child in receivers)
                self.bytes.append({"window": window, "receiver": rest})
                time.sleep(1)
        except psutil.Error:
            pass


def soak(seconds: float) -> list[Figure]:
    """Frames of the first and of the last minute, memory at the end, and what was lost."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        frames = home / "frames.csv"
        http = free_port()
        window = subprocess.Popen(
            [
                *(DASKSCOPE, "connect", "--http", f"127.0.0.1:{http}"),
                *("--grpc", f"127.0.0.1:{free_port()}", "--size", "1600x900"),
                *("--range", str(RANGE_S), "--seconds", str(seconds + 2 * SETTLING_S)),
                *("--frame-log", frames),
            ],
            env=os.environ
            | {
                "XDG_DATA_HOME": folder,
                "XDG_CONFIG_HOME": folder,
                "QT_QPA_PLATFORM": "offscreen",
            },
            stdout=subprocess.PIPE,
            text=True,
        )
        assert window.stdout is not None
        window.stdout.readline()
        memory = Memory(window.pid)
        memory.start()
        sent = simulate(http, seconds)
        window.wait(60)
        (session,) = recordings(next(home.rglob("*.dscope")).parent)
        figures = compared(frames, seconds)
        figures.append(figure("spans sent", sent, "spans", None))
        figures.append(figure("spans lost", sent - session.meta.spans, "spans", 0))
    for name in ("window", "receiver"):
        first, last = (memory.bytes[at][name] / MIB for at in (min(60, len(memory.bytes) - 1), -2))
        figures.append(figure(f"memory of the {name} after a minute", first, "MiB", None))
        budget = WINDOW_BUDGET_MIB if name == "window" else None
        figures.append(figure(f"memory of the {name} at the end", last, "MiB", budget))
    return figures


def simulate(http: int, seconds: float) -> int:
    """Send as a cluster would; how many spans the receiver took."""
    size = ("--workers", str(N_WORKERS), "--threads", str(N_THREADS), "--rate", str(RATE))
    done = subprocess.run(
        [
            # A cluster is on other machines: it leaves the cores to receiver and window.
            *("nice", "-n", str(NICENESS), DASKSCOPE, "simulate", *size, "--seconds", str(seconds)),
            *("--to", f"http://127.0.0.1:{http}"),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=2 * seconds + 60,
    )
    print(done.stdout.strip())
    (spans,) = re.findall(r"sent ([0-9,]+) spans", done.stdout)
    return int(spans.replace(",", ""))


def compared(frames: Path, seconds: float) -> list[Figure]:
    """95th percentiles of the frames of the first minute with a full view, and of the last."""
    with frames.open() as file:
        rows = [(float(row["t_s"]), float(row["frame_ms"])) for row in csv.DictReader(file)]
    t_s, frame_ms = np.array(rows).T
    length_s = min(MINUTE_S, seconds / 3)
    full_s = SETTLING_S + RANGE_S
    first = frame_ms[(t_s >= full_s) & (t_s < full_s + length_s)]
    last = frame_ms[(t_s >= seconds - length_s) & (t_s < seconds)]
    before_ms, after_ms = (float(np.percentile(part, 95)) for part in (first, last))
    return [
        figure("frame, first minute with a full view, p95", before_ms, "ms", None),
        figure("frame, last minute, p95", after_ms, "ms", P95_BUDGET_MS),
        figure("last minute / first one with a full view", after_ms / before_ms, "", WORSE_BUDGET),
        figure("frames in the last minute", len(last), "", None),
    ]


def figure(name: str, value: float, unit: str, budget: float | None) -> Figure:
    """One line of the table."""
    met = budget is None or value <= budget
    return {"name": name, "value": float(value), "unit": unit, "budget": budget, "met": met}


def run() -> list[Figure]:
    """Ten minutes."""
    return soak(SECONDS)
