from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from dask_otel import conventions as names
from dask_otel.points import readings
from dask_otel.points.readings import REFRESH_S, SLOW_S, Readings

if TYPE_CHECKING:
    import pytest

    from dask_otel.points import Points

CLIENTS, GROUPS, OCCUPANCY = (
    (names.CLIENTS, ()),
    (names.TASK_GROUPS, ()),
    (names.OCCUPANCY, ()),
)


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 1_000.0
        monkeypatch.setattr(readings, "monotonic", lambda: self.now_s)


def test_a_reading_that_fails_costs_its_own_metrics_and_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def _sizes_of_nothing() -> Points:
        raise AttributeError("renamed")

    def rest() -> Points:
        return {CLIENTS: 1}

    for found in (Readings((_sizes_of_nothing, rest), ()), Readings((rest,), (_sizes_of_nothing,))):
        caplog.clear()
        for _ in range(3):
            assert found.read() == {CLIENTS: 1}
        (record,) = caplog.records
        assert record.levelno == logging.WARNING
        assert record.message == "Cannot measure sizes of nothing here"


def test_what_changes_is_sent_and_the_rest_is_sent_again_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch)
    values: Points = {CLIENTS: 1.0, GROUPS: 2.0}
    found = Readings((lambda: {OCCUPANCY: 0.0},), (values.copy,))
    always: Points = {OCCUPANCY: 0.0}
    assert found.read() == always | values
    assert found.read() == always
    values[GROUPS] = 3.0
    clock.now_s += 1
    assert found.read() == always | {GROUPS: 3.0}
    clock.now_s += REFRESH_S - 1
    assert found.read() == always | {CLIENTS: 1.0}
    clock.now_s += 1
    assert found.read() == always | {GROUPS: 3.0}


def test_what_is_no_longer_measured_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    changes = readings.Changes()
    for number in range(1_000):
        clock.now_s += 1
        changes.of({(names.WORKER_OCCUPANCY, ((names.WORKER_ADDRESS, str(number)),)): 1.0})
    assert len(changes._sent) <= 4 * REFRESH_S + 1


def test_slow_readings_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    taken: list[str] = []

    def slow(name: str) -> readings.Reading:
        def reading() -> Points:
            taken.append(name)
            return {}

        return reading

    found = Readings((), (), (slow("a"), slow("b")))
    for _ in range(int(4 * SLOW_S / 0.5)):
        found.read()
        clock.now_s += 0.5
    assert taken == ["a", "b"] * 4
