from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from daskscope.derive.panels import StatusField, StatusFrame
from daskscope.theme import DARK, LIGHT, STATUS_BAR_PX, WINDOW_LEAST_PX, Theme
from daskscope.views.statusbar import StatusBarView, placed

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

FRAME = StatusFrame(
    StatusField("Connected", "", "ok"),
    (
        StatusField("HTTP", "127.0.0.1:4328, :4318"),
        StatusField("gRPC", "127.0.0.1:4327, :4317"),
        StatusField("Last export", "200 ms ago"),
    ),
    (
        StatusField("Lag", "3.80 s", "warn"),
        StatusField("Rate", "20 000 spans/s"),
        StatusField("Held", "≥ 10 266 622 spans"),
        StatusField("Memory", "511.8 / 512 MiB"),
        StatusField("Dropped sender", "0"),
        StatusField("receiver", "0"),
        StatusField("evicted", "12 408", "warn"),
        StatusField("Frame", "4.10 ms"),
    ),
)


@pytest.mark.parametrize("width", [WINDOW_LEAST_PX[0], 1_280, 2_560])
def test_counters_are_never_cut_nor_outside(qtbot: QtBot, width: int) -> None:
    left, right = placed(FRAME, width)
    assert [part.field for part in right] == list(FRAME.counters)
    assert right[-1].x_px + right[-1].width_px <= width
    together = left + right
    assert all(a.x_px + a.width_px <= b.x_px for a, b in itertools.pairwise(together))


def test_addresses_give_way_first(qtbot: QtBot) -> None:
    assert len(placed(FRAME, WINDOW_LEAST_PX[0])[0]) < len(placed(FRAME, 2_560)[0]) == 3


def test_what_the_connection_says_gives_way_to_counters(qtbot: QtBot) -> None:
    texts = ("", "the disk is full, and what came since is lost")
    views = [StatusBarView() for _ in texts]
    pictures = []
    for view, text in zip(views, texts, strict=True):
        qtbot.addWidget(view)
        view.resize(WINDOW_LEAST_PX[0], STATUS_BAR_PX)
        view.show_frame(replace(FRAME, connection=StatusField("Problem", text, "err")))
        pictures.append(view.grab().toImage())
    first_x = placed(FRAME, WINDOW_LEAST_PX[0])[1][0].x_px
    counters = [picture.copy(first_x, 0, 9_999, STATUS_BAR_PX) for picture in pictures]
    assert counters[0] == counters[1]
    assert pictures[0] != pictures[1]


def test_the_three_kinds_of_loss_are_one_group(qtbot: QtBot) -> None:
    lines = {part.field.label: part.has_line for part in placed(FRAME, 2_560)[1]}
    assert (lines["Dropped sender"], lines["receiver"], lines["evicted"]) == (True, False, False)


def test_all_of_it_can_be_heard(qtbot: QtBot) -> None:
    view = StatusBarView()
    qtbot.addWidget(view)
    view.show_frame(FRAME)
    assert view.accessibleDescription().startswith("Connected, HTTP 127.0.0.1:4328, :4318, ")


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
@pytest.mark.parametrize("width", [300, 1_024, 2_560])
def test_it_is_drawn_at_any_width(qtbot: QtBot, theme: Theme, width: int) -> None:
    view = StatusBarView()
    qtbot.addWidget(view)
    view.set_theme(theme)
    view.resize(width, view.height())
    view.show()
    view.show_frame(FRAME)
    assert view.grab().toImage().pixel(1, 5) & 0xFFFFFF == theme.s1
