"""The header of the host whose lanes lie at the top stays there, and does what a header does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolTip

from daskscope.app.search_gestures import show_found
from daskscope.derive.lanelayout import RowKind
from daskscope.derive.steps import Found
from daskscope.session import Session
from daskscope.theme import GUTTER_PX
from tests.builders import MS, SECOND, Source, Span
from tests.gui.working import NOW

if TYPE_CHECKING:
    from PySide6.QtGui import QImage
    from pytestqt.qtbot import QtBot

    from daskscope.app.run import Run
    from daskscope.derive.frames import TaskStreamFrame
    from daskscope.derive.lanelayout import LaneRow
    from tests.gui.working import Link


@pytest.fixture
def many(run: Run, link: Link) -> Run:
    """Four hosts of eight workers, each of them busy all the time."""
    source = Source()
    workers = [source.worker(f"w{n}", f"node-{n // 8}", 40_000 + n, 2) for n in range(32)]
    spans = [Span(SECOND, 19 * SECOND, "inc", one, n) for n, one in enumerate(workers, 1)]
    batch = source.spans(spans)
    link.messages = [source.definitions(), batch]
    shown(run)
    run.toggle_pause()
    return run


def shown(run: Run) -> TaskStreamFrame:
    for _ in range(3):
        run.tick(NOW + 32 * MS)
    assert run.frame is not None
    return run.frame


def hosts(run: Run) -> list[LaneRow]:
    return [row for row in shown(run).layout.rows if row.kind is RowKind.HOST]


def header(run: Run) -> QImage:
    """What is at the top of the lanes, right of the gutter's last pixel and left of the handle."""
    stream = run.window.timeline.stream
    height = shown(run).layout.header_px
    return stream.grab().toImage().copy(0, 0, stream.width() - 20, height)


def test_it_looks_like_the_header_and_hides_the_lanes_below(many: Run) -> None:
    second = hosts(many)[1]
    many.lane_scroll.to(second.y_px)
    itself = header(many)
    many.lane_scroll.to(second.y_px + 60)
    assert header(many) == itself
    first = hosts(many)[0]
    many.lane_scroll.to(second.y_px - 5)
    assert header(many) != itself  # of the one before, which it pushes out, the last lines are seen
    many.lane_scroll.to(first.y_px + 60)
    assert header(many) != itself


@pytest.mark.parametrize("x", [60, GUTTER_PX + 300])
def test_a_click_on_it_folds_its_host_and_another_unfolds_it(many: Run, x: int) -> None:
    stream, second = many.window.timeline.stream, hosts(many)[1]
    many.lane_scroll.to(second.y_px + 60)
    shown(many)
    QTest.mouseMove(stream, QPoint(x, 8))
    QTest.mouseClick(stream, Qt.MouseButton.LeftButton, pos=QPoint(x, 8))
    assert hosts(many)[1].is_folded
    # It is where it was, and none of what is below has come above it.
    assert shown(many).scroll_px == hosts(many)[1].y_px
    QTest.mouseClick(stream, Qt.MouseButton.LeftButton, pos=QPoint(x, 8))
    assert not hosts(many)[1].is_folded


def test_what_lies_behind_it_is_not_met(many: Run) -> None:
    stream = many.window.timeline.stream
    second = hosts(many)[1]
    many.lane_scroll.to(second.y_px + 60)
    frame = shown(many)
    x = round(frame.view.x_px(NOW - 10 * SECOND))
    height = frame.layout.header_px
    assert not any(many.hit(x, y) for y in range(height))
    assert any(many.hit(x, y) for y in range(height, 2 * height))
    event = QHelpEvent(QEvent.Type.ToolTip, QPoint(60, 8), stream.mapToGlobal(QPoint(60, 8)))
    QApplication.sendEvent(stream, event)
    assert QToolTip.text() == ""


def test_what_one_goes_to_does_not_lie_behind_it(many: Run) -> None:
    roster = many.roster
    assert roster is not None
    frame = shown(many)
    member = roster.members[12]
    row = frame.layout.rows[int(frame.layout.row_of_lane[member.rows[0][0]])]
    many.lane_scroll.to_worker(member.key)
    frame = shown(many)
    assert row.y_px - frame.scroll_px == frame.layout.header_px
    many.lane_scroll.to(row.y_px)
    found = Found((0, 0), NOW - SECOND, NOW, member.rows[0][0], is_sub=False)
    session = show_found(Session(scroll_px=row.y_px), shown(many), found)
    assert session.scroll_px < row.y_px - frame.layout.header_px


def test_keys_that_go_upwards_bring_a_worker_below_it(many: Run, qtbot: QtBot) -> None:
    stream, shift = many.window.timeline.stream, Qt.KeyboardModifier.ShiftModifier
    many.window.activateWindow()
    stream.setFocus()
    qtbot.waitUntil(stream.hasFocus)
    stream.leaveEvent(QEvent(QEvent.Type.Leave))
    many.lane_scroll.to(hosts(many)[1].y_px + 150)
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_Up):
        shown(many)
        QTest.keyClick(stream, key, shift)
    frame, target = shown(many), stream.target
    assert target is not None
    block = next(one for one in frame.layout.workers if one.key == target.key)
    assert block.y_px - frame.scroll_px == frame.layout.header_px
