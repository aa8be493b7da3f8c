"""The one timer, and what ends its waits."""

from __future__ import annotations

import itertools
import socket
from typing import TYPE_CHECKING

import pytest

from daskscope.app.clock import ARRIVAL_REST_S, FRAME_S, Clock, elapsed_s

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot

NEVER_S = 1_000.0


class Ticks:
    """Times at which a clock has ticked."""

    def __init__(self, clock: Clock) -> None:
        self.times: list[float] = []
        clock.ticked.connect(lambda _: self.times.append(elapsed_s()))

    def __len__(self) -> int:
        return len(self.times)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        yield ours, theirs


def test_a_tick_says_when_the_next_one_comes(qtbot: QtBot) -> None:
    clock = Clock()
    ticks = Ticks(clock)
    clock.period_s = 0.0
    clock.start()
    qtbot.waitUntil(lambda: len(ticks) >= 5)
    clock.period_s = NEVER_S
    n_ticks = len(ticks)
    qtbot.waitUntil(lambda: len(ticks) > n_ticks)
    n_ticks = len(ticks)
    qtbot.wait(60)
    assert len(ticks) == n_ticks

    clock.wake()
    qtbot.waitUntil(lambda: len(ticks) > n_ticks)
    clock.stop()


def test_a_clock_that_was_woken_goes_on_from_there(qtbot: QtBot) -> None:
    clock = Clock()
    ticks = Ticks(clock)
    clock.period_s = NEVER_S
    clock.start()
    qtbot.waitUntil(lambda: len(ticks) == 1)
    clock.period_s = FRAME_S
    clock.wake()
    qtbot.waitUntil(lambda: len(ticks) >= 3)
    clock.stop()


def test_a_clock_that_was_stopped_in_a_tick_is_not_woken(qtbot: QtBot) -> None:
    clock = Clock()
    ticks = Ticks(clock)
    clock.ticked.connect(lambda _: clock.stop())
    clock.start()
    qtbot.waitUntil(lambda: len(ticks) == 1)
    clock.wake()
    qtbot.wait(60)
    assert len(ticks) == 1


def test_what_arrives_ends_a_long_wait(
    qtbot: QtBot, ends: tuple[socket.socket, socket.socket]
) -> None:
    ours, theirs = ends
    clock = Clock(descriptor=ours.fileno)
    ticks = Ticks(clock)
    clock.ticked.connect(lambda _: read(ours))
    clock.period_s = NEVER_S
    clock.start()
    qtbot.waitUntil(lambda: len(ticks) == 1)
    for n_before in range(1, 4):
        theirs.send(b"news")
        qtbot.waitUntil(lambda n=n_before: len(ticks) > n)  # type: ignore[misc]
    qtbot.wait(30)
    assert len(ticks) == 4
    waits = [after - before for before, after in itertools.pairwise(ticks.times)]
    assert min(waits) >= ARRIVAL_REST_S
    clock.stop()


def test_a_source_that_has_gone_wakes_nobody(
    qtbot: QtBot, ends: tuple[socket.socket, socket.socket]
) -> None:
    ours, theirs = ends
    clock = Clock(descriptor=ours.fileno)
    ticks = Ticks(clock)
    clock.period_s = NEVER_S
    clock.start()
    qtbot.waitUntil(lambda: len(ticks) == 1)
    theirs.close()
    clock.ticked.connect(lambda _: ours.close())
    qtbot.waitUntil(lambda: len(ticks) == 2)
    qtbot.wait(round(ARRIVAL_REST_S * 2_000))
    assert len(ticks) == 2
    clock.stop()


def read(ours: socket.socket) -> None:
    """All that is there, which may be nothing."""
    try:
        ours.recv(1 << 10)
    except BlockingIOError:
        return
