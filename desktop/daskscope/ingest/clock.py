"""The wall clock of processes without a window; `app.clock` is the window's."""

from __future__ import annotations

import time


def wall_ns() -> int:
    """Nanoseconds since the epoch."""
    return time.time_ns()
