"""The events lane: where its texts stand, and what it paints and tells."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QEvent, QPoint
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QApplication, QToolTip

from daskscope.derive.frames import EventMark
from daskscope.theme import DARK, EVENTS_LANE_PX, GUTTER_PX, LIGHT, Theme
from daskscope.views.timeline.events import EventsView
from daskscope.views.timeline.placing import MARK_PX, PlacedEvent, placed_events
from tests.gui import frames
from tests.gui.frames import BarList, colour_at, frame, layout

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)


def placed(*events: tuple[int, str], taken: tuple[int, int] | None = None) -> list[PlacedEvent]:
    """Events placed on 1000 px where every character takes 6."""
    marks = [EventMark(x, "other", text, False) for x, text in events]
    return placed_events(marks, 1_000, lambda text: 6.0 * len(text), taken)


def test_a_text_stands_right_of_its_mark() -> None:
    (event,) = placed((100, "spill w1"))
    assert event.left_px > 100 + MARK_PX // 2
    assert event.width_px == 48


def test_texts_and_marks_never_overlap() -> None:
    words = ["graph submitted, 3142 tasks", "spill w1", "worker lost, w3", "w3 back", "x"]
    events = [((37 * i * i + 11 * i) % 1_000, words[i % len(words)]) for i in range(60)]
    taken: list[tuple[int, int]] = []
    for event in placed(*events):
        taken.append((event.event.x_px - MARK_PX // 2, event.event.x_px + MARK_PX // 2))
        if event.width_px:
            taken.append((event.left_px, event.left_px + event.width_px))
    taken.sort()
    assert len(taken) > 20
    assert all(one[1] <= other[0] for one, other in pairwise(taken))


def test_at_the_right_edge_a_text_stands_left_of_its_mark() -> None:
    (event,) = placed((990, "task erred"))
    assert event.left_px + event.width_px < 990
    assert event.width_px == 60


@pytest.mark.parametrize(("before_px", "is_told"), [(905, False), (890, True)])
def test_no_text_stands_where_it_could_belong_to_the_mark_before(
    before_px: int, is_told: bool
) -> None:
    before, event = placed((before_px, 200 * "x"), (990, "task erred"))
    assert before.width_px == 0
    assert (event.width_px > 0) is is_told
    own_px = 990 - event.left_px - event.width_px
    if is_told:
        assert event.left_px - before_px > 2 * own_px


def test_a_text_that_fits_nowhere_is_cut_or_left_out() -> None:
    first, second, _ = placed((100, "graph submitted"), (180, "worker lost"), (200, "again"))
    assert 0 < first.width_px < 90
    assert second.width_px == 0


def test_of_marks_that_cover_each_other_an_error_is_kept() -> None:
    marks = [EventMark(100, "other", "spill", False), EventMark(103, "erred", "failed", True)]
    (event,) = placed_events(marks, 1_000, lambda text: 6.0 * len(text))
    assert event.event.sign == "erred"


def test_no_text_stands_under_the_badge_of_the_selection_or_close_to_it() -> None:
    for x in range(60, 320, 7):
        (event,) = placed((x, "worker lost"), taken=(200, 260))
        if event.width_px:
            assert event.left_px >= 268 or event.left_px + event.width_px <= 192


@THEMES
def test_the_events_lane_paints_marks_and_the_badge(qtbot: QtBot, theme: Theme) -> None:
    view = EventsView(theme)
    qtbot.addWidget(view)
    view.resize(1_180, EVENTS_LANE_PX)
    events = (EventMark(500, "removed", "worker lost", True),)
    drawn = frame(layout(), BarList().bars(), events=events)
    view.show_frame(drawn, (drawn.view.time_ns(100), drawn.view.time_ns(300)), "6.05 s")
    assert colour_at(view, GUTTER_PX + 500, 8) == theme.erred
    assert colour_at(view, GUTTER_PX + 107, 12) == theme.accent
    assert colour_at(view, GUTTER_PX + 700, 8) == theme.lane2


@pytest.mark.parametrize("sign", ["lost", "restarted", "paused", "resumed"])
@THEMES
def test_marks_of_workers_are_painted(qtbot: QtBot, theme: Theme, sign: str) -> None:
    view = EventsView(theme)
    qtbot.addWidget(view)
    view.resize(1_180, EVENTS_LANE_PX)
    view.show_frame(frame(layout(), BarList().bars(), events=(EventMark(500, sign, "", False),)))
    expected = {"lost": theme.erred, "paused": theme.mempause}.get(sign, theme.ok)
    image = view.grab().toImage()
    around = {
        image.pixel(GUTTER_PX + 500 + dx, 8 + dy) & 0xFFFFFF
        for dx in range(-5, 6)
        for dy in range(-5, 6)
    }
    assert expected in around


def test_of_marks_that_cover_each_other_a_loss_is_kept() -> None:
    signs = ("erred", "lost", "added", "removed")
    marks = [EventMark(100 + i, sign, sign, False) for i, sign in enumerate(signs)]
    (event,) = placed_events(marks, 1_000, lambda text: 6.0 * len(text))
    assert event.event.sign == "lost"


def test_events_in_one_place_are_counted_and_told(qtbot: QtBot) -> None:
    drawn = frames.busy_run()
    marks = (
        EventMark(300, "added", "w1 added", has_line=False),
        EventMark(303, "lost", "w2 lost", has_line=True),
        EventMark(306, "spill", "4 spills", has_line=False, n=4),
    )
    (event,) = placed_events(marks, 1_000, lambda text: 6.0 * len(text))
    assert event.text == "w2 lost +5"

    lane = EventsView(LIGHT, None)
    qtbot.addWidget(lane)
    lane.resize(1180, 18)
    lane.show_frame(replace(drawn, events=marks))
    lane.show()
    lane.grab()
    point = QPoint(GUTTER_PX + 305, 8)
    QApplication.sendEvent(lane, QHelpEvent(QEvent.Type.ToolTip, point, lane.mapToGlobal(point)))
    for text in ("w1 added", "w2 lost", "4 spills"):
        assert text in QToolTip.text()
