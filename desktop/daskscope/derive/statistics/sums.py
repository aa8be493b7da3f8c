"""Sums by key: of some rows, and of many such sums added up.

Adding costs what is added, not what is there: a key is looked up once, when its sums are made, and
keeps its place for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums by key.

    Attributes
    ----------
    key
        int64, shape (n,): distinct keys, rising.
    value
        float64, shape (k, n): k sums for each key; counts and nanoseconds are exact to 2**53.
    most
        float64, shape (n,): the greatest of one value for each key.
    """

    key: Int64s
    value: Floats
    most: Floats

    def __len__(self) -> int:
        return len(self.key)


def in_order(number: npt.NDArray[np.integer]) -> npt.NDArray[np.intp]:
    """A stable order of ids that are not negative; small ones are sorted in linear time."""
    is_small = len(number) and int(number.max()) < 1 << 16
    return np.argsort(number.astype(np.uint16) if is_small else number, kind="stable")


def empty(n_values: int) -> Sums:
    """No keys."""
    return Sums(np.empty(0, np.int64), np.empty((n_values, 0)), np.empty(0))


def summed(key: Int64s, value: Floats, most: Floats) -> Sums:
    """Sums of rows by their keys: `key` (n,) in any order, `value` (k, n), `most` (n,)."""
    if not len(key):
        return empty(len(value))
    order = in_order(key)
    return summed_in_order(key[order], value[:, order], most[order])


def summed_in_order(key: Int64s, value: Floats, most: Floats) -> Sums:
    """The same of at least one row, whose keys rise."""
    begins = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
    return Sums(
        key[begins], np.add.reduceat(value, begins, axis=1), np.maximum.reduceat(most, begins)
    )


def joined(parts: Sequence[Sums]) -> Sums:
    """Sums of sums; at least one part."""
    if len(parts) == 1:
        return parts[0]
    return summed(
        np.concatenate([part.key for part in parts]),
        np.concatenate([part.value for part in parts], axis=1),
        np.concatenate([part.most for part in parts]),
    )


class Places:
    """Gives keys dense places in order of their first appearance."""

    def __init__(self) -> None:
        self._keys = np.empty(0, np.int64)
        self._places = np.empty(0, np.intp)

    def __len__(self) -> int:
        return len(self._keys)

    def of(self, key: Int64s) -> npt.NDArray[np.intp]:
        """Places of distinct keys that rise; new ones get the next."""
        if len(self._keys):
            at = np.minimum(np.searchsorted(self._keys, key), len(self._keys) - 1)
            fresh = key[self._keys[at] != key]
        else:
            fresh = key
        if len(fresh):
            first = len(self._keys)
            keys = np.concatenate([self._keys, fresh])
            order = np.argsort(keys, kind="stable")
            places = np.concatenate([self._places, np.arange(first, len(keys))])
            self._keys, self._places = keys[order], places[order]
        return self._places[np.searchsorted(self._keys, key)]

    def in_order(self) -> tuple[Int64s, npt.NDArray[np.intp]]:
        """All keys, rising, and the place of each."""
        return self._keys, self._places


@dataclass(frozen=True, slots=True)
class Placed:
    """Sums whose keys have been looked up."""

    place: npt.NDArray[np.intp]
    sums: Sums


class Sheet:
    """Adds up sums whose keys have places in `places`.

    Parameters
    ----------
    n_values
        Sums for each key.
    places
        Shared by all sheets of one kind, so that what is placed once can be added to any.
    """

    def __init__(self, n_values: int, places: Places) -> None:
        self._places = places
        self._value = np.zeros((n_values, 64))
        self._most = np.zeros(64)
        self._is_used = np.zeros(64, np.bool_)

    def placed(self, sums: Sums) -> Placed:
        """Look the keys of some sums up."""
        return Placed(self._places.of(sums.key), sums)

    def add(self, placed: Placed) -> None:
        """Add sums."""
        lacking = len(self._places) - len(self._most)
        if lacking > 0:
            room = max(lacking, len(self._most))
            self._value = np.pad(self._value, ((0, 0), (0, room)))
            self._most = np.pad(self._most, (0, room))
            self._is_used = np.pad(self._is_used, (0, room))
        place, sums = placed.place, placed.sums
        self._value[:, place] += sums.value
        self._most[place] = np.maximum(self._most[place], sums.most)
        self._is_used[place] = True

    def total(self) -> Sums:
        """What was added so far."""
        key, place = self._places.in_order()
        is_here = place < len(self._most)
        key, place = key[is_here], place[is_here]
        is_here = self._is_used[place]
        key, place = key[is_here], place[is_here]
        return Sums(key, self._value[:, place], self._most[place])
