"""What derivations return and views draw: frozen, ready, with texts already formatted.

Pixel positions are relative to the view's own drawing area. Colours are not in frames: views look
them up in the theme by slot, state or token, so that a change of theme derives nothing anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from daskscope.session import Viewport

Int32s = npt.NDArray[np.int32]


# Lanes --------------------------------------------------------------------------------------


class RowKind(IntEnum):
    """What a row of the task stream is."""

    HOST = 0
    LANE = 1
    #: Many lanes folded into one row: busy share by prefix.
    DENSITY = 2


@dataclass(frozen=True, slots=True)
class LaneRow:
    """One row of the task stream.

    Attributes
    ----------
    y_px, height_px
        Position in the unscrolled content.
    host
        Key of the host the row belongs to (for folding).
    title, caption
        Host header: host name and address; density row: names of the workers folded in it.
    detail
        Right end of a host header: "2 workers, 8 threads, 98 % busy".
    thread
        Ordinal of the thread within its worker from 1, 0 for other rows.
    lanes
        Ids of the lanes drawn in this row; one for a lane.
    is_folded
        Of a host header: its lanes are folded.
    """

    kind: RowKind
    y_px: int
    height_px: int
    host: str
    title: str
    caption: str = ""
    detail: str = ""
    thread: int = 0
    lanes: tuple[int, ...] = ()
    is_folded: bool = False


@dataclass(frozen=True, slots=True)
class WorkerBlock:
    """The gutter's label of one worker, beside its lanes.

    Attributes
    ----------
    name, address
        "w0" and ":40101"; for a service that is not Dask's its name and instance.
    memory
        Shares of the limit in 0..1: managed, unmanaged old, unmanaged recent, spilled.
    memory_text
        "1.9 GiB"; "" when nothing was measured.
    alarm
        0 fine, 1 over 60 % of the limit, 2 paused or over 95 %.
    gone_ns
        When the worker was removed, 0 while it is there.
    """

    y_px: int
    height_px: int
    name: str
    address: str
    memory: tuple[float, float, float, float]
    memory_text: str
    alarm: int
    gone_ns: int = 0


@dataclass(frozen=True, slots=True)
class LaneLayout:
    """All rows from top to bottom, unscrolled.

    Attributes
    ----------
    row_of_lane
        int32, shape (number of lanes in the store,): index in `rows`, -1 where a lane has none.
    pitch_px
        Height of a lane; below 6 px workers have become density rows.
    """

    rows: tuple[LaneRow, ...]
    workers: tuple[WorkerBlock, ...]
    row_of_lane: Int32s
    height_px: int
    pitch_px: int
    n_hosts: int
    n_workers: int
    n_lanes: int


# Task stream --------------------------------------------------------------------------------

#: A task of fewer pixels is folded into a dense run.
LEAST_BAR_PX: Final = 2.2


class BarState(IntEnum):
    """How a bar is drawn."""

    FINISHED = 0
    ERRED = 1
    RUNNING = 2


@dataclass(frozen=True, slots=True)
class Bars:
    """Single spans wide enough to be seen, in drawing order.

    Attributes
    ----------
    row
        int32, index into `LaneLayout.rows`.
    x0_px, x1_px
        int32, clipped to the drawing area, `x1 > x0`.
    is_cut
        bool: the true left edge lies left of the drawing area.
    slot
        int32, palette slot of its prefix; -1 for a span that is not Dask's.
    kind, state
        uint8, `Kind` of the store and `BarState`.
    name
        uint32, string id of its prefix or name.
    chunk, index
        int32, where the span lies in the snapshot; chunk -1: index into its running attempts.
    """

    row: Int32s
    x0_px: Int32s
    x1_px: Int32s
    is_cut: npt.NDArray[np.bool_]
    slot: Int32s
    kind: npt.NDArray[np.uint8]
    state: npt.NDArray[np.uint8]
    name: npt.NDArray[np.uint32]
    chunk: Int32s
    index: Int32s

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True, slots=True)
class Dense:
    """Folded runs: what fills each pixel column of each row, in two planes.

    Attributes
    ----------
    slot
        int16, shape (n_rows, width_px): palette slot of the commonest prefix, -1 where nothing is,
        -2 where it erred.
    busy
        uint8, shape (n_rows, width_px): busy share of the column, 0..255.
    kind
        uint8, shape (n_rows, width_px): of the sub-lane, `Kind` of what fills it; 0 where nothing.
    """

    slot: npt.NDArray[np.int16]
    busy: npt.NDArray[np.uint8]
    kind: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class DensityColumns:
    """A density row: stacked busy share by prefix for each pixel column.

    Attributes
    ----------
    row
        Index into `LaneLayout.rows`.
    slots
        Palette slots, bottom of the stack first.
    share
        float32, shape (len(slots), width_px), each 0..1; columns sum to at most 1.
    transfer
        float32, shape (width_px,): share of lanes in a transfer.
    """

    row: int
    slots: tuple[int, ...]
    share: npt.NDArray[np.float32]
    transfer: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class EventMark:
    """One event on the events lane.

    Attributes
    ----------
    sign
        `graph`, `added`, `removed`, `erred` or `other`: how its mark is drawn.
    has_line
        A dashed line goes down through the lanes.
    """

    x_px: int
    sign: str
    text: str
    has_line: bool


@dataclass(frozen=True, slots=True)
class TaskStreamFrame:
    """Everything the task stream draws at one moment.

    Attributes
    ----------
    first_row, last_row
        Rows within the visible part, `last_row` exclusive; only these are filled in.
    scroll_px
        The session's scroll, held within the content.
    now_px
        Pixel column of "now"; right of it nothing can have been received.
    n_spans_in_view
        Spans that lie in the time in view, folded ones included.
    """

    view: Viewport
    layout: LaneLayout
    first_row: int
    last_row: int
    scroll_px: int
    height_px: int
    bars: Bars
    dense: Dense
    densities: tuple[DensityColumns, ...]
    events: tuple[EventMark, ...]
    now_px: int
    n_spans_in_view: int


@dataclass(frozen=True, slots=True)
class Hit:
    """What lies under the pointer, ready for a tooltip.

    Attributes
    ----------
    title, key
        Prefix and full key, as text.
    slot, kind, state
        How its swatch is drawn.
    fields
        Label and value of each line.
    x0_px, x1_px, row
        Frame around it.
    """

    title: str
    key: str
    slot: int
    kind: int
    state: BarState
    fields: tuple[tuple[str, str], ...]
    x0_px: int
    x1_px: int
    row: int


@dataclass(frozen=True, slots=True)
class Tick:
    """One tick of the time axis; a minor tick has no texts."""

    x_px: int
    elapsed: str = ""
    clock: str = ""


@dataclass(frozen=True, slots=True)
class Minimap:
    """The whole run: busy threads by prefix in each pixel column.

    Attributes
    ----------
    slots
        Palette slots, bottom of the stack first.
    busy
        float32, shape (len(slots), width_px): busy threads.
    most
        Threads at the top edge.
    brush_px
        Left and right edge of what is in view.
    length_text
        "3:49".
    """

    slots: tuple[int, ...]
    busy: npt.NDArray[np.float32]
    most: float
    brush_px: tuple[int, int]
    length_text: str


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """One prefix of the legend."""

    name: str
    slot: int
    is_hidden: bool


# Panels ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ProgressRow:
    """Progress of one prefix, in Dask's meanings.

    Attributes
    ----------
    memory, released, processing, waiting, no_worker, erred
        Numbers of tasks; `released` includes forgotten ones, `processing` queued ones.
    done
        memory + released + erred.
    done_text, rate_text, left_text
        "30 / 36", "6.0/s", "1 s" or "done".
    """

    name: str
    slot: int
    memory: int
    released: int
    processing: int
    waiting: int
    no_worker: int
    erred: int
    done: int
    total: int
    done_text: str
    rate_text: str
    left_text: str


@dataclass(frozen=True, slots=True)
class ProgressFrame:
    """All prefixes, in order of first appearance."""

    rows: tuple[ProgressRow, ...]
    summary: str


class WorkerRowKind(IntEnum):
    """What a row of the workers table sums up."""

    TOTAL = 0
    HOST = 1
    WORKER = 2


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """One row of the workers table; numbers are NaN where nothing was measured.

    Attributes
    ----------
    cpu
        Share of the threads' worth of CPU in use, 0..1 (it can exceed 1).
    memory
        Bytes: managed, unmanaged old, unmanaged recent, spilled.
    limit_bytes
        NaN without a limit.
    alarm
        0 fine, 1 over 60 % of the limit, 2 paused or over 95 %.
    cells
        Text of each column of `WorkersFrame.columns`, "" where nothing was measured.
    """

    kind: WorkerRowKind
    host: str
    name: str
    caption: str
    state: str
    cpu: float
    memory: tuple[float, float, float, float]
    limit_bytes: float
    alarm: int
    cells: tuple[str, ...]
    is_folded: bool = False


@dataclass(frozen=True, slots=True)
class WorkersFrame:
    """The workers table, sorted: the total, then each host with its workers.

    Attributes
    ----------
    columns
        Identifiers of the columns, in order.
    """

    columns: tuple[str, ...]
    rows: tuple[WorkerRow, ...]
    summary: str
    sort: str
    is_descending: bool


@dataclass(frozen=True, slots=True)
class Curve:
    """One curve: seconds since the chart's right edge (negative), and its values."""

    name: str
    token: str
    x_s: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    is_dashed: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart of the resources panel.

    Attributes
    ----------
    unit
        `cores`, `bytes` or `bytes/s`: how its axis is labelled.
    capacity
        Drawn as a dashed line, NaN for none; `capacity_text` is its label.
    is_stacked
        Curves are bands on top of each other, and filled.
    """

    title: str
    value_text: str
    unit: str
    curves: tuple[Curve, ...]
    capacity: float
    capacity_text: str
    most: float
    is_stacked: bool


@dataclass(frozen=True, slots=True)
class ResourcesFrame:
    """The charts, all over the same `span_s` seconds that end at `end_ns`."""

    charts: tuple[Chart, ...]
    span_s: float
    end_ns: int


@dataclass(frozen=True, slots=True)
class StatusField:
    """One field of the status bar; `tone` is `plain`, `ok`, `warn` or `err`."""

    label: str
    value: str
    tone: str = "plain"
    tip: str = ""


@dataclass(frozen=True, slots=True)
class StatusFrame:
    """The status bar: connection, then what elides first, then the counters, never hidden."""

    connection: StatusField
    left: tuple[StatusField, ...]
    counters: tuple[StatusField, ...]


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way to start sending: a tab of the empty state, with lines to paste.

    Attributes
    ----------
    blocks
        Explanation and code of each block.
    is_through_collector
        The data come through a Collector, not straight from the cluster.
    """

    title: str
    blocks: tuple[tuple[str, str], ...]
    is_through_collector: bool = False


@dataclass(frozen=True, slots=True)
class PastSession:
    """A recording that can be opened; `is_recovered` when its session ended unexpectedly."""

    path: str
    title: str
    detail: str
    is_recovered: bool


@dataclass(frozen=True, slots=True)
class WelcomeFrame:
    """The empty state: live counters, lines to paste, recordings to open.

    Attributes
    ----------
    counters
        Label, value and remark of each counter.
    address
        Where this window listens.
    has_received
        Something has come in, though nothing yet that could be drawn.
    """

    counters: tuple[tuple[str, str, str], ...]
    recipes: tuple[Recipe, ...]
    recordings: tuple[PastSession, ...]
    address: str = ""
    has_received: bool = False
