"""Memory of pictures that are no longer shown, kept for the next ones.

A picture takes tens of megabytes. Given back to the system and asked for again, they cost more than
what is written to them; so they are wiped where they were written to, in slices, and used again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

#: Beside the picture that is shown and the one that stands in for it.
_MOST_KEPT: Final = 2
#: More is taken than is asked for, so that a picture with some rows more fits as well.
_MARGIN: Final = 1.15


@dataclass(frozen=True, slots=True)
class Worn:
    """Memory that is to be wiped.

    Attributes
    ----------
    memory
        All of it, flat.
    parts
        Views of it that were written to, each a millisecond's work; they become fewer.
    """

    memory: Floats
    parts: list[Floats]

    def wipe(self) -> None:
        """Write zeros to one part."""
        if self.parts:
            self.parts.pop()[...] = 0


class Shelf:
    """Flat arrays of zeros, and those that are to be wiped."""

    def __init__(self) -> None:
        self._clean: list[Floats] = []
        self._worn: list[Worn] = []

    @property
    def is_clean(self) -> bool:
        """Whether nothing is to be wiped."""
        return not self._worn

    @property
    def is_empty(self) -> bool:
        """Whether the next picture would have to ask the system for memory."""
        return not self._worn and not self._clean

    def take(self, n: int) -> Floats:
        """At least `n` zeros: float32.

        What is worn is wiped at once: even that takes less than new memory.
        """
        fitting = [i for i, memory in enumerate(self._clean) if len(memory) >= n]
        if fitting:
            return self._clean.pop(fitting[0])
        least = min(
            (worn for worn in self._worn if len(worn.memory) >= n),
            key=lambda worn: len(worn.parts),
            default=None,
        )
        if least is None:
            return np.zeros(round(n * _MARGIN), np.float32)
        self._worn = [worn for worn in self._worn if worn is not least]
        while least.parts:
            least.wipe()
        return least.memory

    def give(self, memory: Floats, parts: Iterable[Floats]) -> None:
        """Take back what `take` gave; only these views of it were written to."""
        self._worn.append(Worn(memory, list(parts)))
        if len(self._worn) + len(self._clean) > _MOST_KEPT:
            (self._clean or self._worn).pop(0)

    def wipe(self, may_go_on: Callable[[], bool]) -> None:
        """Wipe until there is nothing left to wipe or `may_go_on` says no."""
        while self._worn:
            worn = self._worn[-1]
            worn.wipe()
            if not worn.parts:
                self._clean.append(self._worn.pop().memory)
            if not may_go_on():
                return
