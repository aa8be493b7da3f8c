"""Many rectangles of one fill."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
from PySide6.QtCore import QRect
from shiboken6 import Shiboken

if TYPE_CHECKING:
    import numpy.typing as npt
    from PySide6.QtGui import QBrush, QPainter


def draw_rects(painter: QPainter, rects: npt.NDArray[np.int32], brush: QBrush) -> None:
    """Fill rectangles in one call, from the memory of the array; there is no pen.

    `rects` are int32 of shape (n, 4): left, top, right and bottom pixel of each.
    """
    if len(rects):
        rects = np.ascontiguousarray(rects)
        painter.setBrush(brush)
        first = cast("QRect", Shiboken.wrapInstance(rects.ctypes.data, QRect))
        painter.drawRects(first, len(rects))
