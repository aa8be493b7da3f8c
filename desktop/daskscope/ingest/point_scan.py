"""Gauges and sums of numbers, read where they lie.

A process sends the same series again and again, so the bytes of a metric's name and of a point's
attributes, once they are known, name the series; only time and value have to be read. What is laid
out otherwise, or counts otherwise, is left to protobuf's objects, which take six times as long.

Facts from metrics.proto (opentelemetry-proto v1): tags below are field numbers << 3 | wire type.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from daskscope.ingest.wire import varint_at

_NAME: Final = 0x0A
_DESCRIPTION: Final = 0x12
_UNIT: Final = 0x1A
_GAUGE: Final = 0x2A
_SUM: Final = 0x3A
_POINTS: Final = 0x0A
_TEMPORALITY: Final = 0x10
_IS_MONOTONIC: Final = 0x18
_CUMULATIVE: Final = 2
_START: Final = 0x11
_TIME: Final = 0x19
_DOUBLE: Final = 0x21
_EXEMPLAR: Final = 0x2A
_INTEGER: Final = 0x31
_ATTRIBUTE: Final = 0x3A
_TIME_AT = struct.Struct("<Q").unpack_from
_DOUBLE_AT = struct.Struct("<d").unpack_from
_INTEGER_AT = struct.Struct("<q").unpack_from


class Numbers(NamedTuple):
    """Points of one metric.

    Attributes
    ----------
    head
        What names the metric: its bytes in front of its points, and whether it is a running total.
    points
        Attributes as they lie, time, value.
    """

    head: tuple[bytes, bool]
    points: list[tuple[bytes, int, float]]


def numbers_at(data: bytes, begin: int, end: int) -> Numbers | None:
    """The points of the metric that lies there; None where it is not as simple as that."""
    at = begin
    while at < end:
        tag = data[at]
        if tag not in (_NAME, _DESCRIPTION, _UNIT, _GAUGE, _SUM):
            return None
        length, inner = varint_at(data, at + 1)
        if tag in (_NAME, _DESCRIPTION, _UNIT):
            at = inner + length
            continue
        if inner + length != end:
            return None
        points, is_total = [], False
        if tag == _SUM:
            inner_end = _sum_end(data, inner, end)
            if inner_end is None:
                return None
            is_total, end = inner_end
        while inner < end:
            if data[inner] != _POINTS:
                return None
            length, first = varint_at(data, inner + 1)
            point = _point(data, first, first + length)
            if point is None:
                return None
            points.append(point)
            inner = first + length
        return Numbers((data[begin : at + 1], is_total), points)
    return None


def _sum_end(data: bytes, at: int, end: int) -> tuple[bool, int] | None:
    """Whether a cumulative sum only grows, and where its points end; None for other sums."""
    while at < end and data[at] == _POINTS:
        length, first = varint_at(data, at + 1)
        at = first + length
    points_end, temporality, is_monotonic = at, 0, 0
    while at < end:
        tag = data[at]
        if tag not in (_TEMPORALITY, _IS_MONOTONIC):
            return None
        value, at = varint_at(data, at + 1)
        if tag == _TEMPORALITY:
            temporality = value
        else:
            is_monotonic = value
    return (bool(is_monotonic), points_end) if temporality == _CUMULATIVE else None


def _point(data: bytes, at: int, end: int) -> tuple[bytes, int, float] | None:
    """Attributes, time and value; None where one of them is missing, or lies in pieces."""
    time_ns, value = 0, None
    first = last = 0
    while at < end:
        tag = data[at]
        if tag == _ATTRIBUTE:
            if first and last != at:
                return None
            first = first or at
            length, inner = varint_at(data, at + 1)
            at = last = inner + length
        elif tag == _TIME:
            time_ns = _TIME_AT(data, at + 1)[0]
            at += 9
        elif tag == _DOUBLE:
            value = _DOUBLE_AT(data, at + 1)[0]
            at += 9
        elif tag == _INTEGER:
            value = float(_INTEGER_AT(data, at + 1)[0])
            at += 9
        elif tag == _START:
            at += 9
        elif tag == _EXEMPLAR:
            length, inner = varint_at(data, at + 1)
            at = inner + length
        else:  # flags: there may be no value
            return None
    return None if value is None else (data[first:last], time_ns, value)
