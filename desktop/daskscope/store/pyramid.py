"""Level of detail of one sealed chunk: short spans summed up by lane, stretch of time and look.

Level k has cells of 2**k ns. A cell holds the time in it in which spans shorter than 2**(k+1) ns
were busy, for each name, kind and outcome apart; longer spans are not in it, because at the zoom
where the level is used they are drawn one by one. Busy times of a level are exact sums. Levels
begin where they are much smaller than the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from daskscope.store.ordering import order_of
from daskscope.store.schema import Array, Kind, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from daskscope.store.chunk import Index, Rows

#: The first level has at most this share of the rows, so that all levels take about 6 bytes a row.
_FIRST_SHARE: Final = 0.25
#: A level with this share of the rows is small enough to serve for all coarser ones.
_LAST_SHARE: Final = 0.001
#: A level is kept if it has at most this share of the cells of the finer one, which serves for it.
_NEXT_SHARE: Final = 0.75
#: Cells of two weeks; times of this length have exact classes of duration.
_COARSEST: Final = 50
_TRANSFER: Final = np.uint8(Kind.TRANSFER)
#: Rows of the first level that are summed up in one step.
_PORTION_ROWS: Final = 1 << 14
_SAMPLE_ROWS: Final = 2_048
#: Names are numbered by a table of at most so many entries for each row, else by sorting.
_MOST_DENSE: Final = 4
#: Of the number of a look: what is beside the name, the kind and whether it failed.
_KIND_BITS: Final = 5
#: Of the number of a cell, which has 63: at most so many say where in time it lies.
_BUCKET_BITS: Final = 32
_NUMBER_BITS: Final = 63

Int64s = npt.NDArray[np.int64]
#: Numbers of cells, and the ns that are spent in each.
Parts = tuple[Int64s, Int64s]
#: As narrow as the numbers allow.
Unsigned: TypeAlias = npt.NDArray[np.unsignedinteger]


@dataclass(frozen=True, slots=True)
class Level:
    """Cells of 2**k ns, in order of lane, then look, then time.

    Attributes
    ----------
    k
        Cells are 2**k ns wide.
    origin_ns
        Where cell 0 begins, a multiple of 2**k.
    lane, bucket
        Unsigned integers: lane and number of the cell in time.
    name
        Unsigned integers: string id of the name of its spans; of transfers that of the task that
        waited for them.
    kind
        uint8: `Kind` of its spans.
    is_erred
        bool: its spans failed.
    busy_ns
        float32: time in it that its spans took.
    """

    k: int
    origin_ns: int
    lane: Unsigned
    bucket: Unsigned
    name: Unsigned
    kind: npt.NDArray[np.uint8]
    is_erred: npt.NDArray[np.bool_]
    busy_ns: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.lane)

    @property
    def nbytes(self) -> int:
        """Memory of the cells: about 10 bytes each."""
        wide = self.lane.itemsize + self.bucket.itemsize + self.name.itemsize
        return (wide + 1 + 1 + 4) * len(self)


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


class _Rows:
    """Rows of a chunk, and where among the cells of one time each lies.

    Attributes
    ----------
    place
        int64: number of the lane and look of each row.
    """

    def __init__(
        self, start_ns: Int64s, end_ns: Int64s, columns: Mapping[str, Array], index: Index
    ) -> None:
        self._start_ns, self._end_ns, self._index = start_ns, end_ns, index
        names = np.where(columns["kind"] == _TRANSFER, columns["type"], columns["name"])
        self._names, look = _numbered(names.astype(np.int64))
        look <<= _KIND_BITS
        look |= columns["kind"].astype(np.int64) << 1
        look |= columns["status"] == np.uint8(Status.ERROR)
        lane = columns["lane"].astype(np.int64)
        self._look_bits = ((len(self._names) << _KIND_BITS) - 1).bit_length()
        self.place = lane << self._look_bits | look

    def lasting(self, k: int) -> Rows:
        """Rows that last at least 2**k and less than 2**(k + 1) ns."""
        n_at_least = self._index.n_at_least
        return self._index.by_duration[n_at_least[k + 2] : n_at_least[k + 1]].astype(np.intp)

    def lasting_less(self, k: int) -> Rows:
        """Rows that last less than 2**k ns, in order of arrival: most of a cell come together."""
        are_meant = np.ones(len(self.place), np.bool_)
        are_meant[self._index.by_duration[: self._index.n_at_least[k + 1]]] = False
        return np.flatnonzero(are_meant)

    def parts(self, rows: Rows, grid: _Grid) -> Parts:
        """Cells that some rows touch, three at most each, and the ns that each row is in them."""
        place, k = self.place[rows], grid.k
        at_ns = self._start_ns[rows] - grid.origin_ns
        # What takes no time is seen all the same.
        until_ns = np.maximum(self._end_ns[rows] - grid.origin_ns, at_ns + 1)
        bucket = at_ns >> k
        edge_ns = (bucket + 1) << k
        cells, parts_ns = [grid.cells(place, bucket)], [np.minimum(until_ns, edge_ns) - at_ns]
        for _ in range(2):
            beyond = np.flatnonzero(until_ns > edge_ns)
            place, until_ns, at_ns = place[beyond], until_ns[beyond], edge_ns[beyond]
            bucket, edge_ns = bucket[beyond] + 1, at_ns + (1 << k)
            cells.append(grid.cells(place, bucket))
            parts_ns.append(np.minimum(until_ns, edge_ns) - at_ns)
        return np.concatenate(cells), np.concatenate(parts_ns)

    def level(self, cells: Int64s, busy_ns: Int64s, grid: _Grid) -> Level:
        """A level of these cells."""
        place, bucket = cells >> grid.n_bits, cells & (1 << grid.n_bits) - 1
        look = place & (1 << self._look_bits) - 1
        return Level(
            k=grid.k,
            origin_ns=grid.origin_ns,
            lane=_narrowed(place >> self._look_bits),
            bucket=_narrowed(bucket),
            name=_narrowed(self._names[look >> _KIND_BITS]),
            kind=(look >> 1 & 15).astype(np.uint8),
            is_erred=(look & 1).astype(np.bool_),
            busy_ns=busy_ns.astype(np.float32),
        )


@dataclass(frozen=True, slots=True)
class _Grid:
    """Cells of 2**k ns: the lower `n_bits` of the number of one say where in time it lies."""

    k: int
    first_ns: int
    n_bits: int

    @property
    def origin_ns(self) -> int:
        return self.first_ns >> self.k << self.k

    def cells(self, place: Int64s, bucket: Int64s) -> Int64s:
        return place << self.n_bits | bucket

    def coarser(self) -> _Grid:
        return _Grid(self.k + 1, self.first_ns, self.n_bits - 1)

    def coarsened(self, cells: Int64s) -> Int64s:
        """Numbers of the cells of the coarser grid, in the same order."""
        # It may begin half a cell earlier.
        shift = (self.origin_ns - self.coarser().origin_ns) >> self.k
        return (cells + shift) >> 1


def build_levels(
    start_ns: Int64s, end_ns: Int64s, columns: Mapping[str, Array], index: Index
) -> Iterator[Level | None]:
    """Levels of a chunk, finest first, in steps of a millisecond; None for a step with no level.

    `columns` has `lane`, `name`, `kind`, `type` and `status` of each row.
    """
    n_rows = len(start_ns)
    if not n_rows:
        return
    rows = _Rows(start_ns, end_ns, columns, index)
    yield None
    grid = _first_grid(start_ns, end_ns, columns["lane"], rows.place)
    most_k = min((int(end_ns.max()) - grid.first_ns).bit_length() + 1, _COARSEST)
    if grid.k >= most_k:
        return
    yield None
    short = rows.lasting_less(grid.k + 1)
    portions = []
    for first in range(0, max(len(short), 1), _PORTION_ROWS):
        portions.append(_summed(*rows.parts(short[first : first + _PORTION_ROWS], grid)))
        yield None
    cells, busy_ns = _joined(*portions)
    n_finer = 0
    while grid.k < most_k:
        n_cells = len(cells)
        is_kept = n_cells <= (_NEXT_SHARE * n_finer if n_finer else _FIRST_SHARE * n_rows)
        if is_kept:
            n_finer = n_cells
        yield rows.level(cells, busy_ns, grid) if is_kept else None
        if n_finer and n_cells <= _LAST_SHARE * n_rows:
            return
        cells, grid = grid.coarsened(cells), grid.coarser()
        longer = rows.parts(rows.lasting(grid.k), grid)
        cells, busy_ns = _joined((cells, busy_ns), longer)


def _first_grid(start_ns: Int64s, end_ns: Int64s, lane: Array, place: Int64s) -> _Grid:
    """Cells in which lanes are likely to have about ten spans, or wider: few enough to number."""
    # Some of the starts tell enough, and of these the middle nine tenths: a single late span says
    # nothing about how close the others are.
    sample_ns = np.sort(start_ns[:: max(len(start_ns) // _SAMPLE_ROWS, 1)])
    n = len(sample_ns)
    middle_ns = int(sample_ns[n - 1 - n // 20] - sample_ns[n // 20])
    n_lanes = int(np.count_nonzero(np.bincount(lane)))
    apart_ns = middle_ns * n_lanes // len(start_ns)
    first_ns = int(start_ns.min())
    reach_bits = (int(end_ns.max()) - first_ns).bit_length()
    # Two more, as a cell begins before the first span and has a next one.
    most_bits = min(_BUCKET_BITS, _NUMBER_BITS - int(place.max()).bit_length()) - 2
    k = max(max(apart_ns, 1).bit_length() + 3, reach_bits - most_bits)
    return _Grid(k, first_ns, max(reach_bits - k, 0) + 2)


def _numbered(ids: Int64s) -> tuple[Int64s, Int64s]:
    """The distinct ids in order, and the place of each id among them."""
    most = int(ids.max())
    if most > _MOST_DENSE * len(ids):
        distinct, number = np.unique(ids, return_inverse=True)
        return distinct, number
    distinct = np.flatnonzero(np.bincount(ids))
    number_of = np.zeros(most + 1, np.int64)
    number_of[distinct] = np.arange(len(distinct))
    return distinct, number_of[ids]


def _joined(*parts: Parts) -> Parts:
    """All of some parts, each cell once."""
    cells, busy_ns = zip(*parts, strict=True)
    return _summed(np.concatenate(cells), np.concatenate(busy_ns))


def _summed(cells: Int64s, busy_ns: Int64s) -> Parts:
    """Each of some cells once, in order, with all of its time."""
    if not len(cells):
        return cells, busy_ns
    if (cells[1:] < cells[:-1]).any():
        order = order_of(cells)
        cells, busy_ns = cells[order], busy_ns[order]
    is_first = np.ones(len(cells), np.bool_)
    np.not_equal(cells[1:], cells[:-1], out=is_first[1:])
    first = np.flatnonzero(is_first)
    return cells[first], np.add.reduceat(busy_ns, first)


def _narrowed(numbers: Int64s) -> Unsigned:
    """The same in as few bytes as they need."""
    narrow: Unsigned = numbers.astype(np.min_scalar_type(int(numbers.max(initial=0))))
    return narrow
