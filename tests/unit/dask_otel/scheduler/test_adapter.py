from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from distributed.core import Status

from dask_otel import conventions as names
from dask_otel.config import Settings
from dask_otel.scheduler import adapter
from dask_otel.scheduler.adapter import SchedulerAdapter

if TYPE_CHECKING:
    from dask_otel.points import Points

COUNT, CLUSTER = (names.TASKS, ()), (names.CLIENTS, ())


class Ticking:
    """An adapter whose ticks come when the test says so, and what it has measured in each."""

    def __init__(self) -> None:
        self.changed = False
        self.measured: list[Points] = []
        scheduler = SimpleNamespace(workers={}, status=Status.running)
        self.emitter = SimpleNamespace(
            log=lambda _: None, record=lambda _: None, measure=self.measured.append, measures=True
        )
        self._adapter = SchedulerAdapter(
            cast("Any", scheduler), cast("Any", self.emitter), Settings(None, None, None)
        )
        self._adapter._points = cast("Any", self)

    def tasks(self) -> Points:
        return {COUNT: 1} if self.changed else {}

    def cluster(self) -> Points:
        return {CLUSTER: 1}

    def end_a_graph(self) -> None:
        self._adapter._graphs.submitted("of nobody", None, "Client-1", {"inc": 1}, 1.0)

    def tick(self, n: int) -> list[set[Any]]:
        for _ in range(n):
            self._adapter._tick()
        found, self.measured[:] = [set(points) for points in self.measured], []
        return found


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> Ticking:
    monkeypatch.setattr(adapter, "COUNT_TICKS", 3)
    monkeypatch.setattr(adapter, "CLUSTER_TICKS", 6)
    return Ticking()


def test_a_quiet_scheduler_is_measured_now_and_then(ticking: Ticking) -> None:
    assert ticking.tick(12) == [{CLUSTER}, set(), set(), set(), set(), set()] * 2


def test_tasks_that_change_are_counted_twice_as_often(ticking: Ticking) -> None:
    ticking.tick(6)
    ticking.changed = True
    assert ticking.tick(12) == [{COUNT, CLUSTER}, set(), set(), {COUNT}, set(), set()] * 2
    ticking.changed = False
    assert ticking.tick(3) == [{CLUSTER}, set(), set()]


def test_what_begins_after_a_quiet_time_is_counted_at_once(ticking: Ticking) -> None:
    ticking.tick(4)
    ticking.changed = True
    assert ticking.tick(3) == [{COUNT}, set(), {COUNT, CLUSTER}]


def test_what_there_is_at_the_end_of_a_graph_is_counted_at_once(ticking: Ticking) -> None:
    ticking.changed = True
    ticking.tick(4)
    ticking.end_a_graph()
    assert ticking.tick(3) == [{COUNT}, set(), {COUNT, CLUSTER}]


def test_nothing_is_read_where_nobody_wants_it(ticking: Ticking) -> None:
    ticking.emitter.measures = False
    ticking.changed = True
    assert ticking.tick(6) == []
    ticking._adapter.end()
    assert ticking.measured == []


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
