"""Workers and services with the lanes of their threads, and how they are told apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from daskscope.derive.frames import Int32s
    from daskscope.derive.place import Place

#: A host, a namespace and a worker's name: the same for all processes of a worker.
Name = tuple[str, str, str]

#: In place of the number of a thread: attempts that overlap others in it; spans within attempts;
#: what is run by a thread beyond those for tasks: one that a task has left, or the event loop;
#: attempts whose thread is not known, as those of a process pool, of a worker that is there;
#: the event loop, where its thread is known.
LEVEL: Final = -1
INNER: Final = -2
BEYOND: Final = -3
UNTOLD: Final = -4
LOOP: Final = -5


@dataclass(slots=True)
class Member:
    """One worker or service, through all its restarts.

    Attributes
    ----------
    key
        The same for all its processes, and another for each other member: for folding and pinning.
    order
        Sorts members: hosts of workers first, then by host and name in natural order.
    place
        Names of its newest process.
    host
        Key of the host; of a service that is not Dask's its own group.
    n_threads
        Threads it has for tasks, or had: rows there are at least.
    resources
        Ids of the resources of its newest process.
    rows
        Lane ids of each row, from thread 1 on; a row has several after a restart.
    threads
        Number of the thread of each row, 0 for a row of lost attempts whose thread is not known,
        `UNTOLD` for one of others, `LOOP` for that of the event loop, `LEVEL` or `INNER` for one of
        what its thread did at the same time as what is above, `BEYOND` for one of a thread that is
        not among `n_threads`.
    levels
        Lane ids of such rows by row of the thread, kind and level, until all rows are known.
    beside
        Lane ids of what no thread of its own did; they are in the first row, too.
    crowds
        Rows of lanes that hold what found no other level free.
    waiting
        Lane ids of the row of attempts that may never have begun; that row is not one of `rows`.
    worker, first_worker
        Numbers of its newest and of its first process, as in the snapshot.
    gone_ns
        When it was removed, 0 while it is there.
    gaps_ns
        From the removal of a process to what the next one did first, 0 while it has done nothing.
    """

    key: str
    order: tuple[Any, ...]
    place: Place
    host: str
    worker: int
    first_worker: int
    n_threads: int = 0
    resources: tuple[int, ...] = ()
    rows: list[list[int]] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    crowds: set[int] = field(default_factory=set)
    waiting: list[int] = field(default_factory=list)
    beside: list[int] = field(default_factory=list)
    levels: dict[tuple[int, int, int], list[int]] = field(default_factory=dict)
    gone_ns: int = 0
    gaps_ns: list[tuple[int, int]] = field(default_factory=list)

    @property
    def n_lanes(self) -> int:
        """Rows of threads for tasks, or of a service."""
        return sum(thread > 0 for thread in self.threads)

    @property
    def n_rows(self) -> int:
        """Rows of lanes, the one of what waited included."""
        return len(self.rows) + bool(self.waiting)

    def away_ns(self, added_ns: Mapping[int, int]) -> tuple[tuple[int, int], ...]:
        """Its `gaps_ns`, of which the last ends when its newest process was added, if it is known.

        `added_ns` is as in the snapshot.
        """
        back_ns = added_ns.get(self.worker, 0)
        return tuple(
            (since_ns, back_ns if since_ns < back_ns < (until_ns or back_ns + 1) else until_ns)
            for since_ns, until_ns in self.gaps_ns
        )


@dataclass(frozen=True, slots=True, eq=False)
class Roster:
    """All members: hosts in natural order, those of workers first, and members in natural order.

    Attributes
    ----------
    members
        Members of one host follow each other.
    keys
        Their keys: the same object while nobody comes or goes.
    n_rows, n_lanes
        int32, by member: its `n_rows` and `n_lanes`.
    is_gone
        bool, by member: it was removed.
    member_of_lane, row_of_lane
        int32, by lane id: index in `members`, and row of that member; -1 of what is not drawn.
    is_waiting
        bool, by lane id: it holds attempts that may never have begun.
    is_inner
        bool, by lane id: it holds spans that lie within attempts.
    is_crowd
        bool, by lane id: it lies in a row whose spans may overlap.
    """

    members: tuple[Member, ...]
    keys: tuple[str, ...]
    n_rows: Int32s
    n_lanes: Int32s
    is_gone: npt.NDArray[np.bool_]
    member_of_lane: Int32s
    row_of_lane: Int32s
    is_waiting: npt.NDArray[np.bool_]
    is_inner: npt.NDArray[np.bool_]
    is_crowd: npt.NDArray[np.bool_]

    @property
    def n_threads(self) -> int:
        """Threads of all workers that are there."""
        is_worker = np.array([member.place.is_worker for member in self.members], np.bool_)
        return int(self.n_lanes[~self.is_gone & is_worker].sum())


@dataclass(slots=True, eq=False)
class Process:
    """One worker process or service: all resources of its number."""

    name: Name
    place: Place
    worker: int
    n_threads: int = 0
    resources: list[int] = field(default_factory=list)
    lanes: list[int] = field(default_factory=list)
    gone_ns: int = 0

    @property
    def is_shown(self) -> bool:
        """A worker of which nothing is left but its name does not take up room."""
        return bool(self.lanes) or (self.place.is_worker and not self.gone_ns)
