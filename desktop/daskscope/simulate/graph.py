"""One graph laid out in time: attempts on lanes, and what moves between workers.

Layers are scheduled one after the other, each as a whole: where its tasks run, what must be fetched
first, and then, for all lanes at once, when each begins. Times are int64 nanoseconds since the
model began.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Final, Self

import numpy as np
import numpy.typing as npt

from daskscope.simulate.recipe import NAMES

if TYPE_CHECKING:
    from daskscope.simulate.cluster import Cluster
    from daskscope.simulate.layout import Octets
    from daskscope.simulate.recipe import Layer, Recipe

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

#: Run ids take four bytes as varints from here on: the cluster has been at work for a while.
FIRST_RUN_ID: Final = 2**21


class Ending(IntEnum):
    """How an attempt ended."""

    FINISHED = 0
    #: It failed, and the task is tried again.
    FAILED = 1
    #: It failed for good.
    ERRED = 2
    LOST = 3
    #: Lost before its worker had said that it runs.
    LOST_WAITING = 4


class Columns:
    """Rows as arrays of equal length, one for each attribute."""

    __slots__ = ()

    end: Ints

    def __len__(self) -> int:
        return len(self.end)

    def rows(self, which: Ints | Flags | slice) -> Self:
        """Some of them."""
        return type(self)(*(column[which] for column in self._columns()))

    def joined(self, other: Self) -> Self:
        """These and others."""
        pairs = zip(self._columns(), other._columns(), strict=True)
        return type(self)(*map(np.concatenate, pairs))

    def _columns(self) -> list[Ints]:
        names: tuple[str, ...] = type(self).__slots__
        return [getattr(self, name) for name in names]

    @classmethod
    def none(cls) -> Self:
        """No rows."""
        return cls(*(np.empty(0, np.int64) for _ in cls.__slots__))


@dataclass(slots=True, eq=False)
class Attempts(Columns):
    """Attempts of one layer, int64 of shape (n,) each.

    Attributes
    ----------
    task
        Number of the task within the graph.
    ready
        When its data were there.
    assigned
        When its worker was told of it.
    """

    task: Ints
    run_id: Ints
    process: Ints
    lane: Ints
    assigned: Ints
    ready: Ints
    start: Ints
    end: Ints
    ending: Ints


@dataclass(slots=True, eq=False)
class Moves(Columns):
    """Values on their way, int64 of shape (n,) each.

    Attributes
    ----------
    value
        Number of the task that made the value.
    parent
        Number of the task for which it was done, -1 for none.
    process, lane
        Where it happened; lane -1 where no thread waited.
    peer
        Process at the other end of a transfer.
    number
        Different for each move of a session; both ends of a transfer share it.
    """

    value: Ints
    parent: Ints
    process: Ints
    lane: Ints
    peer: Ints
    start: Ints
    end: Ints
    number: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Scheduled:
    """One layer in time.

    Attributes
    ----------
    keys
        uint8, shape (n tasks, width).
    stolen
        Numbers of tasks that run elsewhere than where their data were, a few of them.
    attempts, transfers, writes, reads, unpickled
        In the order of their ends.
    """

    layer: Layer
    keys: Octets
    attempts: Attempts
    transfers: Moves
    writes: Moves
    reads: Moves
    unpickled: Moves
    stolen: Ints


@dataclass(slots=True, eq=False)
class Values:
    """Results of the tasks of a graph, shape (n tasks,) each.

    Attributes
    ----------
    end
        When the task ended that made it.
    process
        Where it is.
    n_bytes
        Its size.
    written, read
        When it was on disk, and when it was in memory again; 0 for never.
    released
        When nothing needed it any more.
    attempt
        Span ids of the attempts that made them, uint8, shape (n tasks, 8).
    """

    end: Ints
    process: Ints
    n_bytes: Ints
    written: Ints
    read: Ints
    released: Ints
    attempt: Octets

    @classmethod
    def of(cls, n: int) -> Values:
        """Results of tasks that have not run."""
        end, process, n_bytes, written, read, released = np.zeros((6, n), np.int64)
        attempt = np.zeros((n, 8), np.uint8)
        return cls(end, process, n_bytes, written, read, released, attempt)


@dataclass(slots=True, eq=False)
class Graph:
    """A graph in time; `submit` and `end` are when it was submitted and when all was finished."""

    number: int
    recipe: Recipe
    submit: int
    n_tasks: int
    values: Values
    end: int = 0
    layers: list[Scheduled] = field(default_factory=list)

    def layer_of(self, task: int) -> Scheduled:
        """The layer of a task."""
        return next(one for one in reversed(self.layers) if one.layer.first <= task)


@dataclass(slots=True, eq=False)
class State:
    """What goes on from one graph to the next.

    Attributes
    ----------
    free
        int64, shape (n lanes,): when each lane becomes free.
    since
        int64, shape (workers,): when the newest process of each came.
    run_id
        The next one.
    n_moves
        Moves so far.
    knows
        bool, shape (names, workers): the worker has unpickled tasks of that name.
    """

    free: Ints
    since: Ints
    knows: Flags
    run_id: int = FIRST_RUN_ID
    n_moves: int = 0

    @classmethod
    def of(cls, cluster: Cluster) -> State:
        """A cluster that has not worked yet."""
        knows = np.zeros((len(NAMES), cluster.n_workers), np.bool_)
        lanes, workers = (np.zeros(n, np.int64) for n in (cluster.n_lanes, cluster.n_workers))
        return cls(lanes, workers, knows)
