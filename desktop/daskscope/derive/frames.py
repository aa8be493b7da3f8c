"""What derivations of the timeline return and its views draw: frozen, texts already formatted.

Pixel positions are relative to the view's own drawing area. Colours are not in frames: views look
them up in the theme by slot, state or token, so that a change of theme derives nothing anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daskscope.derive.matches import Marks
    from daskscope.session import Chosen, Viewport

Int32s = npt.NDArray[np.int32]


# Lanes --------------------------------------------------------------------------------------


#: Host of the group of workers that are pinned one by one.
PINNED: Final = "pinned"


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
        Host header: host name and address; density row: names of the workers folded in it, with a
        caption if it is a whole host; a lane that is no thread's says "lost", "async" or "spans".
    detail
        Right end of a host header: "2 workers, 8 threads, 98 % busy".
    thread
        Ordinal of the thread within its worker from 1, 0 for other rows.
    lanes
        Ids of the lanes drawn in this row; more than one for a lane whose worker was restarted.
    n_threads
        Threads that a density row stands for: their whole time is its whole height.
    n_beside
        Threads of the worker that a lane belongs to.
    is_folded, is_pinned
        Of a host header: its lanes are folded; it comes first.
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
    n_threads: int = 1
    n_beside: int = 1
    is_folded: bool = False
    is_pinned: bool = False


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
    gaps_ns
        From the removal of a process to what the one that came back for it did first, 0 while it
        has done nothing.
    key
        Of the worker, for folding and pinning.
    is_folded
        Its lanes are one density row.
    is_pinned
        It comes first.
    has_line
        A line above it parts it from the worker before.
    clock
        How wrong its clock is, in short: "+12 ms"; "" where nothing proves it wrong.
    tip
        All that is known of the worker, in lines.
    """

    y_px: int
    height_px: int
    name: str
    address: str
    memory: tuple[float, float, float, float]
    memory_text: str
    alarm: int
    gone_ns: int = 0
    key: str = ""
    is_folded: bool = False
    is_pinned: bool = False
    has_line: bool = False
    clock: str = ""
    tip: str = ""
    gaps_ns: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class LaneLayout:
    """All rows from top to bottom, unscrolled; a key of what is shown, equal only to itself.

    Attributes
    ----------
    rows, workers
        May be made as they are asked for: of thousands only those in view are.
    row_px
        int32, shape (2, number of rows): top and height of each row.
    kinds
        uint8, by row: `RowKind`.
    block_px
        int32, shape (2, number of workers): top and height of each worker's label.
    row_of_lane
        int32, shape (number of lanes in the store,): index in `rows`, -1 where a lane has none.
    pitch_px
        Height of a lane; below 6 px workers have become density rows.
    """

    rows: Sequence[LaneRow]
    workers: Sequence[WorkerBlock]
    row_px: Int32s
    kinds: npt.NDArray[np.uint8]
    block_px: Int32s
    row_of_lane: Int32s
    height_px: int
    pitch_px: int
    n_hosts: int
    n_workers: int
    n_lanes: int

    def rows_within(self, top_px: int, height_px: int) -> range:
        """Indices of the rows that lie in a stretch of the content, even in part."""
        return _within(self.row_px, top_px, height_px)

    def workers_within(self, top_px: int, height_px: int) -> Sequence[WorkerBlock]:
        """Labels that lie in a stretch of the content, even in part."""
        found = _within(self.block_px, top_px, height_px)
        return self.workers[found.start : found.stop]


def _within(spans_px: Int32s, top_px: int, height_px: int) -> range:
    tops_px = spans_px[0]
    first = int(np.searchsorted(tops_px + spans_px[1], top_px, "right"))
    return range(first, max(int(np.searchsorted(tops_px, top_px + height_px)), first))


# Task stream --------------------------------------------------------------------------------

#: A task of fewer pixels is folded into a dense run.
LEAST_BAR_PX: Final = 2.2


class BarState(IntEnum):
    """How a bar is drawn."""

    FINISHED = 0
    ERRED = 1
    RUNNING = 2
    #: Lost with its worker.
    LOST = 3
    #: Cancelled or rescheduled: it ended without a result.
    DROPPED = 4


#: In place of a `Kind` in `Dense.kind`.
FAILED_KIND: Final = 255


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
        int32, where the span lies in the snapshot; chunk -1: index into the attempts of
        `running.values()`, one worker after the other.
    is_lit
        bool: what is searched or marked; all others are dimmed. None dims nothing.
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
    is_lit: npt.NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True, slots=True)
class Dense:
    """Folded runs: what fills each pixel column of each row, in two planes.

    Attributes
    ----------
    slot
        int16, shape (n_rows, width_px): palette slot of the commonest prefix, -1 where nothing is,
        -2 where it erred, -3 where it is not Dask's.
    busy
        uint8, shape (n_rows, width_px): busy share of the column, 0..255.
    kind
        uint8, shape (n_rows, width_px): of the sub-lane, `Kind` of what fills it, `FAILED_KIND`
        where it failed; 0 where nothing.
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
        Palette slots, bottom of the stack first; -2 and -3 as in `Dense`.
    share
        float32, shape (len(slots), width_px), each 0..1; columns sum to at most 1.
    transfer
        float32, shape (width_px,): share of lanes in a transfer.
    """

    row: int
    slots: tuple[int, ...]
    share: npt.NDArray[np.float32]
    transfer: npt.NDArray[np.float32]


class EventMark(NamedTuple):
    """One event on the events lane; a tuple, since dozens are made for each frame.

    Attributes
    ----------
    sign
        `graph`, `added`, `removed`, `lost`, `restarted`, `paused`, `resumed`, `spill`, `steal`,
        `erred` or `other`: how its mark is drawn.
    has_line
        A dashed line goes down through the lanes.
    n
        Events that it stands for.
    """

    x_px: int
    sign: str
    text: str
    has_line: bool
    n: int = 1


@dataclass(frozen=True, slots=True)
class FoundMark:
    """The match that was stepped to: row of the layout, pixel columns, in the sub-lane or not."""

    row: int
    x0_px: int
    x1_px: int
    is_sub: bool


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
    lit, lit_densities
        The same of what is searched or marked alone: all else is dimmed. None dims nothing.
    found
        The match that was stepped to, where it can be seen.
    marks
        What is lit and hidden.
    is_exact
        Everything that is known is in it; else it shows until then what the last one knew.
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
    is_exact: bool = True
    lit: Dense | None = None
    lit_densities: tuple[DensityColumns, ...] = ()
    found: FoundMark | None = None
    marks: Marks | None = None


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
    chosen
        What a click chooses, None for a summary of many.
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
    chosen: Chosen | None = None


class Tick(NamedTuple):
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
    found_px
        Pixel columns in which something lies that is searched or marked: all else is a ghost then.
        None dims nothing.
    """

    slots: tuple[int, ...]
    busy: npt.NDArray[np.float32]
    most: float
    brush_px: tuple[int, int]
    length_text: str
    found_px: npt.NDArray[np.intp] | None = None


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """One prefix of the legend."""

    name: str
    slot: int
    is_hidden: bool
