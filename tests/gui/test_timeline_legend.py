"""The legend: which entries have room, and what a click does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from daskscope.derive.frames import LegendEntry
from daskscope.paint.brush import slot_colour
from daskscope.theme import DARK, LEGEND_PX, LIGHT
from daskscope.views.timeline.legend import LegendView, placed_entries
from tests.gui import frames

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
LEFT, NO_KEYS = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def legend(qtbot: QtBot, *hidden: str, width: int = 1_180) -> LegendView:
    view = LegendView(LIGHT)
    qtbot.addWidget(view)
    view.resize(width, LEGEND_PX)
    view.show_entries(frames.legend(frozenset(hidden)))
    return view


@pytest.mark.usefixtures("qapp")
@pytest.mark.parametrize("right", [200, 500, 900, 5_000])
def test_entries_stand_side_by_side_and_the_rest_is_counted(right: int) -> None:
    entries = frames.legend()
    shown, n_more = placed_entries(entries, 38, right)
    assert len(shown) + n_more == len(entries)
    assert [entry.entry for entry in shown] == list(entries[: len(shown)])
    ends = [entry.left_px + entry.width_px for entry in shown]
    assert all(end < other.left_px for end, other in zip(ends, [*shown[1:]], strict=False))
    assert ends[-1] <= right
    assert (n_more == 0) == (right == 5_000)


@pytest.mark.usefixtures("qapp")
def test_a_long_name_does_not_push_the_others_out() -> None:
    entries = [LegendEntry(400 * "long", 0, False), LegendEntry("inc", 1, False)]
    assert placed_entries(entries, 38, 500)[1] == 0


def test_a_click_toggles_and_a_double_click_shows_one_alone(qtbot: QtBot) -> None:
    view = legend(qtbot)
    with qtbot.waitSignal(view.toggled) as toggled:
        QTest.mouseClick(view, LEFT, NO_KEYS, QPoint(60, 14))
    with qtbot.waitSignal(view.soloed) as soloed:
        QTest.mouseDClick(view, LEFT, NO_KEYS, QPoint(60, 14))
    assert (toggled.args, soloed.args) == (["read-parquet"], ["read-parquet"])


def test_the_prefix_under_the_pointer_is_lit(qtbot: QtBot) -> None:
    view = legend(qtbot)
    names: list[str] = []
    view.lit.connect(names.append)
    for x in (60, 62, 1_170):
        QTest.mouseMove(view, QPoint(x, 14))
    assert names == ["read-parquet", ""]


def test_prefixes_that_do_not_fit_are_asked_for_by_their_number(qtbot: QtBot) -> None:
    view = legend(qtbot, width=1_000)
    with qtbot.waitSignal(view.more_asked):
        QTest.mouseClick(view, LEFT, NO_KEYS, view._chip_rect().center())


def test_a_hidden_prefix_has_a_hollow_swatch(qtbot: QtBot) -> None:
    view = legend(qtbot, "read-parquet")
    image = view.grab().toImage()
    colours = {image.pixel(x, 14) & 0xFFFFFF for x in range(200)}
    assert slot_colour(LIGHT, 0) not in colours


@pytest.mark.parametrize("width", [100, 300, 640, 2_560])
def test_the_legend_is_painted_at_every_width(qtbot: QtBot, width: int) -> None:
    assert legend(qtbot, width=width).grab().width() == width
