"""What workers that went away have left undone, or done and not sent.

The ids of an attempt are derived from its key and run id, so what a worker has sent after all, and
what the scheduler says in its place, are one and the same span.
"""

from __future__ import annotations

import math
from collections import deque
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from dask_otel import conventions as names
from dask_otel.events import Attempt, Failure, GivenUp
from dask_otel.scheduler import reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Reversible

    from distributed.scheduler import WorkerState

    from dask_otel.scheduler.assignments import Assignment

#: The clocks of a worker and of the scheduler differ by less, after Dask's correction.
CLOCK_ERROR_S: Final = 0.1
#: Of attempts that did not finish fewer are kept: failed ones carry pickles and tracebacks.
MAX_HELD_UNFINISHED: Final = 1_000
#: Longest traceback that is kept; the frames at its end say most.
MAX_TRACEBACK: Final = 16_384


#: When an attempt was reported, by which worker, and first fields of its `Attempt`. To make that
#: would take four times as long, for each task, and it is needed for few. What holds another tuple
#: would be looked at by the garbage collector as often again.
_Held: TypeAlias = tuple[Any, ...]
#: The same of one that did not finish: the fields are apart, then its outcome and failure.
_HeldUnfinished: TypeAlias = tuple[float, str, tuple[Any, ...], str, Failure | None]
_Entry = TypeVar("_Entry", bound=tuple[Any, ...])


class Ended:
    """The newest attempts that have ended, in case that their workers have not sent them.

    Parameters
    ----------
    n_held
        How many are kept.
    """

    def __init__(self, n_held: int) -> None:
        self._finished: deque[_Held] = deque(maxlen=n_held)
        self._unfinished: deque[_HeldUnfinished] = deque(maxlen=min(n_held, MAX_HELD_UNFINISHED))
        #: When it was given up, and when it had begun.
        self._given_up: deque[tuple[float, Assignment, float]] = deque(maxlen=n_held)

    def __len__(self) -> int:
        return len(self._finished) + len(self._unfinished) + len(self._given_up)

    def finished(self, assignment: Assignment, message: Mapping[str, Any], now_s: float) -> float:
        """Keep an attempt of which its worker says that it is finished; returns when it stopped."""
        compute = reading.compute(message["startstops"])
        if compute is None:
            return now_s
        _, run_id, origin, ts, *_ = assignment
        stop_s: float = compute["stop"]
        self._finished.append(
            (
                now_s,
                message["worker"],
                ts.key,
                ts.prefix.name,
                run_id,
                origin,
                None,
                compute["start"],
                stop_s,
                message["thread"],
                message["nbytes"],
                message["typename"],
                ts.priority,
            )
        )
        return stop_s

    def failed(self, assignment: Assignment, message: Mapping[str, Any], now_s: float) -> None:
        """Keep an attempt of which its worker says that it has failed."""
        compute = reading.compute(message.get("startstops") or ())
        start_s, stop_s = (now_s, now_s) if compute is None else (compute["start"], compute["stop"])
        failure = reading.failure(message)
        failure = failure._replace(traceback=_cut(failure.traceback))
        values = _values(assignment, start_s, stop_s, message.get("thread"))
        self._unfinished.append((now_s, message["worker"], values, names.OUTCOME_FAILED, failure))

    def rescheduled(self, assignment: Assignment, ws: WorkerState, now_s: float) -> None:
        """Keep an attempt that has asked to be run elsewhere; its worker does not say when."""
        began_s = reading.executing_since(ws, assignment.task, assignment.time_s)
        start_s = assignment.time_s if began_s is None else began_s
        values = _values(assignment, start_s, max(start_s, now_s), None)
        self._unfinished.append((now_s, ws.address, values, names.OUTCOME_RESCHEDULED, None))

    def given_up(self, assignment: Assignment, now_s: float) -> None:
        """Keep an attempt that runs and that nobody wants any more; its worker is told now."""
        ws = assignment.worker
        if ws is not None:
            began_s = reading.executing_since(ws, assignment.task, assignment.time_s)
            if began_s is not None:
                self._given_up.append((now_s, assignment, began_s))

    def heard(self, workers: Iterable[WorkerState]) -> None:
        """Let go of what was given up before every worker's last heartbeat."""
        until_s = min(map(_heard_s, workers), default=math.inf)
        while self._given_up and self._given_up[0][0] < until_s:
            self._given_up.popleft()

    def forget(self, until_s: float) -> None:
        """Let go of what every worker has sent."""
        for held in (self._finished, self._unfinished):
            while held and held[0][0] < until_s:
                held.popleft()

    def unheard(self, ws: WorkerState, failure: Failure, now_s: float) -> Iterator[Attempt]:
        """What `ws` has run, and of which it has said nothing since it was given up.

        A heartbeat that was written after that would have named it, or all of it was sent.
        """
        named = {said.run_id for said in reading.given_up(ws)}
        for _, assignment, began_s in _since(self._given_up, _heard_s(ws)):
            if assignment.worker is ws and assignment.run_id not in named:
                values = _values(assignment, began_s, max(began_s, now_s), None)
                yield _attempt(values, names.OUTCOME_CANCELLED, failure, ws.address)

    def unsent(self, worker: str, after_s: float) -> list[Attempt]:
        """Attempts of `worker` that it has reported after `after_s`."""
        found = [
            _attempt(held[2:], names.OUTCOME_FINISHED, None, worker)
            for held in _since(self._finished, after_s)
            if held[1] == worker
        ]
        return found + [
            _attempt(values, outcome, failure, worker)
            for _, address, values, outcome, failure in _since(self._unfinished, after_s)
            if address == worker
        ]


def _values(
    assignment: Assignment, start_s: float, stop_s: float, thread: int | None
) -> tuple[Any, ...]:
    """First fields of an `Attempt` that has no result."""
    ts, place = assignment.task, assignment.origin
    named = ts.key, ts.prefix.name, assignment.run_id, place, None
    return *named, start_s, stop_s, thread, None, None, ts.priority


def _attempt(
    values: tuple[Any, ...], outcome: str, failure: Failure | None, worker: str
) -> Attempt:
    waits = None, None, None  # only the worker knows
    return Attempt._make((*values, outcome, failure, *waits, (), worker, None))


def _heard_s(ws: WorkerState) -> float:
    """What a worker was told before this, it had heard when it wrote its last heartbeat."""
    return reading.said_s(ws) - CLOCK_ERROR_S


def _cut(traceback: str) -> str:
    """The end of a traceback, and a word about what is missing."""
    n_cut = len(traceback) - MAX_TRACEBACK
    return f"... {n_cut} characters cut ...\n{traceback[n_cut:]}" if n_cut > 0 else traceback


def _since(held: Reversible[_Entry], after_s: float) -> Iterator[_Entry]:
    """The entries of `held` that are newer, newest first."""
    return takewhile(lambda entry: entry[0] >= after_s, reversed(held))


def sent_until_s(workers: Iterable[WorkerState], now_s: float) -> float:
    """Up to when all workers that are instrumented have sent everything."""
    found = (reading.acknowledged_s(ws) for ws in workers)
    return min((time_s for time_s in found if time_s is not None), default=now_s) - CLOCK_ERROR_S


def lost(
    ws: WorkerState,
    assignment: Assignment,
    otel: Mapping[str, Any] | None,
    failure: Failure,
    now_s: float,
) -> Attempt:
    """An attempt that its worker `ws` has not ended before it went."""
    began_s = reading.executing_since(ws, assignment.task, assignment.time_s)
    start_s = assignment.time_s if began_s is None else began_s
    values = _values(assignment, start_s, max(start_s, now_s), None)
    found = _attempt(values, names.OUTCOME_LOST, failure, ws.address)
    return found._replace(otel=otel, executing=began_s is not None)


def given_up(ws: WorkerState, said: GivenUp, failure: Failure, now_s: float) -> Attempt:
    """An attempt that was given up and that its worker `ws` had not sent, or not ended."""
    return Attempt(
        said.key,
        said.prefix,
        said.run_id,
        said.origin,
        None,
        said.start_s,
        max(said.start_s, now_s) if said.stop_s is None else said.stop_s,
        said.thread,
        None,
        None,
        said.priority,
        names.OUTCOME_CANCELLED,
        failure if said.stop_s is None else None,
        worker=ws.address,
    )
