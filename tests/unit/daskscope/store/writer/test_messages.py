"""What the store makes of messages, in whatever order they come."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dask_otel import conventions
from daskscope.store.chunk import CHUNK_ROWS
from daskscope.store.schema import Definitions, Kind, Series, SourceStatus, SpanBatch, Status
from daskscope.store.writer import Store
from tests.builders import MS, SECOND, T0, Load, Source, Span, points

if TYPE_CHECKING:
    from daskscope.store.snapshot import Snapshot


def filled(source: Source, *batches: SpanBatch) -> Store:
    store = Store()
    store.apply(source.definitions())
    for batch in batches:
        store.apply(batch)
    return store


def rows(snapshot: Snapshot) -> set[tuple[object, ...]]:
    """All spans, by what they are and where they lie."""
    found: set[tuple[object, ...]] = set()
    for chunk in snapshot.chunks:
        names = [snapshot.strings[name] for name in chunk.columns["name"].tolist()]
        lanes = [snapshot.lanes[lane] for lane in chunk.columns["lane"].tolist()]
        found |= set(
            zip(
                chunk.start_ns.tolist(),
                chunk.end_ns.tolist(),
                names,
                [(lane.resource, lane.thread) for lane in lanes],
                (chunk.keys[i] for i in range(len(chunk))),
                strict=True,
            )
        )
    return found


def test_an_unchanged_store_gives_the_same_snapshot() -> None:
    source = Source()
    source.worker("w0")
    store = filled(source, source.spans([Span(0, 5)]))

    first = store.snapshot()
    assert store.snapshot() is first

    store.apply(SourceStatus(is_live=False, progress=0.5))
    assert store.snapshot() is not first
    assert store.snapshot().generation > first.generation
    assert store.snapshot().status.progress == 0.5


def test_readings_are_not_drawn_by_the_task_stream_and_silence_is() -> None:
    source = Source()
    source.worker("w0")
    store = filled(source, source.spans([Span(0, 5)]))
    store.apply(Definitions(series=(Series("m", "1", 0, is_cumulative=False, attributes={}),)))
    before = store.snapshot()

    store.apply(points([(0, 7 * MS, 1.0)]))
    read = store.snapshot()
    store.judge(read.last_ns + 1)
    silent = store.snapshot()
    store.apply(source.spans([Span(5, 6)]))
    known = before, read, silent, store.snapshot()

    drawn = [one.stream_generation for one in known]
    assert drawn == [drawn[0], drawn[0], drawn[0] + 1, drawn[0] + 2]
    assert len({one.generation for one in known}) == 4


def test_a_snapshot_says_what_came_in() -> None:
    source = Source()
    worker = source.worker("w0")
    batch = source.spans(
        [
            Span(0, 5 * MS, "inc", worker, thread=11, key="inc-1", run_id=7),
            Span(2 * MS, 9 * MS, "add", worker, thread=12, key="('add', 0)", nbytes=80),
        ]
    )
    snapshot = filled(source, batch).snapshot()

    (chunk,) = snapshot.chunks
    assert len(chunk) == snapshot.n_spans == 2
    assert [chunk.keys[i] for i in range(2)] == ["inc-1", "('add', 0)"]
    assert [lane.thread for lane in snapshot.lanes] == [11, 12]
    assert chunk.columns["lane"].tolist() == [0, 1]
    assert (snapshot.first_ns, snapshot.last_ns) == (T0, T0 + 9 * MS)
    assert [snapshot.strings[prefix] for prefix in snapshot.prefixes] == ["inc", "add"]
    assert snapshot.lane_first_ns.tolist() == [T0, T0 + 2 * MS]
    assert snapshot.lane_last_ns.tolist() == [T0 + 5 * MS, T0 + 9 * MS]


def test_late_batches_give_what_batches_in_order_give() -> None:
    source = Source()
    workers = [source.worker(f"w{n}", port=40_000 + n) for n in range(3)]
    rng = random.Random(3)
    batches = []
    for second in range(40):
        spans = [
            Span(
                second * SECOND + rng.randrange(SECOND),
                (second + 1) * SECOND + rng.randrange(SECOND),
                rng.choice(["inc", "add", "sum"]),
                rng.choice(workers),
                rng.choice([11, 12]),
                key=f"k-{second}-{n}",
            )
            for n in range(20)
        ]
        batches.append(source.spans(spans))
    definitions = source.definitions()
    snapshots = []
    for order in (batches, rng.sample(batches, len(batches))):
        store = Store()
        store.apply(definitions)
        for batch in order:
            store.apply(batch)
        snapshots.append(store.snapshot())
    in_order, shuffled = snapshots

    assert rows(shuffled) == rows(in_order)
    assert len(rows(in_order)) == 800
    assert (shuffled.first_ns, shuffled.last_ns) == (in_order.first_ns, in_order.last_ns)
    assert shuffled.overview.busy_ns.sum() == pytest.approx(in_order.overview.busy_ns.sum())


def test_a_snapshot_does_not_change_while_the_store_grows() -> None:
    load = Load(n_workers=2)
    source = load.source
    series = source.metric(conventions.TASKS, 0)
    store = Store()
    store.apply(source.definitions())
    store.apply(load.batch(CHUNK_ROWS - 100))
    store.apply(points([(series, 0, 1.0)]))
    event = source.event("x", 0)
    store.apply(source.definitions())
    store.apply(event)
    before = store.snapshot()
    # A copy of all that it says, and as many references to its arrays.
    ends = [chunk.end_ns.copy() for chunk in before.chunks]
    busy, values = before.overview.busy_ns.copy(), before.points[series].value.copy()
    logged = [run.value.copy() for run in before.point_runs]
    n_strings, removed = len(before.strings), dict(before.removed_ns)

    for n in range(6):
        store.apply(load.batch(40_000))
        store.apply(points([(series, n - 3, float(n))]))
        source.text(f"new-{n}")
        event = source.event(conventions.EVENT_WORKER_REMOVED, n, dask_worker_address="tcp://x")
        store.apply(source.definitions())
        store.apply(event)

    assert store.snapshot().n_spans > before.n_spans
    for chunk, end_ns in zip(before.chunks, ends, strict=True):
        np.testing.assert_array_equal(chunk.end_ns, end_ns)
        assert len(chunk) == len(end_ns)
    np.testing.assert_array_equal(before.overview.busy_ns, busy)
    np.testing.assert_array_equal(before.points[series].value, values)
    for run, value in zip(before.point_runs, logged, strict=True):
        np.testing.assert_array_equal(run.value, value)
    assert len(before.strings) == n_strings
    assert before.removed_ns == removed
    assert len(before.events.bodies) == len(before.events.columns["time_ns"]) == 1


def test_the_cap_drops_whole_oldest_chunks_and_counts_them() -> None:
    load = Load(n_workers=4)
    one_chunk_bytes = 110 * CHUNK_ROWS
    store = Store(cap_bytes=2 * one_chunk_bytes)
    store.apply(load.source.definitions())
    n = 8 * CHUNK_ROWS
    for _ in range(n // 8_192):
        store.apply(load.batch(8_192))
    snapshot = store.snapshot()

    assert snapshot.n_evicted > 0
    assert snapshot.n_evicted % CHUNK_ROWS == 0
    assert snapshot.n_spans + snapshot.n_evicted == n
    # All that was evicted ended by then: what is held begins before, and goes on after.
    held_from_ns = min(int(chunk.start_ns.min()) for chunk in snapshot.chunks)
    assert snapshot.first_ns < held_from_ns <= snapshot.evicted_ns < snapshot.last_ns
    assert sum(len(chunk) for chunk in snapshot.chunks) == snapshot.n_spans
    assert snapshot.memory_bytes < 4 * one_chunk_bytes
    numbers = [chunk.number for chunk in snapshot.chunks]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_a_span_takes_at_most_100_bytes_beyond_its_texts() -> None:
    load = Load()
    store = Store(cap_bytes=1 << 40)
    store.apply(load.source.definitions())
    n = 4 * CHUNK_ROWS
    for _ in range(n // 4_096):
        store.apply(load.batch(4_096))
    snapshot = store.snapshot()
    texts = sum(len(chunk.keys.data) for chunk in snapshot.chunks)

    assert all(chunk.pyramid is not None for chunk in snapshot.chunks[:-1])
    assert (snapshot.memory_bytes - texts) / n <= 100


def test_prefixes_are_known_from_counts_before_any_task_has_run() -> None:
    source = Source()
    scheduler = source.resource({conventions.SERVICE_NAME: conventions.SERVICE_SCHEDULER})
    source.metric(conventions.TASKS, scheduler, dask_task_prefix="inc", dask_task_state="waiting")
    snapshot = filled(source).snapshot()

    assert [snapshot.strings[prefix] for prefix in snapshot.prefixes] == ["inc"]
    assert snapshot.slot_of[snapshot.prefixes[0]] >= 0
    assert snapshot.slot_of[0] == -1
    assert len(snapshot.slot_of) == len(snapshot.strings)


def test_colours_of_a_recording_are_those_that_were_seen_live() -> None:
    source = Source()
    worker = source.worker("w0")
    first, second = (source.spans([Span(0, 5, name, worker)]) for name in ("load", "sum"))
    told = source.definitions()
    for name in ("sum", "load"):
        source.metric(conventions.TASKS, worker, dask_task_prefix=name, dask_task_state="memory")
    counted = source.definitions()
    # A recording has the definitions of many requests together, before their spans.
    orders = (told, first, second, counted), (told, counted, second, first)
    live, recorded = (filled(Source(), *messages).snapshot() for messages in orders)

    assert [live.strings[prefix] for prefix in live.prefixes] == ["load", "sum"]
    assert recorded.prefixes == live.prefixes
    assert recorded.slot_of.tolist() == live.slot_of.tolist()


def test_a_span_that_ends_before_it_starts_is_a_point() -> None:
    source = Source()
    source.worker("w0")
    snapshot = filled(source, source.spans([Span(10, 4)])).snapshot()

    assert snapshot.chunks[0].end_ns.tolist() == [T0 + 10]
    assert snapshot.last_ns == T0 + 10


def test_other_services_and_graphs_do_not_become_prefixes() -> None:
    source = Source()
    client = source.resource({conventions.SERVICE_NAME: "shop"})
    batch = source.spans(
        [
            Span(0, 5, "GET /", client, 0, Kind.OTHER, Status.ERROR),
            Span(0, 9, "dask.graph", client, 0, Kind.GRAPH),
            Span(0, 9, "transfer", client, 0, Kind.TRANSFER),
        ]
    )
    snapshot = filled(source, batch).snapshot()

    assert snapshot.prefixes == ()
    assert snapshot.overview.slots == (-1,)
    assert snapshot.overview.busy_ns.sum() == 5


def test_definitions_with_a_gap_are_refused() -> None:
    with pytest.raises(ValueError, match="only 1 are known"):
        Store().apply(Definitions(strings_base=5, strings=("late",)))


def test_definitions_that_come_again_change_nothing() -> None:
    source = Source()
    source.worker("w0")
    source.metric(conventions.WORKER_LIMIT, 0)
    source.text("inc")
    definitions = source.definitions()
    store = Store()
    store.apply(replace(definitions, strings_base=0))
    store.apply(replace(definitions, strings_base=0))
    snapshot = store.snapshot()

    assert list(snapshot.strings) == ["", "inc"]
    assert len(snapshot.resources) == len(snapshot.series) == 1
    assert snapshot.series_of == {conventions.WORKER_LIMIT.name: (0,)}


def test_the_run_goes_from_the_first_event_to_the_last() -> None:
    source = Source()
    store = filled(source, source.spans([Span(5, 10)]))
    for time in (2, 30):
        event = source.event("dask.worker.added", time)
        store.apply(source.definitions())
        store.apply(event)
    assert (store.snapshot().first_ns, store.snapshot().last_ns) == (T0 + 2, T0 + 30)
