"""Which spans a picture takes: those that a filter shows, or those that are lit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from daskscope.derive.matches import Mark

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from daskscope.derive.matches import Marks
    from daskscope.derive.sieve import Sieve
    from daskscope.store.chunk import Chunk, Rows
    from daskscope.store.pyramid import Level

    Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """What a picture asks about spans.

    Attributes
    ----------
    sieve
        The filter; None shows everything.
    marks
        Take only rows that are `LIT` in them, as far as rows are known; None takes all that the
        filter shows. What is lit is never hidden, so one of both is enough.
    """

    sieve: Sieve | None = None
    marks: Marks | None = None

    def n_known(self, chunk: Chunk) -> int:
        """Rows of a chunk, from the first on, of which is known whether they are taken."""
        return len(chunk) if self.marks is None else len(self.marks.rows(chunk.number))

    @property
    def takes_cells(self) -> bool:
        """Whether cells of a pyramid tell enough."""
        return self.marks is None and (self.sieve is None or not self.sieve.needs_rows)

    def cells(self, level: Level) -> Bools | None:
        """Which cells are taken; None for all."""
        return self.sieve.cells(level) if self.sieve is not None else None

    def rows(self, chunk: Chunk, rows: Rows | slice) -> Bools | None:
        """Which rows are taken; None for all."""
        if self.marks is not None:
            is_lit: Bools = self.marks.rows(chunk.number)[rows] == Mark.LIT.value
            return is_lit
        return self.sieve.rows(chunk, rows) if self.sieve is not None else None


EVERYTHING = Choice()
