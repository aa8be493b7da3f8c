"""When each resource last said anything at all, and which have fallen silent.

A killed process says no last word, so silence is all that tells. No single series tells it: some
are sent only when they change. Whoever owns the store knows what time it is, and so since when.
Who is heard again after all, as one whose exporter sends once a minute, is given more time from
then on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from daskscope.store.snapshot import STILL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daskscope.store.schema import Array

Int64s = npt.NDArray[np.int64]

#: The longest pause that is expected again: that of OpenTelemetry's metric readers, which is 60 s
#: by default (`OTEL_METRIC_EXPORT_INTERVAL`), and some more.
MOST_PAUSE_NS: Final = 70_000_000_000
#: So many of its pauses are waited for.
_N_PAUSES: Final = 2


class Hearing:
    """What was heard last of whom, by resource id; nothing, at 0, of who is only defined."""

    def __init__(self) -> None:
        self._heard_ns: Int64s = np.zeros(0, np.int64)
        self._is_silent = np.zeros(0, np.bool_)
        #: How long each was silent before it was heard again.
        self._pause_ns: Int64s = np.zeros(0, np.int64)
        #: By series id: whose it is; those behind the first `_n_series` are room for more.
        self._speaker_of = np.zeros(0, np.uint32)
        self._n_series = 0

    def reach(self, n_resources: int, speakers: Sequence[int] = ()) -> None:
        """Know of so many resources, and of more series by the resource of each."""
        n_more = n_resources - len(self._heard_ns)
        if n_more > 0:
            self._heard_ns = np.concatenate([self._heard_ns, np.zeros(n_more, np.int64)])
            self._is_silent = np.concatenate([self._is_silent, np.zeros(n_more, np.bool_)])
            self._pause_ns = np.concatenate([self._pause_ns, np.zeros(n_more, np.int64)])
        n = self._n_series + len(speakers)
        if n > len(self._speaker_of):
            room = np.zeros(max(n, 2 * len(self._speaker_of)), np.uint32)
            room[: self._n_series] = self._speaker_of[: self._n_series]
            self._speaker_of = room
        self._speaker_of[self._n_series : n] = speakers
        self._n_series = n

    def hear(self, resource: Array, time_ns: Int64s) -> None:
        """Resources have said something, at any times."""
        speaker = resource.view(np.uint32)
        self.reach(int(speaker.max(initial=0)) + 1)
        before_ns = self._heard_ns.copy() if self._is_silent.any() else None
        np.maximum.at(self._heard_ns, speaker, time_ns)
        if before_ns is not None:
            lasted_ns = np.minimum(self._heard_ns - before_ns, MOST_PAUSE_NS) * self._is_silent
            self._pause_ns = np.maximum(self._pause_ns, lasted_ns)

    def read(self, series: Array, time_ns: Int64s) -> None:
        """The same of those whose series have points."""
        self.hear(self._speaker_of[series.view(np.uint32)], time_ns)

    def judge(self, since_ns: int) -> bool:
        """Take for silent who has said nothing since then; whether that are others than before.

        Who is known to pause has that much more time.
        """
        is_late = self._heard_ns < since_ns - _N_PAUSES * self._pause_ns
        is_silent = is_late & (self._heard_ns > 0)
        if np.array_equal(is_silent, self._is_silent):
            return False
        self._is_silent = is_silent
        return True

    def until_ns(self) -> Int64s:
        """When each was last heard of that is silent; `STILL` of the others."""
        return np.where(self._is_silent, self._heard_ns, STILL)
