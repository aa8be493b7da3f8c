"""Who does the work: workers and services with the lanes of their threads, by host.

A worker that comes back (same host and name, another process) takes the rows of the one that went:
its threads go on where the old ones ended. The same holds for threads: Dask's thread pools replace
threads, and a thread beyond the worker's number takes a row on which nothing happens any more. What
the event loop transfers or spills lies in the sub-lane of the first row, and what may never have
begun when the worker was lost in a row of its own.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dask_otel import conventions
from daskscope.derive.place import Place, natural_key, place
from daskscope.store.snapshot import LaneKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from daskscope.store.snapshot import Snapshot


@dataclass(slots=True)
class Member:
    """One worker or service, through all its restarts.

    Attributes
    ----------
    place
        Names of its newest process.
    host
        Key of the host; of a service that is not Dask's its own group.
    n_threads
        Threads it has for tasks, or had: rows there are at least.
    rows
        Lane ids of each row, from thread 1 on; a row has several after a restart.
    threads
        Number of the thread of each row, 0 for a row of attempts whose thread is not known.
    beside
        Lane ids of what no thread of its own did; they are in the first row, too.
    waiting
        Lane ids of the row of attempts that may never have begun; that row is not one of `rows`.
    gone_ns
        When it was removed, 0 while it is there.
    """

    place: Place
    host: str
    n_threads: int
    rows: list[list[int]] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)
    beside: list[int] = field(default_factory=list)
    gone_ns: int = 0

    @property
    def n_lanes(self) -> int:
        """Rows of threads, or of a service."""
        return sum(thread > 0 for thread in self.threads)

    @property
    def n_rows(self) -> int:
        """Rows of lanes, the one of what waited included."""
        return len(self.rows) + bool(self.waiting)


@dataclass(slots=True)
class _Process:
    """One worker process or service: all resources that say the same address."""

    place: Place
    host: str
    namespace: str
    n_threads: int
    lanes: list[int]
    first_ns: int
    last_ns: int
    gone_ns: int


def roster(snapshot: Snapshot) -> dict[str, list[Member]]:
    """Members by host, both in natural order, hosts of workers before other services."""
    groups: defaultdict[tuple[bool, str], list[Member]] = defaultdict(list)
    by_name: dict[tuple[str, str, str], list[tuple[Member, _Process]]] = {}
    # Who has done nothing yet came last.
    for process in sorted(_processes(snapshot), key=lambda one: (not one.first_ns, one.first_ns)):
        name = (process.host, process.namespace, process.place.name)
        tracks = by_name.setdefault(name, [])
        for i, (member, before) in enumerate(tracks):
            if _is_over(before, process):
                _take_over(member, process, snapshot)
                tracks[i] = member, process
                break
        else:
            member = Member(process.place, process.host, 0)
            _take_over(member, process, snapshot)
            tracks.append((member, process))
            groups[not process.place.is_worker, process.host].append(member)
    for members in groups.values():
        for member in members:
            _finish(member, snapshot)
    in_order = sorted(groups, key=lambda key: (key[0], natural_key(key[1])))
    return {
        host: sorted(groups[is_service, host], key=lambda member: natural_key(member.place.name))
        for is_service, host in in_order
    }


def _processes(snapshot: Snapshot) -> Iterable[_Process]:
    lanes_of: defaultdict[int, list[int]] = defaultdict(list)
    for lane_id, lane in enumerate(snapshot.lanes):
        if lane.kind is not LaneKind.HIDDEN:
            lanes_of[lane.resource].append(lane_id)
    found: dict[object, _Process] = {}
    for resource, attributes in enumerate(snapshot.resources):
        where = place(attributes)
        lanes = lanes_of.get(resource, [])
        if not lanes and not where.is_worker:
            continue
        told = attributes.get(conventions.WORKER_NTHREADS)
        n_threads = told if isinstance(told, int) and where.is_worker else 0
        first_ns = min((int(snapshot.lane_first_ns[lane]) for lane in lanes), default=0)
        last_ns = max((int(snapshot.lane_last_ns[lane]) for lane in lanes), default=0)
        known = found.setdefault(
            where.address or resource,
            _Process(
                where,
                where.host if where.is_worker else f"service: {where.name}",
                str(attributes.get(conventions.SERVICE_NAMESPACE, "")),
                0,
                [],
                first_ns,
                last_ns,
                snapshot.removed_ns.get(where.address, 0),
            ),
        )
        if conventions.WORKER_NAME in attributes:
            known.place, known.host = where, where.host
        known.n_threads = max(known.n_threads, n_threads)
        known.lanes += lanes
        known.first_ns = min(known.first_ns or first_ns, first_ns or known.first_ns)
        known.last_ns = max(known.last_ns, last_ns)
    # A worker of which nothing is left but its name does not take up room.
    return [process for process in found.values() if process.lanes or not process.gone_ns]


def _is_over(before: _Process, after: _Process) -> bool:
    """Whether one process ended before the other began: the same worker, restarted."""
    if not before.place.is_worker:
        return False
    if not after.first_ns:
        return bool(before.gone_ns)
    return before.last_ns <= after.first_ns


def _take_over(member: Member, process: _Process, snapshot: Snapshot) -> None:
    member.place = process.place
    member.n_threads = max(member.n_threads, process.n_threads)
    member.gone_ns = process.gone_ns
    while len(member.rows) < member.n_threads:
        member.rows.append([])
    n_own = 0
    for lane_id in sorted(process.lanes):
        kind = snapshot.lanes[lane_id].kind
        if kind is LaneKind.WAITING:
            member.waiting.append(lane_id)
            continue
        if kind is LaneKind.BESIDE:
            member.beside.append(lane_id)
            continue
        if kind is LaneKind.THREAD and n_own < max(process.n_threads, 1):
            row = n_own
            n_own += 1
        else:
            # The threads of a worker that is gone take up no more rows.
            first_row = 0 if kind is LaneKind.THREAD or member.gone_ns else member.n_threads
            row = _free_row(member, first_row, lane_id, snapshot)
        while len(member.rows) <= row:
            member.rows.append([])
        member.rows[row].append(lane_id)


def _free_row(member: Member, first_row: int, lane_id: int, snapshot: Snapshot) -> int:
    """The first row on which nothing happens any more when a lane begins."""
    begin_ns = int(snapshot.lane_first_ns[lane_id])
    for row, lanes in enumerate(member.rows):
        is_used = bool(lanes or member.gone_ns) and row >= first_row
        if is_used and all(int(snapshot.lane_last_ns[lane]) <= begin_ns for lane in lanes):
            return row
    return len(member.rows)


def _finish(member: Member, snapshot: Snapshot) -> None:
    """Number the threads, and add what lies beside them."""
    n_threads = 0
    for row, lanes in enumerate(member.rows):
        has_thread = row < member.n_threads or not member.place.is_worker
        has_thread |= any(snapshot.lanes[lane].kind is LaneKind.THREAD for lane in lanes)
        n_threads += has_thread
        member.threads.append(n_threads if has_thread else 0)
    if member.beside:
        if not member.rows:
            member.rows.append([])
            member.threads.append(1)
        member.rows[0] += member.beside


def n_threads(snapshot: Snapshot) -> int:
    """Threads of all workers that are there."""
    members = (member for members in roster(snapshot).values() for member in members)
    return sum(member.n_lanes for member in members if not member.gone_ns)
