"""Places of events that are kept while all of them move together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtGui import QImage

from daskscope.derive.frames import EventMark
from daskscope.theme import DARK, EVENTS_LANE_PX, GUTTER_PX, LIGHT, NOT_YET_PX
from daskscope.views.timeline.events import EventsView
from daskscope.views.timeline.placing import Placing, placed_events
from tests.gui.frames import BarList, frame, layout

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from daskscope.theme import Theme

WIDTH = 1_012
SIGNS = ("graph", "added", "removed", "lost", "spill", "erred")


def width_of(text: str) -> float:
    return 6.0 * len(text)


class Passing:
    """Events that pass by: new ones come in on the right, the oldest leave on the left."""

    def __init__(self, seed: int, apart_px: int) -> None:
        self._rng, self._apart_px = np.random.default_rng(seed), apart_px
        self._events: list[EventMark] = []
        self._start_px = 0
        self.go_on(WIDTH)

    def go_on(self, shift_px: int) -> tuple[EventMark, ...]:
        """Events in view after some pixels' time."""
        rng = self._rng
        for x_px in np.flatnonzero(rng.random(max(shift_px, 0)) < 1 / self._apart_px).tolist():
            sign = SIGNS[rng.integers(len(SIGNS))]
            text = "x" * int(rng.integers(1, 40))
            at_px = self._start_px + WIDTH + x_px
            self._events.append(EventMark(at_px, sign, text, bool(rng.integers(2)), 1 + len(text)))
        self._start_px += shift_px
        moved = (one._replace(x_px=one.x_px - self._start_px) for one in self._events)
        return tuple(one for one in moved if 0 <= one.x_px < WIDTH)


def shown(placing: Placing) -> list[object]:
    return [one.moved(placing.shift_px)[:3] + one[4:] for one in placing.placed]


@pytest.mark.parametrize("apart_px", [6, 15, 60, 250])
@pytest.mark.parametrize("seed", range(3))
def test_places_that_are_kept_are_those_of_a_fresh_start(seed: int, apart_px: int) -> None:
    passing, placing = Passing(seed, apart_px), Placing(width_of)
    rng = np.random.default_rng(seed)
    n_kept = 0
    for _ in range(400):
        shift_px = int(rng.choice([0, 1, 1, 1, 2, 30, -1, -25]))
        events = passing.go_on(shift_px)
        taken_px = (300, 380) if rng.random() < 0.1 else None
        width_px = WIDTH - int(rng.choice([4, 4, 4, 90]))
        placing.place(events, width_px, taken_px)
        fresh = placed_events(events, width_px, width_of, taken_px)
        assert shown(placing) == [one[:3] + one[4:] for one in fresh]
        n_kept += placing.is_kept
    assert n_kept > (40 if apart_px > 10 else 0)


@pytest.mark.parametrize(
    ("text", "x_px"),
    [
        ("worker lost", (100, 300, 500)),
        ("spill", (100, 310, 500)),
        ("spill", (100, 500)),
        ("spill", (100, 300, 400, 500)),
    ],
)
def test_other_events_are_placed_anew(text: str, x_px: tuple[int, ...]) -> None:
    placing = Placing(width_of)
    placing.place(
        [EventMark(x, "other", "spill", has_line=False) for x in (100, 300, 500)], WIDTH, None
    )
    placing.place([EventMark(x, "other", text, has_line=False) for x in x_px], WIDTH, None)

    assert [(one.event.x_px, one.text) for one in placing.placed] == [(x, text) for x in x_px]
    assert not placing.is_kept


def test_nothing_is_placed_anew_while_all_events_move_together() -> None:
    widths: list[str] = []
    events = tuple(EventMark(100 * n, "spill", f"spill w{n}", has_line=False) for n in range(1, 9))

    def counted(text: str) -> float:
        widths.append(text)
        return width_of(text)

    placing = Placing(counted)
    placing.place(events, WIDTH, None)
    widths.clear()
    moved = tuple(one._replace(x_px=one.x_px - 7) for one in events)
    placing.place(moved, WIDTH, None)

    assert placing.is_kept
    assert widths == ["spill w1", "spill w8"]
    assert placing.shift_px == -7


@pytest.mark.parametrize("ratio", [1.0, 2.0])
@pytest.mark.parametrize("apart_px", [15, 120])
def test_a_lane_that_moves_on_looks_like_one_that_is_shown_for_the_first_time(
    qtbot: QtBot, ratio: float, apart_px: int
) -> None:
    passing = Passing(1, apart_px)
    drawn = frame(layout(), BarList().bars(), width=WIDTH)

    def painted(lane: EventsView, events: tuple[EventMark, ...]) -> QImage:
        image = QImage(lane.size() * ratio, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(ratio)
        lane.show_frame(replace(drawn, events=events, now_px=WIDTH - NOT_YET_PX))
        lane.render(image)
        return image

    def lane(theme: Theme) -> EventsView:
        made = EventsView(theme)
        qtbot.addWidget(made)
        made.resize(GUTTER_PX + WIDTH, EVENTS_LANE_PX)
        return made

    moving = lane(LIGHT)
    for theme in (LIGHT, DARK):
        moving.set_theme(theme)
        for _ in range(20):
            events = passing.go_on(1)
            assert painted(moving, events) == painted(lane(theme), events)


def test_what_is_pointed_at_moves_along(qtbot: QtBot) -> None:
    events = tuple(EventMark(100 * n, "spill", f"spill w{n}", has_line=False) for n in range(1, 9))
    lane = EventsView(LIGHT)
    qtbot.addWidget(lane)
    lane.resize(GUTTER_PX + WIDTH, EVENTS_LANE_PX)
    for shift_px in (0, 40):
        moved = tuple(one._replace(x_px=one.x_px - shift_px) for one in events)
        lane.show_frame(frame(layout(), BarList().bars(), events=moved))
        lane.grab()
    placed = lane.placed_at(262)

    assert placed is not None
    assert (placed.event, placed.left_px) == (moved[2], 270)
    assert lane.placed_at(250) is None
