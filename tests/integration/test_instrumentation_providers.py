"""An application that has providers of its own finds Dask's spans, points and records in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from dask_otel import conventions as names
from tests.clusters import instrumented
from tests.sinks import HttpSink
from tests.waiting import wait_for

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

pytestmark = pytest.mark.cluster


def inc(number: int) -> int:
    return number + 1


def test_they_get_all_of_it_and_outlive_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = Resource.create({"team": "blue"})
    spans, records = InMemorySpanExporter(), InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    reader = InMemoryMetricReader()
    tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
    meters = MeterProvider([reader], resource, shutdown_on_exit=False)
    loggers = LoggerProvider(resource, shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    loggers.add_log_record_processor(SimpleLogRecordProcessor(records))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: tracers)
    monkeypatch.setattr(metrics, "get_meter_provider", lambda: meters)
    monkeypatch.setattr(_logs, "get_logger_provider", lambda: loggers)

    def tasks() -> list[ReadableSpan]:
        return [span for span in spans.get_finished_spans() if span.name == "inc"]

    with HttpSink() as sink, instrumented(monkeypatch, sink.endpoint, n_workers=2) as client:
        assert client.gather(client.map(inc, range(20))) == list(range(1, 21))
        wait_for(lambda: len(tasks()) == 20)
        wait_for(lambda: {names.TASKS.name, names.WORKER_MEMORY.name} <= measured(reader))
        assert sink.requests == []
    graphs = [span for span in spans.get_finished_spans() if span.name == names.SPAN_GRAPH]
    ids = {span.context.span_id for span in graphs if span.context}
    assert {span.parent.span_id for span in tasks() if span.parent} <= ids
    for span in tasks():
        assert span.resource.attributes["team"] == "blue"
        assert span.resource.attributes[names.SERVICE_NAME] == names.SERVICE_WORKER
    addresses = {span.resource.attributes[names.WORKER_ADDRESS] for span in tasks()}
    assert len(addresses) == 2
    added = [record.log_record.event_name for record in records.get_finished_logs()]
    assert added.count(names.EVENT_WORKER_ADDED) == 2
    with tracers.get_tracer("application").start_as_current_span("still here"):
        pass
    assert spans.get_finished_spans()[-1].name == "still here"
    meters.shutdown()


def measured(reader: InMemoryMetricReader) -> set[str]:
    data = reader.get_metrics_data()
    return {
        metric.name
        for group in (data.resource_metrics if data else ())
        for scope in group.scope_metrics
        for metric in scope.metrics
    }
