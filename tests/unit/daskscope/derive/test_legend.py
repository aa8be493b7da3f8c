"""The legend."""

from __future__ import annotations

from daskscope.derive.legend import legend
from daskscope.predicate import Filter
from daskscope.session import Session
from daskscope.store.writer import Store
from tests.builders import SECOND, Source, Span


def test_every_prefix_has_an_entry_with_its_own_slot() -> None:
    source = Source()
    worker = source.worker("w0")
    names = [f"prefix-{n}" for n in range(30)]
    batch = source.spans([Span(0, SECOND, name, worker) for name in names])
    store = Store()
    store.apply(source.definitions())
    store.apply(batch)
    session = Session(filter=Filter(frozenset({"prefix-3"})))
    entries = legend(store.snapshot(), session)

    assert sorted(entry.name for entry in entries) == sorted(names)
    assert len({entry.slot for entry in entries}) == 30
    assert [entry.name for entry in entries if entry.is_hidden] == ["prefix-3"]


def test_what_takes_most_time_comes_first() -> None:
    source = Source()
    worker = source.worker("w0")
    batch = source.spans(
        [Span(0, 1_000, "short", worker), Span(0, 1_000 * SECOND, "long", worker, 12)]
    )
    store = Store()
    store.apply(source.definitions())
    store.apply(batch)

    assert [entry.name for entry in legend(store.snapshot(), Session())] == ["long", "short"]
