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
    from collections.abc import Callable

    from daskscope.derive.lanelayout import LaneLayout
    from daskscope.derive.matches import Marks
    from daskscope.session import Chosen, Viewport

Int32s = npt.NDArray[np.int32]
Cells = npt.NDArray[np.uint32]


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
#: What fills one pixel column of one row: 32 bits, so that it is compared and moved at once.
CELL: Final = np.dtype(
    {"names": ["busy", "slot", "kind"], "formats": ["u1", "<i2", "u1"], "offsets": [0, 1, 3]}
)
#: The lower bits of a cell: slot and busy share.
SLOT_SHIFT: Final = 8
KIND_SHIFT: Final = 24
SLOT_MASK: Final = np.uint32(0xFFFF << SLOT_SHIFT)
#: A cell with slot -1, in which nothing is.
EMPTY: Final = SLOT_MASK


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
        int32, where the span lies: number of its chunk, and row; chunk -1: index into the attempts
        of `running.values()`, one worker after the other.
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
    """Folded runs: what fills each pixel column of each row.

    Attributes
    ----------
    cells
        uint32, shape (n_rows, width_px), C-contiguous: what the other three are parts of.
    slot
        int16, shape (n_rows, width_px): palette slot of the commonest prefix, -1 where nothing is,
        -2 where it erred, -3 where it is not Dask's.
    busy
        uint8, shape (n_rows, width_px): busy share of the column, 0..255.
    kind
        uint8, shape (n_rows, width_px): of the sub-lane, `Kind` of what fills it, `FAILED_KIND`
        where it failed; 0 where nothing.
    """

    cells: Cells

    @property
    def slot(self) -> npt.NDArray[np.int16]:
        """Palette slots."""
        return self.cells.view(CELL)["slot"]

    @property
    def busy(self) -> npt.NDArray[np.uint8]:
        """Busy shares."""
        return self.cells.view(CELL)["busy"]

    @property
    def kind(self) -> npt.NDArray[np.uint8]:
        """Kinds in the sub-lane."""
        return self.cells.view(CELL)["kind"]


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


class Evicted(NamedTuple):
    """Pixel columns in which not all spans are held any more.

    Attributes
    ----------
    x0_px, x1_px
        Within the drawing area.
    text
        How many are gone, and where they can be seen; `short` is for little room.
    """

    x0_px: int
    x1_px: int
    text: str
    short: str


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
    count_in_view
        Counts the spans in view: few of the frames are asked for it.
    lit, lit_densities
        The same of what is searched or marked alone: all else is dimmed. None dims nothing.
    found
        The match that was stepped to, where it can be seen.
    marks
        What is lit and hidden.
    is_exact
        Everything that is known is in it; else it shows until then what the last one knew.
    evicted
        Where spans were evicted; None where none were, or that is not in view.
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
    count_in_view: Callable[[], int]
    is_exact: bool = True
    lit: Dense | None = None
    lit_densities: tuple[DensityColumns, ...] = ()
    found: FoundMark | None = None
    marks: Marks | None = None
    evicted: Evicted | None = None

    @property
    def n_spans_in_view(self) -> int:
        """Spans that lie in the time in view, folded ones included."""
        return self.count_in_view()


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
    most, most_label
        Threads at the top edge, or what ran at once if that is more; and which of these it is.
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
    most_label: str
    brush_px: tuple[int, int]
    length_text: str
    found_px: npt.NDArray[np.intp] | None = None


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """One prefix of the legend."""

    name: str
    slot: int
    is_hidden: bool
