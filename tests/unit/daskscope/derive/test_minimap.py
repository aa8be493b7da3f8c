"""The minimap."""

from __future__ import annotations

import numpy as np
import pytest

from daskscope.derive.errors import NO_ERRORS, ErrorKeeper
from daskscope.derive.minimap import error_columns, minimap
from daskscope.session import Viewport
from daskscope.store.schema import Kind, Status
from daskscope.store.writer import Store
from tests.builders import SECOND, T0, Load, Source, Span, snapshot_of

VIEW = Viewport(T0 + 40 * SECOND, SECOND / 10, 200)


def test_columns_show_busy_threads_by_prefix() -> None:
    source = Source()
    worker = source.worker("w0", nthreads=4)
    snapshot = snapshot_of(
        source,
        [
            Span(0, 50 * SECOND, "inc", worker, 1),
            Span(0, 100 * SECOND, "inc", worker, 2),
            Span(50 * SECOND, 100 * SECOND, "add", worker, 3),
        ],
    )
    found = minimap(snapshot, VIEW, 100, snapshot.last_ns, 4)
    slot = {name: int(snapshot.slot_of[snapshot.strings.index(name)]) for name in ("inc", "add")}
    rows = dict(zip(found.slots, found.busy, strict=True))

    np.testing.assert_allclose(rows[slot["inc"]][:48], 2, rtol=1e-3)
    np.testing.assert_allclose(rows[slot["inc"]][52:98], 1, rtol=1e-3)
    np.testing.assert_allclose(rows[slot["add"]][52:98], 1, rtol=1e-3)
    assert found.most == 4
    assert found.brush_px == (40, 60)
    assert found.length_text == "1:40"


def test_spans_within_tasks_keep_no_more_threads_busy() -> None:
    source = Source()
    worker = source.worker("w0", nthreads=2)
    shop = source.resource({"service.name": "shop"})
    spans = [Span(0, SECOND, "inc", worker, thread) for thread in (1, 2)]
    spans += [
        Span(0, SECOND, "mine", worker, 1, Kind.OTHER),
        Span(0, 9, "order", shop, 3, Kind.OTHER),
    ]
    snapshot = snapshot_of(source, spans)
    found = minimap(snapshot, VIEW, 10, snapshot.last_ns, 2)

    assert (found.most, found.most_label) == (2, "busy threads")
    assert -1 in found.slots  # what is not Dask's is there


def test_more_at_once_than_there_are_threads_are_not_called_threads() -> None:
    source = Source()
    worker = source.worker("w0", nthreads=2)
    snapshot = snapshot_of(source, [Span(n, SECOND, "get", worker, 99) for n in range(7)])
    found = minimap(snapshot, VIEW, 10, snapshot.last_ns, 2)

    assert (found.most, found.most_label) == (7, "most at once")


def test_all_busy_time_is_shown() -> None:
    load = Load(n_workers=4)
    store = Store()
    store.apply(load.source.definitions())
    store.apply(load.batch(20_000))
    snapshot = store.snapshot()
    for width_px in (50, 777, 3_000):
        found = minimap(snapshot, VIEW, width_px, snapshot.last_ns, 16)
        column_ns = (snapshot.last_ns - snapshot.first_ns) / width_px
        total = found.busy.sum(dtype=np.float64) * column_ns
        assert total == pytest.approx(snapshot.overview.busy_ns.sum(dtype=np.float64), rel=1e-3)
        assert found.busy.shape == (len(found.slots), width_px)


def test_the_run_goes_on_until_now() -> None:
    source = Source()
    worker = source.worker("w0", nthreads=1)
    snapshot = snapshot_of(source, [Span(0, 50 * SECOND, "inc", worker)])
    found = minimap(snapshot, VIEW, 100, T0 + 100 * SECOND, 1)

    assert found.busy[0, 10] == pytest.approx(1, rel=1e-3)
    assert not found.busy[:, 52:].any()
    assert found.length_text == "1:40"


def test_nothing_yet_is_an_empty_minimap() -> None:
    found = minimap(Store().snapshot(), VIEW, 100, 0, 0)

    assert found.slots == ()
    assert found.busy.shape == (0, 100)
    assert found.length_text == ""


def test_each_column_with_a_failure_is_marked_once() -> None:
    source = Source()
    worker = source.worker("w0", nthreads=1)
    ends = (10, 10.2, 50, 99.9, 100)
    spans = [Span(0, round(end * SECOND), "inc", worker, status=Status.ERROR) for end in ends]
    snapshot = snapshot_of(source, spans)
    errors = ErrorKeeper().of(snapshot)

    assert error_columns(snapshot, errors, 100, snapshot.last_ns).tolist() == [10, 50, 99]
    assert error_columns(snapshot, NO_ERRORS, 100, snapshot.last_ns).tolist() == []
