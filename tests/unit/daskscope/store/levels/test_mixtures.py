"""Whatever runs on a worker and beside it, and however late it comes: no two spans overlap."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING

import numpy as np
import pytest

from daskscope.store.placing import slack_ns
from daskscope.store.schema import Kind
from daskscope.store.writer import Store
from tests.builders import MS, SECOND, Source, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from daskscope.store.snapshot import Snapshot

POOL, LOOP = 11, 99


class Mixture:
    """A thread of tasks, coroutines, a process pool, spans within tasks and a service's requests.

    Attributes
    ----------
    spans
        In the order in which they come.
    """

    def __init__(self, seed: int) -> None:
        self.rng = rng = random.Random(seed)
        self.source = Source()
        self.worker = self.source.worker("w0", loop_thread=LOOP)
        self._shop = self.source.resource({"service.name": "shop"})
        self._run_ids = itertools.count()
        inner = [
            span
            for start in range(0, 15 * SECOND, 3 * SECOND)
            for span in self._nested(start, start + 2 * SECOND, 2, self._load)
        ]
        self.spans = [
            *self._attempts(POOL, 1, rng.randrange(50, 200), 400 * MS),
            *self._attempts(LOOP, rng.randrange(1, 90), rng.randrange(50, 600), 3 * SECOND),
            *self._attempts(0, rng.randrange(1, 30), rng.randrange(10, 100), 2 * SECOND),
            *self._requests(5),
            *self._requests(0),
            *inner,
        ]
        late = rng.choice((0, 100 * MS, 3 * SECOND, 30 * SECOND))
        self.spans.sort(key=lambda span: span.end + rng.randrange(late + 1))

    def batches(self) -> Iterator[list[Span]]:
        most = self.rng.choice((1, 7, 60, 1_000))
        first = 0
        while first < len(self.spans):
            n = self.rng.randrange(1, most + 1)
            yield self.spans[first : first + n]
            first += n

    def running(self, now: int) -> list[tuple[str, int, int, int]]:
        """What the worker says that it runs: not what has just begun."""
        return [
            ("inc", span.start, span.run_id, span.thread)
            for span in self.spans
            if span.resource == self.worker and span.kind is Kind.COMPUTE
            if span.start < now - 20 * MS and span.end > now
        ]

    def _attempts(self, thread: int, n_at_once: int, n: int, most: int) -> Iterator[Span]:
        free = [0] * n_at_once
        for _ in range(n):
            at = self.rng.randrange(n_at_once)
            start = free[at] + self.rng.randrange(20 * MS)
            free[at] = start + self.rng.randrange(1, self.rng.choice((20 * MS, most)))
            run_id = next(self._run_ids)
            yield Span(start, free[at], "inc", self.worker, thread, run_id=run_id)

    def _requests(self, thread: int) -> Iterator[Span]:
        def request(start: int, end: int) -> Span:
            return Span(start, end, "GET", self._shop, thread, Kind.OTHER)

        start = 0
        for _ in range(self.rng.randrange(1, 6)):
            end = start + self.rng.randrange(1, 20 * SECOND)
            yield from self._nested(start, end, self.rng.randrange(4), request)
            start = end

    def _load(self, start: int, end: int) -> Span:
        return Span(start, end, "load", self.worker, POOL, Kind.OTHER)

    def _nested(
        self, start: int, end: int, depth: int, span: Callable[[int, int], Span]
    ) -> Iterator[Span]:
        """A span, and others within it that follow each other."""
        yield span(start, end)
        most = end - start
        while depth:
            first = start + self.rng.randrange(max(most // 4, 2))
            start = first + self.rng.randrange(1, max(most // 2, 2))
            if start >= end:
                return
            yield from self._nested(first, start, depth - 1, span)


def overlapping(snapshot: Snapshot) -> list[tuple[int, int, int]]:
    """Lane and starts of every two spans of a lane that have more than the slack in common."""
    columns = [chunk.columns for chunk in snapshot.chunks]
    lane, start_ns, end_ns = (
        np.concatenate([one[name] for one in columns]).astype(np.int64)
        for name in ("lane", "start_ns", "end_ns")
    )
    found = []
    for number in np.unique(lane).tolist():
        if snapshot.lanes[number].is_crowd:
            continue
        rows = np.flatnonzero(lane == number)
        start, end = start_ns[rows], end_ns[rows]
        both = np.minimum(end, end[:, None]) - np.maximum(start, start[:, None])
        lasting = end - start
        is_over = both > slack_ns(lasting[None, :], lasting[:, None])
        found += [
            (number, int(start[i]), int(start[j])) for i, j in np.argwhere(np.triu(is_over, 1))
        ]
    return found


@pytest.mark.parametrize("seed", range(24))
def test_no_two_spans_of_a_lane_overlap(seed: int) -> None:
    mixture, store = Mixture(seed), Store()
    source, batches = mixture.source, list(mixture.batches())
    made = [source.spans(batch) for batch in batches]
    says_what_runs = seed % 3 > 0
    words = [
        (now, source.running(mixture.worker, now, mixture.running(now)))
        for now in range(0, max(span.end for span in mixture.spans), SECOND // 2)
        if says_what_runs
    ]
    store.apply(source.definitions())
    for batch, message in zip(batches, made, strict=True):
        store.apply(message)
        until = max(span.end for span in batch)
        while words and words[0][0] <= until:
            store.apply(words.pop(0)[1])
        if mixture.rng.random() < 0.5:
            store.snapshot()
    assert not overlapping(store.snapshot())
