"""The numbers of the table: one row for all tasks, and one for each prefix.

Columns
-------
count
    Tasks that touch the stretch of time.
total
    Time that they took in it.
self
    Total without what the task did in it that has a span of its own, with the task as its parent:
    the user's spans, transfers, disk, deserialisation (see `cover`).
mean, median, p95, p99, max
    Of whole durations, those of tasks that are cut at the edges, too. Quantiles are exact where a
    class of durations holds one task, else within 0.54 % (see `durations`).
failed
    Tasks that failed, or were lost with their worker.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.derive.statistics.durations import CLASS_BITS, quantiles

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from daskscope.derive.statistics.sums import Floats, Int64s, Sums
    from daskscope.derive.statistics.work import Figures

COLUMNS: Final = ("count", "total", "self", "mean", "median", "p95", "p99", "max", "failed")
SHARES: Final = (0.5, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class TaskTable:
    """Numbers by prefix.

    Attributes
    ----------
    name
        int64, shape (n,): string ids of the prefixes; -1 first, for all of them together.
    values
        By column of `COLUMNS`: float64, shape (n,), times in ns, NaN where there is nothing.
    """

    name: Int64s
    values: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(self.name)


def task_table(figures: Figures) -> TaskTable:
    """Numbers of all tasks that are known so far, and of each prefix."""
    durations, name = figures.durations, figures.names.key
    total_ns, n_failed = figures.names.value
    self_ns = total_ns.copy()
    self_ns[np.searchsorted(name, figures.covered.key)] -= figures.covered.value[0]
    group = np.searchsorted(name, durations.key >> CLASS_BITS)
    n, sum_ns = durations.value
    count = _with_sum(np.bincount(group, n, len(name)))
    found, n_all, sum_all_ns = all_classes(durations)
    all_ns = quantiles(np.zeros(len(found), np.intp), 1, n_all, sum_all_ns / n_all, SHARES)
    by_name_ns = quantiles(group, len(name), n, sum_ns / n, SHARES)
    with np.errstate(invalid="ignore"):
        mean_ns = _with_sum(np.bincount(group, sum_ns, len(name))) / count
    columns = (
        count,
        _with_sum(total_ns),
        _with_sum(self_ns),
        mean_ns,
        *np.concatenate([all_ns, by_name_ns], axis=1),
        _with_most(durations, group),
        _with_sum(n_failed),
    )
    return TaskTable(np.concatenate([[-1], name]), dict(zip(COLUMNS, columns, strict=True)))


def all_classes(durations: Sums) -> tuple[Int64s, Floats, Floats]:
    """Durations of all prefixes together: class, number and sum of those that there are."""
    number = durations.key & ((1 << CLASS_BITS) - 1)
    n, sum_ns = (np.bincount(number, value) for value in durations.value)
    found = np.flatnonzero(n)
    return found, n[found].astype(np.float64), sum_ns[found].astype(np.float64)


def _with_sum(values: npt.NDArray[np.number]) -> Floats:
    return np.concatenate([[values.sum()], values]).astype(np.float64)


def _with_most(durations: Sums, group: npt.NDArray[np.intp]) -> Floats:
    """The longest of all and of each group; every group has a class, and groups rise."""
    if not len(durations):
        return np.array([np.nan])
    begins = np.flatnonzero(np.diff(group, prepend=-1))
    most = np.maximum.reduceat(durations.most, begins)
    return np.concatenate([[most.max()], most])
