"""The statistics panel in the window at work: real gestures, ticked by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from daskscope.app.statistics import LIVE_PERIOD_S
from daskscope.theme import WINDOW_LEAST_PX
from tests.builders import MS, SECOND, T0, Span
from tests.gui.selecting import cells, heading, tick
from tests.gui.working import NOW, cluster

if TYPE_CHECKING:
    from daskscope.app.run import Run
    from tests.gui.working import Link


def test_totals_are_cut_at_the_edges_and_quantiles_are_not(chosen: Run) -> None:
    assert "3 tasks, totals cut at the edges" in heading(chosen)
    assert cells(chosen, "count") == {"All": "3", "read": "1", "sum": "2"}
    edge = chosen.session.selection_ns
    assert edge is not None
    cut = (T0 + 8 * SECOND - edge[0]) / 1e9
    assert cells(chosen, "total")["read"] == f"{cut:.2f} s"
    assert cells(chosen, "median")["read"] == "6.00 s"
    assert cells(chosen, "failed")["sum"] == "1"


def test_without_a_selection_the_view_is_counted_and_says_so(busy: Run) -> None:
    busy.window.show_tab("statistics")
    tick(busy)
    assert heading(busy).startswith("Whole view")
    assert cells(busy, "count")["All"] == "3"
    assert not busy.window.statistics.buttons.clear.isVisible()


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


@pytest.mark.parametrize(
    ("text", "separator"), [("Copy statistics as TSV", "\t"), ("Copy statistics as CSV", ",")]
)
def test_the_menu_copies_what_is_selected_now_wherever_the_panel_is(
    chosen: Run, text: str, separator: str
) -> None:
    """The panel is hidden with the table of another selection."""
    QGuiApplication.clipboard().clear()
    chosen.window.toggle_dock("workers")
    tick(chosen)
    chosen.selecting.select(T0, T0 + 10 * SECOND, frozenset({0}))
    tick(chosen)
    (action,) = (a for a in chosen._menu.actions.values() if a.text() == text)
    action.trigger()
    tick(chosen)

    lines = QGuiApplication.clipboard().text().splitlines()
    assert [line.split(separator)[:2] for line in lines] == [
        ["prefix", "count"], ["All", "1"], ["read", "1"],
    ]  # fmt: skip
    assert chosen.window.statistics.isVisible()
    action.trigger()
    assert QGuiApplication.clipboard().text().splitlines() == lines


def test_in_a_narrow_window_durations_and_workers_take_turns(chosen: Run) -> None:
    view = chosen.window.statistics
    swap, shares = view.buttons.swap, view.shares
    chosen.window.resize(1_900, 800)
    tick(chosen)
    assert not swap.isVisible()
    assert view.histogram.isVisible()
    assert shares.isVisible()
    assert view.table.horizontalScrollBar().maximum() == 0  # every column is seen

    chosen.window.resize(*WINDOW_LEAST_PX)
    tick(chosen)
    QApplication.processEvents()  # Qt lays out when it comes to it
    assert swap.isVisible()
    assert (view.histogram.isVisible(), shares.isVisible()) == (True, False)
    assert view.table.width() > 0.7 * view.width()
    QTest.mouseClick(swap, Qt.MouseButton.LeftButton)
    assert (view.histogram.isVisible(), shares.isVisible()) == (False, True)

    chosen.window.resize(1_900, 800)
    tick(chosen)
    assert view.histogram.isVisible()
    assert shares.isVisible()


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
    told = [""]
    while "computing" in told[-1] or "70 003 tasks" not in told[-1]:
        assert len(told) < 600
        busy.tick(NOW + 16 * MS)
        told.append(heading(busy))
    assert any("computing… " in text for text in told)
