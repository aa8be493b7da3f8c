"""Instruments a cluster that is running for as long as this process lives.

`python -m dask_otel attach tcp://scheduler:8786 --endpoint URL` is what `daskscope attach` starts:
a process of its own, because a window must not share an interpreter with Dask. It says in one line
on standard output what it has done, and takes it back when its input ends or SIGINT or SIGTERM
comes. Should it be killed, the scheduler sees its client leave and does the same.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import dask
from distributed import Client
from distributed.core import Status
from distributed.protocol.pickle import dumps

from dask_otel import config, preload
from dask_otel.plugins import SchedulerInstrumentation, WorkerInstrumentation

if TYPE_CHECKING:
    from distributed import Scheduler, Worker

    from dask_otel.config import Protocol

NAME: Final = "dask-otel-attach"
CONNECT_S: Final = 10
_LOOK_S: Final = 0.1


class AttachError(RuntimeError):
    """The cluster cannot be instrumented; the message is one line."""


class Attachment(SchedulerInstrumentation):
    """Instruments a whole cluster until a client leaves.

    Parameters
    ----------
    client
        Id of the client.
    endpoint
        Base URL for all signals.
    protocol
        None for what fits the endpoint.
    """

    name = NAME

    def __init__(self, client: str, endpoint: str, protocol: Protocol | None) -> None:
        super().__init__(endpoint, protocol)
        self._client = client
        self._for_workers = dumps(WorkerInstrumentation(endpoint, protocol))
        self._leaving: asyncio.Future[None] | None = None

    async def _join(self, scheduler: Scheduler) -> None:
        """Begin on every worker and on those to come."""
        try:
            await scheduler.register_worker_plugin(None, self._for_workers, NAME, idempotent=True)
        except OSError:  # a worker has gone meanwhile; the others and those to come have it
            logging.getLogger(__name__).info("A worker did not answer", exc_info=True)
        except Exception:
            await self.close()
            raise

    async def start(self, scheduler: Scheduler) -> None:
        """Begin on the scheduler, on every worker and on those to come."""
        await super().start(scheduler)
        if self._client not in scheduler.clients:
            self._leave_soon()

    def remove_client(self, scheduler: Scheduler, client: str) -> None:
        """Leave with the client; called by Dask for every client that goes."""
        if client == self._client:
            self._leave_soon()

    def _leave_soon(self) -> None:
        """Leave, after Dask has added this: what it adds too late would keep the next one out."""
        if self._leaving is None:
            self._leaving = asyncio.ensure_future(self.leave())

    async def leave(self) -> None:
        """Take everything out of the cluster."""
        scheduler = self._scheduler
        if scheduler.plugins.get(NAME) is self:
            scheduler.remove_plugin(NAME)
        if NAME in scheduler.worker_plugins and scheduler.status == Status.running:
            try:
                await scheduler.unregister_worker_plugin(None, NAME)
            except OSError:  # a worker that has gone takes nothing along
                logging.getLogger(__name__).info("A worker did not answer", exc_info=True)
        await self.close()


def scheduler_sends_to(dask_scheduler: Scheduler) -> str | None:
    """Where a scheduler that is instrumented sends its spans, else None."""
    return _sends_to(dask_scheduler)


def worker_sends_to(dask_worker: Worker) -> str | None:
    """Where a worker that is instrumented sends its spans, else None."""
    return _sends_to(dask_worker)


async def leave(dask_scheduler: Scheduler) -> None:
    """Take out what `Attachment` has brought to a scheduler."""
    plugin = dask_scheduler.plugins.get(NAME)
    if isinstance(plugin, Attachment):
        await plugin.leave()


def _sends_to(server: Any) -> str | None:
    if not preload.is_instrumented(server):
        return None
    settings = config.read()
    target = settings and settings.traces
    return config.endpoint("traces", target) if target else "nowhere"


def join(client: Client, endpoint: str, protocol: Protocol | None) -> str:
    """Instrument the cluster of `client`.

    Returns
    -------
    str
        One line that says what has been done.

    Raises
    ------
    AttachError
        The cluster cannot be instrumented.
    """
    try:
        scheduler = client.run_on_scheduler(scheduler_sends_to)
        workers = list(client.run(worker_sends_to).values())
    except ModuleNotFoundError as error:
        raise AttachError(
            f"the cluster has no {error.name}: install daskscope beside its scheduler and workers"
        ) from error
    n_before = sum(place is not None for place in workers)
    if scheduler is not None and n_before == len(workers):
        return f"nothing changed: the cluster is instrumented already and sends to {scheduler}"
    client.register_plugin(Attachment(client.id, endpoint, protocol))
    if client.run_on_scheduler(scheduler_sends_to) is None:
        client.run_on_scheduler(leave)
        raise AttachError("dask_otel is switched off where the scheduler runs")
    line = f"attached: the scheduler and {len(workers)} workers send to {endpoint}"
    return line + (f", {n_before} of them elsewhere as before" if n_before else "")


def attach(address: str, endpoint: str, protocol: Protocol | None, ended: threading.Event) -> None:
    """Keep a cluster instrumented until `ended` is set.

    Raises
    ------
    AttachError
        The cluster cannot be reached or instrumented, or has gone.
    """
    try:
        client = Client(address, set_as_default=False, timeout=CONNECT_S)
    except (OSError, ValueError) as error:
        raise AttachError(f"no scheduler answers at {address}: {error}") from error
    with client:
        print(join(client, endpoint, protocol), flush=True)  # noqa: T201 - the answer
        connected = True
        while not ended.wait(_LOOK_S):
            if client.status == "closed":
                raise AttachError(f"the scheduler at {address} has gone")
            if connected != (client.status == "running"):
                connected = not connected
                if connected:  # to a new scheduler, which knows nothing of it
                    join(client, endpoint, protocol)
        if client.status == "running":
            with suppress(OSError):  # a scheduler that goes at this moment takes it along
                client.run_on_scheduler(leave)


def run(address: str, endpoint: str, protocol: Protocol | None) -> int:
    """Attach until standard input closes, or SIGINT or SIGTERM comes; returns the exit status."""
    ended = threading.Event()

    def end(*_: object) -> None:
        ended.set()

    def watch_parent() -> None:
        while os.read(
            0, 1024
        ):  # not through sys.stdin, whose lock the interpreter takes at its end
            pass
        ended.set()

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    threading.Thread(target=watch_parent, daemon=True).start()
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    # This client is no part of what is looked at.
    dask.config.set({"dask-otel.enabled": False})
    try:
        attach(address, endpoint, protocol, ended)
    except (AttachError, OSError) as error:  # Dask's errors of connections are the latter
        print(" ".join(str(error).split()), file=sys.stderr)  # noqa: T201 - the answer
        return 1
    return 0
