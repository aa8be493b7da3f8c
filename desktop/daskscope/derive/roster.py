"""Who does the work: workers and services with the lanes of their threads, by host.

A worker that comes back (same host and name, another process) takes the rows of the one that went:
its threads go on where the old ones ended. The same holds for threads: Dask's thread pools replace
threads, and a thread beyond the worker's number takes a row on which nothing happens any more.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dask_otel import conventions
from daskscope.derive.place import Place, natural_key, place

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
    gone_ns
        When it was removed, 0 while it is there.
    """

    place: Place
    host: str
    n_threads: int
    rows: list[list[int]] = field(default_factory=list)
    gone_ns: int = 0


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
    in_order = sorted(groups, key=lambda key: (key[0], natural_key(key[1])))
    return {
        host: sorted(groups[is_service, host], key=lambda member: natural_key(member.place.name))
        for is_service, host in in_order
    }


def _processes(snapshot: Snapshot) -> Iterable[_Process]:
    lanes_of: defaultdict[int, list[int]] = defaultdict(list)
    for lane_id, lane in enumerate(snapshot.lanes):
        if lane.ordinal:
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
        is_thread = snapshot.lanes[lane_id].thread >= 0
        if is_thread and n_own < max(process.n_threads, 1):
            row = n_own
            n_own += 1
        else:
            row = _free_row(member, 0 if is_thread else member.n_threads, lane_id, snapshot)
        while len(member.rows) <= row:
            member.rows.append([])
        member.rows[row].append(lane_id)


def _free_row(member: Member, first_row: int, lane_id: int, snapshot: Snapshot) -> int:
    """The first row on which nothing happens any more when a lane begins."""
    begin_ns = int(snapshot.lane_first_ns[lane_id])
    for row, lanes in enumerate(member.rows):
        is_used = bool(lanes) and row >= first_row
        if is_used and all(int(snapshot.lane_last_ns[lane]) <= begin_ns for lane in lanes):
            return row
    return len(member.rows)


def n_threads(snapshot: Snapshot) -> int:
    """Threads of all workers that are there."""
    members = (member for members in roster(snapshot).values() for member in members)
    return sum(len(member.rows) for member in members if not member.gone_ns)
