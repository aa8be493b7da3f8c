"""Adapter to Dask's scheduler: plugin hooks and ticks on its event loop; events out, nothing else.

No hook runs per task: Dask counts tasks and watches its spans by itself, and a tick reads that.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from distributed.diagnostics.plugin import SchedulerPlugin
from tornado.ioloop import PeriodicCallback

from dask_otel import conventions as names
from dask_otel import events
from dask_otel.compat import clock, servers
from dask_otel.conventions import MAX_GRAPH_PREFIXES
from dask_otel.emit import guarded
from dask_otel.points import SchedulerPoints, process
from dask_otel.scheduler import reading

if TYPE_CHECKING:
    from collections.abc import Collection

    from distributed import Scheduler

    from dask_otel.emit import Emitter

PLUGIN_NAME = "dask-otel"
TICK_S = 0.1
POINTS_S = 0.5
#: Everything is sent again so often, for whoever came late.
REFRESH_S = 10.0


@dataclass(slots=True)
class _OpenGraph:
    """A graph that is being computed."""

    start_s: float
    client: str
    n_before: int
    n_tasks: int = 0
    prefixes: set[str] = field(default_factory=set)


class SchedulerAdapter(SchedulerPlugin):
    """Watches one scheduler.

    Parameters
    ----------
    scheduler
        The scheduler.
    emitter
        Takes what happens.
    """

    name = PLUGIN_NAME

    def __init__(self, scheduler: Scheduler, emitter: Emitter) -> None:
        self._scheduler = scheduler
        self.emitter = emitter
        self._points = SchedulerPoints(scheduler)
        self._graphs: dict[str, _OpenGraph] = {}
        self._n_graphs: dict[str, int] = {}
        self._removals: dict[str, tuple[str, bool | None]] = {}
        self._names: dict[str, str] = {}
        self._callbacks = (
            PeriodicCallback(self._tick, TICK_S * 1e3),
            PeriodicCallback(self._measure, POINTS_S * 1e3),
            PeriodicCallback(self._refresh, REFRESH_S * 1e3),
        )

    def begin(self) -> None:
        """Start to look at regular times."""
        for callback in self._callbacks:
            callback.start()

    @guarded("Reading the scheduler")
    def end(self) -> None:
        """Hand over all that is still open."""
        for callback in self._callbacks:
            callback.stop()
        self._close_graphs(everything=True)
        self._refresh()
        self._measure()

    @guarded("Recording a graph")
    def update_graph(
        self, scheduler: Scheduler, *, client: str, tasks: Collection[Any], **_: Any
    ) -> None:
        """Open a graph; called by Dask once for each submission."""
        self._graph_submitted(client, tasks)

    def _graph_submitted(self, client: str, keys: Collection[Any]) -> None:
        now_s = clock.now_s()
        for span_id, prefixes in reading.submitted(self._scheduler, keys).items():
            n_tasks = sum(prefixes.values())
            attributes = {
                names.GRAPH_CLIENT: client,
                names.GRAPH_TASKS: n_tasks,
                names.GRAPH_PREFIXES: tuple(sorted(prefixes))[:MAX_GRAPH_PREFIXES],
            }
            body = f"{client} submitted {n_tasks} tasks"
            self.emitter.log(
                events.Event(
                    now_s, names.EVENT_GRAPH_SUBMITTED, body, attributes, logging.INFO, span_id
                )
            )
            if span_id is not None:
                graph = self._open_graph(span_id, client, now_s)
                graph.n_tasks += n_tasks
                graph.prefixes |= prefixes.keys()

    def _open_graph(self, span_id: str, client: str, now_s: float) -> _OpenGraph:
        graph = self._graphs.get(span_id)
        if graph is None:
            n_before = self._n_graphs.get(span_id, 0)
            self._n_graphs[span_id] = n_before + 1
            enqueued_s = servers.span_enqueued_s(self._scheduler, span_id)
            start_s = enqueued_s if n_before == 0 and enqueued_s is not None else now_s
            graph = self._graphs[span_id] = _OpenGraph(start_s, client, n_before)
        return graph

    def _close_graphs(self, everything: bool = False) -> None:
        for span_id, graph in list(self._graphs.items()):
            stop_s = servers.span_stop_s(self._scheduler, span_id)
            if stop_s is None:
                if not everything:
                    continue
                stop_s = clock.now_s()
            del self._graphs[span_id]
            self.emitter.record(
                events.Graph(
                    span_id,
                    graph.n_before,
                    graph.start_s,
                    max(stop_s, graph.start_s),
                    graph.client,
                    graph.n_tasks,
                    0,
                    tuple(sorted(graph.prefixes))[:MAX_GRAPH_PREFIXES],
                    len(graph.prefixes),
                )
            )

    @guarded("Recording a worker")
    def add_worker(self, scheduler: Scheduler, worker: str) -> None:
        """Log a worker that has joined."""
        ws = scheduler.workers[worker]
        self._names[worker] = str(ws.name)
        attributes = {
            names.WORKER_ADDRESS: worker,
            names.WORKER_NAME: str(ws.name),
            names.WORKER_NTHREADS: ws.nthreads,
        }
        body = f"Worker {ws.name} added at {worker}"
        self.emitter.log(events.Event(clock.now_s(), names.EVENT_WORKER_ADDED, body, attributes))

    def log_event(self, topic: str, msg: Any) -> None:
        """Remember why a worker goes: Dask says it here, just before `remove_worker`."""
        if topic == "all" and isinstance(msg, dict) and msg.get("action") == "remove-worker":
            self._removals[msg.get("worker", "")] = (
                str(msg.get("stimulus_id", "")),
                msg.get("expected"),
            )

    @guarded("Recording a worker")
    def remove_worker(
        self, scheduler: Scheduler, worker: str, *, stimulus_id: str, **_: Any
    ) -> None:
        """Log a worker that has left."""
        reason, expected = self._removals.pop(worker, (stimulus_id, None))
        name = self._names.pop(worker, worker)
        attributes: dict[str, Any] = {
            names.WORKER_ADDRESS: worker,
            names.WORKER_NAME: name,
            names.REMOVAL_REASON: reason,
        }
        if expected is not None:
            attributes[names.REMOVAL_EXPECTED] = expected
        word = "" if expected else " unexpectedly" if expected is False else ""
        body = f"Worker {name} removed{word} from {worker}: {reason}"
        self.emitter.log(events.Event(clock.now_s(), names.EVENT_WORKER_REMOVED, body, attributes))

    @guarded("Reading the scheduler")
    def _tick(self) -> None:
        self._close_graphs()
        self.emitter.measure(self._points.tasks())

    @guarded("Reading the scheduler")
    def _refresh(self) -> None:
        self.emitter.measure(self._points.tasks(everything=True))

    @guarded("Measuring the scheduler")
    def _measure(self) -> None:
        self.emitter.measure(process(self._scheduler) | self._points.cluster())
