"""Makes one event of every attempt that ends on a worker, whichever way it ends.

- Dask's state machine says every change of a task's state; an attempt has ended when a task leaves
  one of the states in which it runs for `memory`, `error` or `rescheduled`. One that is given up
  while it runs (`cancelled`, `resumed`) ends there all the same, when its function returns.
- What still runs when its worker closes ends there: Dask waits for its thread, but tells nobody
  what comes of it.
- That is called six times per task on the event loop, so most of the event is made in the task's
  own thread. The loop writes two entries of a dict per task, and none outlives the task.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from dask_otel import conventions as names
from dask_otel.compat import clock
from dask_otel.events import Attempt, gone
from dask_otel.worker import reading
from dask_otel.worker.reading import GIVEN_UP_STATES, RUNNING_STATES
from dask_otel.worker.starts import Start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from distributed import Worker
    from distributed.worker_state_machine import TaskState

    from dask_otel.emit import Emitter
    from dask_otel.worker.pending import Pending
    from dask_otel.worker.starts import Starts

#: The states to which a task goes when its attempt ends, and what that makes of the attempt.
_OUTCOMES: Final = {
    "memory": names.OUTCOME_FINISHED,
    "error": names.OUTCOME_FAILED,
    "rescheduled": names.OUTCOME_RESCHEDULED,
}
#: States of a task whose dependencies are there, and all in which it waits.
_THERE: Final = frozenset({"ready", "constrained"})
_WAITING: Final = _THERE | {"waiting"}
#: States in which a function runs, as distinct from a transfer.
_STARTED: Final = frozenset({"executing", "long-running"})

_Began: TypeAlias = float | tuple[float | None, float]


class _Assignment(NamedTuple):
    """What Dask overwrites when a task that was given up is wanted again: see `Start`."""

    run_id: int
    origin: str | None
    otel: Mapping[str, Any] | None


#: Makes a named tuple in half the time of calling its class.
_new: Final = tuple.__new__


class Attempts:
    """Watches the states of one worker's tasks.

    Parameters
    ----------
    worker
        The worker.
    emitter
        Takes what happens.
    starts
        Is told of what begins and ends.
    pending
        What was done for attempts before they began.

    Attributes
    ----------
    on_given_up
        Called with None when an attempt was given up while it runs, and with it when it has ended.
    """

    def __init__(self, worker: Worker, emitter: Emitter, starts: Starts, pending: Pending) -> None:
        self._worker = worker
        self._emitter = emitter
        self._record = emitter.record
        self._tasks = worker.state.tasks
        self._starts = starts
        self._pending = pending
        self._begun, self._held = starts.by_key, pending.held  # without asking for each of them
        #: When a task arrived; once its dependencies are there, that time and the time then.
        self._began: dict[Any, _Began] = {}
        self._ran: dict[Any, Attempt] = {}
        self._given_up: dict[Any, _Assignment] = {}
        self.on_given_up: Callable[[Attempt | None], None] = _ignore

    def started(self, ts: TaskState, delay_s: float) -> Start:
        """An attempt whose function is about to be called; in the thread that calls it.

        `delay_s` is what Dask will add to its times.
        """
        start_s = ts.start_time
        waited_s, ready_s = _waits(self._began.pop(ts.key, None), start_s)
        otel = reading.otel(ts)
        start = _new(Start, (ts.run_id, ts.span_id, otel, ts, start_s, waited_s, ready_s, delay_s))
        self._begun[ts.key] = start
        return start

    def ran(self, start: Start, result: Mapping[str, Any]) -> None:
        """Note that its function has returned `result` to Dask; in the same thread.

        Most of the attempt is made here, and not on the event loop, which will say how it ends.
        """
        run_id, origin, otel, ts, start_s, waited_s, ready_s, _ = start
        finished = result["op"] == "task-finished"
        self._ran[ts.key] = _new(
            Attempt,
            (
                ts.key,
                ts.prefix,
                run_id,
                origin,
                otel,
                result["start"],
                result["stop"],
                result["thread"],
                result["nbytes"] if finished else None,
                type(result["result"]) if finished else None,
                ts.priority,
                names.OUTCOME_FINISHED,
                None,
                waited_s,
                ready_s,
                _between(start_s, clock.now_s()),
                (),
                None,
                None,
            ),
        )

    def close(self) -> None:
        """Record what runs: the worker closes, and only it knows exactly what that is."""
        state, failure = self._worker.state, gone("its worker has closed")
        for ts in (*state.executing, *state.long_running):
            given_up = self._given_up.pop(ts.key, None)
            attempt = self._ran.pop(ts.key, None) or self._unfinished(ts)
            if attempt is None:
                continue
            attempt = attempt._replace(n_bytes=None, type=None)
            if given_up is None:
                outcome = names.OUTCOME_LOST
                attempt = attempt._replace(outcome=outcome, failure=failure, executing=True)
            else:
                attempt = _cancelled(attempt, given_up)
            self._record(self._whole(attempt))

    def run_ids(self) -> dict[Any, int]:
        """The true run ids of the attempts that were given up and still run, by key."""
        return {key: given_up.run_id for key, given_up in self._given_up.items()}

    def given_up(self) -> Iterator[Attempt]:
        """What was given up and still runs, as if it ended now."""
        for key, given_up in self._given_up.items():
            ts = self._tasks.get(key)
            attempt = self._ran.get(key) or (None if ts is None else self._unfinished(ts))
            if attempt is not None:
                yield _cancelled(attempt, given_up)

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
        if ts is not None and ts.state == "cancelled" and ts.previous in _STARTED:
            self._given_up.setdefault(key, _assignment(ts))
            self.on_given_up(None)

    def _ended(self, key: Any, start: str, finish: str) -> None:
        ts = self._tasks[key]
        if ts.state == start:  # it has not: the result could not be stored, `error` follows
            return
        attempt = self._ran.pop(key, None)
        if attempt is None or finish != "memory" or self._given_up:
            attempt = self._otherwise(ts, start, finish, attempt)
            if attempt is None:
                self._begun.pop(key, None)
                return
        if key in self._held:
            attempt = self._whole(attempt)
        self._begun.pop(key, None)
        self._record(attempt)
        if attempt.outcome == names.OUTCOME_CANCELLED:
            self.on_given_up(attempt)

    def _whole(self, attempt: Attempt) -> Attempt:
        """An attempt with what was done for it before it began."""
        key = attempt.key
        transfers = self._pending.take(key, attempt.run_id, self._starts.delay_s(key))
        return attempt._replace(transfers=transfers)

    def _otherwise(
        self, ts: TaskState, start: str, finish: str, ran: Attempt | None
    ) -> Attempt | None:
        """An attempt that has not simply finished; None when none has ended."""
        given_up = self._given_up.pop(ts.key, None)
        began = self._began.pop(ts.key, None)
        if start in GIVEN_UP_STATES and given_up is None:  # it is a transfer that has ended
            return None
        found = ran or self._unwatched(ts, finish, began)
        if found is None:
            return None
        if finish != "memory":
            found = found._replace(n_bytes=None, type=None)
        if given_up is not None:
            return _cancelled(found, given_up)
        if finish == "error":
            failure = reading.reported(ts.exception, ts.exception_text, ts.traceback_text)
            return found._replace(outcome=names.OUTCOME_FAILED, failure=failure)
        return found._replace(outcome=_OUTCOMES[finish])

    def _unwatched(self, ts: TaskState, finish: str, began: _Began | None) -> Attempt | None:
        """An attempt in whose thread nobody has looked, as on a process pool."""
        now_s = clock.now_s()
        since_s = _since_s(began, now_s)
        start_s = _start_s(ts, since_s)
        run = self._run(ts, finish, since_s, start_s, now_s)
        if run is None:
            return None
        return Attempt(
            ts.key,
            ts.prefix,
            *_assignment(ts),
            *run,
            ts.nbytes,
            ts.type,
            ts.priority,
            names.OUTCOME_FINISHED,
            None,
            *_waits(began, start_s),
            _between(start_s, now_s),
        )

    def _unfinished(self, ts: TaskState) -> Attempt | None:
        """An attempt that runs; None when it has not begun."""
        began = self._began.get(ts.key)
        now_s, delay_s = clock.now_s(), self._starts.delay_s(ts.key)
        start_s = _start_s(ts, _since_s(began, now_s))
        if start_s is None:
            return None
        return Attempt(
            ts.key,
            ts.prefix,
            *_assignment(ts),
            start_s + delay_s,
            max(start_s, now_s) + delay_s,
            reading.thread(self._worker, ts),
            None,
            None,
            ts.priority,
            names.OUTCOME_FINISHED,
            None,
            *_waits(began, start_s),
            _between(start_s, now_s),
        )

    def _run(
        self, ts: TaskState, finish: str, since_s: float, start_s: float | None, now_s: float
    ) -> reading.Run | None:
        """When it has run, as far as Dask tells; None when it has not."""
        delay_s = self._starts.delay_s(ts.key)
        thread = self._worker.state.threads.get(ts.key)
        noted = reading.computed(ts, since_s + delay_s)
        if noted is not None:
            return noted._replace(thread=thread)
        end_s = now_s + delay_s
        if finish == "error" and ts.state == "error":
            # Its data could not be read, or its executor does not exist: it lasts no time.
            return reading.Run(end_s, end_s, None)
        if finish == "rescheduled" and start_s is not None:  # Dask has dropped the times
            return reading.Run(start_s + delay_s, max(start_s + delay_s, end_s), thread)
        return None


def _ignore(_: Attempt | None) -> None:
    """Nobody wants to know."""


def _assignment(ts: TaskState) -> _Assignment:
    return _Assignment(ts.run_id, ts.span_id, reading.otel(ts))


def _cancelled(attempt: Attempt, given_up: _Assignment) -> Attempt:
    """What becomes of an attempt that ran on after it was given up."""
    return attempt._replace(**given_up._asdict(), outcome=names.OUTCOME_CANCELLED)


def _since_s(began: _Began | None, now_s: float) -> float:
    """The earliest time at which an attempt can have run, by the clock as it goes now."""
    if not isinstance(began, tuple) or began[1] > now_s:  # not known, or the clock was set back
        return 0.0
    return began[1]


def _start_s(ts: TaskState, since_s: float) -> float | None:
    """When a task was given to a thread; None when that was not after `since_s`, but earlier."""
    start_s = ts.start_time
    return None if start_s is None or start_s < since_s else start_s


def _waits(began: _Began | None, start_s: float | None) -> tuple[float | None, float | None]:
    """Time until the dependencies were there, and from there to a thread."""
    if not isinstance(began, tuple):
        return None, None
    arrived_s, there_s = began
    if arrived_s is not None and start_s is not None and arrived_s <= there_s <= start_s:
        return there_s - arrived_s, start_s - there_s  # as below, but without two more calls
    return _between(arrived_s, there_s), _between(there_s, start_s)


def _between(since_s: float | None, until_s: float | None) -> float | None:
    """How long something took; None when it is not known, as where the clock was set back."""
    if since_s is None or until_s is None or until_s < since_s:
        return None
    return until_s - since_s
