"""How long those that end wait for an endpoint, one after the other and all together.

A cluster closes its clients, then its workers, then its scheduler. What one of them has waited, the
next need not wait again: otherwise an endpoint that answers late would hold up a cluster for each.
"""

from __future__ import annotations

import os
from collections import deque
from threading import Lock
from time import monotonic
from typing import Final

#: Time for what is still to be sent when a cluster closes, all parts of it together.
LAST_S: Final = 1.2
#: Each has at least this, which is much for an endpoint that is well.
LEAST_S: Final = 0.2
#: Who ends longer after the others is not of the same ending.
LATELY_S: Final = 3.0


class _Patience:
    """What those in this process have waited, and those elsewhere of whom it has heard."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew; also in a process that was forked."""
        self._lock = Lock()
        #: Times (monotonic) from and until when, which do not overlap, from old to new.
        self._waits: deque[tuple[float, float]] = deque()

    def left_s(self) -> float:
        """How long may still be waited."""
        since_s = monotonic() - LATELY_S
        with self._lock:
            while self._waits and self._waits[0][1] < since_s:
                self._waits.popleft()
            waited_s = sum(until_s - from_s for from_s, until_s in self._waits)
        return max(LAST_S - waited_s, LEAST_S)

    def spend(self, waited_s: float) -> None:
        until_s = monotonic()
        from_s = until_s - waited_s
        with self._lock:
            while self._waits and self._waits[-1][1] >= from_s:
                from_s = min(from_s, self._waits.pop()[0])
            self._waits.append((from_s, until_s))


_patience: Final = _Patience()


def left_s() -> float:
    """How long who ends now may wait."""
    return _patience.left_s()


def spend(waited_s: float) -> None:
    """Note that somebody has waited so long until now."""
    _patience.spend(waited_s)


def forget() -> None:
    """Note that nobody has waited."""
    _patience.forget()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=forget)
