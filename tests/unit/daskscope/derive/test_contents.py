"""What lies in a stretch of time is equal as long as nothing in it has changed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dask_otel import conventions
from daskscope.derive.contents import Contents, Inventory
from daskscope.store.schema import SourceStatus
from daskscope.store.writer import Store
from tests.builders import SECOND, T0, Load, Source, Span

if TYPE_CHECKING:
    from collections.abc import Callable

    from daskscope.store.schema import Message

FROM, TO = 10 * SECOND, 20 * SECOND


class Known:
    """A store with something in view, and what lies there."""

    def __init__(self) -> None:
        self.source, self.store, self._inventory = Source(), Store(), Inventory()
        self.worker = self.source.worker("w0")
        self.hear(self.source.spans([self.span(1, 2), self.span(12, 13)]))
        self.hear(self.source.event(conventions.EVENT_GRAPH_SUBMITTED, 12 * SECOND))
        self.hear(self.running(15, 16))

    def span(self, start_s: int, end_s: int) -> Span:
        return Span(start_s * SECOND, end_s * SECOND, "inc", self.worker, 11)

    def running(self, *starts_s: int) -> Message:
        """Attempts that run on the threads of a worker."""
        attempts = [("inc", start * SECOND, start, start) for start in starts_s]
        return self.source.running(self.worker, 40 * SECOND, attempts)

    def hear(self, message: Message) -> None:
        self.store.apply(self.source.definitions())
        self.store.apply(message)

    @property
    def contents(self) -> Contents:
        return self._inventory.of(self.store.snapshot(), T0 + FROM, T0 + TO)


ELSEWHERE: dict[str, Callable[[Known], Message]] = {
    "a span after it": lambda known: known.source.spans([known.span(20, 21)]),
    "a span before it": lambda known: known.source.spans([known.span(1, 9)]),
    "an event after it": lambda known: known.source.event(conventions.EVENT_SPILL, TO),
    "what runs since then": lambda known: known.running(15, 16, 20),
    "requests": lambda known: SourceStatus(is_live=True, requests=7),
}
WITHIN: dict[str, Callable[[Known], Message]] = {
    "a span in it": lambda known: known.source.spans([known.span(13, 14)]),
    "a span around it": lambda known: known.source.spans([known.span(1, 30)]),
    "a span from it": lambda known: known.source.spans([known.span(19, 21)]),
    "an event in it": lambda known: known.source.event(conventions.EVENT_SPILL, FROM),
    "an attempt more": lambda known: known.running(15, 16, 19),
    "an attempt less": lambda known: known.running(16),
    "another attempt": lambda known: known.running(15, 17),
    "an attempt at another place": lambda known: known.running(20, 15, 16),
    "a run that began earlier": lambda known: known.source.spans([known.span(0, 1)]),
    "its end": lambda known: SourceStatus(is_live=False),
}


@pytest.mark.parametrize("what", ELSEWHERE)
def test_what_comes_elsewhere_changes_nothing(what: str) -> None:
    known = Known()
    before = known.contents
    known.hear(ELSEWHERE[what](known))
    assert known.contents == before


def test_that_a_worker_has_fallen_silent_is_seen() -> None:
    known = Known()
    before = known.contents
    known.store.judge(T0 + 50 * SECOND)
    assert known.contents != before


@pytest.mark.parametrize("what", WITHIN)
def test_what_comes_there_is_seen(what: str) -> None:
    known = Known()
    before = known.contents
    known.hear(WITHIN[what](known))
    assert known.contents != before


def test_spans_that_are_evicted_are_missed_in_it_alone() -> None:
    load, store, inventory = Load(n_workers=4, n_threads=2), Store(cap_bytes=12 << 20), Inventory()
    store.apply(load.source.definitions())
    while not store.snapshot().n_evicted:
        store.apply(load.batch(8_000))
    snapshot = store.snapshot()
    evicted = inventory.of(snapshot, T0, snapshot.evicted_ns)
    assert evicted.n_evicted == snapshot.n_evicted
    after_ns = snapshot.evicted_ns + 1
    assert inventory.of(snapshot, after_ns, after_ns + SECOND).n_evicted == 0


def test_events_that_are_evicted_are_missed_even_if_as_many_come() -> None:
    known = Known()
    snapshot = known.store.snapshot()
    fewer = replace(snapshot, events=replace(snapshot.events, n_evicted=1))
    assert Inventory().of(fewer, T0 + FROM, T0 + TO) != known.contents
