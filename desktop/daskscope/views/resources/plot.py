"""The curves of one chart, by pyqtgraph, and the grid and the labels around them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from daskscope.derive.resources import span_ticks, ticks
from daskscope.paint.brush import colour
from daskscope.paint.font import Role, text_width
from daskscope.paint.text import Align, draw_text
from daskscope.theme import LIGHT, PADDING_PX, Theme
from daskscope.views.resources.title import curve_pen

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent
    from PySide6.QtWidgets import QWidget

    from daskscope.derive.panels import Chart

_AXIS_PX: Final = 56
_TICK_TEXT_PX: Final = 13.0
#: Room above the greatest value, for the label of the capacity.
_HEADROOM_PX: Final = 14
_FILL_SHARE: Final = 0.16


class ChartPlot(pg.PlotWidget):
    """The curves of one chart; grid, axes and capacity are painted around them.

    pyqtgraph's own axes lay themselves out at every change and leave labels out at the edges, so
    they are switched off.

    Parameters
    ----------
    below_px
        Room under the curves.
    has_time_axis
        The time is labelled there.
    """

    def __init__(self, below_px: int, has_time_axis: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = LIGHT
        self._chart: Chart | None = None
        self._span_s, self._end_text = 0.0, ""
        self._has_time_axis = has_time_axis
        self._items: list[tuple[int, pg.PlotDataItem]] = []
        self._shown: tuple[object, ...] = ()
        self._styled: tuple[object, ...] = ()
        item = self.getPlotItem()
        item.setMenuEnabled(False)
        item.hideButtons()
        item.setMouseEnabled(x=False, y=False)
        item.getViewBox().disableAutoRange()
        for side in ("left", "bottom"):
            item.showAxis(side, False)
        item.layout.setContentsMargins(_AXIS_PX, 0, PADDING_PX, below_px)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.viewport().setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def show_chart(self, chart: Chart, span_s: float, end_text: str, theme: Theme) -> None:
        """Draw `chart`; ranges, ticks and colours are touched only when they change."""
        shown = (chart.unit, chart.most, chart.capacity_text, span_s, end_text)
        styled = (theme.name, chart.is_stacked, *((c.token, c.is_dashed) for c in chart.curves))
        self._theme, self._chart = theme, chart
        self._span_s, self._end_text = span_s, end_text
        if styled != self._styled:
            self._styled = styled
            self._style_curves(chart, theme)
        if shown != self._shown:
            self._shown = shown
            self._fit_range()
        tops = _tops(chart)
        for index, item in self._items:
            item.setData(chart.curves[index].x_s, tops[index])

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        self.resetCachedContent()
        self.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the room above the greatest value."""
        super().resizeEvent(event)
        # pyqtgraph resizes itself once before it has been built.
        if getattr(self, "_chart", None) is not None:
            self._fit_range()

    def drawBackground(self, painter: QPainter, rect: QRectF) -> None:  # noqa: N802
        """Draw ground, grid and labels of both axes."""
        painter.fillRect(rect, colour(self._theme.s2))
        if self._chart is None:
            return
        theme, area = self._theme, self._area()
        lowest = math.inf
        for value, text in ticks(self._chart.most, self._chart.unit):
            y = round(self._y_px(value))
            rgb = theme.grid if value else theme.grid_major
            painter.fillRect(QRectF(area.left(), y, area.width(), 1), colour(rgb))
            if lowest - y < _TICK_TEXT_PX:  # a low chart has no room for every label
                continue
            lowest = y
            box = (0.0, y - _TICK_TEXT_PX / 2, _AXIS_PX - 6.0, _TICK_TEXT_PX)
            draw_text(painter, box, text, Role.TINY, theme.t3, Align.RIGHT)
        for seconds, text in span_ticks(self._span_s, self._end_text):
            x = round(area.right() + seconds / self._span_s * area.width())
            if seconds:
                painter.fillRect(QRectF(x, area.top(), 1, area.height()), colour(theme.grid))
            if self._has_time_axis:
                width = text_width(Role.TINY, text) + 2
                left = min(max(x - width / 2, area.left()), area.right() - width)
                box = (left, area.bottom() + 4, width, 14.0)
                draw_text(painter, box, text, Role.TINY, theme.t3, Align.CENTRE)

    def drawForeground(self, painter: QPainter, _rect: QRectF) -> None:  # noqa: N802
        """Draw the capacity over the curves."""
        chart = self._chart
        if chart is None or math.isnan(chart.capacity):
            return
        area, theme = self._area(), self._theme
        y = round(self._y_px(chart.capacity)) + 0.5
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
        pen = QPen(colour(theme.t2), 1)
        pen.setDashPattern([4.0, 3.0])
        painter.setPen(pen)
        painter.drawLine(QLineF(area.left(), y, area.right(), y))
        box = (area.left(), y - _HEADROOM_PX + 1, area.width(), _HEADROOM_PX - 2)
        draw_text(painter, box, chart.capacity_text, Role.TINY, theme.t2, Align.RIGHT)

    def _area(self) -> QRectF:
        """Where the curves are drawn."""
        area: QRectF = self.getPlotItem().getViewBox().sceneBoundingRect()
        return area

    def _y_px(self, value: float) -> float:
        area = self._area()
        assert self._chart is not None
        inner_px = max(area.height() - _HEADROOM_PX, 1.0)
        return area.bottom() - 1 - value / self._chart.most * inner_px

    def _fit_range(self) -> None:
        assert self._chart is not None
        area = self._area()
        inner_px = max(area.height() - _HEADROOM_PX, 1.0)
        top = self._chart.most * max(area.height() - 1, 1.0) / inner_px
        bottom = -top / max(area.height(), 1.0)
        box = self.getPlotItem().getViewBox()
        box.setRange(xRange=(-self._span_s, 0), yRange=(bottom, top), padding=0)
        self.resetCachedContent()
        self.viewport().update()

    def _style_curves(self, chart: Chart, theme: Theme) -> None:
        """Make the curves anew, in the colours of the theme.

        Fills are drawn without antialiasing, which would leave seams between their pieces, and
        their edge as a line of its own.
        """
        for _, item in self._items:
            self.removeItem(item)
        self._items = []
        # The highest band first: each lower one covers it.
        for index in reversed(range(len(chart.curves))):
            curve = chart.curves[index]
            rgb = getattr(theme, curve.token)
            if chart.is_stacked or len(chart.curves) == 1:
                brush = colour(rgb, 1.0 if chart.is_stacked else _FILL_SHARE)
                self._add(index, pen=None, fillLevel=0, brush=brush, antialias=False)
            self._add(index, pen=curve_pen(rgb, is_dashed=curve.is_dashed), antialias=True)

    def _add(self, index: int, **style: object) -> None:
        item = self.plot(skipFiniteCheck=True, **style)
        self._items.append((index, item))


def _tops(chart: Chart) -> list[npt.NDArray[np.float64]]:
    """The height at which each curve is drawn: stacked ones on top of each other."""
    heights = [curve.y for curve in chart.curves]
    return list(np.cumsum(heights, axis=0)) if chart.is_stacked else heights
