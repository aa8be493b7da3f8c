"""A section of the details panel: a title, what is said at its right, and painted content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from daskscope.paint.brush import colour
from daskscope.paint.control import plain_tip
from daskscope.paint.font import Role, text_width
from daskscope.paint.speech import announce
from daskscope.paint.text import Align, draw_text
from daskscope.theme import LIGHT, Theme

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent, QMouseEvent, QPaintEvent

PADDING_PX: Final = 16
#: From the line above to the title, and from the content to the next line.
_ABOVE_PX, _BELOW_PX = 9, 9
TITLE_PX: Final = 22
#: Rows of values, and of lists.
ROW_PX: Final = 19


class Section(QWidget):
    """Base of sections; one implements `content_px` and `paint_content`."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.theme = LIGHT
        self.title = title
        self.note = ""
        self.setAccessibleName(title)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def content_px(self) -> int:
        """Height of the content."""
        raise NotImplementedError

    def paint_content(self, painter: QPainter, top_px: int) -> None:
        """Draw the content."""
        raise NotImplementedError

    @property
    def content_top_px(self) -> int:
        """Where the content begins."""
        return _ABOVE_PX + TITLE_PX

    @property
    def inner_px(self) -> int:
        """Width between the paddings."""
        return self.width() - 2 * PADDING_PX

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self.theme = theme
        self.update()

    def refresh(self) -> None:
        """Take the height of new content, and draw it."""
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """As high as its content."""
        return QSize(0, self.content_top_px + self.content_px() + _BELOW_PX)

    def minimumSizeHint(self) -> QSize:
        """Sections do not shrink."""
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the line above, title, note and content."""
        with QPainter(self) as painter:
            theme = self.theme
            painter.setClipRegion(event.region())
            painter.fillRect(PADDING_PX, 0, self.inner_px, 1, colour(theme.line2))
            box = (float(PADDING_PX), float(_ABOVE_PX), float(self.inner_px), TITLE_PX - 4.0)
            note_px = text_width(Role.VALUE, self.note)
            room = (box[0], box[1], max(box[2] - note_px - 12, 40.0), box[3])
            draw_text(painter, room, self.title, Role.TITLE, theme.t1)
            draw_text(painter, box, self.note, Role.VALUE, theme.t3, Align.RIGHT)
            self.paint_content(painter, self.content_top_px)


class RowsSection(Section):
    """A section of rows that can be pressed, by pointer or by keys.

    One implements `n_rows`, `paint_row`, `can_press`, `press` and may implement `row_tip`.
    """

    #: Bring this row of pixels into view.
    reached = Signal(int)

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(title, parent)
        self._hovered = -1
        self._current = 0
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def n_rows(self) -> int:
        """Number of rows."""
        raise NotImplementedError

    def paint_row(self, painter: QPainter, row: int, top_px: int) -> None:
        """Draw a row; the ground is there already."""
        raise NotImplementedError

    def can_press(self, row: int) -> bool:
        """Whether pressing a row does anything."""
        raise NotImplementedError

    def press(self, row: int) -> None:
        """A row was pressed."""
        raise NotImplementedError

    def row_tip(self, row: int) -> str:
        """Text of the tool tip of a row."""
        return ""

    @property
    def hovered_row(self) -> int:
        """The row under the pointer, -1 for none."""
        return self._hovered

    def content_px(self) -> int:
        """All rows."""
        return self.n_rows() * ROW_PX

    def paint_content(self, painter: QPainter, top_px: int) -> None:
        """Draw the rows that can be seen, and the focus."""
        seen = painter.clipBoundingRect()
        first = max(int((seen.top() - top_px) // ROW_PX), 0)
        last = min(int((seen.bottom() - top_px) // ROW_PX) + 1, self.n_rows())
        for row in range(first, last):
            top = top_px + row * ROW_PX
            if row == self._hovered and self.can_press(row):
                area = (PADDING_PX - 6, top, self.inner_px + 12, ROW_PX)
                painter.fillRect(*area, colour(self.theme.hover))
            self.paint_row(painter, row, top)
        if self.hasFocus() and 0 <= self._current < self.n_rows():
            painter.setPen(QPen(colour(self.theme.accent), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            top = top_px + self._current * ROW_PX
            painter.drawRect(PADDING_PX - 6, top, self.inner_px + 11, ROW_PX - 1)

    def row_at(self, y_px: float) -> int:
        """The row at a height, -1 for none."""
        row = int((y_px - self.content_top_px) // ROW_PX)
        return row if y_px >= self.content_top_px and row < self.n_rows() else -1

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Light the row under the pointer."""
        self._hover(self.row_at(event.position().y()))

    def leaveEvent(self, event: QEvent) -> None:
        """Light none."""
        super().leaveEvent(event)
        self._hover(-1)

    def _hover(self, row: int) -> None:
        if row == self._hovered:
            return
        self._hovered = row
        can = row >= 0 and self.can_press(row)
        self.setCursor(Qt.CursorShape.PointingHandCursor if can else Qt.CursorShape.ArrowCursor)
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Press the row under the pointer."""
        row = self.row_at(event.position().y())
        if event.button() == Qt.MouseButton.LeftButton and row >= 0 and self.can_press(row):
            self._current = row
            self.press(row)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Up and down go over the rows, Enter or Space presses one."""
        key = event.key()
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down) and self.n_rows():
            step = 1 if key == Qt.Key.Key_Down else -1
            self._current = min(max(self._current + step, 0), self.n_rows() - 1)
            self.reached.emit(self.y() + self.content_top_px + self._current * ROW_PX)
            text = ", ".join(self.row_tip(self._current).splitlines())
            announce(self, f"{text}, row {self._current + 1} of {self.n_rows()}")
            self.update()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            if self._current < self.n_rows() and self.can_press(self._current):
                self.press(self._current)
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """Show tool tips of rows."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            row = self.row_at(event.pos().y())
            text = self.row_tip(row) if row >= 0 else ""
            QToolTip.showText(event.globalPos(), plain_tip(text), self)
            return True
        return super().event(event)
