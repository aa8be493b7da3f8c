"""What the tables of events and errors say of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daskscope.derive.records import events_frame
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
