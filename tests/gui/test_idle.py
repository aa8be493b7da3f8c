"""What a window paints and makes anew in which nothing but now has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from daskscope.app.tempo import HELD_STEP_S, IDLE_AFTER_S, IDLE_STEP_S
from daskscope.derive.panels import WorkerRowKind
from daskscope.derive.reading import SILENCE_NS
from daskscope.theme import GUTTER_PX
from daskscope.views.resources.plot import ChartPlot
from daskscope.views.resources.title import ChartTitle
from tests.builders import SECOND, Span, points
from tests.gui.paints import Paints
from tests.readings import GIB, Cluster

if TYPE_CHECKING:
    from PySide6.QtCore import QRect

    from tests.gui.working import Hand, Link

AT_S = 10


class Idle:
    """A window on a cluster from which nothing has come for a while, and who paints in it."""

    def __init__(self, hand: Hand, link: Link, n_workers: int = 2, apart_s: float = 0) -> None:
        self.hand, self._link, self.readings = hand, link, Cluster()
        for number in range(n_workers):
            at_s = AT_S + number * apart_s
            worker = self.readings.worker(f"w{number}", port=40_101 + number, at_s=at_s)
            self.readings.read(worker, at_s, busy=1 + number, managed=GIB, latency=0.001)
        spans = self.readings.source.spans([Span(SECOND, 2 * SECOND, "sum", 0)])
        link.messages = [self.readings.source.definitions(), points(self.readings._rows), spans]
        hand.waits(SILENCE_NS / SECOND + 2 * IDLE_STEP_S)  # and who was heard is silent
        window = hand.run.window
        plots = window.resources.findChildren(ChartPlot)
        titles = window.resources.findChildren(ChartTitle)
        views = {
            "stream": window.timeline.stream,
            "workers": window.workers.viewport(),
            "status": window.status,
            **{f"plot {number}": plot.viewport() for number, plot in enumerate(plots)},
            **{f"title {number}": title for number, title in enumerate(titles)},
        }
        self._paints = {name: Paints(view) for name, view in views.items()}
        self.painted()

    def painted(self) -> dict[str, list[QRect]]:
        """What was painted since the last call."""
        boxes = {name: paints.taken() for name, paints in self._paints.items()}
        return {name: found for name, found in boxes.items() if found}

    def read(self, number: int, at_s: float, **readings: float) -> None:
        """Let readings of one worker come."""
        self.readings._rows.clear()
        self.readings.read(number, at_s, **readings)
        self._link.messages = [self.readings.source.definitions(), points(self.readings._rows)]


@pytest.fixture
def idle(hand: Hand, link: Link) -> Idle:
    return Idle(hand, link)


def test_only_what_moves_with_time_is_painted_while_nothing_comes(idle: Idle) -> None:
    idle.hand.waits(3 * IDLE_STEP_S)
    found = idle.painted()
    assert set(found) == {"stream", "status", "plot 0", "plot 1", "plot 2"}
    assert min(box.left() for box in found["stream"]) >= GUTTER_PX

    idle.read(0, AT_S + 20, busy=1, managed=3 * GIB)
    idle.hand.waits(IDLE_STEP_S)
    found = idle.painted()
    assert {"workers", "title 0", "title 1"} <= set(found)
    assert min(box.left() for box in found["stream"]) < GUTTER_PX  # the bar of its memory


def test_a_view_that_is_held_paints_counters_alone_while_nothing_comes(idle: Idle) -> None:
    idle.hand.run.toggle_pause()
    idle.hand.waits(2 * IDLE_AFTER_S)
    idle.painted()
    idle.hand.waits(4 * HELD_STEP_S)
    assert set(idle.painted()) == {"status"}

    idle.read(0, AT_S + 20, busy=1, managed=3 * GIB)
    idle.hand.waits(HELD_STEP_S)
    boxes = idle.painted()["stream"]
    assert max(box.right() for box in boxes) < GUTTER_PX  # the bar of its memory, and no lanes


def test_all_of_a_crowd_are_told_of_though_nothing_more_comes(hand: Hand, link: Link) -> None:
    n_workers = 499  # not all of them are known after one tick
    Idle(hand, link, n_workers)
    window = hand.run.window
    assert len(window.workers._frame.rows) == 2 + n_workers
    cluster = hand.run._stage._panels._cluster
    assert cluster is not None
    assert cluster.value == f"{n_workers}\u2009workers, {2 * n_workers}\u2009threads"


def states(hand: Hand) -> dict[str, str]:
    """Of the workers in the table, in its order."""
    rows = hand.run.window.workers._frame.rows
    return {row.name: row.state for row in rows if row.kind is WorkerRowKind.WORKER}


def test_the_table_tells_at_once_what_comes_late_and_what_is_asked_of_it(idle: Idle) -> None:
    idle.read(0, AT_S, spilled=GIB)
    idle.hand.waits(IDLE_STEP_S)
    total = idle.hand.run.window.workers._frame.rows[0]
    assert total.memory[-1] == GIB

    assert list(states(idle.hand)) == ["w0", "w1"]
    idle.hand.run.replace(worker_sort="cpu", is_sort_descending=True)
    idle.hand.waits(IDLE_STEP_S)
    assert list(states(idle.hand)) == ["w1", "w0"]


def test_who_is_silent_is_known_once_now_has_come_to_the_newest_reading(
    hand: Hand, link: Link
) -> None:
    Idle(hand, link, apart_s=11)  # the newest one comes from a clock that is a second ahead
    assert states(hand) == {"w0": "silent", "w1": "running"}
