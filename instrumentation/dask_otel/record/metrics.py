"""Pure: metric points to OTLP in protobuf's wire format.

OpenTelemetry's SDK keeps an aggregation for each set of attributes that it has ever seen and looks
at all of them to send one: with 1,000 prefixes in 8 states that is milliseconds for every export,
ten times a second. What Dask counts needs no aggregation.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from dask_otel import conventions as names
from dask_otel import wire
from dask_otel.record.encoder import request

if TYPE_CHECKING:
    from collections.abc import Mapping

    Attributes = tuple[tuple[str, str], ...]

_DOUBLE: Final = struct.Struct("<d").pack
_SFIXED64: Final = struct.Struct("<q").pack
_GAUGE: Final = 0x2A
_SUM: Final = 0x3A
#: What a `Sum` says of itself: `aggregation_temporality = CUMULATIVE`, and `is_monotonic`.
_SUMS: Final = {"counter": b"\x10\x02\x18\x01", "updowncounter": b"\x10\x02"}


class MetricEncoder:
    """Writes what one scheduler or worker has measured.

    Parameters
    ----------
    resource
        Message `Resource` in wire format.
    version
        Of the instrumentation.
    start_ns
        When counting began.
    """

    def __init__(self, resource: bytes, version: str, start_ns: int) -> None:
        self._resource = resource
        self._version = version
        self._start = b"\x11" + wire.fixed64(start_ns)
        self._attributes = wire.Remembered(_attributes)
        self._heads = wire.Remembered(_head)

    def encode(self, points: Mapping[tuple[names.Metric, Attributes], float], now_ns: int) -> bytes:
        """`ExportMetricsServiceRequest` with `points`, all of the time `now_ns`."""
        now = b"\x19" + wire.fixed64(now_ns)
        since_start = self._start + now
        by_metric: dict[names.Metric, list[bytes]] = {}
        for (metric, attributes), value in points.items():
            payload = self._attributes[attributes] if attributes else b""
            payload += now if metric.kind == "gauge" else since_start
            payload += _number(value)
            by_metric.setdefault(metric, []).append(wire.field(0x0A, payload))
        metrics = [
            wire.field(0x12, self._heads[metric] + _data(metric, b"".join(found)))
            for metric, found in by_metric.items()
        ]
        return request(self._resource, self._version, metrics)


def _attributes(attributes: Attributes) -> bytes:
    return b"".join([wire.field(0x3A, wire.key_value(*item)) for item in attributes])


def _head(metric: names.Metric) -> bytes:
    """Name, description and unit."""
    return (
        wire.field(0x0A, wire.text(metric.name))
        + wire.field(0x12, wire.text(metric.description))
        + wire.field(0x1A, wire.text(metric.unit))
    )


def _data(metric: names.Metric, points: bytes) -> bytes:
    if metric.kind == "gauge":
        return wire.field(_GAUGE, points)
    return wire.field(_SUM, points + _SUMS[metric.kind])


def _number(value: float) -> bytes:
    if isinstance(value, int):
        return b"\x31" + _SFIXED64(value)
    return b"\x21" + _DOUBLE(value)
