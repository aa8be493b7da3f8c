"""Tasks that are on their way: which attempt each is, since when, and what its worker is told.

Runs for every task, so each line here costs every task.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from dask_otel.conventions import MAX_LINKS
from dask_otel.events import ANNOTATION, DEPENDENCIES, DEPENDENCY_COUNT, TRACEPARENT
from dask_otel.scheduler import reading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distributed.scheduler import TaskState, WorkerState

    from dask_otel.scheduler.graphs import Graphs, OpenGraph

_new = tuple.__new__


class Assignment(NamedTuple):
    """One attempt that a worker has been told to run.

    Attributes
    ----------
    origin
        Of the attempt: its task's, or that of a continuation.
    continuation
        The graph that counts it; None in the first trace.
    worker
        Which has been told to run it.
    """

    time_s: float
    run_id: int
    origin: str | None
    task: TaskState
    continuation: OpenGraph | None
    worker: WorkerState | None


class Assignments:
    """What the workers of one scheduler have been told to run and have not ended.

    Parameters
    ----------
    graphs
        Says to which trace an attempt belongs.
    """

    def __init__(self, graphs: Graphs) -> None:
        self._graphs = graphs
        self._found: dict[Any, Assignment] = {}

    def __len__(self) -> int:
        return len(self._found)

    def assigned(self, ts: TaskState, message: dict[str, Any], now_s: float) -> None:
        """Remember an attempt, and add to its `message` what only the scheduler knows.

        Dask's own annotations in `message` belong to the task and stay as they are.
        """
        run_id = message["run_id"]
        dependencies = ts.dependencies
        before = self._found.get(ts.key)
        if before is not None:  # stolen: nobody runs that attempt
            self._close(before, now_s)
        place = reading.origin(ts)
        continuation = None
        if place is not None:
            # With dependencies there is a transfer, as a rule.
            continuation = self._graphs.assigned(place, run_id, 2 if dependencies else 1, now_s)
            if continuation is not None:
                continuation.prefixes.add(ts.prefix.name)
                place = continuation.origin
        # Half the time of calling `Assignment`.
        self._found[ts.key] = _new(
            Assignment, (now_s, run_id, place, ts, continuation, ts.processing_on)
        )
        if dependencies or continuation is not None:
            annotations = message["annotations"]
            message["annotations"] = {
                **annotations,
                ANNOTATION: self.said(ts, place, annotations.get(ANNOTATION)),
            }

    def known(self, ts: TaskState, run_id: int, now_s: float) -> None:
        """Remember an attempt that was assigned before anybody watched, at some time before now."""
        self._found[ts.key] = Assignment(
            now_s, run_id, reading.origin(ts), ts, None, ts.processing_on
        )

    def current(self, key: Any) -> Assignment | None:
        """The attempt at which a task is."""
        return self._found.get(key)

    def end(self, key: Any, stop_s: float, erred: bool = False) -> Assignment | None:
        """Forget an attempt: its task is not being processed any more."""
        found = self._found.pop(key, None)
        if found is not None and found.continuation is not None:
            self._close(found, stop_s, erred)
        return found

    def said(
        self, ts: TaskState, place: str | None, carrier: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """What a worker is told of the attempt of `ts` at `place`, on top of a client's carrier."""
        said: dict[str, Any] = dict(carrier) if isinstance(carrier, dict) else {}
        if place is not None and place != ts.group.span_id:
            said[TRACEPARENT] = place
        if ts.dependencies:
            said[DEPENDENCIES] = self._dependencies(ts, place)
            said[DEPENDENCY_COUNT] = len(ts.dependencies)
        return said

    def _dependencies(self, ts: TaskState, place: str | None) -> list[list[Any]]:
        """Attempts that made what `ts` works on; what a client has scattered was made by none."""
        found = []
        origin, trace = None, None
        for dts in islice(ts.dependencies, MAX_LINKS):
            run_id = dts.run_id
            if run_id is not None:
                made = reading.origin(dts)
                if made != origin:  # most have the same
                    origin, trace = made, self._graphs.known(made)
                if trace is not None and trace.starts:
                    made = trace.place(run_id)
                found.append([dts.key, run_id, None if made == place else made])
        return found

    def _close(self, assignment: Assignment, stop_s: float, erred: bool = False) -> None:
        if assignment.continuation is not None:
            self._graphs.attempt_ended(assignment.continuation, stop_s, erred)
