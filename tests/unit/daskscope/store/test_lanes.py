"""Which lane a span belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dask_otel import conventions
from daskscope.store.placing import MOST_LEVELS
from daskscope.store.schema import SUB_KINDS, Kind, Outcome
from daskscope.store.snapshot import Lane, LaneKind
from daskscope.store.writer import Store
from tests.builders import T0, Source, Span, snapshot_of

if TYPE_CHECKING:
    from daskscope.store.snapshot import Snapshot


def lanes_of(snapshot: Snapshot) -> list[int]:
    lanes: list[int] = snapshot.chunks[0].columns["lane"].tolist()
    return lanes


def test_each_thread_of_each_worker_has_a_lane() -> None:
    source = Source()
    first, second = source.worker("w0"), source.worker("w1", port=40102)
    spans = [
        Span(0, 1, resource=first, thread=77),
        Span(0, 1, resource=second, thread=77),
        Span(2, 3, resource=first, thread=5),
    ]
    snapshot = snapshot_of(source, spans, [Span(4, 5, resource=first, thread=77)])

    assert snapshot.lanes == (
        Lane(first, 77, LaneKind.THREAD),
        Lane(second, 77, LaneKind.THREAD),
        Lane(first, 5, LaneKind.THREAD),
    )
    assert lanes_of(snapshot) == [0, 1, 2, 0]


@pytest.mark.parametrize("kind", SUB_KINDS)
@pytest.mark.parametrize("thread", [0, 9])
def test_what_no_thread_of_a_task_moves_lies_beside_the_tasks(kind: Kind, thread: int) -> None:
    source = Source()
    worker = source.worker("w0")
    moved = Span(0, 1, kind.name, worker, thread, kind)
    snapshot = snapshot_of(source, [moved, Span(0, 1, resource=worker, thread=5), moved])

    assert lanes_of(snapshot) == [0, 1, 0]
    assert [lane.kind for lane in snapshot.lanes] == [LaneKind.BESIDE, LaneKind.THREAD]


def test_a_thread_that_moved_data_first_is_known_for_a_tasks_once_it_runs_one() -> None:
    source = Source()
    worker = source.worker("w0")
    transfer = Span(0, 1, "transfer", worker, 5, Kind.TRANSFER)
    store = Store()
    moved, computed = (
        source.spans([span]) for span in (transfer, Span(1, 2, resource=worker, thread=5))
    )
    for message in (source.definitions(), moved):
        store.apply(message)
    before = store.snapshot()
    store.apply(computed)
    after = store.snapshot()

    assert before.lanes == (Lane(worker, 5, LaneKind.BESIDE),)
    assert after.lanes == (Lane(worker, 5, LaneKind.THREAD),)


def test_the_event_loops_lane_is_its_own_once_it_runs_a_coroutine() -> None:
    source, store = Source(), Store()
    worker = source.worker("w0", loop_thread=7)
    kinds = []
    for kind, thread in ((Kind.TRANSFER, 7), (Kind.COMPUTE, 7), (Kind.COMPUTE, 5)):
        batch = source.spans([Span(0, 1, "inc", worker, thread, kind)])
        store.apply(source.definitions())
        store.apply(batch)
        kinds.append([lane.kind for lane in store.snapshot().lanes])
    assert kinds == [[LaneKind.BESIDE], [LaneKind.LOOP], [LaneKind.LOOP, LaneKind.THREAD]]


def test_a_thread_is_known_for_a_tasks_by_what_it_is_running() -> None:
    source, store = Source(), Store()
    worker = source.worker("w0")
    spans = source.spans([Span(0, 1, "transfer", worker, 5, Kind.TRANSFER)])
    running = source.running(worker, 9, [("inc", 2, 1, 5)])
    store.apply(source.definitions())
    store.apply(spans)
    store.apply(running)

    assert store.snapshot().lanes == (Lane(worker, 5, LaneKind.THREAD),)


def test_attempts_that_name_no_thread_do_not_overlap() -> None:
    source = Source()
    worker = source.worker("w0")
    lost = [Span(n, 9, "inc", worker, 0, outcome=Outcome.LOST) for n in range(3)]
    snapshot = snapshot_of(source, [*lost, Span(10, 11, "inc", worker, 0)])

    assert lanes_of(snapshot) == [0, 1, 2, 0]
    assert {lane.kind for lane in snapshot.lanes} == {LaneKind.PACKED}


def test_attempts_that_may_never_have_begun_share_a_lane() -> None:
    source = Source()
    worker = source.worker("w0")
    lost = [Span(n, 99, "inc", worker, 0, outcome=Outcome.LOST_WAITING) for n in range(50)]
    snapshot = snapshot_of(source, lost)

    assert [lane.kind for lane in snapshot.lanes] == [LaneKind.WAITING]


def test_lost_attempts_lie_where_their_worker_said_that_they_run() -> None:
    source, store = Source(), Store()
    worker = source.worker("w0")
    running = source.running(worker, 9, [("inc", 4, 1, 5), ("inc", 6, 2, 7)])
    removed = source.event(
        conventions.EVENT_WORKER_REMOVED, 20, dask_worker_address="tcp://10.0.4.11:40101"
    )
    spans = source.spans(
        [
            Span(0, 20, "inc", worker, 0, run_id=2, outcome=Outcome.LOST_WAITING),
            Span(4, 20, "inc", worker, 0, run_id=1, outcome=Outcome.LOST),
            Span(3, 20, "inc", worker, 0, run_id=3, outcome=Outcome.LOST_WAITING),
        ]
    )
    for message in (source.definitions(), running, removed, spans):
        store.apply(message)
    chunk = store.snapshot().chunks[0]

    lanes = [store.snapshot().lanes[lane] for lane in chunk.columns["lane"].tolist()]
    assert [(lane.thread, lane.kind) for lane in lanes[:2]] == [
        (7, LaneKind.THREAD),
        (5, LaneKind.THREAD),
    ]
    assert lanes[2].kind is LaneKind.WAITING
    # Its worker has said when it began.
    assert (chunk.start_ns - T0).tolist() == [6, 4, 3]
    assert chunk.columns["outcome"].tolist() == [Outcome.LOST, Outcome.LOST, Outcome.LOST_WAITING]
    assert not store.snapshot().running


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
    spans = [Span(n, 1_000, "GET", shop, 0, Kind.OTHER) for n in range(3 * MOST_LEVELS)]

    assert len(snapshot_of(source, spans).lanes) == MOST_LEVELS


def test_graphs_and_sending_ends_are_not_drawn() -> None:
    source = Source()
    scheduler, worker = source.resource({"service.name": "dask-scheduler"}), source.worker("w0")
    spans = [
        Span(0, 9, "dask.graph", scheduler, 0, Kind.GRAPH),
        Span(0, 8, "send", worker, 0, Kind.SEND),
    ]
    snapshot = snapshot_of(source, spans)

    assert [lane.kind for lane in snapshot.lanes] == [LaneKind.HIDDEN] * 2
    assert snapshot.lane_last_ns.tolist() == [T0 + 9, T0 + 8]


def test_calls_of_a_client_are_packed() -> None:
    source = Source()
    client = source.resource({"service.name": "dask-client"})
    spans = [Span(0, 9, "dask.client.gather", client, 0, Kind.CLIENT) for _ in range(2)]

    assert [lane.kind for lane in snapshot_of(source, spans).lanes] == [LaneKind.PACKED] * 2


def test_lanes_are_the_same_whether_spans_come_one_by_one_or_at_once() -> None:
    def crowd() -> tuple[Source, list[Span]]:
        source = Source()
        workers = [source.worker(f"w{i}", port=i) for i in range(20)]
        return source, [
            Span(10 * i + j, 10 * i + j + 1, resource=worker, thread=7 + j % 3)
            for i in range(3)
            for j, worker in enumerate(workers)
        ]

    source, spans = crowd()
    at_once = snapshot_of(source, spans)
    source, spans = crowd()
    one_by_one = snapshot_of(source, *([span] for span in spans[:30]), spans[30:])

    assert one_by_one.lanes == at_once.lanes
    assert lanes_of(one_by_one) == lanes_of(at_once)
