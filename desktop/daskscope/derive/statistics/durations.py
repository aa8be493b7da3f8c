"""Quantiles of durations from a log histogram that keeps the mean of each class.

Classes are a 128th of a doubling wide. A quantile is taken between the two durations that surround
its rank, as numpy's default does, with the mean of its class in place of a duration: it is exact
where a class holds one duration, and else at most 2**(1 / 128) - 1, 0.54 %, beside the truth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from daskscope.derive.statistics.sums import Floats, Int64s

N_PER_OCTAVE: Final = 128
#: Bits that hold any class: 63 doublings.
CLASS_BITS: Final = 13


def classes(duration_ns: Int64s) -> Int64s:
    """Class of each duration; below 1 ns it is 0."""
    octaves = np.log2(np.maximum(duration_ns, 1).astype(np.float64))
    return (octaves * N_PER_OCTAVE).astype(np.int64)


def class_start_ns(number: float) -> float:
    """The least duration of a class, or of a share of one."""
    return float(2.0 ** (number / N_PER_OCTAVE))


def quantiles(
    group: npt.NDArray[np.intp],
    n_groups: int,
    n: Floats,
    mean_ns: Floats,
    shares: tuple[float, ...],
) -> Floats:
    """Quantiles of several groups of durations.

    Parameters
    ----------
    group
        Number of the group of each class, rising; within a group classes rise.
    n_groups
        Groups; one without classes has NaN.
    n, mean_ns
        float64: durations in each class, at least 1, and their mean.
    shares
        Each in 0..1.

    Returns
    -------
    ndarray
        float64, shape (len(shares), n_groups).
    """
    result = np.full((len(shares), n_groups), np.nan)
    if not len(group):
        return result
    reached = np.cumsum(n)
    total = np.bincount(group, n, n_groups)
    before = np.concatenate([[0.0], np.cumsum(total)[:-1]])
    is_full = total > 0
    for i, share in enumerate(shares):
        rank = (total[is_full] - 1) * share
        low = np.floor(rank)
        high = np.minimum(low + 1, total[is_full] - 1)
        values = [
            mean_ns[np.searchsorted(reached, before[is_full] + at, side="right")]
            for at in (low, high)
        ]
        result[i, is_full] = values[0] + (values[1] - values[0]) * (rank - low)
    return result
