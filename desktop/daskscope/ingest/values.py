"""Attribute values of OTLP as Python values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

    from daskscope.store.schema import Attributes, AttributeValue


def value_of(value: AnyValue) -> AttributeValue:
    """The Python value; bytes become hex, an empty value becomes None."""
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return value.string_value
    if kind == "int_value":
        return value.int_value
    if kind == "double_value":
        return value.double_value
    if kind == "bool_value":
        return value.bool_value
    if kind == "array_value":
        return [value_of(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return dict(attributes_of(value.kvlist_value.values))
    return value.bytes_value.hex() if kind == "bytes_value" else None


def attributes_of(pairs: Iterable[KeyValue]) -> Attributes:
    """A mapping of attributes; of a key that stands twice, the last value counts."""
    return {pair.key: value_of(pair.value) for pair in pairs}


def text_of(value: AttributeValue) -> str:
    """A value as readable text: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def number_of(value: AttributeValue) -> float:
    """A value as a number, NaN where it is none."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return math.nan


def integer_of(value: AttributeValue, default: int) -> int:
    """A value as a 64-bit integer, `default` where it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else default
