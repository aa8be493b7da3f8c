"""Which lane a span belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daskscope.store.lanes import MAX_PACKED
from daskscope.store.schema import Kind
from daskscope.store.writer import Store
from tests.builders import T0, Source, Span

if TYPE_CHECKING:
    from daskscope.store.snapshot import Snapshot


def snapshot_of(source: Source, *batches: list[Span]) -> Snapshot:
    store = Store()
    made = [source.spans(batch) for batch in batches]
    store.apply(source.definitions())
    for batch in made:
        store.apply(batch)
    return store.snapshot()


def lanes_of(snapshot: Snapshot) -> list[int]:
    lanes: list[int] = snapshot.chunks[0].columns["lane"].tolist()
    return lanes


def test_threads_are_numbered_within_their_worker_in_order_of_appearance() -> None:
    source = Source()
    first, second = source.worker("w0"), source.worker("w1", port=40102)
    spans = [
        Span(0, 1, resource=first, thread=77),
        Span(0, 1, resource=second, thread=77),
        Span(2, 3, resource=first, thread=5),
    ]
    snapshot = snapshot_of(source, spans, [Span(4, 5, resource=first, thread=77)])

    assert [(lane.resource, lane.thread, lane.ordinal) for lane in snapshot.lanes] == [
        (first, 77, 1),
        (second, 77, 1),
        (first, 5, 2),
    ]
    assert lanes_of(snapshot) == [0, 1, 2, 0]


def test_transfers_without_a_thread_lie_on_the_first_lane() -> None:
    source = Source()
    worker = source.worker("w0")
    transfer = Span(0, 1, "transfer", worker, 0, Kind.TRANSFER)
    snapshot = snapshot_of(
        source,
        [Span(0, 1, resource=worker, thread=5), Span(0, 1, resource=worker, thread=6), transfer],
    )

    assert lanes_of(snapshot) == [0, 1, 0]


def test_a_transfer_before_any_task_shares_the_lane_of_the_first_thread() -> None:
    source = Source()
    worker = source.worker("w0")
    transfer = Span(0, 1, "transfer", worker, 0, Kind.TRANSFER)
    snapshot = snapshot_of(source, [transfer], [Span(0, 1, resource=worker, thread=5)], [transfer])

    assert lanes_of(snapshot) == [0, 0, 0]
    assert [(lane.thread, lane.ordinal) for lane in snapshot.lanes] == [(5, 1)]


def test_spans_of_other_services_are_packed_so_that_they_do_not_overlap() -> None:
    source = Source()
    shop = source.resource({"service.name": "shop"})
    times = [(0, 10), (2, 4), (3, 5), (5, 9), (10, 12)]
    spans = [Span(start, end, "GET", shop, 0, Kind.OTHER) for start, end in times]
    snapshot = snapshot_of(source, spans)

    by_lane: dict[int, list[tuple[int, int]]] = {}
    for lane, (start, end) in zip(lanes_of(snapshot), times, strict=True):
        assert all(end <= other[0] or other[1] <= start for other in by_lane.get(lane, []))
        by_lane.setdefault(lane, []).append((start, end))
    assert len(by_lane) == 3


def test_packed_lanes_are_bounded() -> None:
    source = Source()
    shop = source.resource({"service.name": "shop"})
    spans = [Span(n, 1_000, "GET", shop, 0, Kind.OTHER) for n in range(3 * MAX_PACKED)]

    assert len(snapshot_of(source, spans).lanes) == MAX_PACKED


def test_a_graph_has_a_lane_that_is_not_drawn() -> None:
    source = Source()
    scheduler = source.resource({"service.name": "dask-scheduler"})
    snapshot = snapshot_of(source, [Span(0, 9, "dask.graph", scheduler, 0, Kind.GRAPH)])

    assert [lane.ordinal for lane in snapshot.lanes] == [0]
    assert snapshot.lane_last_ns.tolist() == [T0 + 9]
