from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    DataPointFlags,
    Metric,
)

from daskscope.ingest.definitions import Tables
from daskscope.ingest.points import Point, Points, batch_of
from daskscope.store.schema import POINT_COLUMNS
from tests.telemetry import START_NS, gauge, set_attributes

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
DELTA = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA


def read(points: Points, request: ExportMetricsServiceRequest, received_ns: int) -> list[Point]:
    return points.read(request.SerializeToString(), received_ns)


def request_of(*metrics: Metric) -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    request.resource_metrics.add().scope_metrics.add().metrics.extend(metrics)
    return request


def counter(
    value: int, temporality: AggregationTemporality.ValueType, is_monotonic: bool = True
) -> Metric:
    metric = Metric(name="c", unit="By")
    metric.sum.aggregation_temporality = temporality
    metric.sum.is_monotonic = is_monotonic
    metric.sum.data_points.add(time_unix_nano=START_NS, as_int=value)
    return metric


def test_a_gauge_has_a_series_for_each_set_of_attributes() -> None:
    tables = Tables()
    request = gauge("memory", 1.5)
    points = request.resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points
    other = points.add(time_unix_nano=START_NS + 1, as_int=2**40)
    set_attributes(other.attributes, {"type": "spilled"})
    found = read(Points(tables), request, 0)
    assert found == [(0, START_NS, 1.5), (1, START_NS + 1, float(2**40))]
    definitions = tables.since(tables.mark().__class__(), tables.mark())
    assert definitions is not None
    assert [series.attributes for series in definitions.series] == [{}, {"type": "spilled"}]
    assert definitions.series[0].unit == "By"
    assert not definitions.series[0].is_cumulative


def test_sums_are_cumulative_when_they_only_grow() -> None:
    tables = Tables()
    points = Points(tables)
    read(points, request_of(counter(5, CUMULATIVE), counter(5, CUMULATIVE, False)), 0)
    definitions = tables.since(tables.mark().__class__(), tables.mark())
    assert definitions is not None
    assert [series.is_cumulative for series in definitions.series] == [True, False]


def test_deltas_are_accumulated() -> None:
    points = Points(Tables())
    values = []
    for n in (5, 2, 3):
        points.begin()
        values.append(read(points, request_of(counter(n, DELTA)), 0)[0].value)
        points.begin()  # it could not be written, and comes again
        assert read(points, request_of(counter(n, DELTA)), 0)[0].value == values[-1]
        points.accept()
    assert values == [5, 7, 10]


def test_histograms_and_summaries_give_their_count_and_sum() -> None:
    histogram, exponential, summary = Metric(name="h"), Metric(name="e"), Metric(name="s")
    histogram.histogram.data_points.add(count=4, sum=2.5)
    exponential.exponential_histogram.data_points.add(count=5, sum=3.5)
    summary.summary.data_points.add(count=6, sum=4.5)
    tables = Tables()
    found = read(Points(tables), request_of(histogram, exponential, summary), START_NS)
    assert [point.value for point in found] == [4, 2.5, 5, 3.5, 6, 4.5]
    assert {point.time_ns for point in found} == {START_NS}
    definitions = tables.since(tables.mark().__class__(), tables.mark())
    assert definitions is not None
    names = [series.name for series in definitions.series]
    assert names == ["h.count", "h.sum", "e.count", "e.sum", "s.count", "s.sum"]


def test_a_point_without_a_value_is_left_out() -> None:
    request = gauge("m", 1.0)
    point = request.resource_metrics[0].scope_metrics[0].metrics[0].gauge.data_points[0]
    point.flags = DataPointFlags.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK
    assert read(Points(Tables()), request, 0) == []
    assert read(Points(Tables()), request_of(Metric(name="empty")), 0) == []


def test_a_batch_says_which_request_each_point_came_with() -> None:
    points = Points(Tables())
    parts = [(n, read(points, gauge("m", float(n)), 0)) for n in (4, 5)]
    batch = batch_of([*parts, (6, [])])
    assert batch.columns["request"].tolist() == [4, 5]
    assert batch.columns["value"].tolist() == [4.0, 5.0]
    assert {name: column.dtype for name, column in batch.columns.items()} == dict(POINT_COLUMNS)


def test_known_series_are_read_from_their_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = Tables()
    points, by_object = Points(tables), Points(tables)
    asked: list[str] = []
    slow = Points._metric

    def noted(self: Points, metric: Metric, resource: int) -> Iterator[Point]:
        asked.append(metric.name)
        return slow(self, metric, resource)

    monkeypatch.setattr(Points, "_metric", noted)
    for n in range(1, 4):
        request = request_of(
            gauge("a", float(n)).resource_metrics[0].scope_metrics[0].metrics[0],
            counter(n, CUMULATIVE),
            counter(n, DELTA),
            counter(n, CUMULATIVE, False),
        )
        asked.clear()
        found = read(points, request, 5)
        # A delta has to be added up every time; of the others each series is made once.
        assert len(asked) == (4 if n == 1 else 1)
        metrics = request.resource_metrics[0].scope_metrics[0].metrics
        expected = [p for metric in metrics for p in slow(by_object, metric, 0)]
        assert [(p.series, p.value) for p in found] == [(p.series, p.value) for p in expected]
        points.accept()
        by_object.accept()
