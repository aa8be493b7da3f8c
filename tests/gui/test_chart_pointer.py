"""The pointer over the charts of a cluster's resources, its wheel and its drag."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from daskscope.paint.wheel import FINE_ZOOM_STEP, PAN_SHARE, ZOOM_STEP
from daskscope.theme import DARK, LIGHT, PADDING_PX
from daskscope.views.resources.cross import Cross
from daskscope.views.resources.panel import AXIS_PX, FINE_STEP_PX, STEP_PX
from daskscope.views.resources.title import ChartTitle
from tests.builders import SECOND, T0
from tests.gui.charts import VIEW, draw, frame, plots, shown

NO_BUTTON, LEFT = Qt.MouseButton.NoButton, Qt.MouseButton.LeftButton
NO_KEY = Qt.KeyboardModifier.NoModifier
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from daskscope.theme import Theme
    from daskscope.views.resources import ResourcesView


def values(view: ResourcesView) -> list[str]:
    titles = view.findChildren(ChartTitle)
    return [title.told.value_text.replace("\u2009", " ") for title in titles if title.told]


def move(view: ResourcesView, share: float, buttons: Qt.MouseButton = NO_BUTTON) -> None:
    """Move the pointer to a share of the charts' width."""
    place = QPointF(AXIS_PX + share * view.charts_px, 120.0)
    kind = QEvent.Type.MouseMove
    event = QMouseEvent(kind, place, view.mapToGlobal(place), NO_BUTTON, buttons, NO_KEY)
    QApplication.sendEvent(view, event)


def test_the_pointer_reports_the_time_and_its_leaving(qtbot: QtBot) -> None:
    view = shown(qtbot)
    times: list[int | None] = []
    view.pointed.connect(times.append)
    move(view, 0.5)
    move(view, -0.1)
    QApplication.sendEvent(view, QEvent(QEvent.Type.Leave))
    assert times == [T0 + 150 * SECOND, None, None]


def test_arrows_point_at_a_time_and_escape_at_none(qtbot: QtBot) -> None:
    view = shown(qtbot)
    times: list[int | None] = []
    view.pointed.connect(times.append)
    column_ns = SECOND * 300 / 352
    for key, keys in (
        (Qt.Key.Key_Left, NO_KEY),
        (Qt.Key.Key_Left, NO_KEY),
        (Qt.Key.Key_Right, SHIFT),
        (Qt.Key.Key_Escape, NO_KEY),
        (Qt.Key.Key_Escape, NO_KEY),
    ):
        QTest.keyClick(view, key, keys)
    middle_ns = T0 + 150 * SECOND
    steps = (0, -STEP_PX, FINE_STEP_PX - STEP_PX)
    expected = [middle_ns + step * column_ns for step in steps]
    assert times[:3] == pytest.approx(expected, abs=2)
    assert times[3:] == [None]


def test_arrows_end_at_the_edges_and_begin_anew_where_the_time_has_gone(qtbot: QtBot) -> None:
    view = shown(qtbot)
    times: list[int] = []
    view.pointed.connect(times.append)
    for key, edge_ns in (
        (Qt.Key.Key_Left, T0),
        (Qt.Key.Key_Right, T0 + round(SECOND * 300 / 352 * 351)),
    ):
        for _ in range(60):
            QTest.keyClick(view, key)
        assert times[-1] == pytest.approx(edge_ns, abs=2)
    for _ in range(60):
        QTest.keyClick(view, Qt.Key.Key_Left)
    later = replace(frame(), view=replace(VIEW, start_ns=T0 + 100 * SECOND))
    draw(view, later)
    QTest.keyClick(view, Qt.Key.Key_Left)
    assert times[-1] == pytest.approx(T0 + 250 * SECOND, abs=2)


def test_keys_that_go_elsewhere_point_at_nothing(qtbot: QtBot) -> None:
    view = shown(qtbot)
    view.activateWindow()
    view.setFocus()
    qtbot.waitUntil(view.hasFocus)
    QTest.keyClick(view, Qt.Key.Key_Left)
    times: list[int | None] = []
    view.pointed.connect(times.append)
    view.clearFocus()
    view.setFocus()
    view.clearFocus()
    assert times == [None]


def test_a_screen_reader_is_told_what_charts_show_where_keys_point(
    qtbot: QtBot, told: list[str]
) -> None:
    view = shown(qtbot)
    QTest.keyClick(view, Qt.Key.Key_Left)
    assert [text.replace("\u2009", " ") for text in told] == [
        "2:30, CPU 12.0 cores, Memory 24.0 B, managed 12.0 B, unmanaged 12.0 B,"
        " Transfer, network 0.0 kB/s, disk 0.0 kB/s"
    ]


def test_all_charts_tell_what_they_show_at_a_time(qtbot: QtBot) -> None:
    view = shown(qtbot)
    cross = view.findChild(Cross)
    assert cross is not None
    assert values(view) == ["12 / 24"] * 3
    view.point(T0 + 100 * SECOND)
    assert values(view) == ["12.0 cores", "24.0 B", ""]
    memory = view.findChildren(ChartTitle)[1].told
    assert memory is not None
    assert memory.curve_texts == ("12.0\u2009B", "12.0\u2009B")
    assert cross.isVisible()
    assert cross.x_px == round(100 / 300 * 352)
    picture = view.grab().toImage()
    x_px = AXIS_PX + cross.x_px
    for plot in plots(view):
        assert picture.pixel(x_px, plot.y() + 10) & 0xFFFFFF == LIGHT.t2
    view.point(T0 + 400 * SECOND)  # not in view
    assert values(view) == ["12 / 24"] * 3
    assert not cross.isVisible()


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_the_line_leaves_out_the_text_of_a_capacity(qtbot: QtBot, theme: Theme) -> None:
    view = shown(qtbot, theme)
    first = plots(view)[0]
    box = (view.width() - PADDING_PX - 22, first.y(), 22, 12)
    before = view.grab().toImage().copy(*box)
    view.point(T0 + 290 * SECOND)  # within "limit"
    cross = view.findChild(Cross)
    assert cross is not None
    x_px = AXIS_PX + cross.x_px
    assert box[0] < x_px < box[0] + box[2]
    after = view.grab().toImage()
    assert after.copy(*box) == before
    assert after.pixel(x_px, first.y() + 30) & 0xFFFFFF == theme.t2
    view.point(T0 + 200 * SECOND)
    beside = view.grab().toImage()
    assert beside.pixel(AXIS_PX + cross.x_px, first.y() + 5) & 0xFFFFFF == theme.t2


def test_a_label_that_the_time_at_the_pointer_would_cut_stands_back(qtbot: QtBot) -> None:
    view = shown(qtbot)
    *_, (left, right) = plots(view)[-1].times_px()

    def label(until_px: float) -> set[int]:
        """Colours where the label "2:30" stands, up to a pixel of the charts."""
        image = view.grab().toImage()
        columns = range(AXIS_PX + math.ceil(left), AXIS_PX + math.floor(until_px))
        rows = range(view.height() - 20, view.height() - 7)
        return {image.pixel(x, y) & 0xFFFFFF for x in columns for y in rows}

    assert len(label(right)) > 1
    for at_s, is_there in ((30, True), (160, False), (220, True)):
        view.point(T0 + at_s * SECOND)
        cross = view.findChild(Cross)
        assert cross is not None
        flag_px = cross.x_px - 17
        assert (len(label(min(right, flag_px) if not is_there else right)) > 1) is is_there


def test_wheel_and_drag_are_reported_as_shares_of_the_width(qtbot: QtBot) -> None:
    view = shown(qtbot)
    found: list[tuple[object, ...]] = []
    view.zoomed.connect(lambda share, factor: found.append(("zoom", round(share, 3), factor)))
    view.panned.connect(lambda share: found.append(("pan", round(share, 3))))
    for keys, angle in ((NO_KEY, 120), (CONTROL, -120), (SHIFT, 120)):
        place = QPointF(AXIS_PX + 0.25 * view.charts_px, 90.0)
        turn = QPoint(0, angle)
        phase = Qt.ScrollPhase.NoScrollPhase
        event = QWheelEvent(
            place, view.mapToGlobal(place), QPoint(), turn, NO_BUTTON, keys, phase, False
        )
        QApplication.sendEvent(view, event)
    assert found == [
        ("zoom", 0.25, 1 / ZOOM_STEP),
        ("zoom", 0.25, FINE_ZOOM_STEP),
        ("pan", -PAN_SHARE),
    ]
    found.clear()
    QTest.mousePress(view, LEFT, NO_KEY, QPoint(AXIS_PX + view.charts_px // 2, 90))
    move(view, 0.25, LEFT)
    QTest.mouseRelease(view, LEFT)
    move(view, 0.75)
    assert found == [("pan", 0.25)]
