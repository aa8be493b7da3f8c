"""Layouts of clusters of any size, and what their rows say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daskscope.derive.lanelayout import LaneLayout, RowKind
from daskscope.derive.quantity import THIN
from tests.builders import Source, snapshot_of

if TYPE_CHECKING:
    from daskscope.store.snapshot import Snapshot

HEIGHT = 700


def plain(text: str) -> str:
    return text.replace(THIN, " ")


def cluster(n_workers: int, n_threads: int, per_host: int = 8) -> Snapshot:
    source = Source()
    for n in range(n_workers):
        source.worker(f"w{n}", f"node-{n // per_host}", 40_000 + n, n_threads)
    return snapshot_of(source)


def titles(layout: LaneLayout, kind: RowKind) -> list[str]:
    return [row.title for row in layout.rows if row.kind is kind]


def lane_rows(layout: LaneLayout) -> list[tuple[int, str, int]]:
    """Thread, caption and number of lanes of each lane's row."""
    return [
        (row.thread, row.caption, len(row.lanes)) for row in layout.rows if row.kind is RowKind.LANE
    ]
