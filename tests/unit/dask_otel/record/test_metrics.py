"""Our encoder says what OpenTelemetry's SDK says, in the same wire format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.sdk.resources import Resource

from dask_otel import conventions as names
from dask_otel import sdk
from dask_otel.record import encoder
from dask_otel.record.metrics import MetricEncoder

if TYPE_CHECKING:
    from dask_otel.points import Points

START_NS, NOW_NS = 1_700_000_000_000_000_000, 1_700_000_001_000_000_000


def decoded(payload: bytes) -> ExportMetricsServiceRequest:
    """A request in a form that can be compared: the times are ours to choose, the order is not."""
    request = ExportMetricsServiceRequest.FromString(payload)
    metrics = request.resource_metrics[0].scope_metrics[0].metrics
    for metric in metrics:
        for point in (*metric.gauge.data_points, *metric.sum.data_points):
            point.ClearField("time_unix_nano")
            point.ClearField("start_time_unix_nano")
    ordered = sorted(metrics, key=lambda metric: str(metric.name))
    copies = [metric.SerializeToString(deterministic=True) for metric in ordered]
    del metrics[:]
    for copy in copies:
        metrics.add().ParseFromString(copy)
    return request


def test_it_says_what_the_sdk_says() -> None:
    points: Points = {
        (metric, tuple((name, f"a {name} ü\ud800") for name in metric.attributes)): value
        for metric, value in zip(
            names.METRICS, (0, 1, 2.5, 1 << 62, 1e300, 0.1, 127, 128) * 20, strict=False
        )
    }
    points[names.TASKS, ((names.TASK_PREFIX, "p" * 10_000), (names.TASK_STATE, "memory"))] = 3
    resource = Resource({"service.name": "s", "process.pid": 7}, names.SCHEMA_URL)
    theirs = sdk.MetricBatch(resource, "1.2").encode(points)
    own = MetricEncoder(encoder.resource({"service.name": "s", "process.pid": 7}), "1.2", START_NS)
    for _ in range(2):  # what is remembered from the first time is the same
        assert decoded(own.encode(points, NOW_NS)) == decoded(theirs)


def test_points_carry_their_times() -> None:
    own = MetricEncoder(b"", "1.2", START_NS)
    points: Points = {(names.CLIENTS, ()): 1, (names.SPANS_EXPORTED, ()): 2}
    request = ExportMetricsServiceRequest.FromString(own.encode(points, NOW_NS))
    gauge, counter = request.resource_metrics[0].scope_metrics[0].metrics
    (now,), (since,) = gauge.gauge.data_points, counter.sum.data_points
    assert (now.start_time_unix_nano, now.time_unix_nano) == (0, NOW_NS)
    assert (since.start_time_unix_nano, since.time_unix_nano) == (START_NS, NOW_NS)
