"""Makes one event of every attempt that ends on a worker, whichever way it ends.

- Dask's state machine says every change of a task's state; an attempt has ended when a task leaves
  one of the states in which it runs for `memory`, `error` or `rescheduled`. One that is given up
  while it runs (`cancelled`, `resumed`) ends there all the same, when its function returns.
- This is called six times per task on the event loop: it costs at most three entries of a dict per
  task, and none of them outlives the task.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from dask_otel import conventions as names
from dask_otel.compat import clock
from dask_otel.events import ANNOTATION, Attempt, Failure
from dask_otel.worker import reading
from dask_otel.worker.reading import GIVEN_UP_STATES, RUNNING_STATES, Run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distributed import Worker
    from distributed.worker_state_machine import TaskState

    from dask_otel.emit import Emitter
    from dask_otel.events import Transfer

_FINISHED: Final = names.OUTCOME_FINISHED
#: The states to which a task goes when its attempt ends, and what that makes of the attempt.
_OUTCOMES: Final = {
    "memory": _FINISHED,
    "error": names.OUTCOME_FAILED,
    "rescheduled": names.OUTCOME_RESCHEDULED,
}
#: States of a task whose dependencies are there, and all in which it waits.
_THERE: Final = frozenset({"ready", "constrained"})
_WAITING: Final = _THERE | {"waiting"}
#: Makes a named tuple in a third of the time that calling its class takes.
_new: Final = tuple.__new__


class _Assignment(NamedTuple):
    """What Dask overwrites when a task that was given up is wanted again while it still runs."""

    run_id: int
    span_id: str | None
    otel: Mapping[str, Any] | None


_Began: TypeAlias = float | tuple[float | None, float]


class Attempts:
    """Watches the states of one worker's tasks.

    Parameters
    ----------
    worker
        The worker.
    emitter
        Takes what happens.
    transfers
        By key: the batches that were fetched for it, to be taken by its attempt.
    runs
        By key: the runs that have ended, to be taken as well.
    """

    def __init__(
        self,
        worker: Worker,
        emitter: Emitter,
        transfers: dict[Any, tuple[Transfer, ...]],
        runs: dict[Any, Run],
    ) -> None:
        self._worker = worker
        self._emitter = emitter
        self._record = emitter.record
        self._tasks = worker.state.tasks
        self._threads = worker.state.threads
        self._transfers = transfers
        self._runs = runs
        #: When a task arrived; once its dependencies are there, that time and the time then.
        self._began: dict[Any, _Began] = {}
        self._given_up: dict[Any, _Assignment] = {}

    def forget(self) -> None:
        """Forget the runs whose ends nobody has told; to be called when nothing runs."""
        self._runs.clear()

    def run_ids(self) -> dict[Any, int]:
        """The true run ids of the attempts that were given up and still run, by key."""
        return {key: given_up.run_id for key, given_up in self._given_up.items()}

    def transition(self, key: Any, start: str, finish: str, **_: Any) -> None:
        """Follow a task; called by Dask for every change of a task's state."""
        try:
            if start == "released":
                if finish == "waiting":
                    self._began[key] = clock.now_s()
            elif start == "waiting" and finish in _THERE:
                self._began[key] = (self._began.get(key), clock.now_s())  # type: ignore[assignment]
            elif start in _WAITING:
                if finish == "released":
                    self._began.pop(key, None)
            elif start in RUNNING_STATES:
                if finish in _OUTCOMES:
                    self._ended(key, start, finish)
                elif finish == "released":
                    self._gave_up(key)
        except Exception as error:  # noqa: BLE001 - nothing here can fail a task
            self._emitter.failed("Recording a task", error, int(finish in _OUTCOMES))

    def _gave_up(self, key: Any) -> None:
        ts = self._tasks.get(key)
        if ts is not None and ts.state == "cancelled":
            self._given_up.setdefault(key, _Assignment(ts.run_id, ts.span_id, reading.otel(ts)))

    def _ended(self, key: Any, start: str, finish: str) -> None:
        ts = self._tasks[key]
        if ts.state == start:  # it has not: the result could not be stored, `error` follows
            return
        now_s = clock.now_s()
        began = self._began.pop(key, None)
        run = self._runs.pop(key, None)
        if finish == "memory" and run is not None and not self._given_up:
            # As nearly all do: this is `_ending` in a fifth of the time.
            annotations = ts.annotations
            otel = annotations.get(ANNOTATION) if annotations else None
            if otel.__class__ is not dict:
                otel = None
            run_id, span_id, outcome, failure = ts.run_id, ts.span_id, _FINISHED, None
        else:
            ending = self._ending(ts, start, finish, run or self._noted(ts, finish, began, now_s))
            if ending is None:
                return
            (run_id, span_id, otel), run, outcome, failure = ending
        run_start_s, run_stop_s, thread = run
        waited_s = ready_s = execute_s = None
        if began.__class__ is tuple:
            arrived_s, there_s = began
            start_s = ts.start_time
            if arrived_s is not None:
                waited_s = there_s - arrived_s
            if start_s is not None and start_s >= there_s:  # else it is an earlier attempt's
                ready_s, execute_s = start_s - there_s, now_s - start_s
        transfers = self._transfers.pop(key, ()) if self._transfers else ()
        attempt = (
            key,
            ts.prefix,
            run_id,
            span_id,
            otel,
            run_start_s,
            run_stop_s,
            thread,
            ts.nbytes,
            ts.type,
            ts.priority,
            outcome,
            failure,
            waited_s,
            ready_s,
            execute_s,
            transfers,
            None,
            None,
        )
        self._record(_new(Attempt, attempt))

    def _ending(
        self, ts: TaskState, start: str, finish: str, run: Run | None
    ) -> tuple[_Assignment, Run, str, Failure | None] | None:
        """What there is to say of any attempt that ends; None when it has never begun."""
        given_up = self._given_up.pop(ts.key, None)
        if run is None or (start in GIVEN_UP_STATES and given_up is None):
            return None  # in the latter case it is a transfer that has ended
        assignment = given_up or _Assignment(ts.run_id, ts.span_id, reading.otel(ts))
        if given_up is not None or (finish == "memory" and not ts.done):
            return assignment, run, names.OUTCOME_CANCELLED, None
        failure = None
        if finish == "error":
            failure = reading.reported(ts.exception, ts.exception_text, ts.traceback_text)
        return assignment, run, _OUTCOMES[finish], failure

    def _noted(self, ts: TaskState, finish: str, began: _Began | None, now_s: float) -> Run | None:
        """When a task has run that nobody has watched, as on a process pool; None if it has not."""
        since_s = began[1] if isinstance(began, tuple) else 0.0
        delay_s = self._worker.scheduler_delay
        thread = self._threads.get(ts.key)
        noted = reading.computed(ts, since_s + delay_s)
        if noted is not None:
            return noted._replace(thread=thread)
        end_s = now_s + delay_s
        if finish == "error" and ts.state == "error":
            # Its data could not be read, or its executor does not exist: it lasts no time.
            return Run(end_s, end_s, None)
        # Dask drops the times of what is rescheduled. A value that a client has scattered while the
        # task ran takes the place of the task's own, and nobody is told when that ends.
        unnoted = finish == "rescheduled" or (finish == "memory" and not ts.done)
        if unnoted and ts.start_time is not None and ts.start_time >= since_s:
            return Run(ts.start_time + delay_s, end_s, thread)
        return None
