"""The table of prefixes: all tasks first; sorts, chooses a prefix, copies itself."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRect, Signal
from PySide6.QtGui import QKeySequence, QPainter

from daskscope.derive.statistics.table import COLUMNS
from daskscope.paint.brush import colour
from daskscope.paint.font import Role, text_width
from daskscope.paint.icon import draw_sort_mark
from daskscope.paint.sorting import SortedArea
from daskscope.paint.swatch import draw_prefix_swatch
from daskscope.paint.text import Align, draw_text
from daskscope.theme import NORMAL, PADDING_PX, TABLE_HEADER_PX

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent, QResizeEvent
    from PySide6.QtWidgets import QWidget

    from daskscope.derive.statistics.frame import StatisticsFrame

LABELS: Final = {
    "prefix": "Prefix",
    "count": "Count",
    "total": "Total",
    "self": "Self",
    "mean": "Mean",
    "median": "Median",
    "p95": "p95",
    "p99": "p99",
    "max": "Max",
    "failed": "Failed",
}
TIPS: Final = {
    "count": "Tasks that touch the selection",
    "total": "Time that they took in it",
    "self": "Total without what they did that has spans of its own",
    "mean": "Of whole durations, of cut tasks too",
    "median": "Of whole durations, of cut tasks too",
    "p95": "95 % of tasks took at most so long",
    "p99": "99 % of tasks took at most so long",
    "max": "Of whole durations, of cut tasks too",
    "failed": "Erred, or lost with their worker",
}
_DASH: Final = "–"
#: As wide as a duration gets.
_SAMPLE: Final = "99.9 ms"
_SWATCH_PX: Final = 10
_NAME_X_PX: Final = PADDING_PX + _SWATCH_PX + 6
_LEAST_NAME_PX: Final = 76
_LONG_NAME_PX: Final = 150
_MOST_NAME_PX: Final = 260
#: Room for the mark of the column that sorts.
_LEAST_GAP_PX: Final = 10
_MOST_GAP_PX: Final = 22
_STEP_PX: Final = 16
_CHOSEN_PX: Final = 2
#: The width of names is that of so many rows at most.
_MOST_MEASURED: Final = 500


class PrefixTable(SortedArea):
    """One row for all tasks, one for each prefix.

    Attributes
    ----------
    wanted_px
        Width in which names that are not long and all columns are seen whole; in steps, so that it
        holds still.
    """

    #: A prefix was chosen, "" for all tasks.
    prefix_chosen = Signal(str)
    #: The keys that copy were pressed.
    copy_requested = Signal()

    labels = LABELS

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(NORMAL.table_row_px, TABLE_HEADER_PX, parent)
        self._frame: StatisticsFrame | None = None
        #: Left edge and width of each column of values, in unscrolled content.
        self._edges: dict[str, tuple[int, int]] = {}
        self._name_px = _LEAST_NAME_PX
        self.wanted_px = 0
        self.setAccessibleName("Statistics by prefix")
        self.setMinimumWidth(_NAME_X_PX + _LEAST_NAME_PX + 80)

    def show_frame(self, frame: StatisticsFrame) -> None:
        """Draw `frame`."""
        self._frame = frame
        self.setAccessibleDescription(frame.summary)
        self._lay_out()
        self.show_sorting(frame.sort, is_descending=frame.is_descending)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay the columns out anew."""
        super().resizeEvent(event)
        self._lay_out()

    def _lay_out(self) -> None:
        """Columns as wide as their numbers; names take what is left, then the gaps."""
        frame = self._frame
        if frame is None:
            return
        widths = [self._column_px(column, frame) for column in COLUMNS]
        width = self.viewport().width()
        names = frame.names[:_MOST_MEASURED]
        wanted = math.ceil(max(text_width(Role.BODY, name) for name in names)) + 4
        wanted = min(max(wanted, _LEAST_NAME_PX), _MOST_NAME_PX)
        spare = width - _NAME_X_PX - PADDING_PX - sum(widths)
        least = width - spare + min(wanted, _LONG_NAME_PX) + _LEAST_GAP_PX * len(COLUMNS)
        self.wanted_px = math.ceil(least / _STEP_PX) * _STEP_PX
        gap = (spare - wanted) // len(COLUMNS)
        gap = min(max(gap, _LEAST_GAP_PX), _MOST_GAP_PX)
        self._name_px = max(spare - gap * len(COLUMNS), _LEAST_NAME_PX)
        x = _NAME_X_PX + self._name_px
        for column, column_px in zip(COLUMNS, widths, strict=True):
            self._edges[column] = (x + gap, column_px)
            x += gap + column_px
        self.set_rows(len(frame.rows), x + PADDING_PX)

    @staticmethod
    def _column_px(column: str, frame: StatisticsFrame) -> int:
        heading = text_width(Role.CAPTION, LABELS[column])
        texts = [text_width(Role.SUM, frame.cell(0, column))]
        if column not in ("count", "failed"):
            texts.append(text_width(Role.SUM, _SAMPLE))
        return math.ceil(max(heading, *texts))

    # Gestures -------------------------------------------------------------------------------

    def column_at(self, x_px: int) -> str:
        """The column at a place of the unscrolled content."""
        for column, (left, width) in self._edges.items():
            if left - _LEAST_GAP_PX // 2 <= x_px < left + width + _LEAST_GAP_PX // 2:
                return column
        return "prefix" if x_px < _NAME_X_PX + self._name_px else ""

    def column_px(self, column: str) -> tuple[int, int]:
        """Left edge and width of a column in unscrolled content; names stay where they are."""
        return self._edges.get(column, (PADDING_PX, _NAME_X_PX + self._name_px - PADDING_PX))

    def row_pressed(self, row: int, x_px: int) -> None:
        """Choose the prefix of a row."""
        if self._frame is not None and row < len(self._frame.names):
            self.prefix_chosen.emit(self._frame.names[row] if row else "")

    def row_tip(self, row: int) -> str:
        """Every value of a row with its name."""
        frame = self._frame
        if frame is None:
            return ""
        values = [f"{LABELS[c]}: {frame.cell(row, c) or _DASH}" for c in COLUMNS]
        return "\n".join([frame.names[row][:400], *values])

    def heading_tip(self, x_px: int) -> str:
        """What a column means."""
        return TIPS.get(self.column_at(x_px), "")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Copy, besides what keys do in all tables."""
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_requested.emit()
        else:
            super().keyPressEvent(event)

    # Painting -------------------------------------------------------------------------------

    def paint_heading(self, painter: QPainter) -> None:
        """Draw the names of the columns and which one sorts."""
        theme, width = self.theme, self.viewport().width()
        painter.fillRect(0, 0, width, self.heading_px, colour(theme.hdr))
        painter.fillRect(0, self.heading_px - 1, width, 1, colour(theme.line))
        frame = self._frame
        if frame is None:
            return
        for column, (left, column_px) in self._edges.items():
            self._paint_label(painter, column, left - self.scroll_x, column_px, Align.RIGHT)
        self._cover(painter, 0, self.heading_px - 1, theme.hdr)
        self._paint_label(painter, "prefix", PADDING_PX, self._name_px, Align.LEFT)

    def _paint_label(
        self, painter: QPainter, column: str, left: int, width: int, align: Align
    ) -> None:
        assert self._frame is not None
        theme = self.theme
        is_sorting = column == self._frame.sort
        rgb = theme.t1 if is_sorting else theme.t2
        box = (left, 0, width, self.heading_px - 1)
        drawn = draw_text(painter, box, LABELS[column], Role.CAPTION, rgb, align)
        if is_sorting:
            x = left + drawn + 8 if align is Align.LEFT else left + width - drawn - 8
            draw_sort_mark(painter, x, self.heading_px // 2, rgb, self._frame.is_descending)

    def paint_row(self, painter: QPainter, row: int, top_px: int) -> None:
        """Draw one row; the name stays in place when the rest is scrolled aside."""
        frame, theme = self._frame, self.theme
        if frame is None:
            return
        width, height = self.viewport().width(), self.row_px - 1
        is_chosen = row == frame.chosen and row > 0
        ground = theme.hover if row == self.hovered_row else theme.s2
        if is_chosen:
            ground = theme.accent_bg
            painter.fillRect(0, top_px, width, self.row_px, colour(ground))
        role = Role.VALUE if row else Role.SUM
        for column, (left, column_px) in self._edges.items():
            text = frame.cell(row, column)
            rgb = theme.err if column == "failed" else theme.t1 if column in _FIRM else theme.t2
            rgb = theme.t1 if not row and column != "failed" else rgb
            box = (left - self.scroll_x, top_px, column_px, height)
            draw_text(painter, box, text or _DASH, role, rgb if text else theme.tdis, Align.RIGHT)
        self._cover(painter, top_px, height, ground)
        if is_chosen:
            painter.fillRect(0, top_px, _CHOSEN_PX, height, colour(theme.accent))
        self._paint_name(painter, row, top_px)
        painter.fillRect(0, top_px + height, width, 1, colour(theme.line2))

    def _paint_name(self, painter: QPainter, row: int, top: int) -> None:
        assert self._frame is not None
        theme, height = self.theme, self.row_px - 1
        box = (PADDING_PX, top, self._name_px, height)
        if row:
            swatch = QRect(PADDING_PX, top + (height - _SWATCH_PX) // 2, _SWATCH_PX, _SWATCH_PX)
            draw_prefix_swatch(painter, swatch, self._frame.slots[row], theme)
            box = (_NAME_X_PX, top, self._name_px, height)
        role = Role.BODY if row else Role.TITLE
        draw_text(painter, box, self._frame.names[row], role, theme.t1)

    def _cover(self, painter: QPainter, top: int, height: int, rgb: int) -> None:
        """Hide what is scrolled under the names."""
        if self.scroll_x:
            width = _NAME_X_PX + self._name_px + 4
            painter.fillRect(0, top, width, height, colour(rgb))
            painter.fillRect(width, top, 1, height, colour(self.theme.line))


#: Columns that are read first.
_FIRM: Final = ("count", "total")
