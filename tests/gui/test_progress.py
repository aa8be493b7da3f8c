from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from daskscope.derive.panels import ProgressFrame, ProgressRow
from daskscope.paint.brush import slot_colour
from daskscope.theme import DARK, LIGHT, Theme, mixed
from daskscope.views.progress import RELEASED_SHARE, ProgressView, columns, cut_points

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)


def row(name: str = "inc", slot: int = 0, **counts: int) -> ProgressRow:
    states = ("memory", "released", "processing", "waiting", "no_worker", "erred")
    numbers = {state: counts.get(state, 0) for state in states}
    done = numbers["memory"] + numbers["released"] + numbers["erred"]
    total = sum(numbers.values())
    return ProgressRow(
        name,
        slot,
        **numbers,
        done=done,
        total=total,
        done_text=f"{done} / {total}",
        rate_text="",
        left_text="",
    )


def shown(qtbot: QtBot, *rows: ProgressRow, theme: Theme = LIGHT, width: int = 420) -> ProgressView:
    view = ProgressView()
    qtbot.addWidget(view)
    view.set_theme(theme)
    view.resize(width, 300)
    view.show()
    view.show_frame(ProgressFrame(rows, f"{len(rows)} rows"))
    return view


def test_where_rows_move_keys_stay_with_a_prefix_and_the_pointer_with_a_place(
    qtbot: QtBot,
) -> None:
    view = shown(qtbot, row("a", memory=1), row("b", memory=1), row("c", memory=1))
    lit: list[str] = []
    view.prefix_lit.connect(lit.append)
    QTest.keyClick(view, Qt.Key.Key_Down)
    QTest.mouseMove(view.viewport(), QPoint(9, view.heading_px + 9))
    view.show_frame(ProgressFrame((row("b", memory=1), row("c", memory=1), row("a", memory=1)), ""))
    assert (view.current_row, lit) == (2, ["a", "a", "b"])
    view.show_frame(ProgressFrame((), ""))
    assert (view.current_row, lit[-1]) == (-1, "")


def test_parts_fill_the_bar_without_gaps() -> None:
    parts = cut_points(row(released=1, memory=2, processing=2), 100)
    assert parts == [("released", 0, 20), ("memory", 20, 60), ("processing", 60, 100)]


@pytest.mark.parametrize("state", ["erred", "no_worker"])
def test_one_task_in_a_million_that_needs_a_person_is_seen(state: str) -> None:
    parts = cut_points(row("inc", 0, memory=999_999, **{state: 1}), 80)
    assert parts[-1] == (state, 78, 80)


def test_alarms_are_drawn_over_their_neighbours() -> None:
    assert cut_points(row(erred=1, waiting=100_000), 80)[-1][0] == "erred"


@pytest.mark.parametrize("width", [340, 420, 1_000])
@pytest.mark.parametrize("name", ["x", "n" * 200])
def test_columns_lie_within_the_panel_and_apart(qtbot: QtBot, width: int, name: str) -> None:
    frame = ProgressFrame((row(name, memory=264_000, waiting=1_000_000),), "")
    laid = columns(frame, width)
    edges = [laid.name, laid.bar, laid.done, laid.rate, laid.left]
    used = [edge for edge in edges if edge[1]]
    assert all(a[0] + a[1] < b[0] for a, b in itertools.pairwise(used))
    assert used[-1][0] + used[-1][1] <= width
    assert laid.bar[1] >= 48
    assert laid.name[1] >= 60


@THEMES
def test_states_are_drawn_in_their_colours(qtbot: QtBot, theme: Theme) -> None:
    view = shown(qtbot, row(slot=0, released=1, memory=1, processing=1, erred=1), theme=theme)
    laid = columns(ProgressFrame((row(released=1, memory=1, processing=1, erred=1),), ""), 420)
    picture = view.viewport().grab().toImage()
    y = view.heading_px + view.row_px // 2
    left, width = laid.bar
    found = [
        picture.pixel(left + round((part + 0.5) * width / 4), y) & 0xFFFFFF for part in range(4)
    ]
    own = slot_colour(theme, 0)
    assert found == [mixed(own, theme.lane, RELEASED_SHARE), own, theme.erred, theme.wait]


def test_all_rows_can_be_scrolled_to(qtbot: QtBot) -> None:
    view = shown(qtbot, *(row(f"task-{number}", number, memory=1) for number in range(300)))
    bar = view.verticalScrollBar()
    bar.setValue(bar.maximum())
    assert view.visible_rows()[-1] == 299
    assert len(view.visible_rows()) < 20


def test_a_heading_of_two_lines_hides_no_row(qtbot: QtBot) -> None:
    rows = [row(f"task-{number}", number, memory=1) for number in range(30)]
    view = shown(qtbot, *rows, width=600)
    view.resize(340, view.height())
    room = view.viewport().height() - view.heading_px
    assert view.verticalScrollBar().maximum() == 30 * view.row_px - room


def test_the_prefix_under_the_pointer_is_lit(qtbot: QtBot) -> None:
    view = shown(qtbot, row("inc", memory=1), row("dec", memory=1))
    middle = QPoint(50, view.heading_px + view.row_px + 5)
    with qtbot.waitSignal(view.prefix_lit) as lit:
        QTest.mouseMove(view.viewport(), middle)
    assert lit.args == ["dec"]
    assert view.row_at(QPoint(50, 2)) == -1


def test_scrolling_lights_the_row_that_comes_under_the_pointer(qtbot: QtBot) -> None:
    view = shown(qtbot, *(row(f"task-{number}", number, memory=1) for number in range(300)))
    at = QPoint(50, view.heading_px + 5)
    QTest.mouseMove(view.viewport(), at)
    with qtbot.waitSignal(view.prefix_lit) as lit:
        view.verticalScrollBar().setValue(10 * view.row_px)
    assert lit.args == ["task-10"]
    QApplication.sendEvent(view.viewport(), QEvent(QEvent.Type.Leave))
    with qtbot.assertNotEmitted(view.prefix_lit):
        view.verticalScrollBar().setValue(0)


def test_tips_name_every_count(qtbot: QtBot) -> None:
    view = shown(qtbot, row("<b>inc</b>", memory=2, erred=1))
    assert view.row_tip(0) == "<b>inc</b>\n3 / 3 done\n2 in memory, 1 erred"


@THEMES
@pytest.mark.parametrize("width", [340, 420])
def test_nothing_and_anything_can_be_drawn(qtbot: QtBot, theme: Theme, width: int) -> None:
    names = ["", "\n\t\0", "n" * 10_000, "<img src=x>", "日本語 ü 🚀"]
    view = shown(qtbot, theme=theme, width=width)
    assert not view.viewport().grab().isNull()
    view.show_frame(
        ProgressFrame(tuple(row(n, 70 + i, waiting=1) for i, n in enumerate(names)), "")
    )
    assert not view.viewport().grab().isNull()
