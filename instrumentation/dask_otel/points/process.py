"""Points that the scheduler and every worker have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dask_otel import conventions as names
from dask_otel.compat import servers

if TYPE_CHECKING:
    from distributed.core import Server

    from dask_otel.points.values import Points


def process(server: Server) -> Points:
    """Points that the scheduler and every worker have."""
    recent = server.monitor.recent()
    points: Points = {
        (names.CPU_USAGE, ()): recent["cpu"] / 100.0,
        (names.PROCESS_MEMORY, ()): int(recent["memory"]),
        (names.EVENT_LOOP_LAG, ()): servers.tick_interval_s(server),
    }
    if "num_fds" in recent:  # not on Windows
        points[names.OPEN_FILES, ()] = int(recent["num_fds"])
    return points
