"""Lanes: which row of the task stream a span belongs to, by resource and thread.

A thread's lane lies beside the others until the thread is seen to run something: transfers and disk
may be the event loop's. Attempts that overlap in one thread are on several levels of it, and spans
that user code opens in a worker's tasks on levels of their own. Attempts and foreign spans that
name no thread are on the levels of one lane of their resource. What may never have begun shares one
lane, and so does what is not drawn.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from daskscope.store.levels import Levels
from daskscope.store.schema import SUB_KINDS, Array, Kind
from daskscope.store.snapshot import Lane, LaneKind

if TYPE_CHECKING:
    from daskscope.store.past import Past

#: Numbers of kinds as numpy compares them fast.
_FIRST_SUB: Final = np.uint8(SUB_KINDS[0])
_LAST_SUB: Final = np.uint8(SUB_KINDS[-1])
_COMPUTE: Final = np.uint8(Kind.COMPUTE)
_GRAPH: Final = np.uint8(Kind.GRAPH)
_OTHER: Final = np.uint8(Kind.OTHER)
_SEND: Final = np.uint8(Kind.SEND)
_PRIME: Final = np.uint64(0x9E3779B97F4A7C15)
#: Stand for the thread of what is not drawn, of attempts that may never have begun, and of what
#: names no thread.
_HIDDEN: Final = -1 << 40
WAITING: Final = -1 << 39
_UNTOLD: Final = -1
_KINDS: Final = {
    _HIDDEN: LaneKind.HIDDEN,
    WAITING: LaneKind.WAITING,
    _UNTOLD: LaneKind.PACKED,
}
#: Lanes of which the levels are of the same kind; others have those of their threads.
_ALIKE: Final = (LaneKind.INNER, LaneKind.PACKED)
#: Added to the thread of spans within attempts: more than any thread's number.
_INNER: Final = 1 << 61
#: So few rows are faster looked up one by one: a word of one worker.
_FEW: Final = 16
#: Places by hash, at least so many times as there are codes: few have to share one.
_PLACES_A_CODE: Final = 16

Int64s = npt.NDArray[np.int64]
LaneIds = npt.NDArray[np.uint32]
RunIds = npt.NDArray[np.int32]


class LaneRegistry:
    """Gives lanes ids in order of first appearance.

    Attributes
    ----------
    lanes
        By id.
    """

    def __init__(self, past: Past) -> None:
        self.lanes: list[Lane] = []
        self._frozen: tuple[Lane, ...] | None = ()
        self._id_of: dict[tuple[int, int], int] = {}
        self._past = past
        self._levels = Levels(past)
        self._has_attempts = np.zeros(0, np.bool_)
        self._loop_of: dict[int, int] = {}
        # All pairs by a hash of them, so that a batch is looked up at once; of each lane its own.
        self._codes = np.empty(0, np.uint64)
        self._code_lanes = self._pair_resources = self._pair_threads = np.empty(0, np.int64)
        # The lane of a code, by a part of its hash; others may have been there before.
        self._places = np.zeros(0, np.int64)
        self._place_shift = np.uint64(0)
        self._n_missed = 0
        self._is_beside = np.empty(0, np.bool_)
        self._first_ns = np.empty(0, np.int64)
        self._last_ns = np.empty(0, np.int64)

    def know(self, resource: int, *, has_attempts: bool, loop_thread: int) -> None:
        """Know whether a resource is one that runs tasks, and the thread of its event loop or 0."""
        n_more = resource + 1 - len(self._has_attempts)
        if n_more > 0:
            fresh = np.zeros(max(n_more, len(self._has_attempts)), np.bool_)
            self._has_attempts = np.concatenate([self._has_attempts, fresh])
        self._has_attempts[resource] = has_attempts
        if loop_thread:
            self._loop_of[resource] = loop_thread

    def of_spans(
        self,
        resource: Array,
        thread: Int64s,
        kind: npt.NDArray[np.uint8],
        start_ns: Int64s,
        end_ns: Int64s,
        run_id: RunIds,
    ) -> LaneIds:
        """Lane of each of some spans; `thread` is `WAITING` of what may never have begun."""
        is_run = (kind < _FIRST_SUB) | (kind > _LAST_SUB)
        thread = np.where((kind == _GRAPH) | (kind == _SEND), _HIDDEN, thread)
        thread[is_run & (thread == 0)] = _UNTOLD
        inner = np.flatnonzero((kind == _OTHER) & (thread > 0))
        if len(inner):
            inner = inner[self._has_attempts[resource[inner]]]
            thread[inner] += _INNER
        lane = self._known(resource, thread)
        self._run(lane, is_run)
        self._levels.reach(len(self.lanes))
        is_run &= (thread > 0) | (thread == _UNTOLD)
        lifted = self._levels.upper(lane, start_ns, end_ns, run_id, is_run, kind == _COMPUTE)
        self._lift(lane, *lifted)
        self._see(lane, start_ns, end_ns)
        return lane

    def of_running(
        self, resource: Array, thread: Int64s, start_ns: Int64s, run_id: RunIds
    ) -> LaneIds:
        """Lane of each attempt that some workers run, those of a worker one after the other."""
        lane = self._known(resource, np.where(thread == 0, _UNTOLD, thread))
        self._run(lane, np.ones(len(lane), np.bool_))
        self._levels.reach(len(self.lanes))
        for number in self._levels.concerned(resource, lane):
            rows = np.flatnonzero(resource == number)
            levels = self._levels.run(number, lane[rows], start_ns[rows], run_id[rows])
            at, level = np.array(levels, np.int64).reshape(-1, 2).T
            self._lift(lane, rows[at], level)
        self._see(lane, start_ns, start_ns)
        return lane

    def are_inner(self, lane: LaneIds) -> npt.NDArray[np.bool_]:
        """Whether what lies in each of some lanes is within attempts."""
        known, at = np.unique(lane, return_inverse=True)
        is_inner = [self.lanes[number].kind is LaneKind.INNER for number in known.tolist()]
        return np.array(is_inner, np.bool_)[at]

    def frozen(self) -> tuple[Lane, ...]:
        """By id; the same object while nothing has changed."""
        if self._frozen is None:
            self._frozen = tuple(self.lanes)
        return self._frozen

    def seen_ns(self) -> tuple[Int64s, Int64s]:
        """First start and last end of each lane; never written again."""
        n = len(self.lanes)
        return self._first_ns[:n].copy(), self._last_ns[:n].copy()

    def _lift(self, lane: LaneIds, rows: Int64s, level: Int64s) -> None:
        """Move rows to other levels of their lane, in place."""
        if not len(rows):
            return
        base = lane[rows]
        missing = np.flatnonzero(self._past.lanes_of(base, level) < 0)
        # In order of first appearance.
        for number, above in dict.fromkeys(
            zip(base[missing].tolist(), level[missing].tolist(), strict=True)
        ):
            of = self.lanes[number]
            kind = of.kind if of.kind in _ALIKE else LaneKind.LEVEL
            self._past.know(self._add(replace(of, kind=kind, level=above)), number, above)
        lane[rows] = self._past.lanes_of(base, level)

    def _known(self, resource: Array, thread: Int64s) -> LaneIds:
        """Lanes of known pairs by searching their codes, of others and of a few one by one."""
        if len(thread) <= _FEW:
            pairs = zip(resource.tolist(), thread.tolist(), strict=True)
            return np.array([self._id(*pair) for pair in pairs], np.uint32)
        if self._n_missed > len(self._id_of):
            self._index()
        if not len(self._codes):
            nowhere = np.zeros(len(thread), np.uint32)
            return self._found(nowhere, np.arange(len(thread)), resource, thread)
        code = _code(resource, thread)
        # Most are where the hash of their code says: a search takes ten times as long.
        lane = self._places[_place(code, self._place_shift)]
        are_known = self._are(lane, resource, thread)
        if are_known.all():
            return lane.astype(np.uint32)
        missed = np.flatnonzero(~are_known)
        at = np.searchsorted(self._codes, code[missed])
        at = np.minimum(at, len(self._codes) - 1)
        lane[missed] = self._code_lanes[at]
        missed = missed[~self._are(lane[missed], resource[missed], thread[missed])]
        return self._found(lane.astype(np.uint32), missed, resource, thread)

    def _are(self, lane: Int64s, resource: Array, thread: Int64s) -> npt.NDArray[np.bool_]:
        """Whether pairs are those of some lanes."""
        are: npt.NDArray[np.bool_] = self._pair_threads[lane] == thread
        are &= self._pair_resources[lane] == resource
        return are

    def _found(self, lane: LaneIds, missed: Int64s, resource: Array, thread: Int64s) -> LaneIds:
        """All lanes, where some have been missed so far."""
        rows = missed.tolist()
        # When these have taken as long as to sort all codes, that is done.
        self._n_missed += len(rows)
        if rows:
            # In order of arrival, so that the same data get the same lanes.
            lane[rows] = [self._id(int(resource[row]), int(thread[row])) for row in rows]
        return lane

    def _index(self) -> None:
        """Sort the codes of all pairs."""
        self._n_missed = 0
        pairs = np.array(list(self._id_of), np.int64).reshape(-1, 2)
        lanes = np.array(list(self._id_of.values()), np.int64)
        # Of a lane above another nobody asks by its pair.
        self._pair_resources = np.full(len(self.lanes), -1, np.int64)
        self._pair_threads = np.zeros(len(self.lanes), np.int64)
        self._pair_resources[lanes], self._pair_threads[lanes] = pairs.T
        codes = _code(pairs[:, 0], pairs[:, 1])
        order = np.argsort(codes)
        self._codes, self._code_lanes = codes[order], lanes[order]
        n_bits = (_PLACES_A_CODE * len(codes)).bit_length()
        self._place_shift = np.uint64(64 - n_bits)
        self._places = np.full(1 << n_bits, lanes[0])
        self._places[_place(self._codes, self._place_shift)] = self._code_lanes

    def _id(self, resource: int, thread: int) -> int:
        key = resource, thread
        known = self._id_of.get(key)
        if known is not None:
            return known
        kind = _KINDS.get(thread, LaneKind.BESIDE)
        if thread >= _INNER:
            kind, thread = LaneKind.INNER, thread - _INNER
        lane = self._id_of[key] = self._add(Lane(resource, thread, kind))
        loop_thread = self._loop_of.get(resource)
        if kind is LaneKind.PACKED or thread == loop_thread:
            self._levels.crowd(lane)
        elif loop_thread is not None and kind is LaneKind.BESIDE:
            self._levels.know_serial(lane)
        return lane

    def _add(self, lane: Lane) -> int:
        self.lanes.append(lane)
        self._frozen = None
        n = len(self.lanes)
        if n > len(self._first_ns):
            n_more = max(n, 64)
            self._is_beside = np.concatenate([self._is_beside, np.zeros(n_more, np.bool_)])
            ends = np.iinfo(np.int64)
            self._first_ns = np.concatenate([self._first_ns, np.full(n_more, ends.max)])
            self._last_ns = np.concatenate([self._last_ns, np.full(n_more, ends.min)])
        self._is_beside[n - 1] = lane.kind is LaneKind.BESIDE
        return n - 1

    def _run(self, lane: LaneIds, is_run: npt.NDArray[np.bool_]) -> None:
        """Know the threads of lanes for such as run something."""
        is_news = self._is_beside[lane] & is_run
        if not is_news.any():
            return
        for number in set(lane[is_news].tolist()):
            before = self.lanes[number]
            is_loop = before.thread == self._loop_of.get(before.resource)
            kind = LaneKind.LOOP if is_loop else LaneKind.THREAD
            self.lanes[number] = replace(before, kind=kind)
            self._is_beside[number] = False
            self._frozen = None

    def _see(self, lane: LaneIds, start_ns: Int64s, end_ns: Int64s) -> None:
        np.minimum.at(self._first_ns, lane, start_ns)
        np.maximum.at(self._last_ns, lane, end_ns)


def _code(resource: Array, thread: Int64s) -> npt.NDArray[np.uint64]:
    """A hash of pairs; pairs with equal codes are told apart by comparing them."""
    return thread.view(np.uint64) * _PRIME ^ resource.astype(np.uint64)


def _place(code: npt.NDArray[np.uint64], shift: np.uint64) -> Int64s:
    """The upper bits of a hash of codes."""
    return ((code * _PRIME) >> shift).view(np.int64)
