from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from distributed.worker_state_machine import TaskState

from dask_otel.worker.starts import Start, Starts


def test_what_runs_keeps_its_run_id_and_its_clock() -> None:
    worker: Any = SimpleNamespace(scheduler_delay=1.0)
    starts, ts = Starts(worker), TaskState("x", run_id=1)
    assert (starts.attempt(ts), starts.delay_s("x")) == (("x", 1), 1.0)
    starts.by_key["x"] = Start(1, None, None, ts, None, None, None, 1.0)
    ts.run_id, worker.scheduler_delay = 2, 3.0  # wanted again, and a heartbeat
    assert (starts.attempt(ts), starts.delay_s("x")) == (("x", 1), 1.0)
    del starts.by_key["x"]
    assert (starts.attempt(ts), starts.delay_s("x")) == (("x", 2), 3.0)
