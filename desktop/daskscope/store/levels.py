"""Levels of a lane: spans that overlap in one thread, as coroutines do, lie on different ones.

Spans of a lane mostly follow each other, which is seen for a whole batch at once. Those of lanes
where some do not are compared with what is held of their time: with the last span of each level,
and where they come late with what chunks hold. If a thread is not known to be an event loop they
lie on level 0 until it is sure that it is not the worker's clock that was set right; those of a
thread that runs one at a time mostly are not looked at.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from daskscope.store.ordering import order_of
from daskscope.store.placing import (
    MOST_LEVELS,
    STEP_NS,
    Int64s,
    Mask,
    Rows,
    Spans,
    overlapping,
    placed,
    slack_ns,
)
from daskscope.store.schema import MAX_TIME_NS

if TYPE_CHECKING:
    from daskscope.store.past import Past
    from daskscope.store.schema import Array

#: So much of a span that comes late is compared with what is held; of the few that last longer it
#: would be most of all that there is.
_MOST_SEEN_NS: Final = 1_000_000_000
_NO_ROWS: Final = np.empty(0, np.intp)
_NOTHING: Final = _NO_ROWS, np.empty(0, np.int64)

Placing = tuple[Rows, Int64s]


class Levels:
    """Places spans on levels, by lane id."""

    def __init__(self, past: Past) -> None:
        self._past = past
        # By level, as far as some is used, and lane: start and end of the span that ends last.
        self._last_ns = np.empty((1, 2, 0), np.int64)
        # Whether spans of a lane are known to overlap, and whether its thread runs one at a time.
        self._is_crowded = np.zeros(0, np.bool_)
        self._is_serial = np.zeros(0, np.bool_)
        # Of each worker: of its lanes on which spans overlap, the level and start of each attempt
        # that runs, by run id.
        self._running: dict[int, dict[int, dict[int, tuple[int, int]]]] = {}

    def reach(self, n_lanes: int) -> None:
        """Know of so many lanes."""
        self._past.reach(n_lanes)
        n_known = len(self._is_crowded)
        if n_lanes > n_known:
            n_more = max(n_lanes - n_known, n_known)
            fresh = np.zeros((len(self._last_ns), 2, n_more), np.int64)
            self._last_ns = np.concatenate([self._last_ns, fresh], axis=2)
            self._is_crowded = np.append(self._is_crowded, np.zeros(n_more, np.bool_))
            self._is_serial = np.append(self._is_serial, np.zeros(n_more, np.bool_))

    def crowd(self, lane: int) -> None:
        """Know that spans of a lane may overlap from the first on."""
        self.reach(lane + 1)
        self._is_crowded[lane] = True

    def know_serial(self, lane: int) -> None:
        """Know that the thread of a lane runs one attempt at a time."""
        self.reach(lane + 1)
        self._is_serial[lane] = True

    def run(
        self, resource: int, lane: Array, start_ns: Int64s, run_id: npt.NDArray[np.int32]
    ) -> list[tuple[int, int]]:
        """Place all attempts that a worker runs; row and level of each that is not on level 0.

        What runs keeps its level until it ends, and nothing else is put there; that of a lane on
        which nothing ever overlapped is not looked after.
        """
        known = self._running.pop(resource, {})
        numbers = lane.tolist()
        shared = [number for number, n in Counter(numbers).items() if n > 1]
        self._is_crowded[[*shared, *known]] = True
        rows = np.flatnonzero(self._is_crowded[lane]).tolist()
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
        is_shared |= self._is_crowded[lane]
        found = set(resource[is_shared].tolist())
        return sorted(found | (self._running.keys() & set(resource.tolist())))

    def _free(self, number: int, begin_ns: int, taken: set[int]) -> int:
        """The lowest level on which nothing runs and that was over at a time."""
        start_ns, end_ns = self._last_ns[:, :, number].T
        lasting_ns = end_ns - start_ns
        is_over = (end_ns - slack_ns(lasting_ns, lasting_ns) <= begin_ns).tolist()
        for level in range(MOST_LEVELS - 1):
            if (level >= len(is_over) or is_over[level]) and level not in taken:
                return level
        return MOST_LEVELS - 1

    def upper(
        self,
        lane: Array,
        start_ns: Int64s,
        end_ns: Int64s,
        run_id: npt.NDArray[np.int32],
        is_meant: Mask,
        is_attempt: Mask,
    ) -> Placing:
        """Place some of some spans; rows and levels of those that are not on level 0."""
        order = order_of(lane.astype(np.int64))
        order = order[is_meant[order]]
        if not len(order):
            return _NOTHING
        lanes, begin_ns, until_ns = lane[order], start_ns[order], end_ns[order]
        is_last = np.ones(len(order), np.bool_)
        np.not_equal(lanes[1:], lanes[:-1], out=is_last[:-1])
        last = np.flatnonzero(is_last)
        first = np.zeros_like(last)
        first[1:] = last[:-1] + 1
        numbers = lanes[first]
        last_start_ns, last_end_ns = self._last_ns[0, 0], self._last_ns[0, 1]
        known_ns = last_start_ns[numbers], last_end_ns[numbers]
        before_ns = np.empty_like(until_ns)
        before_ns[1:], before_ns[first] = until_ns[:-1], known_ns[1]
        last_start_ns[numbers], last_end_ns[numbers] = begin_ns[last], until_ns[last]
        is_early = begin_ns < before_ns
        if is_early.any():
            since_ns = np.empty_like(begin_ns)
            since_ns[1:], since_ns[first] = begin_ns[:-1], known_ns[0]
            most_ns = slack_ns(until_ns - begin_ns, before_ns - since_ns)
            is_early = self._meet(lanes, before_ns - begin_ns, most_ns)
        watched = {number for of in self._running.values() for number in of}
        if watched:
            is_early |= np.isin(lanes, list(watched))
        if not is_early.any():
            return _NOTHING
        concerned = np.zeros(len(self._is_crowded), np.bool_)
        concerned[lanes[is_early]] = True
        last_start_ns[numbers], last_end_ns[numbers] = np.where(
            concerned[numbers], known_ns, (begin_ns[last], until_ns[last])
        )
        rows = order[concerned[lanes]]
        # In order of start, so that new levels come in the order of time.
        rows = rows[np.argsort(start_ns[rows], kind="stable")]
        level = np.zeros(len(rows), np.int64)
        number = lane[rows].astype(np.int64)
        new = Spans(number, level, start_ns[rows], end_ns[rows], is_attempt[rows])
        level = self._placed(new, run_id[rows])
        lifted = np.flatnonzero(level)
        return rows[lifted], level[lifted]

    def _meet(self, lane: Array, over_ns: Int64s, most_ns: Int64s) -> Mask:
        """Whether what spans have in common with those before them is more than they may have."""
        meet: Mask = over_ns > most_ns
        early = np.flatnonzero(meet)
        may_be = self._is_serial[lane[early]] & ~self._is_crowded[lane[early]]
        meet[early[may_be & (over_ns[early] <= STEP_NS)]] = False
        return meet

    def _placed(self, new: Spans, run_id: npt.NDArray[np.int32]) -> Int64s:
        """Levels of spans of some lanes, all that have come of these."""
        held, unseen = self._around(new)
        # What encloses others comes after them: no thread does that with attempts.
        self._is_crowded[new.lane[unseen[~new.is_attempt[unseen]]]] = True
        is_calm = ~self._is_crowded[new.lane]
        if is_calm.any():
            others = held.those(~self._is_crowded[held.lane])
            calm = new.those(is_calm).joined(others)
            self._is_crowded[overlapping(calm, self._is_serial)] = True
        level = np.zeros(len(new), np.int64)
        crowded = np.flatnonzero(self._is_crowded[new.lane])
        if len(crowded):
            lifted = new.those(crowded)
            known = held.joined(self._lasts(np.unique(lifted.lane), new.lane[unseen]))
            level[crowded] = self._lifted(lifted, run_id[crowded], known)
        self._remember(new, level)
        return level

    def _around(self, new: Spans) -> tuple[Spans, Rows]:
        """What is held at the times of those that come late, and which of them only in part."""
        lanes, at = np.unique(new.lane, return_inverse=True)
        until_ns = self._last_ns[:, 1, lanes].max(axis=0)[at]
        # Where spans overlap, what ends after all that is known can only meet the last of a level.
        edge_ns = np.where(self._is_crowded[new.lane], new.end_ns, new.start_ns)
        late = np.flatnonzero(edge_ns < until_ns)
        if not len(late):
            return Spans.none(), late
        lane, from_ns = new.lane[late], new.start_ns[late]
        to_ns = np.minimum(new.end_ns[late], until_ns[late])
        seen_ns = np.minimum(to_ns, from_ns + _MOST_SEEN_NS)
        return self._past.held(lane, from_ns, seen_ns), late[seen_ns < to_ns]

    def _lifted(self, new: Spans, run_id: npt.NDArray[np.int32], known: Spans) -> Int64s:
        """Levels of spans of lanes on which spans overlap, beside what is known of these."""
        level = np.full(len(new), -1, np.int64)
        running = {number: of[number] for of in self._running.values() for number in of}
        watched = np.flatnonzero(np.isin(new.lane, list(running))) if running else _NO_ROWS
        numbers = new.lane[watched].tolist()
        for row, number, run in zip(watched, numbers, run_id[watched].tolist(), strict=True):
            # What ran keeps its level.
            level[row], _ = running[number].pop(run, (-1, 0))
        runs = [(number, *run) for number in set(numbers) for run in running[number].values()]
        reserved = np.array(runs, np.int64).reshape(-1, 3).T
        is_free = level < 0
        kept = replace(new, level=level).those(~is_free)
        known = known.joined(kept, _endless(*reserved))
        level[is_free] = placed(new.those(is_free), known)
        return level

    def _lasts(self, lanes: Int64s, unseen: Int64s) -> Spans:
        """The span of each lane and level that ends last.

        Of a lane that was not seen in full all of a level may be taken until then.
        """
        level, at = np.nonzero(self._last_ns[:, 1, lanes])
        start_ns, end_ns = self._last_ns[level, :, lanes[at]].T
        start_ns = np.where(np.isin(lanes[at], unseen), 0, start_ns)
        return Spans(lanes[at], level, start_ns, end_ns, np.zeros(len(at), np.bool_))

    def _remember(self, new: Spans, level: Int64s) -> None:
        """Know those of some spans that end last."""
        n_more = int(level.max()) + 1 - len(self._last_ns)
        if n_more > 0:
            fresh = np.zeros((n_more, *self._last_ns.shape[1:]), np.int64)
            self._last_ns = np.concatenate([self._last_ns, fresh])
        order = np.argsort(new.end_ns, kind="stable")
        lane, level = new.lane[order], level[order]
        # Of several of one level the last one stays.
        is_later = new.end_ns[order] >= self._last_ns[level, 1, lane]
        order, lane, level = order[is_later], lane[is_later], level[is_later]
        self._last_ns[level, :, lane] = np.stack([new.start_ns[order], new.end_ns[order]], axis=1)


def _endless(lane: Int64s, level: Int64s, start_ns: Int64s) -> Spans:
    """Attempts that run, as spans that never end."""
    end_ns = np.full(len(lane), MAX_TIME_NS)
    return Spans(lane, level, start_ns, end_ns, np.ones(len(lane), np.bool_))
