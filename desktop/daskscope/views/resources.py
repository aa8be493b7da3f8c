"""Resources: CPU, memory and transfer of the whole cluster over the last minutes.

Three pyqtgraph plots over one relative time axis (seconds before now, labelled once at the bottom),
so that an update sets the data of curves that exist and lays nothing out anew.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from daskscope.derive.resources import span_ticks, ticks
from daskscope.paint.brush import colour
from daskscope.paint.font import Role, font, text_width
from daskscope.paint.text import Align, draw_text
from daskscope.theme import LIGHT, PADDING_PX, Theme

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from daskscope.derive.frames import Chart, Curve, ResourcesFrame

_TITLE_PX: Final = 24
_AXIS_PX: Final = 52
_TIME_AXIS_PX: Final = 20
_LINE_PX: Final = 1.6
#: Room above the greatest value, so that a line at the capacity is drawn whole.
_HEADROOM: Final = 1.08
_FILL_SHARE: Final = 0.16


class ChartTitle(QWidget):
    """Title of a chart, key of its curves, newest value."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = LIGHT
        self._chart: Chart | None = None
        self.setFixedHeight(_TITLE_PX)

    def show_chart(self, chart: Chart, theme: Theme) -> None:
        """Draw the title of `chart`."""
        self._theme, self._chart = theme, chart
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw title, key and value."""
        if self._chart is None:
            return
        painter = QPainter(self)
        theme, chart, height = self._theme, self._chart, self.height()
        width = self.width() - 2 * PADDING_PX
        value_px = text_width(Role.TITLE, chart.value_text)
        box = (PADDING_PX, 2, width, height - 2)
        x = PADDING_PX + draw_text(painter, box, chart.title, Role.TITLE, theme.t1) + 14
        draw_text(painter, box, chart.value_text, Role.TITLE, theme.t1, Align.RIGHT)
        if len(chart.curves) < 2:
            return
        for curve in chart.curves:
            needed = 16 + text_width(Role.CAPTION, curve.name)
            if x + needed > PADDING_PX + width - value_px - 8:
                break
            self._paint_key(painter, curve, round(x), chart.is_stacked)
            box = (round(x) + 16, 2, needed - 15, height - 2)
            x += 16 + draw_text(painter, box, curve.name, Role.CAPTION, theme.t2) + 10

    def _paint_key(self, painter: QPainter, curve: Curve, x: int, is_stacked: bool) -> None:
        middle = (self.height() + 2) // 2
        rgb = getattr(self._theme, curve.token)
        if is_stacked:
            painter.fillRect(QRectF(x + 1, middle - 4, 9, 9), colour(rgb))
        else:
            painter.setPen(_pen(rgb, is_dashed=curve.is_dashed))
            painter.drawLine(QLineF(x, middle + 0.5, x + 11, middle + 0.5))


class ChartPlot(pg.PlotWidget):
    """One chart: its curves, its capacity, its axis of values; no mouse, no menus."""

    def __init__(self, has_time_axis: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._curves: list[pg.PlotDataItem] = []
        self._layout: tuple[object, ...] = ()
        item = self.getPlotItem()
        item.setMenuEnabled(False)
        item.hideButtons()
        item.setMouseEnabled(x=False, y=False)
        item.setContentsMargins(0, 0, PADDING_PX, 0)
        item.getViewBox().disableAutoRange()
        item.showAxis("bottom", has_time_axis)
        for side, extent in (("left", item.getAxis("left").setWidth), ("bottom", None)):
            axis = item.getAxis(side)
            axis.setStyle(tickFont=font(Role.TINY), tickLength=0, tickTextOffset=6)
            if extent is not None:
                extent(_AXIS_PX)
        item.getAxis("bottom").setHeight(_TIME_AXIS_PX)
        self._capacity = pg.InfiniteLine(angle=0, movable=False)
        self._capacity_label = pg.InfLineLabel(
            self._capacity, "", position=0.0, anchors=[(0, 0.5)] * 2
        )
        self._capacity_label.setFont(font(Role.TINY))
        self._capacity.setZValue(10)
        item.addItem(self._capacity, ignoreBounds=True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setMinimumHeight(40)

    def show_chart(self, chart: Chart, span_s: float, theme: Theme) -> None:
        """Draw `chart`; ranges, ticks and colours are touched only when they change."""
        layout = (chart.unit, chart.most, chart.capacity_text, span_s, theme.name, self.height())
        if layout != self._layout:
            self._layout = layout
            self._lay_out(chart, span_s, theme)
        tops = _tops(chart)
        # The highest band first: each lower one covers it.
        for item, (curve, y) in zip(self._curves, reversed(tops), strict=True):
            item.setData(curve.x_s, y)

    def _lay_out(self, chart: Chart, span_s: float, theme: Theme) -> None:
        self.setBackground(colour(theme.s2))
        self._style_curves(chart, theme)
        item = self.getPlotItem()
        item.getViewBox().setRange(
            xRange=(-span_s, 0), yRange=(0, chart.most * _HEADROOM), padding=0, update=True
        )
        marks = {"left": ticks(chart.most, chart.unit), "bottom": span_ticks(span_s)}
        for side, values in marks.items():
            axis = item.getAxis(side)
            axis.setTicks([[(value, text) for value, text in values]])
            axis.setTextPen(colour(theme.t3))
            axis.setPen(QPen(Qt.PenStyle.NoPen))
            axis.setTickPen(QPen(colour(theme.grid_major), 1))
            axis.setGrid(255)
        has_capacity = not math.isnan(chart.capacity)
        self._capacity.setVisible(has_capacity)
        if has_capacity:
            self._capacity.setValue(chart.capacity)
            self._capacity.setPen(QPen(colour(theme.t2), 1, Qt.PenStyle.DashLine))
            self._capacity_label.setFormat(chart.capacity_text)
            self._capacity_label.setColor(colour(theme.t2))
            self._capacity_label.fill = pg.mkBrush(colour(theme.s2))

    def _style_curves(self, chart: Chart, theme: Theme) -> None:
        for curve in self._curves:
            self.removeItem(curve)
        self._curves = []
        for curve in reversed(chart.curves):
            rgb = getattr(theme, curve.token)
            if chart.is_stacked:
                pen, brush = None, colour(rgb)
            else:
                pen, brush = _pen(rgb, is_dashed=curve.is_dashed), colour(rgb, _FILL_SHARE)
            is_filled = chart.is_stacked or len(chart.curves) == 1
            self._curves.append(
                self.plot(
                    pen=pen,
                    fillLevel=0 if is_filled else None,
                    brush=brush if is_filled else None,
                    antialias=True,
                    skipFiniteCheck=True,
                )
            )


class ResourcesView(QWidget):
    """The panel of resources."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = LIGHT
        self._frame: ResourcesFrame | None = None
        self._titles = tuple(ChartTitle(self) for _ in range(3))
        self._plots = tuple(ChartPlot(index == 2, self) for index in range(3))
        self.setAccessibleName("Resources")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 6)
        layout.setSpacing(0)
        for title, plot in zip(self._titles, self._plots, strict=True):
            layout.addWidget(title)
            layout.addWidget(plot, 1)

    def show_frame(self, frame: ResourcesFrame) -> None:
        """Draw `frame`."""
        self._frame = frame
        said = []
        for chart, title, plot in zip(frame.charts, self._titles, self._plots, strict=True):
            title.show_chart(chart, self._theme)
            plot.show_chart(chart, frame.span_s, self._theme)
            said.append(f"{chart.title} {chart.value_text}".strip())
        self.setAccessibleDescription(", ".join(said))

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        for plot in self._plots:
            plot.setBackground(colour(theme.s2))
        if self._frame is not None:
            self.show_frame(self._frame)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the ground."""
        QPainter(self).fillRect(self.rect(), colour(self._theme.s2))


def _tops(chart: Chart) -> list[tuple[Curve, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]]:
    """Each curve with the height at which it is drawn: stacked ones on top of each other."""
    heights = [curve.y for curve in chart.curves]
    if chart.is_stacked:
        heights = list(np.cumsum(heights, axis=0))
    return list(zip(chart.curves, heights, strict=True))


def _pen(rgb: int, is_dashed: bool) -> QPen:
    pen = QPen(colour(rgb), _LINE_PX)
    if is_dashed:
        pen.setDashPattern([3.0, 2.0])
    return pen
