"""Busy time by row, pixel column and palette slot: what thousands of short tasks look like.

A raster covers a window of pixel columns on a fixed grid, so that following a live cluster adds the
few spans that are new and moves the window now and then, whatever lies in view.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.derive.frames import FAILED_KIND
from daskscope.store.schema import Kind, Status

if TYPE_CHECKING:
    import numpy.typing as npt

    from daskscope.derive.frames import Int32s

    Floats = npt.NDArray[np.float64]
    Bytes = npt.NDArray[np.uint8]
    Shares = npt.NDArray[np.float32]
    Planes = npt.NDArray[np.intp]

NOTHING: Final = -1
ERRED: Final = -2
#: A span that is not Dask's and so has no prefix.
OTHER: Final = -3

#: Planes 0 to 3 are those of the sub-lane, in the order of `Kind`, 4 is what failed in it.
N_SUB_PLANES: Final = 5
_FAILED_PLANE: Final = 4
_ERRED_PLANE: Final = 5
_OTHER_PLANE: Final = 6
_FIRST_SLOT_PLANE: Final = 7
#: Prefixes beyond the planes share the last one, and look like the first of those that do.
MAX_SLOT_PLANES: Final = 40
#: A span of no length is seen.
_LEAST_PX: Final = 1e-3
#: What a hidden prefix counts when the commonest of a column is chosen.
_HIDDEN: Final = np.float32(1e-6)


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
    def start_ns(self) -> int:
        """Left edge."""
        return self.origin_ns + round(self.column * self.ns_per_px)

    @property
    def end_ns(self) -> int:
        """Right edge."""
        return self.origin_ns + round((self.column + self.n_columns) * self.ns_per_px)

    def x_px(self, time_ns: npt.NDArray[np.int64]) -> Floats:
        """Columns right of the window's left edge."""
        return np.asarray((time_ns - self.origin_ns) / self.ns_per_px - self.column)


class Raster:
    """Sums of busy time, and what they look like.

    Attributes
    ----------
    slot, busy, kind
        As in `frames.Dense`, of the rows and columns of the window; see `project`.
    """

    def __init__(self, window: Window, n_rows: int) -> None:
        self.window = window
        self._n_rows = n_rows
        self._plane_of_slot = np.full(64, -1, np.intp)
        self._slots: list[int] = []
        shape = (n_rows, window.n_columns)
        # Planes take memory only once something is added to them.
        self._planes = np.zeros((_FIRST_SLOT_PLANE + MAX_SLOT_PLANES, *shape), np.float32)
        self.slot = np.full(shape, NOTHING, np.int16)
        self.busy = np.zeros(shape, np.uint8)
        self.kind = np.zeros(shape, np.uint8)
        self._hidden: frozenset[int] = frozenset()
        self._dirty = (window.n_columns, 0)

    @property
    def slots(self) -> tuple[int, ...]:
        """Slots that appear, in the order of `shares`."""
        return (ERRED, OTHER, *self._slots)

    @property
    def _sums(self) -> Shares:
        """The planes in use."""
        return self._planes[: _FIRST_SLOT_PLANE + len(self._slots)]

    def planes(self, kind: Bytes, status: Bytes, slot: Int32s) -> Planes:
        """Plane of each of some spans."""
        plane = self._slot_planes(slot)
        is_other = (kind == Kind.OTHER) | (slot < 0)
        plane[is_other] = _OTHER_PLANE
        plane[status == Status.ERROR] = _ERRED_PLANE
        is_sub = (kind >= Kind.TRANSFER) & (kind <= Kind.DESERIALIZE)
        plane[is_sub] = kind[is_sub].astype(np.intp) - Kind.TRANSFER
        plane[is_sub & (status == Status.ERROR)] = _FAILED_PLANE
        return plane

    def cover(
        self, plane: Planes, row: Int32s, x0_px: Floats, x1_px: Floats, weight: Floats | None = None
    ) -> None:
        """Add boxes from `x0_px` to `x1_px` (in columns of the window), each of some height."""
        n_columns = self.window.n_columns
        x1_px = np.minimum(np.maximum(x1_px, x0_px + _LEAST_PX), n_columns)
        x0_px = np.maximum(x0_px, 0.0)
        seen = np.flatnonzero(x1_px > x0_px)
        if not len(seen):
            return
        x0_px, x1_px = x0_px[seen], x1_px[seen]
        height = np.ones(len(seen)) if weight is None else weight[seen]
        first = x0_px.astype(np.intp)
        last = np.maximum(np.ceil(x1_px).astype(np.intp) - 1, first)
        self._touch(int(first.min()), int(last.max()) + 1)
        base = (plane[seen] * self._n_rows + row[seen]) * n_columns
        sums = self._sums.reshape(-1)
        head = (np.minimum(x1_px, first + 1.0) - x0_px) * height
        np.add.at(sums, base + first, head.astype(np.float32))
        long = np.flatnonzero(last > first)
        tail = (x1_px[long] - last[long]) * height[long]
        np.add.at(sums, (base + last)[long], tail.astype(np.float32))
        n_between = (last - first)[long] - 1
        if n_between.any():
            at = np.repeat((base + first)[long] + 1, n_between)
            begins = np.repeat(np.cumsum(n_between) - n_between, n_between)
            at += np.arange(len(at)) - begins
            np.add.at(sums, at, np.repeat(height[long], n_between).astype(np.float32))

    def project(self, hidden: frozenset[int]) -> None:
        """Bring `slot`, `busy` and `kind` up to date; `hidden` slots give way to others."""
        if hidden != self._hidden:
            self._hidden = hidden
            self._touch(0, self.window.n_columns)
        first, end = self._dirty
        if first >= end:
            return
        self._dirty = (self.window.n_columns, 0)
        columns = slice(first, end)
        main = self._sums[N_SUB_PLANES:, :, columns]
        total = main.sum(axis=0)
        if hidden:
            shown = [_HIDDEN if slot in hidden else np.float32(1) for slot in self.slots]
            main = main * np.array(shown, np.float32)[:, None, None]
        commonest = np.array(self.slots, np.int16)[main.argmax(axis=0)]
        commonest[main[0] > 0] = ERRED
        commonest[total <= 0] = NOTHING
        self.slot[:, columns] = commonest
        level = np.rint(np.minimum(total, np.float32(1)) * np.float32(255))
        self.busy[:, columns] = np.maximum(level, total > 0).astype(np.uint8)
        sub = self._sums[:N_SUB_PLANES, :, columns]
        kind = (sub.argmax(axis=0) + int(Kind.TRANSFER)).astype(np.uint8)
        kind[sub.max(axis=0) <= 0] = 0
        kind[sub[_FAILED_PLANE] > 0] = FAILED_KIND
        self.kind[:, columns] = kind

    def shares(self, row: int, columns: slice) -> tuple[Shares, Shares]:
        """Busy threads of one row by slot, in the order of `slots`, and in a transfer."""
        return self._sums[N_SUB_PLANES:, row, columns].copy(), self._sums[0, row, columns].copy()

    def move(self, column: int) -> None:
        """Let the window begin at a later column; nothing may be known beyond its right edge."""
        n_columns = self.window.n_columns
        by = column - self.window.column
        kept = max(n_columns - by, 0)
        for plane, empty in (
            (self._sums, 0),
            (self.slot, NOTHING),
            (self.busy, 0),
            (self.kind, 0),
        ):
            plane[..., :kept] = plane[..., n_columns - kept :].copy()
            plane[..., kept:] = empty
        first, end = self._dirty
        self._dirty = (max(first - by, 0), max(end - by, 0))
        self.window = Window(self.window.origin_ns, self.window.ns_per_px, column, n_columns)

    def _touch(self, first: int, end: int) -> None:
        self._dirty = min(self._dirty[0], first), max(self._dirty[1], end)

    def _slot_planes(self, slot: Int32s) -> Planes:
        """Planes of prefixes, with new planes for new ones."""
        most = int(slot.max(initial=0))
        if most >= len(self._plane_of_slot):
            more = np.full(most + 1, -1, np.intp)
            more[: len(self._plane_of_slot)] = self._plane_of_slot
            self._plane_of_slot = more
        plane = self._plane_of_slot[slot]
        unknown = np.flatnonzero(plane < 0)
        unknown = unknown[slot[unknown] >= 0]
        if not len(unknown):
            return plane
        fresh = np.unique(slot[unknown])
        for number in fresh.tolist():
            if len(self._slots) < MAX_SLOT_PLANES:
                self._slots.append(number)
            self._plane_of_slot[number] = _FIRST_SLOT_PLANE + len(self._slots) - 1
        return self._plane_of_slot[slot]
