"""Part of a recording: what of its messages lies within some time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.ingest.spans import taken, taken_texts
from daskscope.store.schema import (
    Array,
    EventBatch,
    PointBatch,
    RunningWords,
    SpanBatch,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daskscope.store.schema import Message

_LATEST_NS: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Seconds since the start of a recording; `until_s` is None for its end."""

    since_s: float = 0.0
    until_s: float | None = None

    @property
    def text(self) -> str:
        """The part in words, "" for everything."""
        if self.is_whole:
            return ""
        until = "the end" if self.until_s is None else _clock(self.until_s)
        return f"{_clock(self.since_s)} to {until}"

    @property
    def is_whole(self) -> bool:
        """Nothing is left out."""
        return self.since_s <= 0 and self.until_s is None


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    whole = f"{hours}:{minutes:02d}:" if hours else f"{minutes}:"
    return f"{whole}{rest:04.1f}" if rest % 1 else f"{whole}{int(rest):02d}"


class Scissors:
    """Cuts the messages of one recording, in their order.

    A recording starts where the first of the spans starts that came first, or without spans with
    the first reading or log record that came. What comes before the first spans waits for them.
    """

    def __init__(self, excerpt: Excerpt) -> None:
        self._excerpt = excerpt
        self._since_ns = 0
        self._until_ns = _LATEST_NS
        self._is_placed = excerpt.is_whole
        self._waiting: list[PointBatch | EventBatch] = []

    def end_ns(self, ends_ns: int) -> int:
        """When the part ends of a recording that ends at `ends_ns`; 0 where it is not known."""
        return min(ends_ns, self._until_ns) if self._is_placed else 0

    def cut(self, message: Message) -> Iterator[Message]:
        """What lies within the time of a message, and of those that have waited for it."""
        if isinstance(message, SpanBatch):
            yield from self._placed(message.columns["start_ns"])
            start_ns = message.columns["start_ns"].view(np.int64)
            end_ns = message.columns["end_ns"].view(np.int64)
            is_in = (end_ns >= self._since_ns) & (start_ns <= self._until_ns)
            if is_in.any():
                yield taken(message, is_in)
        elif isinstance(message, PointBatch | EventBatch):
            if self._is_placed:
                yield from self._within(message)
            else:
                self._waiting.append(message)
        elif not isinstance(message, RunningWords) or self._excerpt.until_s is None:
            yield message  # what ran at the end of a part has ended since

    def rest(self) -> Iterator[Message]:
        """What has waited for spans that did not come."""
        if self._waiting:
            yield from self._placed(self._waiting[0].columns["time_ns"])

    def _placed(self, time_ns: Array) -> Iterator[Message]:
        """Let the recording start with the first of `time_ns`, unless it has started."""
        if not self._is_placed:
            self._is_placed = True
            start_ns = int(time_ns.view(np.int64).min())
            self._since_ns = start_ns + round(self._excerpt.since_s * 1e9)
            if self._excerpt.until_s is not None:
                self._until_ns = start_ns + round(self._excerpt.until_s * 1e9)
        waiting, self._waiting = self._waiting, []
        for message in waiting:
            yield from self._within(message)

    def _within(self, message: PointBatch | EventBatch) -> Iterator[Message]:
        times = message.columns["time_ns"].view(np.int64)
        is_in = (times >= self._since_ns) & (times <= self._until_ns)
        if not is_in.any():
            return
        columns = {name: column[is_in] for name, column in message.columns.items()}
        if isinstance(message, PointBatch):
            yield PointBatch(columns)
        else:
            texts = (taken_texts(texts, is_in) for texts in (message.bodies, message.attributes))
            yield EventBatch(columns, *texts)
