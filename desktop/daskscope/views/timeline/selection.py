"""The selected stretch of time, over all lanes or over some."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtGui import QPen

from daskscope.derive.bands import lane_bands
from daskscope.paint.brush import colour

if TYPE_CHECKING:
    from PySide6.QtGui import QPainter

    from daskscope.derive.frames import TaskStreamFrame
    from daskscope.theme import Theme

_OPACITY: Final = 0.09
#: How far beyond the visible part the edges of what reaches further lie.
_BEYOND_PX: Final = 2


class Selection:
    """Draws it over the lanes of a frame; the edges over all lanes are drawn by the strips."""

    def __init__(self) -> None:
        # With thousands of lanes it takes a millisecond to find them.
        self._bands_of: object = None
        self._bands: list[tuple[int, int]] = []

    def draw(
        self,
        painter: QPainter,
        frame: TaskStreamFrame,
        edges_px: tuple[int, int],
        lanes: frozenset[int] | None,
        theme: Theme,
    ) -> None:
        """Tint all lanes, or frame the bands of those that are meant."""
        left, right = edges_px
        fill = colour(theme.accent, _OPACITY)
        if lanes is None:
            painter.fillRect(left, 0, right - left, frame.height_px, fill)
            return
        painter.setPen(QPen(colour(theme.accent), 1))
        painter.setBrush(fill)
        for first_px, end_px in self._bands_within(frame, lanes):
            top = max(first_px - frame.scroll_px, -_BEYOND_PX)
            bottom = min(end_px - frame.scroll_px, frame.height_px + _BEYOND_PX)
            if top < bottom:
                painter.drawRect(left, top, right - left, bottom - top - 1)

    def _bands_within(self, frame: TaskStreamFrame, lanes: frozenset[int]) -> list[tuple[int, int]]:
        bands_of = frame.layout, lanes
        if bands_of != self._bands_of:
            self._bands_of, self._bands = bands_of, lane_bands(*bands_of)
        return self._bands
