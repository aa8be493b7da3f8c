"""When rows of work run that lie one after the other on lanes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Times = npt.NDArray[np.int64]


def ends_in_order(lane: Times, ready: Times, duration: Times, free: Times) -> Times:
    """When each row ends if each begins when it is ready and the one before it has ended.

    A recurrence of maxima and sums, `end[i] = max(end[i - 1], ready[i]) + duration[i]`, which a
    running sum and a running maximum solve for all lanes at once.

    Parameters
    ----------
    lane
        int64, shape (n,): rows of one lane stand together.
    ready, duration
        int64, shape (n,), in nanoseconds.
    free
        int64, shape (n lanes,): when each lane becomes free.
    """
    if not len(lane):
        return np.empty(0, np.int64)
    is_first = np.ones(len(lane), np.bool_)
    is_first[1:] = lane[1:] != lane[:-1]
    run = np.cumsum(is_first) - 1
    total = np.cumsum(duration)
    before = total - duration
    before -= before[is_first][run]
    earliest = np.maximum(ready, free[lane]) - before
    # Runs are set so far apart that the running maximum of one does not reach into the next.
    step = int(earliest.max() - earliest.min()) + 1
    apart = run * step
    latest: Times = np.maximum.accumulate(earliest + apart) - apart
    return latest + before + duration


def rank_within(group: Times) -> Times:
    """Of each item how many of the same group stand before it; shape (n,)."""
    order = np.argsort(group, kind="stable")
    ordered = group[order]
    is_first = np.ones(len(group), np.bool_)
    is_first[1:] = ordered[1:] != ordered[:-1]
    starts = np.flatnonzero(is_first)
    rank = np.empty(len(group), np.int64)
    rank[order] = np.arange(len(group)) - np.repeat(starts, np.diff(np.append(starts, len(group))))
    return rank
