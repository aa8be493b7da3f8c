"""Who works in a scope: workers with their threads, and when they were not there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    from daskscope.derive.members import Member, Roster
    from daskscope.derive.place import Place
    from daskscope.derive.statistics.sums import Floats, Int64s
    from daskscope.store.snapshot import Snapshot

_NEVER: Final = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Crew:
    """Workers in the order of their names.

    Attributes
    ----------
    names, clusters
        Of the workers; what tells their clusters apart, "" where there is but one. Of several,
        which often number their workers alike, a name is told with its port.
    n_threads
        float64, shape (n,): threads of each, of those lanes that are meant.
    worker_of
        int64, by resource id: its worker, -1 for what is none.
    gone
        int64, shape (k, 3): a worker, from when and until when it was not there.
    """

    names: tuple[str, ...]
    clusters: tuple[str, ...]
    n_threads: Floats
    worker_of: Int64s
    gone: npt.NDArray[np.int64]

    def gone_ns(self, from_ns: int, to_ns: int) -> Floats:
        """How long each worker was not there in a stretch of time."""
        worker, start_ns, end_ns = self.gone.T
        lasting_ns = np.minimum(end_ns, to_ns) - np.maximum(start_ns, from_ns)
        return np.bincount(worker, np.maximum(lasting_ns, 0), len(self.names)).astype(np.float64)

    def by_worker(self, resource: Int64s, value: Floats) -> Floats:
        """Sums by worker of values by resource."""
        is_known = resource < len(self.worker_of)
        worker = self.worker_of[resource[is_known]]
        is_worker = worker >= 0
        value = value[is_known][is_worker]
        return np.bincount(worker[is_worker], value, len(self.names)).astype(np.float64)


def crew(
    snapshot: Snapshot,
    roster: Roster,
    lanes: frozenset[int] | None,
    clusters: Mapping[str, str] | None = None,
) -> Crew:
    """Workers that have any of some lanes, None for all.

    `roster` is of `snapshot`, `clusters` as `Clusters` labels them.
    """
    n_threads = _n_threads(roster, lanes)
    n_threads[[not member.place.is_worker for member in roster.members]] = 0
    chosen = np.flatnonzero(n_threads)
    number = np.full(len(roster.members) + 1, -1, np.int64)  # the last one is of no member
    number[chosen] = np.arange(len(chosen))
    resource = np.array([lane.resource for lane in snapshot.lanes], np.int64)
    worker_of = np.full(len(snapshot.resources), -1, np.int64)
    is_drawn = roster.member_of_lane >= 0
    worker_of[resource[is_drawn]] = number[roster.member_of_lane[is_drawn]]
    members = [roster.members[at] for at in chosen.tolist()]
    gone = [(at, *times) for at, one in enumerate(members) for times in _gone(one, snapshot)]
    return Crew(
        tuple(_name(member.place, has_port=bool(clusters)) for member in members),
        tuple((clusters or {}).get(member.place.cluster, "") for member in members),
        n_threads[chosen].astype(np.float64),
        worker_of,
        np.array(gone, np.int64).reshape(-1, 3),
    )


def _name(where: Place, *, has_port: bool) -> str:
    return f"{where.name} {where.port}".rstrip() if has_port else where.name


def _n_threads(roster: Roster, lanes: frozenset[int] | None) -> npt.NDArray[np.int64]:
    """Threads of each member that are meant; of one whose other rows alone are meant, one."""
    if lanes is None:
        return roster.n_lanes.astype(np.int64)
    ids = np.array([lane for lane in lanes if lane < len(roster.member_of_lane)], np.intp)
    ids = ids[(roster.row_of_lane[ids] >= 0) & ~roster.is_waiting[ids]]
    rows = np.stack([roster.member_of_lane[ids], roster.row_of_lane[ids]])
    member, row = np.unique(rows, axis=1)
    threads = (roster.members[m].threads for m in member.tolist())
    is_thread = [of[at] > 0 for of, at in zip(threads, row.tolist(), strict=True)]
    n_threads = np.bincount(member[is_thread], minlength=len(roster.members))
    n_threads[member] = np.maximum(n_threads[member], 1)
    return n_threads


def _gone(member: Member, snapshot: Snapshot) -> Iterator[tuple[int, int]]:
    """From when and until when a member was not there, as far as the scheduler has said so."""
    joined_ns = snapshot.added_ns.get(member.first_worker, 0)
    begins_ns = (int(snapshot.lane_first_ns[lane]) for row in member.rows for lane in row)
    # One that had done something by then came back to where it had been.
    if joined_ns <= min(begins_ns, default=_NEVER):
        yield 0, joined_ns
    for since_ns, until_ns in member.away_ns(snapshot.added_ns):
        yield since_ns, until_ns or _NEVER
    if member.gone_ns:
        yield member.gone_ns, _NEVER
