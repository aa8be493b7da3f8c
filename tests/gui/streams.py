"""A task stream with some bars, and what it has painted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt

from daskscope.derive.frames import BarState, TaskStreamFrame
from daskscope.store.schema import Kind
from daskscope.theme import DARK, GUTTER_PX, LIGHT, Theme
from daskscope.views.timeline.stream import StreamView
from tests.gui import frames
from tests.gui.frames import BarList, frame, layout

if TYPE_CHECKING:
    from PySide6.QtGui import QImage
    from pytestqt.qtbot import QtBot

THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
SIZE = (GUTTER_PX + 1012, 480)
FIRST_LANE, SECOND_LANE = 1, 2
NO_KEYS = Qt.KeyboardModifier.NoModifier


def shown(qtbot: QtBot, drawn: TaskStreamFrame, theme: Theme = LIGHT) -> StreamView:
    view = StreamView(theme)
    qtbot.addWidget(view)
    view.resize(*SIZE)
    view.show_frame(drawn, frames.ticks(), frames.NAMES)
    view.show()
    return view


def picture(view: StreamView) -> QImage:
    return view.grab().toImage()


def colour_at(image: QImage, x: int, y: int) -> int:
    """0xRRGGBB at a pixel of the lanes."""
    return image.pixel(GUTTER_PX + x, y) & 0xFFFFFF


def some_bars() -> TaskStreamFrame:
    listed = BarList()
    listed.add(FIRST_LANE, 100, 104, frames.READ)
    listed.add(FIRST_LANE, 200, 240, frames.P2P)
    listed.add(FIRST_LANE, 300, 306, frames.FIT, state=BarState.ERRED)
    listed.add(FIRST_LANE, 400, 440, frames.TRANSFER_NAME, Kind.TRANSFER)
    listed.add(SECOND_LANE, 900, 1000, frames.CLEAN, state=BarState.RUNNING)
    return frame(layout(), listed.bars())


def lane_top(drawn: TaskStreamFrame, row: int) -> int:
    return drawn.layout.rows[row].y_px - drawn.scroll_px
