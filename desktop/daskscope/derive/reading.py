"""Newest values and rates of metric series, in the few shapes that panels ask for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from dask_otel import conventions
    from daskscope.store.schema import Series
    from daskscope.store.snapshot import SeriesPoints, Snapshot

#: A series that is exported regularly and has been silent for so long is gone.
SILENCE_NS: Final = 10_000_000_000
#: Rates are differences over the newest points of so much time.
RATE_SPAN_NS: Final = 3_000_000_000


def measured(
    snapshot: Snapshot, metric: conventions.Metric
) -> Iterator[tuple[str, Series, SeriesPoints]]:
    """Every series of `metric` that has points: value of its (last) attribute, series, points."""
    series_by_id, points_of = snapshot.series, snapshot.points
    attribute = metric.attributes[-1] if metric.attributes else ""
    for series_id in snapshot.series_of.get(metric.name, ()):
        points = points_of.get(series_id)
        if points is not None and len(points.value):
            series = series_by_id[series_id]
            yield str(series.attributes.get(attribute, "")), series, points


def count_at(points: SeriesPoints, time_ns: int) -> float:
    """The count that held at a time: of the last point not after it; 0 before the first."""
    index = int(points.time_ns.searchsorted(time_ns, "right"))
    return _number(points.value[index - 1]) if index else 0.0


def newest_count(points: SeriesPoints) -> float:
    """The newest count; what is no number counts nothing."""
    return _number(points.value[-1])


def _number(value: np.float64) -> float:
    return float(value) if math.isfinite(value) else 0.0


def growth_per_s(points: SeriesPoints) -> float:
    """Rate of a cumulative series over its newest points; NaN from a single point.

    A counter that restarts counts as one that stood still.
    """
    end_ns = int(points.time_ns[-1])
    first = max(int(points.time_ns.searchsorted(end_ns - RATE_SPAN_NS)), 0)
    first = min(first, max(len(points.time_ns) - 2, 0))
    span_ns = end_ns - int(points.time_ns[first])
    if span_ns <= 0:
        return float("nan")
    return max(float(points.value[-1]) - float(points.value[first]), 0.0) * 1e9 / span_ns
