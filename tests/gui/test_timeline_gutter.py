"""The gutter's picture at the scale of the screen."""

from __future__ import annotations

import math

import pytest
from PySide6.QtGui import QColor, QImage, QPainter

from daskscope.theme import DARK, GUTTER_PX, LIGHT, Theme
from daskscope.views.timeline.gutter import Gutter, ground
from tests.gui.frames import BarList, frame, layout


@pytest.mark.usefixtures("qapp")
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
@pytest.mark.parametrize("ratio", [1.0, 1.25, 1.5, 2.0])
def test_it_is_filled_to_its_end(ratio: float, theme: Theme) -> None:
    height = 399
    image = QImage(300, math.ceil(height * ratio), QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(ratio)
    image.fill(QColor(255, 0, 255))
    painter = QPainter(image)
    Gutter().draw(painter, frame(layout(), BarList().bars(), height=height), theme, None)
    painter.end()
    last = {image.pixel(x, image.height() - 1) & 0xFFFFFF for x in range(4, GUTTER_PX // 2)}
    assert last == {ground(theme)}
