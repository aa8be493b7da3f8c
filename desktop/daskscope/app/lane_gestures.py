"""What gestures on the lanes make of the session: folds, pins, groups, order. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from daskscope.session import Grouping, LaneSort, Session

if TYPE_CHECKING:
    from daskscope.derive.members import Roster


def fold_worker(session: Session, key: str) -> Session:
    """Fold a worker into one row, or unfold it."""
    return replace(session, turned_workers=session.turned_workers ^ {key})


def fold_all(session: Session, roster: Roster) -> Session:
    """Fold all hosts, or all workers where there are no hosts; unfold all if all are folded."""
    if session.grouping is Grouping.HOST:
        hosts = frozenset(member.host for member in roster.members)
        is_all = hosts <= session.collapsed_hosts
        return replace(session, collapsed_hosts=frozenset() if is_all else hosts)
    keys = frozenset(member.key for member in roster.members)
    return replace(session, turned_workers=frozenset() if session.turned_workers else keys)


def pin(session: Session, key: str) -> Session:
    """Bring a host or worker to the top, or let it go back."""
    return replace(session, pinned=session.pinned ^ {key})


def group(session: Session, grouping: Grouping) -> Session:
    """Show rows of another kind; workers are folded or not as that has them."""
    if grouping is session.grouping:
        return session
    return replace(session, grouping=grouping, turned_workers=frozenset())


def next_grouping(session: Session) -> Session:
    """Show rows of the next kind."""
    kinds = list(Grouping)
    return group(session, kinds[(kinds.index(session.grouping) + 1) % len(kinds)])


def sort_lanes(session: Session, lane_sort: LaneSort) -> Session:
    """Sort hosts and workers by something else."""
    return replace(session, lane_sort=lane_sort)
