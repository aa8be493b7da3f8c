"""Who works in a scope: workers with their threads, and when they were gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from dask_otel import conventions

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from daskscope.derive.members import Roster
    from daskscope.derive.statistics.sums import Floats, Int64s
    from daskscope.store.snapshot import Snapshot

_NEVER: Final = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Crew:
    """Workers in the order of their names.

    Attributes
    ----------
    names
        Of the workers.
    n_threads
        float64, shape (n,): threads of each, of those lanes that are meant.
    worker_of
        int64, by resource id: its worker, -1 for what is none.
    gone
        int64, shape (k, 3): a worker, from when and until when it was gone.
    """

    names: tuple[str, ...]
    n_threads: Floats
    worker_of: Int64s
    gone: npt.NDArray[np.int64]

    def gone_ns(self, from_ns: int, to_ns: int) -> Floats:
        """How long each worker was gone in a stretch of time."""
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


def crew(snapshot: Snapshot, roster: Roster, lanes: frozenset[int] | None) -> Crew:
    """Workers that have any of some lanes, None for all; `roster` is of `snapshot`."""
    n_threads = _n_threads(roster, lanes)
    n_threads[[not member.place.is_worker for member in roster.members]] = 0
    chosen = np.flatnonzero(n_threads)
    number = np.full(len(roster.members) + 1, -1, np.int64)  # the last one is of no member
    number[chosen] = np.arange(len(chosen))
    resource = np.array([lane.resource for lane in snapshot.lanes], np.int64)
    worker_of = np.full(len(snapshot.resources), -1, np.int64)
    is_drawn = roster.member_of_lane >= 0
    worker_of[resource[is_drawn]] = number[roster.member_of_lane[is_drawn]]
    gone = [(int(number[m]), *times) for m, *times in _gone(snapshot, roster, resource)]
    return Crew(
        tuple(roster.members[at].place.name for at in chosen.tolist()),
        n_threads[chosen].astype(np.float64),
        worker_of,
        np.array([times for times in gone if times[0] >= 0], np.int64).reshape(-1, 3),
    )


def _n_threads(roster: Roster, lanes: frozenset[int] | None) -> npt.NDArray[np.int64]:
    """Rows of each member that are meant, without those of what may never have begun."""
    if lanes is None:
        return roster.n_lanes.astype(np.int64)
    ids = np.array([lane for lane in lanes if lane < len(roster.member_of_lane)], np.intp)
    ids = ids[(roster.row_of_lane[ids] >= 0) & ~roster.is_waiting[ids]]
    rows = np.stack([roster.member_of_lane[ids], roster.row_of_lane[ids]])
    member = np.unique(rows, axis=1)[0]
    return np.bincount(member, minlength=len(roster.members))


def _gone(snapshot: Snapshot, roster: Roster, resource: Int64s) -> Iterator[tuple[int, int, int]]:
    """Each member that was removed, from when, and until when."""
    for number, attributes in enumerate(snapshot.resources):
        removed_ns = snapshot.removed_ns.get(str(attributes.get(conventions.WORKER_ADDRESS)), 0)
        if not removed_ns:
            continue
        own = roster.member_of_lane[resource == number]
        member = int(own.max(initial=-1))
        if member < 0:
            continue
        begins = snapshot.lane_first_ns[roster.member_of_lane == member]
        back_ns = int(begins[begins > removed_ns].min(initial=_NEVER))
        yield member, removed_ns, back_ns
