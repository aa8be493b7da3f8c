"""Statistics against a brute-force reckoning of the same spans."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
import pytest

from daskscope.derive.place import place
from daskscope.derive.statistics import work as work_module
from daskscope.derive.statistics.rows import PEER_BITS, WORKER_VALUES, Scope
from daskscope.derive.statistics.table import COLUMNS, TaskTable, task_table
from daskscope.derive.statistics.work import Figures, Statistics
from daskscope.predicate import Filter
from daskscope.store import filling, writer
from daskscope.store.schema import Kind, Outcome, Status
from daskscope.store.writer import Store
from tests.builders import MS, Source, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daskscope.store.snapshot import Snapshot

#: Of a chunk, so that a few thousand spans make many.
ROWS = 256
N_WORKERS = 3
PREFIXES = ("read", "sum", "fit", "merge")
FILTERS = (
    Filter(hidden_prefixes=frozenset({"sum", "fit"})),
    Filter(workers=frozenset({"w1"}), hidden_kinds=frozenset({Kind.TRANSFER}), least_ns=MS),
)
WORST = 2 ** (1 / 128) - 1


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (filling, writer):
        if hasattr(module, "CHUNK_ROWS"):
            monkeypatch.setattr(module, "CHUNK_ROWS", ROWS)
    monkeypatch.setattr(work_module, "STEP_ROWS", 100)


def some_spans(rng: np.random.Generator, n: int) -> list[Span]:
    """Spans of all kinds that overlap, in no order, some of no length, a few very long and late."""
    kinds = [*[Kind.COMPUTE] * 6, Kind.TRANSFER, Kind.DISK_READ, Kind.DISK_WRITE, Kind.DESERIALIZE,
             Kind.OTHER, Kind.GRAPH, Kind.SEND]  # fmt: skip
    spans: list[Span] = []
    tasks: list[Span] = []
    for i in range(n):
        kind = kinds[rng.integers(len(kinds))]
        is_late = rng.random() < 0.01
        start = int(rng.integers(0, 1000 if is_late else 50) * MS + i * 2 * MS)
        length = int(rng.choice([0, 1, 10 ** rng.uniform(3, 8), 10 ** rng.uniform(6, 8)]))
        length *= 20 if rng.random() < 0.005 else 1
        is_task = kind == Kind.COMPUTE
        outcomes = (Outcome.FINISHED,) * 5 + (
            Outcome.FAILED, Outcome.CANCELLED, Outcome.RESCHEDULED, Outcome.LOST,
            Outcome.LOST_WAITING, Outcome.NONE,
        )  # fmt: skip
        outcome = outcomes[rng.integers(len(outcomes))] if is_task else Outcome.NONE
        parent_id = 0
        if tasks and not is_task and rng.random() < 0.7:
            # A child begins about when its parent does, which may be in a chunk long sealed.
            parent = tasks[max(len(tasks) - 1 - int(rng.exponential(40)), 0)]
            parent_id = parent.span_id
            start = parent.start + int(rng.uniform(-0.3, 1) * (parent.end - parent.start))
            start = max(start, 0)
        spans.append(
            Span(
                start,
                start + length,
                str(rng.choice(PREFIXES)) if is_task else kind.name.lower(),
                int(rng.integers(N_WORKERS)),
                int(rng.integers(1, 4)),
                kind,
                status=Status.ERROR if rng.random() < 0.1 else Status.UNSET,
                run_id=i,
                nbytes=int(rng.integers(-1, 1 << 30)),
                peer=f"tcp://10.0.4.11:{40101 + int(rng.integers(N_WORKERS))}",
                outcome=outcome,
                span_id=int(rng.integers(1, 1 << 62)),
                parent_id=parent_id,
            )
        )
        if is_task:
            tasks.append(spans[-1])
    return spans


@dataclasses.dataclass
class Held:
    """One span as a snapshot holds it."""

    start: int
    end: int
    lane: int
    resource: int
    name: int
    kind: int
    status: int
    outcome: int
    nbytes: int
    peer: int
    span_id: int
    parent_id: int

    def touches(self, scope: Scope) -> bool:
        is_in_time = self.start < scope.to_ns and (
            self.end > scope.from_ns or self.start >= scope.from_ns
        )
        return is_in_time and (scope.lanes is None or self.lane in scope.lanes)

    def cut(self, scope: Scope) -> tuple[int, int]:
        return max(self.start, scope.from_ns), min(self.end, scope.to_ns)

    @property
    def is_task(self) -> bool:
        return self.kind == Kind.COMPUTE and self.outcome != Outcome.LOST_WAITING

    @property
    def is_failed(self) -> bool:
        if self.outcome in (Outcome.FAILED, Outcome.LOST):
            return True
        is_dropped = self.outcome in (Outcome.CANCELLED, Outcome.RESCHEDULED)
        return self.status == Status.ERROR and not is_dropped


def held(snapshot: Snapshot) -> list[Held]:
    found = []
    for chunk in snapshot.chunks:
        columns = {name: column.tolist() for name, column in chunk.columns.items()}
        for row in range(len(chunk)):
            lane = columns["lane"][row]
            rest = (columns[name][row] for name in REST)
            start, end = columns["start_ns"][row], columns["end_ns"][row]
            found.append(Held(start, end, lane, snapshot.lanes[lane].resource, *rest))
    return found


REST = ("name", "kind", "status", "outcome", "nbytes", "peer", "span_id", "parent_id")


def covered(task: Held, children: list[Held], scope: Scope) -> int:
    """Time of a task in which its children lie, counted once."""
    kinds = (Kind.TRANSFER, Kind.DISK_READ, Kind.DISK_WRITE, Kind.DESERIALIZE, Kind.OTHER)
    first, last = task.cut(scope)
    parts = sorted(
        (max(span.start, first), min(span.end, last))
        for span in children
        if span.kind in kinds and span.start < last and span.end > first
    )
    total, reached = 0, first
    for start, end in parts:
        total += max(end - max(start, reached), 0)
        reached = max(reached, end)
    return total


def check_table(
    table: TaskTable, tasks: dict[int, list[Held]], spans: list[Held], scope: Scope
) -> None:
    assert sorted(table.name[1:].tolist()) == sorted(tasks)
    children: defaultdict[int, list[Held]] = defaultdict(list)
    for span in spans:
        children[span.parent_id].append(span)
    groups = {-1: [task for group in tasks.values() for task in group], **tasks}
    for row, name in enumerate(table.name.tolist()):
        group = groups[name]
        shown = {column: float(table.values[column][row]) for column in COLUMNS}
        lasting = np.array([task.end - task.start for task in group], np.float64)
        cuts = [task.cut(scope) for task in group]
        total = sum(end - start for start, end in cuts)
        covers = sum(covered(task, children[task.span_id], scope) for task in group)
        assert shown["count"] == len(group)
        assert shown["total"] == total
        assert shown["self"] == total - covers
        assert shown["failed"] == sum(task.is_failed for task in group)
        if not group:
            assert np.isnan(shown["median"])
            continue
        assert shown["mean"] == pytest.approx(lasting.mean(), rel=1e-12)
        assert shown["max"] == lasting.max()
        for column, share in (("median", 0.5), ("p95", 0.95), ("p99", 0.99)):
            assert shown[column] == pytest.approx(np.quantile(lasting, share), rel=WORST, abs=1)


def is_shown(span: Held, snapshot: Snapshot, asked: Filter) -> bool:
    """As the filters of `some_filters` mean it."""
    if span.kind == Kind.COMPUTE and snapshot.strings[span.name] in asked.hidden_prefixes:
        return False
    where = place(snapshot.resources[span.resource]).name
    is_worker_shown = not asked.workers or where in asked.workers
    is_kind_shown = span.kind not in asked.hidden_kinds
    return is_worker_shown and is_kind_shown and span.end - span.start >= asked.least_ns


def check(figures: Figures, snapshot: Snapshot) -> None:
    scope = figures.scope
    spans = held(snapshot)
    touching = [span for span in spans if span.touches(scope)]
    meant = [span for span in touching if is_shown(span, snapshot, scope.filter)]
    n_hidden = sum(span.is_task for span in touching) - sum(span.is_task for span in meant)
    tasks: defaultdict[int, list[Held]] = defaultdict(list)
    for span in meant:
        if span.is_task:
            tasks[span.name].append(span)
    check_table(task_table(figures), tasks, spans, scope)
    workers: defaultdict[tuple[int, str], float] = defaultdict(float)
    pairs: defaultdict[int, float] = defaultdict(float)
    for span in meant:
        start, end = span.cut(scope)
        cut = end - start
        lasting = span.end - span.start
        moved = max(span.nbytes, 0) * (cut / lasting if lasting else 1)
        at = span.resource
        if span.is_task:
            workers[at, "compute_ns"] += cut
            is_lost = span.outcome == Outcome.LOST
            workers[at, "n_lost" if is_lost else "n_erred"] += span.is_failed
        elif span.kind == Kind.COMPUTE:
            workers[at, "n_lost_waiting"] += 1
        elif span.kind == Kind.TRANSFER:
            workers[at, "transfer_ns"] += cut
            pairs[at << PEER_BITS | span.peer] += moved
        elif span.kind in (Kind.DISK_READ, Kind.DISK_WRITE):
            workers[at, "disk_ns"] += cut
            workers[at, "disk_bytes"] += moved
    shown = {
        (resource, name): value
        for name, values in zip(WORKER_VALUES, figures.workers.value, strict=True)
        for resource, value in zip(figures.workers.key.tolist(), values.tolist(), strict=True)
    }
    hidden = [shown.pop(key) for key in list(shown) if key[1] == "n_hidden"]
    assert sum(hidden) == n_hidden
    assert {key: value for key, value in shown.items() if value} == pytest.approx(
        {key: value for key, value in workers.items() if value}
    )
    found = dict(zip(figures.pairs.key.tolist(), figures.pairs.value[0].tolist(), strict=True))
    assert found == pytest.approx(dict(pairs))


def worked(statistics: Statistics, snapshot: Snapshot, scope: Scope) -> Figures:
    statistics.begin(snapshot, scope)
    while statistics.step():
        pass
    return statistics.figures()


def scopes(rng: np.random.Generator, snapshot: Snapshot) -> Iterator[Scope]:
    """Everything, nothing, and random stretches of random lanes, the last one moved at one edge."""
    first, last = snapshot.first_ns, snapshot.last_ns
    yield Scope(first, last + 1)
    yield Scope(last + 10, last + 20)
    for chunk in snapshot.chunks[:4]:
        yield Scope(chunk.t_min, chunk.t_max)
        yield Scope(chunk.t_min, chunk.t_max - MS // 2)
        yield Scope(first, chunk.last_start_ns)
    lanes = frozenset(rng.choice(len(snapshot.lanes), 4, replace=False).tolist())
    for chosen in (None, lanes, frozenset[int](), None, lanes):
        edges = sorted(int(edge) for edge in rng.integers(first, last, 2))
        yield Scope(edges[0], edges[1] + 1, chosen)
        yield Scope(edges[0], edges[1] + 5 * MS, chosen)
    for asked in FILTERS:
        yield Scope(first, last, None, asked)
        yield Scope(edges[0], edges[1] + 1, lanes, asked)


@pytest.mark.parametrize("seed", range(4))
def test_all_figures_are_those_of_a_reckoning_span_by_span(seed: int) -> None:
    rng = np.random.default_rng(seed)
    source, store = Source(), Store()
    for i in range(N_WORKERS):
        source.worker(f"w{i}", port=40101 + i)
    statistics = Statistics()
    # Twice: what was kept of the first must still be true when spans come late.
    for _ in range(2):
        batch = source.spans(some_spans(rng, 3 * ROWS + 70))
        store.apply(source.definitions())
        store.apply(batch)
        snapshot = store.snapshot()
        for scope in scopes(rng, snapshot):
            check(worked(statistics, snapshot, scope), snapshot)


def n_steps(statistics: Statistics, snapshot: Snapshot, scope: Scope) -> int:
    statistics.begin(snapshot, scope)
    n = 0
    while statistics.step():
        n += 1
    return n


def test_moving_an_edge_costs_the_chunks_at_the_edges() -> None:
    source, store = Source(), Store()
    source.worker("w0")
    spans = [Span(i * MS, i * MS + MS // 2, nbytes=1) for i in range(40 * ROWS)]
    batch = source.spans(spans)
    store.apply(source.definitions())
    store.apply(batch)
    snapshot, statistics = store.snapshot(), Statistics()
    first, last = snapshot.first_ns, snapshot.last_ns
    whole = n_steps(statistics, snapshot, Scope(first, last - 10 * MS))
    moved = n_steps(statistics, snapshot, Scope(first, last - 20 * MS))
    assert whole > 40 * 3  # each chunk in slices
    assert moved < 40 + 6  # one addition each, and the slices of the chunk at the edge
    figures = statistics.figures()
    assert figures.names.value[0].sum() == (40 * ROWS - 20) * (MS // 2)
    assert figures.share == 1.0


def test_what_begins_at_the_right_edge_is_not_counted_and_at_the_left_edge_is() -> None:
    source, store = Source(), Store()
    source.worker("w0")
    spans = [Span(i * MS, i * MS) for i in range(ROWS)]  # they take no time: their end is no hint
    batch = source.spans(spans)
    store.apply(source.definitions())
    store.apply(batch)
    snapshot = store.snapshot()
    figures = worked(Statistics(), snapshot, Scope(snapshot.first_ns, snapshot.last_ns))
    assert figures.durations.value[0].sum() == ROWS - 1
    check(figures, snapshot)


def test_a_share_of_the_work_shows_what_is_there() -> None:
    source, store = Source(), Store()
    source.worker("w0")
    batch = source.spans([Span(i * MS, i * MS + MS // 2) for i in range(4 * ROWS)])
    store.apply(source.definitions())
    store.apply(batch)
    snapshot, statistics = store.snapshot(), Statistics()
    statistics.begin(snapshot, Scope(snapshot.first_ns, snapshot.last_ns))
    assert statistics.figures().share == 0.0
    shares, counts = [], []
    while statistics.step():
        figures = statistics.figures()
        shares.append(figures.share)
        counts.append(int(figures.durations.value[0].sum()))
    assert sorted(shares) == shares
    assert sorted(counts) == counts
    assert ROWS in counts
    assert statistics.figures().share == 1.0


def test_what_was_kept_of_evicted_chunks_is_dropped() -> None:
    source, store = Source(), Store(cap_bytes=4 * ROWS * 130)
    source.worker("w0")
    statistics = Statistics()
    for begin in range(0, 20 * ROWS, 2 * ROWS):
        batch = source.spans(
            [Span(i * MS, i * MS + 2 * MS) for i in range(begin, begin + 2 * ROWS)]
        )
        store.apply(source.definitions())
        store.apply(batch)
        snapshot = store.snapshot()
        figures = worked(statistics, snapshot, Scope(0, snapshot.last_ns + 1))
        assert figures.durations.value[0].sum() == snapshot.n_spans
    assert snapshot.n_evicted > 0
    assert len(statistics._children) <= len(snapshot.chunks)
