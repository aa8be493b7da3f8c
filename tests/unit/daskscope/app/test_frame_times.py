"""What the status bar tells of frames."""

from __future__ import annotations

import math

from daskscope.app.frame_times import LEAST_FRAMES, MOST_FRAMES, FrameTimes
from daskscope.session import Session
from daskscope.store.writer import Store
from tests.builders import Load
from tests.taskframes import frame_of


def drawn(times: FrameTimes, *ticks_ms: float) -> float:
    """What is told after some frames."""
    load, store = Load(n_workers=1), Store()
    store.apply(load.source.definitions())
    store.apply(load.batch(10))
    snapshot = store.snapshot()
    frame = frame_of(snapshot, Session())
    for tick_ms in ticks_ms:
        times.draw(0.0, tick_ms, snapshot, frame)
    return times.typical_ms


def test_a_few_frames_tell_nothing_and_one_slow_frame_little() -> None:
    times = FrameTimes(None)
    assert math.isnan(drawn(times, *[60.0] * (LEAST_FRAMES - 1)))
    assert drawn(times, *[4.0] * MOST_FRAMES) == 4.0
    assert drawn(times, 120.0) == 4.0
    assert drawn(times, *[9.0] * MOST_FRAMES) == 9.0


def test_what_loading_took_is_no_frame_time() -> None:
    times = FrameTimes(None)
    drawn(times, *[60.0] * MOST_FRAMES)
    times.restart()
    assert math.isnan(times.typical_ms)
    assert drawn(times, *[4.0] * LEAST_FRAMES) == 4.0
