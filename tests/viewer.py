"""What a window would hold of a link, without a window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from daskscope.store.inquiry import Dependents, SpanDetails
from daskscope.store.schema import Definitions, SourceStatus, SpanBatch
from tests.telemetry import span_id
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from daskscope.ingest.link import LinkClient
    from daskscope.ingest.source import Source
    from daskscope.store.inquiry import Answer
    from daskscope.store.schema import Message


class Window:
    """What a window would hold: everything that one link has brought."""

    def __init__(self, source: Source | LinkClient) -> None:
        self._source = source
        self.status = SourceStatus(is_live=True, progress=0.0)
        self.strings: list[str] = []
        self.resources: list[Any] = []
        self.traces: list[bytes] = []
        self.series: list[Any] = []
        self.batches: list[Message] = []
        self.answers: list[Answer] = []

    def drain(self) -> None:
        for message in self._source.drain(0.05):
            if isinstance(message, SourceStatus):
                self.status = message
            elif isinstance(message, Definitions):
                self._define(message)
            elif isinstance(message, SpanDetails | Dependents):
                self.answers.append(message)
            else:
                self.batches.append(message)

    def _define(self, new: Definitions) -> None:
        """Nothing comes twice and nothing is left out."""
        tables: tuple[tuple[int, tuple[Any, ...], list[Any]], ...] = (
            (new.strings_base, new.strings, self.strings),
            (new.resources_base, new.resources, self.resources),
            (new.traces_base, new.traces, self.traces),
            (new.series_base, new.series, self.series),
        )
        for base, entries, table in tables:
            assert base == len(table) or not entries
            table.extend(entries)

    def column(self, name: str) -> list[int]:
        spans = [batch.columns[name] for batch in self.batches if isinstance(batch, SpanBatch)]
        return np.concatenate(spans).tolist() if spans else []

    def wait_for_spans(self, n: int) -> list[int]:
        """The ids of spans, when there are n of them."""

        def is_there() -> bool:
            self.drain()
            spans = (batch for batch in self.batches if isinstance(batch, SpanBatch))
            return sum(len(batch.columns["span_id"]) for batch in spans) >= n

        wait_for(is_there)
        return self.column("span_id")

    def wait_for_status(self, is_wanted: Callable[[SourceStatus], bool]) -> SourceStatus:
        """The first status that is wanted."""

        def is_there() -> bool:
            self.drain()
            return is_wanted(self.status)

        wait_for(is_there)
        return self.status


def ids(n: int, first: int = 0) -> list[int]:
    """The ids of the spans of `tests.telemetry.tasks`, as the store has them."""
    return [int.from_bytes(span_id(number), "big") for number in range(first, first + n)]
