"""Points read where they lie, against protobuf's own reading."""

from __future__ import annotations

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Exemplar, Metric, NumberDataPoint

from daskscope.ingest.point_scan import numbers_at

KIND = KeyValue(key="k", value=AnyValue(string_value="v" * 200))
OTHER = KeyValue(key="other")


def scan(metric: bytes) -> list[tuple[bytes, int, float]] | None:
    found = numbers_at(b"##" + metric + b"##", 2, 2 + len(metric))
    return None if found is None else found.points


def metric_of(*points: bytes) -> bytes:
    """A gauge of points as they lie."""
    head = Metric(name="m", unit="By", description="d" * 300).SerializeToString()
    data = b"".join(b"\x0a" + varint(len(point)) + point for point in points)
    whole = head + b"\x2a" + varint(len(data)) + data
    assert len(Metric.FromString(whole).gauge.data_points) == len(points)
    return whole


def varint(value: int) -> bytes:
    return bytes([value]) if value < 0x80 else bytes([value & 0x7F | 0x80, value >> 7])


ATTRIBUTES = NumberDataPoint(attributes=[KIND, OTHER]).SerializeToString()
VALUE = NumberDataPoint(start_time_unix_nano=3, time_unix_nano=2**64 - 1, as_int=-3)


@pytest.mark.parametrize("is_first", [True, False])
def test_attributes_stand_in_front_or_behind(is_first: bool) -> None:
    plain = VALUE.SerializeToString()
    point = ATTRIBUTES + plain if is_first else plain + ATTRIBUTES
    assert scan(metric_of(point, plain)) == [(ATTRIBUTES, 2**64 - 1, -3.0), (b"", 2**64 - 1, -3.0)]


def test_exemplars_are_passed_over() -> None:
    point = NumberDataPoint(time_unix_nano=7, as_double=0.5, exemplars=[Exemplar(as_int=9)])
    assert scan(metric_of(point.SerializeToString())) == [(b"", 7, 0.5)]


@pytest.mark.parametrize(
    "point",
    [
        ATTRIBUTES + VALUE.SerializeToString() + ATTRIBUTES,  # in pieces
        ATTRIBUTES,  # no value
        NumberDataPoint(as_int=1, flags=1).SerializeToString(),  # "no recorded value"
    ],
)
def test_odd_points_are_left_to_others(point: bytes) -> None:
    assert scan(metric_of(VALUE.SerializeToString(), point)) is None


@pytest.mark.parametrize(
    ("temporality", "is_monotonic", "expected"),
    [(2, True, True), (2, False, False), (1, True, None)],
)
def test_sums_are_told_from_gauges(
    temporality: int, is_monotonic: bool, expected: bool | None
) -> None:
    metric = Metric(name="m")
    metric.sum.data_points.append(VALUE)
    metric.sum.aggregation_temporality = temporality  # type: ignore[assignment]
    metric.sum.is_monotonic = is_monotonic
    data = metric.SerializeToString()
    found = numbers_at(data, 0, len(data))
    assert (None if found is None else found.head[1]) is expected


def test_unknown_fields_are_left_to_others_wherever_they_lie() -> None:
    unknown = b"\x65\xff\xff\xff\xff"  # field 12, four bytes that go on like a varint
    gauge = metric_of(VALUE.SerializeToString())
    assert Metric.FromString(gauge + unknown).name == "m"
    for data in (unknown, b"\x2a\x05" + unknown, gauge + unknown):
        assert numbers_at(data, 0, len(data)) is None


def test_other_kinds_and_metrics_without_points_are_left_to_others() -> None:
    histogram = Metric(name="h")
    histogram.histogram.data_points.add(count=1, sum=2.0)
    for metric in (histogram, Metric(name="empty")):
        data = metric.SerializeToString()
        assert numbers_at(data, 0, len(data)) is None
