"""Who is there and what they have in all, learned a part in each tick.

Thousands of workers come at once, with tens of thousands of series: to know of all of them takes
longer than a tick may. What tells of them shows those that are known, and all as soon as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from daskscope.app.clock import elapsed_s
from daskscope.derive.lanes import LaneLayouts
from daskscope.derive.sampling import Sampler
from daskscope.derive.totals import Totals

if TYPE_CHECKING:
    from daskscope.store.snapshot import Snapshot

#: Series that are taken in at once: a millisecond's work.
MOST_LEARNED: Final = 1_000
#: Workers whose rows are found at once: some milliseconds' work.
MOST_MADE: Final = 64
#: What a tick spends on summing up points for the charts.
SUMMING_WORK_S: Final = 0.001
#: Runs of points that may wait to be summed up: the store keeps twice as many at least.
MOST_WAITING: Final = 100


class Crowd:
    """What is kept of the workers of one store.

    Attributes
    ----------
    layouts
        Their rows.
    sampler
        Their newest readings.
    totals
        Sums over all of them.
    is_summed
        All points are.
    """

    def __init__(self) -> None:
        self.layouts = LaneLayouts(is_patient=True)
        self.sampler = Sampler(is_patient=True)
        self.totals = Totals(self.sampler)
        self.is_summed = True
        self._are_met = self._are_watched = True
        self._is_over = False
        self._generation = -1

    @property
    def is_known(self) -> bool:
        """Everybody is, and so are the clocks of a recording of which nothing more will come."""
        return self._are_met and (self._are_watched or not self._is_over)

    def learn(self, snapshot: Snapshot) -> bool:
        """Take in some of who is new; whether nobody is left, but somebody was."""
        is_new = snapshot.generation != self._generation
        if is_new:
            self._generation, self._is_over = snapshot.generation, snapshot.status.is_over
            self._are_watched = False
        if self._are_met and not is_new:
            return False
        were_met = self._are_met
        self._are_met = self.sampler.learn(snapshot, MOST_LEARNED)
        self._are_met &= self.layouts.learn(snapshot, MOST_MADE)
        return self._are_met and not were_met

    def watch(self, snapshot: Snapshot) -> bool:
        """Look at some of what tells of clocks; whether that was the last of a recording."""
        if self._are_watched:
            return False
        self._are_watched = self.layouts.watch(snapshot)
        return self._are_watched and self._is_over

    def sum_up(self, snapshot: Snapshot) -> bool:
        """Take in some of the points that are new; whether none is left, but some were."""
        was_summed, until_s = self.is_summed, elapsed_s() + SUMMING_WORK_S
        self.is_summed = self.totals.advance(
            snapshot,
            lambda: elapsed_s() < until_s or self.totals.n_waiting(snapshot) > MOST_WAITING,
        )
        return self.is_summed and not was_summed

    def keep_up(self, snapshot: Snapshot) -> None:
        """Take in points that nobody looks at now, where more than a run of them waits."""
        if self.totals.n_waiting(snapshot) > 1:
            self.sum_up(snapshot)
