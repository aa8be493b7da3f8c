from __future__ import annotations

import os
import pickle
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider, sampling
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from dask_otel import conventions as names
from dask_otel import correlate, events, sdk
from dask_otel.compat.otlp import Reply
from dask_otel.outputs import provided
from dask_otel.outputs.direct import DirectSpans
from dask_otel.record.spans import SpanMaker
from tests.sinks import plain_attributes

if TYPE_CHECKING:
    from collections.abc import Iterator

ORIGIN = "6f7a0a52-7a19-4f0e-9d54-0c6b2b3f1a77"
SAMPLED, UNSAMPLED = (f"00-{'ab' * 16}-{'cd' * 8}-{flags}" for flags in ("01", "00"))
OURS = Resource(
    {names.SERVICE_NAME: names.SERVICE_WORKER, names.SERVICE_INSTANCE_ID: "one"}, names.SCHEMA_URL
)
MAKER = SpanMaker("tcp://w:1", "tcp://s:1")
FAILURE = events.Failure(pickle.dumps(KeyError("lost")), "KeyError('lost')", "  File a\n")
TRANSFER = events.Transfer(1.0, 2.0, "tcp://a:1", 1, ("x", ("y", 1)), 2, 1.5, ORIGIN)
ATTEMPT = events.Attempt(
    ("x-1", 0), "x", 7, ORIGIN, None, 1.5, 2.5, 99, 8, list, (0, 1.5, -62), names.OUTCOME_FINISHED
)
CALLS = (
    events.ClientCall("compute", 1.0, 2.0, "Client-1", 3, b"t" * 16, b"s" * 8, b"p" * 8, FAILURE),
    events.ClientCall("gather", 1.0, 2.0, "Client-1", 3, b"u" * 16, b"s" * 8, None),
)
EVENTS: list[events.SpanEvent] = [
    ATTEMPT,
    ATTEMPT._replace(key="\udcff", prefix="\udcff", origin=None, priority=None, type=None),
    ATTEMPT._replace(run_id=8, outcome=names.OUTCOME_FAILED, failure=FAILURE, waited_s=0.5),
    ATTEMPT._replace(
        run_id=9,
        otel={
            events.TRACEPARENT: SAMPLED,
            events.DEPENDENCIES: [("a", 1, None), (("b", 2), 3, ORIGIN), ("\udcff", 4, SAMPLED)],
            events.DEPENDENCY_COUNT: 3,
        },
        transfers=(TRANSFER, TRANSFER._replace(start_s=1.2, failure=FAILURE)),
        worker="tcp://w:2",
        executing=True,
    ),
    TRANSFER._replace(sent=True, shuffle_id="s", transfer_id="1f"),
    TRANSFER._replace(origin=None),
    events.Disk(names.ACTION_DISK_WRITE, "x", 1.0, 2.0, 10, names.DISK_CAUSE_TASK, ORIGIN, 9),
    events.Disk(names.ACTION_DISK_READ, "x", 1.0, 2.0, 10, None, ORIGIN, 9, parent=("y", 2)),
    events.Graph(ORIGIN, 0, 1.0, 2.0, "Client-1", 3, 1, ("a", "b"), 2, code="df.sum()"),
    events.Graph(SAMPLED, 0, 1.0, 2.0, "Client-1", 3, 1, (), 0, continues=ORIGIN, continuation=1),
    *CALLS,
]


class Taking:
    """Takes all that is sent."""

    failing = False

    def __init__(self) -> None:
        self.payload = b""
        self.preferred_temporality: dict[type, Any] = {}

    def ready(self, deadline_s: float | None) -> bool:
        return True

    def send(self, payload: bytes, deadline_s: float | None) -> Reply:
        self.payload = payload
        return Reply(True)


class Traced:
    """A user's provider, and what its processors got."""

    def __init__(self, **options: Any) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False, **options)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.output = provided.ProvidedSpans(self.provider, OURS, "1", MAKER)

    def put(self, *found: events.SpanEvent) -> None:
        for event in found:
            self.output.put(event)

    def names(self) -> list[str]:
        return [span.name for span in self.exporter.get_finished_spans()]


def direct(found: list[events.SpanEvent]) -> ExportTraceServiceRequest:
    link: Any = Taking()
    output = DirectSpans(link, OURS, "1", MAKER, sdk.TraceSampler(sampling.DEFAULT_ON), 1_000)
    for event in found:
        output.put(event)
    output.send(1.0, None)
    return ExportTraceServiceRequest.FromString(link.payload)


def spans_of(request: ExportTraceServiceRequest) -> Iterator[dict[str, Any]]:
    """Every field of every span, attributes without an order."""
    for group in request.resource_spans:
        for scope in group.scope_spans:
            for span in scope.spans:
                fields = {field.name: value for field, value in span.ListFields()}
                fields["status"] = (span.status.code, span.status.message)
                fields["attributes"] = plain_attributes(span.attributes)
                fields["links"] = [
                    (link.trace_id, link.span_id, plain_attributes(link.attributes), link.flags)
                    for link in span.links
                ]
                fields["events"] = [
                    (event.name, event.time_unix_nano, plain_attributes(event.attributes))
                    for event in span.events
                ]
                yield {
                    **fields,
                    "scope": (scope.scope.name, scope.scope.version, scope.schema_url),
                    "schema": group.schema_url,
                }


def test_both_ways_out_say_the_same() -> None:
    traced = Traced(resource=Resource({}))
    traced.put(*EVENTS)
    through = encode_spans(traced.exporter.get_finished_spans())
    straight = direct(EVENTS)
    assert list(spans_of(through)) == list(spans_of(straight))
    assert len(list(spans_of(straight))) == 14
    assert [plain_attributes(group.resource.attributes) for group in through.resource_spans] == [
        plain_attributes(group.resource.attributes) for group in straight.resource_spans
    ]
    assert traced.output.n_exported == 14


def test_the_users_resource_processors_and_limits_apply() -> None:
    traced = Traced(resource=Resource({"team": "blue"}), span_limits=SpanLimits(max_links=1))
    later = InMemorySpanExporter()
    traced.provider.add_span_processor(SimpleSpanProcessor(later))
    traced.put(EVENTS[3])
    found = traced.exporter.get_finished_spans()
    assert later.get_finished_spans() == found
    assert len(found[0].links) == 1
    assert found[0].resource.attributes["team"] == "blue"
    assert found[0].resource.attributes[names.SERVICE_NAME] == names.SERVICE_WORKER
    assert traced.provider.resource.attributes == {"team": "blue"}
    assert trace.get_tracer_provider() is not traced.provider  # nothing is made global


def test_the_users_sampler_decides() -> None:
    traced = Traced(sampler=sampling.ALWAYS_OFF)
    traced.put(*EVENTS[:-2])
    assert traced.names() == []
    assert (traced.output.n_exported, traced.output.n_sampled_out) == (0, 12)


def test_a_graph_and_its_tasks_are_sampled_alike() -> None:
    traced = Traced(sampler=sampling.ParentBasedTraceIdRatio(0.5))
    chance = random.Random(5)
    origins = [f"{chance.getrandbits(32):08x}-7a19-4f0e-9d54-0c6b2b3f1a77" for _ in range(60)]
    for origin in origins:
        traced.put(
            events.Graph(origin, 0, 1.0, 2.0, "c", 1, 0, (), 0), ATTEMPT._replace(origin=origin)
        )
    by_trace: dict[int, list[str]] = {}
    for span in traced.exporter.get_finished_spans():
        assert span.context is not None
        by_trace.setdefault(span.context.trace_id, []).append(span.name)
    assert 10 < len(by_trace) < 50
    assert {tuple(found) for found in by_trace.values()} == {("dask.graph", "x")}


def test_whoever_does_not_record_a_trace_gets_none_of_it() -> None:
    traced = Traced()
    traced.put(ATTEMPT._replace(origin=UNSAMPLED), ATTEMPT._replace(origin=SAMPLED, prefix="y"))
    assert traced.names() == ["y"]
    assert traced.output.n_sampled_out == 1


class Choosy(sampling.Sampler):
    """A user's sampler that looks at more than the trace."""

    def should_sample(
        self,
        parent_context: Any,
        trace_id: int,
        name: str,
        kind: Any = None,
        attributes: Any = None,
        links: Any = None,
        trace_state: Any = None,
    ) -> sampling.SamplingResult:
        keep = (attributes or {}).get(names.ACTION) != names.ACTION_TRANSFER
        return sampling.SamplingResult(
            sampling.Decision.RECORD_AND_SAMPLE if keep else sampling.Decision.DROP,
            {**(attributes or {}), "seen": True},
        )

    def get_description(self) -> str:
        return "choosy"


def test_a_sampler_sees_attributes_and_may_add_some() -> None:
    traced = Traced(sampler=Choosy())
    traced.put(EVENTS[3])
    (span,) = traced.exporter.get_finished_spans()
    assert span.attributes is not None
    assert span.attributes["seen"] is True
    assert (traced.output.n_exported, traced.output.n_sampled_out) == (1, 2)


def test_a_client_has_asked_the_sampler_before_its_call_began(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Choosy, "should_sample", lambda *_: pytest.fail("asked again"))
    traced = Traced(sampler=Choosy())
    traced.put(*(call._replace(attributes={"seen": 1}) for call in CALLS))
    assert [(span.attributes or {})["seen"] for span in traced.exporter.get_finished_spans()] == [
        1,
        1,
    ]


class Foreign(trace.TracerProvider):
    """A provider that is not the SDK's."""

    def __init__(self) -> None:
        self.inner = TracerProvider(shutdown_on_exit=False)

    def get_tracer(self, *args: Any, **kwargs: Any) -> trace.Tracer:
        return self.inner.get_tracer(*args, **kwargs)


def test_a_provider_of_another_kind_gets_plain_calls() -> None:
    foreign, exporter = Foreign(), InMemorySpanExporter()
    foreign.inner.add_span_processor(SimpleSpanProcessor(exporter))
    output = provided.ProvidedSpans(foreign, OURS, "1", MAKER)
    output.put(EVENTS[2])
    (span,) = exporter.get_finished_spans()
    assert (span.name, span.status.description) == ("x", "'lost'")
    assert span.parent is not None
    assert span.parent.span_id.to_bytes(8, "big") == correlate.place(ORIGIN).graph_id
    assert (span.start_time, span.end_time) == (1_500_000_000, 2_500_000_000)


def test_stopping_flushes_and_shuts_nothing_down(monkeypatch: pytest.MonkeyPatch) -> None:
    traced = Traced()
    asked: list[int] = []
    monkeypatch.setattr(traced.provider, "force_flush", asked.append)
    monkeypatch.setattr(traced.provider, "shutdown", lambda: pytest.fail("not ours"))
    traced.put(ATTEMPT)
    traced.output.send(100.0, None)
    assert asked == []
    assert traced.output.acknowledged_s == 100.0 - provided.SETTLE_S
    traced.output.send(101.0, 1.0)  # long ago
    traced.output.close()
    assert asked == [1]


def test_points_of_several_emitters_meet_on_one_meter() -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], Resource({"team": "blue"}), shutdown_on_exit=False)
    others = Resource({**OURS.attributes, names.SERVICE_INSTANCE_ID: "two"})
    first = provided.ProvidedPoints(provider, OURS, "1")
    second = provided.ProvidedPoints(provider, others, "1")
    tasks = (names.TASKS, ((names.TASK_PREFIX, "inc\udcff"), (names.TASK_STATE, "memory")))
    first.put({(names.CLIENTS, ()): 1, tasks: 5})
    first.put({tasks: 6})
    second.put({(names.CLIENTS, ()): 2, (names.SPANS_EXPORTED, ()): 7})
    assert read(reader) == {
        ("dask.clients", "one"): 1,
        ("dask.clients", "two"): 2,
        ("dask.tasks", "one"): 6,
        ("dask_otel.spans.exported", "two"): 7,
    }
    assert read(reader)["dask.tasks", "one"] == 6  # the latest, however often it is read
    first.close()
    assert {instance for _, instance in read(reader)} == {"two"}
    provider.shutdown()


def read(reader: InMemoryMetricReader) -> dict[tuple[str, str], float]:
    data = reader.get_metrics_data()
    if data is None:
        return {}
    (group,) = data.resource_metrics
    assert dict(group.resource.attributes) == {"team": "blue"}
    found: dict[tuple[str, str], float] = {}
    for metric in group.scope_metrics[0].metrics:
        points: Any = metric.data.data_points
        for point in points:
            assert "\udcff" not in str(point.attributes)
            found[metric.name, point.attributes[names.SERVICE_INSTANCE_ID]] = point.value
    return found


def test_points_of_emitters_that_start_at_once_meet_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    both = threading.Barrier(2)
    create = sdk.create_instruments

    def create_slowly(*args: Any) -> None:
        with suppress(threading.BrokenBarrierError):
            both.wait(0.2)  # the other one, if it makes instruments, too
        create(*args)

    monkeypatch.setattr(sdk, "create_instruments", create_slowly)
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], Resource({"team": "blue"}), shutdown_on_exit=False)

    def emit(instance: str) -> provided.ProvidedPoints:
        output = provided.ProvidedPoints(
            provider, Resource({names.SERVICE_INSTANCE_ID: instance}), "1"
        )
        output.put({(names.CLIENTS, ()): 1})
        return output

    with ThreadPoolExecutor(2) as threads:
        outputs = list(threads.map(emit, ("one", "two")))
    assert read(reader) == {("dask.clients", "one"): 1, ("dask.clients", "two"): 1}
    assert len(outputs) == 2
    provider.shutdown()


def test_readers_of_a_child_find_no_points_of_its_parent() -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], Resource({}), shutdown_on_exit=False)
    output = provided.ProvidedPoints(provider, OURS, "1")
    output.put({(names.CLIENTS, ()): 1})

    def values() -> list[float]:
        data = reader.get_metrics_data()
        metrics = data.resource_metrics[0].scope_metrics[0].metrics if data else ()
        return [point.value for metric in metrics for point in metric.data.data_points]  # type: ignore[union-attr]

    child = os.fork()
    if child == 0:
        try:
            parents = values()
            own = provided.ProvidedPoints(provider, Resource({}), "1")
            own.put({(names.CLIENTS, ()): 2})
            os._exit((parents, values()) != ([], [2]))
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert values() == [1]
    provider.shutdown()


def test_points_that_readers_find_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provided, "MAX_POINTS", 10)
    output = provided.ProvidedPoints(metrics.NoOpMeterProvider(), OURS, "1")
    for number in range(30):
        output.put({(names.TASKS, ((names.TASK_PREFIX, f"p{number}"),)): number})
    assert [point.value for point in output.observations(names.TASKS)] == list(range(20, 30))


def test_log_records_go_through_the_users_processors() -> None:
    exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    provider = LoggerProvider(Resource({"team": "blue"}), shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    output = provided.ProvidedLogs(provider, OURS, "1")
    output.put(events.Event(1.5, names.EVENT_STEAL, "said", {"a": 1}, origin=ORIGIN))
    output.send(None)
    (found,) = exporter.get_finished_logs()
    record = found.log_record
    assert (record.event_name, record.body, record.timestamp) == (
        names.EVENT_STEAL,
        "said",
        1_500_000_000,
    )
    assert record.trace_id.to_bytes(16, "big") == correlate.trace_id(ORIGIN)
    assert found.resource.attributes.items() >= {**OURS.attributes, "team": "blue"}.items()
    assert provider.resource.attributes == {"team": "blue"}
