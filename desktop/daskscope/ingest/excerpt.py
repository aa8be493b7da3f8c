"""Part of a recording: what of its messages lies within some time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from daskscope.ingest.spans import taken, taken_texts
from daskscope.store.schema import (
    Array,
    EventBatch,
    PointBatch,
    RunningBatch,
    SpanBatch,
)

if TYPE_CHECKING:
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

    A recording starts where the first of the spans starts that came first.
    """

    def __init__(self, excerpt: Excerpt) -> None:
        self._excerpt = excerpt
        self._since_ns = 0
        self._until_ns = _LATEST_NS
        self._is_placed = excerpt.is_whole

    def end_ns(self, ends_ns: int) -> int:
        """When the part ends of a recording that ends at `ends_ns`; 0 where it is not known."""
        return min(ends_ns, self._until_ns) if self._is_placed else 0

    def cut(self, message: Message) -> Message | None:
        """What of a message lies within the time; None when nothing does."""
        if isinstance(message, SpanBatch):
            self._place(message)
            start_ns = message.columns["start_ns"].view(np.int64)
            end_ns = message.columns["end_ns"].view(np.int64)
            is_in = (end_ns >= self._since_ns) & (start_ns <= self._until_ns)
            return taken(message, is_in) if is_in.any() else None
        if isinstance(message, PointBatch):
            is_in = self._is_in(message.columns["time_ns"])
            columns = {name: column[is_in] for name, column in message.columns.items()}
            return PointBatch(columns) if is_in.any() else None
        if isinstance(message, EventBatch):
            is_in = self._is_in(message.columns["time_ns"])
            columns = {name: column[is_in] for name, column in message.columns.items()}
            bodies, attributes = message.bodies, message.attributes
            texts = taken_texts(bodies, is_in), taken_texts(attributes, is_in)
            return EventBatch(columns, *texts) if is_in.any() else None
        if isinstance(message, RunningBatch):
            # What ran at the end of a part has ended since.
            return message if self._until_ns == _LATEST_NS else None
        return message

    def _place(self, first: SpanBatch) -> None:
        if self._is_placed:
            return
        self._is_placed = True
        start_ns = int(first.columns["start_ns"].view(np.int64).min())
        self._since_ns = start_ns + round(self._excerpt.since_s * 1e9)
        if self._excerpt.until_s is not None:
            self._until_ns = start_ns + round(self._excerpt.until_s * 1e9)

    def _is_in(self, time_ns: Array) -> npt.NDArray[np.bool_]:
        times = time_ns.view(np.int64)
        is_in: npt.NDArray[np.bool_] = (times >= self._since_ns) & (times <= self._until_ns)
        return is_in
