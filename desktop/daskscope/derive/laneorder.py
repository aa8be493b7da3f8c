"""In which order members stand in the task stream, and which of them are folded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.derive.lanelayout import PINNED
from daskscope.derive.tally import LaneTally
from daskscope.session import Grouping, LaneSort

if TYPE_CHECKING:
    import numpy.typing as npt

    from daskscope.derive.frames import Int32s
    from daskscope.derive.members import Roster
    from daskscope.session import Session
    from daskscope.store.snapshot import Snapshot

    Bools = npt.NDArray[np.bool_]

#: An order by what is measured holds at least so long, so that rows do not dance.
RANK_PERIOD_NS: Final = 10_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class LaneOrder:
    """Groups of members from top to bottom.

    Attributes
    ----------
    members
        int32: indices in the roster, in order; those of one group follow each other.
    group
        int32, by place in `members`: number of the group.
    hosts
        By group: its host; `PINNED` of pinned workers.
    is_turned
        bool, by place in `members`: it is not as the grouping has it.
    """

    members: Int32s
    group: Int32s
    hosts: tuple[str, ...]
    is_turned: Bools


class LaneRanks:
    """Measures members of one store for sorting.

    Attributes
    ----------
    epoch
        Changes when it is time to sort again.
    """

    def __init__(self) -> None:
        self.epoch = 0
        self._tally = LaneTally()

    def see(self, snapshot: Snapshot, sort: LaneSort) -> None:
        """Take what is new, if lanes are sorted by it."""
        if sort is LaneSort.NAME:
            self.epoch = 0
        elif self._tally.add(snapshot):
            self.epoch = snapshot.last_ns // RANK_PERIOD_NS
        else:
            self.epoch = -snapshot.generation

    def of(self, roster: Roster, sort: LaneSort) -> npt.NDArray[np.float64]:
        """float64, by member: what it is sorted by, the greatest first."""
        n = len(roster.members)
        if sort is LaneSort.NAME:
            return np.zeros(n)
        is_busy = sort is LaneSort.BUSY
        measure = self._tally.busy_ns if is_busy else self._tally.n_erred.astype(np.float64)
        member = roster.member_of_lane[: len(measure)]
        is_drawn = member >= 0
        sums = np.bincount(member[is_drawn], measure[: len(member)][is_drawn], n)
        return sums.astype(np.float64, copy=False)


def lane_order(roster: Roster, session: Session, rank: npt.NDArray[np.float64]) -> LaneOrder:
    """Pinned ones first, then by rank, then in natural order; those alone that the filter shows."""
    members, pinned = roster.members, session.pinned
    hosts = list(dict.fromkeys(member.host for member in members))
    number_of = {host: number for number, host in enumerate(hosts)}
    host = np.array([number_of[member.host] for member in members], np.intp)
    is_pinned = np.array([member.key in pinned for member in members], np.bool_)
    is_host_pinned = np.array([name in pinned for name in hosts], np.bool_)
    natural = np.arange(len(members))
    if session.grouping is Grouping.HOST:
        of_host = np.bincount(host, rank, len(hosts))
        by_host = (host, -of_host[host], ~is_host_pinned[host])
        keys: tuple[npt.NDArray[np.generic], ...] = (natural, -rank, *by_host, ~is_pinned)
        group = np.where(is_pinned, -1, host)
    else:
        keys = (natural, -rank, ~is_pinned)
        group = np.zeros(len(members), np.intp)
        hosts = [""]
    order = np.lexsort(keys) if len(members) else natural
    if session.filter.workers:
        is_shown = [member.place.name in session.filter.workers for member in members]
        order = order[np.array(is_shown, np.bool_)[order]]
    group = group[order]
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = group[1:] != group[:-1]
    turned = session.turned_workers
    return LaneOrder(
        order.astype(np.int32),
        (np.cumsum(is_first) - 1).astype(np.int32),
        tuple(hosts[i] if i >= 0 else PINNED for i in group[is_first].tolist()),
        np.array([members[i].key in turned for i in order.tolist()], np.bool_),
    )
