"""Views before, bookmarks and measuring, on the window at work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit

from daskscope.app.clock import elapsed_s
from daskscope.app.viewstate import view_state, with_view_state
from daskscope.session import Bookmark, Session
from daskscope.theme import GUTTER_PX
from daskscope.views.timeline.notes import flag_boxes
from tests.builders import MS, SECOND, T0
from tests.gui.working import NOW

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget
    from pytestqt.qtbot import QtBot

    from daskscope.app.run import Run
    from daskscope.session import Viewport

SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def focused(busy: Run, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The task stream hears the keys, and a second passes with each tick."""
    stream = busy.window.timeline.stream
    busy.window.activateWindow()
    stream.setFocus()
    qtbot.waitUntil(stream.hasFocus)
    clock = [elapsed_s()]

    def later_s() -> float:
        clock[0] += 1.0
        return clock[0]

    monkeypatch.setattr("daskscope.app.run.elapsed_s", later_s)
    busy.tick(NOW + 16 * MS)
    return busy


def press(run: Run, key: Qt.Key, modifier: Qt.KeyboardModifier | None = None) -> Session:
    QTest.keyClick(run.window.timeline.stream, key, modifier or Qt.KeyboardModifier.NoModifier)
    run.tick(NOW + 32 * MS)
    return run.session


def view(run: Run) -> Viewport:
    run.tick(NOW + 32 * MS)
    assert run.frame is not None
    return run.frame.view


def drag(widget: QWidget, start: QPoint, end: QPoint, modifier: Qt.KeyboardModifier) -> None:
    QTest.mousePress(widget, Qt.MouseButton.LeftButton, modifier, start)
    for at in (start + QPoint(20, 0), end):
        QTest.mouseMove(widget, at)
        QApplication.processEvents()
    QTest.mouseRelease(widget, Qt.MouseButton.LeftButton, modifier, end)


def wheel(widget: QWidget, at: QPoint, notches: int) -> None:
    none = Qt.MouseButton.NoButton
    event = QWheelEvent(
        QPointF(at), QPointF(widget.mapToGlobal(at)), QPoint(), QPoint(0, 120 * notches), none,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(widget, event)


def test_backspace_goes_back_from_view_to_view_and_shift_forward(focused: Run) -> None:
    first = focused.session.span_ns
    second = press(focused, Qt.Key.Key_W).span_ns
    third = press(focused, Qt.Key.Key_W).span_ns
    assert len({first, second, third}) == 3

    assert press(focused, Qt.Key.Key_Backspace).span_ns == second
    assert press(focused, Qt.Key.Key_Backspace).span_ns == first
    assert press(focused, Qt.Key.Key_Backspace).span_ns == first
    assert press(focused, Qt.Key.Key_Backspace, SHIFT).span_ns == second
    assert press(focused, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier).span_ns == third


def test_shift_drag_measures_and_selects_nothing(focused: Run) -> None:
    stream, before = focused.window.timeline.stream, view(focused)
    drag(stream, QPoint(GUTTER_PX + 100, 60), QPoint(GUTTER_PX + 400, 80), SHIFT)
    session = focused.session

    assert session.measured_ns is not None
    assert session.measured_ns[1] - session.measured_ns[0] == pytest.approx(
        300 * before.ns_per_px, rel=1e-3
    )
    assert session.selection_ns is None
    assert session.is_following
    plain = stream.grab().toImage()
    view(focused)
    assert stream.grab().toImage() != plain
    assert press(focused, Qt.Key.Key_Escape).measured_ns is None


def test_m_measures_to_where_the_view_goes(focused: Run) -> None:
    """With the pointer elsewhere it is the middle that counts."""
    press(focused, Qt.Key.Key_Space)
    stream = focused.window.timeline.stream
    QTest.keyRelease(stream, Qt.Key.Key_Space)
    stream.leaveEvent(QEvent(QEvent.Type.Leave))
    begin_ns = view(focused).time_ns(view(focused).width_px / 2)
    assert press(focused, Qt.Key.Key_M).measured_ns == (begin_ns, begin_ns)
    press(focused, Qt.Key.Key_A)
    end_ns = view(focused).time_ns(view(focused).width_px / 2)
    assert end_ns < begin_ns
    assert focused.session.measured_ns == (begin_ns, end_ns)

    press(focused, Qt.Key.Key_M)
    press(focused, Qt.Key.Key_D)
    view(focused)
    assert focused.session.measured_ns == (begin_ns, end_ns)


def test_escape_ends_measuring_by_key(focused: Run) -> None:
    press(focused, Qt.Key.Key_M)
    assert press(focused, Qt.Key.Key_Escape).measured_ns is None
    assert press(focused, Qt.Key.Key_A).measured_ns is None


def test_a_click_ends_measuring(focused: Run) -> None:
    stream = focused.window.timeline.stream
    drag(stream, QPoint(GUTTER_PX + 100, 60), QPoint(GUTTER_PX + 400, 80), SHIFT)
    QTest.mouseClick(stream, Qt.MouseButton.LeftButton, pos=QPoint(GUTTER_PX + 600, 300))

    assert focused.session.measured_ns is None


def test_b_sets_a_bookmark_at_the_pointer_and_removes_it(focused: Run) -> None:
    stream = focused.window.timeline.stream
    QTest.mouseMove(stream, QPoint(GUTTER_PX + 300, 100))
    expected = view(focused).time_ns(300)
    marked = press(focused, Qt.Key.Key_B).bookmarks

    assert [one.name for one in marked] == ["1"]
    assert abs(marked[0].time_ns - expected) <= 2 * view(focused).ns_per_px
    assert press(focused, Qt.Key.Key_B).bookmarks == ()


def test_b_sets_one_at_now_with_the_pointer_elsewhere(focused: Run) -> None:
    stream = focused.window.timeline.stream
    QTest.mouseMove(stream, QPoint(40, 100))
    now_ns = focused.extent().last_ns
    (marked,) = press(focused, Qt.Key.Key_B).bookmarks
    assert marked.time_ns == now_ns


def test_keys_go_from_bookmark_to_bookmark(focused: Run) -> None:
    marks = tuple(Bookmark(T0 + at * SECOND, str(at)) for at in (3, 9, 15))
    focused.session = Session(
        is_following=False, span_ns=SECOND, end_ns=T0 + 10 * SECOND, bookmarks=marks
    )
    view(focused)
    seen = []
    for modifier in (SHIFT, SHIFT, Qt.KeyboardModifier.AltModifier):
        press(focused, Qt.Key.Key_B, modifier)
        shown = view(focused)
        seen.append(round((shown.time_ns(shown.width_px / 2) - T0) / SECOND))
    assert seen == [15, 3, 15]


def test_a_double_click_on_a_flag_names_it(focused: Run, qtbot: QtBot) -> None:
    axis = focused.window.timeline.axis
    time_ns = T0 + 12 * SECOND
    focused.session = Session(bookmarks=(Bookmark(time_ns, "1"),))
    shown = view(focused)
    (box,) = flag_boxes(shown, focused.session.bookmarks)
    at = QPoint(GUTTER_PX + round(box.center().x()), round(box.center().y()))
    QTest.mouseDClick(axis, Qt.MouseButton.LeftButton, pos=at)
    line = axis.findChild(QLineEdit)
    assert isinstance(line, QLineEdit)
    assert line.isVisible()
    line.selectAll()
    QTest.keyClicks(line, "<b>slow</b>")
    QTest.keyClick(line, Qt.Key.Key_Return)

    assert focused.session.bookmarks == (Bookmark(time_ns, "<b>slow</b>"),)
    assert focused.window.timeline.stream.hasFocus()


def test_a_bookmark_is_named_by_key(focused: Run) -> None:
    press(focused, Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier)
    axis = focused.window.timeline.axis
    assert axis.findChild(QLineEdit) is None  # there is none to name

    marks = tuple(Bookmark(T0 + second * SECOND, str(second)) for second in (3, 11, 19))
    focused.session = Session(bookmarks=marks)
    shown = view(focused)
    QTest.mouseMove(
        focused.window.timeline.stream, QPoint(GUTTER_PX + round(shown.x_px(T0 + 12 * SECOND)), 90)
    )
    press(focused, Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier)
    line = axis.findChild(QLineEdit)
    assert isinstance(line, QLineEdit)
    assert line.text() == "11"
    QTest.keyClicks(line, "slow")
    QTest.keyClick(line, Qt.Key.Key_Return)
    assert [one.name for one in focused.session.bookmarks] == ["3", "slow", "19"]
    assert focused.window.timeline.stream.hasFocus()


def test_escape_leaves_a_bookmark_its_name(focused: Run) -> None:
    axis = focused.window.timeline.axis
    mark = Bookmark(T0 + 12 * SECOND, "here")
    focused.session = Session(bookmarks=(mark,))
    (box,) = flag_boxes(view(focused), focused.session.bookmarks)
    at = QPoint(GUTTER_PX + round(box.center().x()), round(box.center().y()))
    QTest.mouseDClick(axis, Qt.MouseButton.LeftButton, pos=at)
    line = axis.findChild(QLineEdit)
    assert isinstance(line, QLineEdit)
    QTest.keyClicks(line, "there")
    QTest.keyClick(line, Qt.Key.Key_Escape)

    assert not line.isVisible()
    assert focused.session.bookmarks == (mark,)
    assert focused.window.timeline.stream.hasFocus()


def test_bookmarks_are_drawn_listed_and_kept(focused: Run) -> None:
    axis = focused.window.timeline.axis
    before = axis.grab().toImage()
    mark = Bookmark(T0 + 12 * SECOND, "here")
    focused.session = Session(bookmarks=(mark,))
    focused.window.focus_view("events")
    view(focused)

    assert axis.grab().toImage() != before
    rows = focused.window.events.table.frame.rows
    assert [row.cells[1:] for row in rows] == [("bookmark", "", "here")]
    kept = with_view_state(Session(), view_state(focused.session))
    assert kept.bookmarks == (mark,)


def test_the_wheel_on_the_minimap_narrows_the_brush(focused: Run) -> None:
    minimap = focused.window.timeline.minimap
    focused.session = Session(is_following=False, span_ns=8 * SECOND, end_ns=T0 + 14 * SECOND)
    view(focused)
    focused.tick(NOW + 48 * MS)
    width = focused.window.timeline.lanes_size_px[0]
    wheel(minimap, QPoint(GUTTER_PX + width // 2, 20), 1)

    assert focused.session.span_ns == pytest.approx(8 * SECOND / 1.25, rel=0.02)
