"""The histogram in the real window: bars that are marked, told of and labelled."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from daskscope.paint.font import Role, text_width
from daskscope.views.statistics import histogram
from tests.builders import SECOND
from tests.gui.selecting import drag, tick

if TYPE_CHECKING:
    from daskscope.app.run import Run
    from daskscope.paint.text import Box


def test_bins_are_marked_by_click_drag_and_keys_and_light_their_tasks(chosen: Run) -> None:
    histogram = chosen.window.statistics.histogram
    shown = histogram._shown
    assert shown is not None
    plot = histogram.plot()

    def spot(seconds: float) -> QPoint:
        share = shown.share(seconds * 1e9)
        return QPoint(plot.left() + round(share * plot.width()), plot.center().y())

    QTest.mouseClick(histogram, Qt.MouseButton.LeftButton, pos=spot(6.0))
    tick(chosen)
    (part,) = chosen.session.bins
    assert part.from_ns <= 6 * SECOND < part.to_ns
    assert part.within_ns == chosen.session.selection_ns
    assert chosen.marks.n_lit == 1
    QTest.mouseClick(histogram, Qt.MouseButton.LeftButton, pos=spot(6.0))
    assert not chosen.session.bins
    drag(histogram, spot(6.0), spot(3.0))
    tick(chosen)
    assert chosen.marks.n_lit == 3
    QTest.keyClick(histogram, Qt.Key.Key_Escape)
    assert not chosen.session.bins
    tick(chosen)
    QTest.keyClick(histogram, Qt.Key.Key_Right)
    tick(chosen)
    (first,) = chosen.session.bins
    assert first.from_ns <= 3 * SECOND < first.to_ns
    for _ in range(len(shown.n_all)):
        QTest.keyClick(histogram, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
        tick(chosen, 1)
    (wide,) = chosen.session.bins
    assert wide.from_ns == first.from_ns
    assert wide.to_ns > 6 * SECOND


def test_a_press_beside_the_bars_marks_none(chosen: Run) -> None:
    histogram = chosen.window.statistics.histogram
    plot = histogram.plot()
    histogram.setFocus()
    QTest.keyClick(histogram, Qt.Key.Key_Right)
    assert chosen.session.bins
    tick(chosen)
    spot = QPoint(plot.left() + 1, plot.center().y())
    QTest.mouseClick(histogram, Qt.MouseButton.LeftButton, pos=spot)
    assert chosen.session.bins == ()


def test_bars_tell_what_they_count(chosen: Run) -> None:
    histogram = chosen.window.statistics.histogram
    shown = histogram._shown
    assert shown is not None
    plot = histogram.plot()
    x = plot.left() + round(shown.share(3e9) * plot.width())
    assert "task" in histogram.tip(QPoint(x, plot.center().y()))
    assert histogram.tip(QPoint(plot.left(), plot.center().y())) == ""


@pytest.mark.parametrize("width", [160, 400])
def test_labels_of_durations_stand_apart(
    chosen: Run, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    boxes: list[tuple[float, float]] = []

    def draw(_painter: object, box: Box, text: str, role: Role, *rest: object) -> float:
        if text in wanted:
            boxes.append((box[0], box[0] + text_width(role, text)))
        return 0.0

    view = chosen.window.statistics.histogram
    shown = view._shown
    assert shown is not None
    wanted = {"1 ms": 0.0, "10 ms": 0.3, "100 ms": 0.6, "1000 ms": 1.0}
    ticks = tuple((share, text) for text, share in wanted.items())
    monkeypatch.setattr(histogram, "ticks", lambda _shown: ticks)
    monkeypatch.setattr(histogram, "draw_text", draw)
    view.resize(width, 200)
    view.grab()
    assert len(boxes) >= 2
    assert all(one[1] + 4 < other[0] for one, other in pairwise(boxes))


def test_counts_beside_the_axis_have_room(chosen: Run) -> None:
    room_px = chosen.window.statistics.histogram.plot().left() - 6
    labels = [histogram.count_label(power) for power in range(9)]
    assert all(text_width(Role.TINY, label) <= room_px for label in labels)
    told = [label.replace("\u2009", " ") for label in labels]
    assert told == ["1", "10", "100", "1 000", "10 000", "100 k", "1 M", "10 M", "100 M"]
