"""Progress of every task prefix, in the meanings of Dask's own progress page.

Counts come from the scheduler's `dask.tasks`, which is sent again only when it changes, so the
newest point holds however old it is. Of a scheduler that is silent nobody knows what has become of
the tasks that it counted last: they stay in bars and totals, but nothing is said of their end.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import numpy as np

from dask_otel import conventions
from daskscope.derive import quantity
from daskscope.derive.panels import ProgressFrame, ProgressRow
from daskscope.derive.reading import count_at, measured, newest_count
from daskscope.predicate import NO_FILTER
from daskscope.store.snapshot import STILL

if TYPE_CHECKING:
    from daskscope.predicate import Filter
    from daskscope.store.snapshot import SeriesPoints, Snapshot

#: States in which nothing is left to do.
DONE_STATES: Final = ("released", "memory", "erred", "forgotten")
#: Rates are taken over the first of these in which something was finished.
_RATE_SPANS_S: Final = (5, 60)
#: What is done stays in its place for so long, so that rows of short tasks do not jump.
_OVER_NS: Final = 5_000_000_000

#: Segments of a bar from left to right, as Dask draws them; `waiting` is the rest.
SEGMENTS: Final = ("released", "memory", "erred", "processing", "no_worker", "waiting")


def progress_frame(snapshot: Snapshot, now_ns: int, meant: Filter = NO_FILTER) -> ProgressFrame:
    """Rows of all prefixes that have tasks: what is computed, then what waits, then what is over.

    Each of these is in order of first appearance: a row moves when its prefix begins or ends.
    Dask's own counters know no filter, so tasks that `meant` hides are counted, and that is said.
    """
    counted = _counted(snapshot)
    has_workers = _has_workers(snapshot)
    ranked: tuple[list[ProgressRow], ...] = ([], [], [])
    for string_id in snapshot.prefixes:
        name = snapshot.strings[string_id]
        if name in counted:
            slot = int(snapshot.slot_of[string_id])
            row = _row(name, slot, counted[name], now_ns, has_workers=has_workers)
            if row.total:
                rank = _rank(row, counted[name], now_ns, snapshot.status.is_live)
                ranked[rank].append(row)
    rows = [row for some in ranked for row in some]
    done = sum(row.done for row in rows)
    total = sum(row.total for row in rows)
    n_clusters = _n_clusters(snapshot)
    of = f" of {quantity.plural(n_clusters, 'cluster')}" if n_clusters > 1 else ""
    summary = f"{quantity.ratio(done, total)} tasks{of}" if rows else ""
    if rows and meant.hides_tasks:
        summary = f"{summary}, hidden ones too"
    return ProgressFrame(tuple(rows), summary)


def segments(row: ProgressRow) -> tuple[tuple[str, float, float], ...]:
    """State, start and end of each part of a bar, as shares of its width; empty parts left out.

    Source: `distributed/diagnostics/progress_stream.py`, `progress_quads`.
    """
    parts = []
    reached = 0
    for state in SEGMENTS:
        n_tasks = getattr(row, state)
        if n_tasks:
            parts.append((state, reached / row.total, (reached + n_tasks) / row.total))
        reached += n_tasks
    return tuple(parts)


_StatePoints: TypeAlias = "defaultdict[str, list[SeriesPoints]]"


class _Counts:
    """Tasks of one prefix by state, as some schedulers count them."""

    def __init__(self) -> None:
        self.points_of: _StatePoints = defaultdict(list)

    def count(self, *states: str) -> int:
        """Newest counts of some states."""
        return sum(self._newest.get(state, 0) for state in states)

    @cached_property
    def _newest(self) -> dict[str, int]:
        return {
            state: max(round(sum(newest_count(points) for points in many)), 0)
            for state, many in self.points_of.items()
        }

    @cached_property
    def done(self) -> int:
        return self.count(*DONE_STATES)

    @cached_property
    def total(self) -> int:
        return self.count(*conventions.TASK_STATES)


class _Counted(NamedTuple):
    """What all schedulers count, and those alone that are not silent."""

    every: _Counts
    heard: _Counts


def _counted(snapshot: Snapshot) -> dict[str, _Counted]:
    """Counts of each prefix."""
    silent = set(np.flatnonzero(snapshot.heard_until_ns != STILL).tolist())
    every, heard = defaultdict[str, _Counts](_Counts), defaultdict[str, _Counts](_Counts)
    for state, series, points in measured(snapshot, conventions.TASKS):
        prefix = str(series.attributes.get(conventions.TASK_PREFIX, ""))
        every[prefix].points_of[state].append(points)
        if silent and series.resource not in silent:
            heard[prefix].points_of[state].append(points)
    return {
        prefix: _Counted(counts, heard[prefix] if silent else counts)
        for prefix, counts in every.items()
    }


def _n_clusters(snapshot: Snapshot) -> int:
    """How many schedulers have counted tasks, those that are gone too.

    One that was instrumented twice is one.
    """
    every = measured(snapshot, conventions.TASKS)
    resources = {series.resource for _, series, points in every if newest_count(points)}
    said = (snapshot.resources[number] for number in resources)
    names = conventions.SERVICE_NAMESPACE, conventions.SCHEDULER_ADDRESS
    return len({tuple(str(attributes.get(name)) for name in names) for attributes in said})


def _has_workers(snapshot: Snapshot) -> bool:
    """Whether a scheduler that is not silent has any, as far as schedulers say."""
    newest, is_silent = snapshot.newest.value, snapshot.heard_until_ns != STILL
    counts = [
        newest[number]
        for number in snapshot.series_of.get(conventions.WORKERS.name, ())
        if number < len(newest) and not is_silent[snapshot.series[number].resource]
    ]
    return not np.isfinite(counts).any() or bool(np.nansum(counts) > 0)


def _row(name: str, slot: int, counted: _Counted, now_ns: int, *, has_workers: bool) -> ProgressRow:
    count = counted.every.count
    done, total = counted.every.done, counted.every.total
    rate_per_s = _rate_per_s(counted.heard, now_ns)
    return ProgressRow(
        name=name,
        slot=slot,
        memory=count("memory"),
        released=count("released", "forgotten"),
        processing=count("processing", "queued"),
        waiting=count("waiting"),
        no_worker=count("no-worker"),
        erred=count("erred"),
        done=done,
        total=total,
        done_text=quantity.ratio(done, total),
        rate_text=quantity.rate(rate_per_s) if rate_per_s else "",
        left_text=_left(counted, rate_per_s, has_workers=has_workers)
        if done < total
        else _ended(count("erred")),
    )


def _rank(row: ProgressRow, counted: _Counted, now_ns: int, is_live: bool) -> int:
    """0 for what is computed or was a moment ago, 1 for what has not begun, 2 for what is over.

    What only silent schedulers have left is over.
    """
    heard = counted.heard
    if heard.done < heard.total:
        return 0 if row.done or row.processing or row.no_worker else 1
    since_ns = now_ns - _OVER_NS if is_live else now_ns
    finished = (points for state in DONE_STATES for points in heard.points_of.get(state, ()))
    return 2 if sum(count_at(points, since_ns) for points in finished) >= heard.total else 0


def _rate_per_s(counts: _Counts, now_ns: int) -> float:
    """Tasks done a second of late; 0 where none was, or none is left."""
    done = counts.done
    if done == counts.total:
        return 0.0
    finished = [points for state in DONE_STATES for points in counts.points_of.get(state, ())]
    first_ns = min((int(points.time_ns[0]) for points in finished), default=now_ns)
    for span_s in _RATE_SPANS_S:
        since_ns = now_ns - span_s * 1_000_000_000
        grown = done - sum(count_at(points, since_ns) for points in finished)
        if grown > 0:
            measured_s = (now_ns - max(first_ns, since_ns)) / 1e9
            return grown / max(measured_s, 1.0)
    return 0.0


def _ended(erred: int) -> str:
    return f"{quantity.count(erred)} erred" if erred else "done"


def _left(counted: _Counted, rate_per_s: float, *, has_workers: bool) -> str:
    """How long it will take to do what is left; nobody does that of a silent scheduler.

    Where there is no worker, Dask lets tasks wait or queue, and most have not the state of it.
    """
    heard = counted.heard
    n_left = heard.total - heard.done
    if not n_left:
        return "silent"
    if not has_workers or heard.count("no-worker") == n_left:
        return "no worker"
    return quantity.time_left(n_left / rate_per_s) if rate_per_s else ""
