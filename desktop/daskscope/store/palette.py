"""Palette slots of task prefixes: stable from run to run, free of collisions while there is room.

A prefix starts at a stable hash modulo 8 and takes the next free of the first eight slots, then the
others in order; it keeps its slot for the life of the store. Slots count from 0. Slot n has the
colour of slot n modulo 20; which pattern tells them apart is the views' business.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from daskscope.store.schema import Array

#: Slots in which a prefix is looked for by its hash: the colours that are farthest apart.
N_HASHED: Final = 8
NO_SLOT: Final = -1


class Palette:
    """Hands out slots to string ids of prefixes.

    Attributes
    ----------
    prefixes
        String ids in order of first appearance.
    """

    def __init__(self) -> None:
        self.prefixes: list[int] = []
        self._slot_of = np.full(256, NO_SLOT, np.int32)
        self._is_taken = [False] * N_HASHED
        self._n_later = 0

    def slots(self, names: Array) -> npt.NDArray[np.int32]:
        """Slots of string ids; -1 for what is no prefix."""
        names = names.view(np.uint32)
        self._reserve(int(names.max(initial=0)) + 1)
        slots: npt.NDArray[np.int32] = self._slot_of[names]
        return slots

    def add(self, string_id: int, name: str) -> None:
        """Give `name` a slot, unless it has one."""
        self._reserve(string_id + 1)
        if self._slot_of[string_id] != NO_SLOT:
            return
        # Who reads it keeps the old array.
        self._slot_of = self._slot_of.copy()
        self._slot_of[string_id] = self._free_slot(name)
        self.prefixes.append(string_id)

    def slot_of(self, n_strings: int) -> npt.NDArray[np.int32]:
        """Slot by string id, of the first `n_strings` strings; never written again."""
        self._reserve(n_strings)
        return self._slot_of[:n_strings]

    def _free_slot(self, name: str) -> int:
        first = zlib.crc32(name.encode("utf-8", "replace")) % N_HASHED
        for step in range(N_HASHED):
            slot = (first + step) % N_HASHED
            if not self._is_taken[slot]:
                self._is_taken[slot] = True
                return slot
        self._n_later += 1
        return N_HASHED + self._n_later - 1

    def _reserve(self, n_strings: int) -> None:
        if n_strings > len(self._slot_of):
            n_more = max(n_strings, 2 * len(self._slot_of)) - len(self._slot_of)
            self._slot_of = np.concatenate([self._slot_of, np.full(n_more, NO_SLOT, np.int32)])
