"""Charts of a cluster's resources, in a real view."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from pyqtgraph import PlotCurveItem
from PySide6.QtCore import Qt

from daskscope.derive.panels import Chart, Curve, ResourcesFrame
from daskscope.session import Viewport
from daskscope.theme import LIGHT, Theme
from daskscope.views.resources import ResourcesView
from daskscope.views.resources.plot import ChartPlot
from tests.builders import SECOND, T0

NO_BUTTON, LEFT = Qt.MouseButton.NoButton, Qt.MouseButton.LeftButton
NO_KEY = Qt.KeyboardModifier.NoModifier
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

X = np.arange(0.0, 301.0)
#: Five minutes, in charts as wide as those of a view that is 420 pixels wide.
VIEW = Viewport(T0, SECOND * 300 / 352, 352)


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


def flat(name: str, token: str, level: float, *, is_dashed: bool = False) -> Curve:
    y = np.full(len(X), level)
    return Curve(name, token, X, y, y, y, is_dashed)


def frame(level: float = 12.0) -> ResourcesFrame:
    bands = flat("managed", "mem", level), flat("unmanaged", "mem_un", 2 * level)
    lines = flat("network", "transfer", level), flat("disk", "disk", level / 2, is_dashed=True)
    charts = (
        chart("CPU", "cores", flat("cpu", "c1", level)),
        chart("Memory", "bytes", *bands, capacity=48, most=48, is_stacked=True),
        chart("Transfer", "bytes/s", *lines, capacity=float("nan")),
    )
    return ResourcesFrame(charts, VIEW, T0, 1, ((0, "0:00"), (176, "2:30")))


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


def curves(plot: ChartPlot) -> list[PlotCurveItem]:
    """What is drawn of a chart but ranges, from back to front."""
    return [item for item in plot.box.addedItems if isinstance(item, PlotCurveItem)]
