from __future__ import annotations

import itertools
from dataclasses import replace
from threading import Event
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from daskscope.derive.panels import Curve, ResourcesFrame
from daskscope.theme import DARK, LIGHT, Theme
from daskscope.views.resources import ResourcesView
from daskscope.views.resources.ranges import RangeItem
from daskscope.views.resources.title import ChartTitle
from tests.builders import T0
from tests.gui.charts import VIEW, X, curves, draw, flat, frame, plots, shown
from tests.gui.paints import Paints

NO_BUTTON, LEFT = Qt.MouseButton.NoButton, Qt.MouseButton.LeftButton
NO_KEY = Qt.KeyboardModifier.NoModifier
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)


def test_each_chart_has_its_turn_however_fast_frames_come(qtbot: QtBot) -> None:
    view = shown(qtbot)
    drawn: list[int] = []
    for level in (1.0, 2.0, 3.0):
        before = [curves(plot)[0].getData()[1].tolist() for plot in plots(view)]
        view.begin_frame(frame(level))
        view.show_next()
        after = [curves(plot)[0].getData()[1].tolist() for plot in plots(view)]
        drawn.append([a != b for a, b in zip(before, after, strict=True)].index(True))
    assert drawn == [0, 1, 2]


def test_bands_are_stacked(qtbot: QtBot) -> None:
    view = shown(qtbot)
    memory = plots(view)[1]
    tops = {float(item.getData()[1][0]) for item in curves(memory)}
    assert tops == {12.0, 24.0}


def test_new_values_change_curves_that_exist(qtbot: QtBot) -> None:
    view = shown(qtbot)
    before = curves(plots(view)[0])
    draw(view, frame(6.0))
    after = curves(plots(view)[0])
    assert [id(item) for item in before] == [id(item) for item in after]
    assert float(after[0].getData()[1][0]) == 6.0


def test_charts_that_are_the_same_are_left_as_they_are(qtbot: QtBot) -> None:
    view = shown(qtbot)
    parts = [*plots(view), *view.findChildren(ChartTitle)]

    def painted(drawn: ResourcesFrame) -> list[int]:
        QApplication.processEvents()
        paints = [Paints(getattr(part, "viewport", lambda part=part: part)()) for part in parts]
        draw(view, drawn)
        return [number for number, paint in enumerate(paints) if paint.taken()]

    def changed(**changes: object) -> ResourcesFrame:
        first, *others = frame().charts
        return replace(frame(), charts=(replace(first, **changes), *others))  # type: ignore[arg-type]

    assert painted(frame()) == []
    assert painted(frame(6.0)) == [0, 1, 2]
    assert painted(frame()) == [0, 1, 2]
    assert painted(changed(capacity=23.9)) == [0]
    assert painted(changed(value_text="13 / 24")) == [0, 3]
    curve = frame().charts[0].curves[0]
    for name in ("x_s", "y", "least", "most"):
        other = replace(curve, **{name: getattr(curve, name) + 0.5})
        draw(view, frame())
        assert painted(changed(curves=(other,))) == [0]
    gap = replace(curve, y=np.where(X == 9, np.nan, curve.y))
    assert painted(changed(curves=(gap,))) == [0]
    assert painted(changed(curves=(replace(gap, y=gap.y.copy()),))) == []
    assert painted(replace(frame(), column_s=2)) == [0, 1, 2]


def test_an_axis_that_changes_makes_no_curve_anew(qtbot: QtBot) -> None:
    view = shown(qtbot)
    before = curves(plots(view)[0])
    changed = frame()
    charts = tuple(replace(chart, most=90.0) for chart in changed.charts)
    shorter = replace(VIEW, ns_per_px=VIEW.ns_per_px / 5)
    draw(view, replace(changed, charts=charts, view=shorter))
    after = curves(plots(view)[0])
    assert [id(item) for item in before] == [id(item) for item in after]
    assert plots(view)[0].box.viewRange()[0] == pytest.approx([0.0, 60.0])


def test_charts_can_be_drawn_one_by_one(qtbot: QtBot) -> None:
    view = shown(qtbot)

    def levels() -> list[float]:
        firsts = [curves(plot)[-1] for plot in plots(view)]
        return [float(item.getData()[1][0]) for item in firsts]

    view.begin_frame(frame(6.0))
    assert levels() == [12.0, 12.0, 12.0]
    for shown_so_far in ([6.0, 12.0, 12.0], [6.0, 6.0, 12.0], [6.0, 6.0, 6.0], [6.0, 6.0, 6.0]):
        view.show_next()
        assert levels() == shown_so_far


def test_nobody_waits_while_charts_are_loaded(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, is_over = [], Event()

    def load(name: str) -> None:
        asked.append(name)
        is_over.wait()

    monkeypatch.setattr("daskscope.views.resources.panel.import_module", load)
    view = ResourcesView()
    qtbot.addWidget(view)
    view.begin_frame(frame())
    view.show_next()
    assert asked == []  # the first picture of the timeline comes in this tick
    for _ in range(9):
        view.show_next()
    assert (len(asked), len(plots(view))) == (1, 0)
    is_over.set()
    while view.is_waiting:
        n_plots = len(plots(view))
        view.show_next()
        assert len(plots(view)) <= n_plots + 1
    assert len(plots(view)) == 3


def test_all_charts_show_the_same_time(qtbot: QtBot) -> None:
    view = shown(qtbot)
    ranges = [plot.box.viewRange()[0] for plot in plots(view)]
    assert ranges == [[0.0, 300.0]] * 3


@THEMES
def test_a_band_has_its_colour(qtbot: QtBot, theme: Theme) -> None:
    view = shown(qtbot, theme)
    plot = plots(view)[1]
    area = plot.box.sceneBoundingRect()
    picture = plot.grab().toImage()
    x = round(area.center().x()) + 3
    found = [
        picture.pixel(x, round(area.bottom() - share * (area.height() - 14))) & 0xFFFFFF
        for share in (0.12, 0.38)
    ]
    assert found == [theme.mem, theme.mem_un]


def test_the_capacity_is_drawn_below_the_upper_edge(qtbot: QtBot) -> None:
    view = shown(qtbot)
    plot = plots(view)[0]
    area = plot.box.sceneBoundingRect()
    picture = plot.grab().toImage()
    y = round(area.bottom() - 1 - (area.height() - 14))
    line = {picture.pixel(x, y) & 0xFFFFFF for x in range(round(area.left()), round(area.right()))}
    assert LIGHT.t2 in line


def test_the_mouse_changes_nothing(qtbot: QtBot) -> None:
    view = shown(qtbot)
    plot = plots(view)[0]
    assert not any(plot.box.state["mouseEnabled"])
    assert not plot.box.menuEnabled()


def test_what_is_shown_can_be_heard(qtbot: QtBot) -> None:
    view = shown(qtbot)
    assert view.accessibleDescription() == "CPU 12 / 24, Memory 12 / 24, Transfer 12 / 24"


@THEMES
@pytest.mark.parametrize("width", [340, 1_000])
def test_empty_charts_and_a_change_of_theme(qtbot: QtBot, theme: Theme, width: int) -> None:
    view = shown(qtbot, theme, width)
    empty = tuple(
        replace(
            chart,
            curves=tuple(flat(curve.name, curve.token, np.nan) for curve in chart.curves),
            capacity=float("nan"),
            most=1.0,
        )
        for chart in frame().charts
    )
    draw(view, ResourcesFrame(empty, VIEW, T0, 1, ()))
    view.set_theme(DARK if theme is LIGHT else LIGHT)
    assert not view.grab().isNull()


@THEMES
def test_a_change_of_theme_is_seen_at_once_in_all_of_every_chart(
    qtbot: QtBot, theme: Theme
) -> None:
    view = shown(qtbot, DARK if theme is LIGHT else LIGHT)
    view.set_theme(theme)
    assert view.grab().toImage() == shown(qtbot, theme).grab().toImage()
    for title in view.findChildren(ChartTitle):
        picture = title.grab().toImage()
        places = itertools.product(range(picture.width()), range(picture.height()))
        assert theme.t1 in {picture.pixel(x, y) & 0xFFFFFF for x, y in places}


def test_plots_are_made_when_they_are_needed_and_take_no_other_room(qtbot: QtBot) -> None:
    view = ResourcesView()
    qtbot.addWidget(view)
    view.set_theme(DARK)
    view.resize(420, 400)
    view.show()
    least_px = view.minimumSizeHint().height()
    assert not plots(view)

    while len(plots(view)) < 3:
        view.prepare()
    made = plots(view)
    draw(view, frame())
    assert plots(view) == made
    assert view.minimumSizeHint().height() == least_px
    assert made[0].height() == made[1].height()


def with_spike() -> ResourcesFrame:
    """Columns of ten seconds; CPU reaches 20 cores in one of them, and nothing is read in some."""
    x_s = np.arange(5.0, 300.0, 10.0)
    y = np.full(len(x_s), 6.0)
    least, most = y - 2, y.copy()
    most[15] = 20.0
    for values in (y, least, most):
        values[20:24] = np.nan
    changed = frame()
    cpu = replace(changed.charts[0], curves=(Curve("cpu", "c1", x_s, y, least, most),))
    return replace(changed, charts=(cpu, *changed.charts[1:]), column_s=10)


@THEMES
def test_a_column_shows_how_far_it_went_and_a_gap_nothing(qtbot: QtBot, theme: Theme) -> None:
    view = shown(qtbot, theme)
    draw(view, with_spike())
    plot = plots(view)[0]
    area = plot.area()
    picture = plot.grab().toImage()

    def at(second: float, cores: float) -> int:
        x_px = area.left() + second / 300 * area.width()
        y_px = area.bottom() - 1 - cores / 24 * (area.height() - 14)
        return int(picture.pixel(round(x_px), round(y_px)) & 0xFFFFFF)

    ground = theme.s2
    assert at(155, 13) not in (ground, theme.grid)  # in the one column that went so high
    assert at(145, 13) == ground
    assert at(145, 4.7) != at(145, 3)  # under the mean: the range over the fill
    for cores in (1, 3, 5):
        assert at(222, cores) == ground


def test_ranges_are_drawn_where_a_column_has_several_seconds(qtbot: QtBot) -> None:
    view = shown(qtbot)
    kinds = [[type(item) for item in plot.items()].count(RangeItem) for plot in plots(view)]
    assert kinds == [1, 1, 2]  # of bands their sum has one
