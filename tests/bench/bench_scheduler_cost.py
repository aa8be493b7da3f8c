"""What a task costs the scheduler: CPU time of all hooks together, and of its whole process.

- Hooks: a real scheduler computes the same graphs by turns with and without the instrumentation;
  its worker is asked for nothing but its address, for what it would report is made up here. Dask's
  own plugins are there in all cases. Messages to the worker are encoded as they would be.
- The process: a scheduler serves a crew over real connections (see `crew`) and sends to a receiver
  that forgets. One percent more or less drowns between two such runs, or two seconds of one: what
  comes in when makes ten. So what the instrumentation takes is looked at itself: by the clock of
  the thread that sends, around each tick on the event loop, and by hooks as above. What is in none
  of them is the wait of one thread for the other's lock.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import multiprocessing
import statistics
import subprocess
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

import dask
from dask._expr import LLGExpr
from dask._task_spec import Task, TaskRef
from distributed import Scheduler, SchedulerPlugin, Worker
from distributed.protocol.core import dumps
from distributed.protocol.serialize import Serialized, serialize, to_serialize

from dask_otel import preload
from dask_otel.config import Settings, Target, towards
from dask_otel.emit import Emitter
from dask_otel.record.spans import SpanMaker
from dask_otel.scheduler.adapter import PLUGIN_NAME, SchedulerAdapter
from tests.bench import crew
from tests.bench.figures import Figure, figure

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

WIDTH = 20
N_LAYERS = 4
N_ROUNDS = 500
N_WARM = 30
WARM_S = 2.0
SECONDS = 15.0
#: By name: how long a task takes on each of the crew's threads.
LOADS = {"all that it can take": 0.0, "tasks of 40 ms": 0.04}  # the latter are 400 a second
BUDGET_PERCENT = 1.0
QUIET = {
    "distributed.scheduler.preload": [],
    "distributed.worker.preload": [],
    "distributed.scheduler.active-memory-manager.start": False,
}


class _Stream:
    """Takes the messages to a worker."""

    def __init__(self) -> None:
        self.messages: deque[dict[str, Any]] = deque()

    def send(self, *messages: dict[str, Any]) -> None:
        dumps(list(messages))
        self.messages.extend(message for message in messages if message["op"] == "compute-task")


class Cost(NamedTuple):
    """Microseconds per task: of the bare scheduler, and what is added to it in each round, sorted,
    by a plugin without hooks and by the instrumentation.
    """

    bare_us: float
    empty_us: list[float]
    added_us: list[float]


def _inc(*values: int) -> int:
    return sum(values) + 1


def _graph(name: str, n_dependencies: int) -> dict[Any, Task]:
    """Layers of tasks, each of which needs `n_dependencies` of the layer before."""
    return {
        (f"{name}-{layer}", i): Task(
            (f"{name}-{layer}", i),
            _inc,
            *(
                TaskRef((f"{name}-{layer - 1}", (i + j) % WIDTH))
                for j in range(n_dependencies if layer else 0)
            ),
        )
        for layer in range(N_LAYERS)
        for i in range(WIDTH)
    }


async def _compute(scheduler: Scheduler, stream: _Stream, worker: str, graph: Any) -> float:
    """CPU microseconds per task, from submission until nothing is left of the graph."""
    expr = Serialized(*serialize(to_serialize(LLGExpr(graph))))
    began_s = time.thread_time()
    await scheduler.update_graph(
        client="bench",
        expr_ser=expr,
        keys=set(graph),
        span_metadata={"collections": []},
        internal_priority={key: i for i, key in enumerate(graph)},
        submitting_task=None,
    )
    while stream.messages:
        message = stream.messages.popleft()
        now_s = time.time()
        scheduler.handle_task_finished(
            key=message["key"],
            worker=worker,
            stimulus_id="bench",
            run_id=message["run_id"],
            status="OK",
            metadata={},
            nbytes=28,
            type=None,
            typename="int",
            thread=1,
            startstops=({"action": "compute", "start": now_s - 1e-3, "stop": now_s},),
        )
    scheduler.client_releases_keys(keys=list(graph), client="bench", stimulus_id="bench")
    took_s = time.thread_time() - began_s
    if scheduler.tasks:
        raise RuntimeError("not all tasks have been computed")
    return took_s / len(graph) * 1e6


async def _instrumented(scheduler: Scheduler, *compute: Any) -> float:
    """The same with the instrumentation, which has nowhere to send to."""
    settings = Settings(Target("http/protobuf", "http://127.0.0.1:1/v1/traces"), None, None)
    address = scheduler.address
    adapter = SchedulerAdapter(
        scheduler, Emitter(settings, {}, SpanMaker(address, address)), settings
    )
    scheduler.add_plugin(adapter)
    adapter.begin()
    try:
        return await _compute(scheduler, *compute)
    finally:
        adapter.end()
        scheduler.remove_plugin(adapter.name)


async def _with_empty_plugin(scheduler: Scheduler, *compute: Any) -> float:
    """The same with a plugin that has no hooks: what it takes Dask to call anybody at all."""
    scheduler.add_plugin(SchedulerPlugin(), name="empty")
    try:
        return await _compute(scheduler, *compute)
    finally:
        scheduler.remove_plugin("empty")


async def _costs() -> dict[int, Cost]:
    """By how many dependencies the tasks have."""
    found: dict[int, Cost] = {}
    async with (
        Scheduler(host="127.0.0.1", port=0, dashboard=False) as scheduler,
        Worker(scheduler.address, nthreads=2, dashboard=False) as worker,
    ):
        address, stream = worker.address, _Stream()
        own_stream, scheduler.stream_comms[address] = scheduler.stream_comms[address], stream
        gc.collect()
        gc.freeze()  # what is there already is not to be looked at again in the middle of a run
        for n_dependencies in (0, 2):
            bare_us, empty_us, added_us = [], [], []
            ways = [_compute, _with_empty_plugin, _instrumented]
            for number in range(-N_WARM, N_ROUNDS):
                runs = {}
                for compute in ways[:: 1 if number % 2 else -1]:
                    # One prefix: those that a scheduler has seen it keeps.
                    graph = _graph(f"inc-{number}", n_dependencies)
                    runs[compute] = await compute(scheduler, stream, address, graph)
                if number >= 0:
                    bare = runs[_compute]
                    bare_us.append(bare)
                    empty_us.append(runs[_with_empty_plugin] - bare)
                    added_us.append(runs[_instrumented] - bare)
            found[n_dependencies] = Cost(
                statistics.median(bare_us), sorted(empty_us), sorted(added_us)
            )
        scheduler.stream_comms[address] = own_stream
    return found


class Share(NamedTuple):
    """What a scheduler's process took for each task.

    Attributes
    ----------
    rate
        Tasks in a second.
    all_us, ticks_us, sending_us
        CPU time: of the process; of that by ticks on its event loop, and by the thread that sends.
    """

    rate: float
    all_us: float
    ticks_us: float
    sending_us: float

    def percent(self, hooks_us: float) -> float:
        """How much more it is for the instrumentation."""
        ours_us = hooks_us + self.ticks_us + self.sending_us
        return ours_us / (self.all_us - ours_us) * 100


class _Stopwatch:
    """Adds up the CPU time of a coroutine that never waits."""

    def __init__(self, watched: Callable[[], Awaitable[None]]) -> None:
        self._watched = watched
        self.cpu_s = 0.0

    async def __call__(self) -> None:
        began_s = time.thread_time()
        await self._watched()
        self.cpu_s += time.thread_time() - began_s


def _n_computed(scheduler: Scheduler) -> int:
    prefix = scheduler.task_prefixes.get(crew.inc.__name__)
    return prefix.state_counts["memory"] if prefix else 0


async def _measured(scheduler: Scheduler) -> Share:
    adapter: Any = scheduler.plugins[PLUGIN_NAME]
    ticks = adapter._ticking._run = _Stopwatch(adapter._ticking._run)
    sending = time.pthread_getcpuclockid(adapter.emitter._thread.ident)
    await asyncio.sleep(WARM_S)

    def now() -> tuple[float, ...]:
        sent_s = time.clock_gettime(sending)
        return _n_computed(scheduler), time.process_time(), ticks.cpu_s, sent_s, time.monotonic()

    before = now()
    await asyncio.sleep(SECONDS)
    n, all_s, ticks_s, sending_s, wall_s = (b - a for a, b in zip(before, now(), strict=True))
    return Share(n / wall_s, *(spent_s / n * 1e6 for spent_s in (all_s, ticks_s, sending_s)))


async def _share(task_s: float, settings: Settings) -> Share:
    spawn = multiprocessing.get_context("spawn")
    async with Scheduler(host="127.0.0.1", port=0, dashboard=False) as scheduler:
        others = [
            spawn.Process(target=crew.work, args=(scheduler.address, task_s), daemon=True),
            spawn.Process(target=crew.ask, args=(scheduler.address,), daemon=True),
        ]
        for process in others:
            process.start()
        try:
            while not _n_computed(scheduler):  # noqa: ASYNC110 - Dask sets no event
                await asyncio.sleep(0.1)
            gc.collect()
            gc.freeze()
            await preload.instrument(scheduler, settings)
            found = await _measured(scheduler)
            await preload.uninstrument(scheduler)
        finally:
            for process in others:
                process.kill()
                process.join()
    return found


def _shares() -> dict[str, Share]:
    """By the name of the load."""
    command = [sys.executable, "-c", "from tests.bench.bench_worker_cost import serve; serve()"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as sink:
        assert sink.stdout is not None
        endpoint = sink.stdout.readline().strip()
        try:
            settings = towards(Settings(None, None, None), endpoint, "http/protobuf")
            return {name: asyncio.run(_share(task_s, settings)) for name, task_s in LOADS.items()}
        finally:
            sink.kill()


def run() -> list[Figure]:
    """Measure, and say whether the budget is met."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with dask.config.set(QUIET):
        hooks, shares = asyncio.run(_costs()), _shares()
    return [*_of_hooks(hooks), *_of_process(shares, statistics.median(hooks[0].added_us))]


def _of_hooks(found: dict[int, Cost]) -> Iterator[Figure]:
    for n_dependencies, (bare_us, empty_us, added_us) in found.items():
        for name, values in (("a plugin without hooks", empty_us), ("all hooks", added_us)):
            low_us, high_us = values[len(values) // 4], values[-len(values) // 4]
            yield figure(
                f"scheduler: {name}, CPU per task with {n_dependencies} dependencies "
                f"(half of the rounds {low_us:.1f} to {high_us:.1f}; Dask's own {bare_us:.0f})",
                statistics.median(values),
                "us",
            )


def _of_process(shares: dict[str, Share], hooks_us: float) -> Iterator[Figure]:
    for name, share in shares.items():
        yield figure(
            f"scheduler, {name}, {share.rate:.0f} tasks/s: more CPU, all threads "
            f"(per task {share.all_us:.0f} us, of which hooks {hooks_us:.1f}, "
            f"ticks {share.ticks_us:.1f}, sending {share.sending_us:.1f})",
            share.percent(hooks_us),
            "%",
            BUDGET_PERCENT,
        )


if __name__ == "__main__":
    for row in run():
        print(row)
