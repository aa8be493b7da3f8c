"""OpenTelemetry instrumentation of Dask: `dask scheduler --preload dask_otel`.

Dask's preloading imports this package by name and calls the two functions below with the scheduler
or the worker. Importing the package, or `dask_otel.conventions`, loads neither Dask nor the
OpenTelemetry SDK: the desktop does that for the names alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distributed import Scheduler, Worker

__all__ = ["dask_setup", "dask_teardown"]


async def dask_setup(server: Scheduler | Worker) -> None:
    """Start the instrumentation of `server`; called by Dask when it preloads this module."""
    from dask_otel import preload

    await preload.dask_setup(server)


async def dask_teardown(server: Scheduler | Worker) -> None:
    """Send what is left and stop; called by Dask when `server` closes."""
    from dask_otel import preload

    await preload.dask_teardown(server)
