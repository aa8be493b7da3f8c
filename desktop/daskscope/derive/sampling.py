"""Newest readings of all workers in arrays; which series are whose is kept from call to call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from dask_otel import conventions as names
from daskscope.derive.place import Place, natural_key, place, process
from daskscope.derive.reading import SILENCE_NS

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

    from daskscope.store.schema import Attributes, AttributeValue
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
_NAMES: Final = tuple(dict.fromkeys(name for kinds in READINGS.values() for name in kinds.values()))
#: Of the process, which several workers may share.
_OF_PROCESS: Final = ("busy", "disk_read", "disk_write")
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
    values
        float64 by name of the reading, NaN where it was not measured.
    """

    places: list[Place]
    resource: Indices
    host: Indices
    is_removed: Mask
    values: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(self.resource)

    def those(self, chosen: Mask) -> Samples:
        """Some of them."""
        values = {name: value[chosen] for name, value in self.values.items()}
        return Samples(
            self.places, self.resource[chosen], self.host[chosen], self.is_removed[chosen], values
        )

    def total(self, name: str) -> float:
        """Sum of a reading; what was not measured counts nothing."""
        return float(np.nansum(self.values[name]))


@dataclass(slots=True)
class _Members:
    """Series of one metric that tell something of somebody, in order of their ids."""

    n_known: int = 0
    series: Indices = field(default_factory=lambda: np.zeros(0, np.int64))
    resource: Indices = field(default_factory=lambda: np.zeros(0, np.int64))
    reading: Indices = field(default_factory=lambda: np.zeros(0, np.int64))
    is_cumulative: Mask = field(default_factory=lambda: np.zeros(0, np.bool_))


class _Codes:
    """Numbers for things that are equal or not."""

    def __init__(self) -> None:
        self._code_of: dict[Hashable, int] = {}
        self._codes: list[int] = []
        self._array: Indices = np.zeros(0, np.int64)

    def add(self, thing: Hashable) -> None:
        self._codes.append(self._code_of.setdefault(thing, len(self._code_of)))

    def array(self) -> Indices:
        if len(self._array) != len(self._codes):
            self._array = np.array(self._codes, np.int64)
        return self._array


class Sampler:
    """Reads the workers of one store, and keeps which series and resources are whose.

    Attributes
    ----------
    places
        By resource id.
    """

    def __init__(self) -> None:
        self.places: list[Place] = []
        self._members: dict[names.Metric, _Members] = {}
        self._workers, self._processes, self._hosts = _Codes(), _Codes(), _Codes()
        self._is_worker: list[bool] = []
        self._told: list[tuple[float, ...]] = []
        self._ranks: Indices = np.zeros(0, np.int64)

    def of(
        self, snapshot: Snapshot, now_ns: int, metrics: Iterable[names.Metric] = _ALL
    ) -> Samples:
        """`metrics` of each worker that was heard of lately, removed ones marked.

        A worker silent for longer than `SILENCE_NS` while others are heard is left out; `now_ns`
        bounds what counts as lately, so that a clock running ahead silences nobody.
        """
        self._know(snapshot)
        members = [self._members_of(snapshot, metric) for metric in metrics]
        series = np.concatenate([some.series for some in members])
        newest = snapshot.newest
        is_heard = series < len(newest.value)
        is_heard[is_heard] = newest.time_ns[series[is_heard]] != np.iinfo(np.int64).min
        series = series[is_heard]
        resource = np.concatenate([some.resource for some in members])[is_heard]
        reading = np.concatenate([some.reading for some in members])[is_heard]
        is_rate = np.concatenate([some.is_cumulative for some in members])[is_heard]
        value = np.where(is_rate, newest.per_s[series], newest.value[series])
        resource, first, place_of = np.unique(resource, return_index=True, return_inverse=True)
        is_number = np.isfinite(value)
        cell = (reading * len(resource) + place_of)[is_number]
        sums = group_sums(value[is_number], cell, len(_NAMES) * len(resource))
        sums = sums.reshape(len(_NAMES), len(resource))
        return self._recent(snapshot, resource, first, newest.time_ns[series[first]], sums, now_ns)

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
        newest_ns = int(time_ns.max(initial=0))
        is_recent = min(newest_ns, now_ns) - time_ns <= SILENCE_NS
        is_recent &= np.array(self._is_worker, np.bool_)[resource]
        order = np.lexsort((first, time_ns))
        order = order[is_recent[order]]
        worker = self._workers.array()[resource[order]]
        begin = np.unique(worker, return_index=True)[1]
        last = len(worker) - 1 - np.unique(worker[::-1], return_index=True)[1]
        chosen = order[last[np.argsort(begin)]]
        resource, sums = resource[chosen], sums[:, chosen]
        told = np.array(self._told, np.float64).reshape(-1, len(_TOLD))[resource]
        for (name, _), value in zip(_TOLD, told.T, strict=True):
            known = sums[_NAMES.index(name)]
            known[:] = np.where(np.isnan(known), value, known)
        is_removed = np.zeros(len(resource), np.bool_)
        if snapshot.removed_ns:
            addresses = (self.places[number].address for number in resource.tolist())
            is_removed[:] = [address in snapshot.removed_ns for address in addresses]
        self._share(resource, is_removed, sums)
        values = dict(zip(_NAMES, sums, strict=True))
        return Samples(self.places, resource, self._hosts.array()[resource], is_removed, values)

    def _share(self, resource: Indices, is_removed: Mask, sums: Floats) -> None:
        """Let workers of one process share what it uses in equal parts."""
        here = np.flatnonzero(~is_removed)
        process_of = self._processes.array()[resource[here]]
        n_workers = np.bincount(process_of)[process_of] if len(here) else 1
        for name in _OF_PROCESS:
            sums[_NAMES.index(name), here] /= n_workers

    def _know(self, snapshot: Snapshot) -> None:
        """Take in resources that are new."""
        for number in range(len(self.places), len(snapshot.resources)):
            attributes: Attributes = snapshot.resources[number]
            where = place(attributes)
            self.places.append(where)
            self._is_worker.append(where.is_worker)
            self._workers.add(where.address or f"{number}")
            self._processes.add(process(attributes) or number)
            self._hosts.add(where.host)
            self._told.append(tuple(_positive(attributes.get(key)) for _, key in _TOLD))

    def _members_of(self, snapshot: Snapshot, metric: names.Metric) -> _Members:
        held = self._members.setdefault(metric, _Members())
        ids = snapshot.series_of.get(metric.name, ())
        if len(ids) == held.n_known:
            return held
        attribute = metric.attributes[-1] if metric.attributes else ""
        found: list[tuple[int, int, int, bool]] = []
        for series_id in ids[held.n_known :]:
            series = snapshot.series[series_id]
            name = READINGS[metric].get(str(series.attributes.get(attribute, "")))
            if name is not None:
                reading = _NAMES.index(name)
                found.append((series_id, series.resource, reading, series.is_cumulative))
        held.n_known = len(ids)
        new = np.array(found, np.int64).reshape(-1, 4).T
        held.series = np.concatenate([held.series, new[0]])
        held.resource = np.concatenate([held.resource, new[1]])
        held.reading = np.concatenate([held.reading, new[2]])
        held.is_cumulative = np.concatenate([held.is_cumulative, new[3] != 0])
        return held


def group_sums(value: Floats, group: Indices, n: int) -> Floats:
    """Sum of each of `n` groups, taken in order; NaN of one that has no members."""
    sums = np.bincount(group, value, n).astype(np.float64, copy=False)
    sums[np.bincount(group, minlength=n) == 0] = np.nan
    return sums


def _positive(told: AttributeValue) -> float:
    """A number that is greater than zero; NaN of anything else."""
    return float(told) if isinstance(told, int | float) and told > 0 else float("nan")
