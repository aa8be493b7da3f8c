"""What lies in a stretch of time, as a value that is equal while nothing in it has changed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from daskscope.derive.census import Census

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from daskscope.store.snapshot import Attempts, Events, Snapshot

    Int64s = npt.NDArray[np.int64]


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
        ids, until when it is known to, as bytes.
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

    def look(self, snapshot: Snapshot, from_ns: int, to_ns: int) -> Callable[[], Contents]:
        """What says what lies between two times when it is called; see `Census.counting`."""
        return partial(
            _contents,
            self._census.counting(snapshot.chunks, from_ns, to_ns),
            snapshot.events,
            (snapshot.running.attempts, snapshot.running_until_ns),
            (from_ns, to_ns),
            (snapshot.first_ns, snapshot.status.is_live),
            snapshot.n_evicted if snapshot.evicted_ns >= from_ns else 0,
        )

    def of(self, snapshot: Snapshot, from_ns: int, to_ns: int) -> Contents:
        """What lies between two times."""
        return self.look(snapshot, from_ns, to_ns)()


def _contents(
    count_spans: Callable[[], int],
    events: Events,
    unended: tuple[Attempts, Int64s],
    stretch_ns: tuple[int, int],
    run: tuple[int, bool],
    n_evicted: int,
) -> Contents:
    from_ns, to_ns = stretch_ns
    attempts, until_ns = unended
    times = events.columns["time_ns"].view(np.int64)
    begun = np.flatnonzero(attempts.start_ns < to_ns)
    columns = begun, *(of[begun] for of in (attempts.lane, attempts.run_id, until_ns))
    return Contents(
        *run,
        n_spans=count_spans(),
        n_evicted=n_evicted,
        n_events=int(np.count_nonzero((times >= from_ns) & (times < to_ns))),
        n_events_evicted=events.n_evicted,
        running=tuple(column.tobytes() for column in columns),
    )
