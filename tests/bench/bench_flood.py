"""Frames of a live window that takes in all that a receiver has to stand.

Two clusters of 256 threads, whose tasks end as fast as the budget asks, in their own time. What
they send is made before, so that the clock sees receiver and window. Senders are on other machines,
so here they leave the cores to both; `frame` is the benchmark of a machine that is shared with
them. Once more over OTLP/HTTP as fast as requests are acknowledged: what comes beyond the budget.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from daskscope.ingest.source import NICENESS
from tests.bench.bench_frame import N_BATCH, Cluster, Ports, grpc_post, http_post, logged
from tests.bench.figures import Figure, figure

if TYPE_CHECKING:
    from collections.abc import Callable

N_SENDERS: Final = 2
#: Of each sender: while one waits for its answer, another one has something to write.
N_CONNECTIONS: Final = 2
N_REQUESTS: Final = 360
N_SENT: Final = N_SENDERS * N_REQUESTS * N_BATCH
RATE_BUDGET: Final = 150_000
#: A little more than is asked for, for what a pause of the machine costs.
RATE: Final = 153_000
#: A window that has just got its first spans makes and loads once what all later frames use.
BEGINNING_S: Final = 1.0
#: Until the window has all that was acknowledged.
SETTLING_S: Final = 3.0


def send(
    post_to: Callable[[Ports], Callable[[bytes], None]],
    ports: Ports,
    is_paced: bool,
    number: int,
    start_ns: int,
    ready: Any,
) -> None:
    """Send requests, each when its tasks are over if paced, over some connections in turn."""
    os.nice(NICENESS)
    cluster = Cluster(start_ns, RATE // N_SENDERS, number)
    made: list[tuple[float, bytes]] = []
    for _ in range(N_REQUESTS):
        body = cluster.body()
        made.append(((cluster.end_ns - start_ns) / 1e9, body))
    ready.wait()
    # Senders take turns.
    began_s = time.perf_counter() + number * made[0][0] / N_SENDERS

    def send_each(requests: list[tuple[float, bytes]]) -> None:
        post = post_to(ports)
        for due_s, body in requests:
            if is_paced:
                time.sleep(max(began_s + due_s - time.perf_counter(), 0.0))
            post(body)

    with ThreadPoolExecutor(N_CONNECTIONS) as pool:
        list(pool.map(send_each, (made[first::N_CONNECTIONS] for first in range(N_CONNECTIONS))))


def flood(
    post_to: Callable[[Ports], Callable[[bytes], None]], is_paced: bool, ports: Ports
) -> None:
    """Let all senders send at once, and wait for them."""
    context = multiprocessing.get_context("spawn")
    ready, start_ns = context.Barrier(N_SENDERS), time.time_ns()
    senders = [
        context.Process(target=send, args=(post_to, ports, is_paced, number, start_ns, ready))
        for number in range(N_SENDERS)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
        if sender.exitcode:
            raise RuntimeError(f"a sender ended with {sender.exitcode}")
    time.sleep(SETTLING_S)


def measured(
    name: str, post_to: Callable[[Ports], Callable[[bytes], None]], *, is_paced: bool
) -> list[Figure]:
    """Rate and frames, after the beginning; frames have a budget at the rate of the budget."""
    with tempfile.TemporaryDirectory() as folder:
        lines = logged(Path(folder), partial(flood, post_to, is_paced))
    held = np.array([line["spans_held"] for line in lines])
    if held[-1] != N_SENT:
        raise RuntimeError(f"the window has {held[-1]:,.0f} of {N_SENT:,} spans")
    t_s = np.array([line["t_s"] for line in lines])
    first = int(np.searchsorted(t_s, t_s[np.flatnonzero(held > 0)[0]] + BEGINNING_S))
    last = int(np.flatnonzero(held == N_SENT)[0])
    took_s = t_s[last] - t_s[first]
    rate = float((N_SENT - held[first]) / took_s)
    frame_ms = np.array([line["frame_ms"] for line in lines[first : last + 1]])
    p50, p95, p99 = np.percentile(frame_ms, (50, 95, 99)).tolist()
    return [
        Figure(
            name=f"{name}: in the window",
            value=rate,
            unit="spans/s",
            budget=RATE_BUDGET,
            met=rate >= RATE_BUDGET,
        ),
        figure(f"{name}: frames", len(frame_ms) / took_s, "1/s"),
        figure(f"{name}: frame, median", p50, "ms"),
        figure(f"{name}: frame, p95", p95, "ms", 8.0 if is_paced else None),
        figure(f"{name}: frame, p99", p99, "ms", 16.0 if is_paced else None),
    ]


def run() -> list[Figure]:
    """Measure."""
    return [
        *measured("150,000 spans/s over OTLP/http", http_post, is_paced=True),
        *measured("150,000 spans/s over OTLP/grpc", grpc_post, is_paced=True),
        *measured("as fast as acknowledged over OTLP/http", http_post, is_paced=False),
    ]
