"""Frames of a live window: a million tasks in view, 256 lanes, 20,000 new spans a second.

The command that a user types, with its own frame log: `frame_ms` is the whole tick (drain, store,
derive, paint). Sender, receiver and window share the machine.
"""

from __future__ import annotations

import csv
import http.client
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import grpc
import numpy as np
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from dask_otel.conventions import THREAD_ID, WORKER_ADDRESS
from tests.e2e.programs import DASKSCOPE
from tests.ports import free_port
from tests.telemetry import tasks

if TYPE_CHECKING:
    from collections.abc import Callable

N_WORKERS, N_THREADS = 32, 8
N_LANES = N_WORKERS * N_THREADS
#: Ten requests a second at `RATE`.
N_BATCH = 2_048
N_HELD = 1_000_000
RATE = 20_000
LIVE_S = 15.0
LIMIT_S = 60.0
RANGE_S = 90.0


class Ports(NamedTuple):
    """Where a window's receiver listens."""

    http: int
    grpc: int


class Cluster:
    """Makes requests with the next `N_BATCH` tasks of all lanes, of which `rate` end a second.

    Those of another `number` have other workers and other ids.
    """

    def __init__(self, start_ns: int, rate: int = RATE, number: int = 0) -> None:
        self._start_ns = start_ns
        self._period_ns = N_LANES * 1_000_000_000 // rate
        self._number = number
        self.n_made = 0
        self._request = ExportTraceServiceRequest()
        for worker in range(N_WORKERS):
            part = tasks(N_BATCH // N_WORKERS, worker * N_BATCH // N_WORKERS).resource_spans[0]
            for pair in part.resource.attributes:
                if pair.key == WORKER_ADDRESS:
                    host = f"10.0.{number}.{1 + worker // 8}"
                    pair.value.string_value = f"tcp://{host}:{40_000 + worker}"
            self._request.resource_spans.append(part)
        self._lanes = [
            (worker * N_THREADS + i % N_THREADS, span)
            for worker, part in enumerate(self._request.resource_spans)
            for i, span in enumerate(part.scope_spans[0].spans)
        ]
        for lane, span in self._lanes:
            (thread,) = (pair for pair in span.attributes if pair.key == THREAD_ID)
            thread.value.int_value = 1 + lane % N_THREADS

    @property
    def end_ns(self) -> int:
        """When the last task that was made ended."""
        return self._start_ns + self.n_made // N_LANES * self._period_ns

    def body(self) -> bytes:
        """A request with the next tasks."""
        turn_of = [0] * N_LANES
        before = self.n_made // N_LANES
        for number, (lane, span) in enumerate(self._lanes, self.n_made + 1):
            turn = before + turn_of[lane]
            turn_of[lane] += 1
            span.span_id = (self._number << 48 | number).to_bytes(8, "big")
            span.start_time_unix_nano = self._start_ns + turn * self._period_ns
            span.end_time_unix_nano = span.start_time_unix_nano + self._period_ns * 9 // 10
        self.n_made += N_BATCH
        return self._request.SerializeToString()


def http_post(ports: Ports) -> Callable[[bytes], None]:
    """Send a request over OTLP/HTTP, and wait until it is acknowledged."""
    connection = http.client.HTTPConnection("127.0.0.1", ports.http, timeout=30)

    def post(body: bytes) -> None:
        connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"the receiver answered {answer.status}")

    return post


def grpc_post(ports: Ports) -> Callable[[bytes], None]:
    """Send a request over OTLP/gRPC, and wait until it is acknowledged."""
    export: grpc.UnaryUnaryMultiCallable[bytes, bytes] = grpc.insecure_channel(
        f"127.0.0.1:{ports.grpc}"
    ).unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")

    def post(body: bytes) -> None:
        export(body, timeout=30)

    return post


def logged(folder: Path, send: Callable[[Ports], None]) -> list[dict[str, float]]:
    """Lines of the frame log of a window, while something is sent to its ports."""
    log, http_port, grpc_port = folder / "frames.csv", free_port(), free_port()
    command = [DASKSCOPE, "connect", "--seconds", str(LIMIT_S), "--frame-log", str(log)]
    ports = ["--http", f"127.0.0.1:{http_port}", "--grpc", f"127.0.0.1:{grpc_port}"]
    look = ["--size", "1600x900", "--range", str(RANGE_S), "--theme", "light"]
    homes = {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    environment = os.environ | homes | {"QT_QPA_PLATFORM": "offscreen"}
    with subprocess.Popen(
        [*command, *ports, *look], env=environment, stdout=subprocess.PIPE
    ) as window:
        try:
            assert window.stdout is not None
            window.stdout.readline()
            send(Ports(http_port, grpc_port))
        finally:
            window.terminate()
    with log.open(newline="") as file:
        return [{name: float(text) for name, text in line.items()} for line in csv.DictReader(file)]


def live(ports: Ports) -> None:
    """Fill the view, and go on as time does."""
    cluster = Cluster(time.time_ns() - N_HELD * 1_000_000_000 // RATE)
    post = http_post(ports)
    while cluster.n_made < N_HELD:
        post(cluster.body())
    live_until_ns = time.time_ns() + round(LIVE_S * 1e9)
    while cluster.end_ns < live_until_ns:
        post(cluster.body())
        time.sleep(max((cluster.end_ns - time.time_ns()) / 1e9, 0.0))


def frames(folder: Path) -> list[dict[str, float]]:
    """Lines of the frame log while the window follows."""
    return [line for line in logged(folder, live) if line["spans_in_view"] >= N_HELD]


def run() -> list[dict[str, Any]]:
    """Measure."""
    with tempfile.TemporaryDirectory() as folder:
        lines = frames(Path(folder))
    if len(lines) < 100:
        raise RuntimeError(f"only {len(lines)} frames with {N_HELD} spans in view")
    frame_ms = np.array([line["frame_ms"] for line in lines])
    rate = (len(lines) - 1) / (lines[-1]["t_s"] - lines[0]["t_s"])
    figures = [
        ("frame, 1,000,000 tasks in view, 256 lanes, live, median", 50, None),
        ("frame, 1,000,000 tasks in view, 256 lanes, live, p95", 95, 8.0),
        ("frame, 1,000,000 tasks in view, 256 lanes, live, p99", 99, 16.0),
    ]
    found: list[dict[str, Any]] = []
    for name, share, budget in figures:
        value = float(np.percentile(frame_ms, share))
        met = budget is None or value <= budget
        found.append({"name": name, "value": value, "unit": "ms", "budget": budget, "met": met})
    found.append(
        {"name": "the same, frames", "value": rate, "unit": "1/s", "budget": None, "met": True}
    )
    return found
