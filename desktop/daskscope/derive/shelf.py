"""Memory of pictures that are no longer shown, kept for the next ones.

A picture takes tens of megabytes. Given back to the system and asked for again, they cost more than
what is written to them; so they are wiped, in slices, and used again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

#: A picture, the one that stands in for it, and one for the next.
_MOST_KEPT: Final = 2
#: Numbers that are wiped at once: less than a millisecond's work.
_SLICE: Final = 1 << 19
#: More is taken than is asked for, so that a picture with some rows more fits as well.
_MARGIN: Final = 1.15


class Shelf:
    """Flat arrays of zeros, and those that are to be wiped."""

    def __init__(self) -> None:
        self._clean: list[Floats] = []
        #: Each with how many of its first numbers are not zero.
        self._worn: list[tuple[Floats, int]] = []

    @property
    def is_clean(self) -> bool:
        """Whether nothing is to be wiped."""
        return not self._worn

    def take(self, n: int) -> Floats:
        """At least `n` zeros: float32."""
        fitting = [i for i, memory in enumerate(self._clean) if len(memory) >= n]
        return self._clean.pop(fitting[0]) if fitting else np.zeros(round(n * _MARGIN), np.float32)

    def give(self, memory: Floats, n_used: int) -> None:
        """Take back what `take` gave; only the first `n_used` numbers were written to."""
        self._worn.append((memory, n_used))
        if len(self._worn) + len(self._clean) > _MOST_KEPT:
            (self._clean or self._worn).pop(0)

    def wipe(self, may_go_on: Callable[[], bool]) -> None:
        """Write zeros until there is nothing left to wipe or `may_go_on` says no."""
        while self._worn:
            memory, n_used = self._worn.pop()
            first = max(n_used - _SLICE, 0)
            memory[first:n_used] = 0
            if first:
                self._worn.append((memory, first))
            else:
                self._clean.append(memory)
            if not may_go_on():
                return
