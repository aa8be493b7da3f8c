"""What the gutter tells of workers beside their names: how busy they are, and their memory."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from dask_otel import conventions
from daskscope.derive import quantity
from daskscope.derive.clocks import Clocks
from daskscope.derive.workers import alarm
from daskscope.store.schema import Kind
from daskscope.store.snapshot import STILL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from daskscope.derive.clocks import Skew
    from daskscope.store.snapshot import Newest, Snapshot

#: Busy shares are means over so much time.
BUSY_SPAN_NS: Final = 2_000_000_000
#: Series that are taken in at once: a millisecond's work.
MOST_SERIES: Final = 1_000
_LIMIT: Final = "limit"
_PAUSED: Final = "paused"
_PARTS: Final = (
    conventions.MEMORY_MANAGED,
    conventions.MEMORY_UNMANAGED_OLD,
    conventions.MEMORY_UNMANAGED_RECENT,
    conventions.MEMORY_SPILLED,
)
#: Metrics of a worker's memory: by value of the attribute, what is told.
_METRICS: Final = (
    (conventions.WORKER_MEMORY, {part: part for part in _PARTS}),
    (conventions.WORKER_LIMIT, {"": _LIMIT}),
    (conventions.WORKER_STATUS, {"paused": _PAUSED}),
)


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of one worker, as in `lanelayout.WorkerBlock`, unless it fell silent."""

    shares: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    text: str = ""
    alarm: int = 0
    is_silent: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class LaneReadings:
    """Readings at one moment.

    Attributes
    ----------
    busy
        float64, by lane id: share of the last `BUSY_SPAN_NS` that it spent computing.
    newest
        Newest points of all series.
    series_of
        By resource id: what each series of its memory tells, and the id of the series.
    heard_until_ns
        As in the snapshot.
    skews
        By number of a worker: how wrong its clock is.
    added_ns
        As in the snapshot.
    """

    busy: npt.NDArray[np.float64]
    newest: Newest
    series_of: Mapping[int, Sequence[tuple[str, int]]]
    heard_until_ns: npt.NDArray[np.int64]
    skews: Mapping[int, Skew]
    added_ns: Mapping[int, int]

    def busy_lanes(self, lanes: Sequence[int]) -> float:
        """Busy lanes among some; what has come since counts nothing yet."""
        known = [lane for lane in lanes if lane < len(self.busy)]
        return float(self.busy[known].sum())

    def memory(self, resources: Sequence[int], told_bytes: float) -> Memory:
        """Memory of the worker that has these resources; nothing of one that fell silent.

        `told_bytes` is its limit where no metric says it, 0 for none.
        """
        values: dict[str, float] = {}
        for resource in resources:
            for name, series_id in self.series_of.get(resource, ()):
                if series_id >= len(self.newest.value):
                    continue  # nothing was measured yet
                value = float(self.newest.value[series_id])
                if math.isfinite(value):
                    values[name] = values.get(name, 0.0) + value
        # One that measures nothing may have nothing to say.
        is_silent = bool(values) and all(self.heard_until_ns[one] != STILL for one in resources)
        if not values or is_silent:
            return Memory(is_silent=is_silent)
        limit_bytes, is_paused = values.get(_LIMIT, told_bytes), values.get(_PAUSED, 0.0) > 0
        managed, old, recent, spilled = (values.get(part, 0.0) for part in _PARTS)
        used_bytes = managed + old + recent
        whole = limit_bytes if limit_bytes > 0 else max(used_bytes, 1.0)
        return Memory(
            (managed / whole, old / whole, recent / whole, spilled / whole),
            quantity.nbytes(used_bytes) if conventions.MEMORY_MANAGED in values else "",
            alarm(used_bytes, limit_bytes, is_paused=is_paused),
        )


class ReadingsKeeper:
    """Makes readings of one store, and keeps which series are whose."""

    def __init__(self) -> None:
        self._series_of: defaultdict[int, list[tuple[str, int]]] = defaultdict(list)
        self._n_known: dict[str, int] = {}
        self._clocks = Clocks()
        self._last: LaneReadings | None = None
        self._last_of: object = None

    def learn(self, snapshot: Snapshot, most: int | None = None) -> bool:
        """Know of series that are new, of `most` of a metric at once; whether all are known."""
        if most is None:
            self._clocks.learn(snapshot)
        are_all_known = True
        for metric, words in _METRICS:
            ids = snapshot.series_of.get(metric.name, ())
            first = self._n_known.get(metric.name, 0)
            until = len(ids) if most is None else min(first + most, len(ids))
            for series_id in ids[first:until]:
                series = snapshot.series[series_id]
                said = series.attributes.get(metric.attributes[-1]) if metric.attributes else ""
                if said in words:
                    self._series_of[series.resource].append((words[said], series_id))
            self._n_known[metric.name] = until
            are_all_known &= until == len(ids)
        return are_all_known

    def watch(self, snapshot: Snapshot) -> bool:
        """Look at some of the spans that tell of clocks; whether none is left."""
        return self._clocks.step(snapshot)

    def of(self, snapshot: Snapshot) -> LaneReadings:
        """Readings now, of the series that are known; the same object while nothing else is."""
        # They are looked at after they have come.
        skews, last = self._clocks.skews, self._last
        made_of = snapshot.generation, sum(self._n_known.values())
        if last is not None and made_of == self._last_of and skews is last.skews:
            return last
        self._last_of = made_of
        self._last = LaneReadings(
            busy_lanes(snapshot),
            snapshot.newest,
            self._series_of,
            snapshot.heard_until_ns,
            skews,
            snapshot.added_ns,
        )
        return self._last


def busy_lanes(snapshot: Snapshot) -> npt.NDArray[np.float64]:
    """Share of the last `BUSY_SPAN_NS` that each lane spent computing: float64, by lane id."""
    to_ns = snapshot.last_ns
    from_ns = to_ns - BUSY_SPAN_NS
    busy_ns = np.zeros(len(snapshot.lanes))
    for chunk in snapshot.chunks:
        if chunk.t_max < from_ns:
            continue
        # What began earlier and still counts lasts at least from then on.
        for found in (chunk.starting(from_ns, to_ns), chunk.begun(from_ns)):
            rows = found[chunk.columns["kind"][found] == Kind.COMPUTE.value]
            in_it_ns = chunk.end_ns[rows] - np.maximum(chunk.start_ns[rows], from_ns)
            np.add.at(busy_ns, chunk.columns["lane"][rows], in_it_ns.astype(np.float64))
    attempts = snapshot.running.attempts
    runs = np.flatnonzero(snapshot.running_until_ns == STILL)
    in_it_ns = np.maximum(to_ns - attempts.start_ns[runs].clip(from_ns), 0)
    np.add.at(busy_ns, attempts.lane[runs], in_it_ns.astype(np.float64))
    return np.minimum(busy_ns / BUSY_SPAN_NS, 1.0)
