"""A scrolled list of painted rows under a fixed heading: only rows in view are drawn.

A view gives it the number of rows and draws each of them; it keeps scroll bars, keys and the row
under the pointer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, QRect, Qt
from PySide6.QtGui import QHelpEvent, QPainter, QPalette
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QToolTip, QWidget

from daskscope.paint.brush import colour
from daskscope.paint.control import plain_tip, style_sheet
from daskscope.paint.focus import PASSING_REASONS
from daskscope.paint.speech import announce
from daskscope.theme import LIGHT, Density, Theme

if TYPE_CHECKING:
    from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPaintEvent, QResizeEvent


class RowArea(QAbstractScrollArea):
    """Base of views that are lists of rows of equal height.

    A view implements `paint_heading` and `paint_row`, and may implement `row_tip`,
    `heading_pressed`, `row_pressed` and `row_entered`.
    """

    def __init__(self, row_px: int, heading_px: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = LIGHT
        #: Token of the colour behind the rows.
        self.ground = "s2"
        self.row_px = row_px
        self.heading_px = heading_px
        self.hovered_row = -1
        #: The row that keys have gone to, -1 for none.
        self.current_row = -1
        #: Where the pointer is, None for elsewhere.
        self._pointer: QPoint | None = None
        self._n_rows = 0
        self._content_px = 0
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.viewport().setMouseTracking(True)
        self.viewport().setBackgroundRole(QPalette.ColorRole.NoRole)
        self.verticalScrollBar().setSingleStep(row_px)
        self.horizontalScrollBar().setSingleStep(24)

    # What a view draws ------------------------------------------------------------------------

    def paint_heading(self, painter: QPainter) -> None:
        """Draw the heading, `heading_px` high."""
        raise NotImplementedError

    def paint_row(self, painter: QPainter, row: int, top_px: int) -> None:
        """Draw one row; the ground is there already."""
        raise NotImplementedError

    def row_tip(self, row: int) -> str:
        """Text of the tool tip of a row."""
        return ""

    def row_text(self, row: int) -> str:
        """A row in words, for screen readers; its tool tip where a view says nothing else."""
        return ", ".join(self.row_tip(row).splitlines())

    def heading_tip(self, x_px: int) -> str:
        """Text of the tool tip of the heading; `x_px` in unscrolled content."""
        return ""

    def heading_pressed(self, x_px: int, y_px: int) -> None:
        """The heading was pressed; `x_px` in unscrolled content."""

    def row_pressed(self, row: int, x_px: int) -> None:
        """A row was pressed; `x_px` in unscrolled content."""

    def row_entered(self, row: int) -> None:
        """The pointer, or keys, went to another row; -1 for none."""

    # What a view asks for -----------------------------------------------------------------------

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self.theme = theme
        self.setStyleSheet(style_sheet(theme))
        self.viewport().update()

    def set_density(self, density: Density) -> None:
        """Draw rows as high as `density` says."""
        self.set_row_px(density.table_row_px)

    def set_row_px(self, row_px: int) -> None:
        """Draw rows of this height; the one at the top stays there."""
        bar = self.verticalScrollBar()
        first = bar.value() // self.row_px
        self.row_px = row_px
        bar.setSingleStep(row_px)
        self._fit_scroll_bars()
        bar.setValue(first * row_px)
        self.viewport().update()

    def set_rows(self, n_rows: int, content_px: int = 0) -> None:
        """There are `n_rows` now, `content_px` wide (0: as wide as there is room)."""
        self._n_rows, self._content_px = n_rows, content_px
        self._fit_scroll_bars()
        self.viewport().update()

    @property
    def scroll_x(self) -> int:
        """Pixels scrolled away at the left."""
        return self.horizontalScrollBar().value()

    def visible_rows(self) -> range:
        """Rows that lie in view, even in part."""
        first = self.verticalScrollBar().value() // self.row_px
        bottom = self.verticalScrollBar().value() + self.viewport().height() - self.heading_px
        return range(first, min(self._n_rows, -(-max(bottom, 0) // self.row_px)))

    def show_row(self, row: int) -> None:
        """Scroll so that a row is in view."""
        bar = self.verticalScrollBar()
        page = self.viewport().height() - self.heading_px
        top = row * self.row_px
        bar.setValue(min(max(bar.value(), top + self.row_px - page), top))

    def row_at(self, point: QPoint) -> int:
        """The row under a point of the viewport, -1 for none."""
        if point.y() < self.heading_px or not self.viewport().rect().contains(point):
            return -1
        row = (point.y() - self.heading_px + self.verticalScrollBar().value()) // self.row_px
        return row if row < self._n_rows else -1

    # Qt -----------------------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw ground, rows in view, heading."""
        with QPainter(self.viewport()) as painter:
            area = self.viewport().rect()
            painter.fillRect(area, colour(getattr(self.theme, self.ground)))
            painter.setClipRect(area.adjusted(0, self.heading_px, 0, 0))
            scrolled = self.verticalScrollBar().value()
            for row in self.visible_rows():
                top = self.heading_px + row * self.row_px - scrolled
                if row == self.hovered_row:
                    painter.fillRect(0, top, area.width(), self.row_px, colour(self.theme.hover))
                self.paint_row(painter, row, top)
                if row == self.current_row:
                    self._paint_current(painter, top)
            painter.setClipping(False)
            self.paint_heading(painter)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the scroll bars to the new size."""
        super().resizeEvent(event)
        self._fit_scroll_bars()

    def _paint_current(self, painter: QPainter, top_px: int) -> None:
        accent = self.theme.accent
        painter.fillRect(0, top_px, 3, self.row_px - 1, colour(accent))
        painter.fillRect(0, top_px, self.viewport().width(), self.row_px - 1, colour(accent, 0.14))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go over the rows; Enter or Space presses the one that keys have gone to."""
        page = max((self.viewport().height() - self.heading_px) // self.row_px - 1, 1)
        steps = {
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_PageUp: -page,
            Qt.Key.Key_PageDown: page,
            Qt.Key.Key_Home: -self._n_rows,
            Qt.Key.Key_End: self._n_rows,
        }
        key = Qt.Key(event.key())
        if key in steps and self._n_rows:
            self._go_to(min(max(self._start(steps[key]) + steps[key], 0), self._n_rows - 1))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self._has_current():
            self.row_pressed(self.current_row, 0)
        else:
            super().keyPressEvent(event)

    def _start(self, step: int) -> int:
        """The row from which keys go; at first so that they come to one that is in view."""
        seen = self.visible_rows()
        edge = seen.start - 1 if step > 0 else seen.stop
        return self.current_row if self.current_row >= 0 else edge

    def _has_current(self) -> bool:
        return 0 <= self.current_row < self._n_rows

    def _go_to(self, row: int) -> None:
        self.current_row = row
        self.show_row(row)
        self.row_entered(row)
        announce(self, f"{self.row_text(row)}, row {row + 1} of {self._n_rows}")
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Forget which row keys have gone to."""
        if event.reason() not in PASSING_REASONS and self.current_row >= 0:
            self.current_row = -1
            self.row_entered(self.hovered_row)
            self.viewport().update()
        super().focusOutEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Light the row under the pointer."""
        self._pointer = event.position().toPoint()
        self._hover(self.row_at(self._pointer))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Tell the view what was pressed."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        point = event.position().toPoint()
        self.current_row = -1
        if point.y() < self.heading_px:
            self.heading_pressed(point.x() + self.scroll_x, point.y())
        elif (row := self.row_at(point)) >= 0:
            self.row_pressed(row, point.x() + self.scroll_x)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a press; what is below must not get the half of it."""
        event.accept()

    def viewportEvent(self, event: QEvent) -> bool:
        """Show tool tips; forget the pointer when it leaves."""
        if event.type() == QEvent.Type.Leave:
            self._pointer = None
            self._hover(-1)
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            row = self.row_at(event.pos())
            text = self.row_tip(row) if row >= 0 else ""
            if event.pos().y() < self.heading_px:
                text = self.heading_tip(event.pos().x() + self.scroll_x)
            QToolTip.showText(event.globalPos(), plain_tip(text), self.viewport(), QRect())
            return True
        return super().viewportEvent(event)

    def scrollContentsBy(self, dx: int, dy: int) -> None:  # noqa: N802 - Qt's name
        """Light the row that has come under the pointer."""
        super().scrollContentsBy(dx, dy)
        if self._pointer is not None:
            self._hover(self.row_at(self._pointer))

    def _hover(self, row: int) -> None:
        if row != self.hovered_row:
            self.hovered_row = row
            self.row_entered(row)
            self.viewport().update()

    def _fit_scroll_bars(self) -> None:
        page = max(self.viewport().height() - self.heading_px, 0)
        vertical, horizontal = self.verticalScrollBar(), self.horizontalScrollBar()
        vertical.setPageStep(page)
        vertical.setRange(0, max(self._n_rows * self.row_px - page, 0))
        horizontal.setPageStep(self.viewport().width())
        horizontal.setRange(0, max(self._content_px - self.viewport().width(), 0))
