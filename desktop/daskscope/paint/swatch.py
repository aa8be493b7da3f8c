"""The small square that stands for a span, or for a prefix, beside its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daskscope.derive.frames import BarState
from daskscope.paint.brush import (
    colour,
    edge_colour,
    lost_brush,
    needs_edge,
    slot_brush,
    slot_colour,
)
from daskscope.paint.icon import draw_cross
from daskscope.store.schema import Kind

if TYPE_CHECKING:
    from PySide6.QtCore import QRect
    from PySide6.QtGui import QPainter

    from daskscope.theme import Theme


def draw_swatch(
    painter: QPainter, box: QRect, slot: int, kind: int, state: BarState, theme: Theme
) -> None:
    """Fill `box` as a bar of that palette slot, kind and state is filled."""
    reserved = {
        Kind.TRANSFER: theme.transfer,
        Kind.DISK_READ: theme.disk,
        Kind.DISK_WRITE: theme.disk,
        Kind.DESERIALIZE: theme.deser,
    }
    size_px = box.width()
    if state is BarState.ERRED:
        painter.fillRect(box, colour(theme.erred))
        centre = box.left() + size_px / 2, box.top() + size_px / 2
        draw_cross(painter, *centre, size_px / 2, theme.errtext)
        return
    if kind in reserved:
        painter.fillRect(box, colour(reserved[Kind(kind)]))
        return
    rgb = slot_colour(theme, slot)
    if state is BarState.LOST:
        painter.fillRect(box, lost_brush(theme, rgb))
        painter.fillRect(box.adjusted(size_px - 3, 0, 0, 0), colour(theme.erred))
        return
    draw_prefix_swatch(painter, box, slot, theme)


def draw_prefix_swatch(painter: QPainter, box: QRect, slot: int, theme: Theme) -> None:
    """Fill `box` with the colour and pattern of a prefix."""
    size_px, rgb, origin = box.width(), slot_colour(theme, slot), painter.brushOrigin()
    if needs_edge(theme, rgb):
        painter.fillRect(box, colour(edge_colour(theme, rgb)))
        box = box.adjusted(1, 1, -1, -1)
    painter.setBrushOrigin(box.topLeft())
    painter.fillRect(box, slot_brush(theme, slot, size_px))
    painter.setBrushOrigin(origin)
