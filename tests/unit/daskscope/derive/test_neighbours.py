"""The next span of a row and the nearest of another, compared with a look at every span."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from daskscope.derive.details.subject import Subject, of_row, row_subject, subject
from daskscope.derive.lanelayout import RowKind
from daskscope.derive.lanes import lane_layout
from daskscope.derive.neighbours import Line, Neighbours
from daskscope.derive.sieve import Sieves
from daskscope.predicate import NO_FILTER, Filter
from daskscope.session import Chosen, Session
from daskscope.store.schema import SUB_KINDS, Kind
from daskscope.store.writer import Store
from tests.builders import MS, SECOND, T0, Load, Source, Span, snapshot_of

if TYPE_CHECKING:
    from daskscope.derive.lanelayout import LaneLayout
    from daskscope.store.snapshot import Snapshot

NOW_NS = T0 + 20 * SECOND
FILTERS = [
    NO_FILTER,
    Filter(hidden_prefixes=frozenset({"prefix-0", "prefix-2"})),
    Filter(least_ns=20 * MS),
]


@dataclass(frozen=True)
class Scene:
    """What is shown, and a list of all of it."""

    near: Neighbours
    spans: tuple[Subject, ...]

    @property
    def snapshot(self) -> Snapshot:
        return self.near.snapshot

    @property
    def layout(self) -> LaneLayout:
        return self.near.layout

    def line(self, one: Subject) -> Line:
        return Line(int(self.layout.row_of_lane[one.lane]), one.kind in SUB_KINDS)

    def of_line(self, line: Line) -> list[Subject]:
        """In order of time; what runs comes after what has ended."""
        found = [one for one in self.spans if self.line(one) == line]
        return sorted(found, key=lambda one: self.near.order(one.chosen, one.start_ns))


def scene(store: Store, meant: Filter, session: Session) -> Scene:
    snapshot = store.snapshot()
    sieve = Sieves(meant).of(snapshot)
    near = Neighbours(snapshot, sieve, lane_layout(snapshot, session, 900), NOW_NS)
    spans = [
        row_subject(snapshot, chunk, row)
        for chunk in snapshot.chunks
        for row, is_shown in enumerate(sieve.rows(chunk, slice(0, len(chunk))).tolist())
        if is_shown
    ]
    for number, running in snapshot.running.items():
        is_shown = sieve.running(running, int(snapshot.heard_until_ns[number]))
        for run_id in running.run_id[is_shown].tolist():
            found = subject(snapshot, Chosen(resource=number, run_id=run_id))
            assert found is not None
            spans.append(found)
    layout = near.layout
    is_in = layout.row_of_lane >= 0
    is_in &= ~layout.is_inner | (layout.kinds[layout.row_of_lane] != RowKind.DENSITY.value)
    return Scene(near, tuple(one for one in spans if is_in[one.lane]))


@pytest.fixture(scope="module")
def store() -> Store:
    """Two sealed chunks and an open one, with transfers, late spans, and attempts that run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("daskscope.store.filling.CHUNK_ROWS", 1_024)
        load, made, rng = Load(n_workers=3, n_threads=2, n_prefixes=4), Store(), random.Random(2)
        made.apply(load.source.definitions())
        # What user code does in tasks: left out of a folded row.
        inner = [Span(n * SECOND, (n + 1) * SECOND, "io", kind=Kind.OTHER) for n in range(3)]
        made.apply(load.source.spans(inner))
        # Longer than all cells of a pyramid, and alone on its lane.
        made.apply(load.source.spans([Span(0, 3 * SECOND, "prefix-1", 2, 7)]))
        for _ in range(5):
            made.apply(load.batch(500))
            late = rng.randrange(SECOND)
            made.apply(load.source.spans([Span(late, late + 5, "prefix-1", thread=1000)] * 3))
        attempts = [("prefix-3", 3 * SECOND, 9_000 + n, 1_002 + n) for n in range(2)]
        running = load.source.running(1, 19 * SECOND, attempts)
        made.apply(load.source.definitions())
        made.apply(running)
        for _ in range(200):
            made.go_on()
    chunks = made.snapshot().chunks
    assert [chunk.pyramid is not None for chunk in chunks] == [True, True, False]
    return made


@pytest.fixture(params=["lanes", "folded"])
def session(request: pytest.FixtureRequest) -> Session:
    folded = frozenset({"node-00"}) if request.param == "folded" else frozenset()
    return Session(collapsed_hosts=folded)


@pytest.mark.parametrize("meant", FILTERS)
def test_a_line_is_gone_along_span_by_span_both_ways(
    store: Store, session: Session, meant: Filter
) -> None:
    shown = scene(store, meant, session)
    n_steps = 0
    for line in {shown.line(one) for one in shown.spans}:
        spans = shown.of_line(line)
        chosen = [one.chosen for one in spans]
        orders = [shown.near.order(one.chosen, one.start_ns) for one in spans]
        forward = [shown.near.next(line, order, is_forward=True) for order in orders]
        back = [shown.near.next(line, order, is_forward=False) for order in orders]

        assert forward == [*chosen[1:], None]
        assert back == [None, *chosen[:-1]]
        n_steps += len(spans)
    assert n_steps == len(shown.spans) > 300


@pytest.mark.parametrize("meant", FILTERS)
def test_the_nearest_span_of_a_line_is_the_nearest_of_all(
    store: Store, session: Session, meant: Filter
) -> None:
    shown, rng = scene(store, meant, session), random.Random(3)
    first_ns, last_ns = T0 - SECOND, T0 + 6 * SECOND
    n_found = 0
    for line in {shown.line(one) for one in shown.spans}:
        for _ in range(40):
            at_ns = rng.randrange(first_ns, last_ns)
            from_ns, to_ns = at_ns - rng.randrange(2 * SECOND), at_ns + rng.randrange(2 * SECOND)
            in_it = [
                one
                for one in shown.of_line(line)
                if one.start_ns < to_ns and one.known_until_ns(NOW_NS) > from_ns
            ]
            found = shown.near.nearest(line, at_ns, from_ns, to_ns)
            assert (found is None) == (not in_it)
            if found is None:
                continue
            one = next(other for other in in_it if other.chosen == found)
            assert away(one, at_ns) == min(away(other, at_ns) for other in in_it)
            n_found += 1
    assert n_found > 20


def away(one: Subject, at_ns: int) -> tuple[int, int]:
    return max(one.start_ns - at_ns, at_ns - one.known_until_ns(NOW_NS), 0), -one.start_ns


@pytest.mark.parametrize("meant", FILTERS)
@pytest.mark.parametrize("ends", [(-1, 30), (1, 2), (2, 3), (19, 25), (100, 101)])
def test_lines_with_anything_in_a_stretch_of_time(
    store: Store, session: Session, meant: Filter, ends: tuple[int, int]
) -> None:
    shown = scene(store, meant, session)
    from_ns, to_ns = (T0 + end * SECOND for end in ends)
    expected = {
        shown.line(one)
        for one in shown.spans
        if one.start_ns < to_ns and one.known_until_ns(NOW_NS) > from_ns
    }
    assert shown.near.lines(from_ns, to_ns) == sorted(expected)


def test_a_span_of_a_lane_that_the_layout_does_not_know_is_in_no_line() -> None:
    source = Source()
    one = source.worker("w0", host="node-01")
    known = snapshot_of(source, [Span(0, SECOND, "inc", one, 11)])
    layout = lane_layout(known, Session(), 900)
    source = Source()
    one = source.worker("w0", host="node-01")
    snapshot = snapshot_of(source, [Span(0, SECOND, "inc", one, thread) for thread in (11, 12)])
    near = Neighbours(snapshot, Sieves(NO_FILTER).of(snapshot), layout, NOW_NS)

    assert near.line(1, Kind.COMPUTE) is None
    line = near.line(0, Kind.COMPUTE)
    assert line is not None
    assert near.lines(T0, NOW_NS) == [line]
    order = near.order(of_row(snapshot.chunks[0], 0), T0)
    assert near.next(line, order, is_forward=True) is None


def test_equal_starts_are_gone_through_in_order_of_arrival() -> None:
    source, store = Source(), Store()
    one = source.worker("w0", host="node-01")
    batch = source.spans([Span(0, SECOND, "inc", one, 11) for _ in range(4)])
    store.apply(source.definitions())
    store.apply(batch)
    shown = scene(store, NO_FILTER, Session(collapsed_hosts=frozenset({"node-01"})))
    line = shown.line(shown.spans[0])

    seen, order = [], (T0, -1, -1)
    while (found := shown.near.next(line, order, is_forward=True)) is not None:
        seen.append(found.index)
        order = shown.near.order(found, T0)
    assert seen == [0, 1, 2, 3]


def test_what_is_longer_than_all_cells_of_a_chunk_is_there() -> None:
    load, store = Load(n_workers=1, n_threads=1, n_prefixes=1), Store()
    load.source.worker("w1", host="node-01")
    store.apply(load.source.definitions())
    store.apply(load.source.spans([Span(0, 600 * SECOND, "prefix-0", 1)]))
    for _ in range(16):
        store.apply(load.batch(4_096))
    for _ in range(200):
        store.go_on()
    shown = scene(store, NO_FILTER, Session())
    chunk = shown.snapshot.chunks[0]
    assert chunk.pyramid is not None
    long = next(one for one in shown.spans if one.lasted_ns == 600 * SECOND)
    assert long.lane not in chunk.pyramid.levels[-1].lane

    assert shown.line(long) in shown.near.lines(T0 - SECOND, chunk.t_max + 1)
