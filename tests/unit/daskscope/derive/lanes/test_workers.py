"""What is told of workers and other services beside their rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dask_otel import conventions
from daskscope.derive import lanes
from daskscope.derive.lanelayout import RowKind
from daskscope.derive.lanes import LaneLayouts, lane_layout
from daskscope.session import Session
from daskscope.store.schema import Kind
from daskscope.store.writer import Store
from daskscope.theme import NORMAL
from tests.builders import SECOND, T0, Source, Span, points, snapshot_of
from tests.layouts import HEIGHT, lane_rows, plain, titles

if TYPE_CHECKING:
    import pytest


def test_a_restarted_worker_keeps_its_rows() -> None:
    source = Source()
    old = source.worker("w3", port=40_101, nthreads=2)
    spans = [Span(0, SECOND, resource=old, thread=thread) for thread in (1, 2)]
    new = source.worker("w3", port=40_999, nthreads=2)
    spans += [Span(3 * SECOND, 4 * SECOND, resource=new, thread=thread) for thread in (8, 9)]
    layout = lane_layout(snapshot_of(source, spans), Session(), HEIGHT)

    lanes = [row.lanes for row in layout.rows if row.kind is RowKind.LANE]
    assert lanes == [(0, 2), (1, 3)]
    assert [worker.address for worker in layout.workers] == [":40999"]


def test_two_workers_of_one_name_at_the_same_time_are_two() -> None:
    source = Source()
    workers = [source.worker("w3", port=port, nthreads=1) for port in (1, 2)]
    spans = [Span(0, SECOND, resource=worker, thread=5) for worker in workers]
    layout = lane_layout(snapshot_of(source, spans), Session(), HEIGHT)

    assert len(layout.workers) == 2


def test_a_worker_that_is_gone_says_when() -> None:
    source = Source()
    worker = source.worker("w0", port=40_101, nthreads=1)
    store = Store()
    batch = source.spans([Span(0, SECOND, resource=worker)])
    event = source.event(
        conventions.EVENT_WORKER_REMOVED, 5, dask_worker_address="tcp://10.0.4.11:40101"
    )
    store.apply(source.definitions())
    store.apply(batch)
    store.apply(event)
    layout = lane_layout(store.snapshot(), Session(), HEIGHT)

    assert [block.gone_ns for block in layout.workers] == list(store.snapshot().removed_ns.values())
    assert layout.rows[0].detail == "gone"


def test_a_worker_that_is_back_was_away_from_its_removal_to_its_first_span() -> None:
    source, store = Source(), Store()
    old = source.worker("w3", port=40_101, nthreads=1)
    before = source.spans([Span(0, SECOND, resource=old)])
    address = "tcp://10.0.4.11:40101"
    event = source.event(conventions.EVENT_WORKER_REMOVED, 2 * SECOND, dask_worker_address=address)
    new = source.worker("w3", port=40_999, nthreads=1)
    store.apply(source.definitions())
    store.apply(before)
    store.apply(event)

    (block,) = lane_layout(store.snapshot(), Session(), HEIGHT).workers
    removed_ns = store.snapshot().removed_ns[old]
    assert block.gaps_ns == ((removed_ns, 0),)

    store.apply(source.spans([Span(5 * SECOND, 6 * SECOND, resource=new)]))
    (block,) = lane_layout(store.snapshot(), Session(), HEIGHT).workers
    assert block.gaps_ns == ((removed_ns, T0 + 5 * SECOND),)
    assert not block.gone_ns


def test_a_worker_that_is_back_and_has_nothing_to_do_was_away_until_it_was_added() -> None:
    source, store = Source(), Store()
    old = source.worker("w3", port=40_101, nthreads=1)
    new = source.worker("w3", port=40_999, nthreads=1)
    came, went = conventions.EVENT_WORKER_ADDED, conventions.EVENT_WORKER_REMOVED
    before = source.spans([Span(0, SECOND, resource=old)])
    moves = [
        source.event(name, at_s * SECOND, dask_worker_address=f"tcp://10.0.4.11:{port}")
        for name, at_s, port in ((came, 0, 40_101), (went, 2, 40_101), (came, 3, 40_999))
    ]
    store.apply(source.definitions())
    store.apply(before)
    for move in moves:
        store.apply(move)
    away = ((T0 + 2 * SECOND, T0 + 3 * SECOND),)
    (block,) = lane_layout(store.snapshot(), Session(), HEIGHT).workers
    assert block.gaps_ns == away

    store.apply(source.spans([Span(5 * SECOND, 6 * SECOND, resource=new)]))
    (block,) = lane_layout(store.snapshot(), Session(), HEIGHT).workers
    assert block.gaps_ns == away


def test_other_services_form_groups_of_their_own() -> None:
    source = Source()
    source.worker("w0", "zebra", nthreads=1)
    shop = source.resource({"service.name": "shop", "host.name": "web-1"})
    source.resource({"service.name": conventions.SERVICE_SCHEDULER, "host.name": "web-1"})
    spans = [Span(0, SECOND, "GET", shop, 0, Kind.OTHER), Span(0, 5, "GET", shop, 0, Kind.OTHER)]
    layout = lane_layout(snapshot_of(source, spans), Session(), HEIGHT)

    assert titles(layout, RowKind.HOST) == ["zebra", "service: shop"]
    assert plain(layout.rows[-3].detail) == "2 lanes"
    assert [worker.name for worker in layout.workers] == ["w0", "shop"]


def test_memory_is_shown_beside_the_worker() -> None:
    source = Source()
    worker = source.worker("w0")
    gib = 1024**3
    series = [
        source.metric(conventions.WORKER_MEMORY, worker, dask_memory_type=kind)
        for kind in (conventions.MEMORY_MANAGED, conventions.MEMORY_SPILLED)
    ]
    series.append(source.metric(conventions.WORKER_LIMIT, worker))
    store = Store()
    store.apply(source.definitions())
    values = (3 * gib, 2 * gib, 4 * gib)
    store.apply(points([(one, 0, value) for one, value in zip(series, values, strict=True)]))
    (block,) = lane_layout(store.snapshot(), Session(), HEIGHT).workers

    assert block.memory == (0.75, 0.0, 0.0, 0.5)
    assert plain(block.memory_text) == "3.0 GiB"
    assert block.alarm == 1


def test_who_is_patient_tells_memory_of_the_series_that_are_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lanes, "MOST_SERIES", 1)
    source, store = Source(), Store()
    workers = [source.worker(f"w{i}", port=40_101 + i) for i in range(3)]
    managed = conventions.MEMORY_MANAGED
    series = [
        source.metric(conventions.WORKER_MEMORY, worker, dask_memory_type=managed)
        for worker in workers
    ]
    store.apply(source.definitions())
    store.apply(points([(one, 0, 1024.0) for one in series]))
    layouts, snapshot = LaneLayouts(is_patient=True), store.snapshot()

    found = []
    are_known = False
    while not are_known:
        are_known = layouts.learn(snapshot, 99)
        blocks = layouts.of(snapshot, Session(), HEIGHT).workers
        found.append([plain(block.memory_text) for block in blocks])
    assert found == [["1.0 KiB", "", ""], ["1.0 KiB", "1.0 KiB", ""], ["1.0 KiB"] * 3]


def test_names_of_any_shape_are_kept() -> None:
    source = Source()
    name = "<b>ключ</b>\n" * 50
    source.worker(name, "host<i>", nthreads=1)
    layout = lane_layout(snapshot_of(source), replace(Session(), density=NORMAL), HEIGHT)

    assert layout.workers[0].name == name
    assert layout.rows[0].title == "host<i>"


def test_a_worker_known_from_others_is_the_one_that_tells_its_name() -> None:
    source = Source()
    told = source.resource(
        {
            conventions.SERVICE_NAME: conventions.SERVICE_WORKER,
            conventions.WORKER_ADDRESS: "tcp://10.0.4.11:40101",
        }
    )
    own = source.worker("w0", nthreads=1)
    spans = [Span(0, 1, resource=told, thread=11), Span(2, 3, resource=own, thread=11)]
    layout = lane_layout(snapshot_of(source, spans), Session(), HEIGHT)

    assert [worker.name for worker in layout.workers] == ["w0"]
    assert titles(layout, RowKind.HOST) == ["node-01"]
    assert lane_rows(layout) == [(1, "", 2)]


def test_a_paused_worker_alarms() -> None:
    source = Source()
    worker = source.worker("w0")
    series = source.metric(conventions.WORKER_STATUS, worker, dask_worker_state="paused")
    definitions = source.definitions()
    for value, alarmed in ((1.0, 2), (0.0, 0)):
        store = Store()
        store.apply(definitions)
        store.apply(points([(series, SECOND, value)]))
        (block,) = lane_layout(store.snapshot(), Session(), HEIGHT).workers
        assert block.alarm == alarmed
