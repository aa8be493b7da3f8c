"""Levels of a lane: spans that overlap in one thread, as coroutines do, lie on different ones.

Spans of a lane mostly follow each other, which is seen for a whole batch at once. Only those of
lanes where some do not are looked at one by one, and each is placed on a level whose last span has
ended, once it is sure that it is not the worker's clock that was set right.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict, deque
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from daskscope.store.schema import Array

#: Levels of one lane; what finds none free lies on the one that is free first.
MOST_LEVELS: Final = 16
#: Spans that overlap by less than this, and than an eighth of the shorter one, follow each other.
SLACK_NS: Final = 1_000_000
_SLACK_SHIFT: Final = 3
#: Dask sets a worker's clock right with each heartbeat (`Worker.scheduler_delay`), on a busy
#: machine by tens of milliseconds: then the tasks of a thread that runs one at a time seem to
#: overlap, two at once and by no more than this.
CORRECTION_NS: Final = 100_000_000
#: Spans of a lane that are looked at to tell that from spans that do overlap.
_N_RECENT: Final = 4
#: Lane ids that sort in linear time.
_MOST_SHORT: Final = 1 << 16

Int64s = npt.NDArray[np.int64]
Rows = npt.NDArray[np.intp]


class Levels:
    """Places spans on levels, by lane id."""

    def __init__(self) -> None:
        # Start and end of the last span of each lane's level 0, and of the levels above.
        self._last_ns = np.empty((2, 0), np.int64)
        self._upper: dict[int, list[tuple[int, int]]] = {}
        # Whether spans of a lane are known to overlap, and the newest of those that may.
        self._is_crowded = np.zeros(0, np.bool_)
        self._recent: dict[int, deque[tuple[int, int]]] = {}
        # Of each worker: of its lanes on which spans overlap, the level and start of each attempt
        # that runs, by run id.
        self._running: dict[int, dict[int, dict[int, tuple[int, int]]]] = {}

    def reach(self, n_lanes: int) -> None:
        """Know of so many lanes."""
        n_known = self._last_ns.shape[1]
        if n_lanes > n_known:
            fresh = np.zeros((2, max(n_lanes - n_known, n_known)), np.int64)
            self._last_ns = np.concatenate([self._last_ns, fresh], axis=1)
            self._is_crowded = np.append(self._is_crowded, np.zeros(fresh.shape[1], np.bool_))

    def run(
        self, resource: int, lane: Array, start_ns: Int64s, run_id: npt.NDArray[np.int32]
    ) -> list[tuple[int, int]]:
        """Place all attempts that a worker runs; row and level of each that is not on level 0.

        What runs keeps its level until it ends, and nothing else is put there; that of a lane on
        which nothing ever overlapped is not looked after.
        """
        known = self._running.pop(resource, {})
        numbers = lane.tolist()
        crowded = {number for number, n in Counter(numbers).items() if n > 1} | known.keys()
        self._is_crowded[list(crowded)] = True
        crowded |= self._upper.keys() & set(numbers)
        rows = [row for row, number in enumerate(numbers) if number in crowded]
        found: list[tuple[int, int]] = []
        now: defaultdict[int, dict[int, tuple[int, int]]] = defaultdict(dict)
        begins, runs = start_ns.tolist(), run_id.tolist()
        # Those that have a level come first.
        rows.sort(key=lambda row: (runs[row] not in known.get(numbers[row], {}), begins[row]))
        for row in rows:
            number, begin_ns, run = numbers[row], begins[row], runs[row]
            level, _ = known.get(number, {}).get(run, (-1, 0))
            if level < 0:
                taken = {one for one, _ in now[number].values()}
                level = self._free(number, begin_ns, taken)
            now[number][run] = level, begin_ns
            if level:
                found.append((row, level))
        if now:
            self._running[resource] = dict(now)
        return found

    def concerned(self, resource: Array, lane: Array) -> list[int]:
        """Which of some workers run what must be placed, of all attempts that they run.

        One after the other is slow, and most workers run one attempt a thread.
        """
        shared, n_each = np.unique(lane, return_counts=True)
        is_shared = np.isin(lane, shared[n_each > 1])
        if self._upper:
            is_shared |= np.isin(lane, list(self._upper))
        found = set(resource[is_shared].tolist())
        return sorted(found | (self._running.keys() & set(resource.tolist())))

    def _free(self, number: int, begin_ns: int, taken: set[int]) -> int:
        """The lowest level on which nothing runs and that was over at a time."""
        ends = [int(self._last_ns[1, number]), *(end for _, end in self._upper.get(number, ()))]
        for level in range(MOST_LEVELS - 1):
            is_over = level >= len(ends) or ends[level] <= begin_ns + SLACK_NS
            if is_over and level not in taken:
                return level
        return MOST_LEVELS - 1

    def upper(
        self,
        lane: Array,
        start_ns: Int64s,
        end_ns: Int64s,
        run_id: npt.NDArray[np.int32],
        is_meant: npt.NDArray[np.bool_],
        is_attempt: npt.NDArray[np.bool_],
    ) -> list[tuple[int, int]]:
        """Place some of some spans; row and level of each that is not on level 0."""
        is_short = self._last_ns.shape[1] <= _MOST_SHORT
        order = np.argsort(lane.astype(np.uint16) if is_short else lane, kind="stable")
        order = order[is_meant[order]]
        if not len(order):
            return []
        lanes, begin_ns, until_ns = lane[order], start_ns[order], end_ns[order]
        is_first = np.ones(len(order), np.bool_)
        np.not_equal(lanes[1:], lanes[:-1], out=is_first[1:])
        first = np.flatnonzero(is_first)
        numbers = lanes[first]
        known_ns = self._last_ns[:, numbers]
        before_ns = np.empty_like(until_ns)
        before_ns[1:], before_ns[first] = until_ns[:-1], known_ns[1]
        last = np.append(first[1:], len(order)) - 1
        self._last_ns[0, numbers], self._last_ns[1, numbers] = begin_ns[last], until_ns[last]
        is_early = begin_ns < before_ns
        if is_early.any():
            since_ns = np.empty_like(begin_ns)
            since_ns[1:], since_ns[first] = begin_ns[:-1], known_ns[0]
            shorter_ns = np.minimum(until_ns - begin_ns, before_ns - since_ns)
            slack_ns = np.minimum(shorter_ns >> _SLACK_SHIFT, SLACK_NS)
            is_early = begin_ns + slack_ns < before_ns
        watched = {number for of in self._running.values() for number in of}
        if watched:
            is_early |= np.isin(lanes, list(watched))
        if not is_early.any():
            return []
        self._is_crowded[lanes[is_early & ~is_attempt[order]]] = True
        crowded = np.unique(lanes[is_early])
        self._last_ns[:, crowded] = known_ns[:, np.isin(numbers, crowded)]
        return self._placed(lane, start_ns, end_ns, run_id, order[np.isin(lanes, crowded)])

    def _placed(
        self,
        lane: Array,
        start_ns: Int64s,
        end_ns: Int64s,
        run_id: npt.NDArray[np.int32],
        rows: Rows,
    ) -> list[tuple[int, int]]:
        """Place spans of some lanes, each lane in order of start.

        Where spans follow each other after all that is known of their lane, only the last count.
        """
        rows = rows[np.lexsort((start_ns[rows], lane[rows]))]
        lanes, begin_ns, until_ns = lane[rows], start_ns[rows], end_ns[rows]
        follows = (lanes[1:] == lanes[:-1]) & (begin_ns[1:] >= until_ns[:-1])
        first = [0, *(np.flatnonzero(~follows) + 1).tolist(), len(rows)]
        numbers, runs = lanes.tolist(), run_id[rows].tolist()
        spans = list(zip(begin_ns.tolist(), until_ns.tolist(), strict=True))
        running = {number: of[number] for of in self._running.values() for number in of}
        found = []
        for number, stretches in itertools.groupby(
            itertools.pairwise(first), lambda stretch: numbers[stretch[0]]
        ):
            last = (int(self._last_ns[0, number]), int(self._last_ns[1, number]))
            for start, stop in stretches:
                at = start
                while at < stop:
                    if self._is_after(number, last, spans[at][0]):
                        self._recent[number].extend(spans[max(at, stop - _N_RECENT) : stop])
                        last, at = spans[stop - 1], stop
                        continue
                    level = 0
                    if self._overlaps(number, last, spans[at]):
                        of = running.get(number, {})
                        level = self._lifted(number, last, spans[at], runs[at], of)
                    if level:
                        found.append((at, level))
                    else:
                        last = spans[at]
                    at += 1
            self._last_ns[:, number] = last
        # In order of start, so that new levels come in the order of time.
        found.sort(key=lambda one: spans[one[0]][0])
        return [(int(rows[at]), level) for at, level in found]

    def _lifted(
        self,
        number: int,
        last: tuple[int, int],
        span: tuple[int, int],
        run: int,
        running: dict[int, tuple[int, int]],
    ) -> int:
        """Place a span of a lane on which spans overlap; its level."""
        upper = self._upper.setdefault(number, [])
        if run in running:
            level, _ = running.pop(run)
        else:
            taken = {one for one, since_ns in running.values() if since_ns < span[1]}
            level = _level([last, *upper], *span, taken)
        while level > len(upper):
            upper.append((0, 0))
        if level and span[1] > upper[level - 1][1]:
            upper[level - 1] = span
        return level

    def _is_after(self, number: int, last: tuple[int, int], begin_ns: int) -> bool:
        """Whether nothing of a lane whose spans do not overlap reaches beyond a time."""
        if self._is_crowded[number]:
            return False
        recent = self._recent.setdefault(number, deque([last], _N_RECENT))
        return all(end_ns <= begin_ns for _, end_ns in recent)

    def _overlaps(self, number: int, last: tuple[int, int], span: tuple[int, int]) -> bool:
        """Whether spans of a lane are known to overlap, now that it has one more.

        Only that three are at once, or two for long, is no correction of the clock.
        """
        if self._is_crowded[number]:
            return True
        recent = self._recent.setdefault(number, deque([last], _N_RECENT))
        shared = [_shared(one, span) for one in recent]
        recent.append(span)
        pairs = itertools.combinations(shared, 2)
        is_found = any(until_ns - since_ns > CORRECTION_NS for since_ns, until_ns in shared)
        is_found |= any(_length(_shared(one, other)) > _slack_ns(span) for one, other in pairs)
        if is_found:
            self._is_crowded[number] = True
            del self._recent[number]
        return is_found


def _shared(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    """What two spans have in common; it ends before it starts where they have nothing."""
    return max(one[0], other[0]), min(one[1], other[1])


def _length(span: tuple[int, int]) -> int:
    return span[1] - span[0]


def _slack_ns(span: tuple[int, int]) -> int:
    return min(_length(span) >> _SLACK_SHIFT, SLACK_NS)


def _level(last_ns: list[tuple[int, int]], begin_ns: int, until_ns: int, taken: set[int]) -> int:
    """The level for a span, of levels that had these last ones; one above them where none is free.

    On those that are `taken` something else runs.

    The one that was free for the shortest time leaves the others to longer spans, which began
    earlier and come later.
    """
    level, newest_ns = max(len(last_ns), max(taken, default=0) + 1), -1
    for number, (start_ns, end_ns) in enumerate(last_ns):
        if number in taken:
            continue
        shorter_ns = min(until_ns - begin_ns, end_ns - start_ns)
        slack_ns = min(shorter_ns >> _SLACK_SHIFT, SLACK_NS)
        if newest_ns < end_ns <= begin_ns + slack_ns:
            level, newest_ns = number, end_ns
    if level < MOST_LEVELS:
        return level
    return min(range(1, len(last_ns)), key=lambda number: last_ns[number][1])
