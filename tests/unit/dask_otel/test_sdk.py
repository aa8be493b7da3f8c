from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality
from opentelemetry.sdk.metrics import ObservableCounter
from opentelemetry.sdk.metrics import export as sdk_export
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import sampling
from opentelemetry.trace import get_current_span

from dask_otel import conventions as names
from dask_otel import correlate, sdk
from tests.sinks import plain_attributes

if TYPE_CHECKING:
    import pytest
    from opentelemetry.proto.metrics.v1.metrics_pb2 import ScopeMetrics

    from dask_otel.points import Points

RESOURCE = Resource({"service.name": "s"})
OURS = {names.SERVICE_NAME: names.SERVICE_WORKER, names.SERVICE_INSTANCE_ID: "one"}
PLACE = correlate.place("6f7a0a52-7a19-4f0e-9d54-0c6b2b3f1a77")


def metrics_of(payload: bytes) -> ScopeMetrics:
    request = ExportMetricsServiceRequest.FromString(payload)
    (group,) = request.resource_metrics
    (scope,) = group.scope_metrics
    return scope


def test_the_environment_wins_over_what_we_say(monkeypatch: pytest.MonkeyPatch) -> None:
    assert dict(sdk.resource(OURS).attributes) == OURS
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=two,deployment=test")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "mine")
    assert dict(sdk.resource(OURS).attributes) == {
        names.SERVICE_NAME: "mine",
        names.SERVICE_INSTANCE_ID: "two",
        "deployment": "test",
    }


def test_detectors_find_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "process,os,no-such-detector")
    found = sdk.resource(OURS)
    assert {"process.runtime.name", "os.type"} <= found.attributes.keys()
    assert found.attributes.items() >= OURS.items()
    assert found.schema_url == names.SCHEMA_URL


def test_what_a_provider_says_wins_but_not_what_it_makes_up() -> None:
    ours = Resource({**OURS, "a": "ours", "b": "ours"})
    theirs = Resource.create({"b": "theirs"})
    merged = sdk.merged(ours, theirs).attributes
    assert merged.items() >= {**OURS, "a": "ours", "b": "theirs"}.items()
    assert merged["telemetry.sdk.language"] == "python"
    named = sdk.merged(ours, Resource.create({names.SERVICE_NAME: "mine"}))
    assert named.attributes[names.SERVICE_NAME] == "mine"


class Counting(sampling.Sampler):
    """Changes its mind each time it is asked."""

    n_asked = 0

    def should_sample(self, *args: object, **kwargs: object) -> sampling.SamplingResult:
        self.n_asked += 1
        on = self.n_asked % 2
        return sampling.SamplingResult(
            sampling.Decision.RECORD_AND_SAMPLE if on else sampling.Decision.DROP
        )

    def get_description(self) -> str:
        return "counting"


def test_a_sampler_is_asked_once_about_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = Counting()
    tested = sdk.TraceSampler(sampler)
    assert [tested.keeps(PLACE) for _ in range(5)] == [True] * 5
    assert sampler.n_asked == 1
    monkeypatch.setattr(sdk, "_N_DECIDED", 10)
    for number in range(100):
        tested.keeps(correlate.place(f"trace {number}"))
    assert len(tested._decided) <= 10


def test_a_parent_decides_where_the_sampler_asks_it() -> None:
    tested = sdk.TraceSampler(sampling.DEFAULT_ON)
    for flags, kept in (("01", True), ("00", False)):
        assert tested.keeps(correlate.place(f"00-{'ab' * 16}-{'cd' * 8}-{flags}")) is kept
    assert sdk.TraceSampler(sampling.ALWAYS_ON).keeps(
        correlate.place(f"00-{'ab' * 16}-{'cd' * 8}-00")
    )


def test_a_context_of_a_place_holds_nothing_else() -> None:
    span = get_current_span(sdk.parent_context(b"\x01" * 16, b"\x02" * 8, False))
    found = span.get_span_context()
    assert (found.trace_id.to_bytes(16, "big"), found.span_id.to_bytes(8, "big")) == (
        b"\x01" * 16,
        b"\x02" * 8,
    )
    assert (found.is_remote, found.trace_flags.sampled) == (True, False)
    assert sdk.parent_context(b"\x01" * 16, None) == {}


def test_only_what_is_given_is_sent_and_nothing_is_folded() -> None:
    batch = sdk.MetricBatch(RESOURCE, "1.2")
    points: Points = {
        (names.TASKS, ((names.TASK_PREFIX, f"p{n}"), (names.TASK_STATE, "memory"))): n
        for n in range(3_000)
    }
    points[names.SPANS_EXPORTED, ()] = 7
    points[names.WORKER_LATENCY, ()] = 0.25
    found = {metric.name: metric for metric in metrics_of(batch.encode(points)).metrics}
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

    again = metrics_of(batch.encode({(names.CLIENTS, ()): 1}))
    assert [metric.name for metric in again.metrics] == ["dask.clients"]


def test_differences_add_up_where_they_are_wanted() -> None:
    delta: dict[type, sdk_export.AggregationTemporality] = {
        ObservableCounter: sdk_export.AggregationTemporality.DELTA
    }
    batch = sdk.MetricBatch(RESOURCE, "1.2", delta)
    sent = []
    for value in (5, None, 8, 8, 20):
        points: Points = {(names.CLIENTS, ()): 1}
        if value is not None:
            points[names.SPANS_EXPORTED, ()] = value
        for metric in metrics_of(batch.encode(points)).metrics:
            if metric.name == names.SPANS_EXPORTED.name:
                assert metric.sum.aggregation_temporality == (
                    AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
                )
                sent += [point.as_int for point in metric.sum.data_points]
    assert sent == [5, 3, 0, 12]
