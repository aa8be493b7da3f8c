"""A list of rows that one of its columns sorts: a press on a heading says which, and so do keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from PySide6.QtCore import Qt, Signal

from daskscope.paint.speech import announce
from daskscope.paint.table import RowArea

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PySide6.QtGui import QKeyEvent
    from PySide6.QtWidgets import QWidget

#: Around a heading, for the mark of the column that sorts.
_MARK_PX: Final = 14


class SortedArea(RowArea):
    """Base of views with headings that sort.

    A view gives `labels`, implements `column_at` and `column_px`, and tells by `show_sorting` what
    sorts whenever it draws a frame.
    """

    #: A column was asked to be the one that sorts.
    sort_requested = Signal(str)
    #: The column after (1) the one that sorts shall, or the one before (-1).
    sort_stepped = Signal(int)
    #: The order is to be descending, or ascending.
    sort_turned = Signal(bool)

    #: Headings by column, in the order in which they stand.
    labels: ClassVar[Mapping[str, str]]

    def __init__(self, row_px: int, heading_px: int, parent: QWidget | None = None) -> None:
        super().__init__(row_px, heading_px, parent)
        self._sorting: tuple[str, bool] | None = None

    def column_at(self, x_px: int) -> str:
        """The column at a place of the unscrolled content, "" beside all."""
        raise NotImplementedError

    def column_px(self, column: str) -> tuple[int, int]:
        """Left edge and width of a column in unscrolled content; the first one is not scrolled."""
        raise NotImplementedError

    def show_sorting(self, column: str, *, is_descending: bool) -> None:
        """Rows are sorted like this now: while keys are heard here, say so and show where."""
        before, self._sorting = self._sorting, (column, is_descending)
        if before not in (None, self._sorting) and self.hasFocus():
            self._show_column(column)
            order = "descending" if is_descending else "ascending"
            announce(self, f"Sorted by {self.labels[column]}, {order}")

    def _show_column(self, column: str) -> None:
        covered = sum(self.column_px(next(iter(self.labels))))
        left, width = self.column_px(column)
        bar = self.horizontalScrollBar()
        least = left + width + _MARK_PX - self.viewport().width()
        bar.setValue(min(max(bar.value(), least), left - _MARK_PX - covered))

    def heading_pressed(self, x_px: int, y_px: int) -> None:
        """Ask for the order of the pressed column."""
        if column := self.column_at(x_px):
            self.sort_requested.emit(column)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose by Ctrl and arrows what sorts, besides what keys do in all lists."""
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        orders = {Qt.Key.Key_Up: False, Qt.Key.Key_Down: True}
        key = Qt.Key(event.key())
        has_ctrl = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if has_ctrl and key in steps:
            self.sort_stepped.emit(steps[key])
        elif has_ctrl and key in orders:
            self.sort_turned.emit(orders[key])
        else:
            super().keyPressEvent(event)
