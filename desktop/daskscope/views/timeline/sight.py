"""What of a layout is in sight: looked up once, and not for each frame while time goes on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from daskscope.derive.isolation import isolated
from daskscope.derive.lanelayout import RowKind
from daskscope.theme import WORKER_GAP_PX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daskscope.derive.frames import Int32s, TaskStreamFrame
    from daskscope.derive.lanelayout import LaneLayout, LaneRow, WorkerBlock


@dataclass(frozen=True, slots=True)
class Sight:
    """Rows and labels in the visible part.

    Attributes
    ----------
    hosts
        Headers, where they belong.
    headers
        The same where they are drawn, each with its top from that of the visible part: the one
        whose lanes lie at the top stays there, and comes last.
    rows
        Rows that are no headers.
    absent
        Workers that are gone, or were for a while.
    between_px
        First and last pixel of what lies above, between and below the headers, from the top of the
        visible part.
    lines_px
        int32: where a line parts two workers of one host, in the middle of the gap, from the top
        of the visible part.
    """

    hosts: tuple[LaneRow, ...]
    headers: tuple[tuple[LaneRow, int], ...]
    rows: tuple[LaneRow, ...]
    absent: tuple[WorkerBlock, ...]
    between_px: tuple[tuple[int, int], ...]
    lines_px: Int32s


def sight(frame: TaskStreamFrame) -> Sight:
    """What of a frame's layout is in sight."""
    return _sight(frame.layout, frame.scroll_px, frame.height_px)


@lru_cache(maxsize=2)
def _sight(layout: LaneLayout, scroll_px: int, height_px: int) -> Sight:
    rows = layout.rows_within(scroll_px, height_px)
    at = np.flatnonzero(layout.kinds[rows.start : rows.stop] == RowKind.HOST.value) + rows.start
    hosts = tuple(layout.rows[index] for index in at.tolist())
    headers = [(row, row.y_px - scroll_px) for row in hosts if row.y_px >= scroll_px]
    stuck = layout.stuck_header(scroll_px)
    if stuck is not None:
        headers.append((layout.rows[stuck[0]], stuck[1]))
    blocks = layout.workers_within(scroll_px, height_px)
    lines_px = np.array(
        [block.y_px - scroll_px - WORKER_GAP_PX // 2 for block in blocks if block.has_line],
        np.int32,
    )
    return Sight(
        hosts,
        tuple(headers),
        tuple(row for row in layout.rows[rows.start : rows.stop] if row.kind is not RowKind.HOST),
        tuple(block for block in blocks if block.gone_ns or block.gaps_ns),
        tuple(_between(hosts, scroll_px, height_px)),
        lines_px[(lines_px >= 0) & (lines_px < height_px)],
    )


def _between(
    hosts: tuple[LaneRow, ...], scroll_px: int, height_px: int
) -> Iterator[tuple[int, int]]:
    top = 0
    for row in hosts:
        header = row.y_px - scroll_px
        if header > top:
            yield top, header - 1
        top = header + row.height_px
    if top < height_px:
        yield top, height_px - 1


def gone_zones(frame: TaskStreamFrame) -> Iterator[tuple[tuple[int, int, int, int], str]]:
    """Left, top, width and height of the stretches in which a worker was not there, and a text."""
    view = frame.view
    end = min(max(frame.now_px, 0), view.width_px)
    for block in sight(frame).absent:
        zones = [(since_ns, until_ns, "restarted") for since_ns, until_ns in block.gaps_ns]
        if block.gone_ns:
            zones.append((block.gone_ns, 0, "gone"))
        for since_ns, until_ns, state in zones:
            left = round(min(max(view.x_px(since_ns), 0), view.width_px))
            right = round(min(max(view.x_px(until_ns), 0), end)) if until_ns else end
            if left < right:
                box = (left, block.y_px - frame.scroll_px, right - left, block.height_px)
                yield box, f"{isolated(block.name)} {state}"
