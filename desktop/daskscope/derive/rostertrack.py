"""The rows of one worker through all its restarts.

A worker that comes back (same host and name, another process) takes the rows of the one that went:
its threads go on where the old ones ended. The same holds for threads: Dask's thread pools replace
threads, and a thread beyond the worker's number takes a row on which nothing happens any more. What
the event loop transfers or spills lies in the sub-lane of the first row, and what may never have
begun when the worker was lost in a row of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from daskscope.derive.members import BEYOND, INNER, LEVEL, LOOP, UNTOLD, Member
from daskscope.derive.place import natural_key
from daskscope.store.snapshot import LaneKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from daskscope.derive.members import Name, Process
    from daskscope.store.snapshot import Snapshot


def track(
    name: Name, processes: Iterable[Process], snapshot: Snapshot
) -> tuple[list[Member], list[tuple[int, int]]]:
    """Members that processes of one name make.

    They hold while, of each of the pairs of lanes, the first is over when the second begins.
    """
    made = _Track(name, snapshot)
    for process in sorted(processes, key=made.began):
        made.add(process)
    for member in made.members:
        _finish(member, snapshot)
    return made.members, made.orders


class _Track:
    """Members of one name, as its processes come one after the other.

    Attributes
    ----------
    orders
        Pairs of lanes of which the first was over when the second began.
    """

    def __init__(self, name: Name, snapshot: Snapshot) -> None:
        self.members: list[Member] = []
        self.orders: list[tuple[int, int]] = []
        self._name = name
        self._snapshot = snapshot
        self._newest: list[Process] = []

    def began(self, process: Process) -> tuple[bool, int]:
        """Sorts processes; who has done nothing yet came last."""
        first_ns = self._first_ns(process)
        return not first_ns, first_ns

    def add(self, process: Process) -> None:
        """The process goes on for one that was over, or is another member."""
        for i, before in enumerate(self._newest):
            if self._is_over(before, process):
                self._newest[i] = process
                if before.gone_ns:
                    gap_ns = before.gone_ns, self._first_ns(process)
                    self.members[i].gaps_ns.append(gap_ns)
                self._take_over(self.members[i], process)
                return
        key = "\0".join((*self._name, *([str(len(self.members))] if self.members else ())))
        host, where = self._name[0], process.place
        shown = where.host_name if where.is_worker else host
        order = (
            not where.is_worker,
            natural_key(shown),
            natural_key(host),  # the first cluster on the host, and then others
            natural_key(where.name),
        )
        member = Member(key, order, where, host, process.worker, process.worker)
        self.members.append(member)
        self._newest.append(process)
        self._take_over(member, process)

    def _first_ns(self, process: Process) -> int:
        firsts = self._snapshot.lane_first_ns
        return min((int(firsts[lane]) for lane in process.lanes), default=0)

    def _is_over(self, before: Process, after: Process) -> bool:
        """Whether one process ended before the other began: the same worker, restarted."""
        if not before.place.is_worker:
            return False
        first_ns = self._first_ns(after)
        if not first_ns:
            return bool(before.gone_ns)
        return self._are_over(before.lanes, after.lanes)

    def _are_over(self, lanes: Sequence[int], later: Sequence[int]) -> bool:
        """Whether nothing happens any more on `lanes` when the first of `later` begins."""
        begin_ns = min(int(self._snapshot.lane_first_ns[lane]) for lane in later)
        if any(int(self._snapshot.lane_last_ns[lane]) > begin_ns for lane in lanes):
            return False
        self.orders += [(lane, other) for lane in lanes for other in later]
        return True

    def _take_over(self, member: Member, process: Process) -> None:
        member.place, member.worker = process.place, process.worker
        member.n_threads = max(member.n_threads, process.n_threads)
        member.resources = tuple(process.resources)
        member.gone_ns = process.gone_ns
        while len(member.rows) < member.n_threads:
            member.rows.append([])
        n_own = 0
        raised: list[int] = []
        for lane_id in sorted(process.lanes):
            kind = self._snapshot.lanes[lane_id].kind
            if kind is LaneKind.WAITING:
                member.waiting.append(lane_id)
                continue
            if kind is LaneKind.BESIDE:
                member.beside.append(lane_id)
                continue
            if kind in (LaneKind.LEVEL, LaneKind.INNER):
                raised.append(lane_id)
                continue
            is_thread = kind is LaneKind.THREAD
            if is_thread and n_own < max(process.n_threads, 1):
                row = n_own
                n_own += 1
            else:
                # The threads of a worker that is gone take up no more rows.
                is_any = is_thread or (bool(member.gone_ns) and kind is not LaneKind.LOOP)
                row = self._free_row(member, 0 if is_any else member.n_threads, lane_id)
            while len(member.rows) <= row:
                member.rows.append([])
            member.rows[row].append(lane_id)
        self._raise(member, raised)

    def _raise(self, member: Member, lanes: Sequence[int]) -> None:
        """Note below which row of a thread its levels are."""
        known = self._snapshot.lanes
        row_of = {
            (known[lane].resource, known[lane].thread): row
            for row, some in enumerate(member.rows)
            for lane in some
        }
        for lane_id in lanes:
            lane = known[lane_id]
            row = row_of.get((lane.resource, lane.thread), len(member.rows) - 1)
            member.levels.setdefault((row, lane.kind, lane.level), []).append(lane_id)

    def _free_row(self, member: Member, first_row: int, lane_id: int) -> int:
        """The first row on which nothing happens any more when a lane begins."""
        for row, lanes in enumerate(member.rows):
            is_used = bool(lanes or member.gone_ns) and row >= first_row
            if is_used and self._are_over(lanes, (lane_id,)):
                return row
        return len(member.rows)


def _finish(member: Member, snapshot: Snapshot) -> None:
    """Number the threads, and add what lies beside them."""
    n_threads, untold = 0, 0 if member.gone_ns else UNTOLD
    is_told = member.place.is_worker and member.n_threads > 0
    for row, lanes in enumerate(member.rows):
        known = [snapshot.lanes[lane] for lane in lanes]
        if any(lane.kind is LaneKind.LOOP for lane in known):
            member.threads.append(LOOP)
            continue
        has_thread = any(lane.kind is LaneKind.THREAD for lane in known)
        has_thread |= not member.place.is_worker
        is_own = row < member.n_threads or (has_thread and not is_told)
        n_threads += is_own
        member.threads.append(n_threads if is_own else BEYOND if has_thread else untold)
    if member.beside:
        if not member.rows:
            member.rows.append([])
            member.threads.append(1)
        member.rows[0] += member.beside
    for (row, kind, _), lanes in sorted(member.levels.items(), reverse=True):
        member.rows.insert(row + 1, lanes)
        member.threads.insert(row + 1, LEVEL if kind == LaneKind.LEVEL else INNER)
    for row, lanes in enumerate(member.rows):
        if any(snapshot.lanes[lane].is_crowd for lane in lanes):
            member.crowds.add(row)


class Orders:
    """What rows owe to times: pairs of lanes of which the first was over when the second began.

    First starts only fall and last ends only rise, so what did not hold will never hold.
    """

    def __init__(self) -> None:
        self._of: dict[Name, list[tuple[int, int]]] = {}
        self._names: list[Name] = []
        self._name = np.empty(0, np.intp)
        self._pairs = np.empty((0, 2), np.intp)
        self._is_stale = False

    def put(self, name: Name, pairs: list[tuple[int, int]]) -> None:
        """The rows of a name's members hold while all of `pairs` do."""
        if pairs:
            self._of[name] = pairs
        elif self._of.pop(name, None) is None:
            return
        self._is_stale = True

    def broken(self, snapshot: Snapshot) -> set[Name]:
        """Names of which some pair no longer holds."""
        if self._is_stale:
            self._is_stale = False
            self._names = list(self._of)
            pairs = list(self._of.values())
            self._name = np.repeat(np.arange(len(pairs)), [len(some) for some in pairs])
            self._pairs = np.array([pair for some in pairs for pair in some], np.intp).reshape(
                -1, 2
            )
        if not len(self._pairs):
            return set()
        ended_ns = snapshot.lane_last_ns[self._pairs[:, 0]]
        began_ns = snapshot.lane_first_ns[self._pairs[:, 1]]
        return {self._names[i] for i in self._name[ended_ns > began_ns].tolist()}
