"""A strip that shows how long a task took among the others of its prefix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRectF

from daskscope.paint.brush import colour
from daskscope.paint.font import Role, text_width
from daskscope.paint.text import Align, draw_text
from daskscope.views.details.section import PADDING_PX, Section

if TYPE_CHECKING:
    from PySide6.QtGui import QPainter

    from daskscope.derive.details.frame import Among

_STRIP_PX: Final = 22
_TICK_PX: Final = 12
_MEDIAN_PX: Final = 18
_OWN_PX: Final = (3, 20)
_TEXT_PX: Final = 16


class AmongSection(Section):
    """One tick for each of few others, a hill for many."""

    def __init__(self) -> None:
        super().__init__("")
        self._among: Among | None = None

    def show_among(self, among: Among | None) -> None:
        """Show a strip, or nothing."""
        self._among = among
        self.setVisible(among is not None)
        if among is None:
            return
        self.title, self.note = among.title, among.rank
        self.setAccessibleName(among.title)
        self.setAccessibleDescription(
            f"{among.rank}, from {among.least} to {among.most}, {among.middle}"
        )
        self.refresh()

    def content_px(self) -> int:
        """Strip and texts."""
        return _STRIP_PX + _TEXT_PX

    def paint_content(self, painter: QPainter, top_px: int) -> None:
        """Draw the line, the others, the median, the span itself, and three texts."""
        among, theme = self._among, self.theme
        if among is None:
            return
        middle = top_px + _STRIP_PX // 2
        painter.fillRect(PADDING_PX, middle, self.inner_px, 1, colour(theme.ctl))
        if len(among.density):
            self._paint_density(painter, among, middle)
        for place in among.places.tolist():
            self._paint_tick(painter, place, 1, _TICK_PX, middle, theme.t3)
        self._paint_tick(painter, among.median, 2, _MEDIAN_PX, middle, theme.t1)
        self._paint_tick(painter, among.place, *_OWN_PX, middle, theme.accent)
        top = top_px + _STRIP_PX
        box = (float(PADDING_PX), float(top), float(self.inner_px), float(_TEXT_PX))
        draw_text(painter, box, among.least, Role.SMALL, theme.t3)
        draw_text(painter, box, among.most, Role.SMALL, theme.t3, Align.RIGHT)
        self._paint_middle(painter, among, box)

    def _paint_middle(
        self, painter: QPainter, among: Among, box: tuple[float, float, float, float]
    ) -> None:
        """Under the median, as near as the two other texts let it."""
        width = text_width(Role.SMALL, among.middle)
        least = box[0] + text_width(Role.SMALL, among.least) + 10
        most = box[0] + box[2] - text_width(Role.SMALL, among.most) - 10 - width
        if least > most:
            return
        left = min(max(box[0] + among.median * box[2] - width / 2, least), most)
        room = (left, box[1], width + 1, box[3])
        draw_text(painter, room, among.middle, Role.SMALL, self.theme.t2)

    def _paint_tick(
        self, painter: QPainter, place: float, width: int, height: int, middle: int, rgb: int
    ) -> None:
        x = PADDING_PX + round(place * (self.inner_px - width))
        painter.fillRect(x, middle - height // 2, width, height, colour(rgb))

    def _paint_density(self, painter: QPainter, among: Among, middle: int) -> None:
        step = self.inner_px / len(among.density)
        for number, share in enumerate(among.density.tolist()):
            if share:
                height = max(share * _STRIP_PX, 1.0)
                left = PADDING_PX + number * step
                box = QRectF(left, middle - height / 2, step, height)
                painter.fillRect(box, colour(self.theme.wait))
