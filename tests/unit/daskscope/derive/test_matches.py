"""Marks of all rows, compared with one look at each span."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
import pytest

from daskscope.derive.frames import BarState
from daskscope.derive.matches import TOO_SLOW, Mark, Marks, Matches
from daskscope.derive.place import place
from daskscope.predicate import Bin, Filter, Predicate, Search
from daskscope.session import Viewport
from daskscope.store.schema import Kind, Outcome, SpanBatch, Status
from daskscope.store.writer import Store
from tests.builders import MS, SECOND, T0, Load, Source, Span

if TYPE_CHECKING:
    from daskscope.store.snapshot import Snapshot

STATE_OF = {
    Outcome.FAILED: BarState.ERRED,
    Outcome.CANCELLED: BarState.DROPPED,
    Outcome.RESCHEDULED: BarState.DROPPED,
    Outcome.LOST: BarState.LOST,
    Outcome.LOST_WAITING: BarState.LOST,
}
KEYS = ("", "('sum-1a2b', 3)", "Sum", "line\nline", "été", "x\0y", "(", "10.0.4.11")
ERRORS = ("", "", "", "ValueError: no sum", "KeyError: 'é'")


class Cluster:
    """Spans of every kind on three workers, known as literals and as messages."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.source = Source()
        self.workers = [self.source.worker(f"w{n}", port=40_100 + n) for n in range(3)]
        self.spans: list[Span] = []

    def more(self, n: int) -> SpanBatch:
        rng = self.rng
        fresh = [
            Span(
                start := rng.randrange(100 * SECOND),
                start + rng.choice((0, 1, MS, SECOND)),
                rng.choice(("inc", "sum", "dec")),
                rng.choice(self.workers),
                thread=rng.choice((11, 12)),
                kind=rng.choice((Kind.COMPUTE,) * 6 + tuple(Kind)),
                status=rng.choice((Status.UNSET, Status.ERROR)),
                key=rng.choice(KEYS),
                error=rng.choice(ERRORS),
                type=rng.choice(("", "inc", "sum")),
                outcome=rng.choice(tuple(Outcome)),
            )
            for _ in range(n)
        ]
        self.spans += fresh
        return self.source.spans(fresh)


def expected(spans: list[Span], snapshot: Snapshot, meant: Predicate) -> list[Mark]:
    text = meant.search.text
    pattern = re.compile(text if meant.search.is_regex else re.escape(text), re.IGNORECASE)

    def mark(span: Span) -> Mark:
        if span.kind in (Kind.GRAPH, Kind.SEND):
            return Mark.PLAIN
        where = place(snapshot.resources[span.resource])
        lasting = span.end - span.start
        is_erred = span.status == Status.ERROR
        plain = BarState.ERRED if is_erred and not span.outcome else BarState.FINISHED
        chosen = meant.filter
        is_hidden = (
            (span.kind == Kind.COMPUTE and span.name in chosen.hidden_prefixes)
            or (span.kind == Kind.TRANSFER and span.type in chosen.hidden_prefixes)
            or (chosen.workers and where.name not in chosen.workers)
            or span.kind in chosen.hidden_kinds
            or STATE_OF.get(span.outcome, plain) in chosen.hidden_states
            or lasting < chosen.least_ns
            or (chosen.most_ns and lasting > chosen.most_ns)
        )
        if is_hidden:
            return Mark.HIDDEN
        texts = (span.key, span.name, span.error, where.name, where.address, where.host)
        is_lit = bool(text) and any(pattern.search(one) for one in texts)
        for part in meant.bins:
            start, end = part.within_ns or (0, 1 << 62)
            is_lit |= (
                span.kind == Kind.COMPUTE
                and part.prefix in ("", span.name)
                and part.from_ns <= lasting < part.to_ns
                and span.outcome != Outcome.LOST_WAITING
                and (start < T0 + span.end or start <= T0 + span.start)
                and T0 + span.start < end
            )
        return Mark.LIT if is_lit else Mark.PLAIN

    return [mark(span) for span in spans]


def searched(matches: Matches, snapshot: Snapshot, meant: Predicate) -> Marks:
    """All that can be known, a slice a tick."""
    for _ in range(10_000):
        marks = matches.advance(snapshot, meant, None, lambda: False)
        if marks.is_complete:
            return marks
    raise AssertionError("it does not end")


def marks_of(marks: Marks, snapshot: Snapshot) -> list[int]:
    return [mark for chunk in snapshot.chunks for mark in marks.rows(chunk.number).tolist()]


@pytest.mark.parametrize(
    "meant",
    [
        Predicate(Search("sum")),
        Predicate(Search("SUM-1")),
        Predicate(Search("é")),
        Predicate(Search("w1")),
        Predicate(Search("10.0.4.11:40102")),
        Predicate(Search("^$", is_regex=True)),
        Predicate(Search("line$|error: '", is_regex=True)),
        Predicate(Search("zzz")),
        Predicate(filter=Filter(hidden_prefixes=frozenset({"sum", "none"}))),
        Predicate(filter=Filter(workers=frozenset({"w1", "w2"}))),
        Predicate(filter=Filter(hidden_kinds=frozenset({Kind.TRANSFER, Kind.OTHER}))),
        Predicate(filter=Filter(hidden_states=frozenset({BarState.ERRED, BarState.LOST}))),
        Predicate(filter=Filter(least_ns=1, most_ns=MS)),
        Predicate(bins=(Bin("", 0, MS),)),
        Predicate(bins=(Bin("inc", 0, MS), Bin("sum", MS, SECOND), Bin("none", 0, SECOND))),
        Predicate(bins=(Bin("inc", 0, 2 * SECOND, (T0 + 20 * SECOND, T0 + 30 * SECOND)),)),
        Predicate(Search("sum"), (Bin("dec", 0, MS),), Filter(frozenset({"inc"}), least_ns=1)),
    ],
)
def test_marks_are_those_of_a_look_at_each_span(meant: Predicate) -> None:
    cluster = Cluster(3)
    batch = cluster.more(3_000)
    store = Store()
    store.apply(cluster.source.definitions())
    store.apply(batch)

    marks = searched(Matches(), store.snapshot(), meant)

    wanted = expected(cluster.spans, store.snapshot(), meant)
    assert marks_of(marks, store.snapshot()) == wanted
    assert (marks.n_lit, marks.n_hidden) == (wanted.count(Mark.LIT), wanted.count(Mark.HIDDEN))


def test_a_bin_of_some_lanes_leaves_out_the_others() -> None:
    cluster = Cluster(3)
    batch = cluster.more(500)
    store = Store()
    store.apply(cluster.source.definitions())
    store.apply(batch)
    snapshot = store.snapshot()

    every = searched(Matches(), snapshot, Predicate(bins=(Bin("", 0, SECOND),)))
    some = searched(
        Matches(), snapshot, Predicate(bins=(Bin("", 0, SECOND, None, frozenset({1, 3})),))
    )

    (chunk,) = snapshot.chunks
    in_them = np.isin(chunk.columns["lane"], [1, 3])
    assert 0 < some.n_lit < every.n_lit
    assert ((every.rows(0) == Mark.LIT) & in_them).tolist() == (some.rows(0) == Mark.LIT).tolist()


def test_what_arrives_while_searching_is_searched() -> None:
    cluster, store, matches = Cluster(5), Store(), Matches()
    meant = Predicate(Search("sum"), filter=Filter(workers=frozenset({"w0", "w2"})))
    for _ in range(12):
        batch = cluster.more(700)
        store.apply(cluster.source.definitions())
        store.apply(batch)
        before = matches.advance(store.snapshot(), meant, None, lambda: False)
        seen = marks_of(before, store.snapshot())
    marks = searched(matches, store.snapshot(), meant)

    wanted = expected(cluster.spans, store.snapshot(), meant)
    assert marks_of(marks, store.snapshot()) == wanted
    # What was handed out before is still true.
    assert marks_of(before, store.snapshot()) == seen == wanted[: len(seen)]


def test_a_prefix_and_a_worker_that_come_later_are_known() -> None:
    source, store, matches = Source(), Store(), Matches()
    meant = Predicate(Search("late"), filter=Filter(frozenset({"hidden"})))
    for name in ("first", "late", "hidden"):
        batch = source.spans([Span(0, SECOND, name, source.worker(f"{name}-w"))])
        store.apply(source.definitions())
        store.apply(batch)
        marks = searched(matches, store.snapshot(), meant)

    assert marks_of(marks, store.snapshot()) == [Mark.PLAIN, Mark.LIT, Mark.HIDDEN]


def full_store(n_batches: int = 40, cap_bytes: int = 1 << 30) -> tuple[Store, Load]:
    """Chunks of which two are sealed."""
    load, store = Load(n_workers=3, n_threads=2), Store(cap_bytes)
    store.apply(load.source.definitions())
    for _ in range(n_batches):
        store.apply(load.batch(4_096))
    return store, load


def test_each_call_looks_at_one_slice_while_there_is_no_time() -> None:
    snapshot = full_store()[0].snapshot()
    matches, meant = Matches(), Predicate(Search("x-0"))
    calls = count()
    known = [
        matches.advance(snapshot, meant, None, lambda: next(calls) % 3 > 0).n_known
        for _ in range(5)
    ]

    steps = np.diff([0, *known])
    assert (steps > 0).all()
    assert steps.max() < 30_000


def test_chunks_in_view_come_first() -> None:
    snapshot = full_store()[0].snapshot()
    view = Viewport(snapshot.chunks[0].t_min, 1_000.0, 700)

    marks = Matches().advance(snapshot, Predicate(Search("x")), view, lambda: False)

    assert list(marks.known) == [0]


def test_evicted_chunks_are_forgotten_and_no_longer_counted() -> None:
    matches, meant = Matches(), Predicate(Search("x-0"))
    store, load = full_store(20, cap_bytes=9_000_000)
    before = searched(matches, store.snapshot(), meant)
    for _ in range(60):
        store.apply(load.batch(4_096))
    snapshot = store.snapshot()
    assert snapshot.n_evicted

    marks = searched(matches, snapshot, meant)

    assert set(marks.known) == {chunk.number for chunk in snapshot.chunks}
    assert marks.n_lit == snapshot.n_spans
    assert before.n_lit == 20 * 4_096


def test_what_is_complete_stays_the_same_value() -> None:
    snapshot, matches = full_store(3)[0].snapshot(), Matches()
    meant = Predicate(Search("x-0"))

    marks = searched(matches, snapshot, meant)

    assert matches.advance(snapshot, meant, None, lambda: True) is marks
    other = matches.advance(snapshot, replace(meant, search=Search("")), None, lambda: True)
    assert (other.n_lit, other.is_lighting, other.is_complete) == (0, False, True)


def test_running_attempts_have_marks() -> None:
    source, store = Source(), Store()
    one, two = source.worker("w0"), source.worker("w1")
    batches = [
        source.running(one, SECOND, [("inc", 0, 7, 11), ("sum", 0, 8, 12)]),
        source.running(two, SECOND, [("inc", 0, 9, 21)]),
    ]
    store.apply(source.definitions())
    for batch in batches:
        store.apply(batch)
    meant = Predicate(Search("inc-"), filter=Filter(workers=frozenset({"w0"})))

    marks = searched(Matches(), store.snapshot(), meant)

    assert marks.running[one].tolist() == [Mark.LIT, Mark.PLAIN]
    assert marks.running[two].tolist() == [Mark.HIDDEN]
    assert marks.n_lit == 0
    hidden = replace(meant, filter=Filter(hidden_states=frozenset({BarState.RUNNING})))
    marks = searched(Matches(), store.snapshot(), hidden)
    assert marks.running[one].tolist() == [Mark.HIDDEN, Mark.HIDDEN]


def test_what_a_silent_worker_ran_is_found_among_what_is_lost() -> None:
    source, store, matches = Source(), Store(), Matches()
    worker = source.worker("w0")
    running = source.running(worker, SECOND, [("inc", 0, 7, 11)])
    store.apply(source.definitions())
    store.apply(running)

    def marks(hidden: BarState) -> list[int]:
        meant = Predicate(filter=Filter(hidden_states=frozenset({hidden})))
        found: list[int] = searched(matches, store.snapshot(), meant).running[worker].tolist()
        return found

    assert marks(BarState.LOST) == [Mark.PLAIN]
    store.judge(T0 + 2 * SECOND)
    assert marks(BarState.LOST) == [Mark.HIDDEN]
    assert marks(BarState.RUNNING) == [Mark.PLAIN]
    store.judge(T0)
    assert marks(BarState.RUNNING) == [Mark.HIDDEN]


def test_an_expression_that_takes_too_long_is_given_up_and_the_filter_holds() -> None:
    source, store = Source(), Store()
    worker = source.worker("w0")
    batch = source.spans([Span(0, 1, "inc", worker, key="a" * 60 + "!"), Span(0, 1, "dec", worker)])
    store.apply(source.definitions())
    store.apply(batch)
    meant = Predicate(Search("(a+)+$", is_regex=True), filter=Filter(frozenset({"dec"})))

    marks = searched(Matches(), store.snapshot(), meant)

    assert marks.problem == TOO_SLOW
    assert not marks.is_lighting
    assert marks_of(marks, store.snapshot()) == [Mark.PLAIN, Mark.HIDDEN]


def test_an_invalid_expression_lights_nothing_and_dims_nothing() -> None:
    snapshot = full_store(1)[0].snapshot()

    marks = searched(Matches(), snapshot, Predicate(Search("(", is_regex=True)))

    assert marks.problem
    assert (marks.n_lit, marks.is_lighting) == (0, False)


def test_marks_of_single_spans() -> None:
    snapshot = full_store()[0].snapshot()
    meant = Predicate(bins=(Bin("", 0, 5 * MS),))
    marks = searched(Matches(), snapshot, meant)
    chunk = np.array([2, 0, 1, 9, 0], np.int32)
    index = np.array([5, 70_000, 3, 0, 60_000], np.int32)

    found = marks.of(chunk, index)

    wanted = [marks.rows(2)[5], 0, marks.rows(1)[3], 0, marks.rows(0)[60_000]]
    assert found.tolist() == wanted
