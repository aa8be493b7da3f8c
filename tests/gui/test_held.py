"""What a view that is held paints while much arrives, and what of it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dask_otel import conventions
from daskscope.app.clock import ARRIVAL_REST_S
from daskscope.app.tempo import HELD_STEP_S, IDLE_AFTER_S
from daskscope.theme import GUTTER_PX, NORMAL
from tests.builders import MS, SECOND, Source, Span, points
from tests.gui.paints import Paints
from tests.gui.working import cluster

if TYPE_CHECKING:
    from PySide6.QtCore import QRect

    from daskscope.store.schema import Message
    from tests.gui.working import Hand, Link


class Held:
    """A window whose view was paused where now was, five seconds ago; nobody is there."""

    def __init__(self, hand: Hand, link: Link) -> None:
        self.hand, self.run, self._link = hand, hand.run, link
        self.source, messages = cluster()
        link.messages = messages
        hand.waits(0.2)
        self.run.toggle_pause()
        self.paints = Paints(self.run.window.timeline.stream)
        self.live(5.0)
        self.paints.taken()

    def live(self, seconds: float, *messages: Message) -> None:
        """Let time pass with a span ten times a second, which has just begun; `messages` first."""
        until_s = self.hand.now_s + seconds
        self._link.messages = messages
        while self.hand.now_s < until_s:
            start = 20 * SECOND + round((self.hand.now_s - 100) * SECOND)
            span = self.source.spans([Span(start, start + MS, "sum", 0, 11)])
            word = self.source.running(1, start, [("fit", 15 * SECOND, 9, 21)])  # as before
            self._link.messages = [*self._link.messages, span, word]
            self.hand.tick(ARRIVAL_REST_S)


@pytest.fixture
def held(hand: Hand, link: Link) -> Held:
    return Held(hand, link)


def in_lanes(boxes: list[QRect]) -> list[QRect]:
    """Those that are more than labels: headers of hosts go on over the lanes."""
    return [
        box for box in boxes if box.right() >= GUTTER_PX and box.height() > NORMAL.host_header_px
    ]


def test_what_comes_elsewhere_paints_nothing(held: Held) -> None:
    n_spans, shown = held.run.snapshot.n_spans, Paints(held.run.window.status)
    held.live(4 * HELD_STEP_S)
    assert held.run.snapshot.n_spans >= n_spans + 39
    assert in_lanes(held.paints.taken()) == []
    assert shown.taken() != []  # which counts them

    held.hand.run.rouse()  # somebody is there, and so the window ticks at its full pace
    held.live(IDLE_AFTER_S / 2)
    assert in_lanes(held.paints.taken()) == []


def late_span(source: Source) -> Message:
    return source.spans([Span(13 * SECOND, 14 * SECOND, "sum", 0, 11)])


def late_event(source: Source) -> Message:
    return source.event(conventions.EVENT_GRAPH_SUBMITTED, 13 * SECOND)


def running(source: Source) -> Message:
    return source.running(0, 24 * SECOND, [("fit", 13 * SECOND, 10, 12)])


@pytest.mark.parametrize("late", [late_span, late_event, running])
def test_what_lands_in_view_is_painted_once(late: object, held: Held) -> None:
    assert callable(late)
    before, message = held.run.frame, late(held.source)
    assert before is not None
    held.live(2 * HELD_STEP_S, held.source.definitions(), message)
    assert len(in_lanes(held.paints.taken())) == 1
    assert held.run.frame is not None
    assert held.run.frame.view == before.view
    n_before, n_after = (
        frame.n_spans_in_view + len(frame.events) + len(frame.bars)
        for frame in (before, held.run.frame)
    )
    assert n_after > n_before
    held.live(2 * HELD_STEP_S)
    assert in_lanes(held.paints.taken()) == []


def test_readings_are_told_beside_lanes_that_stay(held: Held) -> None:
    series = held.source.metric(
        conventions.WORKER_MEMORY, 0, dask_memory_type=conventions.MEMORY_MANAGED
    )
    at_ns = 24 * SECOND
    held.live(2 * HELD_STEP_S, held.source.definitions(), points([(series, at_ns, 1 << 30)]))
    boxes = held.paints.taken()
    assert boxes != []
    assert in_lanes(boxes) == []


def test_a_prefix_that_comes_elsewhere_is_in_the_legend(held: Held) -> None:
    late = held.source.spans([Span(24 * SECOND, 25 * SECOND, "new", 0, 11)])
    held.live(2 * HELD_STEP_S, held.source.definitions(), late)
    assert "new" in [entry.name for entry in held.run.window.timeline.legend.entries()]
    assert in_lanes(held.paints.taken()) == []


def test_statistics_count_a_view_anew_where_something_in_it_is(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    statistics = held.run._stage._statistics._statistics
    begin, counted = statistics.begin, []

    def count(*of: Any) -> None:
        counted.append(of)
        begin(*of)

    held.run.window.show_tab("statistics")
    held.live(3 * HELD_STEP_S)
    with monkeypatch.context() as patch:
        patch.setattr(statistics, "begin", count)
        held.live(3 * HELD_STEP_S)
        assert counted == []
        held.live(3 * HELD_STEP_S, late_span(held.source))
        assert len(counted) == 1
