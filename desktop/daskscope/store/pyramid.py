"""Level of detail of one sealed chunk: short spans summed up by lane, stretch of time and look.

Level k has cells of 2**k ns. A cell counts the spans shorter than 2**(k+1) ns that start in it, and
holds the time that such spans were busy in it, for each name, kind and outcome apart; longer spans
are not in it, because at the zoom where the level is used they are drawn one by one. Counts and
busy times of a level are exact sums. Levels begin where they are much smaller than the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from daskscope.store.schema import Array, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The first level has at most this share of the rows, so that all levels take about 10 bytes a row.
_FIRST_SHARE: Final = 0.25
#: A level with this share of the rows is small enough to serve for all coarser ones.
_LAST_SHARE: Final = 0.001
_COARSEST: Final = 62
_BUCKET_BITS: Final = 31
_LOOK_BITS: Final = 16

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Level:
    """Cells of 2**k ns, in order of lane, then time.

    Attributes
    ----------
    k
        Cells are 2**k ns wide.
    origin_ns
        Where cell 0 begins, a multiple of 2**k.
    lane, bucket
        uint32: lane and number of the cell in time.
    name
        uint32: string id of the name of its spans.
    kind
        uint8: `Kind` of its spans.
    is_erred
        bool: its spans failed.
    n_spans
        uint32: spans that start in it.
    busy_ns
        float32: time in it that its spans took.
    """

    k: int
    origin_ns: int
    lane: npt.NDArray[np.uint32]
    bucket: npt.NDArray[np.uint32]
    name: npt.NDArray[np.uint32]
    kind: npt.NDArray[np.uint8]
    is_erred: npt.NDArray[np.bool_]
    n_spans: npt.NDArray[np.uint32]
    busy_ns: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.lane)

    @property
    def nbytes(self) -> int:
        """Memory of the cells: 22 bytes each."""
        return 22 * len(self)


@dataclass(frozen=True, slots=True)
class Pyramid:
    """Levels by k, finest first; empty for a chunk that does not shrink."""

    levels: tuple[Level, ...]

    @property
    def nbytes(self) -> int:
        """Memory of all levels."""
        return sum(level.nbytes for level in self.levels)

    def level(self, cell_ns: float) -> Level | None:
        """The coarsest level whose cells are at most `cell_ns` wide, None if all are wider."""
        fitting = [level for level in self.levels if 1 << level.k <= cell_ns]
        return fitting[-1] if fitting else None


@dataclass(frozen=True, slots=True)
class _Looks:
    """Lanes and looks (name, kind, outcome) of a chunk by small dense numbers."""

    lanes: Array
    looks: Int64s
    lane: Int64s
    look: Int64s


@dataclass(frozen=True, slots=True)
class _Cells:
    """Sums by key: lane, bucket and look packed into an int64, ascending."""

    key: Int64s
    n_spans: Int64s
    busy_ns: npt.NDArray[np.float64]


def build_pyramid(start_ns: Int64s, end_ns: Int64s, columns: Mapping[str, Array]) -> Pyramid:
    """Levels of a chunk, of its `lane`, `name`, `kind` and `status` columns."""
    if not len(start_ns):
        return Pyramid(())
    looks = _looks(columns)
    origin_ns = int(start_ns.min())
    reach_ns = int(end_ns.max()) - origin_ns
    duration_ns = np.maximum(end_ns - start_ns, 1)
    k = _first_level(looks, start_ns)
    levels: list[Level] = []
    cells: _Cells | None = None
    while k < min(reach_ns.bit_length() + 1, _COARSEST):
        base = origin_ns >> k << k
        least_ns = 1 << k if cells is not None else 0
        rows = np.flatnonzero((duration_ns >= least_ns) & (duration_ns < 2 << k))
        fresh = _split(looks, start_ns[rows] - base, duration_ns[rows], rows, k)
        if cells is not None:
            fresh = _joined(_halved(cells, origin_ns, k), fresh)
        cells = _summed(fresh)
        if len(cells.key) <= _FIRST_SHARE * len(start_ns):
            levels.append(_level(cells, looks, base, k))
        elif not levels:
            cells = None
        if levels and cells is not None and len(cells.key) <= _LAST_SHARE * len(start_ns):
            break
        k += 1
    return Pyramid(tuple(_shrinking(levels)))


def _shrinking(levels: list[Level]) -> list[Level]:
    """Those levels that are smaller than the finer one before; a finer one serves for others."""
    kept: list[Level] = []
    for level in levels:
        if not kept or len(level) < 0.75 * len(kept[-1]):
            kept.append(level)
    return kept


def _looks(columns: Mapping[str, Array]) -> _Looks:
    lanes, lane = np.unique(columns["lane"], return_inverse=True)
    is_erred = columns["status"] == Status.ERROR
    packed = columns["name"].astype(np.int64) * 16 + columns["kind"].astype(np.int64) * 2 + is_erred
    looks, look = np.unique(packed, return_inverse=True)
    return _Looks(lanes, looks, lane.astype(np.int64), look.astype(np.int64))


def _first_level(looks: _Looks, start_ns: Int64s) -> int:
    """A level at which lanes are likely to have several spans in a cell."""
    n = len(start_ns)
    early, late = n // 20, n - 1 - n // 20
    # The middle nine tenths: a single late span says nothing about how close the others are.
    starts = np.partition(start_ns, (early, late))
    apart_ns = int(starts[late] - starts[early]) * len(looks.lanes) // n
    return max(apart_ns, 1).bit_length() + 1


def _split(looks: _Looks, at_ns: Int64s, duration_ns: Int64s, rows: Array, k: int) -> _Cells:
    """Parts of spans, of at most two cells' length, in each of the cells they touch."""
    keys, n_spans, busy = [], [], []
    first = at_ns >> k
    end_ns = at_ns + duration_ns
    row = rows
    for step in range(3):
        cell = first + step
        part_ns = np.minimum(end_ns, (cell + 1) << k) - np.maximum(at_ns, cell << k)
        is_in = part_ns > 0
        key = (looks.lane[row] << _BUCKET_BITS | cell) << _LOOK_BITS | looks.look[row]
        keys.append(key[is_in])
        busy.append(part_ns[is_in].astype(np.float64))
        n_spans.append(np.full(len(keys[-1]), int(step == 0), np.int64))
    return _Cells(np.concatenate(keys), np.concatenate(n_spans), np.concatenate(busy))


def _halved(cells: _Cells, origin_ns: int, k: int) -> _Cells:
    """Cells of level k - 1 as cells of level k."""
    # The finer level may begin half a cell later.
    shift = ((origin_ns >> (k - 1) << (k - 1)) - (origin_ns >> k << k)) >> (k - 1)
    look = cells.key & ((1 << _LOOK_BITS) - 1)
    place = cells.key >> _LOOK_BITS
    lane, bucket = place >> _BUCKET_BITS, place & ((1 << _BUCKET_BITS) - 1)
    key = (lane << _BUCKET_BITS | (bucket + shift) >> 1) << _LOOK_BITS | look
    return _Cells(key, cells.n_spans, cells.busy_ns)


def _joined(one: _Cells, two: _Cells) -> _Cells:
    return _Cells(
        np.concatenate([one.key, two.key]),
        np.concatenate([one.n_spans, two.n_spans]),
        np.concatenate([one.busy_ns, two.busy_ns]),
    )


def _summed(cells: _Cells) -> _Cells:
    """One cell for each key, in order."""
    order = np.argsort(cells.key)
    key = cells.key[order]
    begins = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
    return _Cells(
        key[begins],
        np.add.reduceat(cells.n_spans[order], begins),
        np.add.reduceat(cells.busy_ns[order], begins),
    )


def _level(cells: _Cells, looks: _Looks, base_ns: int, k: int) -> Level:
    look = looks.looks[cells.key & ((1 << _LOOK_BITS) - 1)]
    place = cells.key >> _LOOK_BITS
    return Level(
        k=k,
        origin_ns=base_ns,
        lane=looks.lanes[place >> _BUCKET_BITS].astype(np.uint32),
        bucket=(place & ((1 << _BUCKET_BITS) - 1)).astype(np.uint32),
        name=(look >> 4).astype(np.uint32),
        kind=(look >> 1 & 7).astype(np.uint8),
        is_erred=(look & 1).astype(np.bool_),
        n_spans=cells.n_spans.astype(np.uint32),
        busy_ns=cells.busy_ns.astype(np.float32),
    )
