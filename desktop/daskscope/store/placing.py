"""Which level of its lane each span goes to: pure, and for all lanes of a batch at once.

Two spans of a lane share a level where they have nothing in common but the slack. Levels are filled
one after the other, each with the spans that follow each other on it; so the work grows with the
levels and the logarithm of the spans of a lane, not with the spans one by one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from daskscope.store.ordering import order_of, ranks_of
from daskscope.store.schema import MAX_TIME_NS

#: Levels of one lane; what finds none free lies on the last, which is drawn summed up.
MOST_LEVELS: Final = 64
#: Spans that overlap by less than this, and than an eighth of the shorter one, follow each other.
SLACK_NS: Final = 1_000_000
_SLACK_SHIFT: Final = 3
#: Dask sets a worker's clock right with each heartbeat (`Worker.scheduler_delay`), on a busy
#: machine by tens of milliseconds where nobody helps it: then the tasks of a thread that runs one
#: at a time seem to overlap. Of a thread that may run several it is no correction if three are at
#: once, or two for longer than this; of one that is known to run one at a time only if somebody has
#: set a clock by more than the second.
CORRECTION_NS: Final = 100_000_000
STEP_NS: Final = 10_000_000_000

Int64s = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Spans:
    """Spans of some lanes, in any order.

    Attributes
    ----------
    lane, level
        int64.
    start_ns, end_ns
        int64; none ends before it starts.
    is_attempt
        bool: an attempt of a task, of which a thread mostly has one at a time.
    """

    lane: Int64s
    level: Int64s
    start_ns: Int64s
    end_ns: Int64s
    is_attempt: Mask

    def __len__(self) -> int:
        return len(self.lane)

    @classmethod
    def none(cls) -> Spans:
        """No spans."""
        nothing = np.empty(0, np.int64)
        return cls(nothing, nothing, nothing, nothing, np.empty(0, np.bool_))

    def those(self, meant: Rows | Mask) -> Spans:
        """Some of them."""
        return Spans(
            self.lane[meant],
            self.level[meant],
            self.start_ns[meant],
            self.end_ns[meant],
            self.is_attempt[meant],
        )

    def joined(self, *others: Spans) -> Spans:
        """These, and then the others."""
        all_of = (self, *others)
        return Spans(
            np.concatenate([one.lane for one in all_of]),
            np.concatenate([one.level for one in all_of]),
            np.concatenate([one.start_ns for one in all_of]),
            np.concatenate([one.end_ns for one in all_of]),
            np.concatenate([one.is_attempt for one in all_of]),
        )


def slack_ns(one_ns: Int64s, other_ns: Int64s) -> Int64s:
    """What spans that last so long may have in common and follow each other all the same."""
    slack: Int64s = np.minimum(np.minimum(one_ns, other_ns) >> _SLACK_SHIFT, SLACK_NS)
    return slack


def overlapping(spans: Spans, is_serial: Mask) -> Int64s:
    """Lanes on which spans are known to overlap.

    `is_serial` is by lane: its thread runs one attempt at a time.
    """
    spans = spans.those(np.lexsort((spans.start_ns, spans.lane)))
    begin_ns, until_ns, is_next = spans.start_ns, spans.end_ns, _are_next(spans.lane)
    if not (is_next[1:] & (begin_ns[1:] < until_ns[:-1])).any():
        return np.empty(0, np.int64)
    lasting_ns = until_ns - begin_ns
    # That span before each one which ends last, and until when there were two at once.
    latest = _latest(spans.lane, until_ns)
    before = np.where(is_next, np.roll(latest, 1), np.arange(len(spans)))
    shared_until_ns = np.where(is_next, np.minimum(until_ns, until_ns[before]), begin_ns)
    shared_ns = shared_until_ns - begin_ns
    third = np.roll(_latest(spans.lane, shared_until_ns), 1)
    three_ns = np.where(is_next, np.minimum(until_ns, shared_until_ns[third]) - begin_ns, 0)
    one = is_serial[spans.lane]
    is_found = shared_ns > np.where(one, STEP_NS, CORRECTION_NS)
    is_found |= ~one & (three_ns > slack_ns(lasting_ns, lasting_ns))
    are_attempts = spans.is_attempt & spans.is_attempt[before]
    is_found |= ~are_attempts & (shared_ns > slack_ns(lasting_ns, lasting_ns[before]))
    return np.unique(spans.lane[is_found])


def placed(new: Spans, known: Spans) -> Int64s:
    """A level for each new span on which nothing that is known, or new, is at its time.

    Level 0 where it can be; else of those that are free the one that was busy last leaves the
    others to longer spans, which began earlier and come later.
    """
    order = np.lexsort((new.start_ns, new.lane))
    new = new.those(order)
    lanes, lane = np.unique(new.lane, return_inverse=True)
    known = known.those(np.isin(known.lane, lanes))
    known_lane = np.searchsorted(lanes, known.lane)
    level_of, turn_of = _turns(known.level, known_lane, known.end_ns, len(lanes))
    # Times as their numbers in order, so that lane and time are one number.
    times_ns = np.concatenate([new.start_ns, new.end_ns, known.start_ns])
    number, n_times = ranks_of(times_ns - times_ns.min(initial=MAX_TIME_NS)), len(times_ns)
    begin = lane * n_times + number[: len(new)]
    until = lane * n_times + number[len(new) : 2 * len(new)]
    turn = turn_of[known.level, known_lane]
    floors = _Floors(replace(known, level=turn), known_lane * n_times + number[2 * len(new) :])
    level = np.full(len(new), MOST_LEVELS - 1)
    left = np.arange(len(new))
    for one in range(MOST_LEVELS - 1):
        free = left[~floors.meet(one, new, left, begin)]
        following = free[_follow(new, free, begin, until)]
        level[order[following]] = level_of[one, lane[following]]
        is_left = np.zeros(len(new), np.bool_)
        is_left[left] = True
        is_left[following] = False
        left = np.flatnonzero(is_left)
        if not len(left):
            break
    return level


def _turns(level: Int64s, lane: Int64s, end_ns: Int64s, n_lanes: int) -> tuple[Int64s, Int64s]:
    """By turn and lane the level whose turn it is, and by level and lane its turn.

    Level 0 is the first, the last level the last, which takes what finds none free.
    """
    last_ns = np.zeros((int(level.max(initial=0)) + 1, n_lanes), np.int64)
    np.maximum.at(last_ns, (level, lane), end_ns)
    last_ns[0], last_ns[MOST_LEVELS - 1 :] = MAX_TIME_NS + 1, -1
    level_of = np.repeat(np.arange(MOST_LEVELS)[:, None], n_lanes, axis=1)
    level_of[: len(last_ns)] = np.argsort(-last_ns, axis=0, kind="stable")
    return level_of, np.argsort(level_of, axis=0)


class _Floors:
    """What is known of each level.

    `begin` are numbers in order of lane and start.
    """

    def __init__(self, known: Spans, begin: Int64s) -> None:
        order = order_of(known.level * (begin.max(initial=0) + 1) + begin)
        known = known.those(order)
        self._lane, self._begin = known.lane, begin[order]
        self._start_ns, self._lasting_ns = known.start_ns, known.end_ns - known.start_ns
        # Of each and those before it the one that ends last.
        latest = _latest(known.level * (known.lane.max(initial=0) + 1) + known.lane, known.end_ns)
        self._latest_end_ns, self._latest_ns = known.end_ns[latest], self._lasting_ns[latest]
        self._first = np.searchsorted(known.level, np.arange(MOST_LEVELS + 1)).tolist()

    def meet(self, level: int, new: Spans, rows: Rows, begin: Int64s) -> Mask:
        """Whether some spans have more than the slack in common with what a level has."""
        first, stop = self._first[level : level + 2]
        if first == stop:
            return np.zeros(len(rows), np.bool_)
        lane, start_ns, end_ns = new.lane[rows], new.start_ns[rows], new.end_ns[rows]
        lasting_ns = end_ns - start_ns
        after = np.searchsorted(self._begin[first:stop], begin[rows], "right") + first
        before = np.maximum(after - 1, first)
        over_ns = self._latest_end_ns[before] - start_ns
        meet: Mask = over_ns > slack_ns(lasting_ns, self._latest_ns[before])
        meet &= (after > first) & (self._lane[before] == lane)
        next_one = np.minimum(after, stop - 1)
        over_ns = end_ns - self._start_ns[next_one]
        meets_next = over_ns > slack_ns(lasting_ns, self._lasting_ns[next_one])
        meets_next &= (after < stop) & (self._lane[next_one] == lane)
        meet |= meets_next
        return meet


def _follow(spans: Spans, rows: Rows, begin: Int64s, until: Int64s) -> Mask:
    """Of some spans of each lane the first one, the first that follows it, and so on.

    They are in order of lane and start; `begin` and `until` are numbers in order of lane and time.
    """
    lane, n = spans.lane[rows], len(rows)
    is_next = _are_next(lane)
    is_reached = ~is_next
    if not is_next.any():
        return is_reached
    number, start_ns, end_ns = np.arange(n), spans.start_ns[rows], spans.end_ns[rows]
    after = np.maximum(np.searchsorted(begin[rows], until[rows]), number + 1)
    # The one before it may begin a little too early.
    near, lasting_ns = after - 1, end_ns - start_ns
    after -= (near > number) & (end_ns - start_ns[near] <= slack_ns(lasting_ns, lasting_ns[near]))
    # Behind the last one of its lane is none; from what is reached it goes twice as far each time.
    after[lane[np.minimum(after, n - 1)] != lane] = n
    after, is_reached = np.append(after, n), np.append(is_reached, False)
    while after.min() < n:
        is_reached[after[is_reached]] = True
        after = after[after]
    found: Mask = is_reached[:n]
    return found


def _are_next(lane: Int64s) -> Mask:
    """Whether the one before is of the same lane."""
    are_next = np.zeros(len(lane), np.bool_)
    np.equal(lane[1:], lane[:-1], out=are_next[1:])
    return are_next


def _latest(lane: Int64s, end_ns: Int64s) -> Rows:
    """Which ends last of each row and those before it of its lane, rows being in order of lane."""
    order = order_of(end_ns - end_ns.min(initial=MAX_TIME_NS))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    base = lane * len(order)
    latest: Rows = order[np.maximum.accumulate(base + rank) - base]
    return latest
