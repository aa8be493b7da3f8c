"""What a span costs the worker: CPU on the event loop, CPU of all threads, and spans lost.

The hook runs on real task states, and so does what is put around each task in its thread; the
receiver is another process that reads requests and forgets them.
"""

from __future__ import annotations

import subprocess
import sys
import time
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from distributed.worker_state_machine import TaskState

from dask_otel.compat import worker as dasks
from dask_otel.config import Settings, Target
from dask_otel.emit import Emitter
from dask_otel.events import ANNOTATION, DEPENDENCIES, DEPENDENCY_COUNT
from dask_otel.record.spans import SpanMaker
from dask_otel.worker.attempts import Attempts
from dask_otel.worker.context import ContextProbe
from tests.sinks import HttpSink

N_HOOK = 2_000  # attempts between two exports at the rate below
N_ROUNDS = 20
RATE = 20_000
SECONDS = 10
#: The calls of the hook for one task, before it has run and from its end.
BEFORE = (("released", "waiting"), ("waiting", "ready"), ("ready", "executing"))
AFTER = (("executing", "memory"), ("memory", "released"), ("released", "forgotten"))


class _Forgetful(HttpSink):
    def take(self, signal: str, body: bytes) -> int:
        return 200


def serve() -> None:
    """Receive until standard input ends."""
    with _Forgetful() as sink:
        print(sink.endpoint, flush=True)
        sys.stdin.read()


class _Worker:
    """What the adapter reads of a worker that runs `states`."""

    def __init__(self, states: list[TaskState]) -> None:
        self.state: Any = SimpleNamespace(
            tasks={ts.key: ts for ts in states}, threads={}, executing=set(), long_running=set()
        )
        self.scheduler: Any = SimpleNamespace(address="tcp://s:1")
        self.scheduler_delay = 0.0


def _task_states(n_tasks: int) -> list[TaskState]:
    span_id, group = str(uuid4()), uuid4().hex
    states = []
    for i in range(n_tasks):
        ts = TaskState(key=(f"random_sample-{group}", i, 0), run_id=i)
        ts.state, ts.span_id, ts.priority, ts.nbytes, ts.type = (
            "memory",
            span_id,
            (0, 1, i),
            8,
            float,
        )
        made_from = [[(f"source-{group}", i, 0), i, span_id]]
        ts.annotations = {ANNOTATION: {DEPENDENCIES: made_from, DEPENDENCY_COUNT: 1}}
        states.append(ts)
    return states


def _attempts(states: list[TaskState], emitter: Emitter) -> tuple[Attempts, ContextProbe, _Worker]:
    """What watches the attempts of a worker, and what runs in their threads."""
    worker: Any = _Worker(states)
    attempts = Attempts(worker, emitter, {})
    return attempts, ContextProbe(worker, attempts), worker


def _emitter(endpoint: str, n_held: int) -> Emitter:
    target = Target("http/protobuf", f"{endpoint}/v1/traces")
    settings = Settings(target, None, None, n_held=n_held)
    return Emitter(settings, {}, SpanMaker("tcp://w:1", "tcp://s:1"))


def _run_task(*_: Any) -> dict[str, Any]:
    now_s = time.time()
    return {
        "op": "task-finished",
        "result": 1.0,
        "nbytes": 8,
        "start": now_s - 1e-3,
        "stop": now_s,
        "thread": 1,
    }


def hook_us() -> float:
    """CPU time of the event loop for one attempt, all its transitions together."""
    cpu_s = 0.0
    for _ in range(N_ROUNDS):
        states = _task_states(N_HOOK)
        attempts, _, _ = _attempts(states, _emitter("http://127.0.0.1:1", n_held=N_HOOK))
        began_s = time.thread_time()
        for ts in states:
            for start, finish in BEFORE:
                attempts.transition(ts.key, start, finish)
        cpu_s += time.thread_time() - began_s
        for ts in states:
            attempts.ran(attempts.started(ts), _run_task())
        began_s = time.thread_time()
        for ts in states:
            for start, finish in AFTER:
                attempts.transition(ts.key, start, finish)
        cpu_s += time.thread_time() - began_s
    return cpu_s / (N_ROUNDS * N_HOOK) * 1e6


def sustained(endpoint: str) -> tuple[float, int]:
    """CPU time of all threads per span at `RATE` for `SECONDS`, and the spans lost."""
    n_slice = RATE // 100
    states = _task_states(n_slice)
    emitter = _emitter(endpoint, n_held=20_000)
    attempts, context, worker = _attempts(states, emitter)
    execution_state = {"worker": worker}
    dasks_own = dasks.functions()[dasks.RUN_TASK]
    dasks.functions()[dasks.RUN_TASK] = _run_task
    context.begin()
    run_task = dasks.functions()[dasks.RUN_TASK]
    emitter.start()
    began_cpu_s, began_s = time.process_time(), time.monotonic()
    for step in range(SECONDS * 100):
        for i, ts in enumerate(states):
            ts.run_id = step * n_slice + i
            for start, finish in BEFORE:
                attempts.transition(ts.key, start, finish)
            ts.start_time = time.time()
            run_task(None, None, execution_state, ts.key)
            for start, finish in AFTER:
                attempts.transition(ts.key, start, finish)
        time.sleep(max(0.0, began_s + (step + 1) / 100 - time.monotonic()))
    emitter.stop()
    context.end()
    dasks.functions()[dasks.RUN_TASK] = dasks_own
    cpu_s = time.process_time() - began_cpu_s
    return cpu_s / emitter.n_recorded * 1e6, emitter.n_recorded - emitter.n_exported


def run() -> list[dict[str, Any]]:
    """Measure, and say of each budget of the design whether it is met."""
    command = [sys.executable, "-c", "from tests.bench.bench_worker_cost import serve; serve()"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as sink:
        assert sink.stdin is not None
        assert sink.stdout is not None
        try:
            total_us, n_lost = sustained(sink.stdout.readline().strip())
        finally:
            sink.stdin.close()
    rows = [
        ("worker: event loop, CPU per span", hook_us(), "us", 3.0),
        ("worker: all threads, CPU per span", total_us, "us", 20.0),
        (f"worker: spans lost at {RATE}/s for {SECONDS} s", n_lost, "spans", 0),
    ]
    return [
        {"name": name, "value": value, "unit": unit, "budget": budget, "met": value <= budget}
        for name, value, unit, budget in rows
    ]


if __name__ == "__main__":
    for row in run():
        print(row)
