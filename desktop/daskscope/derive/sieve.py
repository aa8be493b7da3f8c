"""Which spans a filter shows: tables by lane, name, kind and state, for many rows at once.

What can be told of a cell of a pyramid can be filtered with no look at the spans in it; a filter
that asks for durations, or for how attempts ended, needs the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.derive.frames import BarState
from daskscope.derive.place import place
from daskscope.store.schema import Kind
from daskscope.store.snapshot import STILL, LaneKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from daskscope.predicate import Filter
    from daskscope.store.chunk import Chunk
    from daskscope.store.pyramid import Level, Unsigned
    from daskscope.store.snapshot import Attempts, Running, Snapshot

    Bools = npt.NDArray[np.bool_]
    Bytes = npt.NDArray[np.uint8]
    Int64s = npt.NDArray[np.int64]
    Which = npt.NDArray[np.intp] | slice

#: By outcome of an attempt, and by status of what has none.
_STATE_OF: Final = np.array(
    [
        BarState.FINISHED,
        BarState.FINISHED,
        BarState.ERRED,
        BarState.DROPPED,
        BarState.DROPPED,
        BarState.LOST,
        BarState.LOST,
    ],
    np.uint8,
)
#: Attempts and what they waited for; other kinds have greater numbers.
_TRANSFER: Final = np.uint8(Kind.TRANSFER)
_STATE_WITHOUT: Final = np.array([BarState.FINISHED, BarState.FINISHED, BarState.ERRED], np.uint8)


def states(outcome: Bytes, status: Bytes) -> Bytes:
    """`BarState` of spans by how they ended."""
    result: Bytes = np.where(outcome, _STATE_OF[outcome], _STATE_WITHOUT[status])
    return result


@dataclass(frozen=True, slots=True, eq=False)
class Sieve:
    """A filter, ready for the spans of one snapshot and those before it.

    Attributes
    ----------
    is_resource_shown, is_lane_shown, is_name_shown, is_kind_shown, is_state_shown
        bool: by resource id, lane id, string id (of tasks, and of those that waited for a
        transfer), `Kind` and `BarState`.
    least_ns, most_ns
        Durations that are shown, both inclusive; 0 for no limit.
    """

    is_resource_shown: Bools
    is_lane_shown: Bools
    is_name_shown: Bools
    is_kind_shown: Bools
    is_state_shown: Bools
    least_ns: int
    most_ns: int

    @property
    def needs_rows(self) -> bool:
        """Cells of a pyramid do not tell enough."""
        return bool(self.least_ns or self.most_ns or not self.is_state_shown.all())

    def rows(self, chunk: Chunk, which: Which) -> Bools:
        """Which of some rows of a chunk are shown."""
        columns = chunk.columns
        kind = columns["kind"][which].view(np.uint8)
        name = columns["name"][which].view(np.uint32)
        if not self.is_name_shown.all():
            is_transfer = kind == _TRANSFER
            name = np.where(is_transfer, columns["type"][which].view(np.uint32), name)
        result = self._is_shown(columns["lane"][which].view(np.uint32), name, kind)
        if not self.is_state_shown.all():
            ends = [columns[part][which].view(np.uint8) for part in ("outcome", "status")]
            result &= self.is_state_shown[states(*ends)]
        if self.least_ns or self.most_ns:
            lasting_ns = chunk.end_ns[which] - chunk.start_ns[which]
            result &= lasting_ns >= self.least_ns
            if self.most_ns:
                result &= lasting_ns <= self.most_ns
        return result

    def cells(self, level: Level) -> Bools:
        """Which cells of a level are shown, where no rows are needed."""
        return self._is_shown(level.lane, level.name, level.kind)

    def running(self, running: Running | Attempts, until_ns: int | Int64s) -> Bools:
        """Which attempts of a worker or of all are shown; what runs has no duration yet.

        `until_ns` is until when they are known to run: what a silent worker ran is lost.
        """
        kind = np.full(len(running.lane), Kind.COMPUTE, np.uint8)
        result = self._is_shown(running.lane, running.name, kind)
        state = np.where(until_ns == STILL, BarState.RUNNING, BarState.LOST)
        result &= self.is_state_shown[state]
        return result

    def _is_shown(self, lane: Unsigned, name: Unsigned, kind: Bytes) -> Bools:
        result = self.is_lane_shown[lane]
        if not self.is_name_shown.all():
            result &= self.is_name_shown[name] | (kind > _TRANSFER)
        if not self.is_kind_shown.all():
            result &= self.is_kind_shown[kind]
        return result


class Sieves:
    """Makes sieves of one filter as more becomes known."""

    def __init__(self, meant: Filter) -> None:
        self.meant = meant
        self._sieve: Sieve | None = None
        self._key: tuple[int, ...] = ()

    def of(self, snapshot: Snapshot) -> Sieve:
        """The filter for the spans of a snapshot: the same object while nothing new is known."""
        parts = (snapshot.strings, snapshot.prefixes, snapshot.resources, snapshot.lanes)
        key = tuple(len(part) for part in parts)
        if self._sieve is None or key != self._key:
            self._sieve, self._key = sieve(snapshot, self.meant, self._sieve), key
        return self._sieve


def sieve(snapshot: Snapshot, meant: Filter, before: Sieve | None = None) -> Sieve:
    """`meant` for the spans of a snapshot; what has no lane to be drawn on is not shown.

    `before` is what was made of the same filter and an earlier snapshot: only what is new is looked
    at, for there can be ten thousand lanes.
    """
    is_kind_shown = np.ones(256, np.bool_)
    is_kind_shown[list(meant.hidden_kinds)] = False
    is_state_shown = np.ones(len(BarState), np.bool_)
    is_state_shown[list(meant.hidden_states)] = False
    is_name_shown = np.ones(len(snapshot.strings), np.bool_)
    hidden = [i for i in snapshot.prefixes if snapshot.strings[i] in meant.hidden_prefixes]
    is_name_shown[hidden] = False
    is_resource_shown = before.is_resource_shown if before is not None else _NOTHING
    is_resource_shown = _grown(
        is_resource_shown,
        (
            not meant.workers or place(attributes).name in meant.workers
            for attributes in snapshot.resources[len(is_resource_shown) :]
        ),
    )
    is_lane_shown = before.is_lane_shown if before is not None else _NOTHING
    is_lane_shown = _grown(
        is_lane_shown,
        (
            lane.kind is not LaneKind.HIDDEN and bool(is_resource_shown[lane.resource])
            for lane in snapshot.lanes[len(is_lane_shown) :]
        ),
    )
    return Sieve(
        is_resource_shown=is_resource_shown,
        is_lane_shown=is_lane_shown,
        is_name_shown=is_name_shown,
        is_kind_shown=is_kind_shown,
        is_state_shown=is_state_shown,
        least_ns=meant.least_ns,
        most_ns=meant.most_ns,
    )


_NOTHING: Final = np.zeros(0, np.bool_)


def _grown(known: Bools, fresh: Iterable[bool]) -> Bools:
    return np.concatenate([known, np.fromiter(fresh, np.bool_)])
