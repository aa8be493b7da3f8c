"""Past recordings, newest first; one whose session ended unexpectedly is offered to recover."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRectF, Signal
from PySide6.QtGui import QPainter, QPen

from daskscope.paint.brush import colour
from daskscope.paint.font import Role
from daskscope.paint.icon import draw_chevron
from daskscope.paint.table import RowArea
from daskscope.paint.text import Align, draw_text

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from daskscope.derive.panels import PastSession
    from daskscope.theme import Density

_ROW_PX: Final = 58
_HEADING_PX: Final = 66
_MARGIN_PX: Final = 16
_RECOVER_PX: Final = (80.0, 28.0)


class Shelf(RowArea):
    """The list of recordings."""

    open_requested = Signal(str)
    recover_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(_ROW_PX, _HEADING_PX, parent)
        self._recordings: tuple[PastSession, ...] = ()
        self.ground = "s1"
        self.setAccessibleName("Recordings")

    def set_density(self, density: Density) -> None:
        """Its rows hold two lines, whatever the density."""

    def row_text(self, row: int) -> str:
        """Title and detail."""
        return f"{self._recordings[row].title}, {self._recordings[row].detail}"

    def show_recordings(self, recordings: tuple[PastSession, ...]) -> None:
        """Show these, those to recover first."""
        shown = tuple(sorted(recordings, key=lambda recording: not recording.is_recovered))
        if shown != self._recordings:
            self._recordings = shown
            self.set_rows(len(shown))

    def row_pressed(self, row: int, x_px: int) -> None:
        """Open or recover."""
        chosen = self._recordings[row]
        signal = self.recover_requested if chosen.is_recovered else self.open_requested
        signal.emit(chosen.path)

    def row_tip(self, row: int) -> str:
        """Where it lies."""
        return self._recordings[row].path

    def paint_heading(self, painter: QPainter) -> None:
        """Draw the title, and what an empty list means."""
        width = float(self.viewport().width() - 2 * _MARGIN_PX)
        painter.fillRect(0, 0, self.viewport().width(), self.heading_px, colour(self.theme.s1))
        box = (float(_MARGIN_PX), 34.0, width, 24.0)
        draw_text(painter, box, "Recordings", Role.OBJECT_TITLE, self.theme.t1)
        if not self._recordings:
            for line, text in enumerate(("None yet.", "Every live session is kept here.")):
                box = (float(_MARGIN_PX), self.heading_px + 4.0 + 20 * line, width, 20.0)
                draw_text(painter, box, text, Role.BODY, self.theme.t3)

    def paint_row(self, painter: QPainter, row: int, top_px: int) -> None:
        """Draw title and detail, and what a press does."""
        shown, theme = self._recordings[row], self.theme
        width = self.viewport().width()
        left = float(_MARGIN_PX)
        room = width - 2.0 * _MARGIN_PX - (_RECOVER_PX[0] + 12 if shown.is_recovered else 20)
        if shown.is_recovered:
            painter.fillRect(0, top_px + 8, 3, self.row_px - 17, colour(theme.warnfill))
            self._paint_recover(painter, width - _MARGIN_PX - _RECOVER_PX[0], top_px)
        elif row == self.hovered_row:
            draw_chevron(painter, width - _MARGIN_PX - 4, top_px + 28.5, theme.t2, is_open=False)
        box = (left, top_px + 10.0, room, 18.0)
        draw_text(painter, box, shown.title, Role.CHECKED, theme.t1)
        draw_text(painter, (left, top_px + 29.0, room, 18.0), shown.detail, Role.VALUE, theme.t3)
        line = colour(theme.line)
        painter.fillRect(_MARGIN_PX, top_px + self.row_px - 1, width - 2 * _MARGIN_PX, 1, line)

    def _paint_recover(self, painter: QPainter, left: float, top_px: int) -> None:
        theme = self.theme
        rect = QRectF(left, top_px + 15.0, *_RECOVER_PX)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(colour(theme.s3))
        painter.setPen(QPen(colour(theme.ctl), 1))
        painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
        painter.restore()
        box = (rect.left(), rect.top(), rect.width(), rect.height())
        draw_text(painter, box, "Recover", Role.BODY, theme.t1, Align.CENTRE)
