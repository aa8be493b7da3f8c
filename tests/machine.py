"""A worker's state machine whose attempts are watched; no cluster, no threads."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

from distributed.worker_state_machine import (
    ComputeTaskEvent,
    ExecuteFailureEvent,
    ExecuteSuccessEvent,
    FreeKeysEvent,
    RescheduleEvent,
    WorkerState,
)

from dask_otel.compat import clock
from dask_otel.events import Attempt
from dask_otel.worker.attempts import Attempts
from dask_otel.worker.pending import Pending
from dask_otel.worker.starts import Starts

PEER = "tcp://127.0.0.1:4"


class Machine:
    """A worker's state machine that is watched, and told what happens."""

    def __init__(self, **options: Any) -> None:
        plugins: dict[str, Any] = {}
        self.state = WorkerState(nthreads=1, plugins=plugins, resources={"GPU": 0}, **options)
        self.state.address = "tcp://127.0.0.1:1"
        self.recorded: list[Any] = []
        self.failures: list[Exception] = []
        worker: Any = SimpleNamespace(
            state=self.state,
            scheduler_delay=0.0,
            active_threads={8: "x"},
            active_threads_lock=threading.Lock(),
        )
        emitter: Any = SimpleNamespace(
            record=self.recorded.append,
            failed=lambda what, error, n_spans=0: self.failures.append(error),
        )
        self.worker = worker
        self.starts, self.pending = Starts(worker), Pending(worker, emitter)
        self.attempts = Attempts(worker, emitter, self.starts, self.pending)
        plugins["watch"] = self.attempts

    def assign(self, key: str = "x", run_id: int = 1, **options: Any) -> None:
        self.state.handle_stimulus(
            ComputeTaskEvent.dummy(key, run_id=run_id, stimulus_id="assign", **options)
        )

    def begin(self, key: str = "x", watched: bool = True) -> Any:
        """What `Worker.execute` and the thread do at the start."""
        ts = self.state.tasks[key]
        ts.start_time = clock.now_s()
        return self.attempts.started(ts, self.worker.scheduler_delay) if watched else None

    def ran(self, start: Any, op: str = "task-finished") -> tuple[float, float]:
        stop_s = clock.now_s()
        delay_s = start.delay_s
        result = {"op": op, "start": stop_s - 0.5 + delay_s, "stop": stop_s + delay_s, "thread": 7}
        if op == "task-finished":
            result |= {"result": 1.5, "nbytes": 24}
        self.attempts.ran(start, result)
        return result["start"], result["stop"]

    def succeed(self, key: str = "x", run_id: int = 1, **times: float) -> None:
        event = ExecuteSuccessEvent.dummy(key, 1.5, run_id=run_id, nbytes=24, stimulus_id="end")
        for name, value in times.items():
            setattr(event, name, value)
        self.state.handle_stimulus(event)

    def fail(self, key: str = "x", run_id: int = 1) -> None:
        event = ExecuteFailureEvent.dummy(key, run_id=run_id, stimulus_id="end")
        event.exception_text, event.traceback_text = "ValueError('no')", "frames"
        self.state.handle_stimulus(event)

    def reschedule(self, key: str = "x") -> None:
        self.state.handle_stimulus(RescheduleEvent(key=key, stimulus_id="end"))

    def free(self, key: str = "x") -> None:
        self.state.handle_stimulus(FreeKeysEvent(keys=[key], stimulus_id="free"))

    def only(self) -> Attempt:
        assert self.failures == []
        (attempt,) = self.recorded
        assert isinstance(attempt, Attempt)
        return attempt

    def holds(self) -> int:
        """Entries that are kept for tasks."""
        attempts = self.attempts
        kept: tuple[dict[Any, Any], ...] = (
            attempts._began,
            attempts._ran,
            attempts._given_up,
            self.starts.by_key,
            self.pending.held,
        )
        return sum(map(len, kept))
