"""The wall clock: the only place of the desktop that reads it. No Qt, so every command can."""

from __future__ import annotations

import time


def wall_ns() -> int:
    """Nanoseconds since the epoch."""
    return time.time_ns()
