from __future__ import annotations

import random
from collections import deque

import pytest

from dask_otel.outputs import spool as spools
from dask_otel.outputs.spool import Spool

SPAN = b"an attempt says the same as others" * 20
#: More than are kept as they are.
N_MANY = spools.MAX_BATCH_SPANS + 10 * spools.N_TOGETHER


def filled(n_spans: int, **bounds: int) -> Spool:
    spool = Spool(**{"n_max": n_spans, **bounds})
    for number in range(n_spans):
        spool.append(b"%d %s" % (number, SPAN))
    return spool


def emptied(spool: Spool) -> list[int]:
    """The numbers of all its spans, in the order in which they are sent."""
    found: list[int] = []
    while batch := spool.oldest():
        found += (int(span.split()[0]) for span in batch)
        spool.remove(len(batch))
    return found


def test_it_drops_the_oldest_by_number_and_by_size() -> None:
    spool = Spool(3, max_bytes=10)
    for span in (b"a", b"b", b"c", b"d"):
        spool.append(span)
    assert (spool.oldest(), spool.n_dropped) == ([b"b", b"c", b"d"], 1)
    spool.append(b"e" * 9)
    assert (spool.oldest(), spool.n_dropped) == ([b"d", b"e" * 9], 3)
    spool.remove(1)
    assert (spool.oldest(), len(spool)) == ([b"e" * 9], 1)


def test_batches_stay_below_what_grpc_servers_take() -> None:
    spool = Spool(100_000)
    for _ in range(5):
        spool.append(b"x" * (spools.MAX_BATCH_BYTES // 2))
    assert len(spool.oldest()) == 2
    spool.remove(5)
    spool.append(b"x" * (2 * spools.MAX_BATCH_BYTES))
    assert len(spool.oldest()) == 1  # one that is too large is for the endpoint to refuse
    spool.remove(1)
    for _ in range(spools.MAX_BATCH_SPANS + 1):
        spool.append(b"x")
    assert len(spool.oldest()) == spools.MAX_BATCH_SPANS


def test_what_is_packed_comes_out_as_it_went_in() -> None:
    spool = filled(N_MANY + 1)
    assert len(spool) == N_MANY + 1
    assert emptied(spool) == list(range(N_MANY + 1))
    assert len(spool) == 0


def test_many_take_little() -> None:
    n_spans = 2 * N_MANY
    n_plain = spools.MAX_BATCH_SPANS + 2 * spools.N_TOGETHER
    max_bytes = n_plain * (len(SPAN) + 8)  # a share of them
    spool = filled(n_spans, max_bytes=max_bytes)
    assert (len(spool), spool.n_dropped) == (n_spans, 0)


def test_what_cannot_be_made_smaller_is_held_within_bounds() -> None:
    chance = random.Random(1)
    spool = Spool(1_000_000, max_bytes=4 << 20)
    for _ in range(spools.MAX_BATCH_SPANS + 2_000):
        spool.append(chance.randbytes(1_000))
    assert 4_000 < len(spool) < 4_200
    assert spool.n_in == spool.n_dropped + len(spool)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_comes_and_goes_it_is_a_queue_that_forgets_its_oldest(seed: int) -> None:
    chance = random.Random(seed)
    n_max = N_MANY
    spool, expected = Spool(n_max), deque[bytes](maxlen=n_max)
    number = 0
    for _ in range(60):
        for _ in range(chance.choice((1, 100, 3_000))):
            span = b"%d" % number
            spool.append(span)
            expected.append(span)
            number += 1
        if chance.random() < 0.5:
            batch = spool.oldest(chance.choice((1, 64, 4_096)))
            assert batch == list(expected)[: len(batch)]
            assert batch
            spool.remove(len(batch))
            for _ in batch:
                expected.popleft()
        assert len(spool) == len(expected)
    assert spool.n_in == number
    assert emptied(spool) == [int(span) for span in expected]
