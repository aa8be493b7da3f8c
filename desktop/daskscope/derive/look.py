"""What a view shows of a picture; and of two, while the newer one is not finished.

A picture that is made from nothing, as after a zoom, takes several ticks. Meanwhile the last
finished one is stretched over what it knows of, as a map does while its tiles load.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from daskscope.derive.failures import stretched
from daskscope.derive.singles import joined

if TYPE_CHECKING:
    import numpy.typing as npt

    from daskscope.derive.frames import Cells
    from daskscope.derive.picture import Picture
    from daskscope.derive.rowing import Rowing
    from daskscope.derive.singles import Spans
    from daskscope.session import Viewport

    Columns = npt.NDArray[np.intp]
    Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """A density row.

    Attributes
    ----------
    slots
        Palette slots, and `ERRED` and `OTHER` of `raster`.
    share
        float32, shape (len(slots), width_px): busy threads.
    transfer
        float32, shape (width_px,): threads in a transfer.
    """

    slots: tuple[int, ...]
    share: npt.NDArray[np.float32]
    transfer: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """The visible rows in a view.

    Attributes
    ----------
    cells
        As in `frames.Dense`, shape (visible rows, width_px); an array of its own.
    wide
        Spans that are drawn one by one, some of them beside the view.
    stacks
        By visible row: the density rows.
    failed
        int32, shape (len(FAILING), width_px): failures by kind, as in `failures`.
    """

    cells: Cells
    wide: Spans
    stacks: dict[int, Stack]
    failed: npt.NDArray[np.int32]


def look_of(picture: Picture, view: Viewport) -> Look:
    """What a picture knows in a view that it reaches."""
    first = picture.column_of(view)
    columns = first + np.arange(view.width_px)
    rows = np.flatnonzero(picture.rows.is_density).tolist()
    return Look(
        picture.raster.look(first, first + view.width_px),
        picture.wide(),
        {row: _stack(picture, row, columns) for row in rows},
        picture.failures.look(picture.raster.window, first, first + view.width_px),
    )


def look_between(last: Picture, picture: Picture, view: Viewport) -> Look:
    """What `last` knows in a view of another scale, place or rows, and `picture` beside it."""
    look = look_of(picture, view)
    columns, x_px = _columns(last, view)
    row_of, last_row_of = _same_rows(picture.rows, last.rows)
    if len(row_of) and len(x_px):
        # The pixels lie side by side: an index of each of them takes 25 times as long as a slice.
        known = slice(int(x_px[0]), int(x_px[-1]) + 1)
        look.cells[row_of, known] = last.raster.sampled(columns)[last_row_of]
    for row, last_row in zip(row_of.tolist(), last_row_of.tolist(), strict=True):
        if last.rows.is_density[last_row]:
            look.stacks[row] = _spread(_stack(last, last_row, columns), x_px, view.width_px)
    wide = joined(_beside(look.wide, last, row_of, picture), _moved(last, picture.rows))
    return Look(look.cells, wide, look.stacks, _failed(look.failed, last, view, x_px))


def _stack(picture: Picture, row: int, columns: Columns) -> Stack:
    raster = picture.raster
    return Stack(raster.slots, *raster.shares(row, columns))


def _spread(stack: Stack, x_px: Columns, width_px: int) -> Stack:
    share = np.zeros((len(stack.slots), width_px), np.float32)
    transfer = np.zeros(width_px, np.float32)
    share[:, x_px], transfer[x_px] = stack.share, stack.transfer
    return Stack(stack.slots, share, transfer)


def _columns(last: Picture, view: Viewport) -> tuple[Columns, Columns]:
    """Columns of the last picture's grid under the pixels of a view, and those pixels."""
    window = last.raster.window
    from_ns = view.start_ns - window.origin_ns
    middle_ns = from_ns + (np.arange(view.width_px) + 0.5) * view.ns_per_px
    column = np.floor(middle_ns / window.ns_per_px).astype(np.intp)
    x_px = np.flatnonzero((column >= window.column) & (column < window.end))
    return column[x_px], x_px


def _failed(
    failed: npt.NDArray[np.int32], last: Picture, view: Viewport, known_px: Columns
) -> npt.NDArray[np.int32]:
    """Failures that the last picture knows of, and others where it knows nothing."""
    window = last.raster.window
    middle_ns = (np.arange(window.column, window.end) + 0.5) * window.ns_per_px
    now_px = np.floor((middle_ns + window.origin_ns - view.start_ns) / view.ns_per_px)
    before = last.failures.look(window, window.column, window.end)
    result = stretched(before, now_px.astype(np.intp), view.width_px)
    is_new = np.ones(view.width_px, np.bool_)
    is_new[known_px] = False
    result[:, is_new] = failed[:, is_new]
    return result


def _same_rows(rows: Rowing, last: Rowing) -> tuple[Places, Places]:
    """Visible rows that were visible before, and where: those that share a lane."""
    n_lanes = min(len(rows.row_of_lane), len(last.row_of_lane))
    row, last_row = rows.row_of_lane[:n_lanes], last.row_of_lane[:n_lanes]
    both = np.flatnonzero((row >= 0) & (last_row >= 0))
    both = both[rows.is_density[row[both]] == last.is_density[last_row[both]]]
    was = np.full(len(rows.is_density), -1, np.intp)
    was[row[both]] = last_row[both]
    found = np.flatnonzero(was >= 0)
    return found, was[found]


def _moved(last: Picture, rows: Rowing) -> Spans:
    """Spans of the last picture, in the rows in which they lie now."""
    spans = last.wide()
    now = np.full(len(last.rows.is_density), -1, np.int32)
    row, was = _same_rows(rows, last.rows)
    now[was] = row
    place = now[spans["row"] - last.rows.first_row]
    spans = np.extract(place >= 0, spans)
    spans["row"] = place[place >= 0] + rows.first_row
    return spans


def _beside(spans: Spans, last: Picture, row_of: Places, picture: Picture) -> Spans:
    """Spans that lie where the last picture knows nothing."""
    window = last.raster.window
    is_known = np.zeros(len(picture.rows.is_density), np.bool_)
    is_known[row_of] = True
    is_in = (spans["start_ns"] < window.end_ns) & (spans["end_ns"] >= window.start_ns)
    return np.extract(~(is_in & is_known[spans["row"] - picture.rows.first_row]), spans)
