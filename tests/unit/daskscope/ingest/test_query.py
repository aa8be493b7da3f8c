from __future__ import annotations

import random

import pytest

from daskscope.ingest.query import MAX_QUERY_BYTES, QueryError, decode_query, encode_query
from daskscope.store.inquiry import Asked, Query


def test_a_query_survives() -> None:
    query = Query(3, Asked.DEPENDENTS, 2**64 - 1, 2**32 - 1, 9)
    assert decode_query(encode_query(query)) == query
    assert len(encode_query(query)) <= MAX_QUERY_BYTES


@pytest.mark.parametrize("seed", range(200))
def test_chance_is_no_query(seed: int) -> None:
    chance = random.Random(seed)
    body = bytearray(encode_query(Query(3, Asked.SPAN, 7, 8, 9)))
    body[chance.randrange(len(body))] = chance.randrange(256)
    try:
        query = decode_query(bytes(body))
    except QueryError:
        return
    assert 0 <= query.span_id < 2**64
    assert encode_query(query)
