"""Legend, minimap, time axis, events, tooltip, and the panel that stacks them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QEvent, QPoint, QRect, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolTip, QWidget

from daskscope.derive.frames import EventMark, Hit, LegendEntry, Tick
from daskscope.paint.brush import slot_colour
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
from daskscope.views.timeline.events import MARK_PX, EventsView, PlacedEvent, placed_events
from daskscope.views.timeline.legend import LegendView, placed_entries
from daskscope.views.timeline.minimap import MinimapView
from daskscope.views.timeline.panel import TimelinePanel, dimmed_slots
from daskscope.views.timeline.tooltip import WIDTH_PX, Tooltip, corner, height_px
from tests.gui import frames
from tests.gui.frames import BarList, frame, layout

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
LEFT, NO_KEYS = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
SCREEN = QRect(0, 0, 1600, 900)


def colour_at(view: QWidget, x: int, y: int) -> int:
    return view.grab().toImage().pixel(x, y) & 0xFFFFFF


# Events ---------------------------------------------------------------------------------------


def placed(*events: tuple[int, str], taken: tuple[int, int] = (0, 0)) -> list[PlacedEvent]:
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


def test_a_text_that_fits_nowhere_is_cut_or_left_out() -> None:
    first, second, _ = placed((100, "graph submitted"), (180, "worker lost"), (200, "again"))
    assert 0 < first.width_px < 90
    assert second.width_px == 0


def test_of_marks_that_cover_each_other_an_error_is_kept() -> None:
    marks = [EventMark(100, "other", "spill", False), EventMark(103, "erred", "failed", True)]
    (event,) = placed_events(marks, 1_000, lambda text: 6.0 * len(text))
    assert event.event.sign == "erred"


def test_no_text_stands_under_the_badge_of_the_selection() -> None:
    for x in range(60, 320, 7):
        (event,) = placed((x, "worker lost"), taken=(200, 260))
        if event.width_px:
            assert event.left_px >= 260 or event.left_px + event.width_px <= 200


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


# Axis -----------------------------------------------------------------------------------------


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


# Minimap --------------------------------------------------------------------------------------


def minimap(qtbot: QtBot, theme: Theme = LIGHT) -> MinimapView:
    view = MinimapView(theme)
    qtbot.addWidget(view)
    view.resize(1_180, MINIMAP_PX)
    view.show_minimap(frames.minimap())
    return view


@THEMES
def test_the_minimap_is_faint_outside_the_brush(qtbot: QtBot, theme: Theme) -> None:
    view = minimap(qtbot, theme)
    left, _ = frames.minimap().brush_px
    period, bottom = 1_012 / 8, 33
    inside, outside = round(left + 0.12 * period), round(0.12 * period)
    assert colour_at(view, GUTTER_PX + inside, bottom) == slot_colour(theme, 0)
    assert colour_at(view, GUTTER_PX + outside, bottom) not in (slot_colour(theme, 0), theme.lane)


def test_dimmed_prefixes_are_grey_in_the_minimap(qtbot: QtBot) -> None:
    view = minimap(qtbot)
    view.show_minimap(frames.minimap(), frozenset({0}))
    left, _ = frames.minimap().brush_px
    assert colour_at(view, GUTTER_PX + left + 15, 33) == LIGHT.wait2


@pytest.mark.parametrize(
    ("grip", "ends"),
    [
        ("left", (786.0, 1010.0)),
        ("right", (886.0, 910.0)),
        ("middle", (786.0, 910.0)),
    ],
)
def test_brush_and_edges_are_dragged(qtbot: QtBot, grip: str, ends: tuple[float, float]) -> None:
    view = minimap(qtbot)
    left, right = frames.minimap().brush_px
    x = {"left": left, "right": right, "middle": (left + right) // 2}[grip] + GUTTER_PX
    brushed: list[tuple[float, float]] = []
    view.brushed.connect(lambda start, stop: brushed.append((start, stop)))
    QTest.mousePress(view, LEFT, NO_KEYS, QPoint(x, 20))
    QTest.mouseMove(view, QPoint(x - 100, 20))
    QTest.mouseRelease(view, LEFT, NO_KEYS, QPoint(x - 100, 20))
    assert (left, right) == (886, 1_010)
    assert brushed == [ends]


def test_a_click_beside_the_brush_moves_it_there(qtbot: QtBot) -> None:
    view = minimap(qtbot)
    with qtbot.waitSignal(view.brushed) as brushed:
        QTest.mouseClick(view, LEFT, NO_KEYS, QPoint(GUTTER_PX + 400, 20))
    assert brushed.args == [338.0, 462.0]


def test_a_minimap_with_nothing_in_it_is_painted(qtbot: QtBot) -> None:
    view = MinimapView(LIGHT)
    qtbot.addWidget(view)
    view.resize(1_180, MINIMAP_PX)
    assert colour_at(view, GUTTER_PX + 100, 20) == LIGHT.lane


# Legend ---------------------------------------------------------------------------------------


def legend(qtbot: QtBot, *hidden: str, width: int = 1_180) -> LegendView:
    view = LegendView(LIGHT)
    qtbot.addWidget(view)
    view.resize(width, LEGEND_PX)
    view.show_entries(frames.legend(frozenset(hidden)))
    return view


@pytest.mark.usefixtures("qapp")
@pytest.mark.parametrize("right", [200, 500, 900, 5_000])
def test_entries_stand_side_by_side_and_the_rest_is_counted(right: int) -> None:
    entries = frames.legend()
    shown, n_more = placed_entries(entries, 38, right)
    assert len(shown) + n_more == len(entries)
    assert [entry.entry for entry in shown] == list(entries[: len(shown)])
    ends = [entry.left_px + entry.width_px for entry in shown]
    assert all(end < other.left_px for end, other in zip(ends, [*shown[1:]], strict=False))
    assert ends[-1] <= right
    assert (n_more == 0) == (right == 5_000)


@pytest.mark.usefixtures("qapp")
def test_a_long_name_does_not_push_the_others_out() -> None:
    entries = [LegendEntry(400 * "long", 0, False), LegendEntry("inc", 1, False)]
    assert placed_entries(entries, 38, 500)[1] == 0


def test_a_click_toggles_and_a_double_click_shows_one_alone(qtbot: QtBot) -> None:
    view = legend(qtbot)
    with qtbot.waitSignal(view.toggled) as toggled:
        QTest.mouseClick(view, LEFT, NO_KEYS, QPoint(60, 14))
    with qtbot.waitSignal(view.soloed) as soloed:
        QTest.mouseDClick(view, LEFT, NO_KEYS, QPoint(60, 14))
    assert (toggled.args, soloed.args) == (["read-parquet"], ["read-parquet"])


@THEMES
def test_the_menu_of_the_rest_has_the_colours_of_the_theme(qtbot: QtBot, theme: Theme) -> None:
    view = legend(qtbot, width=1_000)
    view.set_theme(theme)
    menu = view.more_menu()
    menu.resize(menu.sizeHint())
    assert colour_at(menu, menu.width() - 6, menu.height() // 2) == theme.tipbg


def test_the_prefix_under_the_pointer_is_lit(qtbot: QtBot) -> None:
    view = legend(qtbot)
    names: list[str] = []
    view.lit.connect(names.append)
    for x in (60, 62, 1_170):
        QTest.mouseMove(view, QPoint(x, 14))
    assert names == ["read-parquet", ""]


def test_prefixes_that_do_not_fit_are_in_a_menu(qtbot: QtBot) -> None:
    view = legend(qtbot, "to-parquet", width=1_000)
    menu = view.more_menu()
    names = [action.text() for action in menu.actions()]
    assert names == [entry.name for entry in frames.legend()[-len(names) :]]
    checked = {action.text(): action.isChecked() for action in menu.actions()}
    assert (checked["to-parquet"], checked["combine"]) == (False, True)
    with qtbot.waitSignal(view.toggled) as toggled:
        menu.actions()[-1].trigger()
    assert toggled.args == ["combine"]


def test_a_hidden_prefix_has_a_hollow_swatch(qtbot: QtBot) -> None:
    view = legend(qtbot, "read-parquet")
    image = view.grab().toImage()
    colours = {image.pixel(x, 14) & 0xFFFFFF for x in range(200)}
    assert slot_colour(LIGHT, 0) not in colours


@pytest.mark.parametrize("width", [100, 300, 640, 2_560])
def test_the_legend_is_painted_at_every_width(qtbot: QtBot, width: int) -> None:
    assert legend(qtbot, width=width).grab().width() == width


# Tooltip --------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", range(0, 1_601, 100))
@pytest.mark.parametrize("y", range(0, 901, 100))
def test_the_tooltip_is_on_the_screen_and_never_under_the_pointer(x: int, y: int) -> None:
    size = (WIDTH_PX, 190)
    box = QRect(corner(QPoint(x, y), size, SCREEN), SCREEN.size())
    box.setSize(QRect(0, 0, *size).size())
    assert not box.contains(x, y)
    assert SCREEN.contains(box.topLeft())
    assert box.right() <= SCREEN.right()


@pytest.mark.parametrize(
    "key",
    ["", "inc-1", "<b>bold</b>&amp;", "line\nbreak\ttab", 10_000 * "k", "('x', 1, 'ü\u202e')"],
    ids=["none", "short", "markup", "newline", "long", "unicode"],
)
@THEMES
def test_keys_of_any_shape_are_told(qtbot: QtBot, key: str, theme: Theme) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    tooltip = Tooltip(theme, parent)
    hit = frames.hit(1, 100, 200, key)
    tooltip.show_hit(hit, QPoint(300, 300))
    assert tooltip.isVisible()
    assert (tooltip.width(), tooltip.height()) == (WIDTH_PX, height_px(hit))
    assert colour_at(tooltip, 20, 18) == slot_colour(theme, hit.slot)


def test_the_tooltip_grows_with_its_facts() -> None:
    hit = frames.hit(1, 100, 200, "key")
    fewer = Hit("t", "key", 0, 0, hit.state, hit.fields[:2], 0, 1, 1)
    assert height_px(hit) > height_px(fewer)


# Panel ----------------------------------------------------------------------------------------


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
