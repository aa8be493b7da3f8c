"""Which events have marks, in order of time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dask_otel import conventions
from daskscope.derive.eventrows import EventRows
from daskscope.store import eventlog
from daskscope.store.writer import Store
from tests.builders import T0, Source

if TYPE_CHECKING:
    import pytest

SPILL, STEAL = conventions.EVENT_SPILL, conventions.EVENT_STEAL


class Log:
    """A store of events, and what is known of it."""

    def __init__(self) -> None:
        self._source, self._store = Source(), Store()
        self.rows = EventRows()

    def add(self, *events: tuple[str, int, int]) -> None:
        """Let events come (name, time, severity), and learn of them."""
        for name, time, severity in events:
            event = self._source.event(name, time, severity=severity)
            self._store.apply(self._source.definitions())
            self._store.apply(event)
        self.rows.learn(self._store.snapshot())


def test_events_are_told_apart_by_name_and_severity() -> None:
    log = Log()
    log.add(
        (conventions.EVENT_WORKER_LOST, 1, 17),
        (SPILL, 2, 13),
        (conventions.EVENT_LOG, 3, 13),
        (conventions.EVENT_LOG, 4, 9),
        (conventions.EVENT_GROUP_ERRED, 5, 17),
    )

    assert log.rows.told.rows.tolist() == [0]
    assert log.rows.frequent.rows.tolist() == [1]
    assert log.rows.warned.rows.tolist() == [2]


def test_what_comes_late_is_put_where_it_belongs() -> None:
    log = Log()
    log.add((SPILL, 10, 9), (STEAL, 30, 9))
    log.add((STEAL, 20, 9), (SPILL, 10, 9), (SPILL, 40, 9))
    log.add((SPILL, 5, 9))
    timed = log.rows.frequent

    assert (timed.times_ns - T0).tolist() == [5, 10, 10, 20, 30, 40]
    assert timed.rows.tolist() == [5, 0, 3, 2, 1, 4]
    assert [log.rows.names[code] for code in timed.codes.tolist()] == [
        SPILL, SPILL, SPILL, STEAL, STEAL, SPILL,
    ]  # fmt: skip
    assert timed.within(T0 + 10, T0 + 30) == (1, 4)


def test_what_nothing_has_come_to_stays_the_same_object() -> None:
    log = Log()
    log.add((SPILL, 10, 9), (conventions.EVENT_LOG, 3, 13))
    before = log.rows.frequent, log.rows.warned
    log.add((SPILL, 20, 9), (conventions.EVENT_LOG, 30, 9))

    assert log.rows.warned is before[1]
    assert log.rows.frequent is not before[0]
    assert len(before[0].rows) == 1


def test_what_was_evicted_is_known_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventlog, "MOST_EVENTS", 8)
    log = Log()
    for time in range(20):
        log.add((SPILL, time, 9))

    n_held = len(log.rows.frequent.rows)
    assert n_held <= 8
    assert log.rows.frequent.rows.tolist() == list(range(n_held))
    np.testing.assert_array_equal(log.rows.frequent.times_ns - T0, np.arange(20 - n_held, 20))
