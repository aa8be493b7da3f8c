"""What the tables of events and errors say of themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from daskscope.derive.errors import NO_ERRORS
from daskscope.derive.records import errors_frame, events_frame
from daskscope.store import eventlog
from daskscope.store.writer import Store
from tests.builders import Source

if TYPE_CHECKING:
    import pytest


def test_events_that_were_dropped_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventlog, "MOST_EVENTS", 4)
    source, store = Source(), Store()
    source.text("dask.log")
    store.apply(source.definitions())
    for n in range(4):
        store.apply(source.event("dask.log", n))
    assert events_frame(store.snapshot(), frozenset()).summary == "4\u2009events"
    store.apply(source.event("dask.log", 4))
    assert events_frame(store.snapshot(), frozenset()).summary == "3\u2009events, 2 evicted"


def test_of_no_failure_it_is_told_what_is_known() -> None:
    snapshot = Store().snapshot()
    frame = errors_frame(snapshot, NO_ERRORS)
    assert (frame.empty, frame.summary) == ("Nothing has failed", "")
    frame = errors_frame(replace(snapshot, n_evicted=9), NO_ERRORS)
    assert frame.empty == "Nothing that is held has failed; what was evicted is not known"
    assert frame.summary == "0 failed, what was evicted not counted"


def test_of_no_event_it_is_told_whether_there_are_some() -> None:
    source, store = Source(), Store()
    assert events_frame(store.snapshot(), frozenset()).empty == "Nothing has happened yet"
    source.text("dask.log")
    store.apply(source.definitions())
    store.apply(source.event("dask.log", 0))
    frame = events_frame(store.snapshot(), frozenset({"log", "other"}))
    assert (len(frame.rows), frame.empty) == (0, "All of them are filtered out")
