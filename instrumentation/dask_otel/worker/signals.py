"""Lets a worker close in good order when its process is told to end by a signal.

- Dask does that when a nanny asks for it, and for no signal: a nanny's worker dies of a SIGTERM at
  once, and `dask worker --no-nanny` drops the stream to its scheduler before it closes its worker.
  What was not sent by then the scheduler makes good, if it has not been told to end as well.
- Whoever sends the signal once more is not made to wait.
- Only where the process is Dask's alone: a user's own program has its signals for itself.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

from distributed.core import Status

from dask_otel.compat.worker import is_of_command
from dask_otel.worker.probe import ENDING

if TYPE_CHECKING:
    from types import FrameType

    from distributed import Worker

#: Signals that end a process, and what Python does with each.
_DEFAULTS: Final[dict[int, Any]] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
}
#: How long a nanny's worker may take to close: without us it would be gone by now.
MOST_S: Final = 1.5
#: What Dask gives the steps of closing a worker otherwise.
PATIENCE_S: Final = 30.0


class SignalProbe:
    """Waits for signals in the process of one worker."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._before: dict[int, Any] = {}
        self._leaving: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """From now on it closes the worker when one comes."""
        if threading.current_thread() is not threading.main_thread():
            return
        self._loop = asyncio.get_running_loop()
        for signum in _DEFAULTS:
            before = signal.getsignal(signum)
            if _cuts_short(self._worker, before):
                self._before[signum] = before
                signal.signal(signum, self._arrived)
        _watching.add(self)

    def end(self) -> None:
        """From now on it does not, but of a worker that closes already; that ends the process."""
        if self._worker.status not in ENDING:
            self.forget()

    def forget(self) -> None:
        """Let signals do what they did; what somebody else has set since stays."""
        for signum, before in self._before.items():
            if signal.getsignal(signum) == self._arrived:
                signal.signal(signum, before)
        self._before.clear()

    def _arrived(self, signum: int, _: FrameType | None) -> None:
        for found in self._before:
            signal.signal(found, _DEFAULTS[found])
        # Nothing else may be done here: the loop may be anywhere.
        self._loop.call_soon_threadsafe(self._close, signum)

    def _close(self, signum: int) -> None:
        self._leaving = asyncio.ensure_future(self._leave(signum))

    async def _leave(self, signum: int) -> None:
        worker, has_nanny = self._worker, bool(self._worker.nanny)
        closing = worker.close(
            MOST_S if has_nanny else PATIENCE_S,
            executor_wait=not has_nanny,
            nanny=False,
            reason=f"signal-{int(signum)}",  # as a nanny says it
        )
        most_s = MOST_S if has_nanny else None
        await asyncio.wait({asyncio.ensure_future(closing)}, timeout=most_s)
        if has_nanny or worker.status is not Status.closed:  # else the command ends by itself
            os.kill(os.getpid(), signum)


def _cuts_short(worker: Worker, handler: Any) -> bool:
    """Whether `handler` ends a process that is there for `worker` alone, before that has closed.

    A nanny's worker closes in good order after a SIGINT by itself.
    """
    return handler is signal.SIG_DFL if worker.nanny else is_of_command(handler)


_watching: Final[WeakSet[SignalProbe]] = WeakSet()


def _forget() -> None:
    """In a process that was forked, which is a task's: signals do there what they did."""
    for probe in list(_watching):
        probe.forget()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forget)
