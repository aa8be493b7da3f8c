"""From where to where curves go within each column: upright lines, as wide as a column is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt

from daskscope.paint.rects import draw_rects

if TYPE_CHECKING:
    from PySide6.QtGui import QBrush, QPainter, QTransform
    from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

    from daskscope.derive.panels import Curve


class RangeItem(pg.GraphicsObject):
    """The ranges of one curve, as rectangles: a path of as many lines takes ten times as long.

    Parameters
    ----------
    brush
        What they are filled with.
    """

    def __init__(self, brush: QBrush) -> None:
        super().__init__()
        self._brush = brush
        self._left = self._width = np.zeros(0)
        self._ends = np.zeros((0, 2))

    def show_curve(self, curve: Curve, column_s: float) -> None:
        """Draw the ranges of a curve whose columns are so long."""
        is_wide = curve.most > curve.least
        self._left = curve.x_s[is_wide] - column_s / 2
        self._width = np.full(len(self._left), column_s)
        self._ends = np.stack([curve.most[is_wide], curve.least[is_wide]], axis=1)
        self.update()

    def boundingRect(self) -> QRectF:
        """All that is in view."""
        return QRectF(self.viewRect())

    def viewTransformChanged(self) -> None:  # noqa: N802
        """Lie where the view is now."""
        self.prepareGeometryChange()

    def paint(
        self, painter: QPainter, _option: QStyleOptionGraphicsItem, _widget: QWidget | None
    ) -> None:
        """Draw them on whole pixels."""
        at: QTransform = painter.transform()
        left = np.round(self._left * at.m11() + at.dx())
        right = np.round((self._left + self._width) * at.m11() + at.dx())
        top, bottom = np.round(self._ends * at.m22() + at.dy()).T
        rects = np.stack(
            [left, top, np.maximum(right - 1, left), np.maximum(bottom - 1, top)], axis=1
        )
        painter.save()
        painter.resetTransform()
        painter.setPen(Qt.PenStyle.NoPen)
        draw_rects(painter, rects.astype(np.int32), self._brush)
        painter.restore()
