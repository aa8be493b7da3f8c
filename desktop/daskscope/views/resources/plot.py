"""The curves of one chart, by pyqtgraph, and the grid and the labels around them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import pyqtgraph as pg
from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QBrush, QPainter, QPen, QPixmap

from daskscope.derive.resources import ticks
from daskscope.paint.brush import colour
from daskscope.paint.font import Role, text_width
from daskscope.paint.text import Align, draw_text
from daskscope.theme import LIGHT, PADDING_PX, Theme
from daskscope.views.resources.ranges import RangeItem
from daskscope.views.resources.title import curve_pen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QPaintEvent, QResizeEvent
    from PySide6.QtWidgets import QWidget

    from daskscope.derive.panels import Chart, Curve, ResourcesFrame

_AXIS_PX: Final = 56
_TICK_TEXT_PX: Final = 13.0
#: Room above the greatest value, for the label of the capacity.
_HEADROOM_PX: Final = 14
#: Between that and a line at the time that is pointed at.
_APART_PX: Final = 3
_FILL_SHARE: Final = 0.16
#: How much of its colour tells from where to where a curve goes within a column.
_RANGE_SHARE: Final = 0.45


class ChartPlot(pg.GraphicsView):
    """The curves of one chart; grid, axes and capacity are painted around them.

    It is not one of pyqtgraph's plots: their menus take ten times as long to make as all else, and
    their axes lay themselves out at every change and leave labels out at the edges.

    Parameters
    ----------
    below_px
        Room under the curves.
    has_time_axis
        The time is labelled there.

    Attributes
    ----------
    box
        Where the curves are.
    """

    def __init__(self, below_px: int, has_time_axis: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = LIGHT
        self._chart: Chart | None = None
        self._frame: ResourcesFrame | None = None
        self._has_time_axis = has_time_axis
        self._picture = QPixmap()
        #: By number of the curve: what fills it, from where to where it goes, and itself.
        self._fills: list[tuple[int, pg.PlotCurveItem]] = []
        self._ranges: list[tuple[int, RangeItem]] = []
        self._lines: list[tuple[int, pg.PlotCurveItem]] = []
        self._shown: tuple[object, ...] = ()
        self._styled: tuple[object, ...] = ()
        self.box = pg.ViewBox(enableMouse=False, enableMenu=False)
        self.box.disableAutoRange()
        self.centralLayout.setContentsMargins(_AXIS_PX, 0, PADDING_PX, below_px)
        self.centralLayout.addItem(self.box, 0, 0)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.viewport().setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def show_chart(self, number: int, frame: ResourcesFrame) -> None:
        """Draw a chart of `frame`: of it only what is other than it was."""
        chart, view = frame.charts[number], frame.view
        capacity = None if math.isnan(chart.capacity) else chart.capacity
        scale = (chart.unit, chart.most, capacity, chart.capacity_text, view.ns_per_px)
        shown = (*scale, frame.column_s, frame.ticks)
        styled = (chart.is_stacked, *((c.token, c.is_dashed) for c in chart.curves))
        is_same = shown == self._shown and styled == self._styled and self._has(chart.curves)
        self._chart, self._frame = chart, frame
        if is_same:
            return
        if styled != self._styled:
            self._styled = styled
            self._style_curves(chart)
        if shown != self._shown:
            self._shown = shown
            self._fit_range()
        self._show_curves(chart, frame)

    def _has(self, curves: Sequence[Curve]) -> bool:
        """Whether the curves that are drawn are these."""
        drawn = () if self._chart is None else self._chart.curves
        return all(curve.is_like(other) for curve, other in zip(curves, drawn, strict=True))

    def _show_curves(self, chart: Chart, frame: ResourcesFrame) -> None:
        for index, item in (*self._fills, *self._lines):
            item.setData(chart.curves[index].x_s, chart.curves[index].y)
        for index, item in self._ranges:
            item.show_curve(chart.curves[index], frame.column_s)
        self._change()

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        self.resetCachedContent()
        if self._chart is not None and self._frame is not None:
            self._style_curves(self._chart)
            self._show_curves(self._chart, self._frame)
        self._change()

    def _change(self) -> None:
        """Paint the picture anew."""
        self._picture = QPixmap()
        self.viewport().update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the picture: a line that moves over it uncovers a column of it each time."""
        viewport, ratio = self.viewport(), self.devicePixelRatioF()
        size = viewport.size() * ratio
        if self._picture.size() != size:
            self._picture = QPixmap(size)
            self._picture.setDevicePixelRatio(ratio)
            with QPainter(self._picture) as painter:
                self.render(painter, QRectF(viewport.rect()), viewport.rect())
        QPainter(viewport).drawPixmap(0, 0, self._picture)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the room above the greatest value."""
        super().resizeEvent(event)
        # pyqtgraph resizes itself once before it has been built.
        if getattr(self, "_chart", None) is not None:
            self._fit_range()

    def drawBackground(self, painter: QPainter, rect: QRectF) -> None:  # noqa: N802
        """Draw ground, grid and labels of both axes."""
        painter.fillRect(rect, colour(self._theme.s2))
        if self._chart is None or self._frame is None:
            return
        theme, area = self._theme, self.area()
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
        for x_px, _ in self._frame.ticks:
            x = round(area.left() + x_px)
            if x_px < area.width():
                painter.fillRect(QRectF(x, area.top(), 1, area.height()), colour(theme.grid))
        for (left, right), (_, text) in zip(self.times_px(), self._frame.ticks, strict=False):
            box = (area.left() + left, area.bottom() + 4, right - left, 14.0)
            draw_text(painter, box, text, Role.TINY, theme.t3, Align.CENTRE)

    def times_px(self) -> list[tuple[float, float]]:
        """From where to where the labels of times stand, from the left edge of the curves."""
        if self._frame is None or not self._has_time_axis:
            return []
        found = []
        for x_px, text in self._frame.ticks:
            width = text_width(Role.TINY, text) + 2
            left = min(max(x_px - width / 2, 0.0), self.area().width() - width)
            found.append((left, left + width))
        return found

    def drawForeground(self, painter: QPainter, _rect: QRectF) -> None:  # noqa: N802
        """Draw the capacity over the curves."""
        chart = self._chart
        if chart is None or math.isnan(chart.capacity):
            return
        area, theme = self.area(), self._theme
        y = round(self._y_px(chart.capacity)) + 0.5
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
        pen = QPen(colour(theme.t2), 1)
        pen.setDashPattern([4.0, 3.0])
        painter.setPen(pen)
        painter.drawLine(QLineF(area.left(), y, area.right(), y))
        stand = self._capacity_box(chart)
        box = (stand.x(), stand.y(), stand.width(), stand.height())
        draw_text(painter, box, chart.capacity_text, Role.TINY, theme.t2, Align.RIGHT)

    def _capacity_box(self, chart: Chart) -> QRectF:
        """Where the text of the capacity stands, above its line."""
        area, width = self.area(), text_width(Role.TINY, chart.capacity_text) + 1
        top = round(self._y_px(chart.capacity)) - _HEADROOM_PX + 1.5
        return QRectF(area.right() - width, top, width, _HEADROOM_PX - 2)

    def free_px(self, x_px: int) -> list[tuple[int, int]]:
        """From where to where, downwards, a line through the curves crosses no text.

        `x_px` is counted from the left edge of the curves.
        """
        area, chart = self.area(), self._chart
        top, bottom = round(area.top()), round(area.bottom())
        if chart is None or math.isnan(chart.capacity):
            return [(top, bottom)]
        box = self._capacity_box(chart)
        if not chart.capacity_text or area.left() + x_px < box.left() - _APART_PX:
            return [(top, bottom)]
        # The line of the capacity, which the text belongs to, is below it.
        return [(top, max(round(box.top()), top)), (round(box.bottom()) + 1, bottom)]

    def area(self) -> QRectF:
        """Where the curves are drawn."""
        area: QRectF = self.box.sceneBoundingRect()
        return area

    def _y_px(self, value: float) -> float:
        area = self.area()
        assert self._chart is not None
        inner_px = max(area.height() - _HEADROOM_PX, 1.0)
        return area.bottom() - 1 - value / self._chart.most * inner_px

    def _fit_range(self) -> None:
        assert self._chart is not None
        assert self._frame is not None
        area, view = self.area(), self._frame.view
        inner_px = max(area.height() - _HEADROOM_PX, 1.0)
        top = self._chart.most * max(area.height() - 1, 1.0) / inner_px
        bottom = -top / max(area.height(), 1.0)
        width_s = view.width_px * view.ns_per_px / 1e9
        self.box.setRange(xRange=(0, width_s), yRange=(bottom, top), padding=0)
        self.resetCachedContent()
        self._change()

    def _style_curves(self, chart: Chart) -> None:
        """Make the curves anew, in the colours of the theme.

        Fills are drawn without antialiasing, which would leave seams between their pieces, and
        their edge as a line of its own.
        """
        theme = self._theme
        for _, item in (*self._fills, *self._ranges, *self._lines):
            self.box.removeItem(item)
        # The highest band first: each lower one covers it.
        order = tuple(enumerate(chart.curves))[::-1]
        self._fills = []
        if chart.is_stacked or len(order) == 1:
            share = 1.0 if chart.is_stacked else _FILL_SHARE
            for index, curve in order:
                brush = colour(getattr(theme, curve.token), share)
                self._fills.append((index, self._made(pen=None, fillLevel=0, brush=brush)))
        # Of bands it is the height of all that has a least and a most.
        ranged = order[:1] if chart.is_stacked else order
        self._ranges = []
        for index, curve in ranged:
            rgb = theme.t1 if chart.is_stacked else getattr(theme, curve.token)
            item = RangeItem(QBrush(colour(rgb, _RANGE_SHARE)))
            self._ranges.append((index, item))
            self.box.addItem(item)
        self._lines = []
        for index, curve in order:
            pen = curve_pen(getattr(theme, curve.token), is_dashed=curve.is_dashed)
            self._lines.append((index, self._made(pen=pen, antialias=True)))

    def _made(self, *, antialias: bool = False, **style: object) -> pg.PlotCurveItem:
        item = pg.PlotCurveItem(antialias=antialias, connect="finite", **style)
        self.box.addItem(item)
        return item
