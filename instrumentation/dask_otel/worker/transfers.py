"""Watches the batches that a worker fetches from others, and those that it sends.

- A batch waits for the attempt that it was fetched for, as long as that task is still to come:
  see `worker.pending`. One that has failed goes out alone.
- Dask notes what has arrived in its logs, in the same step of the event loop in which `gather_dep`
  and `get_data` return. What has failed it only tells the state machine, without times. A worker
  that is to keep no logs (`distributed.admin.low-level-log-length`) keeps the newest line.
- A peer that is busy has sent nothing: that is no transfer.
- Where a batch belongs is known when it begins; when it ends the keys may be forgotten.
"""

from __future__ import annotations

from collections import deque
from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

from distributed.core import Status
from distributed.worker_state_machine import (
    GatherDepFailureEvent,
    GatherDepNetworkFailureEvent,
    GatherDepSuccessEvent,
)

from dask_otel.compat import clock, unpickle
from dask_otel.compat import worker as dasks
from dask_otel.compat.override import Override, SharedOverride
from dask_otel.emit import guarded
from dask_otel.worker import deserialize, reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from distributed import Worker
    from distributed.comm.core import Comm

    from dask_otel.emit import Emitter
    from dask_otel.events import Failure
    from dask_otel.points import WorkerPoints
    from dask_otel.worker.pending import Pending

GATHER_DEP: Final = "gather_dep"
GET_DATA: Final = "get_data"
LOGS: Final = ("transfer_incoming_log", "transfer_outgoing_log")


class _Request:
    """A batch on its way: where it belongs, when it began, and why it has failed."""

    def __init__(self, start_s: float | None = None) -> None:
        self.start_s = start_s
        self.origin: str | None = None
        self.failure: Failure | None = None


class TransferProbe:
    """Watches what one worker receives and sends.

    Parameters
    ----------
    worker
        The worker.
    emitter
        Takes what happens.
    points
        Counts what has arrived.
    pending
        Takes what waits for an attempt.
    """

    def __init__(
        self, worker: Worker, emitter: Emitter, points: WorkerPoints, pending: Pending
    ) -> None:
        self.emitter = emitter
        self._points = points
        self._pending = pending
        self._worker = worker
        self._watching = False
        self._overrides: list[Override] = []

    def begin(self) -> None:
        """Start to watch."""
        self._watching = True
        _functions.acquire()
        worker = self._worker
        self._overrides = [
            Override(vars(worker), GATHER_DEP, self._receiving(worker.gather_dep)),
            Override(worker.handlers, GET_DATA, self._sending(worker.handlers[GET_DATA])),
            *(
                Override(vars(worker), name, deque(maxlen=1))
                for name in LOGS
                if getattr(worker, name).maxlen == 0
            ),
        ]

    def end(self) -> None:
        """Leave the worker as it was."""
        if self._watching:
            self._watching = False
            for override in self._overrides:
                override.undo()
            _functions.release()

    def _receiving(self, gather_dep: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(gather_dep)
        async def receive(*args: Any, **kwargs: Any) -> Any:
            request = _Request()
            self._asked(request, args)
            _request.set(
                request
            )  # Dask runs each in an asyncio task, and so in a context, of its own
            event = await gather_dep(*args, **kwargs)
            if self._watching:
                self._received(event, request, args)
            return event

        return receive

    def _sending(self, get_data: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(get_data)
        async def send(comm: Comm, *args: Any, **kwargs: Any) -> Any:
            start_s = clock.now_s()
            request = _Request(start_s)
            self._offered(request, kwargs)
            try:
                status = await get_data(comm, *args, **kwargs)
            except Exception as error:
                if self._watching:
                    self._not_sent(comm, kwargs, request.origin, start_s, error)
                raise
            if status is Status.dont_reply and self._watching:
                self._sent(comm, request.origin)
            return status

        return send

    @guarded("Recording a transfer")
    def _asked(self, request: _Request, args: tuple[Any, ...]) -> None:
        """A batch is about to be fetched: it belongs to what waits for it."""
        cause = dasks.cause(self._worker, args[1])
        request.origin = None if cause is None else reading.origin(cause)

    @guarded("Recording a transfer")
    def _offered(self, request: _Request, message: dict[str, Any]) -> None:
        """A batch is about to be sent: it belongs to what has made its first key."""
        ts = next(map(self._worker.state.tasks.get, message["keys"]), None)
        request.origin = None if ts is None else reading.origin(ts)

    @guarded("Recording a transfer")
    def _received(self, event: Any, request: _Request, args: tuple[Any, ...]) -> None:
        peer, keys = args[:2]
        cause = dasks.cause(self._worker, keys)
        origin = request.origin if cause is None else reading.origin(cause)
        if isinstance(event, GatherDepSuccessEvent):
            entry = self._worker.transfer_incoming_log[-1]
            found = reading.transfer(entry, peer, origin, sent=False)
            self._points.n_received += 1
            self._points.n_bytes_received += found.n_bytes
            self._pending.add(cause, found)
            unpickled = deserialize.received(found, unpickle.received_s())
            if unpickled is not None:
                self._pending.add(cause, unpickled)
        elif request.start_s is not None and isinstance(
            event, GatherDepFailureEvent | GatherDepNetworkFailureEvent
        ):  # the task may never come to run here: do not wait for it
            run, why = self._since(request.start_s), request.failure or _reported(event)
            self.emitter.record(reading.failed_transfer(run, peer, keys, origin, why, sent=False))

    @guarded("Recording a transfer")
    def _sent(self, comm: Comm, origin: str | None) -> None:
        entry = self._worker.transfer_outgoing_log[-1]
        # Clients and schedulers do not say who they are.
        peer = entry["who"] or comm.peer_address
        self.emitter.record(reading.transfer(entry, peer, origin, sent=True))

    @guarded("Recording a transfer")
    def _not_sent(
        self,
        comm: Comm,
        message: dict[str, Any],
        origin: str | None,
        start_s: float,
        error: Exception,
    ) -> None:
        self.emitter.record(
            reading.failed_transfer(
                self._since(start_s),
                message.get("who") or comm.peer_address,
                message["keys"],
                origin,
                reading.failure(error),
                sent=True,
            )
        )

    def _since(self, start_s: float) -> reading.Run:
        delay_s = self._worker.scheduler_delay
        return reading.Run(start_s + delay_s, max(start_s, clock.now_s()) + delay_s, None)


def _reported(event: Any) -> Failure:
    """Why a batch has failed, as Dask tells the state machine."""
    return reading.reported(
        getattr(event, "exception", None),
        getattr(event, "exception_text", "OSError()"),
        getattr(event, "traceback_text", ""),
    )


def _asking(function: Callable[..., Any]) -> Callable[..., Any]:
    """Note in the request at hand when it was sent, and what has gone wrong."""

    @wraps(function)
    async def get_data_from_worker(*args: Any, **kwargs: Any) -> Any:
        request = _request.get(None)
        if request is not None:
            request.start_s = clock.now_s()
        try:
            return await function(*args, **kwargs)
        except Exception as error:
            if request is not None:
                request.failure = reading.failure(error)
            raise

    return get_data_from_worker


_request: ContextVar[_Request] = ContextVar("dask_otel_request")
_functions: Final = SharedOverride(dasks.functions(), {dasks.GET_DATA: _asking})
