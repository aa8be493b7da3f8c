from __future__ import annotations

from dataclasses import replace
from threading import Event
from typing import TYPE_CHECKING

import numpy as np
import pytest

from daskscope.derive.panels import Chart, Curve, ResourcesFrame
from daskscope.theme import DARK, LIGHT, Theme
from daskscope.views.resources import ResourcesView
from daskscope.views.resources.plot import ChartPlot

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

THEMES = pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
X = np.arange(-300.0, 1.0)


def chart(title: str, unit: str, *curves: Curve, **changes: object) -> Chart:
    made = Chart(
        title=title,
        value_text="12 / 24",
        unit=unit,
        curves=curves,
        capacity=24,
        capacity_text="limit",
        most=24,
        is_stacked=False,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def frame(level: float = 12.0) -> ResourcesFrame:
    flat = np.full(len(X), level)
    bands = (Curve("managed", "mem", X, flat), Curve("unmanaged", "mem_un", X, flat))
    lines = (Curve("network", "transfer", X, flat), Curve("disk", "disk", X, flat / 2, True))
    charts = (
        chart("CPU", "cores", Curve("cpu", "c1", X, flat)),
        chart("Memory", "bytes", *bands, capacity=48, most=48, is_stacked=True),
        chart("Transfer", "bytes/s", *lines, capacity=float("nan")),
    )
    return ResourcesFrame(charts, 300.0, 0)


def draw(view: ResourcesView, frame: ResourcesFrame) -> None:
    """Draw all charts, which may have to be loaded."""
    view.begin_frame(frame)
    while view.is_waiting:
        view.show_next()


def shown(qtbot: QtBot, theme: Theme = LIGHT, width: int = 420) -> ResourcesView:
    view = ResourcesView()
    qtbot.addWidget(view)
    view.set_theme(theme)
    view.resize(width, 400)
    view.show()
    draw(view, frame())
    return view


def plots(view: ResourcesView) -> list[ChartPlot]:
    return view.findChildren(ChartPlot)


def test_bands_are_stacked(qtbot: QtBot) -> None:
    view = shown(qtbot)
    memory = plots(view)[1]
    tops = {float(item.getData()[1][0]) for item in memory.getPlotItem().listDataItems()}
    assert tops == {12.0, 24.0}


def test_new_values_change_curves_that_exist(qtbot: QtBot) -> None:
    view = shown(qtbot)
    before = plots(view)[0].getPlotItem().listDataItems()
    draw(view, frame(6.0))
    after = plots(view)[0].getPlotItem().listDataItems()
    assert [id(item) for item in before] == [id(item) for item in after]
    assert float(after[0].getData()[1][0]) == 6.0


def test_an_axis_that_changes_makes_no_curve_anew(qtbot: QtBot) -> None:
    view = shown(qtbot)
    before = plots(view)[0].getPlotItem().listDataItems()
    changed = frame()
    charts = tuple(replace(chart, most=90.0) for chart in changed.charts)
    draw(view, replace(changed, charts=charts, span_s=60.0))
    after = plots(view)[0].getPlotItem().listDataItems()
    assert [id(item) for item in before] == [id(item) for item in after]
    assert plots(view)[0].getPlotItem().getViewBox().viewRange()[0] == [-60.0, 0.0]


def test_charts_can_be_drawn_one_by_one(qtbot: QtBot) -> None:
    view = shown(qtbot)

    def levels() -> list[float]:
        firsts = [plot.getPlotItem().listDataItems()[-1] for plot in plots(view)]
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
    ranges = [plot.getPlotItem().getViewBox().viewRange()[0] for plot in plots(view)]
    assert ranges == [[-300.0, 0.0]] * 3


@THEMES
def test_a_band_has_its_colour(qtbot: QtBot, theme: Theme) -> None:
    view = shown(qtbot, theme)
    plot = plots(view)[1]
    area = plot.getPlotItem().getViewBox().sceneBoundingRect()
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
    area = plot.getPlotItem().getViewBox().sceneBoundingRect()
    picture = plot.grab().toImage()
    y = round(area.bottom() - 1 - (area.height() - 14))
    line = {picture.pixel(x, y) & 0xFFFFFF for x in range(round(area.left()), round(area.right()))}
    assert LIGHT.t2 in line


def test_the_mouse_changes_nothing(qtbot: QtBot) -> None:
    view = shown(qtbot)
    plot = plots(view)[0]
    assert not any(plot.getPlotItem().getViewBox().state["mouseEnabled"])
    assert not plot.getPlotItem().menuEnabled()


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
            curves=tuple(replace(curve, y=X * 0) for curve in chart.curves),
            capacity=float("nan"),
            most=1.0,
        )
        for chart in frame().charts
    )
    draw(view, ResourcesFrame(empty, 300.0, 0))
    view.set_theme(DARK if theme is LIGHT else LIGHT)
    assert not view.grab().isNull()


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
