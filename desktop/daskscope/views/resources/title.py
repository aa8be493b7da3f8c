"""What stands over one chart: its title, the key of its curves and its newest value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QLineF, QRectF
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QWidget

from daskscope.derive.panels import ChartReading
from daskscope.paint.brush import colour
from daskscope.paint.font import Role, text_width
from daskscope.paint.text import Align, draw_text
from daskscope.theme import LIGHT, PADDING_PX, Theme

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from daskscope.derive.panels import Chart, Curve

_TITLE_PX: Final = 24
_LINE_PX: Final = 1.6


class ChartTitle(QWidget):
    """Title of a chart, key of its curves, newest value."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = LIGHT
        self._chart: Chart | None = None
        self._reading: ChartReading | None = None
        self.setFixedHeight(_TITLE_PX)

    def show_chart(self, chart: Chart) -> None:
        """Draw the title of `chart`, if it is another one."""
        before, self._chart = self._chart, chart
        if before is None or _texts(before) != _texts(chart):
            self.update()

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        self.update()

    @property
    def told(self) -> ChartReading | None:
        """What is told now, None while there is no chart."""
        if self._reading is not None or self._chart is None:
            return self._reading
        return ChartReading(self._chart.value_text, ("",) * len(self._chart.curves))

    def show_reading(self, reading: ChartReading | None) -> None:
        """Tell what the chart shows where one points; None to tell what it is at its end."""
        if reading != self._reading:
            self._reading = reading
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw title, key and value."""
        reading = self.told
        if self._chart is None or reading is None:
            return
        with QPainter(self) as painter:
            theme, chart, height = self._theme, self._chart, self.height()
            width = float(self.width() - 2 * PADDING_PX)
            value_px = text_width(Role.TITLE, reading.value_text)
            box = (float(PADDING_PX), 2.0, width, height - 2.0)
            x = PADDING_PX + 14 + draw_text(painter, box, chart.title, Role.TITLE, theme.t1)
            draw_text(painter, box, reading.value_text, Role.TITLE, theme.t1, Align.RIGHT)
            if len(chart.curves) < 2:
                return
            for curve, told in zip(chart.curves, reading.curve_texts, strict=True):
                name = f"{curve.name} {told}".rstrip()
                needed = 16 + text_width(Role.CAPTION, name)
                if x + needed > PADDING_PX + width - value_px - 8:
                    break
                self._paint_key(painter, curve, round(x), chart.is_stacked)
                box = (x + 16, 2.0, needed - 15, height - 2.0)
                x += 16 + draw_text(painter, box, name, Role.CAPTION, theme.t2) + 10

    def _paint_key(self, painter: QPainter, curve: Curve, x: int, is_stacked: bool) -> None:
        middle = (self.height() + 2) // 2
        rgb = getattr(self._theme, curve.token)
        if is_stacked:
            painter.fillRect(QRectF(x + 1, middle - 4, 9, 9), colour(rgb))
        else:
            painter.setPen(curve_pen(rgb, is_dashed=curve.is_dashed))
            painter.drawLine(QLineF(x, middle + 0.5, x + 11, middle + 0.5))


def _texts(chart: Chart) -> tuple[object, ...]:
    """What a title says of a chart."""
    keys = ((curve.name, curve.token, curve.is_dashed) for curve in chart.curves)
    return chart.title, chart.value_text, chart.is_stacked, *keys


def curve_pen(rgb: int, is_dashed: bool) -> QPen:
    """What a curve is drawn with."""
    pen = QPen(colour(rgb), _LINE_PX)
    pen.setCosmetic(True)
    if is_dashed:
        pen.setDashPattern([3.0, 2.0])
    return pen
