"""Watches how long tasks and received values take to be unpickled, where that is long.

Which worker a task is for, and which attempt, is known once its message is read: then its object is
the worker's. A task that is of no use by then (stolen, cancelled) is not told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dask_otel import conventions as names
from dask_otel import events
from dask_otel.compat import unpickle
from dask_otel.emit import guarded
from dask_otel.worker import reading

if TYPE_CHECKING:
    from distributed import Worker

    from dask_otel.emit import Emitter
    from dask_otel.worker.pending import Pending

#: Times between looks: a large message is read a little after its tasks were unpickled in another
#: thread, and a task that is quick is forgotten soon.
LOOKS_S: Final = (0.001, 0.002, 0.01, 0.1)


class DeserializeProbe:
    """Watches the tasks that come to one worker.

    Parameters
    ----------
    worker
        The worker.
    emitter
        Takes what goes wrong.
    pending
        Takes what happens.
    """

    def __init__(self, worker: Worker, emitter: Emitter, pending: Pending) -> None:
        self.emitter = emitter
        self._pending = pending
        self._worker = worker
        self._listening = False

    def begin(self) -> None:
        """Start to watch."""
        unpickle.listen(self._unpickled)
        self._listening = True

    def end(self) -> None:
        """Leave Dask as it was."""
        if self._listening:
            self._listening = False
            unpickle.unlisten(self._unpickled)

    @guarded("Recording an unpickled task")
    def _unpickled(self, found: unpickle.Unpickled) -> None:
        self._worker.loop.add_callback(self._look, found, LOOKS_S)

    @guarded("Recording an unpickled task")
    def _look(self, found: unpickle.Unpickled, looks_s: tuple[float, ...]) -> None:
        ts = self._worker.state.tasks.get(found.task.key)
        if ts is None or ts.run_spec is not found.task:
            if looks_s and self._listening:
                self._worker.loop.call_later(looks_s[0], self._look, found, looks_s[1:])
            return
        delay_s = self._worker.scheduler_delay
        self._pending.add(
            ts,
            events.Disk(
                names.ACTION_DESERIALIZE,
                ts.key,
                found.start_s + delay_s,
                found.stop_s + delay_s,
                found.n_bytes,
                None,
                reading.origin(ts),
                found.thread,
                (ts.key, ts.run_id),
            ),
        )


def received(transfer: events.Transfer, spent_s: float) -> events.Disk | None:
    """What unpickling a batch took of its transfer, at its end; None when that is not worth it.

    The batch as a whole: Dask does not say which of its values took how long.
    """
    if spent_s < unpickle.LEAST_S:
        return None
    return events.Disk(
        names.ACTION_DESERIALIZE,
        transfer.keys[0] if transfer.n_keys == 1 else None,
        max(transfer.start_s, transfer.stop_s - spent_s),
        transfer.stop_s,
        transfer.n_bytes,
        None,
        transfer.origin,
        None,
    )
