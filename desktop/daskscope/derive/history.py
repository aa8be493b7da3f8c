"""Sums by the second, and least, mean and most of them over blocks of 8, 64, 512 ... seconds.

Any stretch of time is read at the level of its pixels, so it costs what its pixels do, however long
it is. Seconds stand in pages: those that are changed are summed up again before a coarser level is
read. Each level keeps so many pages; where the oldest of one have gone, the next one tells of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Floats: TypeAlias = npt.NDArray[np.float64]
Indices: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]

#: Blocks of one level in a block of the next.
FAN: Final = 8
N_LEVELS: Final = 6
PAGE_BLOCKS: Final = 512
#: Pages of each level: 36 hours of seconds, then 3 days of blocks of 8, 24 of 64, 194 of 512 ...
MOST_PAGES: Final = (256, *(64,) * (N_LEVELS - 1))
_PARENTS: Final = PAGE_BLOCKS // FAN
#: What is known of a block: the sum of its seconds that are known, their number, least and most.
_TOTAL, _KNOWN, _LEAST, _MOST = range(4)


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """What sums were over equal stretches of time; NaN where nothing was read.

    Attributes
    ----------
    least, mean, most
        float64 of shape (sums, columns).
    """

    least: Floats
    mean: Floats
    most: Floats


@dataclass(slots=True, eq=False)
class _Seconds:
    """A page of level 0: sums, and how many readings are in each."""

    value: Floats
    n: npt.NDArray[np.int32]


class History:
    """Sums of one run.

    Parameters
    ----------
    n_sums
        How many are added to.
    joined
        More sums, each of some of those.
    most_pages
        Pages that are kept of each level.
    """

    def __init__(
        self,
        n_sums: int,
        joined: Sequence[tuple[int, ...]] = (),
        most_pages: Sequence[int] = MOST_PAGES,
    ) -> None:
        self._n_sums = n_sums
        self._joined = tuple(joined)
        self._most_pages = tuple(most_pages)
        self._seconds: dict[int, _Seconds] = {}
        #: Of the levels above: pages of shape (4, sums, blocks).
        self._blocks: tuple[dict[int, Floats], ...] = tuple({} for _ in most_pages[1:])
        #: By level: pages that the next one has not seen as they are, and the first that is kept.
        self._changed: tuple[set[int], ...] = tuple(set() for _ in most_pages)
        self._first_page = [0] * len(most_pages)
        #: What was laid over some seconds: the page, where, and what was there.
        self._under: list[tuple[int, slice, Floats, npt.NDArray[np.int32]]] = []

    @property
    def n_rows(self) -> int:
        """Sums that are known, joined ones among them."""
        return self._n_sums + len(self._joined)

    @property
    def nbytes(self) -> int:
        """Memory of all levels."""
        seconds = sum(page.value.nbytes + page.n.nbytes for page in self._seconds.values())
        return seconds + sum(page.nbytes for level in self._blocks for page in level.values())

    # Writing --------------------------------------------------------------------------------

    def add(self, row: Indices, second: Indices, value: Floats, sign: int = 1) -> Mask:
        """Add readings to sums at some seconds, or take them away where `sign` is -1.

        Returns
        -------
        Mask
            Those that were left out, of seconds that have gone.
        """
        assert not self._under
        is_gone = np.zeros(len(second), np.bool_)
        if not len(second):
            return is_gone
        number = second // PAGE_BLOCKS
        first, last = int(number.min()), int(number.max())
        for at in [first] if first == last else np.unique(number).tolist():
            is_here = slice(None) if first == last else number == at
            page = self._page(at)
            if page is None:
                is_gone[is_here] = True
                continue
            cell = row[is_here] * PAGE_BLOCKS + second[is_here] - at * PAGE_BLOCKS
            _add_to(page, cell, sign * value[is_here], sign)
        return is_gone

    def _page(self, number: int) -> _Seconds | None:
        """A page of seconds that is about to be changed, None of one older than those kept."""
        page = self._seconds.get(number)
        if page is None and number >= self._first_page[0]:
            shape = self._n_sums, PAGE_BLOCKS
            self._seconds[number] = _Seconds(np.zeros(shape), np.zeros(shape, np.int32))
            self._bound(0, self._seconds)
            page = self._seconds.get(number)
        if page is not None:
            self._changed[0].add(number)
        return page

    def lay(self, first: int, value: Floats, n: npt.NDArray[np.int32]) -> None:
        """Lay sums (of shape (sums, seconds)) over those from second `first` on, until `lift`."""
        end, done = first + value.shape[1], 0
        while first + done < end:
            number, begin = divmod(first + done, PAGE_BLOCKS)
            length = min(PAGE_BLOCKS - begin, end - first - done)
            here, there = slice(begin, begin + length), slice(done, done + length)
            done += length
            page = self._page(number)
            if page is None:
                continue
            self._under.append((number, here, page.value[:, here].copy(), page.n[:, here].copy()))
            page.value[:, here] += value[:, there]
            page.n[:, here] += n[:, there]

    def lift(self) -> None:
        """Take away what was laid over."""
        for number, here, value, n in self._under:
            page = self._page(number)
            if page is not None:
                page.value[:, here], page.n[:, here] = value, n
        self._under = []

    # Levels ---------------------------------------------------------------------------------

    def _bound(self, level: int, pages: dict[int, _Seconds] | dict[int, Floats]) -> None:
        """Make room for a new page: the oldest ones go, once the next level knows of all."""
        self._sum_up(level)
        while len(pages) > self._most_pages[level]:
            oldest = min(pages)
            del pages[oldest]
            self._first_page[level] = oldest + 1

    def _sum_up(self, level: int) -> None:
        """Let the level above know what has changed in one."""
        changed = sorted(self._changed[level])
        self._changed[level].clear()
        if level == len(self._blocks):
            return
        above = self._blocks[level]
        for number in changed:
            page = self._figures(level, number)
            if page is None:
                continue
            parent, part = divmod(number, FAN)
            if parent < self._first_page[level + 1]:
                continue
            if parent not in above:
                above[parent] = _nothing(self.n_rows, PAGE_BLOCKS)
                self._bound(level + 1, above)
                if parent not in above:
                    continue
            here = slice(part * _PARENTS, (part + 1) * _PARENTS)
            above[parent][:, :, here] = _merged(page, _PARENTS)
            self._changed[level + 1].add(parent)

    def _figures(self, level: int, number: int) -> Floats | None:
        """A page of any level as one of those above has it; None where there is none."""
        if level:
            return self._blocks[level - 1].get(number)
        page = self._seconds.get(number)
        if page is None:
            return None
        value, known = page.value, page.n > 0
        for parts in self._joined:
            value = np.concatenate([value, value[list(parts)].sum(axis=0, keepdims=True)])
            known = np.concatenate([known, known[list(parts)].any(axis=0, keepdims=True)])
        return np.stack(
            [
                np.where(known, value, 0.0),
                known,
                np.where(known, value, np.inf),
                np.where(known, value, -np.inf),
            ]
        )

    # Reading --------------------------------------------------------------------------------

    def columns(self, first: int, width: int, n: int) -> Columns:
        """What sums were in `n` columns of `width` seconds each, from second `first` on.

        `first` is a multiple of `width`, as `step` gives it.
        """
        level = _level(width)
        for below in range(level):
            self._sum_up(below)
        length = FAN**level
        blocks = self._read(level, first // length, n * width // length)
        total, known, least, most = _merged(blocks, n)
        mean = np.divide(total, known, out=np.full_like(total, np.nan), where=known > 0)
        is_known = known > 0
        return Columns(np.where(is_known, least, np.nan), mean, np.where(is_known, most, np.nan))

    def _read(self, level: int, first: int, n: int) -> Floats:
        """Blocks of a level, of shape (4, sums, n); where it has none, those of the next."""
        found = _nothing(self.n_rows, n)
        n_gone = min(max(self._first_page[level] * PAGE_BLOCKS - first, 0), n)
        if n_gone and level < len(self._blocks):
            self._sum_up(level)
            begin, end = first // FAN, -(-(first + n_gone) // FAN)
            above = np.repeat(self._read(level + 1, begin, end - begin), FAN, axis=2)
            found[:, :, :n_gone] = above[:, :, first - begin * FAN :][:, :, :n_gone]
        for number, here, there in _pages(first + n_gone, first + n):
            page = self._figures(level, number)
            if page is not None:
                found[:, :, there.start - first : there.stop - first] = page[:, :, here]
        return found


def _add_to(page: _Seconds, cell: Indices, value: Floats, sign: int) -> None:
    shape = page.value.shape
    page.value += np.bincount(cell, value, page.value.size).reshape(shape)
    n = np.bincount(cell, minlength=page.n.size).reshape(shape)
    page.n += (sign * n).astype(np.int32)


def step(least_s: float) -> int:
    """The shortest column of at least `least_s` seconds: so many blocks of a level as fit."""
    width = 1
    while width * FAN <= least_s and width < FAN ** (N_LEVELS - 1):
        width *= FAN
    return width * max(-int(-least_s // width), 1)


def _level(width: int) -> int:
    """The coarsest level that columns so wide are made of."""
    level = 0
    while level < N_LEVELS - 1 and width % FAN ** (level + 1) == 0:
        level += 1
    return level


def _pages(first: int, end: int) -> Iterator[tuple[int, slice, slice]]:
    """Pages that blocks lie in: number, which of its blocks, and which they are of all."""
    while first < end:
        number, begin = divmod(first, PAGE_BLOCKS)
        until = min(end, (number + 1) * PAGE_BLOCKS)
        yield number, slice(begin, begin + until - first), slice(first, until)
        first = until


def _nothing(n_rows: int, n: int) -> Floats:
    """Blocks that nothing is known of."""
    found = np.zeros((4, n_rows, n))
    found[_LEAST], found[_MOST] = np.inf, -np.inf
    return found


def _merged(blocks: Floats, n: int) -> Floats:
    """`n` blocks, each of equally many."""
    _, n_rows, n_blocks = blocks.shape
    if not n:
        return blocks
    parts = blocks.reshape(4, n_rows, n, n_blocks // n)
    merged = np.empty((4, n_rows, n))
    parts[: _KNOWN + 1].sum(axis=3, out=merged[: _KNOWN + 1])
    parts[_LEAST].min(axis=2, out=merged[_LEAST])
    parts[_MOST].max(axis=2, out=merged[_MOST])
    return merged
