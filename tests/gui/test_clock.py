"""The one timer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daskscope.app.clock import Clock, elapsed_s

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot


def test_a_tick_says_when_the_next_one_comes(qtbot: QtBot) -> None:
    clock = Clock()
    times: list[float] = []
    clock.ticked.connect(lambda _: times.append(elapsed_s()))
    clock.period_s = 0.0
    clock.start()
    qtbot.waitUntil(lambda: len(times) >= 5)
    clock.period_s = 30.0
    n_ticks = len(times)
    qtbot.waitUntil(lambda: len(times) > n_ticks)
    n_ticks = len(times)
    qtbot.wait(60)
    assert len(times) == n_ticks

    clock.wake()
    qtbot.waitUntil(lambda: len(times) > n_ticks)
    clock.stop()
