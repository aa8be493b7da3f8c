"""The statistics panel in the window at work: real gestures, ticked by hand."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from daskscope.app.statistics import LIVE_PERIOD_S
from daskscope.derive.quantity import THIN
from daskscope.paint.font import Role, text_width
from daskscope.theme import GUTTER_PX
from daskscope.views.statistics import histogram
from tests.builders import MS, SECOND, T0, Span
from tests.gui.working import NOW, cluster

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from daskscope.app.run import Run
    from daskscope.paint.text import Box
    from tests.gui.working import Link


def tick(run: Run, n: int = 3) -> None:
    """Tick, and then until the statistics are done, however slow the machine is."""
    for _ in range(n):
        run.tick(NOW + 16 * MS)
    for _ in range(200):
        if not run._stage._statistics.is_working:
            return
        run.tick(NOW + 16 * MS)
    raise AssertionError("the statistics are never done")


def drag(
    widget: QWidget,
    start: QPoint,
    end: QPoint,
    keys: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
) -> None:
    """Press, move with the button held, release: QTest's own moves hold none."""
    QTest.mousePress(widget, Qt.MouseButton.LeftButton, keys, start)
    for point in ((start + end) / 2, end):
        move = QMouseEvent(
            QEvent.Type.MouseMove,
            QPointF(point),
            QPointF(widget.mapToGlobal(point)),
            Qt.MouseButton.NoButton,
            Qt.MouseButton.LeftButton,
            keys,
        )
        QApplication.sendEvent(widget, move)
    QTest.mouseRelease(widget, Qt.MouseButton.LeftButton, keys, end)


def row_y(run: Run, worker: str, thread: int) -> int:
    """The middle of a lane in the task stream."""
    assert run.frame is not None
    rows = (row for row in run.frame.layout.rows if (row.title, row.thread) == (worker, thread))
    row = next(rows)
    return row.y_px + row.height_px // 2 - run.frame.scroll_px


def at(run: Run, time: int, y: int) -> QPoint:
    """A point of the stream at `time` since the start."""
    assert run.frame is not None
    return QPoint(GUTTER_PX + round(run.frame.view.x_px(T0 + time)), y)


def heading(run: Run) -> str:
    """What the dock's title says of the statistics."""
    return run.window.workers_dock.title.accessibleDescription().replace(THIN, " ")


def cells(run: Run, column: str) -> dict[str, str]:
    frame = run.window.statistics.table._frame
    assert frame is not None
    return {n: frame.cell(row, column).replace(THIN, " ") for row, n in enumerate(frame.names)}


@pytest.fixture
def chosen(busy: Run) -> Run:
    """The stretch from second 4 to second 10 is selected."""
    busy.toggle_pause()
    tick(busy)
    y = row_y(busy, "w0", 1)
    drag(busy.window.timeline.stream, at(busy, 4 * SECOND, y), at(busy, 10 * SECOND, y + 3))
    tick(busy)
    return busy


def test_a_selection_brings_its_statistics_to_front_once(chosen: Run) -> None:
    dock = chosen.window.workers_dock
    assert chosen.window.statistics.isVisible()
    dock.show_page(0)
    y = row_y(chosen, "w0", 1)
    drag(chosen.window.timeline.stream, at(chosen, 5 * SECOND, y), at(chosen, 9 * SECOND, y))
    assert chosen.window.workers.isVisible()


def test_totals_are_cut_at_the_edges_and_quantiles_are_not(chosen: Run) -> None:
    assert "3 tasks, totals cut at the edges" in heading(chosen)
    assert cells(chosen, "count") == {"All": "3", "read": "1", "sum": "2"}
    edge = chosen.session.selection_ns
    assert edge is not None
    cut = (T0 + 8 * SECOND - edge[0]) / 1e9
    assert cells(chosen, "total")["read"] == f"{cut:.2f} s"
    assert cells(chosen, "median")["read"] == "6.00 s"
    assert cells(chosen, "failed")["sum"] == "1"


def test_a_drag_across_lanes_selects_them_and_they_stay_when_the_rows_scroll(busy: Run) -> None:
    busy.toggle_pause()
    tick(busy)
    stream = busy.window.timeline.stream
    drag(
        stream,
        at(busy, 1 * SECOND, row_y(busy, "w0", 1)),
        at(busy, 13 * SECOND, row_y(busy, "w0", 2) + 4),
        Qt.KeyboardModifier.AltModifier,
    )
    tick(busy)
    lanes = busy.session.selection_lanes
    assert lanes == frozenset({0, 1})
    assert cells(busy, "count") == {"All": "2", "read": "1", "sum": "1"}
    assert "2 threads" in heading(busy)
    assert [share.name for share in busy.window.statistics.shares._shares] == ["w0"]
    busy.lane_scroll.by(40)
    tick(busy)
    assert busy.session.selection_lanes == lanes


@pytest.mark.parametrize(("dy", "is_across"), [(20, False), (60, True)])
def test_a_waver_of_the_hand_selects_no_lanes(busy: Run, dy: int, is_across: bool) -> None:
    busy.toggle_pause()
    tick(busy)
    y = row_y(busy, "w0", 1)
    drag(busy.window.timeline.stream, at(busy, SECOND, y), at(busy, 9 * SECOND, y + dy))
    assert (busy.session.selection_lanes is not None) is is_across


def test_an_edge_moves_in_time_alone_and_keeps_the_lanes(busy: Run) -> None:
    busy.toggle_pause()
    tick(busy)
    stream, y = busy.window.timeline.stream, row_y(busy, "w0", 2)
    alt = Qt.KeyboardModifier.AltModifier
    drag(stream, at(busy, SECOND, y), at(busy, 9 * SECOND, y), alt)
    tick(busy)
    lanes = busy.session.selection_lanes
    assert lanes == frozenset({1})
    drag(stream, at(busy, 9 * SECOND, y), at(busy, 13 * SECOND, y + 100))
    tick(busy)
    assert busy.session.selection_lanes == lanes
    drag(busy.window.timeline.axis, at(busy, 13 * SECOND, 5), at(busy, 10 * SECOND, 5))
    tick(busy)
    assert busy.session.selection_lanes == lanes
    assert cells(busy, "total")["sum"].startswith(("0.9", "1.0", "99", "98"))


def test_the_lanes_are_drawn_as_a_rectangle(busy: Run) -> None:
    busy.toggle_pause()
    tick(busy)
    stream, y = busy.window.timeline.stream, row_y(busy, "w0", 2)
    drag(
        stream, at(busy, 13 * SECOND, y), at(busy, 14 * SECOND, y), Qt.KeyboardModifier.AltModifier
    )
    tick(busy)
    image = stream.grab().toImage()
    inside, beside = at(busy, 13_500 * MS, y), at(busy, 13_500 * MS, row_y(busy, "w0", 1))
    assert image.pixel(inside) & 0xFFFFFF != image.pixel(beside) & 0xFFFFFF
    assert image.pixel(beside) & 0xFFFFFF == busy.theme.lane


def test_without_a_selection_the_view_is_counted_and_says_so(busy: Run) -> None:
    busy.window.show_tab("statistics")
    tick(busy)
    assert heading(busy).startswith("Whole view")
    assert cells(busy, "count")["All"] == "3"
    assert not busy.window.statistics.buttons.clear.isVisible()


def test_a_key_selects_what_is_in_view(busy: Run) -> None:
    busy.toggle_pause()
    tick(busy)
    stream = busy.window.timeline.stream
    stream.setFocus()
    QTest.keyClick(stream, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    tick(busy)
    assert busy.frame is not None
    assert busy.session.selection_ns == (busy.frame.view.start_ns, busy.frame.view.end_ns)
    assert "Whole view" not in heading(busy)
    assert cells(busy, "count")["All"] == "3"


def test_the_view_is_counted_at_once_when_the_selection_is_cleared(
    busy: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr("daskscope.app.statistics.elapsed_s", lambda: clock[0])
    for _ in range(2):
        busy.select(T0, T0 + SECOND, None)
        tick(busy)
        assert cells(busy, "count")["All"] == "0"
        busy.clear_selection()
        tick(busy)
        assert cells(busy, "count")["All"] == "3"


def test_the_cross_clears_the_selection(chosen: Run) -> None:
    button = chosen.window.statistics.buttons.clear
    assert button.isVisible()
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert chosen.session.selection_ns is None
    tick(chosen)
    assert heading(chosen).startswith("Whole view")
    chosen.window.workers_dock.show_page(0)
    assert not chosen.window.statistics.buttons.more.isVisible()


def test_a_press_on_a_heading_sorts_and_again_the_other_way(chosen: Run) -> None:
    table = chosen.window.statistics.table
    left, width = table._edges["count"]
    spot = QPoint(left + width // 2, 8)
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    tick(chosen)
    assert tuple(cells(chosen, "count")) == ("All", "sum", "read")
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    tick(chosen)
    assert tuple(cells(chosen, "count")) == ("All", "read", "sum")
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(20, 8))
    tick(chosen)
    assert chosen.session.statistics_sort == "prefix"
    assert tuple(cells(chosen, "count")) == ("All", "read", "sum")


def test_a_row_is_chosen_by_click_and_by_keys(chosen: Run) -> None:
    table = chosen.window.statistics.table
    spot = QPoint(30, table.heading_px + table.row_px + 4)
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=spot)
    tick(chosen)
    _, first, second = cells(chosen, "count")
    assert chosen.session.statistics_prefix == first
    table.setFocus()
    QTest.keyClick(table, Qt.Key.Key_End)
    QTest.keyClick(table, Qt.Key.Key_Return)
    tick(chosen)
    assert chosen.session.statistics_prefix == second
    QTest.keyClick(table, Qt.Key.Key_Return)
    assert chosen.session.statistics_prefix == ""


def test_copy_puts_the_table_on_the_clipboard(chosen: Run) -> None:
    table = chosen.window.statistics.table
    table.setFocus()
    QTest.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0].split("\t")[:2] == ["prefix", "count"]
    assert [line.split("\t")[0] for line in lines[1:]] == list(cells(chosen, "count"))
    chosen.window.statistics.copy(",")
    assert QGuiApplication.clipboard().text().splitlines()[1].startswith("All,3,")


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


def test_a_hidden_panel_costs_nothing(busy: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object) -> None:
        raise AssertionError("nobody sees it")

    monkeypatch.setattr(busy._stage._statistics._statistics, "begin", fail)
    tick(busy)
    assert busy.error is None


def test_work_is_gone_on_with_at_once(busy: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = busy._stage._statistics
    # Readings that fall due meanwhile would make a frame.
    monkeypatch.setattr(busy._stage.timeline._readings_pace, "is_due", lambda _now_s: False)
    busy.toggle_pause()
    busy.window.show_tab("statistics")
    tick(busy)
    assert busy._stage.period_s > 0
    monkeypatch.setattr(shown, "show", lambda *_args: setattr(shown, "_is_working", True))
    busy.tick(NOW + 16 * MS)
    assert busy._stage.period_s == 0


def test_what_comes_in_is_counted_a_second_later(
    busy: Run, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr("daskscope.app.statistics.elapsed_s", lambda: clock[0])
    busy.window.show_tab("statistics")
    tick(busy)
    assert cells(busy, "count")["All"] == "3"
    source, _ = cluster()

    def receive(run_id: int) -> None:
        span = Span(10 * SECOND, 11 * SECOND, "sum", 0, 11, run_id=run_id)
        link.messages = [source.spans([span])]
        tick(busy)

    receive(77)
    assert cells(busy, "count")["All"] == "4"
    receive(78)
    assert cells(busy, "count")["All"] == "4"
    clock[0] += LIVE_PERIOD_S
    tick(busy)
    assert cells(busy, "count")["All"] == "5"


def test_long_work_is_cut_into_ticks_and_says_how_far_it_is(
    busy: Run, link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]

    def passing() -> float:
        clock[0] += 0.2
        return clock[0]

    monkeypatch.setattr("daskscope.app.statistics.elapsed_s", passing)
    cluster_source, _ = cluster()
    spans = [
        Span(i * MS // 10, i * MS // 10 + MS, "sum", 0, 11, run_id=i) for i in range(1_000, 71_000)
    ]
    link.messages = [cluster_source.spans(spans)]
    busy.window.show_tab("statistics")
    told = []
    for _ in range(60):
        busy.tick(NOW + 16 * MS)
        told.append(heading(busy))
    assert any("computing… " in text for text in told)
    assert "computing" not in told[-1]
    assert "70 003 tasks" in told[-1]
