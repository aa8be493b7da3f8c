from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from distributed.worker_state_machine import TaskState

from dask_otel.events import Disk, Transfer
from dask_otel.worker.pending import Pending

TRANSFER = Transfer(1.0, 2.0, "tcp://10.0.0.1:4000", 1, ("y",), 1, 1.0, None)
UNPICKLED = Disk("deserialize", "x", 1.0, 2.0, 1, None, None, None, ("x", 1))


class Kept:
    """What waits, for one task in a state of its own."""

    def __init__(self, state: str = "waiting") -> None:
        self.recorded: list[Any] = []
        self.ts = TaskState("x", run_id=1)
        self.ts.state = state  # type: ignore[assignment]
        self.tasks: dict[Any, TaskState] = {"x": self.ts}
        worker: Any = SimpleNamespace(scheduler_delay=0.0, state=SimpleNamespace(tasks=self.tasks))
        emitter: Any = SimpleNamespace(record=self.recorded.append)
        self.pending = Pending(worker, emitter)


@pytest.mark.parametrize("state", ["memory", "released", "flight"])
def test_what_no_task_waits_for_goes_out_at_once(state: str) -> None:
    kept = Kept(state)
    kept.pending.add(kept.ts, UNPICKLED)
    kept.pending.add(None, TRANSFER)
    assert kept.recorded == [UNPICKLED, TRANSFER]
    assert not kept.pending.held


@pytest.mark.parametrize("state", ["waiting", "ready", "executing", "cancelled"])
def test_what_a_task_waits_for_is_held_until_it_does_not(state: str) -> None:
    kept = Kept(state)
    kept.pending.add(kept.ts, TRANSFER)
    kept.pending.add(kept.ts, UNPICKLED)
    kept.pending.settle()
    assert kept.recorded == []
    kept.tasks.clear()
    kept.pending.settle()
    # No attempt comes of it here, of which it could be a part.
    assert kept.recorded == [TRANSFER, UNPICKLED._replace(parent=None)]
    assert not kept.pending.held


def test_nothing_waits_when_its_worker_ends() -> None:
    kept = Kept()
    kept.pending.add(kept.ts, TRANSFER)
    kept.pending.close()
    assert kept.recorded == [TRANSFER]
    assert not kept.pending.held


def test_what_has_the_clock_of_its_attempt_is_left_as_it_is() -> None:
    kept = Kept()
    odd = TRANSFER._replace(start_s=0.1, stop_s=0.3)
    kept.pending.add(kept.ts, odd)
    (taken,) = kept.pending.take("x", 1, 0.0)
    assert taken is odd
