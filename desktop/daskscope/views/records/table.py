"""A table of records: some columns of fixed width, and the last one with what is left.

Pressing a row asks to go there, and marks it. The table stays at its end while it is there, so that
what is new can be seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRect, Qt, Signal

from daskscope.derive.records import RecordRow, RecordsFrame
from daskscope.paint.brush import colour
from daskscope.paint.font import Role, elided
from daskscope.paint.icon import draw_event_mark
from daskscope.paint.swatch import draw_prefix_swatch
from daskscope.paint.table import RowArea
from daskscope.paint.text import Align, draw_text
from daskscope.theme import NORMAL, PADDING_PX, TABLE_HEADER_PX

if TYPE_CHECKING:
    from PySide6.QtGui import QPainter
    from PySide6.QtWidgets import QWidget

#: Texts longer than this are cut in a tooltip.
_MOST_TIP: Final = 4_000
_SIGN_PX: Final = 16
_SWATCH_PX: Final = 10
_GAP_PX: Final = 16
#: Of the last column, which the others make room for, and of each of them.
_LEAST_LAST_PX: Final = 200
_LEAST_PX: Final = 72


@dataclass(frozen=True, slots=True)
class Column:
    """Heading, width in pixels (0: the rest) and look of a column, and where its texts are cut."""

    label: str
    width_px: int
    role: Role = Role.VALUE
    align: Align = Align.LEFT
    cut: Qt.TextElideMode = Qt.TextElideMode.ElideRight


#: What many texts begin with alike, as keys of one prefix do, keeps both ends.
BOTH_ENDS: Final = Qt.TextElideMode.ElideMiddle


ERROR_COLUMNS: Final = (
    Column("Time", 72),
    Column("Prefix", 150),
    Column("Key", 260, Role.KEY, cut=BOTH_ENDS),
    Column("Worker", 160, cut=BOTH_ENDS),
    Column("Error", 0),
)


class RecordsTable(RowArea):
    """A table of records."""

    #: A row is to be gone to: its number in the frame.
    chosen = Signal(int)

    def __init__(
        self, name: str, columns: tuple[Column, ...], parent: QWidget | None = None
    ) -> None:
        super().__init__(NORMAL.table_row_px, TABLE_HEADER_PX, parent)
        self._columns = columns
        self._frame = RecordsFrame((), (), "")
        self._marked = -1
        self.setAccessibleName(name)

    @property
    def frame(self) -> RecordsFrame:
        """What is drawn."""
        return self._frame

    @property
    def marked_row(self) -> int:
        """The row that was gone to, -1 for none."""
        return self._marked

    def show_frame(self, frame: RecordsFrame) -> None:
        """Draw `frame`; the marked row is the one it was."""
        bar = self.verticalScrollBar()
        is_at_end = bar.value() >= bar.maximum()
        if 0 <= self._marked < len(self._frame.rows):
            before = self._frame.rows[self._marked]
            self._marked = _place(frame, before)
        self._frame = frame
        self.setAccessibleDescription(frame.summary)
        self.set_rows(len(frame.rows))
        if is_at_end:
            bar.setValue(bar.maximum())

    def mark_row(self, row: int) -> None:
        """Mark a row and bring it into view."""
        self._marked = row
        if row >= 0:
            self.show_row(row)
        self.viewport().update()

    def row_pressed(self, row: int, x_px: int) -> None:
        """Go to the row."""
        self.mark_row(row)
        self.chosen.emit(row)

    def row_tip(self, row: int) -> str:
        """Every text of the row, in full."""
        shown = self._frame.rows[row]
        lines = [
            f"{column.label}: {text[:_MOST_TIP]}"
            for column, text in zip(self._columns, shown.cells, strict=True)
            if text
        ]
        return "\n".join(lines)

    # Painting -----------------------------------------------------------------------------------

    def _edges(self) -> list[tuple[int, int]]:
        """Left edge and width of each column."""
        gaps = _GAP_PX * (len(self._columns) - 1)
        room = self.viewport().width() - 2 * PADDING_PX - gaps
        widths = [column.width_px for column in self._columns]
        lacking = max(_LEAST_LAST_PX - (room - sum(widths)), 0)
        spare = [max(width - _LEAST_PX, 0) for width in widths]
        share = min(lacking / max(sum(spare), 1), 1.0)
        widths = [width - round(part * share) for width, part in zip(widths, spare, strict=True)]
        rest = max(room - sum(widths), _LEAST_LAST_PX)
        edges, x = [], PADDING_PX
        for width in widths:
            edges.append((x, width or rest))
            x += (width or rest) + _GAP_PX
        return edges

    def paint_heading(self, painter: QPainter) -> None:
        """Draw the names of the columns."""
        theme, width = self.theme, self.viewport().width()
        painter.fillRect(0, 0, width, self.heading_px, colour(theme.hdr))
        painter.fillRect(0, self.heading_px - 1, width, 1, colour(theme.line))
        for column, (left, column_px) in zip(self._columns, self._edges(), strict=True):
            box = (left, 0, column_px, self.heading_px - 1)
            draw_text(painter, box, column.label, Role.CAPTION, theme.t2, column.align)
        if not self._frame.rows:
            box = (PADDING_PX, self.heading_px + 8, width - 2 * PADDING_PX, 20)
            draw_text(painter, box, self._frame.empty, Role.BODY, theme.t3)

    def paint_row(self, painter: QPainter, row: int, top_px: int) -> None:
        """Draw one row."""
        shown, theme = self._frame.rows[row], self.theme
        width, height = self.viewport().width(), self.row_px - 1
        if row == self._marked:
            painter.fillRect(0, top_px, width, height, colour(theme.accent_bg))
            painter.fillRect(0, top_px, 2, height, colour(theme.accent))
        last = len(self._columns) - 1
        for index, (column, (left, column_px)) in enumerate(
            zip(self._columns, self._edges(), strict=True)
        ):
            indent = self._paint_mark(painter, shown, index, left, top_px)
            rgb = theme.t1 if index else theme.t2
            if index == last and shown.is_warning:
                rgb = theme.warn
            elif index == last and shown.spot is not None:
                rgb = theme.err
            box = (left + indent, top_px, column_px - indent, height)
            text = shown.cells[index]
            if index == last:  # a traceback follows
                text = text.partition("\n")[0]
            text = elided(column.role, text, column_px - indent, column.cut)
            draw_text(painter, box, text, column.role, rgb, column.align)
        painter.fillRect(0, top_px + height, width, 1, colour(theme.line2))

    def _paint_mark(
        self, painter: QPainter, shown: RecordRow, index: int, left: int, top_px: int
    ) -> int:
        """Draw the mark or swatch before the second text; the room that it takes."""
        if index != 1:
            return 0
        middle = top_px + (self.row_px - 1) / 2
        if shown.slot is not None:
            swatch = QRect(left, round(middle - _SWATCH_PX / 2), _SWATCH_PX, _SWATCH_PX)
            draw_prefix_swatch(painter, swatch, shown.slot, self.theme)
            return _SWATCH_PX + 6
        if shown.sign:
            draw_event_mark(painter, shown.sign, left + 5, middle, self.theme)
        return _SIGN_PX


def _place(frame: RecordsFrame, row: RecordRow) -> int:
    """Where a row has gone to, -1 if it is no longer there; rows come in and leave in order."""
    low, high = 0, len(frame.rows)
    while low < high:
        middle = (low + high) // 2
        if frame.rows[middle].time_ns < row.time_ns:
            low = middle + 1
        else:
            high = middle
    while low < len(frame.rows) and frame.rows[low].time_ns == row.time_ns:
        if frame.rows[low] == row:
            return low
        low += 1
    return -1
