"""Starts and stops the instrumentation of one scheduler or worker.

Each has its own resource, encoder and background thread: several of them live in one process.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from typing import TYPE_CHECKING
from uuid import UUID, uuid5
from weakref import WeakKeyDictionary

from distributed import Scheduler, Worker

from dask_otel import config
from dask_otel import conventions as names
from dask_otel.emit import Emitter
from dask_otel.record.spans import SpanMaker
from dask_otel.scheduler.adapter import SchedulerAdapter
from dask_otel.worker.adapter import WorkerAdapter

if TYPE_CHECKING:
    from distributed.core import Server

#: Namespace that OpenTelemetry gives for ids of instances made from other ids.
_INSTANCES = UUID("4d63009a-8d0f-11ee-aad7-4c796ed8e320")
#: How long a worker waits for its scheduler to say which cluster it is.
_IDENTITY_S = 2.0

logger = logging.getLogger(__name__)

_running: WeakKeyDictionary[Server, tuple[SchedulerAdapter | WorkerAdapter, Emitter]] = (
    WeakKeyDictionary()
)


async def dask_setup(server: Scheduler | Worker) -> None:
    """Instrument `server`; does nothing for anything else, and for a server that already is.

    Nothing that goes wrong here fails the server.
    """
    if server in _running or not isinstance(server, (Scheduler, Worker)):
        return
    try:
        settings = config.read()
        if settings is None:
            logger.info("OTEL_SDK_DISABLED is set: nothing is sent")
        elif isinstance(server, Worker):
            await _start_worker(server, settings)
        else:
            _start_scheduler(server, settings)
    except Exception:
        logger.exception("Could not start: nothing is sent")


async def dask_teardown(server: Scheduler | Worker) -> None:
    """Send what is left of `server`, and stop."""
    adapter, emitter = _running.pop(server, (None, None))
    if adapter is None or emitter is None:
        return
    adapter.end()
    await asyncio.to_thread(emitter.stop)


def _start_scheduler(scheduler: Scheduler, settings: config.Settings) -> None:
    attributes = {
        **_process(scheduler),
        names.SERVICE_NAME: names.SERVICE_SCHEDULER,
        names.SERVICE_NAMESPACE: str(scheduler.id),
        names.SCHEDULER_ADDRESS: scheduler.address,
    }
    maker = SpanMaker(scheduler.address, scheduler.address)
    emitter = Emitter(settings, attributes, maker)
    adapter = SchedulerAdapter(scheduler, emitter)
    scheduler.add_plugin(adapter, name=adapter.name)
    _running[scheduler] = (adapter, emitter)
    emitter.start()
    adapter.begin()


async def _start_worker(worker: Worker, settings: config.Settings) -> None:
    scheduler_address = worker.scheduler.address
    attributes = {
        **_process(worker),
        names.SERVICE_NAME: names.SERVICE_WORKER,
        names.SERVICE_NAMESPACE: await _cluster_id(worker),
        names.SCHEDULER_ADDRESS: scheduler_address,
        names.WORKER_ADDRESS: worker.address,
        names.WORKER_NAME: str(worker.name),
        names.WORKER_NTHREADS: worker.state.nthreads,
    }
    if worker.memory_manager.memory_limit:
        attributes[names.WORKER_MEMORY_LIMIT] = int(worker.memory_manager.memory_limit)
    if worker.nanny:
        attributes[names.WORKER_NANNY] = str(worker.nanny)
    emitter = Emitter(settings, attributes, SpanMaker(worker.address, scheduler_address))
    adapter = WorkerAdapter(worker, emitter, settings.tick_s)
    await worker.plugin_add(adapter, name=adapter.name)
    _running[worker] = (adapter, emitter)
    emitter.start()
    adapter.begin()


def _process(server: Server) -> dict[str, str | int]:
    return {
        names.SERVICE_INSTANCE_ID: str(uuid5(_INSTANCES, str(server.id))),
        names.HOST_NAME: socket.gethostname(),
        names.PROCESS_PID: os.getpid(),
    }


async def _cluster_id(worker: Worker) -> str:
    """Id of the scheduler, which names the cluster; its address when it does not answer."""
    try:
        identity = await asyncio.wait_for(worker.scheduler.identity(n_workers=0), _IDENTITY_S)
        return str(identity["id"])
    except Exception:  # noqa: BLE001 - whatever Dask's comms raise
        logger.info("The scheduler does not answer yet: its address names the cluster")
        return str(worker.scheduler.address)
