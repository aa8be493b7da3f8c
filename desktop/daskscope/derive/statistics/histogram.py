"""Durations as bars over a log axis of whole decades: all tasks, and those of one prefix."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.derive import quantity
from daskscope.derive.statistics.durations import CLASS_BITS, N_PER_OCTAVE
from daskscope.derive.statistics.table import all_classes

if TYPE_CHECKING:
    from daskscope.derive.statistics.sums import Floats, Int64s, Sums

#: Bars of a doubling, the finest first: as many as keep them to `MOST_BARS`.
_PER_OCTAVE: Final = (16, 8, 4, 2, 1)
MOST_BARS: Final = 64
#: Labels that there are at most; with more decades, every second or third has one.
_MOST_LABELS: Final = 6


@dataclass(frozen=True, slots=True)
class Histogram:
    """Numbers of tasks by duration.

    Attributes
    ----------
    decades
        First and last power of ten of the axis, in ns.
    edge_ns
        float64, shape (n + 1,): edges of the bars, each a like share of a doubling.
    n_all, n_chosen
        float64, shape (n,): tasks of all prefixes, and of the chosen one (all of them where none
        is).
    median_ns, p95_ns
        Of the chosen tasks; NaN where there are none.
    """

    decades: tuple[int, int]
    edge_ns: Floats
    n_all: Floats
    n_chosen: Floats
    median_ns: float
    p95_ns: float

    def share(self, time_ns: float) -> float:
        """Where a duration lies on the axis, 0 to 1 from end to end."""
        first, last = self.decades
        return (math.log10(max(time_ns, 1e-9)) - first) / (last - first)

    def bar_at(self, share: float) -> int:
        """The bar, drawn or not, at a place of the axis."""
        first, last = self.decades
        octaves = (first + share * (last - first)) * math.log2(10)
        return math.floor((octaves - math.log2(self.edge_ns[0])) * self.bars_per_octave)

    @property
    def bars_per_octave(self) -> int:
        """Bars of a doubling."""
        return round(1 / math.log2(self.edge_ns[1] / self.edge_ns[0]))

    def range_ns(self, first: int, last: int) -> tuple[int, int]:
        """Whole nanoseconds from the start of one bar to the end of another, end exclusive."""
        per_octave = self.bars_per_octave
        base = round(math.log2(self.edge_ns[0]) * per_octave)
        edges = (2.0 ** ((base + at) / per_octave) for at in (first, last + 1))
        start_ns, end_ns = (math.ceil(edge) for edge in edges)
        # What takes no time counts as one nanosecond.
        return (0 if start_ns <= 1 else start_ns), end_ns


def histogram(durations: Sums, chosen: int, median_ns: float, p95_ns: float) -> Histogram | None:
    """Bars of durations by name and class, `chosen` a name or -1 for all; None with no tasks."""
    if not len(durations):
        return None
    found, n, _ = all_classes(durations)
    first, last = int(found[0]), int(found[-1])
    decades = _decades(first, last)
    n_octaves = (decades[1] - decades[0]) * math.log2(10)
    per_octave = next((n for n in _PER_OCTAVE if n * n_octaves <= MOST_BARS), _PER_OCTAVE[-1])
    width = N_PER_OCTAVE // per_octave
    base, n_bars = first // width, last // width - first // width + 1
    n_all = np.bincount(found // width - base, n, n_bars).astype(np.float64)
    n_chosen = n_all
    if chosen >= 0:
        at = slice(
            *np.searchsorted(durations.key, (chosen << CLASS_BITS, chosen + 1 << CLASS_BITS))
        )
        number = (durations.key[at] & ((1 << CLASS_BITS) - 1)) // width - base
        n_chosen = _bars(number, durations.value[0, at], n_bars)
    edge_ns = 2.0 ** ((base + np.arange(n_bars + 1)) / per_octave)
    return Histogram(decades, edge_ns, n_all, n_chosen, median_ns, p95_ns)


def ticks(frame: Histogram) -> list[tuple[float, str]]:
    """Places of whole decades on the axis, with their labels."""
    first, last = frame.decades
    step = -(-(last - first + 1) // _MOST_LABELS)
    return [
        (
            (power - first) / (last - first),
            _decade_text(power) if not (power - first) % step else "",
        )
        for power in range(first, last + 1)
    ]


def _bars(number: Int64s, n: Floats, n_bars: int) -> Floats:
    return np.bincount(number, n, n_bars).astype(np.float64)


def _decades(first: int, last: int) -> tuple[int, int]:
    """Whole decades around some classes."""
    low, high = (at / N_PER_OCTAVE * math.log10(2) for at in (first + 1, last))
    return math.floor(low), max(math.ceil(high), math.floor(low) + 1)


def _decade_text(power: int) -> str:
    """A power of ten of nanoseconds: `10 ms`; from 1000 s on as a clock has it."""
    if power >= 12:
        return quantity.duration(10.0**power)
    unit = ("ns", "µs", "ms", "s")[min(power // 3, 3)]
    return f"{10 ** (power - 3 * min(power // 3, 3))}{quantity.THIN}{unit}"
