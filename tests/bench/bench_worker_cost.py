"""What a span costs the worker: CPU on the event loop and of all threads, memory, spans lost.

The hook runs on real task states, and so does what is put around each task in its thread; the
receiver is another process that reads requests and forgets them. The same tasks run by turns with
and without the instrumentation: what it adds is the difference of neighbours in time.
"""

from __future__ import annotations

import gc
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from uuid import uuid4

import psutil
from distributed.worker_state_machine import TaskState

from dask_otel.compat import worker as dasks
from dask_otel.config import Settings, Target
from dask_otel.emit import Emitter
from dask_otel.events import ANNOTATION, DEPENDENCIES, DEPENDENCY_COUNT
from dask_otel.record.spans import SpanMaker
from dask_otel.worker.attempts import Attempts
from dask_otel.worker.context import ContextProbe
from dask_otel.worker.pending import Pending
from dask_otel.worker.starts import Starts
from tests.bench.figures import Figure, figure
from tests.sinks import HttpSink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

N_HOOK = 2_000  # attempts between two exports at the rate below
N_ROUNDS = 20
RATE = 20_000
N_TURNS = 20
WATCHED_S, BARE_S = 3.0, 1.0  # of each turn
DRAIN_S = 10.0
N_SLICE = 200
N_HELD = 20_000
N_UNHEARD = 1_000_000
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
        ts.state, ts.span_id, ts.nbytes, ts.type = "memory", span_id, 8, float
        _assign(ts, i)
        states.append(ts)
    return states


def _assign(ts: TaskState, run_id: int) -> None:
    """Give a task what each message of a scheduler brings, and what Dask makes of it.

    It works on the value of what ran a slice before; the worker counts its assignments down.
    """
    ts.run_id, ts.priority = run_id, (0, 1, run_id, -run_id)
    made_from = ((ts.key, run_id - N_SLICE, None),) if run_id >= N_SLICE else ()
    ts.annotations = {ANNOTATION: {DEPENDENCIES: made_from, DEPENDENCY_COUNT: len(made_from)}}


def _attempts(states: list[TaskState], emitter: Emitter) -> tuple[Attempts, ContextProbe, _Worker]:
    """What watches the attempts of a worker, and what runs in their threads."""
    worker: Any = _Worker(states)
    attempts = Attempts(worker, emitter, Starts(worker), Pending(worker, emitter))
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
            attempts.ran(attempts.started(ts, 0.0), _run_task())
        began_s = time.thread_time()
        for ts in states:
            for start, finish in AFTER:
                attempts.transition(ts.key, start, finish)
        cpu_s += time.thread_time() - began_s
    return cpu_s / (N_ROUNDS * N_HOOK) * 1e6


class _Bench:
    """Runs the same tasks over and over, each time as other attempts.

    Use it as a context.
    """

    def __init__(self, endpoint: str) -> None:
        self._states = _task_states(N_SLICE)
        self.emitter = _emitter(endpoint, n_held=N_HELD)
        self._attempts, self._context, self._worker = _attempts(self._states, self.emitter)
        self._hooks: list[Callable[[Any, str, str], None]] = []
        self._dasks_own = dasks.functions()[dasks.RUN_TASK]
        self._n_run = N_SLICE

    def __enter__(self) -> Self:
        dasks.functions()[dasks.RUN_TASK] = _run_task
        self.emitter.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.emitter.stop()
        dasks.functions()[dasks.RUN_TASK] = self._dasks_own

    @contextmanager
    def watched(self) -> Iterator[None]:
        """What runs meanwhile is recorded."""
        self._hooks.append(self._attempts.transition)
        self._context.begin()
        try:
            yield
        finally:
            self._context.end()
            self._hooks.clear()

    def run_slice(self) -> None:
        """Run `N_SLICE` attempts, with as many hooks as Dask finds."""
        run_task, hooks = dasks.functions()[dasks.RUN_TASK], self._hooks
        execution_state = {"worker": self._worker}
        for ts in self._states:
            _assign(ts, self._n_run)
            self._n_run += 1
            for start, finish in BEFORE:
                for hook in hooks:
                    hook(ts.key, start, finish)
            ts.start_time = time.time()
            run_task(None, None, execution_state, ts.key, None, None, 0.0)
            for start, finish in AFTER:
                for hook in hooks:
                    hook(ts.key, start, finish)

    def cpu_us(self, lasting_s: float) -> float:
        """CPU time of all threads per attempt at `RATE`, until all of them are sent."""
        n_slices = round(lasting_s * RATE / N_SLICE)
        began_cpu_s, began_s = time.process_time(), time.monotonic()
        for number in range(n_slices):
            self.run_slice()
            time.sleep(max(0.0, began_s + (number + 1) * N_SLICE / RATE - time.monotonic()))
        deadline_s = time.monotonic() + DRAIN_S
        while self.emitter.n_held and time.monotonic() < deadline_s:
            time.sleep(0.02)
        return (time.process_time() - began_cpu_s) / (n_slices * N_SLICE) * 1e6


class Cost(NamedTuple):
    """Microseconds of CPU per span by all threads, in each turn, and the spans lost."""

    bare_us: list[float]
    added_us: list[float]
    n_lost: int


def sustained(endpoint: str, n_turns: int = N_TURNS) -> Cost:
    """What the instrumentation adds while `RATE` attempts a second run."""
    bare_us, added_us = [], []
    with _Bench(endpoint) as bench:
        for _ in range(n_turns):
            bare_us.append(bench.cpu_us(BARE_S))
            with bench.watched():
                added_us.append(bench.cpu_us(WATCHED_S) - bare_us[-1])
    emitter = bench.emitter
    return Cost(bare_us, sorted(added_us), emitter.n_recorded - emitter.n_exported)


def unheard() -> tuple[float, int]:
    """MiB that `N_UNHEARD` attempts leave behind while nobody listens, and how far counters err."""
    process = psutil.Process()
    with _Bench("http://127.0.0.1:1") as bench, bench.watched():
        gc.collect()
        before_bytes = process.memory_info().rss
        for _ in range(N_UNHEARD // N_SLICE):
            bench.run_slice()
        grown_bytes = process.memory_info().rss - before_bytes
    emitter = bench.emitter
    n_unaccounted = abs(N_UNHEARD - emitter.n_dropped - emitter.n_held) + emitter.n_exported
    return grown_bytes / 2**20, n_unaccounted


def run() -> list[Figure]:
    """Measure, and say of each budget of the design whether it is met."""
    command = [sys.executable, "-c", "from tests.bench.bench_worker_cost import serve; serve()"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as sink:
        assert sink.stdin is not None
        assert sink.stdout is not None
        try:
            cost = sustained(sink.stdout.readline().strip())
        finally:
            sink.stdin.close()
    added_us = cost.added_us
    about = (
        f"half of the turns {added_us[len(added_us) // 4]:.1f} to "
        f"{added_us[-1 - len(added_us) // 4]:.1f}; the loop itself "
        f"{statistics.median(cost.bare_us):.1f}"
    )
    seconds = N_TURNS * WATCHED_S
    grown_mib, n_unaccounted = unheard()
    return [
        figure("worker: event loop, CPU per span", hook_us(), "us", 3.0),
        figure(
            f"worker: all threads, CPU per span ({about})", statistics.median(added_us), "us", 20.0
        ),
        figure(f"worker: spans lost at {RATE}/s for {seconds:.0f} s", cost.n_lost, "spans", 0),
        figure(
            f"worker: memory after {N_UNHEARD:,} spans that nobody took", grown_mib, "MiB", 30.0
        ),
        figure("worker: spans of those that no counter has", n_unaccounted, "spans", 0),
    ]


if __name__ == "__main__":
    for row in run():
        print(row)
