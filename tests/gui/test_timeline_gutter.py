"""The gutter's picture: at the scale of the screen, and made anew only for other labels."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from PySide6.QtGui import QColor, QImage, QPainter

from daskscope.theme import DARK, GUTTER_PX, LIGHT, Theme
from daskscope.views.timeline import gutter
from daskscope.views.timeline.gutter import Gutter, GutterTarget, ground
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


@pytest.mark.usefixtures("qapp")
def test_it_is_made_anew_only_where_it_says_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    draw_labels = gutter._draw_labels

    def draw(*arguments: object) -> None:
        made.append(arguments)
        draw_labels(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(gutter, "_draw_labels", draw)
    image, drawn = QImage(300, 399, QImage.Format.Format_RGB32), Gutter()
    rows = layout()

    def is_made(other: object, target: GutterTarget | None = None) -> bool:
        n_made, painter = len(made), QPainter(image)
        shown = frame(rows, BarList().bars(), height=399)
        drawn.draw(painter, replace(shown, layout=other), LIGHT, target)  # type: ignore[arg-type]
        painter.end()
        return len(made) > n_made

    assert is_made(rows)
    busier = [replace(row, detail="as busy as can be") for row in rows.rows]
    assert not is_made(replace(rows, rows=busier))  # which a header says, not the gutter
    first, *others = rows.workers
    fuller = replace(first, memory_text="3.0 GiB")
    assert is_made(replace(rows, workers=[fuller, *others]))
    assert not is_made(replace(rows, workers=[replace(fuller), *others]))
    assert is_made(rows)
    assert is_made(replace(rows, row_of_lane=rows.row_of_lane.copy()))
    assert is_made(rows, GutterTarget(first.key, is_host=False, part="name"))
