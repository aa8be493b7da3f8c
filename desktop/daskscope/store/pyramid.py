"""Level of detail of one sealed chunk: short spans summed up by lane, stretch of time and look.

Level k has cells of 2**k ns. A cell counts the spans shorter than 2**(k+1) ns that start in it, and
holds the time that such spans were busy in it, for each name, kind and outcome apart; longer spans
are not in it, because at the zoom where the level is used they are drawn one by one. Counts and
busy times of a level are exact sums. Levels begin where they are much smaller than the rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from daskscope.store.schema import Array, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: The first level has at most this share of the rows, so that all levels take about 10 bytes a row.
_FIRST_SHARE: Final = 0.25
#: A level with this share of the rows is small enough to serve for all coarser ones.
_LAST_SHARE: Final = 0.001
#: A level is kept if it has at most this share of the cells of the finer one, which serves for it.
_NEXT_SHARE: Final = 0.75
_COARSEST: Final = 62
#: Rows of the first level that are summed up in one step.
_PORTION_ROWS: Final = 8_192
_SAMPLE_ROWS: Final = 2_048
#: Sums are made in tables of at most so many entries for each row, else by sorting.
_MOST_DENSE: Final = 4

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


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
class _Rows:
    """Rows of a chunk, with lanes and looks (name, kind, outcome) as small dense numbers."""

    lanes: Int64s
    looks: Int64s
    lane: Int64s
    look: Int64s
    start_ns: Int64s
    duration_ns: Int64s


@dataclass(frozen=True, slots=True)
class _Cells:
    """Parts of spans, or sums of them, by lane, cell and look."""

    lane: Int64s
    bucket: Int64s
    look: Int64s
    n_spans: Floats
    busy_ns: Floats

    @classmethod
    def joined(cls, parts: Sequence[_Cells]) -> _Cells:
        return cls(
            *(
                np.concatenate([getattr(part, name) for part in parts])
                for name in ("lane", "bucket", "look", "n_spans", "busy_ns")
            )
        )


def build_levels(
    start_ns: Int64s, end_ns: Int64s, columns: Mapping[str, Array]
) -> Iterator[Level | None]:
    """Levels of a chunk, finest first, in steps of a millisecond; None for a step with no level.

    `columns` has `lane`, `name`, `kind` and `status` of each row.
    """
    n_rows = len(start_ns)
    if not n_rows:
        return
    rows = _rows(start_ns, end_ns, columns)
    yield None
    origin_ns = int(start_ns.min())
    reach_ns = int(end_ns.max()) - origin_ns
    k = _first_level(rows)
    n_finer = 0
    cells: _Cells | None = None
    while k < min(reach_ns.bit_length() + 1, _COARSEST):
        base_ns = origin_ns >> k << k
        if cells is None:
            portions = []
            for first in range(0, n_rows, _PORTION_ROWS):
                among = np.arange(first, min(first + _PORTION_ROWS, n_rows))
                portions.append(_summed(_split(rows, among, base_ns, k), rows))
                yield None
            parts = _Cells.joined(portions)
        else:
            among = np.flatnonzero(rows.duration_ns >= 1 << k)
            parts = _Cells.joined([_halved(cells, origin_ns, k), _split(rows, among, base_ns, k)])
        cells = _summed(parts, rows)
        n_cells = len(cells.lane)
        if n_cells <= (_NEXT_SHARE * n_finer if n_finer else _FIRST_SHARE * n_rows):
            n_finer = n_cells
            yield _level(cells, rows, base_ns, k)
        else:
            yield None
        if n_finer and n_cells <= _LAST_SHARE * n_rows:
            return
        k += 1


def _rows(start_ns: Int64s, end_ns: Int64s, columns: Mapping[str, Array]) -> _Rows:
    is_erred = columns["status"] == Status.ERROR
    kind = columns["kind"].astype(np.int64)
    lanes, lane = _ranked(columns["lane"].astype(np.int64))
    names, name = _ranked(columns["name"].astype(np.int64))
    looks, look = _ranked(name * 32 + kind * 2 + is_erred)
    looks = names[looks >> 5] << 5 | looks & 31
    return _Rows(lanes, looks, lane, look, start_ns, np.maximum(end_ns - start_ns, 1))


def _ranked(ids: Int64s) -> tuple[Int64s, Int64s]:
    """The distinct ids in order, and the place of each id among them."""
    most = int(ids.max())
    if most > _MOST_DENSE * len(ids):
        distinct, rank = np.unique(ids, return_inverse=True)
        return distinct, rank
    distinct = np.flatnonzero(np.bincount(ids))
    rank_of = np.zeros(most + 1, np.int64)
    rank_of[distinct] = np.arange(len(distinct))
    return distinct, rank_of[ids]


def _first_level(rows: _Rows) -> int:
    """A level at which lanes are likely to have about ten spans in a cell."""
    # Some of the starts tell enough, and of these the middle nine tenths: a single late span says
    # nothing about how close the others are.
    sample_ns = np.sort(rows.start_ns[:: max(len(rows.start_ns) // _SAMPLE_ROWS, 1)])
    n = len(sample_ns)
    middle_ns = int(sample_ns[n - 1 - n // 20] - sample_ns[n // 20])
    apart_ns = middle_ns * len(rows.lanes) // len(rows.start_ns)
    return max(apart_ns, 1).bit_length() + 3


def _split(rows: _Rows, among: Int64s, base_ns: int, k: int) -> _Cells:
    """Parts of those spans that count at level `k`, in each of the cells that they touch."""
    chosen = among[rows.duration_ns[among] < 2 << k]
    at_ns = rows.start_ns[chosen] - base_ns
    end_ns = at_ns + rows.duration_ns[chosen]
    first, last = at_ns >> k, end_ns - 1 >> k
    pieces = []
    for step in range(3):
        touching = np.flatnonzero(last >= first + step)
        cell = first[touching] + step
        begin_ns = np.maximum(at_ns[touching], cell << k)
        part_ns = np.minimum(end_ns[touching], (cell + 1) << k) - begin_ns
        row = chosen[touching]
        n_spans = np.full(len(row), float(step == 0))
        part = part_ns.astype(np.float64)
        pieces.append(_Cells(rows.lane[row], cell, rows.look[row], n_spans, part))
    return _Cells.joined(pieces)


def _halved(cells: _Cells, origin_ns: int, k: int) -> _Cells:
    """Cells of level k - 1 as cells of level k, not yet summed."""
    # The finer level may begin half a cell later.
    shift = ((origin_ns >> (k - 1) << (k - 1)) - (origin_ns >> k << k)) >> (k - 1)
    return replace(cells, bucket=(cells.bucket + shift) >> 1)


def _summed(cells: _Cells, rows: _Rows) -> _Cells:
    """One cell for each lane, bucket and look, in order."""
    n_buckets, n_looks = int(cells.bucket.max(initial=0)) + 1, len(rows.looks)
    key = (cells.lane * n_buckets + cells.bucket) * n_looks + cells.look
    if len(rows.lanes) * n_buckets * n_looks <= _MOST_DENSE * len(rows.lane):
        n_spans: Floats = np.bincount(key, cells.n_spans).astype(np.float64, copy=False)
        busy_ns: Floats = np.bincount(key, cells.busy_ns).astype(np.float64, copy=False)
        keys = np.flatnonzero(busy_ns)
        n_spans, busy_ns = n_spans[keys], busy_ns[keys]
    else:
        order = np.argsort(key)
        key = key[order]
        begins = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]])[: len(key)])
        keys = key[begins]
        n_spans = np.add.reduceat(cells.n_spans[order], begins)
        busy_ns = np.add.reduceat(cells.busy_ns[order], begins)
    place, look = np.divmod(keys, n_looks)
    lane, bucket = np.divmod(place, n_buckets)
    return _Cells(lane, bucket, look, n_spans, busy_ns)


def _level(cells: _Cells, rows: _Rows, base_ns: int, k: int) -> Level:
    look = rows.looks[cells.look]
    return Level(
        k=k,
        origin_ns=base_ns,
        lane=rows.lanes[cells.lane].astype(np.uint32),
        bucket=cells.bucket.astype(np.uint32),
        name=(look >> 5).astype(np.uint32),
        kind=(look >> 1 & 15).astype(np.uint8),
        is_erred=(look & 1).astype(np.bool_),
        n_spans=cells.n_spans.astype(np.uint32),
        busy_ns=cells.busy_ns.astype(np.float32),
    )
