"""What lies in a stretch of time, as a value that is equal while nothing in it has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from daskscope.derive.census import Census

if TYPE_CHECKING:
    from daskscope.store.snapshot import Snapshot


class Contents(NamedTuple):
    """What of one store lies in a stretch of time.

    What is known is appended to or evicted, and never changed: so how many spans and events there
    are, and how many were evicted, says which.

    Attributes
    ----------
    first_ns
        Start of the run, from which time is counted.
    is_live
        Whether running attempts, and "now", are drawn.
    n_spans, n_evicted
        Spans in the stretch; spans that were evicted, if any of them may have lain in it.
    n_events, n_events_evicted
        Events in the stretch; events that were evicted, which lay anywhere: many at a time, rarely.
    running
        What runs and began before the end of the stretch: places among all that runs, lanes, run
        ids, as bytes.
    """

    first_ns: int
    is_live: bool
    n_spans: int
    n_evicted: int
    n_events: int
    n_events_evicted: int
    running: tuple[bytes, ...]


class Inventory:
    """Looks what lies where in one store."""

    def __init__(self) -> None:
        self._census = Census()

    def differs(self, before: Snapshot, now: Snapshot, from_ns: int, to_ns: int) -> bool:
        """Whether something has changed between two times, in an older and a newer snapshot."""
        if before.generation == now.generation:
            return False
        return self.of(before, from_ns, to_ns) != self.of(now, from_ns, to_ns)

    def of(self, snapshot: Snapshot, from_ns: int, to_ns: int) -> Contents:
        """What lies between two times."""
        times = snapshot.events.columns["time_ns"].view(np.int64)
        attempts = snapshot.running.attempts
        begun = np.flatnonzero(attempts.start_ns < to_ns)
        return Contents(
            first_ns=snapshot.first_ns,
            is_live=snapshot.status.is_live,
            n_spans=self._census.n_overlapping(snapshot.chunks, from_ns, to_ns),
            n_evicted=snapshot.n_evicted if snapshot.evicted_ns >= from_ns else 0,
            n_events=int(np.count_nonzero((times >= from_ns) & (times < to_ns))),
            n_events_evicted=snapshot.events.n_evicted,
            running=tuple(
                column.tobytes() for column in (begun, attempts.lane[begun], attempts.run_id[begun])
            ),
        )
