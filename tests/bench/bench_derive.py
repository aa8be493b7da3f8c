"""The store and the task stream's frames alone: what is left of a tick for painting.

256 lanes, 1600x900, following live at 20,000 spans a second in ticks of a sixtieth; once with a
million spans held, all of them in view, once with ten times as many held.
"""

from __future__ import annotations

import time

import numpy as np

from daskscope.derive.lanes import LaneLayouts, lane_layout
from daskscope.derive.taskstream import TaskStream
from daskscope.session import WHOLE_RUN, Session, viewport
from daskscope.store.schema import SpanBatch
from daskscope.store.writer import Store
from daskscope.theme import NOT_YET_PX
from tests.bench.figures import Figure, figure
from tests.builders import Load

WIDTH_PX, HEIGHT_PX = 1_432, 700
N_HELD, N_MORE = 1_000_000, 9_000_000
N_BATCH = 4_096
TICK_SPANS = 20_000 // 60
N_TICKS = 600
#: Batches of spans that overlap in their threads.
N_CROWDED = 80
#: Spans of 64 workers with 4 threads that together end 20,000 tasks a second.
RANGE_NS = 50_000_000_000


class Following:
    """A store that fills, and a task stream that follows it."""

    def __init__(self) -> None:
        self.load = Load()
        self.store = Store(cap_bytes=1 << 40)
        self.store.apply(self.load.source.definitions())
        self._stream = TaskStream()
        self._layouts = LaneLayouts()
        self._session = Session(span_ns=RANGE_NS)
        self.n_in_view = 0

    def fill(self, n: int) -> float:
        """Apply `n` spans in batches; the seconds that the store took."""
        taken_s = 0.0
        for _ in range(n // N_BATCH):
            taken_s += self._apply(self.load.batch(N_BATCH))
        return taken_s

    def _apply(self, batch: SpanBatch) -> float:
        begin_s = time.perf_counter()
        self.store.apply(batch)
        return time.perf_counter() - begin_s

    def ticks_ms(self) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        """Time of each tick: apply, snapshot, layout where it is due, frame."""
        snapshot = self.store.snapshot()
        layout = self._layouts.of(snapshot, self._session, HEIGHT_PX)
        times = []
        for number in range(N_TICKS):
            batch = self.load.batch(TICK_SPANS)
            begin_s = time.perf_counter()
            self.store.apply(batch)
            snapshot = self.store.snapshot()
            now_ns = snapshot.last_ns
            if number % 15 == 0:
                layout = self._layouts.of(snapshot, self._session, HEIGHT_PX)
            view = viewport(self._session, WIDTH_PX, now_ns, snapshot.first_ns, NOT_YET_PX)
            frame = self._stream.frame(snapshot, self._session, layout, view, HEIGHT_PX, now_ns)
            times.append((time.perf_counter() - begin_s) * 1e3)
            self.n_in_view = frame.n_spans_in_view
        return np.array(times[1:])  # the first one begins from nothing

    def fresh_ms(self, session: Session) -> float:
        """Time of a frame that can use nothing of the one before: a jump, another zoom."""
        snapshot = self.store.snapshot()
        layout = lane_layout(snapshot, session, HEIGHT_PX)
        now_ns = snapshot.last_ns
        view = viewport(session, WIDTH_PX, now_ns, snapshot.first_ns, NOT_YET_PX)
        times = []
        for _ in range(5):
            stream = TaskStream()
            begin_s = time.perf_counter()
            stream.frame(snapshot, session, layout, view, HEIGHT_PX, now_ns)
            times.append((time.perf_counter() - begin_s) * 1e3)
        return float(np.median(times))


def coroutines_ms(late: int) -> float:
    """p95 of a batch of 4,096, eight at once in a thread; every other one so many batches late."""
    load, store = Load(n_threads=8), Store(cap_bytes=1 << 40)
    store.apply(load.source.definitions())
    batches = []
    for number in range(N_CROWDED):
        batch = load.batch(N_BATCH)
        load.wait(int(batch.columns["end_ns"].view(np.int64).max()))
        thread = batch.columns["resource"].astype(np.int64) + 1
        batches.append(
            (number + late * (number % 2), batch.keys, {**batch.columns, "thread": thread})
        )
    times = []
    for _, keys, columns in sorted(batches, key=lambda one: one[0]):
        begin_s = time.perf_counter()
        store.apply(SpanBatch(columns, keys))
        times.append((time.perf_counter() - begin_s) * 1e3)
        store.go_on()
    return float(np.percentile(times, 95))


def run() -> list[Figure]:
    """Measure."""
    following = Following()
    fill_s = following.fill(N_HELD)
    snapshot = following.store.snapshot()
    n_text_bytes = sum(len(chunk.keys.data) for chunk in snapshot.chunks)
    span_bytes = (snapshot.memory_bytes - n_text_bytes) / snapshot.n_spans
    ticks_ms = following.ticks_ms()
    p50, p95, p99 = np.percentile(ticks_ms, (50, 95, 99)).tolist()
    n_in_view = following.n_in_view
    fresh_ms = following.fresh_ms(Session(span_ns=RANGE_NS))
    following.fill(N_MORE)
    more_p95 = float(np.percentile(following.ticks_ms(), 95))
    whole_ms = following.fresh_ms(Session(span_ns=WHOLE_RUN))
    return [
        figure("store: apply and seal, per span", fill_s / N_HELD * 1e6, "us", 0.3),
        figure("store: memory per span beyond its texts", span_bytes, "bytes", 100.0),
        figure("store: 4,096 spans of coroutines, p95", coroutines_ms(0), "ms", 8.0),
        figure("store: 4,096 that come late, p95", coroutines_ms(31), "ms", 8.0),
        figure("derive, 1,000,000 in view, live: spans in view", float(n_in_view), "spans"),
        figure("derive, 1,000,000 in view, live, median", p50, "ms"),
        figure("derive, 1,000,000 in view, live, p95", p95, "ms", 8.0),
        figure("derive, 1,000,000 in view, live, p99", p99, "ms", 16.0),
        figure("derive, 10,000,000 held, p95 to that of 1,000,000", more_p95 / p95, "", 1.3),
        figure("derive, 1,000,000 in view, from nothing", fresh_ms, "ms"),
        figure("derive, 10,000,000 in view, from nothing", whole_ms, "ms"),
    ]
