"""What a worker's heartbeats say: fine performance metrics, and what users measure."""

from __future__ import annotations

from collections import defaultdict
from numbers import Real
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from dask_otel import conventions as names
from dask_otel.events import HEARTBEAT
from dask_otel.points.readings import REFRESH_S

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping

    from dask_otel.conventions import Metric
    from dask_otel.points.values import Attributes, Points

    Point = tuple[Metric, Attributes]

#: Sums that are kept of one worker. Prefixes and what users measure are theirs to name, so what
#: comes later counts as `ACTIVITY_OTHER`.
MAX_ACTIVITIES: Final = 2_000
#: Numbers of `worker.metrics` that are sent.
MAX_USER_METRICS: Final = 64

_EXECUTE: Final = "execute"
#: Metric of each unit that Dask uses.
_UNITS: Final = {
    "seconds": names.ACTIVITY_TIME,
    "bytes": names.ACTIVITY_IO,
    "count": names.ACTIVITY_COUNT,
}
#: Entries of `worker.metrics` that Dask's own packages make.
_GPU: Final = {
    "rmm.rmm-used": names.RMM_USED,
    "rmm.rmm-total": names.RMM_TOTAL,
    "cudf.cudf-spilled": names.CUDF_SPILLED,
}
#: Repeats what the system monitor says.
_NOT_SENT: Final = ("gpu", HEARTBEAT)


class Activities:
    """Sums of Dask's fine performance metrics: small, and in proportion to what changes."""

    def __init__(self) -> None:
        self._points: dict[Hashable, Point | None] = {}
        self._sums: defaultdict[Point, float] = defaultdict(float)
        self._touched: set[Point] = set()
        self._refresh_s = monotonic() + REFRESH_S

    def add(self, digests: Mapping[Hashable, float]) -> None:
        """Add what one heartbeat has carried off."""
        for point, value in self._named(digests):
            self._sums[point] += value
            self._touched.add(point)

    def points(self, pending: Mapping[Hashable, float]) -> Points:
        """Sums that have changed since the last call, with what no heartbeat has carried off yet.

        All of them every `REFRESH_S`.
        """
        now_s = monotonic()
        if now_s >= self._refresh_s:
            self._refresh_s = now_s + REFRESH_S
            self._touched.update(self._sums)
        waiting: defaultdict[Point, float] = defaultdict(float)
        for point, value in self._named(pending):
            waiting[point] += value
        changed = self._touched | waiting.keys()
        self._touched = set()
        return {point: self._sums[point] + waiting.get(point, 0.0) for point in changed}

    def _named(self, digests: Mapping[Hashable, float]) -> Iterator[tuple[Point, float]]:
        for key, value in digests.items():
            if key not in self._points:
                if len(self._points) >= MAX_ACTIVITIES:
                    point = _point(key, names.ACTIVITY_OTHER)
                else:
                    point = self._points[key] = _point(key)
            else:
                point = self._points[key]
            if point is not None and value >= 0:
                yield point, value


def _point(key: Hashable, name: str = "") -> Point | None:
    """The metric and attributes of one of Dask's sums; None for one that is no activity.

    Parameters
    ----------
    key
        `("execute", prefix, activity ..., unit)`, or `(context, activity ..., unit)`, as Dask's
        worker puts it into its heartbeat.
    name
        Stands for prefix, activity and unit.
    """
    if not isinstance(key, tuple) or len(key) < 3:
        return None
    context, *rest, unit = key
    prefix = rest.pop(0) if context == _EXECUTE else ""
    activity = ".".join(_flat(rest))
    attributes = (
        (names.ACTIVITY_CONTEXT, str(context)),
        (names.TASK_PREFIX, name if name and prefix else str(prefix)),
        (names.ACTIVITY_NAME, name or activity),
    )
    metric = _UNITS.get(unit) if isinstance(unit, str) else None
    if metric is None:
        return names.ACTIVITY_CUSTOM, (*attributes, (names.ACTIVITY_UNIT, name or str(unit)))
    return metric, attributes


def _flat(labels: Any) -> Iterator[str]:
    for label in labels:
        if isinstance(label, tuple):
            yield from _flat(label)
        else:
            yield str(label)


class UserMetrics:
    """The newest numbers of `worker.metrics`."""

    def __init__(self) -> None:
        self._points: Points = {}

    def update(self, measured: Mapping[str, Any], by_name: Mapping[str, object]) -> None:
        """Take them out of a heartbeat.

        Parameters
        ----------
        measured
            What the heartbeat says.
        by_name
            `worker.metrics`, of which only the names count: the rest is Dask's own.
        """
        numbers = [
            number
            for name in by_name
            if name in measured and name not in _NOT_SENT
            for number in _numbers(str(name), measured[name])
        ]
        points: Points = {}
        for name, value in numbers[:MAX_USER_METRICS]:
            if name in _GPU:
                points[_GPU[name], ()] = value
            else:
                points[names.USER_METRICS, ((names.USER_METRIC, name),)] = value
        self._points = points

    def points(self) -> Points:
        """The newest."""
        return self._points


def _numbers(name: str, value: object) -> Iterator[tuple[str, float]]:
    if isinstance(value, dict):
        for inner, one in value.items():
            yield from _numbers(f"{name}.{inner}", one)
    elif isinstance(value, Real):  # numpy's numbers as well
        yield name, float(value)
