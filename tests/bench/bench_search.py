"""Searching a million keys while a tick has three milliseconds for it: in all, and at most a tick.

CPU time of the thread, so that others on the machine do not count.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from daskscope.derive.matches import Marks, Matches
from daskscope.predicate import Bin, Predicate, Search
from daskscope.store.schema import SpanBatch, TextColumn
from daskscope.store.writer import Store
from tests.builders import MS, Load

if TYPE_CHECKING:
    from daskscope.store.snapshot import Snapshot
    from tests.bench.figures import Figure

N_HELD: Final = 1_000_000
N_BATCH: Final = 8_192
TICK_S: Final = 0.003
#: Of the whole tick stays the half for drawing.
MOST_MS: Final = 8.0

ASKED: Final = (
    ("text, most match", Predicate(Search("groupby")), 0.5),
    ("text, ten match", Predicate(Search("12345)")), 0.5),
    ("expression", Predicate(Search(r"chunk.*9\d'", is_regex=True)), 5.0),
    ("slow expression", Predicate(Search(r"\d+5\)$", is_regex=True)), 10.0),
    ("bin of a histogram", Predicate(bins=(Bin("", 0, 10 * MS),)), 0.5),
)


def held() -> Snapshot:
    """A million spans with keys as Dask makes them, all distinct."""
    load, store = Load(), Store(cap_bytes=1 << 40)
    store.apply(load.source.definitions())
    for first in range(0, N_HELD, N_BATCH):
        names = ("read-parquet", "groupby-chunk", "groupby-chunk")
        keys = TextColumn.of(
            f"('{names[n % 3]}-{n * 2_654_435_761 % (1 << 128):032x}', {n})"
            for n in range(first, first + N_BATCH)
        )
        store.apply(SpanBatch(load.batch(N_BATCH).columns, keys))
    return store.snapshot()


def searched(snapshot: Snapshot, meant: Predicate) -> tuple[Marks, list[float]]:
    """What is found, and the seconds of each tick."""
    matches, ticks_s = Matches(), []
    while True:
        begun_s = time.thread_time()
        marks = matches.advance(
            snapshot,
            meant,
            None,
            lambda: time.thread_time() < begun_s + TICK_S,  # noqa: B023
        )
        ticks_s.append(time.thread_time() - begun_s)
        if marks.is_complete:
            return marks, ticks_s


def run() -> list[Figure]:
    """Measure."""
    snapshot = held()
    found: list[Figure] = []
    for name, meant, budget_s in ASKED:
        marks, ticks_s = searched(snapshot, meant)
        if marks.problem or not marks.n_lit:
            raise RuntimeError(f"{name}: {marks.problem or 'nothing found'}")
        total_s, most_ms = sum(ticks_s), max(ticks_s) * 1000
        for what, value, unit, budget in (
            ("in all", total_s, "s", budget_s),
            ("longest tick", most_ms, "ms", MOST_MS),
        ):
            found.append(
                {
                    "name": f"search of a million keys, {name}, {what}",
                    "value": value,
                    "unit": unit,
                    "budget": budget,
                    "met": value <= budget,
                }
            )
    return found
