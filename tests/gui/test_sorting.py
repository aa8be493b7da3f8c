"""What sorts workers and statistics, chosen by keys in the real window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from daskscope.theme import WINDOW_LEAST_PX
from tests.builders import SECOND, T0, Span, points
from tests.gui.working import NOW, Hand, Link
from tests.readings import GIB, Cluster

if TYPE_CHECKING:
    from daskscope.paint.sorting import SortedArea

KEY = Qt.Key
CTRL = Qt.KeyboardModifier.ControlModifier
NOW_S = (NOW - T0) / SECOND


@pytest.fixture
def sorted_by(hand: Hand, link: Link) -> Hand:
    """Two workers, the second of which has more memory in use, and two prefixes."""
    cluster = Cluster()
    for n, managed in enumerate((1.0, 2.0)):
        cluster.worker(f"w{n}", "node-0", 40_101 + n, NOW_S - 1, busy=1, managed=managed * GIB)
    spans = [Span(n * SECOND, (n + 1) * SECOND, "inc" if n else "sum", 0, 11) for n in range(9)]
    batch = cluster.source.spans(spans)
    link.messages = [cluster.source.definitions(), points(cluster._rows), batch]
    hand.waits(2)
    hand.run.window.activateWindow()
    return hand


def press(hand: Hand, table: SortedArea, *keys: Qt.Key) -> None:
    """Press keys with Ctrl, all before the table is drawn anew."""
    for key in keys:
        QTest.keyClick(table, key, CTRL)
    hand.waits(2)
    assert hand.run.error is None


def test_keys_choose_the_column_that_sorts_workers_and_its_order(
    sorted_by: Hand, told: list[str]
) -> None:
    window = sorted_by.run.window
    workers = window.workers

    def names() -> list[str]:
        return [row.name for row in workers._frame.rows[2:]]

    window.focus_view("workers")
    assert names() == ["w0", "w1"]
    press(sorted_by, workers, KEY.Key_Right, KEY.Key_Right)
    assert sorted_by.run.session.worker_sort == "memory"
    assert names() == ["w1", "w0"]
    assert told == ["Sorted by Memory, descending"]
    press(sorted_by, workers, KEY.Key_Up, KEY.Key_Up)
    assert names() == ["w0", "w1"]
    press(sorted_by, workers, KEY.Key_Down)
    assert names() == ["w1", "w0"]
    press(sorted_by, workers, KEY.Key_Left, KEY.Key_Left, KEY.Key_Left)
    assert names() == ["w0", "w1"]
    assert told[1:] == [
        "Sorted by Memory, ascending", "Sorted by Memory, descending", "Sorted by Worker, ascending"
    ]  # fmt: skip


def test_keys_choose_the_column_that_sorts_statistics_and_its_order(
    sorted_by: Hand, told: list[str]
) -> None:
    window = sorted_by.run.window
    table = window.statistics.table
    window.focus_view("statistics")
    sorted_by.waits(2)

    def names() -> tuple[str, ...]:
        assert table._frame is not None
        return tuple(table._frame.names[1:])

    assert names() == ("inc", "sum")
    press(sorted_by, table, KEY.Key_Left)
    assert sorted_by.run.session.statistics_sort == "count"
    press(sorted_by, table, KEY.Key_Up)
    assert names() == ("sum", "inc")
    press(sorted_by, table, KEY.Key_Left, KEY.Key_Left)
    assert names() == ("inc", "sum")
    assert told == [
        "Sorted by Count, descending", "Sorted by Count, ascending", "Sorted by Prefix, ascending"
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["workers", "statistics"])
def test_the_column_that_sorts_is_brought_into_view(sorted_by: Hand, name: str) -> None:
    window = sorted_by.run.window
    window.resize(*WINDOW_LEAST_PX)
    window.borders.all.setSizes([400, 600])
    window.focus_view(name)
    table: SortedArea = window.workers if name == "workers" else window.statistics.table
    sorted_by.waits(2)
    assert table.horizontalScrollBar().maximum() > 0
    columns = list(table.labels)
    for key in (KEY.Key_Right, KEY.Key_Left):
        for _ in columns:
            press(sorted_by, table, key)
            session = sorted_by.run.session
            column = session.worker_sort if name == "workers" else session.statistics_sort
            left, width = table.column_px(column)
            if column != columns[0]:
                assert left - table.scroll_x > sum(table.column_px(columns[0]))
                assert left + width - table.scroll_x < table.viewport().width()
        assert column == columns[-1 if key == KEY.Key_Right else 0]


def test_a_table_without_the_keyboard_stays_where_it_is(sorted_by: Hand, told: list[str]) -> None:
    window = sorted_by.run.window
    window.resize(*WINDOW_LEAST_PX)
    window.workers.sort_requested.emit("disk_write")
    sorted_by.waits(2)
    assert window.workers._frame.sort == "disk_write"
    assert window.workers.scroll_x == 0
    assert told == []
