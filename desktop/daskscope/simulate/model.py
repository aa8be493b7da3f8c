"""Graph after graph, cut into ticks.

The model keeps the lanes busy: the next graph is submitted when most of the lanes have nothing left
to do for the ones before, and its tasks take as long as it takes for the asked rate of spans.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from daskscope.simulate import recipe
from daskscope.simulate.graph import State
from daskscope.simulate.planner import Planner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daskscope.simulate.cluster import Cluster
    from daskscope.simulate.graph import Attempts, Graph, Ints, Moves, Scheduled
    from daskscope.simulate.loss import Loss

#: What a graph takes at least; how many tasks it has for each lane, unless it would take too long;
#: and how many at least and at most.
_GRAPH_S: Final = 2.5
_LONGEST_GRAPH_S: Final = 20.0
_TASKS_A_LANE: Final = 12
_FEWEST_TASKS: Final = 64
_MOST_TASKS: Final = 200_000
#: Spans for each task, and the share of time in which lanes are busy, before anything was seen.
_SPANS_A_TASK: Final = 1.5
_BUSY: Final = 0.7
#: Mean time between two losses of a worker, and between two pauses, in seconds; the first of each.
_LOSS_S: Final = 25.0
_PAUSE_S: Final = 18.0
_FIRST_S: Final = 4.0
_PAUSED_NS: Final = 1_500_000_000
S: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Pause:
    """A worker that took no tasks because its memory was full."""

    process: int
    start: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What of one layer ended within a tick."""

    graph: Graph
    layer: Scheduled
    attempts: Attempts
    transfers: Moves
    writes: Moves
    reads: Moves
    unpickled: Moves


@dataclass(frozen=True, slots=True, eq=False)
class Tick:
    """What happened after `start` and up to `end`.

    Attributes
    ----------
    submitted, finished
        Graphs; each is in one tick's `submitted` and in one's `finished`.
    losses, pauses
        Those of the graphs in `submitted`: their times may be later.
    graphs
        All that go on, those in `finished` included.
    """

    start: int
    end: int
    parts: tuple[Part, ...]
    submitted: tuple[Graph, ...]
    finished: tuple[Graph, ...]
    losses: tuple[Loss, ...]
    pauses: tuple[Pause, ...]
    graphs: tuple[Graph, ...]


@dataclass(slots=True, eq=False)
class Model:
    """A cluster at work.

    Parameters
    ----------
    cluster
        Grows by what dies and comes back.
    rate
        Spans a second, on average.
    """

    cluster: Cluster
    rate: float
    _rng: np.random.Generator = field(init=False)
    _state: State = field(init=False)
    _n_spans: int = 0
    _n_graphs: int = 0
    _spans_a_task: float = _SPANS_A_TASK
    _busy: float = _BUSY
    _submit: int = 0
    _loss: int = int(_FIRST_S * S)
    _pause: int = int(1.5 * _FIRST_S * S)

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.cluster.seed)
        self._state = State.of(self.cluster)

    def ticks(self, tick_ns: int) -> Iterator[Tick]:
        """Ticks without end."""
        active: list[Graph] = []
        start = 0
        while True:
            end = start + tick_ns
            submitted: list[Graph] = []
            losses: list[Loss] = []
            pauses: list[Pause] = []
            while self._submit <= end:
                graph, loss = self._next()
                submitted.append(graph)
                losses.extend([loss] if loss else [])
                pauses.extend(self._paused(graph))
            active.extend(submitted)
            yield Tick(
                start,
                end,
                tuple(part for graph in active for part in _parts(graph, start, end)),
                tuple(submitted),
                tuple(graph for graph in active if start < graph.end <= end),
                tuple(losses),
                tuple(pauses),
                tuple(active),
            )
            active = [graph for graph in active if last_end(graph) > end]
            start = end

    def _next(self) -> tuple[Graph, Loss | None]:
        chosen = recipe.RECIPES[int(self._rng.integers(len(recipe.RECIPES)))]
        tasks_per_s = self.rate / self._spans_a_task
        n_tasks = min(_TASKS_A_LANE * self.cluster.n_lanes, _LONGEST_GRAPH_S * tasks_per_s)
        n_tasks = max(n_tasks, _GRAPH_S * tasks_per_s) * self._rng.uniform(0.6, 1.4)
        n_tasks = min(max(n_tasks, _FEWEST_TASKS), _MOST_TASKS)
        layers = recipe.layers(chosen, int(n_tasks))
        n_tasks = layers[-1].first + layers[-1].n
        unit_ns = self._unit_ns(layers, n_tasks)
        planner = Planner(
            self.cluster,
            self._state,
            np.random.default_rng([self.cluster.seed, self._n_graphs]),
            self.cluster.seed * 1_000_003 + self._n_graphs,
            unit_ns,
        )
        before = float(self._state.free.mean())
        submit = self._submit
        graph = planner.graph(self._n_graphs, chosen, layers, submit, self._loss)
        self._n_graphs += 1
        if planner.loss is not None:
            self._loss = submit + int(self._rng.exponential(_LOSS_S) * S) + int(_FIRST_S * S)
        elif self._state.free.min() > self._loss:
            self._loss = int(self._state.free.max())
        self._learn(graph, before, submit)
        # Most lanes have run out of work: the client sends more.
        self._submit = max(int(np.quantile(self._state.free, 0.1)), submit + 1_000_000)
        return graph, planner.loss

    def _unit_ns(self, layers: list[recipe.Layer], n_tasks: int) -> float:
        """How long the longest tasks shall take for all of them to take their share of time."""
        work = sum(
            layer.n * layer.step.duration * np.exp(layer.step.spread**2 / 2) for layer in layers
        )
        due_ns = (self._n_spans + n_tasks * self._spans_a_task) / self.rate * S
        left_ns = due_ns - float(self._state.free.mean())
        even_ns = n_tasks * self._spans_a_task / self.rate * S
        left_ns = min(max(left_ns, 0.6 * even_ns), 1.6 * even_ns)
        return float(left_ns * self._busy * self.cluster.n_lanes / work)

    def _learn(self, graph: Graph, before: float, submit: int) -> None:
        n_spans = sum(_n_spans(layer) for layer in graph.layers)
        self._n_spans += n_spans
        self._spans_a_task += 0.3 * (n_spans / graph.n_tasks - self._spans_a_task)
        worked = sum(
            float((layer.attempts.end - layer.attempts.start).sum()) for layer in graph.layers
        )
        passed = (float(self._state.free.mean()) - before) * self.cluster.n_lanes
        if passed > 0:
            self._busy += 0.3 * (min(max(worked / passed, 0.1), 1.0) - self._busy)

    def _paused(self, graph: Graph) -> Iterator[Pause]:
        """A worker whose memory is full for a while when a graph is about to end."""
        if graph.submit < self._pause:
            return
        self._pause = graph.submit + int(self._rng.exponential(_PAUSE_S) * S)
        n_threads = self.cluster.n_threads
        worker = int(self._rng.integers(self.cluster.n_workers))
        lanes = slice(worker * n_threads, (worker + 1) * n_threads)
        start = int(self._state.free[lanes].max())
        self._state.free[lanes] = start + _PAUSED_NS
        yield Pause(int(self.cluster.process_of[worker]), start, start + _PAUSED_NS)


def _n_spans(layer: Scheduled) -> int:
    """Spans of a layer; a transfer has two ends."""
    moved = len(layer.transfers.end) * 2 + len(layer.writes.end) + len(layer.reads.end)
    return len(layer.attempts.end) + moved + len(layer.unpickled.end)


def last_end(graph: Graph) -> int:
    """When the last of all its spans ends."""
    return max(
        graph.end,
        *(int(table.end[-1]) for one in graph.layers for table in _tables(one) if len(table.end)),
    )


def _tables(layer: Scheduled) -> tuple[Attempts | Moves, ...]:
    return layer.attempts, layer.transfers, layer.writes, layer.reads, layer.unpickled


def _parts(graph: Graph, start: int, end: int) -> Iterator[Part]:
    for layer in graph.layers:
        cuts = [_cut(table.end, start, end) for table in _tables(layer)]
        if any(cut.stop > cut.start for cut in cuts):
            yield Part(
                graph,
                layer,
                layer.attempts.rows(cuts[0]),
                layer.transfers.rows(cuts[1]),
                layer.writes.rows(cuts[2]),
                layer.reads.rows(cuts[3]),
                layer.unpickled.rows(cuts[4]),
            )


def _cut(ends: Ints, start: int, end: int) -> slice:
    first, last = ends.searchsorted([start, end], "right").tolist()
    return slice(first, last)
