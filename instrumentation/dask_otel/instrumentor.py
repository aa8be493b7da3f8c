"""OpenTelemetry's own ways: `DaskInstrumentor().instrument()` and `opentelemetry-instrument`.

Schedulers, workers and clients that this process makes find `dask_otel` among their preloads, and
so do the worker processes of its nannies, which get its config. Those that run already are
instrumented at once; the worker processes of a nanny that runs already are not.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

import wrapt
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]

from dask_otel.compat import processes, versions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine

    from distributed.core import Server

PROVIDERS: Final = ("tracer_provider", "meter_provider", "logger_provider")
#: How long a call waits for servers that run on other threads.
WAIT_S: Final = 5.0

logger = logging.getLogger(__name__)


class DaskInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """Instruments Dask in this process.

    `instrument()` takes a `tracer_provider`, a `meter_provider` and a `logger_provider`; for one
    that is not given it is the global one if that is the SDK's, else OTLP is sent directly.
    """

    _use: _Use | None = None

    def instrumentation_dependencies(self) -> Collection[str]:
        """What has to be installed."""
        return (versions.SUPPORTED,)

    def _instrument(self, **kwargs: Any) -> None:
        use = self._use = _Use({name: kwargs.get(name) for name in PROVIDERS})
        # Not before the program itself imports Dask, which reads its environment at that moment.
        wrapt.register_post_import_hook(lambda _: use.begin(), "distributed")

    def _uninstrument(self, **_: Any) -> None:
        if self._use is not None:
            self._use.end()
            self._use = None


class _Use:
    """From one `instrument` to its `uninstrument`."""

    def __init__(self, providers: dict[str, Any]) -> None:
        self._providers = providers
        self._settings: tuple[_Setting, ...] = ()
        self._is_over = False

    def begin(self) -> None:
        """Instrument what runs and what will; called once Dask has been imported."""
        if self._is_over:
            return
        from dask_otel import preload, startup
        from dask_otel.outputs import Providers

        preload.provide(Providers(**self._providers))
        self._settings = tuple(_Setting(role) for role in startup.ROLES)
        _on_each(preload.instrument)

    def end(self) -> None:
        """End what runs, and leave Dask as it was."""
        self._is_over = True
        if not self._settings:
            return
        from dask_otel import preload
        from dask_otel.outputs import Providers

        for setting in self._settings:
            setting.undo()
        preload.provide(Providers())
        _on_each(preload.uninstrument)


class _Setting:
    """The preloads of one role in this process's config, with `dask_otel` among them."""

    def __init__(self, role: str) -> None:
        import dask.config

        from dask_otel import startup

        keys = startup.preload(role), startup.arguments(role)
        listed, arguments = (dask.config.get(key, None) for key in keys)
        self._changes: list[tuple[str, Any, Any]] = []
        if startup.MODULE not in startup.names(listed):
            self._change(keys[0], listed, startup.with_us(listed))
            extended = startup.arguments_with_us(arguments, listed)
            if extended is not None:
                self._change(keys[1], arguments, extended)

    def _change(self, key: str, before: Any, after: Any) -> None:
        import dask.config

        self._changes.append((key, before, after))
        dask.config.set({key: after})

    def undo(self) -> None:
        """Put back what was there; leave alone what somebody else has put there since."""
        import dask.config

        for key, before, after in self._changes:
            if dask.config.get(key, None) is after:
                dask.config.set({key: before})


def _on_each(action: Callable[[Server], Coroutine[Any, Any, bool]]) -> None:
    """Do `action` on every server of this process, each on its own event loop.

    Waits for those that run on other threads.
    """
    try:
        here: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
    except RuntimeError:
        here = None
    for server in processes.servers():
        loop = processes.event_loop(server)
        future = asyncio.run_coroutine_threadsafe(action(server), loop)
        if loop is not here:
            try:
                future.result(WAIT_S)
            except TimeoutError:
                logger.warning("%r does not answer; left to itself", server)
