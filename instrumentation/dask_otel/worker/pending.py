"""What was done for tasks before their attempts began: batches fetched, values and tasks unpickled.

It waits here for its attempt, which says what it is a part of, in which thread and by which clock.
What no task waits for any more goes out alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from dask_otel.emit import guarded
from dask_otel.events import Disk, Transfer
from dask_otel.worker import reading

if TYPE_CHECKING:
    from distributed import Worker
    from distributed.worker_state_machine import TaskState

    from dask_otel.emit import Emitter

_Event = TypeVar("_Event", Transfer, Disk)


class _Held(NamedTuple):
    """An event, and the correction that its times have."""

    event: Transfer | Disk
    delay_s: float


class Pending:
    """What waits for the attempts of one worker.

    Parameters
    ----------
    worker
        The worker.
    emitter
        Takes what goes out alone.

    Attributes
    ----------
    held
        By key of the task: what waits, for whoever may not take the time to ask in vain.
    """

    def __init__(self, worker: Worker, emitter: Emitter) -> None:
        self.emitter = emitter
        self._worker = worker
        self.held: dict[Any, tuple[_Held, ...]] = {}

    def add(self, ts: TaskState | None, event: Transfer | Disk) -> None:
        """Hold what was done for `ts` as long as that is to come, with times as corrected now."""
        if ts is None or ts.state not in reading.UNFINISHED_STATES:
            self.emitter.record(event)
        else:
            held = _Held(event, self._worker.scheduler_delay)
            self.held[ts.key] = (*self.held.get(ts.key, ()), held)

    def take(self, key: Any, run_id: int, delay_s: float) -> tuple[Transfer, ...]:
        """The batches that an attempt has waited for, corrected as it is; the rest goes out."""
        transfers = []
        for event, before_s in self.held.pop(key, ()):
            if isinstance(event, Transfer):
                transfers.append(_moved(event, delay_s - before_s))
            else:
                of_attempt = event._replace(parent=(key, run_id))
                self.emitter.record(_moved(of_attempt, delay_s - before_s))
        return tuple(transfers)

    @guarded("Recording what was done for a task")
    def settle(self) -> None:
        """Hand over what no task waits for any more; to be called now and then."""
        tasks = self._worker.state.tasks
        for key in list(self.held):
            ts = tasks.get(key)
            if ts is None or ts.state not in reading.UNFINISHED_STATES:
                self._let_go(key)

    @guarded("Recording what was done for a task")
    def close(self) -> None:
        """Hand over all that there is."""
        for key in list(self.held):
            self._let_go(key)

    def _let_go(self, key: Any) -> None:
        for event, _ in self.held.pop(key):
            self.emitter.record(event._replace(parent=None) if isinstance(event, Disk) else event)


def _moved(event: _Event, by_s: float) -> _Event:
    if not by_s:
        return event  # to the last bit as it was
    return event._replace(start_s=event.start_s + by_s, stop_s=event.stop_s + by_s)
