"""From the command to the window, and from the command to a million spans drawn.

Both count everything from the start of the interpreter. The window is Qt's offscreen; "visible" is
when it was shown and has painted for the first time. Modules are compiled, as they are once a
package is installed and has run: a first start that does not count leaves their bytecode.
"""

from __future__ import annotations

import csv
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from dask_otel.conventions import THREAD_ID
from tests.e2e.programs import daskscope, recorder
from tests.ports import free_port
from tests.telemetry import START_NS, tasks

N_SPANS = 1_000_000
N_BATCH = 5_000
N_THREADS = 16
TASK_NS = 2_000_000
N_STARTS = 5

#: The command itself, which says when the window was shown and had painted.
LAUNCH = """
import sys, time
from daskscope.app import cli
sys.argv = ["daskscope", *sys.argv[1:]]
import PySide6.QtWidgets as widgets
shown = widgets.QWidget.show
def show(self):
    shown(self)
    if self.isWindow():
        widgets.QApplication.processEvents()
        print("visible", time.time(), flush=True)
widgets.QWidget.show = show
cli.main()
"""


def launch_s(settings: dict[str, str]) -> float:
    """Time from the start of the process to a window on the screen."""
    command = [sys.executable, "-c", LAUNCH, "connect", "--seconds", "0.1"]
    ports = ["--http", f"127.0.0.1:{free_port()}", "--grpc", f"127.0.0.1:{free_port()}"]
    started_s = time.time()
    result = subprocess.run(
        [*command, *ports],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    (visible_s,) = (
        float(line.split()[1]) for line in result.stdout.splitlines() if line.startswith("visible")
    )
    return visible_s - started_s


def record_spans(path: Path) -> None:
    """Record `N_SPANS` tasks of `N_THREADS` threads, through the receiver."""
    http = free_port()
    request = tasks(N_BATCH)
    spans = request.resource_spans[0].scope_spans[0].spans
    for i, span in enumerate(spans):
        (thread,) = (pair for pair in span.attributes if pair.key == THREAD_ID)
        thread.value.int_value = 1 + i % N_THREADS
    with recorder(path, http, free_port()):
        for first in range(0, N_SPANS, N_BATCH):
            for number, span in enumerate(spans, first):
                span.span_id = (number + 1).to_bytes(8, "big")
                span.start_time_unix_nano = START_NS + number // N_THREADS * TASK_NS
                span.end_time_unix_nano = span.start_time_unix_nano + TASK_NS * 9 // 10
            urllib.request.urlopen(
                urllib.request.Request(
                    f"http://127.0.0.1:{http}/v1/traces",
                    request.SerializeToString(),
                    {"Content-Type": "application/x-protobuf"},
                )
            ).close()


def open_s(path: Path, settings: dict[str, str]) -> tuple[float, float]:
    """Time from the command to a picture of the whole recording on disk, and to a first one.

    The first is counted from the moment at which the window is shown.
    """
    picture, frames = path.with_suffix(".png"), path.with_suffix(".csv")
    started_s = time.perf_counter()
    shown = "--screenshot", picture, "--frame-log", frames
    result = daskscope("open", path, *shown, "--range", "all", **settings)
    if result.returncode or not picture.exists():
        raise RuntimeError(f"open failed: {result.stderr}")
    took_s = time.perf_counter() - started_s
    with frames.open() as file:
        first = next(row for row in csv.DictReader(file) if int(row["spans_held"]))
    return took_s, float(first["t_s"]) + float(first["frame_ms"]) / 1e3


def run() -> list[dict[str, Any]]:
    """Measure both; of several starts the median, and the first apart."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "XDG_CONFIG_HOME": folder,
            "XDG_DATA_HOME": folder,
            "QT_QPA_PLATFORM": "offscreen",
            "PYTHONPYCACHEPREFIX": str(Path(folder) / "bytecode"),
            "PYTHONDONTWRITEBYTECODE": "",
        }
        launch_s(settings)
        starts_s = [launch_s(settings) for _ in range(N_STARTS)]
        recording = Path(folder) / "million.dscope"
        record_spans(recording)
        whole_s, first_s = open_s(recording, settings)
        figures = [
            ("window visible after launch, median of 5", statistics.median(starts_s), 1.5),
            ("window visible after launch, slowest of 5", max(starts_s), None),
            ("open 1,000,000 spans: launch to picture on disk", whole_s, 4.0),
            ("open 1,000,000 spans: window shown to first picture", first_s, 1.0),
        ]
    return [
        {
            "name": name,
            "value": value,
            "unit": "s",
            "budget": budget,
            "met": budget is None or value <= budget,
        }
        for name, value, budget in figures
    ]
