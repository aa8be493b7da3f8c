"""Sweep and survey against a walk over all spans, with stores that grow and forget meanwhile."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest

from daskscope.derive.details import survey as survey_module
from daskscope.derive.details import sweep as sweep_module
from daskscope.derive.details.subject import locate, of_row, row_subject, settled, subject
from daskscope.derive.details.survey import Survey
from daskscope.derive.details.sweep import Sweep
from daskscope.derive.frames import BarState
from daskscope.session import Chosen
from daskscope.store import chunk as chunk_module
from daskscope.store import filling as filling_module
from daskscope.store.inquiry import Dependent
from daskscope.store.schema import Kind, Outcome, SpanBatch
from daskscope.store.writer import Store
from tests.builders import SECOND, T0, Source, Span

if TYPE_CHECKING:
    from daskscope.store.snapshot import Snapshot

N_ROWS = 64


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (chunk_module, filling_module):
        monkeypatch.setattr(module, "CHUNK_ROWS", N_ROWS)
    monkeypatch.setattr(sweep_module, "STEP_ROWS", 20)


class Growing:
    """A store that is filled from a random sequence of spans, request by request."""

    def __init__(self, seed: int, cap_bytes: int = 1 << 30) -> None:
        self.chance = random.Random(seed)
        self.source = Source()
        self.worker = self.source.worker("w0")
        self.store = Store(cap_bytes)
        self.spans: list[tuple[Span, int, int, int]] = []  # with id, parent, request

    def grow(self, n: int) -> None:
        chance = self.chance
        request = len(self.spans) + 1
        fresh = []
        for _ in range(n):
            start = chance.randint(0, 100) * SECOND
            kind = chance.choice([Kind.COMPUTE, Kind.COMPUTE, Kind.TRANSFER, Kind.DISK_READ])
            name = chance.choice(["inc", "sum"])
            key = f"('{name}-1', {chance.randint(0, 9)})" if kind is Kind.COMPUTE else ""
            end = start + chance.randint(1, 5) * SECOND
            fresh.append(Span(start, end, name, self.worker, 11, kind, key=key, run_id=1))
        first = len(self.spans) + 1
        parents = [chance.choice([0, 3, 7]) for _ in fresh]
        batch = self.source.spans(fresh)
        columns = dict(batch.columns)
        columns["span_id"] = np.arange(first, first + n, dtype=np.uint64)
        columns["parent_id"] = np.array(parents, np.uint64)
        columns["request"] = np.full(n, request, np.uint32)
        self.store.apply(self.source.definitions())
        self.store.apply(SpanBatch(columns, batch.keys))
        numbered = zip(fresh, range(first, first + n), parents, strict=True)
        self.spans += [(span, number, parent, request) for span, number, parent in numbered]

    def snapshot(self) -> Snapshot:
        return self.store.snapshot()


def finished(survey: Survey, growing: Growing, budget_s: float = 0.0) -> None:
    for _ in range(10_000):
        survey.advance(growing.snapshot(), budget_s)
        if survey.is_over:
            return
    raise AssertionError("it does not end")


def chosen_row(growing: Growing, number: int) -> Chosen:
    for chunk in growing.snapshot().chunks:
        rows = np.flatnonzero(chunk.columns["span_id"] == number)
        if len(rows):
            return of_row(chunk, int(rows[0]))
    raise AssertionError(number)


@pytest.mark.parametrize("seed", range(12))
def test_each_row_is_gone_over_once_while_the_store_grows(seed: int) -> None:
    growing = Growing(seed)
    growing.grow(growing.chance.randint(1, 300))
    sweep, seen = Sweep(), []
    for _ in range(200):
        for piece in sweep.pieces(growing.snapshot()):
            seen += [(piece.chunk.number, row) for row in range(piece.start, piece.stop)]
            if growing.chance.random() < 0.5:
                break  # as if the time were over
        if growing.chance.random() < 0.3:
            growing.grow(growing.chance.randint(1, 90))
    for piece in sweep.pieces(growing.snapshot()):
        seen += [(piece.chunk.number, row) for row in range(piece.start, piece.stop)]
    assert sweep.is_over
    assert sorted(seen) == [
        (chunk.number, row) for chunk in growing.snapshot().chunks for row in range(len(chunk))
    ]


@pytest.mark.parametrize("seed", range(8))
def test_the_survey_finds_what_a_walk_finds(seed: int) -> None:
    growing = Growing(seed)
    growing.grow(200)
    spans = growing.spans
    number = next(n for span, n, _, _ in spans if span.kind is Kind.COMPUTE and n > 3)
    found = subject(growing.snapshot(), chosen_row(growing, number))
    assert found is not None
    survey = Survey(found)
    survey.want([5, 50, 199, 350, 10**9])
    finished(survey, growing)
    growing.grow(200)
    finished(survey, growing)

    own = next(span for span, n, _, _ in spans if n == number)
    alike = [
        span for span, *_ in growing.spans if span.kind is Kind.COMPUTE and span.name == own.name
    ]
    assert sorted(survey.durations_ns.tolist()) == sorted(s.end - s.start for s in alike)
    attempts = {n for span, n, _, _ in growing.spans if span.key == own.key}
    assert {one.chosen.span_id for one in survey.attempts} == attempts
    assert set(survey.relatives) == {5, 50, 199, 350}
    children = {
        n for span, n, parent, _ in growing.spans if parent == number and span.kind != Kind.COMPUTE
    }
    assert {one.chosen.span_id for one in survey.children} == children
    parent = next(p for _, n, p, _ in growing.spans if n == number)
    assert (survey.parent.chosen.span_id if survey.parent else 0) == parent


def test_children_are_found_by_their_parent() -> None:
    growing = Growing(3)
    growing.grow(300)
    for number in (3, 7):
        found = subject(growing.snapshot(), chosen_row(growing, number))
        assert found is not None
        survey = Survey(found)
        finished(survey, growing)
        assert {one.chosen.span_id for one in survey.children} == {
            n
            for span, n, parent, _ in growing.spans
            if parent == number and span.kind is not Kind.COMPUTE
        }


def test_dependents_are_looked_up_by_their_requests() -> None:
    growing = Growing(1)
    for _ in range(40):
        growing.grow(10)
    found = subject(growing.snapshot(), chosen_row(growing, 1))
    assert found is not None
    survey = Survey(found)
    survey.look_up(
        [Dependent(n, request, "", "", "", 0, 0) for _, n, _, request in growing.spans[::7]]
    )
    for _ in range(100):  # one in each slice that has no time
        survey.advance(growing.snapshot(), 0.0)
    assert set(survey.relatives) == {n for _, n, _, _ in growing.spans[::7]}


def test_what_the_journal_told_before_the_link_is_found_when_it_comes() -> None:
    growing = Growing(1)
    growing.grow(10)
    found = subject(growing.snapshot(), chosen_row(growing, 1))
    assert found is not None
    survey = Survey(found)
    survey.look_up([Dependent(15, 11, "", "", "", 0, 0), Dependent(99, 1, "", "", "", 0, 0)])
    finished(survey, growing)
    assert survey.relatives == {}
    growing.grow(10)
    finished(survey, growing)
    assert set(survey.relatives) == {15}


def test_a_chosen_span_outlives_its_chunk() -> None:
    growing = Growing(5, cap_bytes=30_000)
    growing.grow(10)
    chosen = chosen_row(growing, 4)
    found = subject(growing.snapshot(), chosen)
    assert found is not None
    survey = Survey(found)
    while growing.snapshot().n_evicted < 200:
        growing.grow(50)
        survey.advance(growing.snapshot(), 0.0)
    assert subject(growing.snapshot(), chosen) is None
    finished(survey, growing)
    assert locate(growing.snapshot(), 4, 1) is None


@pytest.mark.parametrize("seed", range(5))
def test_every_span_is_located_by_id_and_request(seed: int) -> None:
    growing = Growing(seed)
    for _ in range(30):
        growing.grow(growing.chance.choice([1, 5, 90]))
    snapshot = growing.snapshot()
    for span, number, _, request in growing.spans:
        found = locate(snapshot, number, request)
        assert found is not None
        assert row_subject(snapshot, *found).start_ns % SECOND == 0
        assert row_subject(snapshot, *found).name == span.name
    assert locate(snapshot, 10**6, 1) is None
    assert locate(snapshot, 1, 10**6) is None


def test_a_running_attempt_stays_chosen_when_it_ends() -> None:
    source = Source()
    worker = source.worker("w0")
    store = Store()
    running = source.running(worker, 9 * SECOND, [("fit", 5 * SECOND, 9, 21)])
    store.apply(source.definitions())
    store.apply(running)
    chosen = Chosen(resource=worker, run_id=9)
    found = subject(store.snapshot(), chosen)
    assert found is not None
    assert (found.key, found.end_ns) == ("fit-9", 0)
    assert found.known_until_ns(T0 + 12 * SECOND) == T0 + 12 * SECOND
    assert settled(store.snapshot(), chosen) is chosen

    store.judge(T0 + 10 * SECOND)
    found = subject(store.snapshot(), chosen)
    assert found is not None
    assert (found.state, found.end_ns) == (BarState.LOST, 0)
    assert found.heard_ns == found.known_until_ns(T0 + 12 * SECOND) == T0 + 9 * SECOND
    assert settled(store.snapshot(), chosen) is chosen

    spans = source.spans(
        [
            Span(1 * SECOND, 2 * SECOND, "fit", worker, 21, key="fit-8", run_id=8),
            Span(5 * SECOND, 10 * SECOND, "fit", worker, 21, key="fit-9", run_id=9),
        ]
    )
    store.apply(source.definitions())
    store.apply(spans)

    assert subject(store.snapshot(), chosen) is None
    ended = settled(store.snapshot(), chosen)
    assert (ended.chunk, ended.index, ended.span_id) == (0, 1, 2)
    assert settled(store.snapshot(), ended) is ended


def test_lost_and_cancelled_attempts_are_no_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source()
    worker = source.worker("w0")
    store = Store()
    outcomes = [Outcome.FINISHED, Outcome.LOST, Outcome.CANCELLED, Outcome.FAILED]
    spans = [
        Span(0, (n + 1) * SECOND, "fit", worker, key=f"k{n}", run_id=n, outcome=outcome)
        for n, outcome in enumerate(outcomes)
    ]
    batch = source.spans(spans)
    store.apply(source.definitions())
    store.apply(batch)
    found = subject(store.snapshot(), Chosen(0, 0, 1))
    assert found is not None
    survey = Survey(found)
    survey.advance(store.snapshot(), 1.0)
    assert sorted(survey.durations_ns.tolist()) == [1 * SECOND, 4 * SECOND]

    monkeypatch.setattr(survey_module, "MOST_DURATIONS", 1)
    survey = Survey(found)
    survey.advance(store.snapshot(), 1.0)
    survey.advance(store.snapshot(), 1.0)
    assert len(survey.durations_ns) <= 2
