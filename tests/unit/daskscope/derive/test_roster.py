"""Who is where, found again only where something has changed."""

from __future__ import annotations

import random
import time
from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dask_otel import conventions
from daskscope.derive.roster import MOST_THREADS, RosterKeeper
from daskscope.store.schema import Kind, Outcome
from daskscope.store.writer import Store
from tests.builders import SECOND, Load, Source, Span

if TYPE_CHECKING:
    from daskscope.derive.members import Roster


class Drama:
    """A cluster of a few names whose workers come, go, come back, and report late."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.source, self.store = Source(), Store()
        self.source.text("inc")
        self.resources: list[int] = []
        self.time = 100 * SECOND

    def step(self) -> None:
        choices = [self.appear, self.span, self.span, self.late_span, self.leave, self.tell]
        self.rng.choice(choices)()
        self.time += SECOND // 3

    def appear(self) -> None:
        name, host = f"w{self.rng.randrange(4)}", f"node-{self.rng.randrange(2)}"
        port = self.rng.randrange(40_000, 40_012)
        self.resources.append(self.source.worker(name, host, port, self.rng.randrange(3)))
        self.store.apply(self.source.definitions())

    def span(self, before: int = 0) -> None:
        if not self.resources:
            return
        start = self.time - before - self.rng.randrange(SECOND)
        kind, thread = self.rng.choice([(Kind.COMPUTE, 1), (Kind.COMPUTE, 0), (Kind.TRANSFER, 3)])
        outcome = Outcome.LOST_WAITING if self.rng.random() < 0.1 else Outcome.NONE
        thread *= self.rng.randrange(1, 4)
        spans = [
            Span(start, start + SECOND, "inc", self.rng.choice(self.resources), thread, kind)
            if outcome is Outcome.NONE
            else Span(start, self.time, "inc", self.resources[-1], 0, outcome=outcome)
        ]
        self.store.apply(self.source.spans(spans))

    def late_span(self) -> None:
        self.span(before=self.rng.randrange(30) * SECOND)

    def leave(self) -> None:
        if self.resources:
            attributes = self.source.resources[self.rng.choice(self.resources)]
            address = attributes[conventions.WORKER_ADDRESS]
            names = (conventions.EVENT_WORKER_REMOVED, conventions.EVENT_WORKER_ADDED)
            event = self.source.event(
                self.rng.choice(names), self.time, dask_worker_address=address
            )
            self.store.apply(self.source.definitions())
            self.store.apply(event)

    def tell(self) -> None:
        """Another process names a worker by its address alone."""
        address = f"tcp://10.0.4.11:{self.rng.randrange(40_000, 40_012)}"
        service = {conventions.SERVICE_NAME: conventions.SERVICE_WORKER}
        told = self.source.resource({**service, conventions.WORKER_ADDRESS: address})
        self.resources.append(told)
        self.store.apply(self.source.definitions())


def values(roster: Roster) -> dict[str, object]:
    found = {}
    for entry in fields(roster):
        value = getattr(roster, entry.name)
        found[entry.name] = value.tolist() if isinstance(value, np.ndarray) else value
    return found


@pytest.mark.parametrize("seed", range(30))
def test_what_is_kept_changes_nothing(seed: int) -> None:
    drama, keeper = Drama(seed), RosterKeeper()
    for _ in range(60):
        drama.step()
        snapshot = drama.store.snapshot()
        assert values(keeper.of(snapshot)) == values(RosterKeeper().of(snapshot))


@pytest.mark.parametrize("seed", range(10))
def test_who_is_patient_has_the_same_once_all_are_learned(seed: int) -> None:
    drama, keeper = Drama(seed), RosterKeeper(is_patient=True)
    for _ in range(60):
        drama.step()
        snapshot = drama.store.snapshot()
        is_known = keeper.learn(snapshot, 1)
        known = values(keeper.of(snapshot))
        assert not is_known or known == values(RosterKeeper().of(snapshot))
    while not keeper.learn(snapshot, 1):
        assert keeper.of(snapshot) is keeper.of(snapshot)
    assert values(keeper.of(snapshot)) == values(RosterKeeper().of(snapshot))


def test_the_same_roster_while_nothing_of_it_changes() -> None:
    load, store, keeper = Load(n_workers=8), Store(), RosterKeeper()
    store.apply(load.source.definitions())
    store.apply(load.batch(1_000))
    roster = keeper.of(store.snapshot())
    store.apply(load.batch(1_000))

    assert keeper.of(store.snapshot()) is roster


def test_the_same_keys_while_nobody_comes_or_goes() -> None:
    source, store, keeper = Source(), Store(), RosterKeeper()

    def keys(*spans: Span) -> tuple[str, ...]:
        batch = source.spans(spans)
        store.apply(source.definitions())
        store.apply(batch)
        roster = keeper.of(store.snapshot())
        assert roster.keys == tuple(member.key for member in roster.members)
        return roster.keys

    source.worker("w1")
    before = keys(Span(0, SECOND))
    assert keys(Span(0, SECOND, thread=12)) is before
    source.worker("w0", port=40_102)
    both = keys()
    assert len(both) == 2
    assert keys(Span(0, SECOND, resource=1, thread=21)) is both


def test_a_worker_that_says_any_number_of_threads_has_no_row_for_each() -> None:
    source, store = Source(), Store()
    source.worker("w", nthreads=10 * MOST_THREADS)
    store.apply(source.definitions())

    assert RosterKeeper().of(store.snapshot()).n_lanes.tolist() == [MOST_THREADS]


def test_a_new_lane_among_ten_thousand_costs_a_small_part_of_them_all() -> None:
    load, store, keeper = Load(n_workers=2_500), Store(), RosterKeeper()
    store.apply(load.source.definitions())
    store.apply(load.batch(10_000))
    snapshot = store.snapshot()

    def cost_s(made: RosterKeeper) -> float:
        started = time.thread_time()
        made.of(store.snapshot())
        return time.thread_time() - started

    keeper.of(snapshot)
    costs = []
    for number in range(7):
        span = Span(0, 1, "prefix-0", number, 500_000 + number)
        store.apply(load.source.spans([span]))
        costs.append(cost_s(keeper))

    assert keeper.of(store.snapshot()).member_of_lane[-1] >= 0
    assert min(costs) < cost_s(RosterKeeper()) / 5


def test_threads_are_those_of_workers_that_are_there() -> None:
    source, store = Source(), Store()
    source.worker("w0", nthreads=3)
    source.worker("w1", port=40_102, nthreads=5)
    client = source.resource({"service.name": "dask-client"})
    spans = source.spans([Span(0, 9, "gather", client, 0, Kind.CLIENT)] * 2)
    removed = source.event(
        conventions.EVENT_WORKER_REMOVED, 5, dask_worker_address="tcp://10.0.4.11:40102"
    )
    store.apply(source.definitions())
    store.apply(spans)
    store.apply(removed)

    assert RosterKeeper().of(store.snapshot()).n_threads == 3
