"""Where in the run something lies: at most 2,048 stretches of equal length, each hit or not.

When the run outgrows them, neighbours are joined and stretches are twice as long, so that adding
costs what is added and memory never grows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

N_STRETCHES: Final = 2_048
#: Stretches begin with 1.05 ms.
_FIRST_WIDTH_NS: Final = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """Stretches of time from `start_ns` on, each of `width_ns`.

    Attributes
    ----------
    is_hit
        bool, shape (`N_STRETCHES`,): something lies in the stretch.
    """

    start_ns: int
    width_ns: int
    is_hit: npt.NDArray[np.bool_]

    def columns(self, first_ns: int, ns_per_px: float, width_px: int) -> npt.NDArray[np.intp]:
        """Pixel columns in which something lies, of a view that begins at `first_ns`."""
        hit = np.flatnonzero(self.is_hit)
        middle_ns = self.start_ns - first_ns + (hit + 0.5) * self.width_ns
        x_px = np.unique((middle_ns / ns_per_px).astype(np.intp))
        return x_px[(x_px >= 0) & (x_px < width_px)]


NOWHERE: Final = Spread(0, _FIRST_WIDTH_NS, np.zeros(N_STRETCHES, np.bool_))


def added(spread: Spread, time_ns: npt.NDArray[np.int64]) -> Spread:
    """`spread` with some more times: itself where they are in it already."""
    if not len(time_ns):
        return spread
    first_ns, last_ns = int(time_ns.min()), int(time_ns.max())
    start_ns, width_ns, is_hit = spread.start_ns, spread.width_ns, spread.is_hit
    hit = np.flatnonzero(is_hit)
    if not len(hit):
        start_ns = first_ns
    known_last_ns = start_ns + (int(hit[-1]) if len(hit) else 0) * width_ns
    first_ns, last_ns = min(first_ns, start_ns), max(last_ns, known_last_ns)
    # One to spare: the start moves by whole stretches.
    new_width_ns = width_ns
    while last_ns - first_ns >= (N_STRETCHES - 1) * new_width_ns:
        new_width_ns *= 2
    new_start_ns = start_ns + (first_ns - start_ns) // new_width_ns * new_width_ns
    result = np.zeros(N_STRETCHES, np.bool_)
    result[(hit * width_ns + (start_ns - new_start_ns)) // new_width_ns] = True
    result[(time_ns - new_start_ns) // new_width_ns] = True
    is_same = (new_start_ns, new_width_ns) == (spread.start_ns, width_ns)
    if is_same and np.array_equal(result, is_hit):
        return spread
    return Spread(new_start_ns, new_width_ns, result)
