"""What workers that went away have left undone, or done and not sent.

The ids of an attempt are derived from its key and run id, so what a worker has sent after all, and
what the scheduler says in its place, are one and the same span.
"""

from __future__ import annotations

import pickle
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from dask_otel import conventions as names
from dask_otel.events import Attempt, Failure
from dask_otel.scheduler import reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from distributed.scheduler import WorkerState

    from dask_otel.scheduler.assignments import Assignment

#: The clocks of a worker and of the scheduler differ by less, after Dask's correction.
CLOCK_ERROR_S: Final = 0.1
#: Failed attempts carry pickles and tracebacks, so fewer of them are kept.
MAX_HELD_FAILURES: Final = 1_000
#: Longest traceback that is kept; the frames at its end say most.
MAX_TRACEBACK: Final = 16_384


class WorkerLost(Exception):  # noqa: N818 - named as Dask names `KilledWorker`
    """The worker that was to run a task has gone."""


class Ended:
    """The newest attempts that have ended, in case that their workers have not sent them.

    Parameters
    ----------
    n_held
        How many are kept.
    """

    def __init__(self, n_held: int) -> None:
        self._finished: deque[tuple[float, Attempt]] = deque(maxlen=n_held)
        self._failed: deque[tuple[float, Attempt]] = deque(maxlen=min(n_held, MAX_HELD_FAILURES))

    def __len__(self) -> int:
        return len(self._finished) + len(self._failed)

    def finished(
        self, assignment: Assignment, message: Mapping[str, Any], now_s: float
    ) -> float | None:
        """Keep an attempt of which its worker says that it is finished; returns when it stopped."""
        times = reading.computed(message["startstops"])
        if times is None:
            return None
        ts = assignment.task
        attempt = Attempt(
            ts.key,
            ts.prefix.name,
            assignment.run_id,
            assignment.origin,
            None,
            times[0],
            times[1],
            message["thread"],
            message["nbytes"],
            message["typename"],
            ts.priority,
            names.OUTCOME_FINISHED,
            worker=message["worker"],
        )
        self._finished.append((now_s, attempt))
        return times[1]

    def failed(self, assignment: Assignment, message: Mapping[str, Any], now_s: float) -> None:
        """Keep an attempt of which its worker says that it has failed."""
        ts = assignment.task
        start_s, stop_s = reading.computed(message.get("startstops") or ()) or (now_s, now_s)
        failure = reading.failure(message)
        attempt = Attempt(
            ts.key,
            ts.prefix.name,
            assignment.run_id,
            assignment.origin,
            None,
            start_s,
            stop_s,
            message.get("thread"),
            None,
            None,
            ts.priority,
            names.OUTCOME_FAILED,
            failure._replace(traceback=failure.traceback[-MAX_TRACEBACK:]),
            worker=message["worker"],
        )
        self._failed.append((now_s, attempt))

    def forget(self, until_s: float) -> None:
        """Let go of what every worker has sent."""
        for attempts in (self._finished, self._failed):
            while attempts and attempts[0][0] < until_s:
                attempts.popleft()

    def unsent(self, worker: str, after_s: float) -> list[Attempt]:
        """Attempts of `worker` that it has reported after `after_s`, oldest first."""
        found = []
        for attempts in (self._finished, self._failed):
            for time_s, attempt in reversed(attempts):
                if time_s < after_s:
                    break
                if attempt.worker == worker:
                    found.append(attempt)
        return sorted(found, key=lambda attempt: attempt.stop_s)


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


def gone(reason: str) -> Failure:
    """Failure of all attempts that were lost together."""
    return Failure(pickle.dumps(WorkerLost(reason)), "WorkerLost", "")
