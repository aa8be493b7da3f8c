"""Statistics of everything that is held: the first time, and while an edge is dragged.

Each tick may do a few steps, so what counts is how long one of them takes, and how long all of them
do. 60 prefixes, 256 lanes; one span in ten is a child of the task before it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from daskscope.derive.roster import RosterKeeper
from daskscope.derive.statistics.crew import crew
from daskscope.derive.statistics.frame import statistics_frame
from daskscope.derive.statistics.rows import Scope
from daskscope.derive.statistics.work import Statistics
from daskscope.session import Session
from daskscope.store.schema import Kind
from daskscope.store.writer import Store
from tests.bench.figures import Figure, figure
from tests.builders import Load

if TYPE_CHECKING:
    from daskscope.store.snapshot import Snapshot

N_HELD, N_MORE = 1_000_000, 9_000_000
N_BATCH = 4_096
N_DRAGS = 20


class Held:
    """A store that fills, and statistics of what it holds."""

    def __init__(self) -> None:
        self._load = Load(n_prefixes=60)
        self._store = Store(cap_bytes=1 << 40)
        self._store.apply(self._load.source.definitions())
        self._statistics = Statistics()

    def fill(self, n: int) -> Snapshot:
        """Hold `n` spans more."""
        for _ in range(n // N_BATCH):
            batch = self._load.batch(N_BATCH)
            columns = batch.columns
            child = np.arange(1, N_BATCH, 10)
            columns["kind"][child] = Kind.OTHER
            for name in ("start_ns", "end_ns", "resource", "thread"):
                columns[name][child] = columns[name][child - 1]
            columns["parent_id"][child] = columns["span_id"][child - 1]
            self._store.apply(batch)
        return self._store.snapshot()

    def steps_ms(self, scope: Scope) -> list[float]:
        """CPU time of each step of one scope."""
        times = []
        self._statistics.begin(self._store.snapshot(), scope)
        is_working = True
        while is_working:
            begin_s = time.thread_time()
            is_working = self._statistics.step()
            times.append((time.thread_time() - begin_s) * 1e3)
        return times

    def dragged_ms(self, snapshot: Snapshot) -> float:
        """CPU time of all steps each time that an edge moves, the median."""
        first_ns, last_ns = snapshot.first_ns, snapshot.last_ns
        step_ns = (last_ns - first_ns) // 100
        scopes = (Scope(first_ns, last_ns - i * step_ns) for i in range(1, N_DRAGS + 1))
        return float(np.median([sum(self.steps_ms(scope)) for scope in scopes]))

    def frame_ms(self, snapshot: Snapshot) -> float:
        """CPU time of what is drawn of them, the median."""
        session, workers = Session(), crew(snapshot, RosterKeeper().of(snapshot), None)
        times = []
        for _ in range(N_DRAGS):
            begin_s = time.thread_time()
            figures = self._statistics.figures()
            statistics_frame(snapshot, session, figures, workers, snapshot.last_ns)
            times.append((time.thread_time() - begin_s) * 1e3)
        return float(np.median(times))


def run() -> list[Figure]:
    """Measure."""
    held = Held()
    snapshot = held.fill(N_HELD)
    everything = Scope(snapshot.first_ns, snapshot.last_ns + 1)
    steps_ms = held.steps_ms(everything)
    frame_ms, dragged_ms = held.frame_ms(snapshot), held.dragged_ms(snapshot)
    snapshot = held.fill(N_MORE)
    more_ms = held.steps_ms(Scope(snapshot.first_ns, snapshot.last_ns + 1))
    many = "statistics of 10,000,000 spans"
    return [
        figure("statistics of 1,000,000 spans, a step, p99", _p99(steps_ms), "ms", 3.0),
        figure("statistics of 1,000,000 spans, all steps", sum(steps_ms), "ms", 1_000.0),
        figure("statistics of 1,000,000 spans, an edge moves", dragged_ms, "ms", 100.0),
        figure("statistics of 1,000,000 spans, what is drawn", frame_ms, "ms", 8.0),
        figure(f"{many}, nine in ten of them new, all steps", sum(more_ms), "ms"),
        figure(f"{many}, a step, p99", _p99(more_ms), "ms", 3.0),
        figure(f"{many}, an edge moves", held.dragged_ms(snapshot), "ms", 300.0),
    ]


def _p99(times_ms: list[float]) -> float:
    return float(np.percentile(times_ms, 99))
