"""Links whose messages are literals, and what comes by them."""

from __future__ import annotations

import numpy as np

from daskscope.store.schema import (
    SPAN_COLUMNS,
    Definitions,
    Message,
    SourceStatus,
    SpanBatch,
    TextColumn,
)

SECOND = 1_000_000_000
WALL = 1_700_000_000 * SECOND


class Link:
    """A link whose messages are literals."""

    def __init__(self) -> None:
        self.messages: list[Message] = [
            SourceStatus(is_live=True),
            Definitions(
                strings=("", "inc"),
                resources=({"service.name": "dask-worker", "host.name": "node"},),
                traces=(bytes(15) + b"\1",),
            ),
        ]
        self.is_closed = False

    def drain(self, budget_s: float) -> list[Message]:
        assert budget_s >= 0
        messages, self.messages = self.messages, []
        return messages


def spans(n: int, end_ns: int) -> SpanBatch:
    """`n` finished tasks of 1 ms, one after the other; the last one ends at `end_ns`."""
    columns = {name: np.zeros(n, dtype) for name, dtype in SPAN_COLUMNS.items()}
    columns["end_ns"] += end_ns - np.arange(n)[::-1] * 1_000_000
    columns["start_ns"] += columns["end_ns"] - 1_000_000
    columns["name"] += np.uint32(1)
    columns["thread"] += 7
    columns["span_id"] = np.arange(1, n + 1, dtype="u8")
    columns["run_id"] = np.arange(n, dtype="i4")
    return SpanBatch(columns, TextColumn.of(f"inc-{i}" for i in range(n)))
