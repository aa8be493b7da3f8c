from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality
from opentelemetry.sdk.resources import Resource

from dask_otel import conventions as names
from dask_otel import correlate
from dask_otel.record import Log
from dask_otel.sdk import LogBatch, MetricBatch
from tests.sinks import plain_attributes

if TYPE_CHECKING:
    from dask_otel.points import Points

RESOURCE = Resource({"service.name": "s"})


def test_log_records_carry_name_body_and_trace() -> None:
    trace = b"\x01" * 16
    logs = [Log(5, "first", "said", {"a": ("x",), "b": ()}, trace), Log(6, "second", "more", {})]
    batch = LogBatch(RESOURCE, "1.2")
    for _ in range(2):  # a batch is empty again once it is encoded
        request = ExportLogsServiceRequest.FromString(batch.encode(logs))
        (group,) = request.resource_logs
        (scope,) = group.scope_logs
        assert plain_attributes(group.resource.attributes) == {"service.name": "s"}
        assert (scope.scope.name, scope.scope.version) == (names.SCOPE_NAME, "1.2")
        first, second = scope.log_records
        assert (first.event_name, first.body.string_value, first.time_unix_nano) == (
            "first",
            "said",
            5,
        )
        assert plain_attributes(first.attributes) == {"a": ["x"], "b": []}
        assert (first.trace_id, first.span_id) == (trace, correlate.graph_span_id(trace))
        assert second.trace_id == b""


def test_only_what_is_given_is_sent_and_nothing_is_folded() -> None:
    batch = MetricBatch(RESOURCE, "1.2")
    points: Points = {
        (names.TASKS, ((names.TASK_PREFIX, f"p{n}"), (names.TASK_STATE, "memory"))): n
        for n in range(3_000)
    }
    points[names.SPANS_EXPORTED, ()] = 7
    points[names.WORKER_LATENCY, ()] = 0.25
    request = ExportMetricsServiceRequest.FromString(batch.encode(points))
    (group,) = request.resource_metrics
    (scope,) = group.scope_metrics
    found = {metric.name: metric for metric in scope.metrics}
    assert set(found) == {"dask.tasks", "dask_otel.spans.exported", "dask.worker.latency"}
    tasks = found["dask.tasks"].gauge.data_points
    assert {
        plain_attributes(point.attributes)[names.TASK_PREFIX]: point.as_int for point in tasks
    } == {f"p{n}": n for n in range(3_000)}
    exported = found["dask_otel.spans.exported"].sum
    assert exported.is_monotonic
    assert exported.aggregation_temporality == (
        AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
    )
    assert [point.as_int for point in exported.data_points] == [7]
    assert found["dask.worker.latency"].gauge.data_points[0].as_double == 0.25

    again = ExportMetricsServiceRequest.FromString(batch.encode({(names.CLIENTS, ()): 1}))
    assert [metric.name for metric in again.resource_metrics[0].scope_metrics[0].metrics] == [
        "dask.clients"
    ]
