"""The tables of events and errors, and what leads from them, on the window at work."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QToolButton

from dask_otel import conventions
from daskscope.derive.records import RecordRow, RecordsFrame
from daskscope.session import Session
from daskscope.store.schema import Status
from daskscope.theme import LIGHT, WINDOW_LEAST_PX
from daskscope.views.records import ERROR_COLUMNS, RecordsTable
from tests.builders import MS, SECOND, T0, Span
from tests.gui.drawing import texts_drawn
from tests.gui.working import NOW, cluster

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from daskscope.app.run import Run
    from daskscope.store.schema import Message
    from tests.gui.working import Link

W3: dict[str, Any] = {"dask_worker_address": "tcp://10.0.4.11:40107", "dask_worker_name": "w3"}


def happenings() -> list[Message]:
    """The cluster of the other tests, a second failure, and some events."""
    source, messages = cluster()
    failed = Span(
        14 * SECOND, 15 * SECOND, "fit", 1, 21, key="<b>fit</b>-9", run_id=7,
        status=Status.ERROR, error="MemoryError: <i>too much</i>\nsecond line",
    )  # fmt: skip
    batch = source.spans([failed])
    events = [
        source.event(conventions.EVENT_WORKER_LOST, 5 * SECOND, "Worker w3 was lost", **W3),
        source.event(conventions.EVENT_SPILL, 6 * SECOND, "spilled 3 values"),
        source.event(conventions.EVENT_SPILL, 7 * SECOND, "spilled 4 values"),
        source.event(conventions.EVENT_LOG, 9 * SECOND, "<b>slow</b>\nloop", 13),
    ]
    return [*messages, source.definitions(), batch, *events]


@pytest.fixture
def eventful(run: Run, link: Link, qtbot: QtBot) -> Run:
    link.messages = happenings()
    run.window.activateWindow()
    run.tick(NOW)
    run.tick(NOW + 16 * MS)
    return run


def show(run: Run, name: str) -> None:
    run.window.focus_view(name)
    run.tick(NOW + 32 * MS)


def press_row(table: RecordsTable, row: int) -> None:
    y = table.heading_px + row * table.row_px + 5
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(100, y))


def chosen(run: Run) -> tuple[int, int] | None:
    found = run.session.chosen
    return (found.chunk, found.index) if found is not None else None


def centre_s(run: Run) -> float:
    run.tick(NOW + 48 * MS)
    assert run.frame is not None
    view = run.frame.view
    return (view.time_ns(view.width_px / 2) - T0) / 1e9


def test_the_tab_counts_errors_and_the_table_tells_them(eventful: Run) -> None:
    show(eventful, "errors")
    window = eventful.window
    titles = [window.workers_dock.title.tabs.tabText(tab) for tab in range(4)]
    assert titles == ["Workers", "Statistics", "Events", "Errors  2"]
    frame = window.errors.frame
    assert [row.cells[1:4] for row in frame.rows] == [
        ("sum", "sum-2", "w1"),
        ("fit", "<b>fit</b>-9", "w1"),
    ]
    assert frame.rows[1].cells[4] == "MemoryError: <i>too much</i>\nsecond line"
    assert "second line" in window.errors.row_tip(1)


def test_a_click_on_an_error_goes_there_and_frames_it(eventful: Run) -> None:
    show(eventful, "errors")
    eventful.session = Session(is_following=False, span_ns=SECOND, end_ns=T0 + SECOND)
    eventful.tick(NOW + 40 * MS)
    press_row(eventful.window.errors, 1)

    assert 14 < centre_s(eventful) < 15
    assert chosen(eventful) == (0, 4)
    assert not eventful.session.is_following


def test_in_a_narrow_window_the_error_keeps_its_room(eventful: Run) -> None:
    eventful.window.resize(*WINDOW_LEAST_PX)
    show(eventful, "errors")
    table = eventful.window.errors
    edges = table._edges()
    assert edges[-1][1] >= 200
    assert sum(edges[-1]) <= table.viewport().width()
    assert all(one[0] + one[1] < other[0] for one, other in pairwise(edges))


def test_a_row_tells_its_prefix_and_both_ends_of_its_key(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = texts_drawn(monkeypatch, "daskscope.views.records.table")
    view = RecordsTable("Errors", ERROR_COLUMNS)
    qtbot.addWidget(view)
    view.resize(900, 200)
    key = f"call-{'0123456789' * 9}-7"
    cells = ("0:01", "call", key, "w0", "ValueError")
    view.show_frame(RecordsFrame((RecordRow(cells, T0, slot=len(LIGHT.prefix)),), (), ""))
    picture = view.grab().toImage()

    assert any(text.startswith("call-0") and text.endswith("-7") for text in drawn)
    # More prefixes than colours are told apart by a pattern, here as in the legend.
    left, _ = view._edges()[1]
    middle = view.heading_px + view.row_px // 2
    swatch = {picture.pixel(left + x, middle + y) for x in range(1, 9) for y in range(-3, 4)}
    assert len(swatch) > 1


def test_keys_and_buttons_go_from_error_to_error(eventful: Run, qtbot: QtBot) -> None:
    stream = eventful.window.timeline.stream
    stream.setFocus()
    qtbot.waitUntil(stream.hasFocus)
    seen = []
    for _ in range(3):
        QTest.keyClick(stream, Qt.Key.Key_E)
        eventful.tick(NOW + 48 * MS)
        seen.append(chosen(eventful))
    assert seen == [(0, 2), (0, 4), (0, 2)]
    QTest.keyClick(stream, Qt.Key.Key_E, Qt.KeyboardModifier.ShiftModifier)
    assert chosen(eventful) == (0, 4)
    box = eventful.window.toolbar.errors

    def is_counted() -> bool:  # which is done now and then
        eventful.tick(NOW + 48 * MS)
        return box.accessibleDescription() == "2 failed"

    qtbot.waitUntil(is_counted)
    assert box.isVisible()
    following = next(b for b in box.findChildren(QToolButton) if b.toolTip() == "Next error")
    QTest.mouseClick(following, Qt.MouseButton.LeftButton)
    assert chosen(eventful) == (0, 2)


def test_nothing_failed_hides_the_count(run: Run, link: Link) -> None:
    _, messages = cluster()
    link.messages = messages[:2]
    run.tick(NOW)
    assert not run.window.toolbar.errors.isVisible()
    run.ledger.step(is_forward=True)
    assert chosen(run) is None


def test_events_are_told_in_order_and_a_click_goes_there(eventful: Run) -> None:
    show(eventful, "events")
    table = eventful.window.events.table
    assert [row.cells[1:] for row in table.frame.rows] == [
        ("worker", "w3", "Worker w3 was lost"),
        ("spill", "w0", "spilled 3 values"),
        ("spill", "w0", "spilled 4 values"),
        ("log", "w0", "<b>slow</b>\nloop"),
    ]
    press_row(table, 3)
    assert centre_s(eventful) == pytest.approx(9, abs=0.3)


def test_a_chip_leaves_its_kind_out(eventful: Run) -> None:
    show(eventful, "events")
    chips = eventful.window.events.chips
    table = eventful.window.events.table
    for n_left in (2, 4):
        box = chips.boxes()[1]
        QTest.mouseClick(chips, Qt.MouseButton.LeftButton, pos=box.center())
        eventful.tick(NOW + 48 * MS)
        assert len(table.frame.rows) == n_left
        if n_left == 2:
            assert (
                eventful.window.workers_dock.title.accessibleDescription() == "2 of 4\u2009events"
            )


def test_a_chip_is_lit_while_the_pointer_is_on_it_and_pressed_by_any_enter(eventful: Run) -> None:
    show(eventful, "events")
    chips = eventful.window.events.chips
    before = chips.grab().toImage()
    QTest.mouseMove(chips, chips.boxes()[1].center())
    assert chips.grab().toImage() != before
    QApplication.sendEvent(chips, QEvent(QEvent.Type.Leave))
    assert chips.grab().toImage() == before

    for key in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
        hidden = len(eventful.session.hidden_kinds)
        QTest.keyClick(chips, key)
        assert len(eventful.session.hidden_kinds) != hidden


def test_the_keyboard_chooses_an_event(eventful: Run, qtbot: QtBot) -> None:
    show(eventful, "events")
    table = eventful.window.events.table
    qtbot.waitUntil(table.hasFocus)
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Return):
        QTest.keyClick(table, key)
    assert centre_s(eventful) == pytest.approx(6, abs=0.3)


def test_the_minimap_marks_where_something_failed(eventful: Run) -> None:
    minimap = eventful.window.timeline.minimap
    eventful.tick(NOW + 600 * MS)
    image = minimap.grab().toImage()
    erred = eventful.theme.erred
    found = [x for x in range(168, image.width()) if image.pixel(x, 1) & 0xFFFFFF == erred]
    width = eventful.window.timeline.lanes_size_px[0]
    length_s = (eventful.extent().last_ns - eventful.extent().first_ns) / SECOND
    expected = [168 + round((at - 2) / length_s * width) for at in (7, 15)]
    assert found == pytest.approx(expected, abs=width * 0.6 / length_s)


def test_a_click_on_a_mark_shows_its_row(eventful: Run) -> None:
    lane = eventful.window.timeline.events
    eventful.tick(NOW + 32 * MS)
    assert eventful.frame is not None
    lane.grab()
    for at, name, row in ((9, "events", 3), (15, "errors", 1)):
        x = 168 + round(eventful.frame.view.x_px(T0 + at * SECOND))
        QTest.mouseClick(lane, Qt.MouseButton.LeftButton, pos=QPoint(x, 8))
        eventful.tick(NOW + 48 * MS)
        lane.grab()
        table = eventful.window.errors if name == "errors" else eventful.window.events.table
        assert table.isVisible()
        assert table.marked_row == row


@pytest.mark.parametrize(("key", "comes_to"), [(Qt.Key.Key_Down, 0), (Qt.Key.Key_Up, -1)])
def test_keys_begin_in_view(qtbot: QtBot, key: Qt.Key, comes_to: int) -> None:
    view = RecordsTable("Errors", ERROR_COLUMNS)
    qtbot.addWidget(view)
    view.resize(900, 200)
    rows = tuple(RecordRow(("0:01", "fit", f"fit-{n}", "w0", "no"), T0 + n) for n in range(100))
    view.show_frame(RecordsFrame(rows, (), ""))
    view.verticalScrollBar().setValue(50 * view.row_px)
    seen = view.visible_rows()
    QTest.keyClick(view, key)
    assert view.current_row == seen[comes_to]
