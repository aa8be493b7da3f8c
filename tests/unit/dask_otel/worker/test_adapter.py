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
    adapter: Any = object.__new__(WorkerAdapter)
    adapter.emitter = SimpleNamespace(measure=measured.append, measures=measures)
    readings = iter([points])
    adapter._points = SimpleNamespace(all=lambda: next(readings))
    adapter._measure()
    assert (measured, list(readings)) == (([points], []) if measures else ([], [points]))
