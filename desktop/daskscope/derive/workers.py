"""The workers table: a total, a sum for each host, and the newest readings of each worker.

Host network and disk rates are seen by every worker of a host alike: a host row takes the greatest,
never the sum. A worker's row shows what that worker itself moved.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dask_otel import conventions as names
from daskscope.derive import quantity
from daskscope.derive.panels import WorkerRow, WorkerRowKind, WorkersFrame
from daskscope.derive.place import Place, natural_key, place, process
from daskscope.derive.reading import SILENCE_NS, growth_per_s, measured

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from daskscope.session import Session
    from daskscope.store.snapshot import Snapshot

COLUMNS: Final = (
    "worker",
    "cpu",
    "memory",
    "spilled",
    "run",
    "ready",
    "in_memory",
    "latency",
    "net_in",
    "net_out",
    "disk_read",
    "disk_write",
)

#: Fewer bytes, or bytes a second, would be written as 0.0 kB.
LEAST_BYTES: Final = 50.0
#: Shares of the memory limit from which Dask spills, and from which its nanny restarts a worker.
SPILL_SHARE: Final = 0.60
TERMINATE_SHARE: Final = 0.95

_NAN: Final = float("nan")

#: Reading by value of the metric's attribute ("" for a metric without one), by metric.
_READINGS: Final[Mapping[names.Metric, Mapping[str, str]]] = {
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
#: Of the process, which several workers may share.
_OF_PROCESS: Final = ("busy", "disk_read", "disk_write")
_RATES: Final = ("net_in", "net_out", "disk_read", "disk_write")
_SUMMED: Final = (
    "busy",
    "threads",
    "limit",
    "managed",
    "old",
    "recent",
    "spilled",
    "run",
    "ready",
    "in_memory",
)


@dataclass(slots=True)
class Sample:
    """Newest readings of one worker, or their sums; what was not measured is absent.

    Attributes
    ----------
    process
        The same for all workers of one process.
    """

    place: Place
    time_ns: int = 0
    is_removed: bool = False
    process: object = None
    values: dict[str, float] = field(default_factory=dict)

    def value(self, name: str) -> float:
        """A reading, NaN where there is none."""
        return self.values.get(name, _NAN)

    @property
    def is_paused(self) -> bool:
        """It has said that it takes no tasks because its memory is full."""
        return self.value("paused") > 0

    @property
    def cpu(self) -> float:
        """Share of the threads' worth of CPU in use."""
        threads = self.value("threads")
        return self.value("busy") / threads if threads > 0 else _NAN

    @property
    def process_bytes(self) -> float:
        """Memory of the process; Dask's three parts add up to it."""
        return self.value("managed") + self.values.get("old", 0.0) + self.values.get("recent", 0.0)


def workers_frame(snapshot: Snapshot, session: Session, now_ns: int) -> WorkersFrame:
    """The table in the order the session asks for.

    When not one worker runs any more (the cluster has been closed, or a recording has ended), the
    last ones stay with what they last said, in state `removed`.
    """
    samples = worker_samples(snapshot, now_ns)
    shown = [sample for sample in samples if not sample.is_removed] or samples
    by_host: defaultdict[str, list[Sample]] = defaultdict(list)
    for sample in shown:
        by_host[sample.place.host].append(sample)
    hosts = [_host(host, workers) for host, workers in by_host.items()]
    rows = [_row(WorkerRowKind.TOTAL, _total(shown, hosts))] if shown else []
    for host in _ordered(hosts, session):
        key = host.place.host
        is_folded = key in session.collapsed_hosts
        rows.append(_row(WorkerRowKind.HOST, host, is_folded=is_folded))
        if not is_folded:
            rows += [
                _row(WorkerRowKind.WORKER, worker) for worker in _ordered(by_host[key], session)
            ]
    return WorkersFrame(
        columns=COLUMNS,
        rows=tuple(rows),
        summary=_summary(snapshot, samples),
        sort=session.worker_sort,
        is_descending=session.is_sort_descending,
    )


def worker_samples(
    snapshot: Snapshot, now_ns: int, metrics: Iterable[names.Metric] = tuple(_READINGS)
) -> list[Sample]:
    """One sample of `metrics` for each worker that was heard of lately, removed ones marked.

    A worker silent for longer than `SILENCE_NS` while others are heard is left out; `now_ns` bounds
    what counts as lately, so that a clock running ahead silences nobody.
    """
    by_resource: dict[int, Sample] = {}
    for metric in metrics:
        readings = _READINGS[metric]
        for kind, series, points in measured(snapshot, metric):
            name = readings.get(kind)
            if name is None:
                continue
            sample = by_resource.get(series.resource)
            if sample is None:
                sample = Sample(place(snapshot.resources[series.resource]))
                sample.time_ns = int(points.time_ns[-1])
                sample.process = process(snapshot.resources[series.resource]) or series.resource
                by_resource[series.resource] = sample
            value = growth_per_s(points) if series.is_cumulative else float(points.value[-1])
            if math.isfinite(value):
                sample.values[name] = sample.values.get(name, 0.0) + value
    return _recent(snapshot, by_resource, now_ns)


def _recent(snapshot: Snapshot, by_resource: Mapping[int, Sample], now_ns: int) -> list[Sample]:
    newest_ns = max((sample.time_ns for sample in by_resource.values()), default=0)
    by_address: dict[str, Sample] = {}
    for resource, sample in sorted(by_resource.items(), key=lambda item: item[1].time_ns):
        if not sample.place.is_worker or min(newest_ns, now_ns) - sample.time_ns > SILENCE_NS:
            continue
        attributes = snapshot.resources[resource]
        for name, key in (("threads", names.WORKER_NTHREADS), ("limit", names.WORKER_MEMORY_LIMIT)):
            told = attributes.get(key)
            if name not in sample.values and isinstance(told, int | float) and told > 0:
                sample.values[name] = float(told)
        sample.is_removed = sample.place.address in snapshot.removed_ns
        by_address[sample.place.address or f"{resource}"] = sample
    samples = list(by_address.values())
    _share(samples)
    return samples


def _share(samples: Iterable[Sample]) -> None:
    """Let workers of one process share what it uses in equal parts."""
    here = [sample for sample in samples if not sample.is_removed]
    n_workers = Counter(sample.process for sample in here)
    for sample in here:
        for name in _OF_PROCESS:
            if name in sample.values:
                sample.values[name] /= n_workers[sample.process]


def alarm(process_bytes: float, limit_bytes: float, is_paused: bool = False) -> int:
    """How near a process is to its limit: 0 fine, 1 from 60 %, 2 from 95 % or when it is paused.

    Source: `distributed/dashboard/components/scheduler.py`, `MemoryColor`.
    """
    if is_paused:
        return 2
    if not limit_bytes > 0:
        return 0
    share = process_bytes / limit_bytes
    return 2 if share >= TERMINATE_SHARE else 1 if share >= SPILL_SHARE else 0


def _sums(samples: Iterable[Sample]) -> dict[str, float]:
    """Sums of what adds up, and the mean latency."""
    samples = list(samples)
    sums = {}
    for name in (*_SUMMED, "latency"):
        known = [sample.values[name] for sample in samples if name in sample.values]
        if known:
            sums[name] = sum(known) / (len(known) if name == "latency" else 1)
    return sums


def _host(host: str, workers: list[Sample]) -> Sample:
    """Sums of a host; its traffic is the greatest that any of its workers saw."""
    address = workers[0].place.host_address
    values = _sums(workers)
    for name in _RATES:
        key = f"host_{name}"
        known = [worker.values[key] for worker in workers if key in worker.values]
        if known:
            values[name] = max(known)
    where = Place(host, address, host, port=address, address="", is_worker=False)
    return Sample(where, values=values)


def _total(workers: list[Sample], hosts: list[Sample]) -> Sample:
    """Sums of everything; traffic is that of the hosts."""
    values = _sums(workers)
    for name in _RATES:
        known = [host.values[name] for host in hosts if name in host.values]
        if known:
            values[name] = sum(known)
    caption = quantity.plural(len(workers), "worker")
    return Sample(Place("", "", "Total", caption, "", is_worker=False), values=values)


def _ordered(samples: Iterable[Sample], session: Session) -> list[Sample]:
    """Sorted by the session's column; what was not measured comes last either way."""
    by_name = sorted(samples, key=lambda sample: natural_key(sample.place.name))
    descending = session.is_sort_descending
    if session.worker_sort not in COLUMNS[1:]:
        return by_name[::-1] if descending else by_name
    key = session.worker_sort
    known = [sample for sample in by_name if not math.isnan(_number(sample, key))]
    unknown = [sample for sample in by_name if math.isnan(_number(sample, key))]
    return sorted(known, key=lambda sample: _number(sample, key), reverse=descending) + unknown


def _number(sample: Sample, column: str) -> float:
    if column == "cpu":
        return sample.cpu
    return sample.process_bytes if column == "memory" else sample.value(column)


def _row(kind: WorkerRowKind, sample: Sample, is_folded: bool = False) -> WorkerRow:
    limit_bytes = sample.value("limit")
    state = "removed" if sample.is_removed else "paused" if sample.is_paused else "running"
    return WorkerRow(
        kind=kind,
        host=sample.place.host,
        name=sample.place.name,
        caption=sample.place.port,
        state=state if kind == WorkerRowKind.WORKER else "",
        cpu=sample.cpu,
        memory=(
            sample.value("managed"),
            sample.value("old"),
            sample.value("recent"),
            sample.value("spilled"),
        ),
        limit_bytes=limit_bytes,
        alarm=alarm(sample.process_bytes, limit_bytes, is_paused=sample.is_paused),
        cells=_cells(sample),
        is_folded=is_folded,
    )


def _cells(sample: Sample) -> tuple[str, ...]:
    return (
        sample.place.name,
        quantity.share(sample.cpu),
        quantity.memory(sample.process_bytes, sample.value("limit")),
        _unless_none(quantity.nbytes, sample.value("spilled")),
        quantity.count(sample.value("run")),
        quantity.count(sample.value("ready")),
        quantity.count(sample.value("in_memory")),
        quantity.seconds(sample.value("latency")),
        *(_unless_none(quantity.byte_rate, sample.value(name)) for name in _RATES),
    )


def _unless_none(text_of: Callable[[float], str], value: float) -> str:
    """Text of what was measured; next to nothing is as quiet as nothing measured."""
    return "" if value < LEAST_BYTES else text_of(value)


def _summary(snapshot: Snapshot, samples: list[Sample]) -> str:
    """How many run, and who left last."""
    n_running = sum(not sample.is_removed for sample in samples)
    if not samples:
        return ""
    text = f"{quantity.count(n_running)} running"
    if not snapshot.removed_ns:
        return text
    address, time_ns = max(snapshot.removed_ns.items(), key=lambda item: item[1])
    places = (place(attributes) for attributes in snapshot.resources)
    name = next((where.name for where in places if where.address == address), address)
    return f"{text}, {name} removed at {quantity.elapsed(time_ns - snapshot.first_ns)}"
