"""Busy time by row, pixel column and palette slot: what thousands of short tasks look like.

A raster covers a window of pixel columns on a fixed grid. Its memory is a ring of columns, so that
moving the window costs only the columns that come into it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.derive.frames import EMPTY, FAILED_KIND, KIND_SHIFT, SLOT_MASK, SLOT_SHIFT
from daskscope.derive.shelf import Shelf
from daskscope.store.schema import Kind, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from daskscope.derive.frames import Cells, Int32s

    Floats = npt.NDArray[np.float64]
    Bytes = npt.NDArray[np.uint8]
    Shares = npt.NDArray[np.float32]
    Planes = npt.NDArray[np.intp]

NOTHING: Final = -1
ERRED: Final = -2
#: A span that is not Dask's and so has no prefix, or whose prefix has no plane.
OTHER: Final = -3

#: Planes 0 to 3 are those of the sub-lane, in the order of `Kind`, 4 is what failed in it.
N_SUB_PLANES: Final = 5
_FAILED_PLANE: Final = 4
_ERRED_PLANE: Final = 5
_OTHER_PLANE: Final = 6
_FIRST_SLOT_PLANE: Final = 7
#: Prefixes beyond the planes look like none of those that have one.
MAX_SLOT_PLANES: Final = 40
#: Bits of the number of a plane.
_PLANE_BITS: Final = 6
#: A span of no length is seen.
_LEAST_PX: Final = 1e-3
#: Columns that are brought up to date at once: less than a millisecond's work.
_BLOCK_PX: Final = 128


def _special_planes() -> Planes:
    """Plane by kind * 4 + status, -1 where the prefix decides."""
    plane = np.full((256, 4), -1, np.intp)
    plane[Kind.OTHER] = _OTHER_PLANE
    plane[:, Status.ERROR] = _ERRED_PLANE
    for kind in range(Kind.TRANSFER, Kind.DESERIALIZE + 1):
        plane[kind] = kind - Kind.TRANSFER
        plane[kind, Status.ERROR] = _FAILED_PLANE
    return plane.ravel()


_SPECIAL_PLANE: Final = _special_planes()


@dataclass(frozen=True, slots=True)
class Window:
    """Pixel columns of a grid.

    Attributes
    ----------
    origin_ns
        Left edge of column 0 of the grid.
    ns_per_px
        Time of a column.
    column
        First column of the window.
    n_columns
        Columns of the window.
    """

    origin_ns: int
    ns_per_px: float
    column: int
    n_columns: int

    @property
    def end(self) -> int:
        """Column behind the last one."""
        return self.column + self.n_columns

    @property
    def start_ns(self) -> int:
        """Left edge."""
        return self.edge_ns(self.column)

    @property
    def end_ns(self) -> int:
        """Right edge."""
        return self.edge_ns(self.end)

    def edge_ns(self, column: int) -> int:
        """Left edge of a column of the grid."""
        return self.origin_ns + round(column * self.ns_per_px)

    def entered(self, old: Window) -> tuple[int, int]:
        """First and end column of what was not in an older window of the same grid and length."""
        if self.column > old.column:
            return max(old.end, self.column), self.end
        return self.column, min(old.column, self.end)

    def places(self, first: int, end: int) -> list[slice]:
        """Where some of its columns lie in a ring that has as many."""
        at, n_columns = first % self.n_columns, end - first
        n_left = self.n_columns - at
        if n_columns <= n_left:
            return [slice(at, at + n_columns)]
        return [slice(at, self.n_columns), slice(0, n_columns - n_left)]

    def x_px(self, time_ns: npt.NDArray[np.int64]) -> Floats:
        """Columns right of the window's left edge."""
        x_px = (time_ns - self.origin_ns) / self.ns_per_px
        x_px -= self.column
        return np.asarray(x_px)


class Raster:
    """Sums of busy time, and what they look like.

    Columns are given as those of the window's grid, boxes in columns from the window's left edge.
    """

    def __init__(self, window: Window, n_rows: int, shelf: Shelf | None = None) -> None:
        self.window = window
        self._n_rows = n_rows
        self._plane_of_slot = np.full(64, -1, np.intp)
        self._slots: list[int] = []
        shape = (n_rows, window.n_columns)
        # Planes take memory only once something is added to them.
        n_planes = _FIRST_SLOT_PLANE + MAX_SLOT_PLANES
        n = n_planes * n_rows * window.n_columns
        self._memory = (shelf or Shelf()).take(n)
        # By plane, column and row: what is new lies in a few columns of all rows.
        self._planes = self._memory[:n].reshape(n_planes, window.n_columns, n_rows)
        #: By plane and block of memory: whether something may lie in its columns.
        n_blocks = -(-window.n_columns // _BLOCK_PX)
        self._is_written = np.zeros((n_planes, n_blocks), np.bool_)
        self._cells = np.full(shape, EMPTY, np.uint32)
        #: By block of columns: the first and end column that something was added to.
        self._dirty: dict[int, tuple[int, int]] = {}

    @property
    def slots(self) -> tuple[int, ...]:
        """Slots that appear, in the order of `shares`."""
        return (ERRED, OTHER, *self._slots)

    @property
    def _sums(self) -> Shares:
        """The planes in use."""
        return self._planes[: _FIRST_SLOT_PLANE + len(self._slots)]

    def give_back(self, shelf: Shelf) -> None:
        """Let the memory be used by others; this raster is used no more."""
        shelf.give(
            self._memory,
            [
                self._sums[:, at * _BLOCK_PX : (at + 1) * _BLOCK_PX]
                for at in np.flatnonzero(self._is_written.any(axis=0)).tolist()
            ],
        )

    def provide(self, shelf: Shelf) -> None:
        """Lay out memory for the next raster: the system gives it when it is first written to."""
        memory = np.zeros_like(self._memory)
        sums = memory[: self._sums.size].reshape(self._sums.shape)
        shelf.give(memory, list(sums))

    # Adding ---------------------------------------------------------------------------------

    def planes(self, kind: Bytes, status: Bytes, slot: Int32s) -> Planes:
        """Plane of each of some spans."""
        special = _SPECIAL_PLANE.take((kind.astype(np.uint16) << 2) + status)
        return np.where(special >= 0, special, self._slot_planes(slot))

    def cover(
        self,
        plane: Planes,
        row: Int32s,
        boxes_px: tuple[Floats, Floats],
        weight: Floats | None = None,
        within: tuple[int, int] | None = None,
    ) -> None:
        """Add boxes, each of some height, as far as they lie in some columns of the grid.

        Parameters
        ----------
        plane, row
            Where each box goes.
        boxes_px
            Left and right edges, in columns from the window's left edge.
        weight
            Heights; 1 if none are given.
        within
            First and end column; the window if none are given.
        """
        column, n_columns = self.window.column, self.window.n_columns
        first_px, end_px = within if within is not None else (column, self.window.end)
        x0_px, x1_px = boxes_px
        x1_px = np.minimum(np.maximum(x1_px, x0_px + _LEAST_PX), end_px - column)
        x0_px = np.maximum(x0_px, first_px - column)
        is_seen = x1_px > x0_px
        if not is_seen.all():
            seen = np.flatnonzero(is_seen)
            plane, row = plane.take(seen), row.take(seen)
            x0_px, x1_px = x0_px.take(seen), x1_px.take(seen)
            weight = weight.take(seen) if weight is not None else None
        if not len(x0_px):
            return
        first = x0_px.astype(np.intp)
        # Of a box that ends on an edge: the column before it.
        last = np.maximum(np.ceil(x1_px).astype(np.intp) - 1, first)
        self._touch(plane, column + int(first.min()), column + int(last.max()) + 1)
        base = plane * (n_columns * self._n_rows) + row
        head = np.minimum(x1_px, first + 1.0) - x0_px
        long = np.flatnonzero(last > first)
        self._add(base, first, head if weight is None else head * weight)
        if not len(long):
            return
        base, first, last = base.take(long), first.take(long), last.take(long)
        height = np.ones(len(long)) if weight is None else weight.take(long)
        self._add(base, last, (x1_px.take(long) - last) * height)
        n_between = last - first - 1
        if n_between.any():
            begins = np.cumsum(n_between) - n_between
            at = np.arange(int(n_between.sum())) + np.repeat(first + 1 - begins, n_between)
            self._add(np.repeat(base, n_between), at, np.repeat(height, n_between))

    def _add(self, base: Planes, column: Planes, share: Floats) -> None:
        """Add to columns counted from the window's left edge."""
        at = column + self.window.column % self.window.n_columns
        at[at >= self.window.n_columns] -= self.window.n_columns
        at *= self._n_rows
        at += base
        np.add.at(self._sums.reshape(-1), at, share.astype(np.float32))

    # Looking --------------------------------------------------------------------------------

    def project(self, middle: int, may_go_on: Callable[[], bool]) -> None:
        """Bring what is looked at up to date, those near a column first, a block at least."""
        for block in sorted(self._dirty, key=lambda block: abs(block - middle // _BLOCK_PX)):
            for columns in self.window.places(*self._dirty.pop(block)):
                self._look(columns)
            if not may_go_on():
                return

    def is_projected(self, first: int, end: int) -> bool:
        """Whether all that was added to some columns can be looked at."""
        return not any(left < end and right > first for left, right in self._dirty.values())

    def look(self, first: int, end: int) -> Cells:
        """Cells of some columns of the window, as in `frames.Dense`."""
        parts = [self._cells[:, columns] for columns in self.window.places(first, end)]
        return np.concatenate(parts, axis=1)

    def sampled(self, columns: Planes) -> Cells:
        """The same of any columns of the window."""
        return self._cells.take(columns % self.window.n_columns, axis=1)

    def shares(self, row: int, columns: Planes) -> tuple[Shares, Shares]:
        """Busy threads of one row by slot, in the order of `slots`, and in a transfer."""
        at = columns % self.window.n_columns
        return self._sums[N_SUB_PLANES:, at, row], self._sums[0, at, row]

    def _look(self, columns: slice) -> None:
        # Few prefixes are at work at a time.
        planes = np.flatnonzero(self._is_written[:, _blocks(columns)].any(axis=1))
        main, sub = planes[planes >= N_SUB_PLANES], planes[planes < N_SUB_PLANES]
        sums = self._planes[:, columns]
        cells = np.full(sums.shape[1:], EMPTY, np.uint32)
        if len(main):
            some = sums[main]
            total = some.sum(axis=0)
            cells = _slot_cells(self.slots).take(main - N_SUB_PLANES).take(_greatest(some))
            np.copyto(cells, _slot_cells((ERRED,)), where=sums[_ERRED_PLANE] > 0)
            level = np.minimum(total, np.float32(1))
            level *= np.float32(255)
            np.rint(level, out=level)
            cells += np.maximum(level, np.float32(1), out=level).astype(np.uint32)
            np.copyto(cells, EMPTY, where=total <= 0)
        if len(sub):
            some = sums[sub]
            kind = (sub + int(Kind.TRANSFER)).astype(np.uint32).take(_greatest(some))
            np.copyto(kind, np.uint32(0), where=some.sum(axis=0) <= 0)
            np.copyto(kind, np.uint32(FAILED_KIND), where=sums[_FAILED_PLANE] > 0)
            cells += kind << np.uint32(KIND_SHIFT)
        self._cells[:, columns] = cells.T

    # Moving ---------------------------------------------------------------------------------

    def move(self, column: int) -> None:
        """Let the window begin at another column; what comes into it is empty."""
        old = self.window
        self.window = Window(old.origin_ns, old.ns_per_px, column, old.n_columns)
        first, end = self.window.column, self.window.end
        for columns in self.window.places(*self.window.entered(old)):
            self._empty(columns)
        clipped = {
            block: (max(left, first), min(right, end))
            for block, (left, right) in self._dirty.items()
        }
        self._dirty = {block: part for block, part in clipped.items() if part[0] < part[1]}

    def _empty(self, columns: slice) -> None:
        self._sums[:, columns] = 0
        self._cells[:, columns] = EMPTY
        blocks = _blocks(columns)
        for at in range(blocks.start, blocks.stop):
            planes = np.flatnonzero(self._is_written[:, at])
            block = self._planes[planes, at * _BLOCK_PX : (at + 1) * _BLOCK_PX]
            self._is_written[planes, at] = block.any(axis=(1, 2))

    def _touch(self, plane: Planes, first: int, end: int) -> None:
        is_touched = np.zeros(len(self._is_written), np.bool_)
        is_touched[plane] = True
        for columns in self.window.places(first, end):
            self._is_written[is_touched, _blocks(columns)] = True
        for block in range(first // _BLOCK_PX, (end - 1) // _BLOCK_PX + 1):
            left = max(first, block * _BLOCK_PX)
            right = min(end, (block + 1) * _BLOCK_PX)
            known = self._dirty.get(block, (left, right))
            self._dirty[block] = min(known[0], left), max(known[1], right)

    def _slot_planes(self, slot: Int32s) -> Planes:
        """Planes of prefixes, with new planes for new ones; `OTHER`'s where there is none."""
        most = int(slot.max(initial=0))
        if most >= len(self._plane_of_slot):
            more = np.full(most + 1, -1, np.intp)
            more[: len(self._plane_of_slot)] = self._plane_of_slot
            self._plane_of_slot = more
        # What lies below 0 is no index for `take`; it is replaced anyway.
        plane = np.where(slot >= 0, self._plane_of_slot.take(slot, mode="wrap"), _OTHER_PLANE)
        if int(plane.min(initial=0)) >= 0:
            return plane
        fresh = np.unique(slot[plane < 0])
        for number in fresh.tolist():
            self._plane_of_slot[number] = _OTHER_PLANE
            if len(self._slots) < MAX_SLOT_PLANES:
                self._plane_of_slot[number] = _FIRST_SLOT_PLANE + len(self._slots)
                self._slots.append(number)
        return np.where(slot >= 0, self._plane_of_slot[slot], _OTHER_PLANE)


def _blocks(columns: slice) -> slice:
    """The blocks of memory in which some of its columns lie."""
    return slice(columns.start // _BLOCK_PX, (columns.stop - 1) // _BLOCK_PX + 1)


def _greatest(shares: Shares) -> npt.NDArray[np.int32]:
    """Which of some planes has the greatest share, place by place: the first of equal ones.

    Shares count as equal where only the last 6 of their 24 bits differ. The bits of a number that
    is not negative grow with it: so the number of its plane is put in their place, for `argmax`
    takes five times as long over the first axis.
    """
    last = (1 << _PLANE_BITS) - 1
    bits = shares.view(np.int32) & ~last
    bits |= np.arange(last, last - len(shares), -1, dtype=np.int32)[:, None, None]
    return np.asarray(last - (bits.max(axis=0) & last))


def _slot_cells(slots: Sequence[int]) -> Cells:
    """Cells of some slots, without a share."""
    return np.array(slots, np.int16).astype(np.uint32) << np.uint32(SLOT_SHIFT) & SLOT_MASK
