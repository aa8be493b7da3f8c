"""Who does the work: workers and services by host, found again only where something has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dask_otel import conventions
from daskscope.derive.clusters import Clusters
from daskscope.derive.members import Process
from daskscope.derive.place import place
from daskscope.derive.rostertable import RosterTable
from daskscope.derive.rostertrack import Orders, track
from daskscope.store.snapshot import LaneKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from daskscope.derive.members import Name, Roster
    from daskscope.derive.place import Place
    from daskscope.store.schema import Attributes
    from daskscope.store.snapshot import Lane, Snapshot

#: Threads of one worker that have a row before they have done anything: it says any number itself.
MOST_THREADS: Final = 4_096


class RosterKeeper:
    """Makes rosters of one store; only members of which something has changed are made anew.

    A roster depends on the snapshot alone; what is kept changes only how long it takes.

    Parameters
    ----------
    is_patient
        It has those members that it was let `learn`; else it learns everything when it is asked.

    Attributes
    ----------
    clusters
        Of the workers.
    """

    def __init__(self, *, is_patient: bool = False) -> None:
        self.clusters = Clusters()
        self._is_patient = is_patient
        self._process_at: dict[int, Process] = {}
        self._process_of: list[Process] = []
        self._namesakes: dict[Name, list[Process]] = {}
        self._table = RosterTable()
        self._orders = Orders()
        self._lanes: Sequence[Lane] = ()
        self._removed_ns: Mapping[int, int] = {}
        self._dirty: dict[Name, None] = {}
        self._roster: Roster | None = None

    def learn(self, snapshot: Snapshot, most: int | None = None) -> bool:
        """Make members anew of which something has changed, those of `most` names at once.

        Returns
        -------
        bool
            Whether all are made.
        """
        dirty = self._dirty
        dirty.update(dict.fromkeys(self._orders.broken(snapshot)))
        dirty.update(dict.fromkeys(self._new_resources(snapshot)))
        dirty.update(dict.fromkeys(self._new_lanes(snapshot)))
        dirty.update(dict.fromkeys(self._removals(snapshot)))
        if not dirty:
            return True
        self._roster = None
        self._table.reach(len(snapshot.lanes))
        for name in list(dirty)[:most]:
            del dirty[name]
            self._make(name, snapshot)
        return not dirty

    def of(self, snapshot: Snapshot) -> Roster:
        """The roster; the same object while nothing has changed."""
        if not self._is_patient:
            self.learn(snapshot)
        if self._roster is None:
            self._roster = self._table.roster()
        return self._roster

    def _new_resources(self, snapshot: Snapshot) -> Iterator[Name]:
        for resource in range(len(self._process_of), len(snapshot.resources)):
            attributes = snapshot.resources[resource]
            worker = int(snapshot.worker_of[resource])
            where = self.clusters.placed(place(attributes), worker)
            process = self._process_at.get(worker)
            if process is None:
                process = Process(_name(where, attributes), where, worker)
                process.gone_ns = self._removed_ns.get(worker, 0)
                self._process_at[worker] = process
                self._namesakes.setdefault(process.name, []).append(process)
            elif conventions.WORKER_NAME in attributes:
                # Others know the address alone.
                self._namesakes[process.name].remove(process)
                yield process.name
                process.name, process.place = _name(where, attributes), where
                self._namesakes.setdefault(process.name, []).append(process)
            told = attributes.get(conventions.WORKER_NTHREADS)
            if isinstance(told, int) and where.is_worker:
                process.n_threads = max(process.n_threads, min(told, MOST_THREADS))
            process.resources.append(resource)
            self._process_of.append(process)
            yield process.name

    def _new_lanes(self, snapshot: Snapshot) -> Iterator[Name]:
        lanes, known = snapshot.lanes, self._lanes
        if lanes is known:
            return
        self._lanes = lanes
        # Most often nothing has, which is found out faster for all at once.
        if lanes[: len(known)] != known:
            for lane, before in zip(lanes, known, strict=False):
                if lane is not before:
                    yield self._process_of[lane.resource].name
        for lane_id in range(len(known), len(lanes)):
            if lanes[lane_id].kind is not LaneKind.HIDDEN:
                process = self._process_of[lanes[lane_id].resource]
                process.lanes.append(lane_id)
                yield process.name

    def _removals(self, snapshot: Snapshot) -> Iterator[Name]:
        before, now = self._removed_ns, snapshot.removed_ns
        if now is before:
            return
        self._removed_ns = now
        for worker in {*before, *now}:
            process = self._process_at.get(worker)
            if process is not None and before.get(worker) != now.get(worker):
                process.gone_ns = now.get(worker, 0)
                yield process.name

    def _make(self, name: Name, snapshot: Snapshot) -> None:
        processes = [process for process in self._namesakes[name] if process.is_shown]
        members, orders = track(name, processes, snapshot)
        self._table.put(name, members)
        self._orders.put(name, orders)


def _name(where: Place, attributes: Attributes) -> Name:
    host = where.host if where.is_worker else f"service: {where.name}"
    return host, str(attributes.get(conventions.SERVICE_NAMESPACE, "")), where.name
