"""Sums over all workers by the second, kept up as points come.

Each point is looked at once: with the one before it, it tells what its worker had at the seconds
between the two, and that is added to theirs. So hours of thousands of workers cost what is new.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.derive.history import Columns, History
from daskscope.derive.lastpoints import LastPoints
from daskscope.derive.meters import NOTHING, SUMS, Meters
from daskscope.derive.reading import SILENCE_NS

if TYPE_CHECKING:
    from collections.abc import Callable

    from daskscope.derive.reading import Floats, Indices, Mask
    from daskscope.derive.sampling import Sampler
    from daskscope.store.snapshot import PointRun, Snapshot

STEP_NS: Final = 1_000_000_000
_NEVER: Final = np.iinfo(np.int64).min
#: What is joined of other sums: memory of both kinds, whose peak is not the sum of theirs.
_JOINED: Final = {"memory": ("managed", "unmanaged")}
_ROWS: Final = (*SUMS, *_JOINED)


def always() -> bool:
    """Go on until everything is done."""
    return True


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """Points of meters, each with the one before it; all arrays have one entry for each point.

    Attributes
    ----------
    is_begun
        There is one before it, and not so long ago that the worker was silent between them.
    is_second
        The one before it has none.
    """

    meter: Indices
    from_ns: Indices
    to_ns: Indices
    before: Floats
    value: Floats
    is_begun: Mask
    is_second: Mask

    def those(self, chosen: Mask) -> _Pairs:
        """Some of them."""
        return _Pairs(*(getattr(self, part.name)[chosen] for part in fields(self)))


class Totals:
    """Sums of one store's workers.

    What a worker had at a second lies on the line between its points around it, and what a counter
    grew by is even between them. It has nothing where it was silent for longer than `SILENCE_NS`:
    only after its newest point it has what it had, and grows as it grew, until its next point is
    due. A point that comes late is put where it belongs, if its neighbours are still known.

    Parameters
    ----------
    sampler
        Knows which series are whose.

    Attributes
    ----------
    n_late
        Points that came too late to be counted: of meters of which much has come since, or older
        than all that is kept.
    version
        Grows with what is known.
    """

    def __init__(self, sampler: Sampler) -> None:
        self._meters = Meters(sampler)
        self._history = History(
            len(SUMS), [tuple(map(SUMS.index, parts)) for parts in _JOINED.values()]
        )
        self._points = LastPoints()
        #: By number of the meter: its newest point.
        self._last_ns = np.zeros(0, np.int64)
        self._last = np.zeros(0)
        #: Time between the last two points, 0 while there is but one, and growth between them.
        self._gap_ns = np.zeros(0, np.int64)
        self._per_s = np.zeros(0)
        self._at = (0, 0)
        #: The second until which what workers have is taken to go on.
        self._held_until: int | None = None
        self.n_late = 0
        self.version = 0

    @property
    def nbytes(self) -> int:
        """Memory of the history."""
        return self._history.nbytes

    def advance(self, snapshot: Snapshot, may_go_on: Callable[[], bool] = always) -> bool:
        """Take points that are new, one run after the other while `may_go_on`.

        Returns
        -------
        bool
            Whether all that is known has been taken.
        """
        are_all_known = self._meters.know(snapshot)
        self._reach()
        if not are_all_known:
            return False
        for run in snapshot.point_runs:
            number, done = self._at
            if run.number < number or (run.number == number and done == len(run.series)):
                continue
            if not may_go_on():
                return False
            self._take(run, done if run.number == number else 0)
            self._at = run.number, len(run.series)
        return True

    def n_waiting(self, snapshot: Snapshot) -> int:
        """Runs of points that are not taken yet, or not wholly."""
        runs = snapshot.point_runs
        return runs[-1].number - self._at[0] if runs else 0

    def columns(self, first: int, width: int, n: int, last: int) -> dict[str, Columns]:
        """What sums were, at least, at most and in the mean, of what has been measured at all.

        Of a counter the growth a second, over the second that ends then.

        Parameters
        ----------
        first, width, n
            The first second, and `n` columns of `width` seconds each.
        last
            The newest second: until then workers are taken to go on as they did.
        """
        self._hold(last)
        found = self._history.columns(first, width, n)
        is_known = np.zeros(len(SUMS), np.bool_)
        is_known[self._meters.sum[self._last_ns != _NEVER]] = True
        known = {name for name, is_it in zip(SUMS, is_known, strict=True) if is_it}
        known |= {name for name, parts in _JOINED.items() if known.intersection(parts)}
        return {
            name: Columns(found.least[i], found.mean[i], found.most[i])
            for i, name in enumerate(_ROWS)
            if name in known
        }

    # Points ---------------------------------------------------------------------------------

    def _reach(self) -> None:
        """Keep the newest point of each meter."""
        n_more = len(self._meters.sum) - len(self._last_ns)
        if n_more:
            self._last_ns = np.concatenate([self._last_ns, np.full(n_more, _NEVER)])
            self._last = np.concatenate([self._last, np.zeros(n_more)])
            self._gap_ns = np.concatenate([self._gap_ns, np.zeros(n_more, np.int64)])
            self._per_s = np.concatenate([self._per_s, np.zeros(n_more)])
            self._points.reach(len(self._last_ns))

    def _take(self, run: PointRun, first: int) -> None:
        meter = self._meters.of(run.series[first:].astype(np.int64))
        time_ns, value = run.time_ns[first:], run.value[first:]
        meant = np.flatnonzero(meter != NOTHING)
        is_number = np.isfinite(value)
        # Of a gauge what is no number counts nothing, and to a counter it says nothing.
        meant = meant[is_number[meant] | ~self._meters.is_counter[meter[meant]]]
        if not len(meant):
            return
        self._lift()
        self.version += 1
        order = meant[np.lexsort((time_ns[meant], meter[meant]))]
        meter, time_ns = meter[order], time_ns[order]
        value = np.where(is_number[order], value[order], 0.0)
        is_first = _begins(meter)
        is_other = is_first | (time_ns != np.roll(time_ns, 1))
        is_late = (time_ns <= self._last_ns[meter])[is_first][np.cumsum(is_first) - 1]
        on_time = is_other & ~is_late
        self._append(meter[on_time], time_ns[on_time], value[on_time])
        if is_late.any():
            is_late &= is_other
            self._sort_in(meter[is_late], time_ns[is_late], value[is_late])

    def _append(self, meter: Indices, time_ns: Indices, value: Floats) -> None:
        """Take points that are newer than all that is known of their meters."""
        if not len(meter):
            return
        self._points.append(meter, time_ns, value)
        pairs = self._pairs(meter, time_ns, value, is_going_on=True)
        self._count(pairs)
        self._note(pairs)

    def _sort_in(self, meter: Indices, time_ns: Indices, value: Floats) -> None:
        """Take points some of which lie between others: count what their meters had anew."""
        owner = np.unique(meter)
        known = self._points.of(owner)
        before = self._pairs(*known, is_going_on=False)
        # What the first two of a meter mean is not known where others came before them.
        at = np.searchsorted(known[0], owner)
        is_whole = self._points.are_whole(owner)
        floor_ns = np.where(is_whole, _NEVER, known[1][np.minimum(at + 1, len(known[0]) - 1)])
        is_in_time = time_ns > floor_ns[np.searchsorted(owner, meter)]
        self.n_late += int(np.count_nonzero(~is_in_time))
        # A point that is known already comes first of two at one time.
        parts = [known, (meter[is_in_time], time_ns[is_in_time], value[is_in_time])]
        meter, time_ns, value = (np.concatenate(pair) for pair in zip(*parts, strict=True))
        order = np.lexsort((time_ns, meter))
        meter, time_ns, value = meter[order], time_ns[order], value[order]
        is_other = _begins(meter) | (time_ns != np.roll(time_ns, 1))
        meter, time_ns, value = meter[is_other], time_ns[is_other], value[is_other]
        after = self._pairs(meter, time_ns, value, is_going_on=False)
        for pairs, sign in ((before, -1), (after, 1)):
            floor = floor_ns[np.searchsorted(owner, pairs.meter)]
            self._count(pairs.those(pairs.to_ns > floor), sign)
        self._points.replace(meter, time_ns, value)
        self._note(after)

    def _pairs(
        self, meter: Indices, time_ns: Indices, value: Floats, *, is_going_on: bool
    ) -> _Pairs:
        """Points in order of meter and time, with those before them.

        Where it is `is_going_on`, the first of each meter follow the newest that are known.
        """
        is_first = _begins(meter)
        before_ns, before = np.roll(time_ns, 1), np.roll(value, 1)
        owner = meter[is_first]
        before_ns[is_first] = self._last_ns[owner] if is_going_on else _NEVER
        before[is_first] = self._last[owner] if is_going_on else 0.0
        is_begun = (before_ns != _NEVER) & (before_ns >= time_ns - SILENCE_NS)
        was_begun = np.roll(is_begun, 1)
        was_begun[is_first] = is_going_on & (self._gap_ns[owner] > 0)
        return _Pairs(meter, before_ns, time_ns, before, value, is_begun, is_begun & ~was_begun)

    def _note(self, pairs: _Pairs) -> None:
        """The last point of each meter is its newest."""
        last = np.flatnonzero(np.append(_begins(pairs.meter)[1:], True))
        owner, is_begun = pairs.meter[last], pairs.is_begun[last]
        self._last_ns[owner], self._last[owner] = pairs.to_ns[last], pairs.value[last]
        gap_ns = np.where(is_begun, pairs.to_ns[last] - pairs.from_ns[last], 0)
        grown = np.maximum(pairs.value[last] - pairs.before[last], 0.0) * 1e9
        self._gap_ns[owner] = gap_ns
        self._per_s[owner] = np.divide(grown, gap_ns, out=np.zeros(len(last)), where=gap_ns > 0)

    def _count(self, pairs: _Pairs, sign: int = 1) -> None:
        """Add what lies between neighbours to the seconds there, or take it away."""
        is_counter = self._meters.is_counter[pairs.meter]
        for count, are_meant in (
            (_between, ~is_counter),
            (_growth, is_counter & pairs.is_begun),
        ):
            some = pairs.those(are_meant)
            at, second, value = count(some)
            is_gone = self._history.add(self._meters.sum[some.meter[at]], second, value, sign)
            # What reaches into seconds that are kept is there, too.
            n_gone = len(np.setdiff1d(at[is_gone], at[~is_gone])) if is_gone.any() else 0
            self.n_late += sign * n_gone

    # What goes on ---------------------------------------------------------------------------

    def _lift(self) -> None:
        """Take away what was taken to go on."""
        self._history.lift()
        self._held_until = None

    def _hold(self, last: int) -> None:
        """Let workers that were heard of lately go on as they did, until second `last`."""
        if last == self._held_until:
            return
        self._lift()
        self._held_until = last
        n = SILENCE_NS // STEP_NS + 1
        first = last - n + 1
        value, count = np.zeros((len(SUMS), n)), np.zeros((len(SUMS), n), np.int32)
        is_heard = (self._last_ns >= last * STEP_NS - SILENCE_NS) & (self._last_ns != _NEVER)
        is_counter = self._meters.is_counter
        gauges = np.flatnonzero(is_heard & ~is_counter)
        counters = np.flatnonzero(is_heard & is_counter & (self._gap_ns > 0))
        from_ns = self._last_ns[counters]
        # Whole seconds, so that none ends with less than it has.
        until_ns = -(-(from_ns + self._gap_ns[counters]) // STEP_NS) * STEP_NS
        whose, when, grown = _spread(from_ns, until_ns, self._per_s[counters])
        at, second = _seconds(self._last_ns[gauges] // STEP_NS + 1, np.full(len(gauges), last + 1))
        meter = np.concatenate([gauges[at], counters[whose]])
        second = np.concatenate([second, when])
        read = np.concatenate([self._last[gauges[at]], grown])
        is_here = (second >= first) & (second <= last)
        cell = self._meters.sum[meter[is_here]], second[is_here] - first
        np.add.at(value, cell, read[is_here])
        np.add.at(count, cell, 1)
        self._history.lay(first, value, count)


def _begins(meter: Indices) -> Mask:
    """Where the points of another meter begin."""
    return np.concatenate([[True], meter[1:] != meter[:-1]])[: len(meter)]


def _between(pairs: _Pairs) -> tuple[Indices, Indices, Floats]:
    """What gauges had at the seconds between two points: of which pair, when, how much."""
    # The first point of all counts where it lies.
    from_ns = np.where(pairs.is_begun, pairs.from_ns, pairs.to_ns - 1)
    before = np.where(pairs.is_begun, pairs.before, pairs.value)
    at, second = _seconds(from_ns // STEP_NS + 1, pairs.to_ns // STEP_NS + 1)
    share = (second * STEP_NS - from_ns[at]) / (pairs.to_ns - from_ns)[at]
    return at, second, before[at] + (pairs.value - before)[at] * share


def _growth(pairs: _Pairs) -> tuple[Indices, Indices, Floats]:
    """What counters grew by in the seconds between two points."""
    per_s = np.maximum(pairs.value - pairs.before, 0.0) * 1e9 / (pairs.to_ns - pairs.from_ns)
    # What a counter grew by is even over its first second as far as it is known.
    from_ns = np.where(pairs.is_second, pairs.from_ns // STEP_NS * STEP_NS, pairs.from_ns)
    return _spread(from_ns, pairs.to_ns, per_s)


def _spread(from_ns: Indices, to_ns: Indices, per_s: Floats) -> tuple[Indices, Indices, Floats]:
    """Even growth between two times, by the seconds that it lies in."""
    at, second = _seconds(from_ns // STEP_NS + 1, -(-to_ns // STEP_NS) + 1)
    end_ns = second * STEP_NS
    in_it_ns = np.minimum(end_ns, to_ns[at]) - np.maximum(end_ns - STEP_NS, from_ns[at])
    return at, second, per_s[at] * in_it_ns / STEP_NS


def _seconds(begin: Indices, end: Indices) -> tuple[Indices, Indices]:
    """Seconds from `begin` up to `end` of each, one after the other: whose, and which."""
    n = np.maximum(end - begin, 0)
    at = np.repeat(np.arange(len(n)), n)
    return at, begin[at] + np.arange(len(at)) - (np.cumsum(n) - n)[at]
