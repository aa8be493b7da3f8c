"""The tooltip: where it stands, and what it tells."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint, QRect
from PySide6.QtWidgets import QWidget

from daskscope.derive.frames import Hit
from daskscope.paint.brush import slot_colour
from daskscope.theme import DARK, LIGHT, Theme
from daskscope.views.timeline.tooltip import WIDTH_PX, Tooltip, corner, height_px
from tests.gui import frames
from tests.gui.frames import colour_at

if TYPE_CHECKING:
    from PySide6.QtGui import QImage
    from pytestqt.qtbot import QtBot

THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
SCREEN = QRect(0, 0, 1600, 900)


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


def test_what_a_value_ends_with_is_told_on_more_lines(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    tooltip = Tooltip(LIGHT, parent)
    values = ("w0 10.0.4.11:40101", "worker-00021  10.100.100.102:40006", 5_000 * "x ")
    heights = []
    for value in values:
        hit = frames.hit(1, 100, 200, "key")
        tooltip.show_hit(replace(hit, fields=(("Worker", value),)), QPoint(300, 300))
        image = tooltip.grab().toImage()
        rows = {y for y in range(52, tooltip.height() - 28) if _is_written(image, y)}
        heights.append((tooltip.height(), max(rows) - min(rows) > 17))
    first_px = heights[0][0]
    assert heights == [(first_px, False), (first_px + 17, True), (first_px + 34, True)]


def _is_written(image: QImage, y: int) -> bool:
    """Whether a line of pixels has some of a value's text."""
    return any(image.pixel(x, y) & 0xFF < 0x80 for x in range(92, 306))
