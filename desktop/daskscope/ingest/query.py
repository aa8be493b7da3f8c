"""Queries about spans on the link, as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

import orjson

from daskscope.store.inquiry import Asked, Query

#: Of one query, on the wire.
MAX_QUERY_BYTES: Final = 1_024
_LIMITS: Final = {"number": 2**31, "span_id": 2**64, "request": 2**32, "least": 2**32}


class QueryError(ValueError):
    """The bytes are no query."""


def encode_query(query: Query) -> bytes:
    """A query as JSON."""
    return orjson.dumps({**asdict(query), "asked": query.asked.value})


def decode_query(body: bytes) -> Query:
    """The query that `encode_query` made.

    Raises
    ------
    QueryError
        It is none.
    """
    try:
        fields: dict[str, Any] = orjson.loads(body)
        query = Query(**{**fields, "asked": Asked(fields["asked"])})
    except (ValueError, TypeError, KeyError) as error:
        raise QueryError(f"not a query: {error}") from error
    for name, limit in _LIMITS.items():
        value = getattr(query, name)
        if type(value) is not int or not 0 <= value < limit:
            raise QueryError(f"not a query: {name} {value!r}")
    return query
