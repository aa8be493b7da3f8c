"""Which spans have been seen before, over the whole history, at 8 bytes a span.

A sender that gets no answer sends again, so spans come more than once. A span is known by 64 bits
mixed from its trace id and span id: among ten million spans, two different ones look alike with a
probability of 3e-6. Keys lie in sorted runs that are merged as they grow, each at least four times
as long as the next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

Keys = npt.NDArray[np.uint64]

# Odd constants of the mixer of SplitMix64 (Steele, Lea, Flood 2014).
_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def _mixed(keys: Keys) -> Keys:
    keys = (keys ^ (keys >> np.uint64(30))) * _MIX_1
    keys = (keys ^ (keys >> np.uint64(27))) * _MIX_2
    return keys ^ (keys >> np.uint64(31))


def trace_hashes(traces: Sequence[bytes]) -> Keys:
    """64 bits for each trace id of 16 bytes."""
    halves = np.frombuffer(b"".join(traces), "<u8").astype(np.uint64).reshape(-1, 2)
    return _mixed(_mixed(halves[:, 0] + _GAMMA) ^ halves[:, 1])


def span_keys(trace_hash: Keys, span_id: Keys) -> Keys:
    """64 bits for each span."""
    return _mixed(trace_hash ^ (span_id + _GAMMA))


class Seen:
    """The spans that were accepted."""

    def __init__(self) -> None:
        self._runs: list[Keys] = []

    def __len__(self) -> int:
        return sum(len(run) for run in self._runs)

    def is_new(self, keys: Keys) -> npt.NDArray[np.bool_]:
        """For each key whether it was not added before; of equal ones the first is new."""
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        fresh = np.ones(len(keys), np.bool_)
        fresh[1:] = ordered[1:] != ordered[:-1]
        for run in self._runs:
            at = np.searchsorted(run, ordered)
            at[at == len(run)] = 0
            fresh &= run[at] != ordered
        result = np.empty(len(keys), np.bool_)
        result[order] = fresh
        return result

    def add(self, keys: Keys) -> None:
        """Remember keys, all of them new."""
        if not len(keys):
            return
        run = np.sort(keys)
        while self._runs and len(self._runs[-1]) < 4 * len(run):
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")
        self._runs.append(run)
