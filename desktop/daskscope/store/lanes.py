"""Lanes: which row of the task stream a span belongs to, by resource and thread.

A thread's lane lies beside the others until the thread is seen to run something: transfers and disk
may be the event loop's. Attempts and foreign spans that name no thread are packed so that they do
not overlap, into at most `MAX_PACKED` lanes of their resource. What may never have begun shares one
lane, and so does what is not drawn.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from daskscope.store.schema import SUB_KINDS, Array, Kind
from daskscope.store.snapshot import Lane, LaneKind

#: Lanes of one resource for spans that overlap and name no thread.
MAX_PACKED: Final = 16
_PRIME: Final = np.uint64(0x9E3779B97F4A7C15)
#: Stand for the thread of what is not drawn, and of attempts that may never have begun; packed
#: lanes have the threads -1, -2 and so on.
_HIDDEN: Final = -1 << 40
WAITING: Final = -1 << 39
_KINDS: Final = {_HIDDEN: LaneKind.HIDDEN, WAITING: LaneKind.WAITING}

Int64s = npt.NDArray[np.int64]
LaneIds = npt.NDArray[np.uint32]


class LaneRegistry:
    """Gives lanes ids in order of first appearance.

    Attributes
    ----------
    lanes
        By id.
    """

    def __init__(self) -> None:
        self.lanes: list[Lane] = []
        self._frozen: tuple[Lane, ...] | None = ()
        self._id_of: dict[tuple[int, int], int] = {}
        self._packed_ends: dict[int, list[int]] = {}
        # All pairs by a hash of them, so that a batch is looked up at once.
        self._codes = np.empty(0, np.uint64)
        self._code_resources = np.empty(0, np.int64)
        self._code_threads = np.empty(0, np.int64)
        self._code_lanes = np.empty(0, np.uint32)
        self._is_beside = np.empty(0, np.bool_)
        self._first_ns = np.empty(0, np.int64)
        self._last_ns = np.empty(0, np.int64)

    def of_spans(
        self, resource: Array, thread: Int64s, kind: Array, start_ns: Int64s, end_ns: Int64s
    ) -> LaneIds:
        """Lane of each of some spans; `thread` is `WAITING` of what may never have begun."""
        kinds = kind.view(np.uint8)
        is_beside = (kinds >= SUB_KINDS[0]) & (kinds <= SUB_KINDS[-1])
        thread = np.where((kind == Kind.GRAPH) | (kind == Kind.SEND), _HIDDEN, thread)
        loose = np.flatnonzero(~is_beside & (thread == 0))
        if len(loose):
            thread[loose] = self._packed(resource[loose], start_ns[loose], end_ns[loose])
        lane = self._known(resource, thread)
        self._run(lane, ~is_beside)
        self._see(lane, start_ns, end_ns)
        return lane

    def of_running(self, resource: int, thread: Int64s, start_ns: Int64s) -> LaneIds:
        """Lane of each attempt that a worker runs."""
        lane = self._known(np.full(len(thread), resource, np.uint32), thread)
        self._run(lane, np.ones(len(lane), np.bool_))
        self._see(lane, start_ns, start_ns)
        return lane

    def frozen(self) -> tuple[Lane, ...]:
        """By id; the same object while nothing has changed."""
        if self._frozen is None:
            self._frozen = tuple(self.lanes)
        return self._frozen

    def seen_ns(self) -> tuple[Int64s, Int64s]:
        """First start and last end of each lane; never written again."""
        n = len(self.lanes)
        return self._first_ns[:n].copy(), self._last_ns[:n].copy()

    def _known(self, resource: Array, thread: Int64s) -> LaneIds:
        """Lanes of known pairs by searching their codes, of others one by one."""
        code = _code(resource, thread)
        if len(self._codes):
            at = np.minimum(np.searchsorted(self._codes, code), len(self._codes) - 1)
            lane = self._code_lanes[at]
            is_known = (self._code_threads[at] == thread) & (self._code_resources[at] == resource)
        else:
            lane, is_known = np.empty(len(code), np.uint32), np.zeros(len(code), np.bool_)
        unknown = np.flatnonzero(~is_known).tolist()
        if unknown:
            pairs = [(int(resource[row]), int(thread[row])) for row in unknown]
            # In order of arrival, so that the same data get the same lanes.
            lane[unknown] = [self._id(*pair) for pair in pairs]
            self._index()
        return lane

    def _index(self) -> None:
        """Sort the codes of all pairs."""
        pairs = np.array(list(self._id_of), np.int64).reshape(-1, 2)
        codes = _code(pairs[:, 0], pairs[:, 1])
        order = np.argsort(codes)
        self._codes = codes[order]
        self._code_resources, self._code_threads = pairs[order].T
        self._code_lanes = np.array(list(self._id_of.values()), np.uint32)[order]

    def _id(self, resource: int, thread: int) -> int:
        known = self._id_of.get((resource, thread))
        if known is not None:
            return known
        lane = self._id_of[resource, thread] = len(self.lanes)
        kind = _KINDS.get(thread, LaneKind.BESIDE if thread >= 0 else LaneKind.PACKED)
        self.lanes.append(Lane(resource, thread, kind))
        self._frozen = None
        self._is_beside = np.append(self._is_beside, kind == LaneKind.BESIDE)
        self._first_ns = np.append(self._first_ns, np.iinfo(np.int64).max)
        self._last_ns = np.append(self._last_ns, np.iinfo(np.int64).min)
        return lane

    def _run(self, lane: LaneIds, is_run: npt.NDArray[np.bool_]) -> None:
        """Know the threads of lanes for such as run something."""
        is_news = self._is_beside[lane] & is_run
        for number in set(lane[is_news].tolist()):
            self.lanes[number] = replace(self.lanes[number], kind=LaneKind.THREAD)
            self._is_beside[number] = False
            self._frozen = None

    def _packed(self, resource: Array, start_ns: Int64s, end_ns: Int64s) -> Int64s:
        """Thread -1, -2 and so on of spans that must not overlap."""
        thread = np.empty(len(start_ns), np.int64)
        for i in np.argsort(start_ns, kind="stable").tolist():
            ends = self._packed_ends.setdefault(int(resource[i]), [])
            begin = int(start_ns[i])
            slot = next((n for n, end in enumerate(ends) if end <= begin), len(ends))
            if slot == MAX_PACKED:
                slot = ends.index(min(ends))
            if slot == len(ends):
                ends.append(0)
            ends[slot] = max(ends[slot], int(end_ns[i]))
            thread[i] = -1 - slot
        return thread

    def _see(self, lane: LaneIds, start_ns: Int64s, end_ns: Int64s) -> None:
        np.minimum.at(self._first_ns, lane, start_ns)
        np.maximum.at(self._last_ns, lane, end_ns)


def _code(resource: Array, thread: Int64s) -> npt.NDArray[np.uint64]:
    """A hash of pairs; pairs with equal codes are told apart by comparing them."""
    return thread.view(np.uint64) * _PRIME ^ resource.astype(np.uint64)
