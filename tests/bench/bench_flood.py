"""Frames of a live window to which two senders send as fast as the receiver takes it.

What they send is made before, so that the clock sees receiver and window, but senders, receiver and
window share the machine.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import numpy as np

from tests.bench.bench_frame import N_BATCH, Cluster, logged
from tests.bench.figures import Figure, figure

N_SENDERS: Final = 2
N_REQUESTS: Final = 180
N_SENT: Final = N_SENDERS * N_REQUESTS * N_BATCH
RATE_BUDGET: Final = 150_000
#: Until the window has all that was acknowledged.
SETTLING_S: Final = 3.0


def send(port: int, number: int, start_ns: int, ready: Any) -> None:
    """Send requests one after the other, each when the one before is acknowledged."""
    cluster = Cluster(port, start_ns, number)
    made = [cluster.body() for _ in range(N_REQUESTS)]
    ready.wait()
    for body in made:
        cluster.post(body)


def flood(port: int) -> None:
    """Let all senders send at once, and wait for them."""
    context = multiprocessing.get_context("spawn")
    ready, start_ns = context.Barrier(N_SENDERS), time.time_ns()
    senders = [
        context.Process(target=send, args=(port, number, start_ns, ready))
        for number in range(N_SENDERS)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
        if sender.exitcode:
            raise RuntimeError(f"a sender ended with {sender.exitcode}")
    time.sleep(SETTLING_S)


def run() -> list[Figure]:
    """Measure."""
    with tempfile.TemporaryDirectory() as folder:
        lines = logged(Path(folder), flood)
    held = np.array([line["spans_held"] for line in lines])
    if held[-1] != N_SENT:
        raise RuntimeError(f"the window has {held[-1]:,.0f} of {N_SENT:,} spans")
    # From the first frame with spans to the first one with all of them.
    first, last = int(np.flatnonzero(held > 0)[0]), int(np.flatnonzero(held == N_SENT)[0])
    took_s = lines[last]["t_s"] - lines[first]["t_s"]
    rate = (N_SENT - held[first]) / took_s
    frame_ms = np.array([line["frame_ms"] for line in lines[first : last + 1]])
    p50, p95, p99 = np.percentile(frame_ms, (50, 95, 99)).tolist()
    return [
        Figure(
            name="flood over OTLP/http, in the window",
            value=float(rate),
            unit="spans/s",
            budget=RATE_BUDGET,
            met=bool(rate >= RATE_BUDGET),
        ),
        figure("flood: frames", len(frame_ms) / took_s, "1/s"),
        figure("flood: frame, median", p50, "ms"),
        figure("flood: frame, p95", p95, "ms", 8.0),
        figure("flood: frame, p99", p99, "ms", 16.0),
    ]
