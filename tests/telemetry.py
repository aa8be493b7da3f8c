"""OTLP requests as Dask's instrumentation and others send them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, TypeAlias, Union

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import SeverityNumber

from dask_otel import conventions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

Value: TypeAlias = Union[str, bool, int, float, list["Value"]]  # noqa: UP007

#: Dependencies of each task.
N_LINKS = 3
START_NS = 1_700_000_000_000_000_000
WORKER = {
    conventions.SERVICE_NAME: conventions.SERVICE_WORKER,
    conventions.SERVICE_NAMESPACE: "cluster-1",
    conventions.WORKER_ADDRESS: "tcp://127.0.0.1:40101",
}
SCHEDULER = {
    conventions.SERVICE_NAME: conventions.SERVICE_SCHEDULER,
    conventions.SERVICE_NAMESPACE: "cluster-1",
}


def span_id(number: int) -> bytes:
    """An id that differs for each number and looks like chance."""
    return hashlib.blake2b(number.to_bytes(8, "big"), digest_size=8).digest()


def trace_id(number: int) -> bytes:
    """An id that differs for each number and looks like chance."""
    return hashlib.blake2b(number.to_bytes(8, "big"), digest_size=16).digest()


def nested(body: bytes, *tags: int) -> bytes:
    """`body` as the only field of a message, in one of the next tag, and so on; outermost first."""
    for tag in reversed(tags):
        n_bytes, length = len(body), bytearray()
        while n_bytes >= 0x80:
            length.append(n_bytes & 0x7F | 0x80)
            n_bytes >>= 7
        body = bytes((tag, *length, n_bytes)) + body
    return body


def set_value(target: AnyValue, value: Value) -> None:
    if isinstance(value, str):
        target.string_value = value
    elif isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int):
        target.int_value = value
    elif isinstance(value, float):
        target.double_value = value
    else:
        target.array_value.SetInParent()
        for item in value:
            set_value(target.array_value.values.add(), item)


def set_attributes(target: Iterable[KeyValue], attributes: Mapping[str, Value]) -> None:
    for name, value in attributes.items():
        pair = target.add()  # type: ignore[attr-defined]  # a repeated field
        pair.key = name
        set_value(pair.value, value)


def fill_task(span: Span, number: int, trace: int = 1) -> None:
    """Make `span` the compute span of the attempt with that number."""
    prefix = ("inc", "add", "sum")[number % 3]
    span.trace_id = trace_id(trace)
    span.span_id = span_id(number)
    span.parent_span_id = trace_id(trace)[:8]
    span.name = prefix
    span.kind = span.SPAN_KIND_INTERNAL
    span.start_time_unix_nano = START_NS + number * 1_000
    span.end_time_unix_nano = span.start_time_unix_nano + 900
    span.flags = 0x100
    set_attributes(
        span.attributes,
        {
            conventions.ACTION: conventions.ACTION_COMPUTE,
            conventions.TASK_KEY: f"('{prefix}-5f3a9b2c1d0e', {number}, {number % 97})",
            conventions.TASK_PREFIX: prefix,
            conventions.TASK_GROUP: f"{prefix}-5f3a9b2c1d0e",
            conventions.TASK_RUN_ID: number,
            conventions.THREAD_ID: 140_000_000_000 + number % 4,
            conventions.TASK_NBYTES: (number * 7919) % 1_000_003,
            conventions.TASK_TYPE: "numpy.ndarray",
            conventions.TASK_PRIORITY: [0, 1, number],
            conventions.TASK_OUTCOME: conventions.OUTCOME_FINISHED,
            conventions.TASK_WAIT_DEPENDENCIES: 0.25,
            conventions.TASK_WAIT_READY: number / 2,
            conventions.TASK_EXECUTE: 0.001,
            conventions.TASK_DEPENDENCY_COUNT: N_LINKS,
        },
    )
    for made in range(N_LINKS):
        link = span.links.add(trace_id=trace_id(trace), span_id=span_id(number + made + 1))
        set_attributes(link.attributes, {conventions.LINK_KEY: f"('{prefix}-5f3a9b', {made})"})


def tasks(
    n: int, first: int = 0, trace: int = 1, sender: Mapping[str, Value] = WORKER
) -> ExportTraceServiceRequest:
    """Return a request with the attempts `first` up to `first + n` of one worker."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    set_attributes(group.resource.attributes, sender)
    scope = group.scope_spans.add()
    scope.scope.name = conventions.SCOPE_NAME
    for number in range(first, first + n):
        fill_task(scope.spans.add(), number, trace)
    return request


def gauge(name: str, value: float, time_ns: int = START_NS) -> ExportMetricsServiceRequest:
    """Return a request with one point of one worker's gauge."""
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    set_attributes(group.resource.attributes, WORKER)
    metric = group.scope_metrics.add().metrics.add()
    metric.name = name
    metric.unit = "By"
    point = metric.gauge.data_points.add()
    point.time_unix_nano = time_ns
    point.as_double = value
    return request


def record(
    name: str, attributes: Mapping[str, Value], body: str = "", time_ns: int = START_NS
) -> ExportLogsServiceRequest:
    """Return a request with one log record of one worker."""
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add()
    set_attributes(group.resource.attributes, WORKER)
    entry = group.scope_logs.add().log_records.add()
    entry.time_unix_nano = time_ns
    entry.event_name = name
    entry.severity_number = SeverityNumber.SEVERITY_NUMBER_INFO
    if body:
        entry.body.string_value = body
    set_attributes(entry.attributes, attributes)
    return request
