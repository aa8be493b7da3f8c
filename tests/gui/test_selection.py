"""Selecting in the real window: by drags over time and lanes, by keys; edges, and the end of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from tests.builders import MS, SECOND, T0
from tests.gui.selecting import at, cells, drag, heading, row_y, tick

if TYPE_CHECKING:
    from daskscope.app.run import Run


def test_a_selection_brings_its_statistics_to_front_once(chosen: Run) -> None:
    dock = chosen.window.workers_dock
    assert chosen.window.statistics.isVisible()
    dock.show_page(0)
    y = row_y(chosen, "w0", 1)
    drag(chosen.window.timeline.stream, at(chosen, 5 * SECOND, y), at(chosen, 9 * SECOND, y))
    assert chosen.window.workers.isVisible()


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


def test_lanes_are_selected_by_key(busy: Run) -> None:
    """Of the host and worker that keys have gone to, in the time that is selected already."""
    busy.toggle_pause()
    tick(busy)
    stream, keys = busy.window.timeline.stream, Qt.KeyboardModifier
    stream.setFocus()
    both = keys.ControlModifier | keys.ShiftModifier
    QTest.keyClick(stream, Qt.Key.Key_A, both)
    assert busy.session.selection_ns is None  # nobody was gone to
    busy.selecting.select(T0 + SECOND, T0 + 10 * SECOND, None)
    for n_steps, counted in (
        (1, {"All": "2", "read": "1", "sum": "1"}),
        (3, {"All": "1", "sum": "1"}),
    ):
        for _ in range(n_steps):
            QTest.keyClick(stream, Qt.Key.Key_Down, keys.ShiftModifier)
        QTest.keyClick(stream, Qt.Key.Key_A, both)
        tick(busy)
        assert cells(busy, "count") == counted
    assert busy.session.selection_ns == (T0 + SECOND, T0 + 10 * SECOND)


CTRL_SHIFT = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def heard(busy: Run) -> Run:
    """A window that holds still, with the keyboard in the task stream."""
    busy.toggle_pause()
    tick(busy)
    busy.window.timeline.stream.setFocus()
    return busy


def test_an_edge_is_moved_by_key(heard: Run) -> None:
    assert heard.frame is not None
    stream, view = heard.window.timeline.stream, heard.frame.view
    QTest.mouseMove(stream, at(heard, 3 * SECOND, row_y(heard, "w0", 1)))
    keys: list[tuple[Qt.Key, Qt.KeyboardModifier, int, tuple[int, int]]] = [
        (Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier, 5, (0, 40)),
        (Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier, 2, (0, 24)),
        (Qt.Key.Key_Left, CTRL_SHIFT, 3, (-24, 24)),
        (Qt.Key.Key_Right, CTRL_SHIFT, 1, (-16, 24)),
    ]
    for key, modifiers, n, expected_px in keys:
        for _ in range(n):
            QTest.keyClick(stream, key, modifiers)
        tick(heard)
        assert heard.session.selection_ns is not None
        edges_px = [
            view.x_px(edge) - view.x_px(T0 + 3 * SECOND) for edge in heard.session.selection_ns
        ]
        assert edges_px == pytest.approx(expected_px, abs=1)
    assert heard.window.statistics.isVisible()
    assert heard.session.selection_lanes is None


def test_an_edge_that_is_moved_out_of_view_takes_the_view_along(heard: Run) -> None:
    stream = heard.window.timeline.stream
    QTest.mouseMove(stream, at(heard, 19 * SECOND, row_y(heard, "w0", 1)))
    for _ in range(40):
        QTest.keyClick(stream, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    tick(heard)
    frame, selected = heard.frame, heard.session.selection_ns
    assert frame is not None
    assert selected is not None
    assert (selected[1] - selected[0]) / frame.view.ns_per_px == pytest.approx(320, abs=1)
    assert 0 < frame.view.x_px(selected[1]) < frame.view.width_px


def test_rows_are_selected_one_by_one_by_key(heard: Run) -> None:
    """From the row of the chosen task on, else from that under the pointer."""
    stream = heard.window.timeline.stream
    QTest.mouseMove(stream, at(heard, 3 * SECOND, row_y(heard, "w0", 2)))

    def pressed(*keys: Qt.Key) -> list[str]:
        for key in keys:
            QTest.keyClick(stream, key, CTRL_SHIFT)
        tick(heard)
        assert heard.frame is not None
        lanes = heard.session.selection_lanes or frozenset()
        rows = {heard.frame.layout.rows[heard.frame.layout.row_of_lane[lane]] for lane in lanes}
        return sorted(f"{row.title}.{row.thread}" for row in rows)

    down, up = Qt.Key.Key_Down, Qt.Key.Key_Up
    assert pressed(down) == ["w0.2"]
    assert pressed(down) == ["w0.2", "w1.1"]
    assert pressed(down) == ["w0.2", "w1.1"]  # there are no more
    assert pressed(up) == ["w0.2"]
    assert pressed(up) == ["w0.2"]
    assert cells(heard, "count") == {"All": "1", "sum": "1"}
    QTest.keyClick(stream, Qt.Key.Key_Escape)
    tick(heard)
    assert heard.session.selection_lanes is None

    QTest.mouseClick(
        stream, Qt.MouseButton.LeftButton, pos=at(heard, 3 * SECOND, row_y(heard, "w0", 1))
    )
    QTest.mouseMove(stream, at(heard, 3 * SECOND, row_y(heard, "w1", 1)))
    tick(heard)
    assert pressed(down) == ["w0.1"]


def test_the_view_is_counted_at_once_when_the_selection_is_cleared(
    busy: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr("daskscope.app.statistics.elapsed_s", lambda: clock[0])
    for _ in range(2):
        busy.selecting.select(T0, T0 + SECOND, None)
        tick(busy)
        assert cells(busy, "count")["All"] == "0"
        busy.selecting.clear()
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
