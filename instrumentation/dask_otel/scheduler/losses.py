"""What workers that went away have left undone, or done and not sent.

The ids of an attempt are derived from its key and run id, so what a worker has sent after all, and
what the scheduler says in its place, are one and the same span.
"""

from __future__ import annotations

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
#: Failed attempts carry pickles and tracebacks, so fewer of them are kept.
MAX_HELD_FAILURES: Final = 1_000
#: Longest traceback that is kept; the frames at its end say most.
MAX_TRACEBACK: Final = 16_384


#: When an attempt was reported, by which worker, and first fields of its `Attempt`. To make that
#: would take four times as long, for each task, and it is needed for few. What holds another tuple
#: would be looked at by the garbage collector as often again.
_Held: TypeAlias = tuple[Any, ...]
_Entry = TypeVar("_Entry", bound=tuple[Any, ...])


class Ended:
    """The newest attempts that have ended, in case that their workers have not sent them.

    Parameters
    ----------
    n_held
        How many are kept.
    """

    def __init__(self, n_held: int) -> None:
        n_failures = min(n_held, MAX_HELD_FAILURES)
        self._finished: deque[_Held] = deque(maxlen=n_held)
        self._failed: deque[tuple[float, str, tuple[Any, ...], Failure]] = deque(maxlen=n_failures)

    def __len__(self) -> int:
        return len(self._finished) + len(self._failed)

    def finished(self, assignment: Assignment, message: Mapping[str, Any], now_s: float) -> float:
        """Keep an attempt of which its worker says that it is finished; returns when it stopped."""
        compute = reading.compute(message["startstops"])
        if compute is None:
            return now_s
        _, run_id, origin, ts, _ = assignment
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
        ts = assignment.task
        values = (
            ts.key,
            ts.prefix.name,
            assignment.run_id,
            assignment.origin,
            None,
            now_s if compute is None else compute["start"],
            now_s if compute is None else compute["stop"],
            message.get("thread"),
            None,
            None,
            ts.priority,
        )
        failure = reading.failure(message)
        failure = failure._replace(traceback=_cut(failure.traceback))
        self._failed.append((now_s, message["worker"], values, failure))

    def forget(self, until_s: float) -> None:
        """Let go of what every worker has sent."""
        finished, failed = self._finished, self._failed
        while finished and finished[0][0] < until_s:
            finished.popleft()
        while failed and failed[0][0] < until_s:
            failed.popleft()

    def unsent(self, worker: str, after_s: float) -> list[Attempt]:
        """Attempts of `worker` that it has reported after `after_s`."""
        found = [
            _attempt(held[2:], names.OUTCOME_FINISHED, None, worker)
            for held in _since(self._finished, after_s)
            if held[1] == worker
        ]
        return found + [
            _attempt(values, names.OUTCOME_FAILED, failure, worker)
            for _, address, values, failure in _since(self._failed, after_s)
            if address == worker
        ]


def _attempt(
    values: tuple[Any, ...], outcome: str, failure: Failure | None, worker: str
) -> Attempt:
    waits = None, None, None  # only the worker knows
    return Attempt._make((*values, outcome, failure, *waits, (), worker, None))


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
    ts = assignment.task
    began_s = reading.executing_since(ws, ts, assignment.time_s)
    start_s = assignment.time_s if began_s is None else began_s
    return Attempt(
        ts.key,
        ts.prefix.name,
        assignment.run_id,
        assignment.origin,
        otel,
        start_s,
        max(start_s, now_s),
        None,
        None,
        None,
        ts.priority,
        names.OUTCOME_LOST,
        failure,
        worker=ws.address,
        executing=began_s is not None,
    )


def given_up(ws: WorkerState, said: GivenUp, failure: Failure, now_s: float) -> Attempt:
    """An attempt that was given up and still ran on its worker `ws` when that went."""
    return Attempt(
        said.key,
        said.prefix,
        said.run_id,
        said.origin,
        None,
        said.start_s,
        max(said.start_s, now_s),
        said.thread,
        None,
        None,
        said.priority,
        names.OUTCOME_CANCELLED,
        failure,
        worker=ws.address,
    )
