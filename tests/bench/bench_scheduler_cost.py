"""What a task costs the scheduler's event loop: microseconds of CPU by all hooks together.

A real scheduler computes the same graphs by turns with and without the instrumentation; its worker
is asked for nothing but its address, for what it would report is made up here. Dask's own plugins
are there in both cases. Messages to the worker are encoded as they would be.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from collections import deque
from typing import Any, NamedTuple

import dask
from dask._expr import LLGExpr
from dask._task_spec import Task, TaskRef
from distributed import Scheduler, Worker
from distributed.protocol.core import dumps
from distributed.protocol.serialize import Serialized, serialize, to_serialize

from dask_otel.config import Settings, Target
from dask_otel.emit import Emitter
from dask_otel.record.spans import SpanMaker
from dask_otel.scheduler.adapter import SchedulerAdapter

WIDTH = 20
N_LAYERS = 11
N_ROUNDS = 250
N_WARM = 10
#: One percent of what a trivial task costs the scheduler's process: see `bench_cluster_cost`.
BUDGET_US = 8.0
QUIET = {
    "distributed.scheduler.preload": [],
    "distributed.worker.preload": [],
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.logging": {"distributed": "error"},
}


class _Stream:
    """Takes the messages to a worker."""

    def __init__(self) -> None:
        self.messages: deque[dict[str, Any]] = deque()

    def send(self, *messages: dict[str, Any]) -> None:
        dumps(list(messages))
        self.messages.extend(message for message in messages if message["op"] == "compute-task")


class Cost(NamedTuple):
    """Microseconds per task: of the bare scheduler, and what the instrumentation adds."""

    bare_us: float
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
            bare_us, added_us = [], []
            for number in range(-N_WARM, N_ROUNDS):
                runs = {}
                for compute in (_compute, _instrumented)[:: 1 if number % 2 else -1]:
                    graph = _graph(f"inc{number}", n_dependencies)
                    runs[compute] = await compute(scheduler, stream, address, graph)
                if number >= 0:
                    bare_us.append(runs[_compute])
                    added_us.append(runs[_instrumented] - runs[_compute])
            found[n_dependencies] = Cost(statistics.median(bare_us), sorted(added_us))
        scheduler.stream_comms[address] = own_stream
    return found


def run() -> list[dict[str, Any]]:
    """Measure, and say whether the budget is met."""
    with dask.config.set(QUIET):
        found = asyncio.run(_costs())
    figures = []
    for n_dependencies, (bare_us, added_us) in found.items():
        value = statistics.median(added_us)
        low_us, high_us = added_us[len(added_us) // 4], added_us[-len(added_us) // 4]
        figures.append(
            {
                "name": f"scheduler: all hooks, CPU per task with {n_dependencies} dependencies "
                f"(half of the rounds {low_us:.1f} to {high_us:.1f}; Dask's own {bare_us:.0f})",
                "value": value,
                "unit": "us",
                "budget": BUDGET_US,
                "met": value <= BUDGET_US,
            }
        )
    return figures


if __name__ == "__main__":
    for row in run():
        print(row)
