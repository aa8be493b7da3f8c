"""Newest values of metric series, in the few shapes that panels ask for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dask_otel import conventions
    from daskscope.store.schema import Series
    from daskscope.store.snapshot import SeriesPoints, Snapshot

Indices: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]

#: A series that is exported regularly and has been silent for so long is gone.
SILENCE_NS: Final = 10_000_000_000


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


def newest_of(snapshot: Snapshot, metric: conventions.Metric) -> tuple[Indices, Floats]:
    """Times and values of the newest points of all series of `metric` that have any."""
    ids = np.array(snapshot.series_of.get(metric.name, ()), np.int64)
    newest = snapshot.newest
    ids = ids[ids < len(newest.value)]
    time_ns, value = newest.time_ns[ids], newest.value[ids]
    is_heard = time_ns != np.iinfo(np.int64).min
    return time_ns[is_heard], value[is_heard]
