"""Frame time against spans held: 10 thousand, 100 thousand, a million, ten million, all in view.

As in `bench_gestures`: a real window, 256 lanes, 1600x900, 20,000 new spans a second, whole ticks.
Beside it Dask's own page, which gets nothing new while it is dragged. `tests.bench.plot` draws it.
"""

from __future__ import annotations

import statistics

from tests.bench import page
from tests.bench.figures import Figure, figure
from tests.bench.stand import RATE, Stand

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
#: What Dask's page keeps by default in its overview and on its page of tasks, and a size between.
PAGE_SIZES = (1_000, 20_000, 100_000)
SCENE_S = 8.0
SHARES = {"median": 50, "p95": 95, "p99": 99}


def run() -> list[Figure]:
    """Measure."""
    found: list[Figure] = []
    stand = Stand(SIZES[0], 1.0)
    for size in SIZES:
        stand.fill(size - stand.n_spans)
        stand.run.replace(span_ns=round(1.1 * max(stand.n_spans / RATE, SCENE_S) * 1e9))
        stand.settle()
        ticks = stand.ticks(SCENE_S)
        for label, share in SHARES.items():
            name = f"frame at {size:,} spans, {label}"
            budget = 8.0 if label == "p95" else 16.0 if label == "p99" else None
            found.append(figure(name, ticks.of(share), "ms", budget))
    stand.close()
    return found + [
        figure(page_figure(size), statistics.median(page.frames_ms(size)), "ms")
        for size in PAGE_SIZES
    ]


def page_figure(size: int) -> str:
    """Name of the figure of Dask's page."""
    return f"Dask's page at {size:,} tasks, median"
