"""Metrics of OTLP as points of series.

A gauge or a sum gives one series for each set of attributes. A histogram gives two: its count and
its sum, `name.count` and `name.sum`, both cumulative. Delta sums are accumulated, so that every
monotonic sum is cumulative. Points that say "no recorded value" are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import numpy as np
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    DataPointFlags,
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    SummaryDataPoint,
)

from daskscope.ingest.outline import outlined
from daskscope.ingest.point_scan import numbers_at
from daskscope.ingest.values import attributes_of
from daskscope.store.schema import MAX_TIME_NS, POINT_COLUMNS, PointBatch, Series

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from daskscope.ingest.definitions import Tables
    from daskscope.ingest.point_scan import Numbers

_DELTA: Final = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
_NO_VALUE: Final = DataPointFlags.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK
#: Series that are known by their bytes; all are forgotten when there are more.
MAX_KNOWN_SERIES: Final = 1_000_000

CountedPoint: TypeAlias = HistogramDataPoint | ExponentialHistogramDataPoint | SummaryDataPoint


class Point(NamedTuple):
    """One row of `POINT_COLUMNS` without the request."""

    series: int
    time_ns: int
    value: float


class Points:
    """Turns metrics into points; remembers the totals of delta sums."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._totals: dict[int, float] = {}
        self._pending: dict[int, float] = {}
        self._series: dict[tuple[int, bytes, bool], dict[bytes, int]] = {}
        self._n_known = 0

    def begin(self) -> None:
        """Forget the deltas that were read since `accept`: their requests come again."""
        self._pending.clear()

    def accept(self) -> None:
        """The deltas that were read count from now on."""
        self._totals.update(self._pending)
        self._pending.clear()

    def remember(self, batch: PointBatch) -> None:
        """Deltas go on from these points; of others a total is never asked for."""
        series, value = batch.columns["series"].tolist(), batch.columns["value"].tolist()
        self._totals.update(zip(series, value, strict=True))

    def read(self, data: bytes, received_ns: int) -> list[Point]:
        """All points of a request; a point without a time is of `received_ns`."""
        points: list[Point] = []
        data, parts = outlined(data, ExportMetricsServiceRequest)
        for part in parts:
            resource = self._tables.resource_of(part.resource)
            for begin, end in zip(part.begins, part.ends, strict=True):
                numbers = numbers_at(data, begin, end)
                if numbers is not None:
                    points += self._known(numbers, data[begin:end], resource)
                else:
                    points += self._metric(Metric.FromString(data[begin:end]), resource)
        return [p if p.time_ns else p._replace(time_ns=received_ns) for p in points]

    def _known(self, numbers: Numbers, metric: bytes, resource: int) -> list[Point]:
        """Points of a metric of which the series are known by their bytes, or will be."""
        series_of = self._series.setdefault((resource, *numbers.head), {})
        try:
            return [
                Point(series_of[attributes], min(time_ns, MAX_TIME_NS), value)
                for attributes, time_ns, value in numbers.points
            ]
        except KeyError:
            points = list(self._metric(Metric.FromString(metric), resource))
            if self._n_known > MAX_KNOWN_SERIES:
                self._series.clear()
                self._n_known = 0
                return points
            for point, (attributes, _, _) in zip(points, numbers.points, strict=True):
                series_of[attributes] = point.series
            self._n_known += len(points)
            return points

    def _metric(self, metric: Metric, resource: int) -> Iterator[Point]:
        kind = metric.WhichOneof("data")
        if kind == "gauge":
            yield from self._numbers(metric, metric.gauge.data_points, resource, False, False)
        elif kind == "sum":
            total = metric.sum
            is_delta = total.aggregation_temporality == _DELTA
            yield from self._numbers(
                metric, total.data_points, resource, total.is_monotonic, is_delta
            )
        elif kind == "histogram":
            is_delta = metric.histogram.aggregation_temporality == _DELTA
            yield from self._counted(metric, metric.histogram.data_points, resource, is_delta)
        elif kind == "exponential_histogram":
            histogram = metric.exponential_histogram
            is_delta = histogram.aggregation_temporality == _DELTA
            yield from self._counted(metric, histogram.data_points, resource, is_delta)
        elif kind == "summary":
            yield from self._counted(metric, metric.summary.data_points, resource, False)

    def _numbers(
        self,
        metric: Metric,
        points: Iterable[NumberDataPoint],
        resource: int,
        is_cumulative: bool,
        is_delta: bool,
    ) -> Iterator[Point]:
        for point in points:
            if point.flags & _NO_VALUE:
                continue
            attributes = attributes_of(point.attributes)
            series = self._tables.series(
                Series(metric.name, metric.unit, resource, is_cumulative, attributes)
            )
            is_integer = point.WhichOneof("value") == "as_int"
            value = float(point.as_int) if is_integer else point.as_double
            yield self._point(series, point.time_unix_nano, value, is_delta)

    def _counted(
        self, metric: Metric, points: Iterable[CountedPoint], resource: int, is_delta: bool
    ) -> Iterator[Point]:
        for point in points:
            if point.flags & _NO_VALUE:
                continue
            attributes = attributes_of(point.attributes)
            count = Series(f"{metric.name}.count", "1", resource, True, attributes)
            total = Series(f"{metric.name}.sum", metric.unit, resource, True, attributes)
            for series, value in ((count, float(point.count)), (total, point.sum)):
                number = self._tables.series(series)
                yield self._point(number, point.time_unix_nano, value, is_delta)

    def _point(self, series: int, time_ns: int, value: float, is_delta: bool) -> Point:
        if is_delta:
            value += self._pending.get(series, self._totals.get(series, 0.0))
            self._pending[series] = value
        return Point(series, min(time_ns, MAX_TIME_NS), value)


def batch_of(parts: Iterable[tuple[int, list[Point]]]) -> PointBatch:
    """One batch of parts `(request, points)`, in their order."""
    rows = [(request, *point) for request, points in parts for point in points]
    by_column = list(zip(*rows, strict=True))
    return PointBatch(
        {
            name: np.array(values, dtype)
            for (name, dtype), values in zip(POINT_COLUMNS.items(), by_column, strict=True)
        }
    )
