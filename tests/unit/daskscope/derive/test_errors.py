"""Every failure that is held."""

from __future__ import annotations

import numpy as np

from daskscope.derive.errors import ErrorKeeper
from daskscope.derive.records import errors_frame
from daskscope.store.schema import Kind, Outcome, Status
from daskscope.store.writer import Store
from tests.builders import SECOND, Load, Source, Span


def test_failures_are_in_order_of_their_ends_and_found_once() -> None:
    source, store, keeper = Source(), Store(), ErrorKeeper()
    source.worker("w0")
    first = source.spans(
        [
            Span(0, 9 * SECOND, status=Status.ERROR),
            Span(0, 3 * SECOND),
            Span(1, 4 * SECOND, outcome=Outcome.LOST, status=Status.ERROR),
            Span(1, 2 * SECOND, "gather", kind=Kind.CLIENT, status=Status.ERROR),
        ]
    )
    second = source.spans([Span(5 * SECOND, 6 * SECOND, status=Status.ERROR)])
    store.apply(source.definitions())
    store.apply(first)
    before = keeper.of(store.snapshot())
    store.apply(second)
    after = keeper.of(store.snapshot())

    assert [before.spot(i) for i in range(len(before))] == [(0, 2), (0, 0)]
    assert before.is_lost.tolist() == [True, False]
    assert [after.spot(i) for i in range(len(after))] == [(0, 2), (0, 4), (0, 0)]
    assert keeper.of(store.snapshot()) is after


def test_what_is_evicted_is_no_failure_any_more() -> None:
    load, store, keeper = Load(n_workers=4), Store(cap_bytes=20_000_000), ErrorKeeper()
    store.apply(load.source.definitions())
    for _ in range(40):
        store.apply(load.batch(10_000))
        errors = keeper.of(store.snapshot())
    snapshot = store.snapshot()

    assert snapshot.n_evicted
    held = [(chunk.number, int(row)) for chunk in snapshot.chunks for row in chunk.erred.tolist()]
    found = list(zip(errors.chunk.tolist(), errors.row.tolist(), strict=True))
    assert sorted(found) == held
    assert np.all(np.diff(errors.end_ns) >= 0)
    assert errors_frame(snapshot, errors).summary.endswith(" failed, what was evicted not counted")


def test_steps_go_round() -> None:
    source, store = Source(), Store()
    source.worker("w0")
    spans = [Span(n * SECOND, n * SECOND + 1, status=Status.ERROR) for n in range(3)]
    batch = source.spans(spans)
    store.apply(source.definitions())
    store.apply(batch)
    errors = ErrorKeeper().of(store.snapshot())
    middle_ns = int(errors.end_ns[0]) + 5

    assert errors.next(None, (middle_ns, middle_ns), is_forward=True) == (0, 1)
    assert errors.next(None, (middle_ns, middle_ns), is_forward=False) == (0, 0)
    assert errors.next((0, 2), (0, 0), is_forward=True) == (0, 0)
    assert errors.next((0, 0), (0, 0), is_forward=False) == (0, 2)
    assert errors.next((7, 7), (middle_ns, middle_ns), is_forward=True) == (0, 1)
