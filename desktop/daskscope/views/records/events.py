"""The events: a chip for each kind above their table; a press leaves the kind out, or in again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from daskscope.derive import quantity
from daskscope.paint.brush import colour
from daskscope.paint.font import Role, text_width
from daskscope.paint.speech import announce
from daskscope.paint.text import draw_text
from daskscope.theme import LIGHT, PADDING_PX, Theme
from daskscope.views.records.table import BOTH_ENDS, Column, RecordsTable

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent, QMouseEvent, QPaintEvent

    from daskscope.derive.records import KindCount, RecordsFrame

COLUMNS: Final = (
    Column("Time", 72),
    Column("Kind", 84),
    Column("Where", 160, cut=BOTH_ENDS),
    Column("Text", 0),
)
CHIPS_PX: Final = 28
_CHIP_PX: Final = 20
_CHIP_PADDING_PX: Final = 8
_CHIP_GAP_PX: Final = 6
_RADIUS_PX: Final = 4


class KindChips(QWidget):
    """What kinds of events there are, how many of each, and which are in the table."""

    #: A kind is to be left out, or in again.
    toggled = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = LIGHT
        self._kinds: tuple[KindCount, ...] = ()
        self._hovered = -1
        self._current = 0
        self.setFixedHeight(CHIPS_PX)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Kinds of events")

    def show_kinds(self, kinds: tuple[KindCount, ...]) -> None:
        """Draw these kinds."""
        if kinds != self._kinds:
            self._kinds = kinds
            self._current = min(self._current, max(len(kinds) - 1, 0))
            hidden = ", ".join(kind.kind for kind in kinds if not kind.is_shown)
            self.setAccessibleDescription(f"Left out: {hidden}" if hidden else "All are shown")
            self.update()

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        self.update()

    def sizeHint(self) -> QSize:
        """One line."""
        return QSize(400, CHIPS_PX)

    def boxes(self) -> list[QRect]:
        """Where each chip lies."""
        boxes, x = [], PADDING_PX
        for kind in self._kinds:
            width = round(text_width(Role.VALUE, kind.kind) + text_width(Role.SMALL, _n(kind)))
            width += 2 * _CHIP_PADDING_PX + 5
            boxes.append(QRect(x, (CHIPS_PX - _CHIP_PX) // 2, width, _CHIP_PX))
            x += width + _CHIP_GAP_PX
        return boxes

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw ground and chips."""
        with QPainter(self) as painter:
            theme = self._theme
            painter.fillRect(self.rect(), colour(theme.s2))
            for index, (kind, box) in enumerate(zip(self._kinds, self.boxes(), strict=True)):
                ground = theme.hover if index == self._hovered else theme.s3
                is_focused = self.hasFocus() and index == self._current
                edge = theme.accent if is_focused else theme.ctl
                painter.setPen(QPen(colour(edge), 2 if is_focused else 1))
                painter.setBrush(colour(ground if kind.is_shown else theme.s2))
                painter.drawRoundedRect(box.adjusted(0, 0, -1, -1), _RADIUS_PX, _RADIUS_PX)
                left = box.left() + _CHIP_PADDING_PX
                room = (float(left), box.top(), box.width(), _CHIP_PX - 1)
                inks = (theme.t1, theme.t3) if kind.is_shown else (theme.tdis, theme.tdis)
                name_px = draw_text(painter, room, kind.kind, Role.VALUE, inks[0])
                room = (left + name_px + 5, box.top(), box.width(), _CHIP_PX - 1)
                draw_text(painter, room, _n(kind), Role.SMALL, inks[1])

    def _chip_at(self, point: QPoint) -> int:
        return next((i for i, box in enumerate(self.boxes()) if box.contains(point)), -1)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Light the chip under the pointer."""
        at = self._chip_at(event.position().toPoint())
        if at != self._hovered:
            self._hovered = at
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Light none."""
        super().leaveEvent(event)
        self._hovered = -1
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Leave a kind out, or in again."""
        at = self._chip_at(event.position().toPoint())
        if at >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self._current = at
            self.toggled.emit(self._kinds[at].kind)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Left and right choose a chip, Space and Enter press it."""
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        key = Qt.Key(event.key())
        if key in steps and self._kinds:
            self._current = min(max(self._current + steps[key], 0), len(self._kinds) - 1)
            kind = self._kinds[self._current]
            announce(self, f"{kind.kind}, {_n(kind)}, {'shown' if kind.is_shown else 'left out'}")
            self.update()
        elif key in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._kinds:
            self.toggled.emit(self._kinds[self._current].kind)
        else:
            super().keyPressEvent(event)


def _n(kind: KindCount) -> str:
    return quantity.count(kind.n)


class EventsTable(QWidget):
    """Chips and the table of events."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.chips = KindChips(self)
        self.table = RecordsTable("Events", COLUMNS, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.chips)
        layout.addWidget(self.table, 1)

    def show_frame(self, frame: RecordsFrame) -> None:
        """Draw `frame`."""
        self.chips.show_kinds(frame.kinds)
        self.table.show_frame(frame)

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self.chips.set_theme(theme)
        self.table.set_theme(theme)
