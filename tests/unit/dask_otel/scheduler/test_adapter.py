from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from dask_otel.scheduler.adapter import SchedulerAdapter


def test_what_adaptive_scaling_asks_is_answered_whatever_becomes_of_its_event() -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("mine")

    failures: list[str] = []
    adapter: Any = object.__new__(SchedulerAdapter)
    adapter.emitter = SimpleNamespace(failed=lambda what, _error: failures.append(what))
    adapter._happenings = SimpleNamespace(target_said=fail)
    adapter._workers = {}
    adapter._target_said(3)  # Dask's handler calls it before it answers
    assert failures == ["Recording a target"]
