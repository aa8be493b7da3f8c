"""The minimap: what it paints, and how its brush is dragged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from daskscope.paint.brush import slot_colour
from daskscope.theme import DARK, GUTTER_PX, LIGHT, MINIMAP_PX, Theme
from daskscope.views.timeline.minimap import MinimapView
from tests.gui import frames
from tests.gui.frames import colour_at

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
LEFT, NO_KEYS = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


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
