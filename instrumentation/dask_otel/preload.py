"""Starts and stops the instrumentation of one scheduler, worker, nanny or client.

Every way comes here.

- Each has its own resource and background thread: several of them live in one process.
- A server that two ways start is instrumented once, and ends with the first that ends it.
- Everything for one server happens on its own event loop; nothing here raises into Dask.
- A worker asks its nanny to send what that logs: `dask worker` heeds no preloads of a nanny that
  Dask's config lists.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias
from uuid import UUID, uuid5
from weakref import WeakKeyDictionary

from distributed import Client, Nanny, Scheduler, Worker
from distributed.diagnostics.plugin import NannyPlugin

from dask_otel import config, dasklogs
from dask_otel import conventions as names
from dask_otel.client.adapter import ClientAdapter
from dask_otel.compat import clock, processes
from dask_otel.emit import Emitter, patience
from dask_otel.events import TIME
from dask_otel.outputs import Providers
from dask_otel.record.spans import SpanMaker
from dask_otel.scheduler.adapter import EXPORT_S, SchedulerAdapter
from dask_otel.worker.adapter import PLUGIN_NAME, WorkerAdapter
from dask_otel.worker.nanny import ask
from dask_otel.worker.probe import ENDING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distributed.core import Server

Adapter: TypeAlias = SchedulerAdapter | WorkerAdapter | ClientAdapter

#: Namespace that OpenTelemetry gives for ids of instances made from other ids.
_INSTANCES = UUID("4d63009a-8d0f-11ee-aad7-4c796ed8e320")
#: How long a worker or client waits for its scheduler to say which cluster it is.
_IDENTITY_S = 2.0
#: How long a worker that is left alone waits for its nanny to be left alone as well.
_NANNY_S = 2.0
#: How long a client or nanny waits at its end, which has little to send: workers may close after
#: it, and do not know what it has waited.
_BRIEFLY_S = 0.3
#: How long a client waits that is alone in its process: its cluster is elsewhere, and goes on as a
#: rule. If it closes as well, that takes two seconds altogether.
_ALONE_S = 0.8

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Running:
    """What watches one server; nothing of a nanny is watched but what it logs."""

    adapter: Adapter | None
    emitter: Emitter
    clock: _Distance | None = None
    asking: asyncio.Task[None] | None = None


class _Distance(NamedTuple):
    """How far the scheduler's clock is ahead of this machine's; Dask knows it of workers alone."""

    scheduler_delay: float = 0.0


class _Registry:
    """What runs in this process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.running: WeakKeyDictionary[Server | Client, _Running] = WeakKeyDictionary()
        self.turns: WeakKeyDictionary[Server | Client, asyncio.Lock] = WeakKeyDictionary()
        self.providers = Providers()

    def turn(self, server: Server | Client) -> asyncio.Lock:
        """The lock under which `server` is started and stopped."""
        with self.lock:
            return self.turns.setdefault(server, asyncio.Lock())

    def forget(self) -> None:
        """Begin anew in a process that was forked: no thread of the old one lives in it."""
        self.lock = threading.Lock()
        self.running = WeakKeyDictionary()
        self.turns = WeakKeyDictionary()


_registry = _Registry()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_registry.forget)


async def dask_setup(server: Server | Client) -> None:
    """Instrument `server`; called by Dask when it preloads this package."""
    await instrument(server)


async def dask_teardown(server: Server | Client) -> None:
    """Send what is left of `server`, and stop; called by Dask when it closes."""
    await uninstrument(server)


async def instrument(
    server: Server | Client,
    settings: config.Settings | None = None,
    providers: Providers | None = None,
) -> bool:
    """Instrument `server`; to be awaited on its event loop.

    Parameters
    ----------
    server
        A scheduler, worker, nanny or client; anything else is left alone.
    settings
        In place of those of this process.
    providers
        In place of those of `provide`.

    Returns
    -------
    bool
        Whether this call has begun it: False where it is instrumented already, where it is switched
        off, and where it failed, which is logged.
    """
    try:
        async with _registry.turn(server):
            if server in _registry.running:
                return False
            try:
                settings = settings or config.read()
            except ValueError as error:  # of the user's, who is helped by no traceback
                logger.error("Nothing is sent: %s", error)
                return False
            if settings is None:
                logger.info("Switched off: nothing is sent")
                return False
            return await _start(server, settings, providers or _registry.providers)
    except Exception:
        logger.exception("Could not start: nothing is sent")
        return False


async def uninstrument(server: Server | Client) -> bool:
    """Send what is left of `server`, and stop; to be awaited on its event loop.

    Returns
    -------
    bool
        Whether it was instrumented.
    """
    try:
        async with _registry.turn(server):
            running = _registry.running.pop(server, None)
            if running is None:
                return False
            await _stop(server, running)
    except Exception:
        logger.exception("Could not end in order")
    return True


def is_instrumented(server: Server | Client) -> bool:
    """Whether `server` is, by whatever way."""
    return server in _registry.running


def provide(providers: Providers) -> None:
    """Send with `providers` what starts from now on in this process."""
    _registry.providers = providers


async def _start(server: Server | Client, settings: config.Settings, providers: Providers) -> bool:
    if isinstance(server, Worker):
        running = await _worker(server, settings, providers)
    elif isinstance(server, Scheduler):
        running = _scheduler(server, settings, providers)
    elif isinstance(server, Nanny) and not _has_scheduler():
        running = await _nanny(server, settings, providers)
    elif isinstance(server, Client):
        running = await _client(server, settings, providers)
    else:
        return False
    _registry.running[server] = running
    try:
        running.emitter.start()
        if running.adapter is not None:
            await _plug(server, running.adapter)
            running.adapter.begin()
        dasklogs.begin(running.clock or server, running.emitter, settings.tracebacks)
        if isinstance(server, Worker):  # which its nanny waits for before it answers
            asked = ask(server, _accompany, settings=settings)
            running.asking = asyncio.create_task(asked)
    except Exception:
        del _registry.running[server]
        await _stop(server, running)
        raise
    return True


async def _stop(server: Server | Client, running: _Running) -> None:
    """Take each part out, whatever becomes of the others."""
    with _each():
        dasklogs.end(running.emitter)
    if running.asking is not None:
        running.asking.cancel()
        if isinstance(server, Worker) and server.status not in ENDING:
            with _each():
                await asyncio.wait_for(ask(server, _leave), _NANNY_S)
    if running.adapter is not None:
        with _each():
            running.adapter.end()
        with _each():
            await _unplug(server, running.adapter)
    most_s = _patience_s(server)
    try:
        waited_s = await asyncio.to_thread(running.emitter.stop, most_s)
    except RuntimeError:  # the interpreter ends: no thread can be started
        waited_s = running.emitter.stop(most_s)
    if isinstance(running.adapter, WorkerAdapter):
        running.adapter.say_closed(waited_s)


def _patience_s(server: Server | Client) -> float:
    """How long `server` waits at its end for what it has not sent."""
    if isinstance(server, Client) and not _registry.running:
        return _ALONE_S
    return _BRIEFLY_S if isinstance(server, Client | Nanny) else patience.LAST_S


# In a nanny, by what Dask calls it there


async def _accompany(dask_worker: Nanny, settings: config.Settings) -> None:
    """Begin with a nanny as its worker has begun."""
    if await instrument(dask_worker, settings):
        await dask_worker.plugin_add(_Companion(), PLUGIN_NAME)


async def _leave(dask_worker: Nanny) -> None:
    """End that; another way may have begun with the nanny before."""
    if PLUGIN_NAME in dask_worker.plugins:
        await dask_worker.plugin_remove(PLUGIN_NAME)


class _Companion(NannyPlugin):
    """Ends with its nanny."""

    async def teardown(self, nanny: Nanny) -> None:
        """End; called by Dask when the nanny closes, or the plugin is removed."""
        await uninstrument(nanny)


@contextmanager
def _each() -> Iterator[None]:
    try:
        yield
    except Exception:
        logger.exception("A part could not end in order")


async def _plug(server: Server | Client, adapter: Adapter) -> None:
    """Let Dask call the hooks of `adapter`."""
    match server, adapter:
        case Worker(), WorkerAdapter():
            await server.plugin_add(adapter, name=adapter.name, catch_errors=False)
        case Scheduler(), SchedulerAdapter():
            server.add_plugin(adapter, name=adapter.name)


async def _unplug(server: Server | Client, adapter: Adapter) -> None:
    match server, adapter:
        case Worker(), WorkerAdapter():
            if server.status not in ENDING and server.plugins.get(adapter.name) is adapter:
                await server.plugin_remove(adapter.name)
        case Scheduler(), SchedulerAdapter():
            if server.plugins.get(adapter.name) is adapter:
                server.remove_plugin(adapter.name)


def _has_scheduler() -> bool:
    """Whether a scheduler sends what is logged in this process; it outlives the nannies."""
    found = (server for server in processes.servers() if isinstance(server, Scheduler))
    return any(map(is_instrumented, found))


def _scheduler(scheduler: Scheduler, settings: config.Settings, providers: Providers) -> _Running:
    attributes = {
        **_process(scheduler),
        names.SERVICE_NAME: names.SERVICE_SCHEDULER,
        names.SERVICE_NAMESPACE: str(scheduler.id),
        names.SCHEDULER_ADDRESS: scheduler.address,
    }
    maker = SpanMaker(scheduler.address, scheduler.address)
    emitter = Emitter(_rarely(settings), attributes, maker, providers)
    return _Running(SchedulerAdapter(scheduler, emitter, settings), emitter)


async def _worker(worker: Worker, settings: config.Settings, providers: Providers) -> _Running:
    member, _ = await _member(worker, names.SERVICE_WORKER, worker.scheduler)
    attributes = {
        **member,
        names.WORKER_ADDRESS: worker.address,
        names.WORKER_NAME: str(worker.name),
        names.WORKER_NTHREADS: worker.state.nthreads,
        names.WORKER_LOOP_THREAD: threading.get_ident(),
    }
    if worker.memory_manager.memory_limit:
        attributes[names.WORKER_MEMORY_LIMIT] = int(worker.memory_manager.memory_limit)
    if worker.nanny:
        attributes[names.WORKER_NANNY] = str(worker.nanny)
    maker = SpanMaker(worker.address, worker.scheduler.address)
    emitter = Emitter(settings, attributes, maker, providers)
    return _Running(WorkerAdapter(worker, emitter, settings.tick_s), emitter)


async def _nanny(nanny: Nanny, settings: config.Settings, providers: Providers) -> _Running:
    member, distance = await _member(nanny, names.SERVICE_NANNY, nanny.scheduler)
    attributes = {
        **member,
        names.WORKER_NANNY: nanny.address,
    }
    if nanny.name is not None:
        attributes[names.WORKER_NAME] = str(nanny.name)
    logs_only = replace(_rarely(settings), traces=None, metrics=None)
    maker = SpanMaker(nanny.address, nanny.scheduler.address)
    return _Running(None, Emitter(logs_only, attributes, maker, providers), distance)


async def _client(client: Client, settings: config.Settings, providers: Providers) -> _Running:
    scheduler: Any = client.scheduler
    member, distance = await _member(client, names.SERVICE_CLIENT, scheduler)
    attributes = {
        **member,
        names.GRAPH_CLIENT: client.id,
    }
    emitter = Emitter(settings, attributes, SpanMaker(client.id, scheduler.address), providers)
    delay_s = distance.scheduler_delay
    adapter = ClientAdapter(client, emitter, providers.tracer_provider, delay_s)
    return _Running(adapter, emitter, distance)


def _rarely(settings: config.Settings) -> config.Settings:
    """Those of one of which little is heard."""
    return replace(settings, export_interval_s=max(settings.export_interval_s, EXPORT_S))


async def _member(
    server: Server | Client, service: str, scheduler: Any
) -> tuple[dict[str, str | int], _Distance]:
    """Who sends, of those that a scheduler knows, and how far its clock is from theirs."""
    cluster_id, distance = await _identity(scheduler)
    attributes = {
        **_process(server),
        names.SERVICE_NAME: service,
        names.SERVICE_NAMESPACE: cluster_id,
        names.SCHEDULER_ADDRESS: scheduler.address,
    }
    return attributes, distance


def _process(server: Server | Client) -> dict[str, str | int]:
    return {
        names.SERVICE_INSTANCE_ID: str(uuid5(_INSTANCES, str(server.id))),
        names.HOST_NAME: socket.gethostname(),
        names.PROCESS_PID: os.getpid(),
    }


async def _identity(scheduler: Any) -> tuple[str, _Distance]:
    """Id of the scheduler, which names the cluster, and the distance to its clock.

    Its address when it does not answer.
    """
    asked_s = clock.now_s()
    try:
        identity = await asyncio.wait_for(scheduler.identity(n_workers=0), _IDENTITY_S)
        return str(identity["id"]), _distance(asked_s, identity.get(TIME), clock.now_s())
    except Exception:  # noqa: BLE001 - whatever Dask's comms raise
        logger.info("The scheduler does not answer yet: its address names the cluster")
        return str(scheduler.address), _Distance()


def _distance(asked_s: float, said_s: float | None, heard_s: float) -> _Distance:
    """None where a time that was said between two others can be that of the same clock."""
    if said_s is None or asked_s <= said_s <= heard_s:
        return _Distance()
    return _Distance(said_s - (asked_s + heard_s) / 2)
