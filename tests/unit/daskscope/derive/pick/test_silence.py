"""What is told under the pointer of a worker that is silent."""

from __future__ import annotations

from daskscope.derive.frames import BarState
from daskscope.derive.lanelayout import RowKind
from daskscope.derive.pick import hit
from daskscope.session import Session, fitted
from daskscope.store.writer import Store
from tests.builders import SECOND, T0, Source
from tests.pointed import fields, frame_of


def test_of_what_a_silent_worker_ran_it_is_told_when_that_was_heard_last() -> None:
    source, store = Source(), Store()
    worker = source.worker("w1", nthreads=1)
    running = source.running(worker, 5 * SECOND, [("inc", SECOND, 7, 11)])
    store.apply(source.definitions())
    store.apply(running)
    store.judge(T0 + 6 * SECOND)
    snapshot = store.snapshot()
    frame = frame_of(snapshot, fitted(Session(), T0, T0 + 12 * SECOND))
    y_px = next(row.y_px for row in frame.layout.rows if row.kind is RowKind.LANE) + 3
    found = hit(snapshot, frame, round(frame.view.x_px(T0 + 3 * SECOND)), y_px)

    assert found is not None
    assert found.state is BarState.LOST
    assert fields(found)["Duration"] == "4.00 s at least"
    assert fields(found)["Status"] == "its worker is silent"
    assert fields(found)["Last heard"].startswith("0:04.000  ")
    assert hit(snapshot, frame, round(frame.view.x_px(T0 + 6 * SECOND)), y_px) is None
