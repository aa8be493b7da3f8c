"""Folding, pinning, grouping and sorting lanes, on the window at work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QToolTip

from daskscope.derive.lanelayout import RowKind
from daskscope.derive.quantity import THIN
from daskscope.session import Grouping, Session
from daskscope.store.schema import Kind, SourceStatus, Status
from daskscope.views.timeline.gutter import HOST_PIN_PX, PIN_PX, WORKER_CHEVRON_X_PX
from tests.builders import MS, SECOND, Source, Span
from tests.gui.working import NOW

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from daskscope.app.run import Run
    from daskscope.derive.lanelayout import LaneLayout
    from daskscope.store.schema import Message
    from tests.gui.working import Hand, Link


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


def three() -> list[Message]:
    """Three hosts whose orders by name, busy time and errors all differ."""
    source = Source()
    spans = []
    for name, busy_s, n_errors in (("a", 1, 1), ("b", 9, 0), ("c", 5, 2)):
        worker = source.worker(f"w{name}", f"node-{name}", 40_101 + ord(name))
        spans += [Span(0, busy_s * SECOND, "inc", worker, 11)]
        spans += [
            Span(9 * SECOND, 9 * SECOND + MS, "inc", worker, 12, status=Status.ERROR)
        ] * n_errors
    batch = source.spans(spans)
    return [SourceStatus(is_live=True), source.definitions(), batch]


def test_the_menu_sorts_hosts_and_workers(run: Run, link: Link) -> None:
    link.messages = three()
    layout(run)
    actions = {action.text(): action for action in run._menu.actions.values()}
    for by, order in (
        ("Sort by busy time", ["wb", "wc", "wa"]),
        ("Sort by errors", ["wc", "wa", "wb"]),
        ("Sort by name", ["wa", "wb", "wc"]),
    ):
        actions[by].trigger()
        assert names(layout(run)) == order
        run._menu.refresh()
        assert [text for text in actions if "Sort" in text and actions[text].isChecked()] == [by]


def skewed() -> list[Message]:
    """Two workers that send each other values; the second one's clock is 25 ms ahead."""
    source = Source()
    for worker in (0, 1):
        source.worker(f"w{worker}", f"node-{worker}", 40_101 + worker, 4)
    spans = []
    for number in range(60):
        start = number * SECOND // 4
        for own, kind in ((number % 2, Kind.SEND), (1 - number % 2, Kind.TRANSFER)):
            off = 25 * MS * own
            peer = f"tcp://10.0.4.11:{40_102 - own}"
            spans.append(
                Span(start + off, start + off + 3 * MS, kind.name, own, 0, kind,
                     nbytes=number + 1, peer=peer)
            )  # fmt: skip
    batch = source.spans(spans)
    return [SourceStatus(is_live=True), source.definitions(), batch]


def test_a_wrong_clock_is_said_beside_the_worker_and_below(
    run: Run, link: Link, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though almost each tick scrolls, and clocks are looked at in the others."""
    painted = []
    monkeypatch.setattr(run._stage.timeline, "paint", lambda: painted.append(run.frame))
    run.session = Session(span_ns=SECOND)
    link.messages = skewed()
    n_ticks = len(hand.waits(3.0))
    assert len(painted) > 0.8 * n_ticks > 100
    assert run.frame is not None
    blocks = {block.name: block for block in run.frame.layout.workers}
    wrong = [block for block in blocks.values() if block.warning]

    assert len(wrong) == 1
    assert wrong[0].warning.replace(THIN, " ") in ("+25.0 ms", "\u221225.0 ms")
    assert "25.0 ms" in wrong[0].tip.replace(THIN, " ")
    assert "that of 1 other worker" in wrong[0].tip.replace(THIN, " ")
    run.window.resized.emit()  # show everything anew
    run.tick(NOW + 5 * SECOND)
    assert "Clocks off" in run.window.status.accessibleDescription()


def test_the_toolbar_chooses_the_grouping(busy: Run) -> None:
    box = next(
        found for found in busy.window.toolbar.findChildren(QComboBox)
        if found.accessibleName() == "Group"
    )  # fmt: skip
    busy.window.resize(1600, 900)
    layout(busy)
    assert box.isVisible()
    for grouping in (Grouping.FOLDED, Grouping.WORKER):
        box.showPopup()
        index = box.model().index(list(Grouping).index(grouping), 0)
        view = box.view()
        QTest.mouseClick(
            view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(index).center()
        )
        assert busy.session.grouping is grouping
        assert RowKind.HOST not in kinds(layout(busy))


def test_the_gutter_tells_about_a_worker(busy: Run) -> None:
    stream, block = busy.window.timeline.stream, layout(busy).workers[1]
    for x, said in ((400, ""), (60, "tcp://10.0.4.11:40102")):
        point = QPoint(x, block.y_px + 8)
        QApplication.sendEvent(
            stream, QHelpEvent(QEvent.Type.ToolTip, point, stream.mapToGlobal(point))
        )
        assert said in QToolTip.text()
        assert bool(QToolTip.text()) is bool(said)


def test_without_a_mouse_keys_go_to_a_worker_and_fold_and_pin_it(focused: Run) -> None:
    stream = focused.window.timeline.stream
    stream.leaveEvent(QEvent(QEvent.Type.Leave))
    shift = Qt.KeyboardModifier.ShiftModifier
    before = layout(focused)
    plain = stream.grab().toImage()
    QTest.keyClick(stream, Qt.Key.Key_Down, shift)
    assert stream.target is not None
    assert (stream.target.key, stream.target.is_host) == (before.rows[0].host, True)
    layout(focused)
    assert stream.grab().toImage() != plain  # it is marked
    QTest.keyClick(stream, Qt.Key.Key_C)
    assert RowKind.DENSITY in kinds(layout(focused))
    QTest.keyClick(stream, Qt.Key.Key_C)
    assert names(layout(focused)) == names(before)

    last = names(before)[-1]
    for _ in range(4):
        QTest.keyClick(stream, Qt.Key.Key_Down, shift)
    QTest.keyClick(stream, Qt.Key.Key_P)
    assert names(layout(focused))[0] == last
    QTest.keyClick(stream, Qt.Key.Key_P)
    assert names(layout(focused)) == names(before)
    QTest.keyClick(stream, Qt.Key.Key_Up, shift)
    assert stream.target.key != last
    QTest.mouseMove(stream, QPoint(20, 10))
    assert stream.target.key == before.rows[0].host  # the pointer's word is the newest


def test_who_goes_there_by_keys_hears_what_stands_there(focused: Run, told: list[str]) -> None:
    stream = focused.window.timeline.stream
    QTest.keyClick(stream, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    row = layout(focused).rows[0]
    assert told[-1].startswith(f"{row.title}, {row.caption}, ")
    assert "threads" in told[-1]
