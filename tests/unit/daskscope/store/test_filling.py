"""The chunk that is being filled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from daskscope.store.chunk import CHUNK_COLUMNS
from daskscope.store.filling import FillingChunk
from daskscope.store.schema import TextColumn

if TYPE_CHECKING:
    from daskscope.store.schema import Array


def columns(first: int, last: int) -> dict[str, Array]:
    """Rows that differ in each column."""
    return {name: np.arange(first, last).astype(dtype) for name, dtype in CHUNK_COLUMNS.items()}


@pytest.mark.parametrize("width", [0, 7, 30, 1_000])
def test_rows_stay_as_they_were_whatever_memory_is_made_ready_for_more(width: int) -> None:
    """Keys of a thousand bytes are more than there is room for at first."""

    def keys(first: int, last: int) -> list[str]:
        return [str(row)[:width].ljust(width, "k") for row in range(first, last)]

    filling, n = FillingChunk(0), 0
    for size in (1, 700, 3, 2_000, 50, 3_000):
        filling.add(columns(n, n + size), TextColumn.of(keys(n, n + size)))
        n += size
        filling.provide()
    for chunk in (filling.frozen(), filling.full()):
        for name, expected in columns(0, n).items():
            assert np.array_equal(chunk.columns[name], expected)
        assert [chunk.keys[row] for row in range(n)] == keys(0, n)
