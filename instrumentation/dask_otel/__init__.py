"""OpenTelemetry instrumentation of Dask: `dask scheduler --preload dask_otel`.

Dask's preloading imports this package by name and calls the two functions below with the scheduler,
the worker or the client. Importing the package, or `dask_otel.conventions`, loads neither Dask nor
the OpenTelemetry SDK: the desktop does that for the names alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distributed.core import Server

    from dask_otel.plugins import SchedulerInstrumentation as SchedulerInstrumentation
    from dask_otel.plugins import WorkerInstrumentation as WorkerInstrumentation

_PLUGINS = ("SchedulerInstrumentation", "WorkerInstrumentation")

__all__ = ["SchedulerInstrumentation", "WorkerInstrumentation", "dask_setup", "dask_teardown"]


def __getattr__(name: str) -> object:
    """Dask's plugins, for `client.register_plugin`; loaded when they are asked for."""
    if name in _PLUGINS:
        from dask_otel import plugins

        return getattr(plugins, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


async def dask_setup(server: Server) -> None:
    """Start the instrumentation of `server`; called by Dask when it preloads this module."""
    from dask_otel import preload

    await preload.dask_setup(server)


async def dask_teardown(server: Server) -> None:
    """Send what is left and stop; called by Dask when `server` closes."""
    from dask_otel import preload

    await preload.dask_teardown(server)
