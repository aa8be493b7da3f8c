from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dask_otel import conventions as names
from dask_otel.worker.adapter import WorkerAdapter


@pytest.mark.parametrize("measures", [True, False])
def test_nothing_is_read_where_nobody_wants_it(measures: bool) -> None:
    points = {(names.WORKER_THREADS, ()): 1}
    measured: list[Any] = []

    def measure(points: object, delay_s: float) -> None:
        measured.append((points, delay_s))

    adapter: Any = object.__new__(WorkerAdapter)
    adapter.emitter = SimpleNamespace(measure=measure, measures=measures)
    adapter._worker = SimpleNamespace(scheduler_delay=0.5)
    readings = iter([points])
    adapter._points = SimpleNamespace(all=lambda: next(readings))
    adapter._measure()
    assert measured == ([(points, 0.5)] if measures else [])
    assert list(readings) == ([] if measures else [points])
