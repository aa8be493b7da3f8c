"""What sorting tables makes of the session: pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from daskscope.derive import workers
from daskscope.derive.statistics import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daskscope.session import Session

_STATISTICS: Final = ("prefix", *table.COLUMNS)


def sort_workers(session: Session, column: str) -> Session:
    """Sort by a column; the other way round when it is the one already."""
    is_same = session.worker_sort == column
    return replace(
        session,
        worker_sort=column,
        is_sort_descending=not session.is_sort_descending if is_same else column != "worker",
    )


def sort_statistics(session: Session, column: str) -> Session:
    """Sort by a column, the greatest first; the other way round when it is the one already."""
    is_same = session.statistics_sort == column
    return replace(
        session,
        statistics_sort=column,
        is_statistics_descending=(
            not session.is_statistics_descending if is_same else column != "prefix"
        ),
    )


def step_workers(session: Session, step: int) -> Session:
    """Sort workers by the column after the one that does, or the one before; not past the ends."""
    column = _beside(workers.COLUMNS, session.worker_sort, step)
    if column == session.worker_sort:
        return session
    return sort_workers(session, column)


def step_statistics(session: Session, step: int) -> Session:
    """Sort statistics by the column after the one that does, or the one before."""
    column = _beside(_STATISTICS, session.statistics_sort, step)
    if column == session.statistics_sort:
        return session
    return sort_statistics(session, column)


def turn_workers(session: Session, is_descending: bool) -> Session:
    """Sort workers in this order."""
    return replace(session, is_sort_descending=is_descending)


def turn_statistics(session: Session, is_descending: bool) -> Session:
    """Sort statistics in this order."""
    return replace(session, is_statistics_descending=is_descending)


def _beside(columns: Sequence[str], column: str, step: int) -> str:
    # Rows that no column sorts are in the order of the first one.
    at = columns.index(column) if column in columns else 0
    return columns[min(max(at + step, 0), len(columns) - 1)]
