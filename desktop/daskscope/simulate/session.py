"""All that a simulated cluster sends, in order of time."""

from __future__ import annotations

import heapq
from itertools import islice
from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.simulate import records, requests
from daskscope.simulate.calls import client_spans, graph_spans
from daskscope.simulate.model import Model
from daskscope.simulate.points import WORKER_SERIES, WorkerPoints, metrics
from daskscope.simulate.readings import Readings
from daskscope.simulate.requests import POINTS, RECORDS, SPANS, Request
from daskscope.simulate.spans import SCHEDULER, SpanWriter
from daskscope.simulate.traces import Traces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daskscope.simulate.cluster import Cluster
    from daskscope.simulate.graph import Ints
    from daskscope.simulate.model import Pause, Tick
    from daskscope.simulate.points import Key

#: How often everything is sent, as `dask_otel` does it by default.
TICK_NS: Final = 100_000_000
#: Workers say what they run every 200 ms and measure every 500 ms. So many of them a second are
#: heard; where there are more, each is heard less often, as a Collector in front would see to.
_RUNNING_TICKS: Final = 2
_POINTS_TICKS: Final = 5
_MOST_A_TICK: Final = 200


class Session:
    """What a cluster sends from its start on.

    Parameters
    ----------
    cluster
        Its seed makes everything what it is.
    rate
        Spans a second, on average.
    origin_ns
        When it starts, in nanoseconds since the epoch.
    """

    def __init__(self, cluster: Cluster, rate: float, origin_ns: int) -> None:
        self._cluster = cluster
        self._origin_ns = origin_ns
        self._model = Model(cluster, rate)
        self._spans = SpanWriter(cluster, origin_ns)
        self._points = WorkerPoints(origin_ns)
        self._readings = Readings(cluster)
        self._traces: dict[int, Traces] = {}
        self._resources: list[bytes] = []
        self._scheduler = requests.resource(cluster.scheduler)
        self._client = requests.resource(cluster.client)
        self._told: dict[Key, float] = {}
        self._pauses: list[Pause] = []
        self._gone: dict[int, tuple[int, int]] = {}
        self._is_running: set[int] = set()
        self._events: list[tuple[int, int, records.Event]] = []
        self._n_events = 0
        for process in range(len(cluster.processes)):
            self._say(records.added(process, 0, cluster))

    def requests(self, seconds: float | None = None) -> Iterator[Request]:
        """Requests in the order in which they are due, of so many seconds or without end."""
        n_ticks = None if seconds is None else max(round(seconds * 1e9 / TICK_NS), 1)
        for number, tick in enumerate(islice(self._model.ticks(TICK_NS), n_ticks)):
            yield from self._tick(number, tick)

    def _tick(self, number: int, tick: Tick) -> Iterator[Request]:
        self._resources += [
            requests.resource(one.attributes)
            for one in self._cluster.processes[len(self._resources) :]
        ]
        for graph in tick.submitted:
            self._traces[graph.number] = Traces.of(graph, self._cluster.seed)
        for event in records.events(tick, self._cluster):
            self._say(event)
        for loss in tick.losses:
            self._gone[loss.process] = (0, loss.time)
            self._gone[loss.successor] = (loss.back, 2**63 - 1)
        self._pauses = [p for p in (*self._pauses, *tick.pauses) if p.end > tick.start]
        # What is about to run first, then what has ended: as it is with workers.
        yield from requests.batched(tick.end, RECORDS, self._log_elements(number, tick))
        senders: list[Ints] = []
        yield from requests.batched(tick.end, SPANS, self._span_elements(tick, senders))
        self._readings.advance(tick, np.concatenate([np.empty(0, np.int64), *senders]))
        yield from requests.batched(tick.end, POINTS, self._point_elements(number, tick))

    # Spans -----------------------------------------------------------------------------------

    def _span_elements(self, tick: Tick, senders: list[Ints]) -> Iterator[tuple[bytes, int]]:
        spans: list[bytes] = []
        for part in tick.parts:
            for encoded in self._spans.encoded(part, self._traces[part.graph.number]):
                spans += encoded.spans
                senders.append(encoded.sender)
        told: list[bytes] = []
        if spans:
            for sender, own in requests.by_sender(np.concatenate(senders), spans):
                if sender == SCHEDULER:
                    told += own
                else:
                    yield requests.of_sender(self._resources[sender], own), len(own)
        for graph in tick.finished:
            traces = self._traces[graph.number]
            told += graph_spans(graph, traces, self._cluster, self._origin_ns)
            called = client_spans(graph, traces, self._cluster, self._origin_ns)
            yield requests.of_sender(self._client, called), len(called)
        if told:
            yield requests.of_sender(self._scheduler, told), len(told)
        alive = {graph.number for graph in tick.graphs}
        self._traces = {number: one for number, one in self._traces.items() if number in alive}

    # Points ----------------------------------------------------------------------------------

    def _point_elements(self, number: int, tick: Tick) -> Iterator[tuple[bytes, int]]:
        paused = {p.process for p in self._pauses if p.start <= tick.end < p.end}
        readings = self._readings.scheduler(tick, len(paused))
        changed = {key: value for key, value in readings.items() if self._told.get(key) != value}
        self._told.update(changed)
        time_ns = self._origin_ns + tick.end
        if changed:
            told = metrics(self._origin_ns, time_ns, changed)
            yield requests.of_sender(self._scheduler, told), len(changed)
        process = self._heard(number, _POINTS_TICKS, tick.end)
        if len(process):
            is_paused = np.isin(process, list(paused))
            values = self._readings.workers(tick, process, is_paused)
            messages = self._points.messages(time_ns, values)
            for index, message in zip(process.tolist(), messages, strict=True):
                yield requests.of_sender(self._resources[index], [message]), len(WORKER_SERIES)

    def _heard(self, number: int, n_ticks: int, time: int) -> Ints:
        """Processes whose turn it is in a tick."""
        n = self._cluster.n_workers
        n_ticks = max(n_ticks, -(-n // _MOST_A_TICK))
        process = self._cluster.process_of[number % n_ticks :: n_ticks]
        turns: Ints = process[[self._is_there(one, time) for one in process.tolist()]]
        return turns

    def _is_there(self, process: int, time: int) -> bool:
        since, until = self._gone.get(process, (0, 2**63 - 1))
        return since <= time < until

    # Records ---------------------------------------------------------------------------------

    def _say(self, event: records.Event) -> None:
        self._n_events += 1
        heapq.heappush(self._events, (event.time, self._n_events, event))

    def _log_elements(self, number: int, tick: Tick) -> Iterator[tuple[bytes, int]]:
        due: list[bytes] = []
        while self._events and self._events[0][0] <= tick.end:
            event = heapq.heappop(self._events)[2]
            due.append(records.event_record(event, self._origin_ns))
        if due:
            yield requests.of_sender(self._scheduler, due), len(due)
        turns = self._heard(number, _RUNNING_TICKS, tick.end).tolist()
        tick_ns = _RUNNING_TICKS * TICK_NS
        runs = records.running(tick.graphs, self._cluster, turns, tick.end, tick_ns)
        time_ns = self._origin_ns + tick.end
        for process in turns:
            own = runs.get(process, [])
            # That nothing runs is said once.
            if own or process in self._is_running:
                record = records.running_record(own, time_ns, self._origin_ns)
                yield requests.of_sender(self._resources[process], [record]), 1
            (self._is_running.add if own else self._is_running.discard)(process)
