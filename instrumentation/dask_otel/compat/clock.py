"""The clock: the only place that reads the time of day."""

from __future__ import annotations

import time


def now_s() -> float:
    """Seconds since the epoch on this machine's clock."""
    return time.time()
