"""Laying out a graph on lanes, layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import numpy as np

from daskscope.simulate import ids
from daskscope.simulate.graph import Attempts, Ending, Graph, Moves, Scheduled, Values
from daskscope.simulate.layout import split, varint, varint_range
from daskscope.simulate.loss import BACK_NS, NOTICED_NS, Loss, cut, victim
from daskscope.simulate.recipe import NAMES
from daskscope.simulate.timing import ends_in_order, rank_within

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daskscope.simulate.cluster import Cluster
    from daskscope.simulate.graph import Floats, Ints, State
    from daskscope.simulate.layout import Octets
    from daskscope.simulate.recipe import Layer, Recipe

#: What a value moves at, bytes a second, and its greatest median size.
_BANDWIDTH: Final = 400e6
_MOST_BYTES: Final = 64e6
#: Of the duration of its step: what moving a result takes, writing or reading it, unpickling the
#: first of its tasks, the least that a move takes, and what a thread pauses before a task.
_MOVE_SHARE: Final = 0.3
_DISK_SHARE: Final = 0.4
_DESERIALIZE_SHARE: Final = 0.25
_LATENCY_SHARE: Final = 0.02
_PAUSE_SHARE: Final = 0.05
#: How many times its share of a layer a worker keeps before others steal from it.
_SLACK: Final = 1.2


C = TypeVar("C", Attempts, Moves)


class _Placed(NamedTuple):
    """Where the tasks of a layer run and since when; int64, shape (n,) each."""

    lane: Ints
    process: Ints
    assigned: Ints
    ready: Ints


class Planner:
    """Schedules one graph.

    Parameters
    ----------
    cluster, state
        Of the session; both go on.
    rng
        Of the graph.
    salt
        Makes the keys of the graph its own.
    unit_ns
        Median duration of the recipe's longest tasks.

    Attributes
    ----------
    loss
        The worker that was lost meanwhile.
    """

    def __init__(
        self, cluster: Cluster, state: State, rng: np.random.Generator, salt: int, unit_ns: float
    ) -> None:
        self.loss: Loss | None = None
        self._cluster = cluster
        self._state = state
        self._rng = rng
        self._salt = salt
        self._unit_ns = unit_ns

    def graph(
        self, number: int, recipe: Recipe, layers: Sequence[Layer], submit: int, loss: int | None
    ) -> Graph:
        """A graph of these layers, submitted at a time.

        A worker is lost at the time `loss` if the first layer runs then.
        """
        n_tasks = layers[-1].first + layers[-1].n
        graph = Graph(number, recipe, submit, n_tasks, Values.of(n_tasks))
        for layer in layers:
            graph.layers.append(self._layer(graph, layer, None if layer.first else loss))
        values = graph.values
        graph.end = int(values.end.max())
        # What nothing depends on is kept until the client has gathered it.
        values.released[values.released == 0] = graph.end
        return graph

    def _layer(self, graph: Graph, layer: Layer, loss: int | None) -> Scheduled:
        placed, stolen = self._placed(graph, layer)
        transfers, reads = Moves.none(), Moves.none()
        if layer.dependencies.shape[1]:
            transfers, reads = self._fetch(graph, layer, placed)
        n_tries = 1 + (self._rng.random(layer.n) < layer.step.flaky)
        task = np.repeat(np.arange(layer.n), n_tries)
        task = task[np.lexsort((task, placed.ready[task], placed.lane[task]))]
        attempts, unpickled = self._run(layer, task, placed)
        if loss is not None:
            attempts, unpickled = self._with_loss(layer, attempts, unpickled, loss)
        done = attempts.ending <= Ending.ERRED.value
        np.maximum.at(self._state.free, attempts.lane[done], attempts.end[done])
        if layer.step.broken:
            is_broken = self._rng.random(layer.n) < layer.step.broken
            is_hit = is_broken[attempts.task] & (attempts.ending == Ending.FINISHED.value)
            attempts.ending[is_hit] = Ending.ERRED
        keys = self._finish(graph, layer, attempts)
        attempts.task += layer.first
        return Scheduled(
            layer,
            keys,
            _by_end(attempts),
            _by_end(transfers),
            _by_end(self._written(graph, layer)),
            _by_end(reads),
            _by_end(unpickled),
            stolen,
        )

    def _duration_ns(self, layer: Layer) -> float:
        return self._unit_ns * layer.step.duration

    # Where -----------------------------------------------------------------------------------

    def _placed(self, graph: Graph, layer: Layer) -> tuple[_Placed, Ints]:
        """Where tasks run, and the numbers of those that are stolen from where their data are."""
        n_threads, free = self._cluster.n_threads, self._state.free
        stolen = np.empty(0, np.int64)
        if not layer.dependencies.shape[1]:
            # Neighbours stay together, so that what works on them finds them on one worker.
            lane = np.sort(_earliest(free, graph.submit, self._duration_ns(layer), layer.n))
            assigned = np.full(layer.n, graph.submit)
        else:
            assigned = graph.values.end[layer.dependencies].max(axis=1)
            worker = self._cluster.worker_of(graph.values.process[layer.dependencies[:, 0]])
            soonest = _earliest(free, graph.submit, self._duration_ns(layer), layer.n) // n_threads
            moved, thieves = self._stolen(worker, soonest)
            stolen = layer.first + moved
            worker[moved] = thieves
            lane = worker * n_threads + rank_within(worker) % n_threads
        process = self._cluster.process_of[lane // n_threads]
        assigned = np.maximum(assigned, self._state.since[lane // n_threads])
        return _Placed(lane, process, assigned, assigned.copy()), stolen

    def _stolen(self, worker: Ints, soonest: Ints) -> tuple[Ints, Ints]:
        """Rows that workers with too much to do give away, and the workers that take them.

        `worker` has their data, `soonest` says which workers would be free for so many tasks first.
        """
        n = self._cluster.n_workers
        wanted = np.bincount(soonest, minlength=n)
        has = np.bincount(worker, minlength=n)
        room = np.repeat(np.arange(n), np.maximum(wanted - has, 0))
        moved = np.flatnonzero(rank_within(worker) > _SLACK * wanted[worker])[: len(room)]
        return moved, self._rng.permutation(room)[: len(moved)]

    def _fetch(self, graph: Graph, layer: Layer, placed: _Placed) -> tuple[Moves, Moves]:
        """What is moved and read for a layer; its tasks are ready when that is done."""
        values = graph.values
        n, k = layer.dependencies.shape
        task, value = np.repeat(np.arange(n), k), layer.dependencies.ravel()
        is_far = values.process[value] != placed.process[task]
        transfers, of_row = self._moves(graph, layer, placed, task[is_far], value[is_far])
        np.maximum.at(placed.ready, task[is_far], transfers.end[of_row])
        is_read = ~is_far & (values.written[value] > 0) & (values.read[value] == 0)
        reads, of_row = self._moves(graph, layer, placed, task[is_read], value[is_read])
        late = np.maximum(values.written[reads.value] - reads.start, 0)
        reads.start += late
        reads.end += late
        np.maximum.at(placed.ready, task[is_read], reads.end[of_row])
        values.read[reads.value] = reads.end
        return transfers, reads

    def _moves(
        self, graph: Graph, layer: Layer, placed: _Placed, task: Ints, value: Ints
    ) -> tuple[Moves, Ints]:
        """Moves of values to where tasks need them, and of each pair of both its move.

        Where several tasks need one value it comes once, for the first of them.
        """
        where = placed.process[task] * graph.n_tasks + value
        _, first, of_row = np.unique(where, return_index=True, return_inverse=True)
        task, value = task[first], value[first]
        slowness = self._rng.lognormal(0.0, 0.5, len(value))
        took_ns = graph.values.n_bytes[value] / _BANDWIDTH * 1e9 * slowness
        took_ns += _LATENCY_SHARE * self._duration_ns(layer) + 1_000
        start = placed.assigned[task]
        moves = Moves(
            value,
            layer.first + task,
            placed.process[task],
            placed.lane[task],
            graph.values.process[value],
            start,
            start + took_ns.astype(np.int64),
            self._numbers(len(value)),
        )
        return moves, of_row.ravel()

    def _numbers(self, n: int) -> Ints:
        numbers = self._state.n_moves + np.arange(n)
        self._state.n_moves += n
        return numbers

    # When ------------------------------------------------------------------------------------

    def _run(self, layer: Layer, task: Ints, placed: _Placed) -> tuple[Attempts, Moves]:
        """Attempts at tasks that are in the order of their lanes; what they unpickle first.

        Of two attempts at one task the first fails.
        """
        rng, median_ns = self._rng, self._duration_ns(layer)
        n = len(task)
        lane, process = placed.lane[task], placed.process[task]
        took_ns = (median_ns * rng.lognormal(0.0, layer.step.spread, n)).astype(np.int64) + 1_000
        is_failing = np.zeros(n, np.bool_)
        is_failing[:-1] = task[1:] == task[:-1]
        pause_ns = rng.exponential(_PAUSE_SHARE * median_ns, n).astype(np.int64) + 200
        fresh = self._fresh(layer, lane)
        unpickling_ns = np.zeros(n, np.int64)
        unpickling_ns[fresh] = int(_DESERIALIZE_SHARE * median_ns) + 1_000
        occupied_ns = took_ns + pause_ns + unpickling_ns
        end = ends_in_order(lane, placed.ready[task], occupied_ns, self._state.free)
        start = end - took_ns
        assigned, ready = placed.assigned[task], placed.ready[task]
        if not layer.dependencies.shape[1]:
            # Until a thread is about to be free they wait on the scheduler.
            assigned = ready = start - pause_ns - unpickling_ns
        ending = np.where(is_failing, Ending.FAILED, Ending.FINISHED)
        attempts = Attempts(
            task, np.zeros(n, np.int64), process, lane, assigned, ready, start, end, ending
        )
        stop = (start - pause_ns // 2)[fresh]
        number = layer.first + task[fresh]
        unpickled = Moves(
            number,
            number,
            process[fresh],
            lane[fresh],
            process[fresh],
            stop - unpickling_ns[fresh],
            stop,
            self._numbers(len(fresh)),
        )
        return attempts, unpickled

    def _fresh(self, layer: Layer, lane: Ints) -> Ints:
        """The first rows on workers that have not yet seen tasks of that name."""
        knows = self._state.knows[NAMES.index(layer.step.name)]
        worker = lane // self._cluster.n_threads
        found, first = np.unique(worker, return_index=True)
        fresh: Ints = first[~knows[found]]
        knows[found] = True
        return fresh

    def _with_loss(
        self, layer: Layer, planned: Attempts, unpickled: Moves, time: int
    ) -> tuple[Attempts, Moves]:
        """The attempts at a layer and what is unpickled, when a worker dies meanwhile."""
        state, n_threads = self._state, self._cluster.n_threads
        worker = victim(state.free, planned, time, n_threads, self._rng)
        if worker is None:
            return planned, unpickled
        process = int(self._cluster.process_of[worker])
        left, again = cut(planned, planned.process == process, time, n_threads)
        lanes = slice(worker * n_threads, (worker + 1) * n_threads)
        done = (left.ending <= Ending.ERRED.value) & (left.process != process)
        free = state.free.copy()
        np.maximum.at(free, left.lane[done], left.end[done])
        noticed = time + NOTICED_NS
        free[lanes] = state.free[lanes] = noticed + BACK_NS
        lane = np.sort(_earliest(free, noticed, self._duration_ns(layer), len(again)))
        elsewhere = lane // n_threads != worker
        lane = np.where(elsewhere, lane, (lane + n_threads) % self._cluster.n_lanes)
        lane.sort()
        zeros = np.zeros((2, layer.n), np.int64)
        placed = _Placed(*zeros, *np.full((2, layer.n), noticed))
        placed.lane[again] = lane
        placed.process[again] = self._cluster.process_of[lane // n_threads]
        before, state.free = state.free, free
        redone, more = self._run(layer, again, placed)
        state.free = before
        successor = self._cluster.restart(worker)
        state.knows[:, worker] = False
        state.since[worker] = noticed + BACK_NS
        self.loss = Loss(worker, process, successor, time, noticed + BACK_NS, len(again))
        is_over = (unpickled.process != process) | (unpickled.end <= time)
        return left.joined(redone), unpickled.rows(is_over).joined(more)

    # What comes of it ------------------------------------------------------------------------

    def _finish(self, graph: Graph, layer: Layer, attempts: Attempts) -> Octets:
        """Number the attempts in the order in which they began, and note results; the keys."""
        state, values = self._state, graph.values
        attempts.run_id[np.argsort(attempts.assigned, kind="stable")] = state.run_id + np.arange(
            len(attempts)
        )
        state.run_id += len(attempts)
        numbers = (layer.first + np.arange(layer.n)).astype(np.uint64)
        keys = ids.keys(layer.step.name, numbers, self._salt)
        # Of several attempts at a task the last one counts.
        last = np.zeros(layer.n, np.int64)
        in_order = np.argsort(attempts.end, kind="stable")
        last[attempts.task[in_order]] = in_order
        own = slice(layer.first, layer.first + layer.n)
        values.end[own] = attempts.end[last]
        values.process[own] = attempts.process[last]
        values.attempt[own] = ids.attempt_ids(split(keys), attempts.run_id[last].tolist())
        median = min(_MOVE_SHARE * self._duration_ns(layer) / 1e9 * _BANDWIDTH + 64, _MOST_BYTES)
        sizes = np.log(median) + self._rng.normal(0.0, 0.6, layer.n)
        values.n_bytes[own] = _folded(sizes, *varint_range(len(varint(int(median)))))
        for column in layer.dependencies.T:
            np.maximum.at(values.released, column, values.end[own])
        return keys

    def _written(self, graph: Graph, layer: Layer) -> Moves:
        """Results that the memory monitor writes to disk."""
        share = layer.step.spilled
        value = layer.first + np.flatnonzero(self._rng.random(layer.n) < share)
        took_ns = int(_DISK_SHARE * self._duration_ns(layer)) + 1_000
        start = graph.values.end[value] + took_ns // 2
        graph.values.written[value] = start + took_ns
        process = graph.values.process[value]
        nobody = np.full(len(value), -1)
        number = self._numbers(len(value))
        return Moves(value, nobody, process, nobody, process, start, start + took_ns, number)


def _earliest(free: Ints, since: int, duration_ns: float, n: int) -> Ints:
    """The lanes of the `n` earliest starts from `since` on, in order of time."""
    n_each = 2 * n // len(free) + 2
    step_ns = max(int(duration_ns), 1)
    starts = (np.maximum(free, since)[:, None] + np.arange(n_each) * step_ns).ravel()
    chosen = np.argpartition(starts, n)[:n] if n < len(starts) else np.arange(len(starts))
    chosen = chosen[np.argsort(starts[chosen], kind="stable")]
    lanes: Ints = chosen // n_each
    return lanes


def _folded(logarithms: Floats, least: int, most: int) -> Ints:
    """Whole numbers from `least` to `most`; what lies beyond an end is mirrored there."""
    low, width = np.log(least), np.log(most / least)
    folded = width - np.abs((logarithms - low) % (2 * width) - width)
    sizes: Ints = np.clip(np.exp(low + folded), least, most).astype(np.int64)
    return sizes


def _by_end(rows: C) -> C:
    return rows.rows(np.argsort(rows.end, kind="stable"))
