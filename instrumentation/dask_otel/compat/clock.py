"""The clock: the only place that reads the time of day."""

from __future__ import annotations

import time

#: Seconds since the epoch on this machine's clock.
now_s = time.time


def after(start_s: float) -> float:
    """Now, and not before `start_s`: somebody may have set the clock back since then."""
    return max(start_s, now_s())
