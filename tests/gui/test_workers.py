from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtTest import QTest

from daskscope.derive.panels import WorkerRow, WorkerRowKind, WorkersFrame
from daskscope.derive.workers import COLUMNS
from daskscope.theme import DARK, LIGHT, Theme
from daskscope.views.workers import WorkersView, memory_parts, table_columns

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

GIB = 1024.0**3
NAN = float("nan")
LEFT = Qt.MouseButton.LeftButton
THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
VALUES = ("96 %", "1.9 / 4 GiB", "942 MiB", "4", "3", "9", "1.80 ms", "21.3 MB/s", "", "", "")


def row(kind: WorkerRowKind, name: str, **changes: object) -> WorkerRow:
    made = WorkerRow(
        kind=kind,
        host="node-01",
        name=name,
        caption=":40101",
        state="running",
        cpu=0.96,
        memory=(GIB, GIB / 2, GIB / 2, 0.0),
        limit_bytes=4 * GIB,
        alarm=0,
        cells=(name, *VALUES),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def table(n_workers: int = 3) -> WorkersFrame:
    rows = [row(WorkerRowKind.TOTAL, "Total"), row(WorkerRowKind.HOST, "node-01")]
    rows += [row(WorkerRowKind.WORKER, f"w{number}") for number in range(n_workers)]
    return WorkersFrame(COLUMNS, tuple(rows), "3 running", "cpu", is_descending=True)


def shown(
    qtbot: QtBot, frame: WorkersFrame, theme: Theme = LIGHT, width: int = 1_180
) -> WorkersView:
    view = WorkersView()
    qtbot.addWidget(view)
    view.set_theme(theme)
    view.resize(width, 220)
    view.show()
    view.show_frame(frame)
    return view


def test_memory_left_of_the_limit_mark_and_spilled_right_of_it() -> None:
    made = row(WorkerRowKind.WORKER, "w", memory=(GIB, GIB / 2, GIB / 2, GIB / 4))
    assert memory_parts(made, 80) == [(0, 20), (20, 30), (30, 40), (81, 86)]


def test_memory_beyond_the_limit_ends_at_the_mark() -> None:
    made = row(WorkerRowKind.WORKER, "w", memory=(5 * GIB, GIB, NAN, 100 * GIB))
    parts = memory_parts(made, 80)
    assert parts[0] == (0, 80)
    assert parts[2] == (80, 80)
    assert parts[3][1] < 81 + 30


def test_without_a_limit_there_is_no_bar() -> None:
    assert memory_parts(row(WorkerRowKind.WORKER, "w", limit_bytes=NAN), 80) == []


@pytest.mark.parametrize("width", [600, 1_180, 2_000])
def test_columns_do_not_overlap(qtbot: QtBot, width: int) -> None:
    edges = table_columns(table(), width).edges
    assert len(edges) == len(COLUMNS)
    assert all(a[0] + a[1] < b[0] for a, b in itertools.pairwise(edges))


def test_a_wide_table_fits_and_a_narrow_one_scrolls(qtbot: QtBot) -> None:
    assert shown(qtbot, table()).horizontalScrollBar().maximum() == 0
    assert shown(qtbot, table(), width=600).horizontalScrollBar().maximum() > 0


def test_a_pressed_heading_asks_for_its_order(qtbot: QtBot) -> None:
    view = shown(qtbot, table())
    left, width = table_columns(table(), view.viewport().width()).edges[COLUMNS.index("latency")]
    with qtbot.waitSignal(view.sort_requested) as asked:
        QTest.mouseClick(view.viewport(), LEFT, pos=QPoint(left + width // 2, 8))
    assert asked.args == ["latency"]


def test_a_pressed_host_asks_to_fold(qtbot: QtBot) -> None:
    view = shown(qtbot, table())
    with qtbot.waitSignal(view.host_toggled) as asked:
        QTest.mouseClick(view.viewport(), LEFT, pos=QPoint(16, view.heading_px + view.row_px + 5))
    assert asked.args == ["node-01"]


def test_a_pressed_worker_asks_for_nothing(qtbot: QtBot) -> None:
    view = shown(qtbot, table())
    point = QPoint(16, view.heading_px + 2 * view.row_px + 5)
    with qtbot.assertNotEmitted(view.host_toggled):
        QTest.mouseClick(view.viewport(), LEFT, pos=point)


def test_of_a_hundred_workers_only_those_in_view_are_drawn(qtbot: QtBot) -> None:
    view = shown(qtbot, table(100))
    assert len(view.visible_rows()) <= 220 // view.row_px + 1
    view.verticalScrollBar().setValue(view.verticalScrollBar().maximum())
    assert view.visible_rows()[-1] == 101


def test_a_tip_tells_every_value(qtbot: QtBot) -> None:
    tip = shown(qtbot, table()).row_tip(2)
    assert tip.startswith("w0 :40101\nCPU: 96 %\nMemory: 1.9 / 4 GiB")
    assert "Net out" not in tip


@THEMES
@pytest.mark.parametrize("alarm", [0, 1, 2])
def test_alarms_colour_the_memory_bar(qtbot: QtBot, theme: Theme, alarm: int) -> None:
    frame = table(1)
    frame = replace(frame, rows=(*frame.rows[:2], replace(frame.rows[2], alarm=alarm)))
    view = shown(qtbot, frame, theme)
    left = table_columns(frame, view.viewport().width()).edges[2][0]
    y = view.heading_px + 2 * view.row_px + view.row_px // 2 - 1
    found = view.viewport().grab().toImage().pixel(left + 3, y) & 0xFFFFFF
    assert found == (theme.mem, theme.memhi, theme.mempause)[alarm]


@THEMES
@pytest.mark.parametrize("state", ["running", "silent"])
def test_what_a_silent_worker_has_said_is_quiet(qtbot: QtBot, theme: Theme, state: str) -> None:
    frame = table(1)
    worker = replace(frame.rows[2], state=state, caption="", limit_bytes=NAN)
    view = shown(qtbot, replace(frame, rows=(*frame.rows[:2], worker)), theme)
    assert (state in view.row_tip(2).splitlines()) is (state == "silent")
    top = view.heading_px + 2 * view.row_px
    image = view.viewport().grab(QRect(0, top, view.width(), view.row_px - 1)).toImage()
    found = {image.pixel(x, y) & 0xFFFFFF for x in range(image.width()) for y in range(20)}
    assert (theme.t1 in found, theme.t3 in found) == (state == "running", state == "silent")


def test_a_caption_has_the_room_that_a_short_name_leaves(qtbot: QtBot) -> None:
    pictures = []
    for second in ("31", "32"):
        host = row(WorkerRowKind.HOST, "vm", caption=f"10.0.4.9:45737, since 14:34:{second}")
        pictures.append(shown(qtbot, replace(table(), rows=(host,))).grab().toImage())
    assert pictures[0] != pictures[1]


def test_that_no_worker_is_left_is_not_that_none_was_measured(qtbot: QtBot) -> None:
    nothing = replace(table(), rows=(), summary="")
    over = replace(nothing, summary="0 running")
    assert shown(qtbot, nothing).grab().toImage() != shown(qtbot, over).grab().toImage()


@THEMES
@pytest.mark.parametrize("width", [400, 1_180, 2_500])
def test_nothing_and_anything_can_be_drawn(qtbot: QtBot, theme: Theme, width: int) -> None:
    view = shown(qtbot, WorkersFrame(COLUMNS, (), "", "worker", is_descending=False), theme, width)
    assert not view.viewport().grab().isNull()
    odd = ["", "<b>w</b>\n", "w" * 10_000]
    rows = tuple(row(WorkerRowKind.WORKER, name, cpu=NAN, memory=(NAN,) * 4) for name in odd)
    view.show_frame(WorkersFrame(COLUMNS, rows, "", "worker", is_descending=False))
    assert not view.viewport().grab().isNull()


def test_rows_are_gone_over_by_key(qtbot: QtBot, told: list[str]) -> None:
    view = shown(qtbot, table(20))
    rows = []
    keys = (
        Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_End,
        Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_PageDown,
    )  # fmt: skip
    for key in keys:
        QTest.keyClick(view, key)
        rows.append(view.current_row)
        assert view.current_row in view.visible_rows()
    page = (view.viewport().height() - view.heading_px) // view.row_px - 1
    assert rows == [0, 1, 0, 0, 21, 21, 0, page]
    assert len(told) == len(rows)
    assert told[4].startswith("w19 :40101, CPU: 96")
    assert told[4].endswith("row 22 of 22")


def test_enter_folds_the_host_that_keys_have_gone_to(qtbot: QtBot) -> None:
    view = shown(qtbot, table())
    with qtbot.assertNotEmitted(view.host_toggled):
        QTest.keyClick(view, Qt.Key.Key_Return)  # no row yet
        QTest.keyClick(view, Qt.Key.Key_Down)
        QTest.keyClick(view, Qt.Key.Key_Return)  # the total is no host
    QTest.keyClick(view, Qt.Key.Key_Down)
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Space):
        with qtbot.waitSignal(view.host_toggled) as folded:
            QTest.keyClick(view, key)
        assert folded.args == ["node-01"]


def test_keys_go_on_at_the_end_of_a_table_that_has_become_shorter(qtbot: QtBot) -> None:
    view = shown(qtbot, table(20))
    QTest.keyClick(view, Qt.Key.Key_End)
    view.show_frame(table(2))
    QTest.keyClick(view, Qt.Key.Key_Return)
    QTest.keyClick(view, Qt.Key.Key_Down)
    assert view.current_row == 3


@THEMES
def test_the_row_of_the_keys_is_seen_until_a_click(qtbot: QtBot, theme: Theme) -> None:
    view = shown(qtbot, table(), theme)

    def edge() -> int:
        image = view.viewport().grab().toImage()
        return image.pixel(1, view.heading_px + view.row_px // 2) & 0xFFFFFF

    QTest.keyClick(view, Qt.Key.Key_Down)
    assert edge() == theme.accent
    QTest.mouseClick(view.viewport(), LEFT, pos=QPoint(200, view.heading_px + 5))
    assert edge() != theme.accent
