"""Newest readings of all workers in arrays; which series are whose is kept from call to call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from dask_otel import conventions as names
from daskscope.derive.clusters import Clusters
from daskscope.derive.place import Place, natural_key, place, process
from daskscope.derive.reading import SILENCE_NS

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

    from daskscope.store.schema import AttributeValue
    from daskscope.store.snapshot import Snapshot

Floats: TypeAlias = npt.NDArray[np.float64]
Indices: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]

#: Reading by value of the metric's attribute ("" for a metric without one), by metric.
READINGS: Final[Mapping[names.Metric, Mapping[str, str]]] = {
    names.WORKER_STATUS: {"paused": "paused"},
    names.CPU_USAGE: {"": "busy"},
    names.WORKER_THREADS: {"": "threads"},
    names.WORKER_LIMIT: {"": "limit"},
    names.WORKER_MEMORY: {
        names.MEMORY_MANAGED: "managed",
        names.MEMORY_UNMANAGED_OLD: "old",
        names.MEMORY_UNMANAGED_RECENT: "recent",
        names.MEMORY_SPILLED: "spilled",
    },
    names.WORKER_TASKS: {
        "executing": "run",
        "long-running": "run",
        "ready": "ready",
        "constrained": "ready",
        "memory": "in_memory",
    },
    names.WORKER_LATENCY: {"": "latency"},
    names.TRANSFER_IO: {names.RECEIVE: "net_in", names.TRANSMIT: "net_out"},
    names.PROCESS_DISK_IO: {names.READ: "disk_read", names.WRITE: "disk_write"},
    names.HOST_NETWORK_RATE: {names.RECEIVE: "host_net_in", names.TRANSMIT: "host_net_out"},
    names.HOST_DISK_RATE: {names.READ: "host_disk_read", names.WRITE: "host_disk_write"},
}
#: What tells how many workers there are and how large.
SIZES: Final = (names.WORKER_THREADS, names.WORKER_LIMIT, names.WORKER_LATENCY)
_ALL: Final = tuple(READINGS)
NAMES: Final = tuple(dict.fromkeys(name for kinds in READINGS.values() for name in kinds.values()))
_READING_OF: Final = {name: number for number, name in enumerate(NAMES)}
#: By name of the metric: its number, the attribute that tells its readings apart, and these.
_BY_NAME: Final[Mapping[str, tuple[int, str, Mapping[str, str]]]] = {
    metric.name: (number, metric.attributes[-1] if metric.attributes else "", readings)
    for number, (metric, readings) in enumerate(READINGS.items())
}
_NOTHING: Final[tuple[int, str, Mapping[str, str]]] = (-1, "", {})
_NOBODY: Final = np.zeros(0, np.int64)
#: A resource takes as long to know as so many series.
_SERIES_A_RESOURCE: Final = 16
#: Of the process, which several workers may share.
OF_PROCESS: Final = ("busy", "disk_read", "disk_write")
#: No scheduler keeps a silent worker for longer: `distributed.scheduler.worker-ttl` by default.
WORKER_TTL_NS: Final = 300_000_000_000
#: What a worker's attributes tell where no metric does.
_TOLD: Final = (("threads", names.WORKER_NTHREADS), ("limit", names.WORKER_MEMORY_LIMIT))


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Newest readings of some workers; all arrays have one entry for each.

    Attributes
    ----------
    places
        Of all resources, by resource id.
    resource
        int64: resource id.
    host
        int64: the same for all workers of one host.
    is_removed
        bool: the scheduler has removed it.
    is_silent
        bool: it has said nothing for longer than `SILENCE_NS` while others were heard.
    values
        float64 by name of the reading, NaN where it was not measured.
    """

    places: list[Place]
    resource: Indices
    host: Indices
    is_removed: Mask
    is_silent: Mask
    values: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(self.resource)

    def those(self, chosen: Mask) -> Samples:
        """Some of them."""
        values = {name: value[chosen] for name, value in self.values.items()}
        return Samples(
            self.places,
            self.resource[chosen],
            self.host[chosen],
            self.is_removed[chosen],
            self.is_silent[chosen],
            values,
        )

    def heard(self) -> Samples:
        """Those that are not silent."""
        return self.those(~self.is_silent)

    def total(self, name: str) -> float:
        """Sum of a reading; what was not measured counts nothing."""
        return float(np.nansum(self.values[name]))


class Readers:
    """Which series tell something of somebody, in order of their ids: columns that grow.

    Attributes
    ----------
    n
        Series that tell something.
    """

    def __init__(self) -> None:
        self.n = 0
        self._columns = np.zeros((5, 0), np.int64)

    def add(self, found: list[tuple[int, int, int, int, bool]]) -> None:
        """Add series: id, resource, number of the reading, of the metric, whether it counts up."""
        n = self.n + len(found)
        if n > self._columns.shape[1]:
            more = np.zeros((5, max(n, 2 * self.n) - self._columns.shape[1]), np.int64)
            self._columns = np.concatenate([self._columns, more], axis=1)
        self._columns[:, self.n : n] = np.array(found, np.int64).reshape(-1, 5).T
        self.n = n

    @property
    def series(self) -> Indices:
        """Series id of each."""
        return self._columns[0, : self.n]

    @property
    def resource(self) -> Indices:
        """Resource id of each."""
        return self._columns[1, : self.n]

    @property
    def reading(self) -> Indices:
        """What each reads, as a place in `NAMES`."""
        return self._columns[2, : self.n]

    @property
    def metric(self) -> Indices:
        """The metric of each, as a place in `READINGS`."""
        return self._columns[3, : self.n]

    @property
    def is_cumulative(self) -> Mask:
        """Whether each counts up."""
        counts: Mask = self._columns[4, : self.n] != 0
        return counts


class _Column:
    """Values by resource id."""

    def __init__(self, dtype: npt.DTypeLike, *shape: int) -> None:
        self._values: list[object] = []
        self._array = np.zeros((0, *shape), dtype)

    def add(self, value: object) -> None:
        self._values.append(value)

    def array(self) -> npt.NDArray[Any]:
        if len(self._array) != len(self._values):
            self._array = np.array(self._values, self._array.dtype)
        return self._array


class _Codes:
    """Numbers for things that are equal or not."""

    def __init__(self) -> None:
        self._code_of: dict[Hashable, int] = {}
        self._codes = _Column(np.int64)

    def add(self, thing: Hashable) -> None:
        self._codes.add(self._code_of.setdefault(thing, len(self._code_of)))

    def array(self) -> Indices:
        return self._codes.array()


class Sampler:
    """Reads the workers of one store, and keeps which series and resources are whose.

    Parameters
    ----------
    is_patient
        It knows what it was let `learn`; else it learns everything when it is asked.

    Attributes
    ----------
    places
        By resource id.
    readers
        Which series tell what of whom.
    clusters
        Of the workers.
    """

    def __init__(self, *, is_patient: bool = False) -> None:
        self.places: list[Place] = []
        self.readers = Readers()
        self.clusters = Clusters()
        self._is_patient = is_patient
        self._n_series = 0
        self._chosen: dict[tuple[names.Metric, ...], tuple[int, Indices]] = {}
        self._processes, self._hosts = _Codes(), _Codes()
        self._is_worker = _Column(np.bool_)
        self._told = _Column(np.float64, len(_TOLD))
        self._ranks: Indices = np.zeros(0, np.int64)

    def of(
        self, snapshot: Snapshot, now_ns: int, metrics: Iterable[names.Metric] = _ALL
    ) -> Samples:
        """`metrics` of each worker that was heard of in the last `WORKER_TTL_NS`.

        Of those that the scheduler has removed only the ones that are not silent; `now_ns` bounds
        what counts as silence, so that a clock running ahead silences nobody.
        """
        self.knows(snapshot)
        readers, newest = self.readers, snapshot.newest
        at = self._of_metrics(tuple(metrics))
        series = readers.series[at]
        is_heard = series < len(newest.value)
        is_heard[is_heard] = newest.time_ns[series[is_heard]] != np.iinfo(np.int64).min
        at, series = at[is_heard], series[is_heard]
        resource, reading = readers.resource[at], readers.reading[at]
        is_rate = readers.is_cumulative[at]
        value = np.where(is_rate, newest.per_s[series], newest.value[series])
        resource, first, place_of = np.unique(resource, return_index=True, return_inverse=True)
        is_number = np.isfinite(value)
        cell = (reading * len(resource) + place_of)[is_number]
        sums = group_sums(value[is_number], cell, len(NAMES) * len(resource))
        sums = sums.reshape(len(NAMES), len(resource))
        heard_ns = np.full(len(resource), np.iinfo(np.int64).min)
        np.maximum.at(heard_ns, place_of, newest.time_ns[series])
        return self._recent(snapshot, resource, first, heard_ns, sums, now_ns)

    def learn(self, snapshot: Snapshot, most: int | None = None) -> bool:
        """Take in resources and series that are new, `most` series or as much work at once.

        Returns
        -------
        bool
            Whether all are known.
        """
        n_known, n_resources = len(self.places), len(snapshot.resources)
        until = n_resources
        if most is not None:
            until = min(n_resources, n_known + most // _SERIES_A_RESOURCE)
        for number in range(n_known, until):
            self._know(number, snapshot)
        if until < n_resources:
            return False
        first, n_series = self._n_series, len(snapshot.series)
        self._n_series = n_series if most is None else min(n_series, first + most)
        found: list[tuple[int, int, int, int, bool]] = []
        for series_id in range(first, self._n_series):
            series = snapshot.series[series_id]
            metric, attribute, readings = _BY_NAME.get(series.name, _NOTHING)
            name = readings.get(str(series.attributes.get(attribute, "")))
            if name is not None:
                reading = _READING_OF[name]
                found.append((series_id, series.resource, reading, metric, series.is_cumulative))
        self.readers.add(found)
        return self._n_series == n_series

    def knows(self, snapshot: Snapshot) -> bool:
        """Whether all are known; who is not patient learns what is missing."""
        return self.learn(snapshot, 0 if self._is_patient else None)

    def processes(self) -> Indices:
        """int64, by resource id: the same for all workers of one process."""
        return self._processes.array()

    def are_workers(self) -> Mask:
        """Whether each resource is a worker, by id."""
        return self._is_worker.array()

    def ranks(self) -> Indices:
        """int64, by resource id: place of its name in natural order, equal for equal names."""
        if len(self._ranks) != len(self.places):
            keys = [natural_key(where.name) for where in self.places]
            rank_of = {key: rank for rank, key in enumerate(sorted(set(keys)))}
            self._ranks = np.array([rank_of[key] for key in keys], np.int64)
        return self._ranks

    def _recent(
        self,
        snapshot: Snapshot,
        resource: Indices,
        first: Indices,
        time_ns: Indices,
        sums: Floats,
        now_ns: int,
    ) -> Samples:
        """Of each worker the resource that was heard of last."""
        silence_ns = min(int(time_ns.max(initial=0)), now_ns) - time_ns
        is_known = silence_ns <= WORKER_TTL_NS
        is_known &= self.are_workers()[resource]
        order = np.lexsort((first, time_ns))
        order = order[is_known[order]]
        worker = snapshot.worker_of[resource[order]]
        begin = np.unique(worker, return_index=True)[1]
        last = len(worker) - 1 - np.unique(worker[::-1], return_index=True)[1]
        chosen = order[last[np.argsort(begin)]]
        is_silent = silence_ns[chosen] > SILENCE_NS
        is_removed = self._are_removed(snapshot, resource[chosen])
        is_there = ~(is_removed & is_silent)
        chosen, is_removed, is_silent = chosen[is_there], is_removed[is_there], is_silent[is_there]
        resource, sums = resource[chosen], sums[:, chosen]
        told = self._told.array()[resource]
        for (name, _), value in zip(_TOLD, told.T, strict=True):
            known = sums[NAMES.index(name)]
            known[:] = np.where(np.isnan(known), value, known)
        self._share(resource, ~(is_removed | is_silent), sums)
        values = dict(zip(NAMES, sums, strict=True))
        host = self._hosts.array()[resource]
        return Samples(self.places, resource, host, is_removed, is_silent, values)

    def _are_removed(self, snapshot: Snapshot, resource: Indices) -> Mask:
        """Which workers the scheduler has removed."""
        if not snapshot.removed_ns:
            return np.zeros(len(resource), np.bool_)
        workers = snapshot.worker_of[resource].tolist()
        return np.array([worker in snapshot.removed_ns for worker in workers], np.bool_)

    def _share(self, resource: Indices, is_running: Mask, sums: Floats) -> None:
        """Let workers of one process share what it uses in equal parts."""
        here = np.flatnonzero(is_running)
        process_of = self._processes.array()[resource[here]]
        n_workers = np.bincount(process_of)[process_of] if len(here) else 1
        for name in OF_PROCESS:
            sums[NAMES.index(name), here] /= n_workers

    def _know(self, number: int, snapshot: Snapshot) -> None:
        """Take in a resource."""
        attributes = snapshot.resources[number]
        where = self.clusters.placed(place(attributes), int(snapshot.worker_of[number]))
        self.places.append(where)
        self._is_worker.add(where.is_worker)
        self._processes.add(process(attributes) or number)
        self._hosts.add(where.host)
        self._told.add(tuple(_positive(attributes.get(key)) for _, key in _TOLD))

    def _of_metrics(self, metrics: tuple[names.Metric, ...]) -> Indices:
        """Places of the readers of some metrics, one metric after the other."""
        n_known, chosen = self._chosen.get(metrics, (-1, _NOBODY))
        if n_known != self.readers.n:
            numbers = [_BY_NAME[metric.name][0] for metric in metrics]
            rank_of = np.full(len(READINGS), -1, np.int64)
            rank_of[numbers] = np.arange(len(numbers))
            rank = rank_of[self.readers.metric]
            order = np.argsort(rank, kind="stable")
            chosen = order[rank[order] >= 0]
            self._chosen[metrics] = self.readers.n, chosen
        return chosen


def group_sums(value: Floats, group: Indices, n: int) -> Floats:
    """Sum of each of `n` groups, taken in order; NaN of one that has no members."""
    sums = np.bincount(group, value, n).astype(np.float64, copy=False)
    sums[np.bincount(group, minlength=n) == 0] = np.nan
    return sums


def _positive(told: AttributeValue) -> float:
    """A number that is greater than zero; NaN of anything else."""
    return float(told) if isinstance(told, int | float) and told > 0 else float("nan")
