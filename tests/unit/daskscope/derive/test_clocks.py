"""Clocks that transfers prove wrong."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dask_otel import conventions
from daskscope.derive import clocks as clocks_module
from daskscope.derive.clocks import Clocks, Skew
from daskscope.derive.lanerows import clock_tip
from daskscope.store.schema import Kind, SourceStatus
from daskscope.store.writer import Store
from tests.builders import MS, SECOND, Source, Span, points

if TYPE_CHECKING:
    from daskscope.store.snapshot import Snapshot

N_WORKERS = 4


def address(worker: int) -> str:
    return f"tcp://10.0.4.11:{40_101 + worker}"


def skews(
    ahead_ms: dict[int, float], n: int = 400, seed: int = 1, *, is_push: bool = False,
    same_size: bool = False, lost: float = 0.0, clocks: Clocks | None = None, n_clusters: int = 1,
) -> dict[int, Skew]:  # fmt: skip
    """What transfers among workers prove, some of whose clocks are ahead.

    Workers of each cluster have the addresses of those of the first, and do the same.
    """
    rng = random.Random(seed)
    source, store, clocks = Source(), Store(), clocks or Clocks()
    for number in range(n_clusters * N_WORKERS):
        cluster, worker = divmod(number, N_WORKERS)
        source.worker(f"w{worker}", port=40_101 + worker, namespace=f"Cluster-{cluster}")
    spans: list[Span] = []
    for number in range(n):
        giver, taker = rng.sample(range(N_WORKERS), 2)
        start = number * 20 * MS
        end = start + rng.randrange(2 * MS, 6 * MS)
        inner = start + MS // 2, end - MS // 2 + rng.randrange(MS)
        give, take = ((start, end), inner) if is_push else (inner, (start, end))
        size = 1_000 if same_size else number + 1
        for own, other, (from_ns, to_ns), kind in (
            (giver, taker, give, Kind.SEND),
            (taker, giver, take, Kind.TRANSFER),
        ):
            if rng.random() < lost:
                continue
            for one in range(own, n_clusters * N_WORKERS, N_WORKERS):
                off = round(ahead_ms.get(one, 0) * MS)
                spans.append(
                    Span(from_ns + off, to_ns + off, kind.name, one, 0, kind, nbytes=size,
                         peer=address(other))
                )  # fmt: skip
    spans.sort(key=lambda span: span.end + rng.randrange(500 * MS))
    batches = [source.spans(spans[i : i + 50]) for i in range(0, len(spans), 50)]
    store.apply(source.definitions())
    for batch in batches:
        store.apply(batch)
        clocks.learn(store.snapshot())
    return dict(clocks.skews)


@pytest.mark.parametrize(
    ("ahead_s", "way", "how"),
    [
        (3, "ahead of", "began after they had ended"),
        (-3, "behind", "ended before they had begun"),
    ],
)
def test_which_came_first_is_told_by_which_clock_is_ahead(ahead_s: int, way: str, how: str) -> None:
    tip = clock_tip(Skew(ahead_s * SECOND, 9, (address(0), address(1))))
    assert tip.replace("\u2009", " ") == (
        f"Its clock is about 3.00 s {way} that of 2 other workers:\nby it, 9 transfers {how} there"
    )


@pytest.mark.parametrize("is_push", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_good_clocks_are_not_called_wrong(seed: int, is_push: bool) -> None:
    assert skews({}, seed=seed, is_push=is_push) == {}
    assert skews({2: 0.3}, seed=seed, is_push=is_push) == {}


@pytest.mark.parametrize("is_push", [False, True])
@pytest.mark.parametrize("ahead_ms", [12, -40, 900])
def test_the_one_that_differs_from_all_others_is_named(ahead_ms: float, is_push: bool) -> None:
    found = skews({2: ahead_ms}, is_push=is_push)

    assert list(found) == [2]
    skew = found[2]
    assert skew.ahead_ns == pytest.approx(ahead_ms * MS, abs=2 * MS)
    assert skew.n_batches >= 20
    assert set(skew.others) == {address(worker) for worker in (0, 1, 3)}


def test_a_clock_of_one_cluster_is_not_that_of_another_at_the_same_address() -> None:
    found = skews({2: 30, N_WORKERS + 1: -70}, n_clusters=2)

    assert {one: round(skew.ahead_ns / MS / 10) for one, skew in found.items()} == {
        2: 3,
        N_WORKERS + 1: -7,
    }


def test_batches_of_one_size_that_cannot_be_told_apart_prove_nothing() -> None:
    assert skews({}, same_size=True, lost=0.3) == {}


def test_lost_ends_prove_nothing() -> None:
    assert skews({}, lost=0.4) == {}
    assert list(skews({1: 30}, lost=0.4)) == [1]


def test_two_clocks_are_two() -> None:
    found = skews({0: 50, 3: -70}, n=900)

    assert {one: round(skew.ahead_ns / MS / 10) for one, skew in found.items()} == {
        0: 5,
        3: -7,
    }


def test_of_workers_whose_clocks_are_right_nothing_is_kept() -> None:
    clocks = Clocks()
    skews({}, clocks=clocks)
    assert not clocks._bounds


def proving() -> tuple[Source, Store]:
    """Ten transfers within a second that prove that the clock of the first worker is ahead."""
    source, store = Source(), Store()
    for worker in range(2):
        source.worker(f"w{worker}", port=40_101 + worker)
    ends = ((0, 40, Kind.SEND, 1), (1, 0, Kind.TRANSFER, 0))
    spans = [
        Span(
            at + off * MS, at + (off + 2) * MS, kind.name, own, 0, kind, nbytes=at, peer=address(to)
        )
        for at in range(SECOND, 2 * SECOND, 100 * MS)
        for own, off, kind, to in ends
    ]
    batch = source.spans(spans)
    store.apply(source.definitions())
    store.apply(batch)
    return source, store


@pytest.mark.parametrize(
    "status",
    [
        SourceStatus(is_live=True),
        SourceStatus(is_live=False, progress=1.0),
        SourceStatus(is_live=False, progress=0.3, is_stopped=True),
        SourceStatus(is_live=False, progress=0.3, problem="It is damaged"),
    ],
)
def test_the_last_transfers_of_a_run_count(status: SourceStatus) -> None:
    (source, store), clocks = proving(), Clocks()
    clocks.learn(store.snapshot())
    assert clocks.skews == {}  # other ends may still come
    store.apply(status)
    if status.is_live:  # something else goes on
        later = source.spans([Span(9 * SECOND, 9 * SECOND)])
        store.apply(source.definitions())
        store.apply(later)
    clocks.learn(store.snapshot())
    assert list(clocks.skews) == [0]


def test_time_that_goes_on_without_spans_settles_the_last_ones() -> None:
    (source, store), clocks = proving(), Clocks()
    clocks.learn(store.snapshot())
    series = source.metric(conventions.WORKER_LIMIT, 0)
    store.apply(source.definitions())
    store.apply(points([(series, 9 * SECOND, 1.0)]))
    clocks.learn(store.snapshot())
    assert list(clocks.skews) == [0]


def test_nothing_new_is_the_same() -> None:
    (_, store), clocks = proving(), Clocks()
    store.apply(SourceStatus(is_live=False))
    clocks.learn(store.snapshot())
    found = clocks.skews
    clocks.learn(store.snapshot())

    assert found
    assert clocks.skews is found


def test_of_many_new_spans_some_are_looked_at_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks_module, "MOST_ROWS", 30)
    source, store, clocks = Source(), Store(), Clocks()
    source.worker("w0")
    batch = source.spans([Span(0, SECOND)] * 100)
    store.apply(source.definitions())
    store.apply(batch)

    steps = []
    for _ in range(5):
        has_done = clocks.step(store.snapshot())
        steps.append((sum(clocks._taken.values()), has_done))
    assert steps == [(30, False), (60, False), (90, False), (100, True), (100, True)]


@pytest.mark.parametrize("seed", range(3))
def test_small_steps_find_what_large_ones_do(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    class Hasty(Clocks):
        """Does a step whenever something comes, and the rest when nothing more does."""

        def learn(self, snapshot: Snapshot) -> None:
            is_last = snapshot.n_spans == 2 * n
            super().learn(snapshot) if is_last else self.step(snapshot)

    n = 400
    ahead_ms = {1: 40.0, 2: -90.0}
    at_once = skews(ahead_ms, n, seed)
    for name, most in {"MOST_ROWS": 30, "MOST_JUDGED": 1, "MOST_FOUND": 1}.items():
        monkeypatch.setattr(clocks_module, name, most)
    # Whatever else is looked at with what has settled.
    monkeypatch.setattr(clocks_module, "_PLACE_SHIFT", np.uint64(63))
    clocks = Hasty()

    assert list(at_once) == [1, 2]
    assert skews(ahead_ms, n, seed, clocks=clocks) == at_once
    assert not clocks._touched
