"""Log records and removed workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dask_otel import conventions
from daskscope.store import eventlog
from daskscope.store.eventlog import EventLog
from daskscope.store.workers import WorkerTable
from tests.builders import T0, Source

if TYPE_CHECKING:
    import pytest

ADDED, REMOVED = conventions.EVENT_WORKER_ADDED, conventions.EVENT_WORKER_REMOVED
ADDRESS = "tcp://10.0.4.11:40101"


def test_events_keep_their_texts() -> None:
    source, log = Source(), EventLog(WorkerTable())
    log.add(source.event("x", 3, "first"), source.strings)
    before = log.frozen()
    log.add(source.event("y", 1, "<b>second</b>", a=1), source.strings)

    assert list(before.bodies) == ["first"]
    assert list(log.frozen().bodies) == ["first", "<b>second</b>"]
    assert list(log.frozen().attributes) == ["{}", '{"a": 1}']
    assert (log.frozen().columns["time_ns"] - T0).tolist() == [3, 1]


def test_a_removed_worker_is_removed_until_it_is_added_again() -> None:
    source, log = Source(), EventLog(WorkerTable())
    gone = source.event(REMOVED, 5, dask_worker_address=ADDRESS)
    assert log.add(gone, source.strings) == ((0, T0 + 5),)
    removed = log.removed_ns
    assert removed == {0: T0 + 5}

    log.add(source.event(ADDED, 9, dask_worker_address=ADDRESS), source.strings)
    assert log.removed_ns == {}
    assert removed == {0: T0 + 5}


def test_a_late_event_does_not_undo_a_newer_one() -> None:
    source, log = Source(), EventLog(WorkerTable())
    log.add(source.event(REMOVED, 9, dask_worker_address=ADDRESS), source.strings)
    log.add(source.event(ADDED, 5, dask_worker_address=ADDRESS), source.strings)

    assert log.removed_ns == {0: T0 + 9}


def test_an_event_of_no_worker_removes_none() -> None:
    source, log = Source(), EventLog(WorkerTable())

    assert log.add(source.event(REMOVED, 9), source.strings) == ()
    assert log.add(source.event(REMOVED, 9, dask_worker_address=7), source.strings) == ()
    assert log.removed_ns == {}


def test_the_oldest_events_go_and_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventlog, "MOST_EVENTS", 20)
    source, log = Source(), EventLog(WorkerTable())
    for n in range(50):
        log.add(source.event("x", n, str(n)), source.strings)
    held = log.frozen()

    assert len(held.bodies) <= 20
    assert len(held.bodies) + log.n_evicted == 50
    assert held.bodies[-1] == "49"
    assert (held.columns["time_ns"] - T0).tolist() == [int(body) for body in held.bodies]


def test_long_texts_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventlog, "MOST_CHARACTERS", 10_000)
    source, log = Source(), EventLog(WorkerTable())
    log.add(source.event(REMOVED, 0, dask_worker_address=ADDRESS), source.strings)
    for n in range(50):
        log.add(source.event("dask.log", 1 + n, "x" * 990, n=n), source.strings)
    held = log.frozen()

    assert source.strings[int(held.columns["name"][0])] == REMOVED
    assert 5 <= len(held.bodies) <= 11
    assert held.attributes[-1] == '{"n": 49}'
    assert len(held.bodies) + held.n_evicted == 51


def test_a_flood_of_one_kind_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventlog, "MOST_EVENTS", 20)
    source, log = Source(), EventLog(WorkerTable())
    for n in range(5):
        log.add(source.event(REMOVED, n, dask_worker_address=f"tcp://w:{n}"), source.strings)
    for n in range(500):
        log.add(source.event("dask.event", 10 + n, str(n)), source.strings)
    held = log.frozen()
    names = [source.strings[number] for number in held.columns["name"].tolist()]

    assert names[:5] == [REMOVED] * 5
    assert set(names[5:]) == {"dask.event"}
    assert held.bodies[-1] == "499"
    assert len(names) + log.n_evicted == 505


def test_the_severity_of_an_event_is_kept() -> None:
    source, log = Source(), EventLog(WorkerTable())
    log.add(source.event("dask.log", 0, severity=17), source.strings)

    assert log.frozen().columns["severity"].tolist() == [17]
