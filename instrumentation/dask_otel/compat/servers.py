"""What schedulers and workers keep to themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distributed.core import Server


def tick_interval_s(server: Server) -> float:
    """Mean time between two ticks of the event loop, as the heartbeat reports it.

    Dask reads the clock, which may be set back meanwhile.
    """
    return max(0.0, float(server._tick_interval_observed))
