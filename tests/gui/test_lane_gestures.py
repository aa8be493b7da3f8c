"""Folding, pinning, grouping and sorting lanes, on the window at work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from daskscope.app.bindings import bindings
from daskscope.derive.frames import RowKind
from daskscope.session import Grouping
from daskscope.views.timeline.gutter import HOST_PIN_PX, PIN_PX, WORKER_CHEVRON_X_PX
from tests.builders import MS
from tests.gui.working import NOW

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from daskscope.app.run import Run
    from daskscope.derive.frames import LaneLayout


@pytest.fixture
def focused(busy: Run, qtbot: QtBot) -> Run:
    stream = busy.window.timeline.stream
    busy.window.activateWindow()
    stream.setFocus()
    qtbot.waitUntil(stream.hasFocus)
    return busy


def layout(run: Run) -> LaneLayout:
    run.tick(NOW + 32 * MS)
    assert run.frame is not None
    return run.frame.layout


def click(run: Run, x: int, y: int) -> LaneLayout:
    stream = run.window.timeline.stream
    QTest.mouseMove(stream, QPoint(x, y))
    QTest.mouseClick(stream, Qt.MouseButton.LeftButton, pos=QPoint(x, y))
    return layout(run)


def names(found: LaneLayout) -> list[str]:
    return [block.name for block in found.workers]


def kinds(found: LaneLayout) -> list[RowKind]:
    return [row.kind for row in found.rows]


def test_a_click_on_a_workers_chevron_folds_it_and_another_unfolds_it(busy: Run) -> None:
    block = layout(busy).workers[0]
    at = WORKER_CHEVRON_X_PX, block.y_px + 6
    folded = click(busy, *at)

    assert kinds(folded) == [
        RowKind.HOST,
        RowKind.DENSITY,
        RowKind.HOST,
        RowKind.LANE,
        RowKind.LANE,
    ]
    assert folded.workers[0].is_folded
    assert folded.height_px < 150
    assert RowKind.DENSITY not in kinds(click(busy, *at))


def test_a_click_on_a_workers_pin_brings_it_to_the_top(busy: Run) -> None:
    block = layout(busy).workers[1]
    pinned = click(busy, PIN_PX[0] + 5, block.y_px + 8)

    assert names(pinned) == ["w1", "w0"]
    assert pinned.rows[0].title == "Pinned"
    assert pinned.workers[0].is_pinned
    again = click(busy, PIN_PX[0] + 5, pinned.workers[0].y_px + 8)
    assert names(again) == ["w0", "w1"]


def test_a_click_on_a_hosts_pin_brings_it_to_the_top(busy: Run) -> None:
    header = layout(busy).rows[3]
    assert header.title == "node-02"
    pinned = click(busy, HOST_PIN_PX[0] + 5, header.y_px + 8)

    assert [row.title for row in pinned.rows if row.kind is RowKind.HOST] == ["node-02", "node-01"]
    assert not pinned.rows[0].is_folded


def test_the_pin_is_drawn_under_the_pointer_alone(busy: Run) -> None:
    stream = busy.window.timeline.stream
    block = layout(busy).workers[0]
    before = stream.grab().toImage()
    QTest.mouseMove(stream, QPoint(60, block.y_px + 8))
    after = stream.grab().toImage()

    box = (PIN_PX[0], block.y_px, PIN_PX[1], 18)
    assert before.copy(*box) != after.copy(*box)
    below = (PIN_PX[0], layout(busy).workers[1].y_px, PIN_PX[1], 18)
    assert before.copy(*below) == after.copy(*below)


def press(run: Run, key: Qt.Key, modifier: Qt.KeyboardModifier | None = None) -> LaneLayout:
    QTest.keyClick(run.window.timeline.stream, key, modifier or Qt.KeyboardModifier.NoModifier)
    return layout(run)


def test_g_goes_through_the_groupings(focused: Run) -> None:
    assert {RowKind.HOST} <= set(kinds(layout(focused)))
    assert set(kinds(press(focused, Qt.Key.Key_G))) == {RowKind.LANE}
    assert focused.session.grouping is Grouping.WORKER
    assert set(kinds(press(focused, Qt.Key.Key_G))) == {RowKind.DENSITY}
    assert len(layout(focused).workers) == 2
    assert RowKind.HOST in kinds(press(focused, Qt.Key.Key_G))


def test_keys_fold_and_pin_what_is_under_the_pointer(focused: Run) -> None:
    block = layout(focused).workers[1]
    QTest.mouseMove(focused.window.timeline.stream, QPoint(500, block.y_px + 8))

    assert [one.is_folded for one in press(focused, Qt.Key.Key_C).workers] == [False, True]
    assert names(press(focused, Qt.Key.Key_P)) == ["w1", "w0"]


def test_shift_c_folds_all_hosts_and_unfolds_them(focused: Run) -> None:
    shift = Qt.KeyboardModifier.ShiftModifier
    assert kinds(press(focused, Qt.Key.Key_C, shift)) == [RowKind.HOST, RowKind.DENSITY] * 2
    assert RowKind.DENSITY not in kinds(press(focused, Qt.Key.Key_C, shift))


def test_hosts_are_sorted_by_errors(focused: Run) -> None:

    bindings(focused)["lanes.by_errors"].perform()
    assert names(layout(focused)) == ["w1", "w0"]
    bindings(focused)["lanes.by_busy"].perform()
    assert names(layout(focused)) == ["w0", "w1"]
