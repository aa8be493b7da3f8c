"""Literal frames of the timeline: an invented run on three hosts, the last one folded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from daskscope.derive.frames import (
    EMPTY,
    Bars,
    BarState,
    Dense,
    DensityColumns,
    EventMark,
    Hit,
    LegendEntry,
    Minimap,
    TaskStreamFrame,
    Tick,
)
from daskscope.derive.lanelayout import LaneLayout, LaneRow, RowKind, WorkerBlock
from daskscope.session import Viewport
from daskscope.store.schema import Kind
from daskscope.theme import NORMAL, NOT_YET_PX, WORKER_GAP_PX, Density

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

NAMES = (
    "",
    "read-parquet",
    "clean-frame",
    "getitem",
    "shuffle-transfer",
    "groupby-chunk",
    "fit-model",
    "shuffle-p2p",
    "predict",
    "groupby-agg",
    "features",
    "to-parquet",
    "score",
    "shuffle-barrier",
    "combine",
    "transfer",
)
READ, CLEAN, GETITEM, SHUFFLE, CHUNK, FIT, P2P, PREDICT, AGG, FEATURES = range(1, 11)
SCORE, COMBINE = 12, 14
TRANSFER_NAME = len(NAMES) - 1
START_NS = 1_700_000_000_000_000_000


@dataclass
class BarList:
    """Bars, one after the other."""

    rows: list[tuple[int, ...]] = field(default_factory=list)

    def add(
        self,
        row: int,
        x0: float,
        x1: float,
        name: int,
        kind: Kind = Kind.COMPUTE,
        state: BarState = BarState.FINISHED,
        slot: int | None = None,
    ) -> None:
        if slot is None:
            slot = name - 1 if kind in (Kind.COMPUTE, Kind.OTHER) else -1
        self.rows.append((row, round(x0), round(x1), x0 <= 0, slot, kind, state, name))

    def bars(self) -> Bars:
        columns = np.array(self.rows, np.int64).reshape(-1, 8).T
        index = np.arange(columns.shape[1], dtype=np.int32)
        return Bars(
            row=columns[0].astype(np.int32),
            x0_px=columns[1].astype(np.int32),
            x1_px=columns[2].astype(np.int32),
            is_cut=columns[3].astype(np.bool_),
            slot=columns[4].astype(np.int32),
            kind=columns[5].astype(np.uint8),
            state=columns[6].astype(np.uint8),
            name=columns[7].astype(np.uint32),
            chunk=np.zeros_like(index),
            index=index,
        )


def layout(
    hosts: tuple[tuple[int, ...], ...] = ((4, 4), (4, 4)),
    folded: tuple[tuple[int, ...], ...] = ((4, 4),),
    density: Density = NORMAL,
    gone_ns: int = 0,
) -> LaneLayout:
    """Rows of hosts, each given by the numbers of threads of its workers."""
    rows: list[LaneRow] = []
    workers: list[WorkerBlock] = []
    y = lane = 0
    n_worker = 0
    for h, threads in enumerate(hosts + folded):
        host, is_folded = f"node-{h + 1:02}", h >= len(hosts)
        n = sum(threads)
        detail = f"{len(threads)} workers · {n} threads · 9{8 - h % 3} % busy"
        height = density.host_header_px
        caption = f"10.0.4.{11 + h}"
        rows.append(
            LaneRow(
                RowKind.HOST, y, height, host, host, caption, detail, 0, (), is_folded=is_folded
            )
        )
        y += height
        if is_folded:
            names = ", ".join(f"w{n_worker + i}" for i in range(len(threads)))
            lanes = tuple(range(lane, lane + n))
            height = density.density_row_px
            text = "busy share by prefix"
            rows.append(LaneRow(RowKind.DENSITY, y, height, host, names, text, lanes=lanes))
            y += height
            lane += n
            n_worker += len(threads)
            continue
        y += 3
        for w, count in enumerate(threads):
            y += WORKER_GAP_PX if w else 0
            high = n_worker % 5 == 1
            workers.append(
                WorkerBlock(
                    y,
                    count * density.pitch_px,
                    f"w{n_worker}",
                    f":{40101 + 6 * (n_worker % 2)}",
                    (0.45, 0.16, 0.06, 0.2) if high else (0.31, 0.11, 0.06, 0.0),
                    "2.7 GiB" if high else "1.9 GiB",
                    int(high),
                    gone_ns if n_worker == 3 else 0,
                    f"w{n_worker}",
                    has_line=w > 0,
                )
            )
            for t in range(count):
                rows.append(
                    LaneRow(
                        RowKind.LANE, y, density.pitch_px, host, "", thread=t + 1, lanes=(lane,)
                    )
                )
                y += density.pitch_px
                lane += 1
            n_worker += 1
        y += 3
    row_of_lane = np.full(lane, -1, np.int32)
    for i, row in enumerate(rows):
        row_of_lane[list(row.lanes)] = i
    n_hosts = len(hosts) + len(folded)
    return LaneLayout(
        rows=tuple(rows),
        workers=tuple(workers),
        row_px=np.array([(row.y_px, row.height_px) for row in rows], np.int32).reshape(-1, 2).T,
        kinds=np.array([row.kind for row in rows], np.uint8),
        block_px=np.array([(one.y_px, one.height_px) for one in workers], np.int32)
        .reshape(-1, 2)
        .T,
        row_of_lane=row_of_lane,
        is_inner=np.zeros(lane, np.bool_),
        height_px=y,
        pitch_px=density.pitch_px,
        n_hosts=n_hosts,
        n_workers=n_worker,
        n_lanes=lane,
    )


def empty_dense(n_rows: int, width: int) -> Dense:
    return Dense(np.full((n_rows, width), EMPTY, np.uint32))


def frame(
    lanes: LaneLayout,
    bars: Bars,
    dense: Dense | None = None,
    densities: tuple[DensityColumns, ...] = (),
    events: tuple[EventMark, ...] = (),
    width: int = 1012,
    height: int = 480,
    scroll: int = 0,
) -> TaskStreamFrame:
    """A frame of 30 s, "now" at its right end."""
    now_px = width - NOT_YET_PX
    view = Viewport(START_NS, 30e9 / now_px, width)
    visible = [
        i
        for i, row in enumerate(lanes.rows)
        if row.y_px + row.height_px > scroll and row.y_px < scroll + height
    ]
    return TaskStreamFrame(
        view=view,
        layout=lanes,
        first_row=visible[0] if visible else 0,
        last_row=visible[-1] + 1 if visible else 0,
        scroll_px=scroll,
        height_px=height,
        bars=bars,
        dense=dense or empty_dense(len(lanes.rows), width),
        densities=densities,
        events=events,
        now_px=now_px,
        count_in_view=bars.__len__,
    )


def lane_indices(lanes: LaneLayout) -> list[int]:
    return [i for i, row in enumerate(lanes.rows) if row.kind is RowKind.LANE]


def busy_run(width: int = 1012, height: int = 480, n_lanes: int = 0) -> TaskStreamFrame:
    """A run as a user sees it: reading, a shuffle, thousands of getitem, then fits."""
    rng = np.random.default_rng(7)
    scale = (width - NOT_YET_PX) / 1000
    hosts = ((4, 4), (4, 4)) if not n_lanes else ((4,) * (n_lanes // 8),) * 2
    lanes = layout(hosts)
    bars, dense = BarList(), empty_dense(len(lanes.rows), width)
    for row in lane_indices(lanes):
        _lane(bars, dense, row, rng, scale)
    last = lane_indices(lanes)[-1]
    bars.add(last - 6, 931 * scale, 994 * scale, PREDICT, state=BarState.ERRED)
    events = (
        EventMark(round(183 * scale), "graph", "graph submitted, 3\u2009142 tasks", True),
        EventMark(round(405 * scale), "other", "spill w1", False),
        EventMark(round(565 * scale), "removed", "worker lost, w3", True),
        EventMark(round(670 * scale), "added", "w3 back", False),
        EventMark(round(996 * scale), "erred", "task erred", False),
    )
    densities = tuple(
        density_columns(i, width) for i, r in enumerate(lanes.rows) if r.kind is RowKind.DENSITY
    )
    return frame(lanes, bars.bars(), dense, densities, events, width, height)


def _lane(bars: BarList, dense: Dense, row: int, rng: np.random.Generator, scale: float) -> None:
    def task(x: float, width: float, name: int, state: BarState = BarState.FINISHED) -> float:
        bars.add(row, x * scale, (x + width) * scale, name, state=state)
        if rng.random() < 0.25:
            kind = Kind(int(rng.choice([1, 1, 1, 2, 3, 4])))
            bars.add(
                row, (x - 6) * scale, (x - int(rng.integers(0, 4))) * scale, TRANSFER_NAME, kind
            )
        return x + width

    if rng.random() < 0.7:
        task(0, int(rng.integers(4, 120)), int(rng.choice([FIT, P2P, PREDICT])))
    x = 184.0 + int(rng.integers(0, 3))
    while x < 390:
        x = task(x, int(rng.integers(50, 92)), READ)
        for name in (CLEAN, FEATURES, SHUFFLE):
            x = task(x + 1, int(rng.integers(8, 22)), name)
        x += int(rng.integers(0, 12))
    x = 527.0
    while x < 640:
        x = task(x, int(rng.integers(20, 64)), int(rng.choice([P2P, CHUNK]))) + 2
    x = task(x + 4, int(rng.integers(24, 32)), AGG)
    first, stop = round(x * scale), round(778 * scale)
    busy = rng.integers(90, 256, stop - first)
    dense.slot[row, first:stop] = np.where(rng.random(stop - first) < 0.04, -1, GETITEM - 1)
    dense.busy[row, first:stop] = busy
    dense.kind[row, first:stop] = rng.random(stop - first) < 0.05
    x = task(780, 8, COMBINE)
    x = task(x + 4, int(rng.integers(90, 125)), FIT)
    while x < 970:
        x = task(x + 1, int(rng.integers(18, 30)), PREDICT)
    bars.add(row, x * scale, 1000 * scale, int(rng.choice([FIT, PREDICT])), state=BarState.RUNNING)


def density_columns(row: int, width: int) -> DensityColumns:
    """A bump of each of four prefixes."""
    x = np.linspace(0, 1, width, dtype=np.float32)
    slots = (READ - 1, CHUNK - 1, FIT - 1, PREDICT - 1)
    share = np.stack(
        [0.95 * np.exp(-(((x - 0.2 - 0.22 * i) / 0.08) ** 2)) for i in range(len(slots))]
    ).astype(np.float32)
    share /= np.maximum(share.sum(axis=0), 1.0)
    transfer = np.where(np.sin(60 * x) > 0.8, 0.5, 0.0).astype(np.float32)
    return DensityColumns(row, slots, share, transfer)


def ticks(width: int = 1012) -> tuple[Tick, ...]:
    """A labelled tick each 5 s and four between."""
    step = (width - NOT_YET_PX) / 30
    result = []
    for i in range(31):
        x = round((i + 0.9) * step)
        if i % 5 == 0:
            seconds = 200 + i
            text = f"{seconds // 60}:{seconds % 60:02}"
            result.append(Tick(x, text, f"14:34:{27 + i}"))
        else:
            result.append(Tick(x))
    return tuple(result)


def minimap(width: int = 1012) -> Minimap:
    """Eight like computations, the last one in view."""
    x = np.linspace(0, 8, width, dtype=np.float32) % 1.0
    slots = (READ - 1, P2P - 1, CHUNK - 1, FIT - 1, PREDICT - 1)
    busy = np.stack(
        [24 * np.exp(-(((x - 0.15 - 0.17 * i) / 0.1) ** 2)) for i in range(len(slots))]
    ).astype(np.float32)
    busy *= np.minimum(24 / np.maximum(busy.sum(axis=0), 1e-6), 1.0)
    return Minimap(slots, busy, 24.0, "busy threads", (round(width * 7 / 8), width - 2), "3:49")


def legend(hidden: frozenset[str] = frozenset()) -> tuple[LegendEntry, ...]:
    """All prefixes of the run."""
    return tuple(LegendEntry(name, slot, name in hidden) for slot, name in enumerate(NAMES[1:-1]))


def hit(row: int, x0: int, x1: int, key: str) -> Hit:
    """A finished task of `read-parquet`."""
    fields = (
        ("Duration", "2.73\u2009s"),
        ("Start", "3:24.542  14:34:31.954"),
        ("Worker", "w1  10.0.4.11:40107"),
        ("Thread", "3 of 4"),
        ("Result", "75.9\u2009MiB"),
        ("Status", "finished, released"),
    )
    return Hit("read-parquet", key, READ - 1, Kind.COMPUTE, BarState.FINISHED, fields, x0, x1, row)


def one_lane(*bars: tuple[float, float, int], **more: object) -> TaskStreamFrame:
    """Bars in the first lane: left and right edge, and name, of each."""
    listed = BarList()
    for x0, x1, name in bars:
        listed.add(1, x0, x1, name, **more)  # type: ignore[arg-type]
    return frame(layout(), listed.bars())


def colour_at(view: QWidget, x: int, y: int) -> int:
    """0xRRGGBB at a pixel of a widget."""
    return view.grab().toImage().pixel(x, y) & 0xFFFFFF
