"""Spans of one thread that overlap lie on different lanes, whatever order they come in."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING

import numpy as np
import pytest

from daskscope.store.levels import Levels
from daskscope.store.placing import MOST_LEVELS, SLACK_NS
from daskscope.store.schema import Kind, SpanBatch, TextColumn
from daskscope.store.snapshot import LaneKind
from daskscope.store.writer import Store
from tests.builders import MS, SECOND, Load, Source, Span, snapshot_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from daskscope.store.placing import Int64s, Spans
    from daskscope.store.snapshot import Snapshot


def overlaps_ns(snapshot: Snapshot, without: Sequence[int] = ()) -> list[int]:
    """Times that two attempts or foreign spans of one lane have in common, beyond the slack."""
    found = []
    columns = [chunk.columns for chunk in snapshot.chunks]
    lane, start_ns, end_ns, kind = (
        np.concatenate([column[name] for column in columns])
        for name in ("lane", "start_ns", "end_ns", "kind")
    )
    for number in set(lane.tolist()).difference(without):
        rows = np.flatnonzero((lane == number) & np.isin(kind, (Kind.COMPUTE, Kind.OTHER)))
        rows = rows[np.argsort(start_ns[rows], kind="stable")]
        for before, row in zip(rows.tolist(), rows[1:].tolist(), strict=False):
            both_ns = int(min(end_ns[before], end_ns[row]) - start_ns[row])
            if both_ns > SLACK_NS:
                found.append(both_ns)
    return found


def coroutines(rng: random.Random, n: int, n_at_once: int) -> list[Span]:
    """Attempts of two event loops, at most `n_at_once` at a time in each."""
    free = {21: [0] * n_at_once, 22: [0] * n_at_once}
    spans = []
    for _ in range(n):
        thread = rng.choice((21, 22))
        at = rng.randrange(n_at_once)
        start = free[thread][at] + rng.randrange(50 * MS)
        end = free[thread][at] = start + rng.randrange(1, 100 * MS)
        spans.append(Span(start, end, thread=thread))
    return spans


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("order", ["end", "start", "any"])
def test_no_two_attempts_of_a_lane_overlap(seed: int, order: str) -> None:
    rng = random.Random(seed)
    source = Source()
    source.worker("w0")
    spans = coroutines(rng, 300, 6)
    if order != "any":
        spans.sort(key=lambda span: span.end if order == "end" else span.start)
    else:
        # Late by up to some dozens of others.
        spans.sort(key=lambda span: span.end + rng.randrange(60 * MS))
    batches = [spans[i : i + 17] for i in range(0, len(spans), 17)]
    unsure = snapshot_of(source, *batches)
    # A few of the first in each thread, before it was sure that they overlap.
    assert len(overlaps_ns(unsure)) <= 6

    source = Source()
    source.worker("w0")
    first = [
        Span(start, start + SECOND, thread=thread)
        for thread in (21, 22)
        for start in (-2 * SECOND, -2 * SECOND + MS // 2)
    ]
    snapshot = snapshot_of(source, first, *batches)
    assert not overlaps_ns(snapshot)
    assert {lane.kind for lane in snapshot.lanes} == {LaneKind.THREAD, LaneKind.LEVEL}
    assert len(snapshot.lanes) <= 2 * MOST_LEVELS


def test_coroutines_are_apart_from_the_first_one_on() -> None:
    for loop_thread, n_over in ((21, 0), (22, 1)):
        source = Source()
        source.worker("w0", loop_thread=loop_thread)
        two = [Span(start, start + 50 * MS, thread=21) for start in (0, 10 * MS)]
        assert len(overlaps_ns(snapshot_of(source, two[:1], two[1:]))) == n_over


def test_what_follows_each_other_by_a_bad_clock_has_one_lane() -> None:
    """Three at once by a clock that is set back again and again, in a thread that runs one."""
    spans = [
        Span(start * MS, end * MS, thread=11) for start, end in ((0, 300), (160, 260), (210, 290))
    ]
    for loop_thread, n_lanes in ((0, 3), (99, 1)):
        source = Source()
        source.worker("w0", loop_thread=loop_thread)
        assert len(snapshot_of(source, spans[:1], spans[1:]).lanes) == n_lanes


def by_two_senders(spans: list[Span], late: int, size: int) -> list[list[Span]]:
    """Batches of spans of which every other 200 ms come so much later."""
    spans = sorted(spans, key=lambda span: span.end)
    arrivals = []
    for is_late in (False, True):
        of = [span for span in spans if (span.end // (200 * MS) % 2 == 1) is is_late]
        batches = [of[i : i + size] for i in range(0, len(of), size)]
        arrivals += [(batch[-1].end + late * is_late, batch) for batch in batches]
    return [batch for _, batch in sorted(arrivals, key=lambda one: one[0])]


def most_at_once(spans: list[Span]) -> int:
    edges = sorted([(span.start, 1) for span in spans] + [(span.end, -1) for span in spans])
    return max(itertools.accumulate(step for _, step in edges))


@pytest.mark.parametrize("kind", [Kind.COMPUTE, Kind.OTHER])
@pytest.mark.parametrize("size", [1, 17, 200])
def test_what_comes_late_and_overlaps_nothing_stays_on_its_lane(kind: Kind, size: int) -> None:
    source = Source()
    shop = source.resource({"service.name": "shop"})
    spans = [
        Span(at * 10 * MS, at * 10 * MS + 9 * MS, "GET", shop, thread, kind)
        for at in range(400)
        for thread in (21, 22)
    ]
    assert len(snapshot_of(source, *by_two_senders(spans, 3 * SECOND, size)).lanes) == 2


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("size", [7, 60])
def test_what_overlaps_and_comes_late_lies_where_it_is_free(seed: int, size: int) -> None:
    spans = coroutines(random.Random(seed), 400, 5)
    first = [
        Span(start, start + SECOND, thread=thread)
        for thread in (21, 22)
        for start in (-2 * SECOND, -2 * SECOND + MS // 2)
    ]
    source = Source()
    source.worker("w0")
    snapshot = snapshot_of(source, first, *by_two_senders(spans, 3 * SECOND, size))
    assert not overlaps_ns(snapshot)
    # Some more than at once: where long ones are to be is not known until they end.
    n_at_once = max(
        most_at_once([span for span in spans if span.thread == thread]) for thread in (21, 22)
    )
    assert max(lane.level for lane in snapshot.lanes) < 2 * n_at_once
    chunk = snapshot.chunks[0]
    levels = np.array([lane.level for lane in snapshot.lanes])[chunk.columns["lane"]]
    threads = np.array([lane.thread for lane in snapshot.lanes])[chunk.columns["lane"]]
    for row in range(len(first), len(chunk)):
        meet = (chunk.start_ns < chunk.end_ns[row]) & (chunk.end_ns > chunk.start_ns[row])
        if np.count_nonzero(meet & (threads == threads[row])) == 1:
            assert levels[row] == 0


def test_what_lasts_long_and_comes_late_is_not_put_where_something_may_be() -> None:
    source = Source()
    source.worker("w0")
    crowd = [Span(start, 2 * SECOND, thread=21) for start in range(0, 3 * MS, MS)]
    later = [
        Span(start * SECOND, end * SECOND, thread=21)
        for start, end in ((6, 8), (7, 9), (20, 22), (21, 23))
    ]
    late = [Span(3 * SECOND, 9 * SECOND, thread=21), Span(3 * SECOND, 4 * SECOND, thread=21)]
    snapshot = snapshot_of(source, crowd, later, late)
    assert not overlaps_ns(snapshot)
    assert len(snapshot.lanes) == 4


@pytest.mark.parametrize("last", [6, 12])
def test_a_long_span_of_a_user_is_apart_from_those_within_it(last: int) -> None:
    source = Source()
    shop = source.resource({"service.name": "shop"})
    inner, outer = (
        [Span(at * SECOND, end * SECOND, "GET", shop, 7, Kind.OTHER) for at, end in times]
        for times in ([(2, 3), (4, 5), (last, last + 1)], [(0, 10)])
    )
    snapshot = snapshot_of(source, inner, outer, [Span(20 * SECOND, 21 * SECOND, "GET", shop, 7)])
    assert not overlaps_ns(snapshot)
    assert [lane.level for lane in snapshot.lanes] == [0, 1]


def test_what_comes_late_is_compared_with_full_chunks() -> None:
    load, store = Load(n_workers=1, n_threads=1), Store()
    store.apply(load.source.definitions())
    early = load.batch(500)
    store.apply(early)
    while not store.snapshot().chunks[0].pyramid:
        store.apply(load.batch(8_000))
        store.go_on()
    assert len(store.snapshot().lanes) == 1
    # Two at once may be a clock that was set right, three are not.
    twice = {name: np.repeat(column, 2) for name, column in early.columns.items()}
    store.apply(SpanBatch(twice, TextColumn.of([""] * 1_000)))
    assert sorted(lane.level for lane in store.snapshot().lanes) == [0, 1, 2]


def test_attempts_that_follow_each_other_have_one_lane() -> None:
    load, store = Load(n_workers=4), Store()
    store.apply(load.source.definitions())
    for _ in range(5):
        store.apply(load.batch(500))

    assert len(store.snapshot().lanes) == 16


@pytest.mark.parametrize("length", [2 * MS, 20 * MS, SECOND])
def test_a_clock_that_is_set_right_makes_no_level(length: int) -> None:
    """Tasks of a thread, one after the other, by a clock that is set back by 60 ms at times."""
    spans = []
    for number in range(300):
        start = number * length - 60 * MS * (number * length // (3 * SECOND))
        spans.append(Span(start, start + length))
    for size in (1, 7, 300):
        source = Source()
        source.worker("w0")
        batches = [spans[i : i + size] for i in range(0, len(spans), size)]
        assert len(snapshot_of(source, *batches).lanes) == 1


def test_of_spans_only_those_of_lanes_where_some_overlap_are_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[int] = []
    place = Levels._placed

    def counted(levels: Levels, new: Spans, run_id: npt.NDArray[np.int32]) -> Int64s:
        seen.append(len(new))
        return place(levels, new, run_id)

    monkeypatch.setattr(Levels, "_placed", counted)
    spans = [
        Span(number * 10 * MS, number * 10 * MS + 9 * MS, thread=thread)
        for number in range(100)
        for thread in (11, 12, 13)
    ]
    spans[151] = Span(500 * MS - 5 * MS, 509 * MS, thread=12)
    source = Source()
    source.worker("w0")
    assert len(snapshot_of(source, spans).lanes) == 3
    assert seen == [100]


def test_what_overlaps_in_the_midst_of_what_does_not_is_apart() -> None:
    calm = [Span(number * 10 * MS, number * 10 * MS + 10 * MS) for number in range(500)]
    burst = [Span(3_000 * MS + at * MS, 3_010 * MS + at * MS) for at in (1, 2, 3)]
    source = Source()
    source.worker("w0")
    snapshot = snapshot_of(source, sorted([*calm, *burst], key=lambda span: span.start))
    assert not overlaps_ns(snapshot)
    lane = np.concatenate([chunk.columns["lane"] for chunk in snapshot.chunks])
    assert set(lane[:300].tolist()) == {lane[0]}
    assert len(snapshot.lanes) == 4


def test_two_coroutines_at_once_are_told_by_what_runs() -> None:
    source, store = Source(), Store()
    worker = source.worker("w0")
    running = source.running(worker, 9 * MS, [("a", 0, 1, 21), ("b", MS, 2, 21)])
    ended = [Span(0, 10 * MS, thread=21, run_id=1), Span(MS, 11 * MS, thread=21, run_id=2)]
    batch = source.spans(ended)
    store.apply(source.definitions())
    store.apply(running)
    store.apply(batch)
    assert not overlaps_ns(store.snapshot())


@pytest.mark.parametrize("size", [40, 1_000])
def test_only_those_that_find_no_level_free_overlap(size: int) -> None:
    for n_at_once, has_crowd in ((MOST_LEVELS // 2, False), (2 * MOST_LEVELS, True)):
        source = Source()
        source.worker("w0", loop_thread=21)
        spans = coroutines(random.Random(1), 4_000, n_at_once)
        spans = sorted((span for span in spans if span.thread == 21), key=lambda span: span.end)
        batches = [spans[i : i + size] for i in range(0, len(spans), size)]
        snapshot = snapshot_of(source, *batches)
        crowds = [number for number, lane in enumerate(snapshot.lanes) if lane.is_crowd]
        assert len(crowds) == has_crowd
        assert not overlaps_ns(snapshot, without=crowds)
        assert len(snapshot.lanes) <= MOST_LEVELS


def test_spans_within_attempts_have_lanes_of_their_own_though_they_come_first() -> None:
    source = Source()
    source.worker("w0")
    inner = [Span(2, 4, "load", kind=Kind.OTHER), Span(1, 8, "step", kind=Kind.OTHER)]
    snapshot = snapshot_of(source, inner, [Span(0, 10)], [Span(11, 12, "load", kind=Kind.OTHER)])

    lanes = [snapshot.lanes[number] for number in snapshot.chunks[0].columns["lane"].tolist()]
    kinds = [(lane.kind, lane.level) for lane in lanes]
    assert kinds[2] == (LaneKind.THREAD, 0)
    assert {kind for kind, _ in kinds[:2]} == {LaneKind.INNER}
    assert kinds[0] != kinds[1]
    assert {lane.thread for lane in lanes} == {11}


def test_spans_of_other_services_keep_the_lane_of_their_thread() -> None:
    source = Source()
    shop = source.resource({"service.name": "shop"})
    snapshot = snapshot_of(source, [Span(0, 1, "GET", shop, 7, Kind.OTHER)])

    assert [lane.kind for lane in snapshot.lanes] == [LaneKind.THREAD]


def test_attempts_that_run_at_once_in_one_thread_are_apart() -> None:
    source, store = Source(), Store()
    worker = source.worker("w0")
    running = source.running(worker, 9, [("a", 1, 1, 21), ("b", 2, 2, 21), ("c", 2, 3, 22)])
    store.apply(source.definitions())
    store.apply(running)
    lanes = store.snapshot().running[worker].lane.tolist()

    assert len(set(lanes)) == 3
    assert [store.snapshot().lanes[lane].thread for lane in lanes] == [21, 21, 22]


@pytest.mark.parametrize("seed", range(6))
def test_what_has_ended_does_not_overlap_what_runs(seed: int) -> None:
    """Coroutines of one loop: each tick tells what runs, and then what has ended."""
    rng = random.Random(seed)
    source, store = Source(), Store()
    worker = source.worker("w0")
    first = source.spans(
        [Span(-900 * MS, -100 * MS, thread=21), Span(-800 * MS, -200 * MS, thread=21)]
    )
    store.apply(source.definitions())
    store.apply(first)
    spans = [
        Span(span.start, span.end, thread=21, run_id=number)
        for number, span in enumerate(sorted(coroutines(rng, 120, 3), key=lambda one: one.start))
    ]
    tick = 40 * MS
    for now in range(tick, spans[-1].end + 2 * tick, tick):
        ended = [span for span in spans if now - tick < span.end <= now]
        store.apply(source.spans(ended))
        runs = [
            ("inc", span.start, span.run_id, 21)
            for span in spans
            if span.start < now - tick / 2 and span.end > now
        ]
        store.apply(source.running(worker, now, runs))
        snapshot = store.snapshot()
        if worker not in snapshot.running:
            continue
        running = snapshot.running[worker]
        lanes = running.lane.tolist()
        assert len(set(lanes)) == len(lanes)
        for chunk in snapshot.chunks:
            for lane, start_ns in zip(lanes, running.start_ns.tolist(), strict=True):
                rows = np.flatnonzero(chunk.columns["lane"] == lane)
                assert (chunk.end_ns[rows] <= start_ns + SLACK_NS).all()
