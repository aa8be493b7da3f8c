"""The workers table: a total, a sum for each host, and the newest readings of each worker.

Host network and disk rates are seen by every worker of a host alike: a host row takes the greatest,
never the sum. A worker's row shows what that worker itself moved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from dask_otel import conventions
from daskscope.derive import quantity
from daskscope.derive.isolation import isolated
from daskscope.derive.lazy import Lazy
from daskscope.derive.panels import WorkerRow, WorkerRowKind, WorkersFrame
from daskscope.derive.place import Place, natural_key
from daskscope.derive.sampling import Floats, Indices, Sampler, Samples, group_sums
from daskscope.derive.unheard import with_unheard

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

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


def workers_frame(
    snapshot: Snapshot,
    session: Session,
    now_ns: int,
    sampler: Sampler | None = None,
    is_heard: bool = True,
) -> WorkersFrame:
    """The table in the order the session asks for.

    When not one worker runs any more (the cluster has been closed, or a recording has ended), the
    last ones stay with what they last said, in state `removed`. Those of which nothing is heard any
    more, or was since they joined, are `silent`: all of them while nothing comes at all, else those
    that count in no sum. A `sampler` that is kept for one store makes all but the first call fast.
    """
    sampler = sampler or Sampler()
    samples = with_unheard(sampler.of(snapshot, now_ns), snapshot, now_ns)
    is_there = ~samples.is_removed
    shown = samples.those(is_there) if is_there.any() else samples
    is_measured = len(samples) or conventions.WORKER_THREADS.name in snapshot.series_of
    rows: Sequence[WorkerRow] = ()
    if len(shown):
        clusters = sampler.clusters.labels(snapshot.added_ns)
        ranks = sampler.ranks()
        n_unheard = len(samples.places) - len(ranks)  # their addresses come last
        ranks = np.append(ranks, np.full(n_unheard, len(ranks)))[shown.resource]
        rows = _Rows(shown, session, ranks, clusters, is_heard)
    return WorkersFrame(
        columns=COLUMNS,
        rows=rows,
        summary=_summary(snapshot, samples, sampler, is_heard) if is_measured else "",
        sort=session.worker_sort,
        is_descending=session.is_sort_descending,
    )


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


class _Rows(Lazy[WorkerRow]):
    """The rows of some workers: the total, then each host with its workers.

    Numbers of all rows are arrays: first the total, then hosts in order of appearance, then
    workers.
    """

    def __init__(
        self,
        shown: Samples,
        session: Session,
        rank: Indices,
        clusters: Mapping[str, str],
        is_heard: bool,
    ) -> None:
        self._shown, self._collapsed = shown, session.collapsed_hosts
        self._clusters = clusters
        self._is_heard = is_heard
        _, first, host = np.unique(shown.host, return_index=True, return_inverse=True)
        appearance = np.argsort(first)
        host = np.argsort(appearance)[host]
        self._n_hosts = len(first)
        #: Of the first worker of each host.
        self._places = [shown.places[i] for i in shown.resource[first[appearance]].tolist()]
        self._values = _with_sums(shown, host, self._n_hosts)
        self._cpu, self._process_bytes = _derived(self._values)
        self._order = self._ordered(session, host, rank)
        super().__init__(len(self._order))

    def make(self, index: int) -> WorkerRow:
        """One row."""
        at = int(self._order[index])
        worker = at - 1 - self._n_hosts
        if at == 0:
            caption = quantity.plural(int((~self._shown.is_silent).sum()), "worker")
            kind, where = WorkerRowKind.TOTAL, Place("", "", "Total", caption, "", is_worker=False)
        elif worker < 0:
            kind, where = WorkerRowKind.HOST, self._host(at - 1)
        else:
            where = self._shown.places[int(self._shown.resource[worker])]
            kind = WorkerRowKind.WORKER
        values = {name: float(value[at]) for name, value in self._values.items()}
        cpu, process_bytes = float(self._cpu[at]), float(self._process_bytes[at])
        is_paused = values["paused"] > 0
        state = ""
        if kind is WorkerRowKind.WORKER:
            state = "paused" if is_paused else "running"
            state = state if self._is_heard and not self._shown.is_silent[worker] else "silent"
            state = "removed" if self._shown.is_removed[worker] else state
        return WorkerRow(
            kind=kind,
            host=where.host,
            name=where.name,
            caption=where.port,
            state=state,
            cpu=cpu,
            memory=(values["managed"], values["old"], values["recent"], values["spilled"]),
            limit_bytes=values["limit"],
            alarm=alarm(process_bytes, values["limit"], is_paused=is_paused),
            cells=_cells(where.name, cpu, process_bytes, values),
            is_folded=kind is WorkerRowKind.HOST and where.host in self._collapsed,
        )

    def _host(self, number: int) -> Place:
        where = self._places[number]
        # Where there are several it is the cluster that tells rows of one host apart.
        told = self._clusters.get(where.cluster) or where.host_address
        return Place(where.host, told, where.host_name, port=told, address="", is_worker=False)

    def _ordered(self, session: Session, host: Indices, rank: Indices) -> Indices:
        """What each row shows."""
        number = self._number(session.worker_sort)
        n_sums = 1 + self._n_hosts
        keys = [(natural_key(where.host_name), natural_key(where.host)) for where in self._places]
        rank_of = {key: rank for rank, key in enumerate(sorted(set(keys)))}
        ranks = np.array([rank_of[key] for key in keys], np.int64)
        hosts = _ordered(ranks, number[1:n_sums], session)
        workers = _ordered(rank, number[n_sums:], session)
        is_open = [where.host not in self._collapsed for where in self._places]
        workers = workers[np.array(is_open, np.bool_)[host[workers]]]
        # Below each host its workers.
        below = np.argsort(hosts)[host[workers]]
        lying = np.argsort(np.concatenate([np.arange(self._n_hosts), below]), kind="stable")
        return np.concatenate([[0], np.concatenate([1 + hosts, n_sums + workers])[lying]])

    def _number(self, column: str) -> Floats:
        """What rows are sorted by; nothing where that is their names."""
        known = {"cpu": self._cpu, "memory": self._process_bytes} | self._values
        return known.get(column, np.full(len(self._cpu), np.nan))


def _ordered(rank: Indices, number: Floats, session: Session) -> Indices:
    """Sorted by the session's column; what was not measured comes last either way."""
    by_name = np.argsort(rank, kind="stable")
    is_descending = session.is_sort_descending
    if session.worker_sort not in COLUMNS[1:]:
        return by_name[::-1] if is_descending else by_name
    number = number[by_name]
    order = np.lexsort((-number if is_descending else number, np.isnan(number)))
    return by_name[order]


def _with_sums(shown: Samples, host: Indices, n_hosts: int) -> dict[str, Floats]:
    """Values of all rows: sums of what adds up and the mean latency, then those of workers.

    Silent workers count in no sum, as in the charts. Traffic of a host is the greatest that any of
    its workers saw, that of all is the hosts'.
    """
    nothing = np.full(1 + n_hosts, np.nan)
    values = {}
    heard, heard_host = shown.heard().values, host[~shown.is_silent]
    for name in (*_SUMMED, "latency"):
        total = _sums(heard[name], np.zeros_like(heard_host), 1)
        sums = np.concatenate([total, _sums(heard[name], heard_host, n_hosts)])
        if name == "latency":
            counts = np.bincount(heard_host[~np.isnan(heard[name])], minlength=n_hosts)
            sums /= np.maximum(np.concatenate([[counts.sum()], counts]), 1)
        values[name] = np.concatenate([sums, shown.values[name]])
    for name in _RATES:
        greatest = np.full(n_hosts, np.nan)
        np.fmax.at(greatest, heard_host, heard[f"host_{name}"])
        total = _sums(greatest, np.zeros(n_hosts, np.int64), 1)
        values[name] = np.concatenate([total, greatest, shown.values[name]])
    values["paused"] = np.concatenate([nothing, shown.values["paused"]])
    return values


def _sums(value: Floats, group: Indices, n: int) -> Floats:
    """Sum of each group; NaN where nothing was measured."""
    known = ~np.isnan(value)
    return group_sums(value[known], group[known], n)


def _derived(values: Mapping[str, Floats]) -> tuple[Floats, Floats]:
    """Share of the threads' worth of CPU in use, and memory of the processes.

    Dask's three parts of memory add up to that of the process.
    """
    threads = values["threads"]
    cpu = np.full(len(threads), np.nan)
    np.divide(values["busy"], threads, out=cpu, where=threads > 0)
    parts = np.nan_to_num(values["old"]) + np.nan_to_num(values["recent"])
    return cpu, values["managed"] + parts


def _cells(
    name: str, cpu: float, process_bytes: float, values: Mapping[str, float]
) -> tuple[str, ...]:
    return (
        name,
        quantity.share(cpu),
        quantity.memory(process_bytes, values["limit"]),
        _unless_none(quantity.nbytes, values["spilled"]),
        quantity.count(values["run"]),
        quantity.count(values["ready"]),
        quantity.count(values["in_memory"]),
        quantity.seconds(values["latency"]),
        *(_unless_none(quantity.byte_rate, values[rate]) for rate in _RATES),
    )


def _unless_none(text_of: Callable[[float], str], value: float) -> str:
    """Text of what was measured; next to nothing is as quiet as nothing measured."""
    return "" if value < LEAST_BYTES else text_of(value)


def _summary(snapshot: Snapshot, samples: Samples, sampler: Sampler, is_heard: bool) -> str:
    """How many run, how many of the others are still there, and who left last."""
    is_silent = samples.is_silent | (~samples.is_removed & (not is_heard))
    is_running = ~(samples.is_removed | is_silent)
    text = f"{quantity.count(int(is_running.sum()))} running"
    if n_silent := int(is_silent.sum()):
        text = f"{text}, {quantity.count(n_silent)} silent"
    if not snapshot.removed_ns:
        return text
    worker, time_ns = max(snapshot.removed_ns.items(), key=lambda item: item[1])
    found = np.flatnonzero(snapshot.worker_of[: len(sampler.places)] == worker)
    name = snapshot.addresses[worker]
    if len(found):
        clusters = sampler.clusters
        name = clusters.told(sampler.places[found[0]], clusters.labels(snapshot.added_ns))
    return f"{text}, {isolated(name)} removed at {quantity.elapsed(time_ns - snapshot.first_ns)}"
