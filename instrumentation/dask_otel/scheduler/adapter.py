"""Adapter to Dask's scheduler: its hooks and ticks on its event loop in, events out.

What runs for every task is in `assignments`, `graphs` and `losses`; here is only which of Dask's
hooks calls what.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from distributed.core import Status
from distributed.diagnostics.plugin import SchedulerPlugin
from tornado.ioloop import PeriodicCallback

from dask_otel.compat import clock
from dask_otel.compat import scheduler as private
from dask_otel.emit import guarded, patience
from dask_otel.events import CLOSED, TIME, WAITED, Failure, gone
from dask_otel.points import SchedulerPoints
from dask_otel.scheduler import losses, reading
from dask_otel.scheduler.assignments import Assignment, Assignments
from dask_otel.scheduler.departures import Departure, Departures
from dask_otel.scheduler.graphs import Graphs, OpenGraph
from dask_otel.scheduler.happenings import Happenings
from dask_otel.scheduler.reading import UNFINISHED_STATES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from distributed import Scheduler
    from distributed.scheduler import TaskState, WorkerState

    from dask_otel.compat.override import Override
    from dask_otel.config import Settings
    from dask_otel.emit import Emitter
    from dask_otel.events import Attempt
    from dask_otel.points import Points

PLUGIN_NAME = "dask-otel"
#: A tick that finds nothing takes 0.1 ms.
TICK_S = 0.25
#: Ticks from one count of the tasks to the next, and what is sent together: a request takes the
#: time of one task or two.
COUNT_TICKS: Final = 2
EXPORT_S: Final = COUNT_TICKS * TICK_S
#: Ticks from one measurement of the rest to the next, which takes as long again.
CLUSTER_TICKS: Final = 4
#: States of a scheduler that closes, and what it then tells its workers as the reason.
ENDING: Final = frozenset({Status.closing, Status.closed})
CLOSING: Final = "scheduler-close"
#: Longest source code of a graph that is sent; its end is nearest to the call.
MAX_CODE: Final = 16_384


class SchedulerAdapter(SchedulerPlugin):
    """Watches one scheduler.

    Parameters
    ----------
    scheduler
        The scheduler.
    emitter
        Takes what happens.
    settings
        What the user chose.
    """

    name = PLUGIN_NAME

    def __init__(self, scheduler: Scheduler, emitter: Emitter, settings: Settings) -> None:
        self._scheduler = scheduler
        self.emitter = emitter
        self._points = SchedulerPoints(scheduler)
        self._graphs = Graphs(settings.n_trace_spans)
        self._assignments = Assignments(self._graphs)
        self._ended = losses.Ended(settings.n_held)
        self._happenings = Happenings(emitter.log, settings.tracebacks)
        self._workers: dict[str, WorkerState] = {}
        self._departures = Departures()
        self._overrides: list[Override] = []
        self._watching = False
        self._n_ticks = 0
        self._quiet = True
        self._ticking = PeriodicCallback(self._tick, TICK_S * 1e3)

    # Life

    def begin(self) -> None:
        """Take in what is there already, and start to watch."""
        self._take_in()
        self._watching = True
        scheduler = self._scheduler
        overrides = (
            private.watch_assignments(scheduler, self._assigned),
            private.watch_failures(scheduler, self._attempt_failed),
            private.watch_reschedules(scheduler, self._attempt_rescheduled),
            private.watch_target(scheduler, self._target_said),
            private.answer_with_time(scheduler, TIME, clock.now_s),
        )
        self._overrides += [override for override in overrides if override is not None]
        self._ticking.start()

    @guarded("Reading the scheduler")
    def end(self) -> None:
        """Hand over all that is still open, and leave Dask as it was."""
        self._watching = False
        for override in reversed(self._overrides):
            override.undo()
        self._overrides.clear()
        self._ticking.stop()
        if self._scheduler.status in ENDING:
            self._part()
        for graph in self._graphs.close_everything(clock.now_s()):
            self._graph_closed(graph)
        self._settle()
        self._happenings.tick()
        if self.emitter.measures:
            self.emitter.measure(self._points.tasks(everything=True) | self._points.cluster())

    @guarded("Reading what was there before")
    def _take_in(self) -> None:
        """A scheduler that is instrumented while it works has workers and tasks."""
        scheduler, now_s = self._scheduler, clock.now_s()
        for address, ws in scheduler.workers.items():
            self._joined(address, ws)
            self._happenings.worker_known(ws)
            for ts in ws.processing:
                if ts.run_id is not None:
                    self._assignments.known(ts, ts.run_id, now_s)
        unfinished = [ts for ts in scheduler.tasks.values() if ts.state in UNFINISHED_STATES]
        self._submitted("", unfinished, now_s)
        for ts in unfinished:
            self._graphs.began(ts.key, reading.origin(ts))

    # Graphs and tasks

    @guarded("Recording a graph")
    def update_graph(
        self, scheduler: Scheduler, *, client: str, tasks: Collection[Any], **_: Any
    ) -> None:
        """Open a graph; called by Dask once for each submission."""
        now_s, submitted = clock.now_s(), reading.new(scheduler, tasks)
        for origin, prefixes in self._submitted(client, submitted, now_s).items():
            self._happenings.submitted(origin, client, prefixes, now_s)

    def _submitted(
        self, client: str, tasks: Collection[TaskState], now_s: float
    ) -> dict[str | None, Mapping[str, int]]:
        found: dict[str | None, Mapping[str, int]] = {}
        for (origin, span_id), prefixes in reading.submitted(tasks).items():
            found[origin] = prefixes
            if origin is not None:
                self._graphs.submitted(origin, span_id, client, prefixes, now_s)
        return found

    def transition(  # type: ignore[override]  # Dask names none of the three
        self, key: Any, start: str, finish: str, /, *_: Any, **message: Any
    ) -> None:
        """Follow a task; called by Dask for every change of its state.

        Parameters that had names would be compared with those of all fields of a message: a third
        of the time that the call takes.
        """
        if not self._watching:
            return
        try:  # not `guarded`, which would be a fifth of the time that this takes
            if start in UNFINISHED_STATES:
                if finish not in UNFINISHED_STATES:
                    self._task_ended(key, start, finish, message)
            elif finish in UNFINISHED_STATES:
                self._graphs.began(key, reading.origin(self._scheduler.tasks[key]))
            elif finish == "erred":
                self._graphs.erred(reading.origin(self._scheduler.tasks[key]))
        except Exception as error:  # noqa: BLE001 - nothing here can fail a task
            self.emitter.failed("Following a task", error)

    def _task_ended(self, key: Any, start: str, finish: str, message: Mapping[str, Any]) -> None:
        stop_s = now_s = clock.now_s()
        if start == "processing":
            assignment = self._assignments.end(key, now_s, finish == "erred")
            if assignment is not None:
                if finish == "memory":
                    stop_s = self._ended.finished(assignment, message, now_s)
                elif finish != "erred":
                    self._ended.given_up(assignment, now_s)
                elif "startstops" not in message:
                    self._killed_too_often(assignment, message, now_s)
        if finish == "erred":
            self._task_erred(self._scheduler.tasks[key], message)
        self._graphs.ended(key, stop_s)

    def _task_erred(self, ts: TaskState, message: Mapping[str, Any]) -> None:
        origin = reading.origin(ts)
        self._graphs.erred(origin)
        if "exception" in message and ts.group.states["erred"] == 1:
            self._happenings.group_erred(ts, message, origin)

    def _assigned(self, ts: TaskState, message: dict[str, Any]) -> None:
        """Take an attempt that is about to be sent to its worker."""
        if self._watching:
            try:
                self._assignments.assigned(ts, message, clock.now_s())
            except Exception as error:  # noqa: BLE001 - nothing here can fail a task
                self.emitter.failed("Assigning a task", error)

    @guarded("Recording a failed task")
    def _attempt_failed(self, message: Mapping[str, Any]) -> None:
        """Take a failure; whether the task is tried again comes after."""
        assignment = self._assignments.current(message["key"])
        if assignment is not None and assignment.run_id == message["run_id"]:
            self._ended.failed(assignment, message, clock.now_s())

    @guarded("Recording a rescheduled task")
    def _attempt_rescheduled(self, message: Mapping[str, Any]) -> None:
        """Take an attempt that has asked to be run elsewhere; Dask lets go of it after that."""
        assignment = self._assignments.current(message["key"])
        ws = self._workers.get(message["worker"])
        if assignment is not None and ws is not None and assignment.task.processing_on is ws:
            now_s = clock.now_s()
            self._ended.rescheduled(assignment, ws, now_s)
            self._assignments.end(message["key"], now_s)  # it was not given up

    # Workers

    @guarded("Recording a worker")
    def add_worker(self, scheduler: Scheduler, worker: str) -> None:
        """Take in a worker that has joined."""
        ws = scheduler.workers[worker]
        self._joined(worker, ws)
        self._happenings.worker_added(ws)

    def _joined(self, address: str, ws: WorkerState) -> None:
        self._workers[address] = ws
        self._departures.joined(address, self._scheduler.stream_comms.get(address))

    @guarded("Recording an event")
    def log_event(self, topic: str, msg: Any) -> None:
        """Take what Dask or anybody else has to say."""
        action = msg.get("action") if isinstance(msg, dict) else None
        if action == "remove-worker" and topic == "all":
            self._worker_removed(msg)
        elif action == CLOSED:
            self._departures.closed(topic)
            patience.spend(msg.get(WAITED, 0.0))
        else:
            self._happenings.said(topic, msg)

    def _worker_removed(self, message: Mapping[str, Any]) -> None:
        """A worker has gone; its tasks have not been released yet, but those killed too often.

        So what was given up until now was not because of that.
        """
        ws = self._workers.pop(message.get("worker", ""), None)
        if ws is None:
            return
        keys = message.get("processing-tasks") or ()
        said = str(message.get("stimulus_id", "")), bool(message.get("expected"))
        reason, expected = self._happenings.worker_removed(ws, len(keys), *said)
        stream, has_closed = self._departures.removed(ws.address)
        if has_closed:
            return
        lost = self._unfinished(ws, keys, reason)
        if reading.acknowledged_s(ws) is None:  # not instrumented: it says nothing
            for attempt in lost:
                if attempt.executing or not expected:  # one that was asked to go has not begun more
                    self.emitter.record(attempt)
            return
        given_up = self._ended.unheard(ws, gone(reason), clock.now_s())
        departure = Departure(ws, stream, reason, (*lost, *given_up))
        if expected and not departure.has_gone:
            self._departures.wait(departure)
        else:
            self._killed(departure)

    @guarded("Recording what killed workers have left")
    def _settle(self) -> None:
        for departure in self._departures.killed():
            self._killed(departure)

    def _killed(self, departure: Departure) -> None:
        """Record all of a worker that it has not sent, or perhaps not."""
        ws, now_s = departure.worker, clock.now_s()
        for attempt in departure.lost:
            self.emitter.record(attempt._replace(stop_s=max(attempt.start_s, now_s)))
        for said in reading.given_up(ws):
            self.emitter.record(losses.given_up(ws, said, gone(departure.reason), now_s))
        acknowledged_s = reading.acknowledged_s(ws) or 0.0
        self._make_good(ws.address, acknowledged_s - losses.CLOCK_ERROR_S)

    def _part(self) -> None:
        """Say of each worker that it goes: Dask removes none of those that its scheduler closes.

        One that is there still says itself what becomes of what it runs, if it is instrumented.
        """
        for address, ws in list(self._workers.items()):
            keys = [ts.key for ts in ws.processing]
            said = {"worker": address, "processing-tasks": keys, "stimulus_id": CLOSING}
            self._worker_removed({**said, "expected": True})

    def _unfinished(self, ws: WorkerState, keys: Iterable[Any], reason: str) -> Iterator[Attempt]:
        """What a worker has not ended, if it was killed."""
        failure, now_s = gone(reason), clock.now_s()
        for key in keys:
            assignment = self._assignments.current(key)
            if assignment is None:
                continue
            ts = assignment.task
            otel = self._assignments.said(ts, assignment.origin)
            yield losses.lost(ws, assignment, otel, failure, now_s)

    def _killed_too_often(
        self, assignment: Assignment, message: Mapping[str, Any], now_s: float
    ) -> None:
        """Record the last attempt of a task that too many workers have died of."""
        ws = self._workers.get(message.get("worker", ""))
        if ws is not None:
            failure = Failure(private.pickled(message.get("exception")), "KilledWorker", "")
            otel = self._assignments.said(assignment.task, assignment.origin)
            self.emitter.record(losses.lost(ws, assignment, otel, failure, now_s))

    def _make_good(self, worker: str, since_s: float) -> None:
        """Record what a worker has ended and perhaps not sent."""
        tasks = self._scheduler.tasks
        for attempt in self._ended.unsent(worker, since_s):
            ts, otel = tasks.get(attempt.key), None
            if ts is not None and ts.run_id == attempt.run_id:
                otel = self._assignments.said(ts, attempt.origin)
            self.emitter.record(attempt._replace(otel=otel))

    @guarded("Recording a target")
    def _target_said(self, target: int) -> None:
        self._happenings.target_said(target, len(self._workers))

    # Regular times

    @guarded("Reading the scheduler")
    def _tick(self) -> None:
        closed = self._graphs.close()
        for graph in closed:
            self._graph_closed(graph)
        self._settle()
        self._happenings.tick()
        if self.emitter.measures:
            self._measure(has_ended=bool(closed))
        if self._n_ticks % CLUSTER_TICKS == 0:
            workers = *self._workers.values(), *self._departures.waiting()
            self._ended.forget(losses.sent_until_s(workers, clock.now_s()))
            self._ended.heard(workers)
        self._n_ticks += 1

    def _measure(self, *, has_ended: bool) -> None:
        """Measure what is due.

        What begins after a quiet time is counted at once, and what there is when a graph has ended.
        """
        points: Points = {}
        if self._n_ticks % COUNT_TICKS == 0 or has_ended or self._quiet:
            points = self._points.tasks()
            self._quiet = not points
        if self._n_ticks % CLUSTER_TICKS == 0:
            points |= self._points.cluster()
        self.emitter.measure(points)

    def _graph_closed(self, graph: OpenGraph) -> None:
        code = ""
        if graph.span_id is not None:
            code = "\n\n".join(private.source_code(self._scheduler, graph.span_id))[-MAX_CODE:]
        self.emitter.record(graph.event(code))
