"""The time axis, and the panel that stacks the strips."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from daskscope.derive.frames import LegendEntry, Tick
from daskscope.session import Session
from daskscope.theme import (
    DARK,
    EVENTS_LANE_PX,
    GUTTER_PX,
    LEGEND_PX,
    LIGHT,
    MINIMAP_PX,
    TIME_AXIS_PX,
    Theme,
)
from daskscope.views.timeline.axis import AxisView
from daskscope.views.timeline.events import EventsView
from daskscope.views.timeline.panel import TimelinePanel, dimmed_slots
from tests.gui import frames
from tests.gui.frames import BarList, colour_at, frame, layout

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
LEFT, NO_KEYS = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@THEMES
def test_the_axis_paints_ticks_and_now(qtbot: QtBot, theme: Theme) -> None:
    view = AxisView(theme)
    qtbot.addWidget(view)
    view.resize(1_180, TIME_AXIS_PX)
    drawn = frame(layout(), BarList().bars())
    view.show_frame(drawn, frames.ticks())
    major = next(tick.x_px for tick in frames.ticks() if tick.elapsed)
    minor = next(tick.x_px for tick in frames.ticks() if not tick.elapsed)
    assert colour_at(view, GUTTER_PX + major, TIME_AXIS_PX - 5) == theme.t2
    assert colour_at(view, GUTTER_PX + minor, TIME_AXIS_PX - 3) == theme.ctl
    assert colour_at(view, GUTTER_PX + minor, TIME_AXIS_PX - 6) == theme.lane
    assert colour_at(view, GUTTER_PX + drawn.now_px, 25) == theme.accent


def test_no_time_is_cut_at_the_right_edge(qtbot: QtBot) -> None:
    view = AxisView(LIGHT)
    qtbot.addWidget(view)
    view.resize(1_180, TIME_AXIS_PX)
    drawn = replace(frame(layout(), BarList().bars()), now_px=-1)
    width = drawn.view.width_px
    for x_px, is_whole in ((width - 100, True), (width - 20, False)):
        view.show_frame(drawn, [Tick(x_px, "0:20", "14:34:27")])
        texts = view.grab().toImage().copy(GUTTER_PX + x_px + 2, 0, width - x_px - 2, 22)
        blank = {texts.pixel(x, y) for x in range(texts.width()) for y in range(texts.height())}
        assert (len(blank) > 1) == is_whole


@pytest.mark.parametrize("view_class", [AxisView, EventsView])
def test_axis_and_events_report_gestures_like_the_stream(
    qtbot: QtBot, view_class: type[AxisView | EventsView]
) -> None:
    view = view_class(LIGHT)
    qtbot.addWidget(view)
    view.resize(1_180, 30)
    drawn = frame(layout(), BarList().bars())
    if isinstance(view, AxisView):
        view.show_frame(drawn, ())
    else:
        view.show_frame(drawn)
    ends: list[tuple[int, int]] = []
    view.selected.connect(lambda start, end: ends.append((start, end)))
    QTest.mousePress(view, LEFT, NO_KEYS, QPoint(GUTTER_PX + 100, 10))
    QTest.mouseMove(view, QPoint(GUTTER_PX + 300, 10))
    QTest.mouseRelease(view, LEFT, NO_KEYS, QPoint(GUTTER_PX + 300, 10))
    assert ends == [(drawn.view.time_ns(100), drawn.view.time_ns(300))]


def panel(qtbot: QtBot, theme: Theme = LIGHT) -> TimelinePanel:
    view = TimelinePanel(theme)
    qtbot.addWidget(view)
    view.resize(1_180, 600)
    view.show()
    width, height = view.lanes_size_px
    view.show_legend(frames.legend())
    view.show_minimap(frames.minimap(width), Session())
    drawn = frames.busy_run(width, height)
    ends = (drawn.view.time_ns(100), drawn.view.time_ns(400))
    view.show_frame(drawn, frames.ticks(width), frames.NAMES, Session(selection_ns=ends))
    return view


def test_strips_have_their_heights_and_share_the_gutter(qtbot: QtBot) -> None:
    view = panel(qtbot)
    strips = (view.legend, view.minimap, view.axis, view.events)
    heights = [strip.height() for strip in strips]
    assert heights == [LEGEND_PX, MINIMAP_PX, TIME_AXIS_PX, EVENTS_LANE_PX]
    assert view.lanes_size_px == (1_180 - GUTTER_PX, 600 - sum(heights))


def test_a_change_of_theme_reaches_every_strip(qtbot: QtBot) -> None:
    view = panel(qtbot)
    view.set_theme(DARK)
    image = view.grab().toImage()
    light = {LIGHT.s1, LIGHT.lane, LIGHT.lane2, LIGHT.hdr}
    assert not light & {image.pixel(2, y) & 0xFFFFFF for y in range(600)}


def test_selection_and_now_are_one_line_through_the_strips(qtbot: QtBot) -> None:
    view = panel(qtbot)
    image = view.grab().toImage()
    top = view.axis.y() + 20
    for x in (100, 400, 1_000):
        column = [image.pixel(GUTTER_PX + x, y) & 0xFFFFFF for y in range(top, 600)]
        assert column.count(LIGHT.accent) >= 0.97 * len(column)


def test_gestures_of_each_strip_come_from_the_panel(qtbot: QtBot) -> None:
    view = panel(qtbot)
    for strip in (view.axis, view.events, view.stream):
        with qtbot.waitSignal(view.zoomed):
            strip.zoomed.emit(1.0, 2.0)


def test_the_prefix_of_the_hovered_task_is_lit_in_the_legend(qtbot: QtBot) -> None:
    view = panel(qtbot)
    before = view.legend.grab().toImage()
    with qtbot.assertNotEmitted(view.legend.lit):
        view.stream.show_hit(frames.hit(1, 100, 200, "key"))
    assert view.legend.grab().toImage() != before
    view.stream.show_hit(None)
    assert view.legend.grab().toImage() == before


def test_hidden_prefixes_and_all_but_the_lit_one_are_dimmed() -> None:
    entries = [LegendEntry("a", 0, True), LegendEntry("b", 1, False), LegendEntry("c", 2, False)]
    assert dimmed_slots(entries, "") == {0}
    assert dimmed_slots(entries, "c") == {0, 1}
    assert dimmed_slots(entries, "unknown") == {0}
