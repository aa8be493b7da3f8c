"""All members in order, kept up to date as some of them change."""

from __future__ import annotations

from bisect import insort
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from daskscope.derive.members import INNER, Member, Roster
from daskscope.derive.place import Place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daskscope.derive.members import Name

#: More new members than these are sorted together with all others.
_MOST_INSERTED: Final = 64
_NOBODY: Final = Member("", (), Place("", "", "", "", "", is_worker=False), "", -1, -1)


class RosterTable:
    """Members in order, with what is known of them and of their lanes in arrays.

    Rows of the arrays are places that a member keeps while it is there.
    """

    def __init__(self) -> None:
        self._members: list[Member] = []
        self._places_of: dict[Name, list[int]] = {}
        self._free: list[int] = []
        self._order: list[int] = []
        #: The same as an array, and the keys of those members, as of the last roster.
        self._places = np.empty(0, np.intp)
        self._keys: tuple[str, ...] = ()
        self._are_others = False
        self._news: list[int] = []
        self._sizes = np.zeros((3, 0), np.int32)
        self._member_of_lane = np.empty(0, np.int32)
        self._row_of_lane = np.empty(0, np.int32)
        self._is_waiting = np.empty(0, np.bool_)
        self._is_inner = np.empty(0, np.bool_)
        self._is_crowd = np.empty(0, np.bool_)

    def reach(self, n_lanes: int) -> None:
        """Know of so many lanes."""
        n_more = n_lanes - len(self._row_of_lane)
        if n_more > 0:
            fresh = np.full(n_more, -1, np.int32)
            self._member_of_lane = np.concatenate([self._member_of_lane, fresh])
            self._row_of_lane = np.concatenate([self._row_of_lane, fresh])
            no = np.zeros(n_more, np.bool_)
            self._is_waiting = np.concatenate([self._is_waiting, no])
            self._is_inner = np.concatenate([self._is_inner, no])
            self._is_crowd = np.concatenate([self._is_crowd, no])

    def put(self, name: Name, members: Sequence[Member]) -> None:
        """These are the members of a name now."""
        places = self._places_of.get(name, [])
        gone = places[len(members) :]
        if gone:
            self._order = [place for place in self._order if place not in gone]
            self._news = [place for place in self._news if place not in gone]
            self._free += gone
        kept = places[: len(members)]
        fresh = [self._fresh() for _ in members[len(kept) :]]
        self._news += fresh
        # A name and a number among its members make a key.
        self._are_others |= bool(gone or fresh)
        self._places_of[name] = kept + fresh
        for at, member in zip(kept + fresh, members, strict=True):
            self._members[at] = member
            self._sizes[:, at] = member.n_rows, member.n_lanes, member.gone_ns > 0
            for row, lanes in enumerate((*member.rows, member.waiting)):
                is_waiting = row == len(member.rows)
                is_inner = not is_waiting and member.threads[row] == INNER
                for lane in lanes:
                    self._member_of_lane[lane], self._row_of_lane[lane] = at, row
                    self._is_waiting[lane], self._is_inner[lane] = is_waiting, is_inner
                    self._is_crowd[lane] = row in member.crowds

    def roster(self) -> Roster:
        """All members as they are now."""
        if self._are_others:
            self._are_others = False
            self._sort()
            self._places = np.array(self._order, np.intp)
            self._keys = tuple(self._members[at].key for at in self._order)
        order = self._places
        index_of = np.full(len(self._members) + 1, -1, np.int32)  # the last is that of no member
        index_of[order] = np.arange(len(order))
        n_rows, n_lanes, is_gone = self._sizes[:, order]
        return Roster(
            tuple(self._members[at] for at in self._order),
            self._keys,
            n_rows,
            n_lanes,
            is_gone > 0,
            index_of[self._member_of_lane],
            self._row_of_lane.copy(),
            self._is_waiting.copy(),
            self._is_inner.copy(),
            self._is_crowd.copy(),
        )

    def _fresh(self) -> int:
        if self._free:
            return self._free.pop()
        self._members.append(_NOBODY)
        if len(self._members) > self._sizes.shape[1]:
            more = np.zeros((3, max(self._sizes.shape[1], 64)), np.int32)
            self._sizes = np.concatenate([self._sizes, more], axis=1)
        return len(self._members) - 1

    def _sort(self) -> None:
        def order(at: int) -> tuple[Any, ...]:
            return self._members[at].order

        if len(self._news) > _MOST_INSERTED:
            self._order = sorted(self._order + self._news, key=order)
        else:
            for at in self._news:
                insort(self._order, at, key=order)
        self._news = []
