"""OTLP requests made of encoded items: by sender, as a Collector would batch them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

import numpy as np
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from dask_otel import conventions as names
from daskscope.simulate.layout import constant, field

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from daskscope.simulate.graph import Ints

    Value = str | int | float | Sequence[str] | Sequence[int]

#: A receiver with gRPC's defaults takes 4 MiB.
MAX_BYTES: Final = 2 << 20

SPANS: Final = "traces"
POINTS: Final = "metrics"
RECORDS: Final = "logs"


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes
    ----------
    due
        When it is to be sent, in nanoseconds since the model began.
    signal
        `traces`, `metrics` or `logs`.
    n_items
        Spans, metric points or log records.
    """

    due: int
    signal: str
    body: bytes
    n_items: int


def attribute(name: str, value: Value) -> KeyValue:
    """An attribute as protobuf's object: for what is rare."""
    return KeyValue(key=name, value=any_value(value))


def any_value(value: Value) -> AnyValue:
    """A value as protobuf's object."""
    if isinstance(value, str):
        return AnyValue(string_value=value)
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    return AnyValue(array_value=ArrayValue(values=[any_value(item) for item in value]))


def resource(attributes: Mapping[str, str | int]) -> bytes:
    """Field `resource` of what one process sends."""
    message = Resource(attributes=[attribute(*item) for item in attributes.items()])
    return constant(field(0x0A, message.SerializeToString()))


def _text(tag: int, value: str) -> bytes:
    return constant(field(tag, value.encode()))


_SCOPE: Final = constant(
    field(0x0A, _text(0x0A, names.SCOPE_NAME), _text(0x12, version("daskscope")))
)
_SCHEMA: Final = _text(0x1A, names.SCHEMA_URL)


def of_sender(resource_field: bytes, items: Iterable[bytes]) -> bytes:
    """What one process sends of a signal: an element of a request.

    `items` are spans, metrics or log records, framed as elements of their scope (tag 0x12).
    """
    scope = constant(field(0x12, b"".join((_SCOPE, *items, _SCHEMA))))
    return constant(field(0x0A, b"".join((resource_field, scope, _SCHEMA))))


def by_sender(sender: Ints, items: Sequence[bytes]) -> Iterator[tuple[int, list[bytes]]]:
    """Items of each sender, in their order."""
    order = np.argsort(sender, kind="stable")
    ordered = sender[order]
    cuts = np.flatnonzero(np.diff(ordered)) + 1
    picked = [items[index] for index in order.tolist()]
    starts = [0, *cuts.tolist()] if len(picked) else []
    for start, end in zip(starts, [*starts[1:], len(picked)], strict=True):
        yield int(ordered[start]), picked[start:end]


def batched(
    due: int, signal: str, elements: Iterable[tuple[bytes, int]], max_bytes: int = MAX_BYTES
) -> Iterator[Request]:
    """Requests of elements, each with the number of its items."""
    bodies: list[bytes] = []
    n_bytes = n_items = 0
    for body, n in elements:
        if bodies and n_bytes + len(body) > max_bytes:
            yield Request(due, signal, b"".join(bodies), n_items)
            bodies, n_bytes, n_items = [], 0, 0
        bodies.append(body)
        n_bytes += len(body)
        n_items += n
    if bodies:
        yield Request(due, signal, b"".join(bodies), n_items)
