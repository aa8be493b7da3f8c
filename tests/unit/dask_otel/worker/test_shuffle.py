from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dask_otel.compat import shuffle
from dask_otel.worker.shuffle import MAX_HELD, ShuffleProbe
from dask_otel.worker.starts import Starts

if TYPE_CHECKING:
    from dask_otel import events


def test_what_no_task_of_a_shuffle_claims_goes_out_bounded() -> None:
    class Nobody:
        scheduler_delay = 0.0
        address = "tcp://10.0.0.1:4000"

    class Ear:
        def __init__(self) -> None:
            self.record = told.append

    told: list[events.Transfer] = []
    nobody: Any = Nobody()
    ear: Any = Ear()
    probe = ShuffleProbe(nobody, ear, Starts(nobody), lambda: None)
    run = shuffle.Run("a", 1, "span")
    batch = shuffle.Batch(False, "", (1,), 1.0, 2.0, 10, None)
    for _ in range(MAX_HELD + 5):
        probe.batch(run, batch)
    assert len(told) == 5
    probe.end()
    assert len(told) == MAX_HELD + 5
    assert {event.origin for event in told} == {"span"}
