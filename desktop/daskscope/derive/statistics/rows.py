"""Sums of some rows of one chunk, over a stretch of time and some lanes.

A task is an attempt that has run: one that was lost before it may have begun is counted apart. Time
and bytes count as far as they lie in the stretch, a task counts when it touches it, and quantiles
are of whole durations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from daskscope.derive.statistics.cover import covered_ns, cut_rows
from daskscope.derive.statistics.durations import CLASS_BITS, classes
from daskscope.derive.statistics.sums import (
    Sums,
    empty,
    in_order,
    joined,
    summed,
    summed_in_order,
)
from daskscope.predicate import NO_FILTER
from daskscope.store.schema import Kind, Outcome, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daskscope.derive.sieve import Sieve
    from daskscope.derive.statistics.cover import Intervals
    from daskscope.derive.statistics.sums import Floats, Int64s
    from daskscope.predicate import Filter
    from daskscope.store.chunk import Chunk, Rows

#: Values of each table, in order.
DURATION_VALUES: Final = ("n", "sum_ns")
NAME_VALUES: Final = ("total_ns", "n_failed")
WORKER_VALUES: Final = (
    "compute_ns",
    "transfer_ns",
    "disk_ns",
    "disk_bytes",
    "n_erred",
    "n_lost",
    "n_lost_waiting",
    "n_hidden",
)
PEER_BITS: Final = 32


@dataclass(frozen=True, slots=True)
class Scope:
    """What statistics are of.

    Attributes
    ----------
    from_ns, to_ns
        The stretch of time, `to_ns` exclusive.
    lanes
        Ids of the lanes, None for all.
    filter
        What is hidden, and then counted nowhere.
    """

    from_ns: int
    to_ns: int
    lanes: frozenset[int] | None = None
    filter: Filter = NO_FILTER


@dataclass(frozen=True, slots=True)
class Meant:
    """Which lanes and spans of a store are meant.

    Attributes
    ----------
    resource
        int64, by lane id.
    is_lane
        bool, by lane id; None where all are.
    sieve
        What the filter shows, None where it hides nothing.
    """

    resource: Int64s
    is_lane: npt.NDArray[np.bool_] | None
    sieve: Sieve | None

    def in_lanes(self, chunk: Chunk, rows: Rows) -> Rows:
        """Those rows that lie in the lanes."""
        if self.is_lane is None:
            return rows
        chosen: Rows = rows[self.is_lane[chunk.columns["lane"][rows]]]
        return chosen

    def is_shown(self, chunk: Chunk, rows: Rows) -> npt.NDArray[np.bool_]:
        """Which rows the filter shows."""
        if self.sieve is None:
            return np.ones(len(rows), np.bool_)
        return self.sieve.rows(chunk, rows)


@dataclass(frozen=True, slots=True)
class RowSums:
    """Sums of some rows.

    Attributes
    ----------
    durations
        `DURATION_VALUES` by name and class of duration, with the longest of each.
    names
        `NAME_VALUES` of tasks by name.
    workers
        `WORKER_VALUES` by resource.
    pairs
        Bytes by the resource that received and the address they came from (a string id).
    """

    durations: Sums
    names: Sums
    workers: Sums
    pairs: Sums


def row_sums(chunk: Chunk, rows: Rows, scope: Scope, meant: Meant) -> RowSums:
    """Sums of rows that touch the scope's time."""
    rows = meant.in_lanes(chunk, rows)
    is_shown = meant.is_shown(chunk, rows)
    hidden, rows = rows[~is_shown], rows[is_shown]
    kind = chunk.columns["kind"][rows].view(np.uint8)
    is_waiting = chunk.columns["outcome"][rows] == Outcome.LOST_WAITING.value
    resource = meant.resource[chunk.columns["lane"][rows]]
    task = np.flatnonzero((kind == Kind.COMPUTE.value) & ~is_waiting)
    tasks, is_failed, workers = _tasks(chunk, rows[task], resource[task], scope)
    move = np.flatnonzero((kind >= Kind.TRANSFER.value) & (kind <= Kind.DISK_WRITE.value))
    moves, pairs = _moves(chunk, rows[move], resource[move], scope)
    hidden = hidden[_is_task(chunk, hidden)]
    others: _ByValue = {
        "n_lost_waiting": (resource[is_waiting], None),
        "n_hidden": (meant.resource[chunk.columns["lane"][hidden]], None),
    }
    durations, names = _of_tasks(tasks, is_failed)
    return RowSums(durations, names, _by_resource({**workers, **moves, **others}), pairs)


def covered_sums(chunk: Chunk, rows: Rows, scope: Scope, meant: Meant, children: Intervals) -> Sums:
    """Time by name in which children cover tasks of the rows, which touch the scope's time."""
    rows = meant.in_lanes(chunk, rows)
    rows = rows[_is_task(chunk, rows) & meant.is_shown(chunk, rows)]
    covered = covered_ns(cut_rows(chunk, rows, scope.from_ns, scope.to_ns), children)
    is_any = covered > 0
    name = chunk.columns["name"][rows[is_any]].astype(np.int64)
    value = covered[is_any]
    return summed(name, value[None, :], value)


def all_joined(parts: Sequence[RowSums]) -> RowSums:
    """Sums of sums; at least one part."""
    return RowSums(
        joined([part.durations for part in parts]),
        joined([part.names for part in parts]),
        joined([part.workers for part in parts]),
        joined([part.pairs for part in parts]),
    )


@dataclass(frozen=True, slots=True)
class _Tasks:
    """Attempts that have run: int64 each, shape (n,)."""

    name: Int64s
    lasting_ns: Int64s
    cut_ns: Int64s


_ByValue: TypeAlias = "dict[str, tuple[Int64s, npt.NDArray[np.number] | None]]"


def _is_task(chunk: Chunk, rows: Rows) -> npt.NDArray[np.bool_]:
    is_task: npt.NDArray[np.bool_] = chunk.columns["kind"][rows] == Kind.COMPUTE.value
    is_task &= chunk.columns["outcome"][rows] != Outcome.LOST_WAITING.value
    return is_task


def _tasks(
    chunk: Chunk, rows: Rows, resource: Int64s, scope: Scope
) -> tuple[_Tasks, npt.NDArray[np.bool_], _ByValue]:
    """Attempts that have run, which of them failed, and what they are to their workers."""
    outcome, status = (chunk.columns[name][rows].view(np.uint8) for name in ("outcome", "status"))
    start_ns, end_ns = chunk.start_ns[rows], chunk.end_ns[rows]
    cut_ns = np.minimum(end_ns, scope.to_ns) - np.maximum(start_ns, scope.from_ns)
    is_failed, is_lost = _failed(outcome, status), outcome == Outcome.LOST.value
    workers: _ByValue = {
        "compute_ns": (resource, cut_ns),
        "n_erred": (resource[is_failed & ~is_lost], None),
        "n_lost": (resource[is_lost], None),
    }
    name = chunk.columns["name"][rows].astype(np.int64)
    return _Tasks(name, end_ns - start_ns, cut_ns), is_failed, workers


def _moves(chunk: Chunk, rows: Rows, resource: Int64s, scope: Scope) -> tuple[_ByValue, Sums]:
    """Time and bytes of transfers and of disks by worker, and bytes by pair of workers."""
    columns = chunk.columns
    start_ns, end_ns = chunk.start_ns[rows], chunk.end_ns[rows]
    cut_ns = np.minimum(end_ns, scope.to_ns) - np.maximum(start_ns, scope.from_ns)
    lasting_ns = end_ns - start_ns
    part = np.where(lasting_ns > 0, cut_ns / np.maximum(lasting_ns, 1), 1.0)
    moved_bytes = np.maximum(columns["nbytes"][rows].view(np.int64), 0) * part
    is_transfer = columns["kind"][rows] == Kind.TRANSFER.value
    is_disk = ~is_transfer
    peer = columns["peer"][rows[is_transfer]].astype(np.int64)
    pairs = summed(
        resource[is_transfer] << PEER_BITS | peer,
        moved_bytes[None, is_transfer],
        np.zeros(len(peer)),
    )
    workers: _ByValue = {
        "transfer_ns": (resource[is_transfer], cut_ns[is_transfer]),
        "disk_ns": (resource[is_disk], cut_ns[is_disk]),
        "disk_bytes": (resource[is_disk], moved_bytes[is_disk]),
    }
    return workers, pairs


def _failed(outcome: npt.NDArray[np.uint8], status: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """What ended without its result by a failure: not what was cancelled or rescheduled."""
    is_dropped = (outcome == Outcome.CANCELLED.value) | (outcome == Outcome.RESCHEDULED.value)
    is_failed: npt.NDArray[np.bool_] = (
        (outcome == Outcome.FAILED.value)
        | (outcome == Outcome.LOST.value)
        | ((status == Status.ERROR.value) & ~is_dropped)
    )
    return is_failed


def _of_tasks(tasks: _Tasks, is_failed: npt.NDArray[np.bool_]) -> tuple[Sums, Sums]:
    """Sums of tasks by name and class of duration, and by name."""
    if not len(tasks.name):
        return empty(len(DURATION_VALUES)), empty(len(NAME_VALUES))
    number = classes(tasks.lasting_ns)
    # Sixteen bits are sorted in linear time: twice that is faster than both at once.
    order = np.argsort(number.astype(np.uint16), kind="stable")
    order = order[in_order(tasks.name[order])]
    key, lasting = tasks.name << CLASS_BITS | number, tasks.lasting_ns.astype(np.float64)
    key, lasting = key[order], lasting[order]
    durations = summed_in_order(key, np.stack([np.ones(len(key)), lasting]), lasting)
    values = np.stack([tasks.cut_ns[order], is_failed[order]]).astype(np.float64)
    return durations, summed_in_order(key >> CLASS_BITS, values, lasting)


def _by_resource(values: _ByValue) -> Sums:
    """Sums of `WORKER_VALUES` by resource; those with nothing but noughts are left out."""
    n = 1 + max(int(resource.max(initial=-1)) for resource, _ in values.values())
    sums: Floats = np.stack([np.bincount(*values[name], n) for name in WORKER_VALUES])
    key = np.flatnonzero(sums.any(axis=0))
    return Sums(key, sums[:, key], np.zeros(len(key)))
