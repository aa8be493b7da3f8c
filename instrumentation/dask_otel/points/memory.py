"""Dask's split of a worker's memory, made to add up to the process as its `MemoryState` does."""

from __future__ import annotations

from collections import deque

from dask_otel import conventions as names


class MemorySplit:
    """Splits the memory of one worker.

    Parameters
    ----------
    recent_s
        How long memory that Dask does not manage counts as recent.
    """

    def __init__(self, recent_s: float) -> None:
        self._unmanaged = Minimum(recent_s)

    def of(self, now_s: float, process: int, held: int, on_disk: int) -> dict[str, int]:
        """Bytes by type.

        Parameters
        ----------
        now_s
            Time of the reading.
        process
            Resident set size.
        held
            What Dask estimates its values in memory to take.
        on_disk
            What it has spilled.
        """
        managed = min(process, max(0, held))
        oldest = self._unmanaged.update(now_s, max(0, process - held))
        unmanaged_old = min(oldest, process - managed)
        return {
            names.MEMORY_MANAGED: managed,
            names.MEMORY_UNMANAGED_OLD: unmanaged_old,
            names.MEMORY_UNMANAGED_RECENT: process - managed - unmanaged_old,
            names.MEMORY_SPILLED: on_disk,
        }


class Minimum:
    """Smallest of the values seen in the last `window_s` seconds, in constant time per value."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._rising: deque[tuple[float, int]] = deque()

    def update(self, now_s: float, value: int) -> int:
        """Add `value`, forget what is too old, and return the smallest."""
        rising = self._rising
        while rising and rising[-1][1] >= value:
            rising.pop()
        rising.append((now_s, value))
        while rising[0][0] < now_s - self._window_s:
            rising.popleft()
        return rising[0][1]
