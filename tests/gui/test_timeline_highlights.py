"""Lines of events over the lanes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QLine
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from daskscope.derive.frames import EventMark
from daskscope.theme import DARK, LIGHT, Theme
from daskscope.views.timeline.highlights import DASH_PX, draw_event_lines
from daskscope.views.timeline.sight import sight
from tests.gui.frames import BarList, frame, layout

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from pytestqt.qtbot import QtBot

    from daskscope.derive.frames import TaskStreamFrame

ALL_PX = ((0, 100),)
THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
EVENTS = (
    EventMark(0, "lost", "w1 lost", has_line=True),
    EventMark(40, "graph", "graph submitted", has_line=True),
    EventMark(60, "added", "w1 added", has_line=False),
    EventMark(99, "removed", "w2 removed", has_line=True),
)


def with_headers(scroll_px: int) -> TaskStreamFrame:
    """Lanes of three hosts, the last of which is cut by the lower edge."""
    lanes = layout(((2, 2),) * 3)
    return replace(frame(lanes, BarList().bars(), events=EVENTS, height=251), scroll_px=scroll_px)


def painted(
    draw: Callable[[QPainter], object], theme: Theme, ratio: float
) -> npt.NDArray[np.uint32]:
    """0xRRGGBB of the pixels of 100 columns."""
    image = QImage(round(100 * ratio), round(251 * ratio), QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    image.fill(QColor.fromRgb(theme.lane))
    with QPainter(image) as painter:
        draw(painter)
    pixels = np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), image.width())
    return pixels & np.uint32(0xFFFFFF)


def dashes_of_a_pen(drawn: TaskStreamFrame, theme: Theme) -> npt.NDArray[np.uint32]:
    """What a pen draws between headers, one pixel to a pixel."""
    edges = [0]
    for row in sight(drawn).hosts:
        edges += [row.y_px - drawn.scroll_px, row.y_px - drawn.scroll_px + row.height_px]
    edges.append(drawn.height_px)

    def draw(painter: QPainter) -> None:
        for event in EVENTS:
            pen = QPen(QColor.fromRgb(theme.accent if event.sign == "graph" else theme.t1), 1)
            pen.setDashPattern([DASH_PX, DASH_PX])
            painter.setPen(pen)
            for top, end in zip(edges[::2], edges[1::2], strict=True):
                if event.has_line and top < end:
                    painter.drawLine(QLine(event.x_px, top, event.x_px, end - 1))

    return painted(draw, theme, 1.0)


@THEMES
@pytest.mark.parametrize("scroll_px", [0, 5, 31])
def test_lines_are_those_of_a_dashed_pen_and_leave_out_headers(
    qtbot: QtBot, theme: Theme, scroll_px: int
) -> None:
    drawn = with_headers(scroll_px)
    pixels = painted(lambda painter: draw_event_lines(painter, drawn, theme, ALL_PX), theme, 1.0)

    assert len(np.unique(pixels)) == 3
    np.testing.assert_array_equal(pixels, dashes_of_a_pen(drawn, theme))


@THEMES
@pytest.mark.parametrize("ratio", [2, 3])
def test_at_another_resolution_dashes_are_as_long_and_as_sharp(
    qtbot: QtBot, theme: Theme, ratio: int
) -> None:
    drawn = with_headers(5)
    pixels = painted(lambda painter: draw_event_lines(painter, drawn, theme, ALL_PX), theme, ratio)

    # The first of the columns that a line is wide, left and right of the middle of its mark.
    left = ratio // 2
    for event in EVENTS[1:]:
        columns = pixels[:, event.x_px * ratio - left :][:, :ratio].T
        expected = dashes_of_a_pen(drawn, theme)[:, event.x_px].repeat(ratio)
        np.testing.assert_array_equal(columns, [expected] * ratio)


@pytest.mark.parametrize("ratio", [1, 1.5, 2, 3])
@pytest.mark.parametrize("first", [39, 40, 41, 42])
def test_of_some_columns_all_is_drawn_and_no_line_elsewhere(
    qtbot: QtBot, ratio: float, first: int
) -> None:
    drawn, parts = with_headers(0), ((0, 1), (first, 60))

    def draw(parts: tuple[tuple[int, int], ...]) -> npt.NDArray[np.uint32]:
        return painted(lambda p: draw_event_lines(p, drawn, LIGHT, parts), LIGHT, ratio)

    there = slice(round(first * ratio), round(60 * ratio))
    np.testing.assert_array_equal(draw(parts)[:, there], draw(ALL_PX)[:, there])
    assert (draw(parts)[:, round(90 * ratio) :] == LIGHT.lane).all()


@pytest.mark.parametrize("ratio", [1.25, 1.5, 1.75])
def test_at_any_resolution_each_line_is_seen(qtbot: QtBot, ratio: float) -> None:
    drawn = replace(
        with_headers(0),
        height_px=149,
        events=tuple(EventMark(x, "graph", "", True) for x in range(4, 100, 5)),
    )
    pixels = painted(lambda painter: draw_event_lines(painter, drawn, LIGHT, ALL_PX), LIGHT, ratio)

    assert set(np.unique(pixels).tolist()) == {LIGHT.lane, LIGHT.accent}
    at = np.flatnonzero((pixels != LIGHT.lane).any(axis=0))
    assert np.count_nonzero(np.diff(at, prepend=-9) > 1) == len(drawn.events)
