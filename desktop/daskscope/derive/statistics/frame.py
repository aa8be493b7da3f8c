"""What the statistics panel draws, and its numbers as text."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from daskscope.derive import quantity
from daskscope.derive.peers import peer as peer_at
from daskscope.derive.place import natural_key
from daskscope.derive.sieve import sieve
from daskscope.derive.statistics.histogram import Histogram, histogram
from daskscope.derive.statistics.rows import PEER_BITS, WORKER_VALUES, Scope
from daskscope.derive.statistics.table import COLUMNS, TaskTable, task_table
from daskscope.predicate import NO_FILTER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daskscope.derive.statistics.crew import Crew
    from daskscope.derive.statistics.sums import Floats
    from daskscope.derive.statistics.work import Figures
    from daskscope.predicate import Bin
    from daskscope.session import Session
    from daskscope.store.snapshot import Snapshot

_APART: Final = "  "
_NOT_COUNTED: Final = ("n_hidden", "n_lost_waiting")
_COUNTS: Final = ("count", "failed")


@dataclass(frozen=True, slots=True)
class WorkerShare:
    """What one worker did, as shares of the time of its threads.

    Attributes
    ----------
    cluster
        What tells its cluster from others, "" where there is but one.
    compute, transfer, disk
        Sums over what it did at once: transfers beside each other may exceed 1.
    gone
        Share of the time in which it was not there.
    """

    name: str
    cluster: str
    n_threads: int
    compute: float
    transfer: float
    disk: float
    gone: float


@dataclass(frozen=True, slots=True)
class Fact:
    """One line below the workers; `is_bad` is written in red."""

    label: str
    value: str
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class StatisticsFrame:
    """Table, histogram and workers of one scope.

    Attributes
    ----------
    summary
        What the numbers are of, in one line.
    table
        The numbers.
    rows
        Rows of the table in the order shown: all tasks first.
    names, slots
        Text and palette slot of each of `rows`; slot -1 for all tasks.
    chosen
        Which of `rows` the histogram shows.
    bins
        Durations that are lit.
    shares
        Of each worker, in the order of the task stream.
    share
        How much of the work is done, 1.0 when these are the final numbers.
    """

    summary: str
    has_selection: bool
    table: TaskTable
    rows: tuple[int, ...]
    names: tuple[str, ...]
    slots: tuple[int, ...]
    sort: str
    is_descending: bool
    chosen: int
    histogram: Histogram | None
    bins: tuple[Bin, ...]
    shares: tuple[WorkerShare, ...]
    facts: tuple[Fact, ...]
    share: float

    def value(self, row: int, column: str) -> float:
        """Number in a row that is shown."""
        return float(self.table.values[column][self.rows[row]])

    def cell(self, row: int, column: str) -> str:
        """Text of it, "" for nothing."""
        value = self.value(row, column)
        if column == "failed" and not value:
            return ""
        return quantity.count(value) if column in _COUNTS else quantity.duration(value)


def statistics_frame(
    snapshot: Snapshot, session: Session, figures: Figures, crew: Crew, now_ns: int
) -> StatisticsFrame:
    """What to draw of `figures`, which are of `snapshot` or an earlier one of its store."""
    table = task_table(figures)
    texts = ["All", *(snapshot.strings[name] for name in table.name[1:].tolist())]
    rows = _ordered(table, texts, session)
    chosen = next((at for at, row in enumerate(rows) if texts[row] == session.statistics_prefix), 0)
    at = rows[chosen]
    past = _past(snapshot, figures.scope, now_ns)
    unended = _unended(snapshot, past, crew)
    medians, p95s = table.values["median"], table.values["p95"]
    return StatisticsFrame(
        summary=_summary(snapshot, session, figures, crew, unended),
        has_selection=session.selection_ns is not None,
        table=table,
        rows=rows,
        names=tuple(texts[row] for row in rows),
        slots=(-1, *snapshot.slot_of[table.name[list(rows[1:])]].tolist()),
        sort=session.statistics_sort,
        is_descending=session.is_statistics_descending,
        chosen=chosen,
        histogram=histogram(
            figures.durations, int(table.name[at]), float(medians[at]), float(p95s[at])
        ),
        bins=session.bins,
        shares=_shares(figures, crew, past, unended.time_ns),
        facts=_facts(snapshot, figures, crew),
        share=figures.share,
    )


def as_lines(frame: StatisticsFrame, separator: str) -> str:
    """The table as lines of values with `separator` between them: seconds and counts, unrounded."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator="\n")
    units = [column if column in _COUNTS else f"{column} (s)" for column in COLUMNS]
    writer.writerow(["prefix", *units])
    for row, name in enumerate(frame.names):
        values = (frame.value(row, column) for column in COLUMNS)
        texts = (
            ""
            if math.isnan(value)
            else f"{value:.0f}"
            if column in _COUNTS
            else f"{value / 1e9:.9f}"
            for column, value in zip(COLUMNS, values, strict=True)
        )
        writer.writerow([name, *texts])
    return out.getvalue()


def _ordered(table: TaskTable, texts: Sequence[str], session: Session) -> tuple[int, ...]:
    """All tasks first, then prefixes by the session's column; equal ones by name."""
    by_name = sorted(range(1, len(table)), key=lambda row: natural_key(texts[row]))
    descending = session.is_statistics_descending
    if session.statistics_sort not in table.values:
        return (0, *(by_name[::-1] if descending else by_name))
    values = table.values[session.statistics_sort]
    return (0, *sorted(by_name, key=lambda row: float(values[row]), reverse=descending))


def _summary(
    snapshot: Snapshot, session: Session, figures: Figures, crew: Crew, unended: _Unended
) -> str:
    """One line: `3:33.62 – 3:42.92  9.30 s  2 810 tasks, totals cut at the edges`."""
    scope = figures.scope
    length_ns = max(scope.to_ns - scope.from_ns, 1)
    step_ns = 10 ** max(math.floor(math.log10(length_ns)) - 2, 0)
    ends = (quantity.elapsed(t - snapshot.first_ns, step_ns) for t in (scope.from_ns, scope.to_ns))
    n_tasks = int(figures.durations.value[0].sum())
    n_hidden, n_waiting = (int(_column(figures, name).sum()) for name in _NOT_COUNTED)
    tasks = [quantity.plural(n_tasks, "task")]
    if n_hidden:
        tasks.append(f"{quantity.count(n_hidden)} hidden not counted")
    if n_waiting:
        tasks.append(f"{quantity.count(n_waiting)} lost before they began not counted")
    if snapshot.n_evicted and scope.from_ns < snapshot.evicted_ns:
        until = quantity.elapsed(snapshot.evicted_ns - snapshot.first_ns, step_ns)
        tasks.append(f"what was evicted until {until} not counted")
    if unended.n_running:
        tasks.append(f"{quantity.count(unended.n_running)} running not counted")
    if unended.n_silent:
        tasks.append(f"{quantity.count(unended.n_silent)} on silent workers not counted")
    tasks.append("totals cut at the edges")
    # What must not be cut off where there is little room comes first.
    parts = [
        "" if figures.share >= 1 else f"computing… {quantity.share(figures.share)}",
        "" if session.selection_ns is not None else "Whole view",
        " – ".join(ends),
        quantity.duration(length_ns),
        "" if scope.lanes is None else quantity.plural(int(crew.n_threads.sum()), "thread"),
        ", ".join(tasks),
    ]
    return _APART.join(part for part in parts if part)


def _column(figures: Figures, name: str) -> Floats:
    column: Floats = figures.workers.value[WORKER_VALUES.index(name)]
    return column


def _shares(
    figures: Figures, crew: Crew, past: Scope, running_ns: Floats
) -> tuple[WorkerShare, ...]:
    """Shares of the threads' time in `past`; what runs now counts as well."""
    length_ns = past.to_ns - past.from_ns
    resource = figures.workers.key
    compute, transfer, disk = (
        crew.by_worker(resource, _column(figures, name)) / (length_ns * crew.n_threads)
        for name in ("compute_ns", "transfer_ns", "disk_ns")
    )
    compute += running_ns / (length_ns * crew.n_threads)
    gone = crew.gone_ns(past.from_ns, past.to_ns) / length_ns
    shares = (
        WorkerShare(name, cluster, int(n_threads), *values)
        for name, cluster, n_threads, *values in zip(
            crew.names,
            crew.clusters,
            crew.n_threads.tolist(),
            compute.tolist(),
            transfer.tolist(),
            disk.tolist(),
            gone.tolist(),
            strict=True,
        )
    )
    return tuple(one for one in shares if one.gone < 1)


def _past(snapshot: Snapshot, scope: Scope, now_ns: int) -> Scope:
    """What of a scope has happened so far, and is still held: nothing else is idle time."""
    from_ns = max(scope.from_ns, snapshot.first_ns)
    to_ns = max(min(scope.to_ns, now_ns), from_ns + 1)
    if from_ns < snapshot.evicted_ns < to_ns:
        from_ns = snapshot.evicted_ns
    return replace(scope, from_ns=from_ns, to_ns=to_ns)


class _Unended(NamedTuple):
    """Attempts that have not ended: their time by worker, and how many of them run or may not."""

    time_ns: Floats
    n_running: int
    n_silent: int


def _unended(snapshot: Snapshot, past: Scope, crew: Crew) -> _Unended:
    """What runs in a scope; what a silent worker ran does so until that was heard last."""
    every, until_ns = snapshot.running.attempts, snapshot.running_until_ns
    is_meant = (every.start_ns < past.to_ns) & (until_ns > past.from_ns)
    if past.filter != NO_FILTER:
        is_meant &= sieve(snapshot, past.filter).running(every, until_ns)
    if past.lanes is not None:
        is_meant &= np.isin(every.lane, list(past.lanes))
    start_ns, until_ns = every.start_ns[is_meant], until_ns[is_meant]
    lasting_ns = np.minimum(until_ns, past.to_ns) - np.maximum(start_ns, past.from_ns)
    resource = every.resource[is_meant].astype(np.int64)
    time_ns = crew.by_worker(resource, np.maximum(lasting_ns, 0).astype(np.float64))
    n_silent = int(np.count_nonzero(until_ns < past.to_ns))
    return _Unended(time_ns, len(until_ns) - n_silent, n_silent)


def _facts(snapshot: Snapshot, figures: Figures, crew: Crew) -> tuple[Fact, ...]:
    """What was moved, and what went wrong."""
    pairs, moved_bytes = figures.pairs.key, figures.pairs.value[0]
    facts = [Fact("Moved between workers", _bytes_text(moved_bytes.sum()))]
    # Of what a shuffle or a client sent the other end is not known.
    peer, receiver = pairs & ((1 << PEER_BITS) - 1), crew.worker_of[pairs >> PEER_BITS]
    pair_bytes = np.where((peer > 0) & (receiver >= 0), moved_bytes, 0)
    if pair_bytes.any():
        busiest = int(pair_bytes.argmax())
        address, resource = snapshot.strings[int(peer[busiest])], int(pairs[busiest]) >> PEER_BITS
        sender = _name_at(snapshot, address, resource)
        label = f"Busiest, {sender} to {crew.names[int(receiver[busiest])]}"
        facts.append(Fact(label, _bytes_text(pair_bytes[busiest])))
    facts.append(Fact("Disk", _bytes_text(_column(figures, "disk_bytes").sum())))
    return (*facts, *_failures(figures, crew))


def _name_at(snapshot: Snapshot, address: str, resource: int) -> str:
    """Name of the worker at an address that a resource speaks of."""
    where = peer_at(snapshot, address, resource)
    return where.name if where is not None else address.rpartition("://")[2]


def _bytes_text(number: float) -> str:
    return quantity.nbytes(number) if number else ""


def _failures(figures: Figures, crew: Crew) -> list[Fact]:
    n_erred, n_lost = (_column(figures, name) for name in ("n_erred", "n_lost"))
    lost_with = np.flatnonzero(crew.by_worker(figures.workers.key, n_lost)).tolist()
    erred = ""
    if n_erred.any():
        erred = f"{quantity.count(n_erred.sum())} erred"
    if not n_lost.any():
        return [Fact("Failed", erred, is_bad=bool(erred))]
    whom = quantity.plural(len(lost_with), "worker")
    if len(lost_with) == 1:
        whom = crew.names[lost_with[0]]
    lost = Fact("Lost", f"{quantity.count(n_lost.sum())} with {whom}", is_bad=True)
    return [Fact("Failed", erred, is_bad=True), lost] if erred else [lost]
