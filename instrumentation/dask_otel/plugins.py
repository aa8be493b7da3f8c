"""Dask's plugins that instrument a cluster that is running: its scheduler, and its workers.

`client.register_plugin(...)` takes them, `client.unregister_..._plugin(NAME)` takes them out again.
What another way has started they leave alone, at the end as at the begin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from distributed.diagnostics.plugin import SchedulerPlugin, WorkerPlugin
from tornado.ioloop import PeriodicCallback

from dask_otel import config, preload

if TYPE_CHECKING:
    from distributed import Scheduler, Worker

    from dask_otel.config import Protocol, Settings

NAME: Final = "dask-otel-plugin"
#: Dask tells a scheduler's plugin nothing when it is taken out, so it looks.
_LOOK_S: Final = 0.2


class _Destination:
    """Where a plugin sends.

    Parameters
    ----------
    endpoint
        Base URL for all signals; None for what the settings of each process say.
    protocol
        None for what fits the endpoint.
    """

    name = NAME
    idempotent = True

    def __init__(self, endpoint: str | None = None, protocol: Protocol | None = None) -> None:
        self._endpoint = endpoint
        self._protocol = protocol
        self._began = False

    def _settings(self) -> Settings | None:
        if self._endpoint is None:
            return None
        settings = config.read()
        return settings and config.towards(settings, self._endpoint, self._protocol)


class WorkerInstrumentation(_Destination, WorkerPlugin):
    """Instruments every worker of a cluster, also those that come later.

    Parameters
    ----------
    endpoint
        Base URL for all signals; None for what the settings of each worker say.
    protocol
        None for what fits the endpoint.
    """

    async def setup(self, worker: Worker) -> None:
        """Begin; called by Dask on every worker."""
        self._began = await preload.instrument(worker, self._settings())

    async def teardown(self, worker: Worker) -> None:
        """End what this plugin has begun."""
        if self._began:
            await preload.uninstrument(worker)


class SchedulerInstrumentation(_Destination, SchedulerPlugin):
    """Instruments the scheduler of a cluster.

    Parameters
    ----------
    endpoint
        Base URL for all signals; None for what the settings of the scheduler say.
    protocol
        None for what fits the endpoint.
    """

    _scheduler: Scheduler
    _look: PeriodicCallback | None = None

    async def start(self, scheduler: Scheduler) -> None:
        """Begin; called by Dask before it adds the plugin."""
        self._scheduler = scheduler
        self._began = await preload.instrument(scheduler, self._settings())
        await self._join(scheduler)
        # Dask adds it at once when this returns, and not before.
        self._look = PeriodicCallback(self._end_if_removed, _LOOK_S * 1e3)
        self._look.start()

    async def _join(self, scheduler: Scheduler) -> None:
        """What else is to be done before Dask adds the plugin."""

    async def close(self) -> None:
        """End what this plugin has begun."""
        if self._look is not None:
            self._look.stop()
        if self._began:
            self._began = False
            await preload.uninstrument(self._scheduler)

    async def _end_if_removed(self) -> None:
        if self not in self._scheduler.plugins.values():
            await self.close()
