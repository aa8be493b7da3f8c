"""The legend: a swatch for each prefix, what switches it off, and the kinds of spans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QBrush, QHelpEvent, QPainter
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from daskscope.paint.brush import colour, lost_brush, running_brush
from daskscope.paint.control import plain_tip
from daskscope.paint.font import Role, elided, text_width
from daskscope.paint.icon import draw_chevron, draw_cross
from daskscope.paint.speech import announce
from daskscope.paint.swatch import draw_prefix_swatch
from daskscope.paint.text import draw_text
from daskscope.theme import LEGEND_PX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPaintEvent

    from daskscope.derive.frames import LegendEntry
    from daskscope.theme import Theme

SWATCH_PX: Final = 10
_SWATCH_GAP_PX: Final = 6
_ENTRY_GAP_PX: Final = 14
_LEFT_PX: Final = 2
_RIGHT_PX: Final = 14
#: Names of tasks can be long: no entry takes more.
_MOST_NAME_PX: Final = 160
_CHIP_HEIGHT_PX: Final = 20
#: Room of an entry that is lit, on both sides.
_CHIP_PX: Final = 6
#: Of the chip, around its text: room on the left, and for the chevron on the right.
_CHIP_ROOM_PX: Final = (7, 22)
_KINDS: Final = ("transfer", "disk", "deserialize", "erred", "lost", "running")
_KIND_SWATCH_PX: Final = 13
#: With less room for prefixes the kinds are left out.
_LEAST_ENTRIES_PX: Final = 220


@dataclass(frozen=True, slots=True)
class PlacedEntry:
    """An entry of the legend and where it lies."""

    entry: LegendEntry
    left_px: int
    width_px: int


def placed_entries(
    entries: Sequence[LegendEntry], left_px: int, right_px: int
) -> tuple[tuple[PlacedEntry, ...], int]:
    """The entries that fit between two pixels, and how many do not.

    Where some do not fit, room for the chip that names them is kept.
    """
    widths = [
        SWATCH_PX
        + _SWATCH_GAP_PX
        + round(min(text_width(Role.VALUE, entry.name), _MOST_NAME_PX) + 0.5)
        for entry in entries
    ]
    if left_px + sum(widths) + _ENTRY_GAP_PX * (len(widths) - 1) > right_px:
        right_px -= chip_px(len(entries)) + _ENTRY_GAP_PX
    placed = []
    for entry, width in zip(entries, widths, strict=True):
        if left_px + width > right_px:
            break
        placed.append(PlacedEntry(entry, left_px, width))
        left_px += width + _ENTRY_GAP_PX
    return tuple(placed), len(entries) - len(placed)


def chip_px(n_more: int) -> int:
    """Width of the chip that counts what does not fit."""
    return sum(_CHIP_ROOM_PX) + round(text_width(Role.CAPTION, f"+{n_more}") + 0.5)


class LegendView(QWidget):
    """Prefixes with their colours; a click switches one off or on."""

    toggled = Signal(str)
    #: A double click: only this prefix.
    soloed = Signal(str)
    #: The prefix under the pointer, "" when there is none.
    lit = Signal(str)
    #: The prefixes that do not fit are asked for.
    more_asked = Signal()
    #: The pointer has gone after a press: `is_held` no more.
    let_go = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._entries: tuple[LegendEntry, ...] = ()
        self._lit = ""
        self._told = ""
        self._is_held = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys to the task stream
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName("Legend")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """One strip."""
        return QSize(_LEAST_ENTRIES_PX, LEGEND_PX)

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours from now on."""
        self._theme = theme
        self.update()

    def show_entries(self, entries: Sequence[LegendEntry]) -> None:
        """Draw `entries`, in their order as far as they fit."""
        if tuple(entries) != self._entries:
            self._entries = tuple(entries)
            names = ", ".join(entry.name for entry in self._entries)
            self.setAccessibleDescription(f"Task prefixes: {names}")
            self.update()

    def entries(self) -> tuple[LegendEntry, ...]:
        """What is drawn, as far as it fits."""
        return self._entries

    @property
    def is_held(self) -> bool:
        """It was pressed where the pointer still is, and must stay where it lies.

        Else the second press of a double click, or of switching a prefix off and on, would meet
        another prefix.
        """
        return self._is_held

    def show_lit(self, name: str) -> None:
        """Light the prefix of what is told about elsewhere, "" for none."""
        if name != self._told:
            before, self._told = self._told, name
            self._update_entries(before, name)

    def _update_entries(self, *names: str) -> None:
        """Draw some entries anew: a pointer over the lanes comes to another in each tick."""
        for placed in self._placed()[0]:
            if placed.entry.name in names:
                self.update(placed.left_px - _CHIP_PX, 0, placed.width_px + 2 * _CHIP_PX, LEGEND_PX)

    # Painting -------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint everything."""
        with QPainter(self) as painter:
            theme, height = self._theme, self.height()
            painter.fillRect(self.rect(), colour(theme.hdr))
            painter.fillRect(0, height - 1, self.width(), 1, colour(theme.line))
            placed, n_more = self._placed()
            left, right = event.rect().left(), event.rect().right()
            for entry in placed:
                end = entry.left_px + entry.width_px
                if entry.left_px - _CHIP_PX <= right and end + _CHIP_PX >= left:
                    self._paint_entry(painter, entry)
            if n_more and right >= self._chip_rect().left():
                self._paint_chip(painter, n_more)
            if self._has_kinds() and right >= self._kinds_left() - _RIGHT_PX:
                self._paint_kinds(painter)

    def _placed(self) -> tuple[tuple[PlacedEntry, ...], int]:
        right = self._kinds_left() - _RIGHT_PX if self._has_kinds() else self.width() - _RIGHT_PX
        return placed_entries(self._entries, _LEFT_PX, right)

    def _paint_entry(self, painter: QPainter, placed: PlacedEntry) -> None:
        theme, entry, left = self._theme, placed.entry, placed.left_px
        top = (self.height() - 1 - SWATCH_PX) // 2
        swatch = QRect(left, top, SWATCH_PX, SWATCH_PX)
        if entry.name in (self._lit, self._told):
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour(theme.line if not theme.is_dark else theme.ctl))
            chip = QRectF(left - _CHIP_PX, 3.5, placed.width_px + 2 * _CHIP_PX, self.height() - 8)
            painter.drawRoundedRect(chip, 4, 4)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
        if entry.is_hidden:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(colour(theme.tdis))
            painter.drawRect(swatch.adjusted(0, 0, -1, -1))
        else:
            draw_prefix_swatch(painter, swatch, entry.slot, theme)
        text_left = left + SWATCH_PX + _SWATCH_GAP_PX
        box = (text_left, 0, placed.width_px - SWATCH_PX - _SWATCH_GAP_PX, self.height() - 1)
        ink = theme.tdis if entry.is_hidden else theme.t1
        draw_text(painter, box, entry.name, Role.VALUE, ink)

    def _chip_rect(self) -> QRect:
        placed, n_more = self._placed()
        if not n_more:
            return QRect()
        left = _LEFT_PX
        if placed:
            left = placed[-1].left_px + placed[-1].width_px + _ENTRY_GAP_PX - 4
        top = (self.height() - 1 - _CHIP_HEIGHT_PX) // 2
        return QRect(left, top, chip_px(n_more), _CHIP_HEIGHT_PX)

    def _paint_chip(self, painter: QPainter, n_more: int) -> None:
        theme, chip = self._theme, self._chip_rect()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(theme.hover))
        painter.drawRoundedRect(chip, 4, 4)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
        left, right = _CHIP_ROOM_PX
        box = (chip.left() + left, chip.top(), chip.width() - left - right + 1, chip.height())
        draw_text(painter, box, f"+{n_more}", Role.CAPTION, theme.t2)
        draw_chevron(painter, chip.right() - 10, chip.center().y() + 1, theme.t3, is_open=True)

    def _kinds_width(self) -> int:
        return sum(
            _KIND_SWATCH_PX
            + _SWATCH_GAP_PX
            + round(text_width(Role.VALUE, kind) + 0.5)
            + _ENTRY_GAP_PX
            for kind in _KINDS
        )

    def _kinds_left(self) -> int:
        return self.width() - _RIGHT_PX + _ENTRY_GAP_PX - self._kinds_width()

    def _has_kinds(self) -> bool:
        return self._kinds_left() - _LEFT_PX >= _LEAST_ENTRIES_PX

    def _paint_kinds(self, painter: QPainter) -> None:
        theme, height = self._theme, self.height() - 1
        left = self._kinds_left()
        painter.fillRect(left - _RIGHT_PX, height // 2 - 9, 1, 18, colour(theme.line))
        for kind in _KINDS:
            self._paint_kind(painter, kind, left, height // 2)
            left += _KIND_SWATCH_PX + _SWATCH_GAP_PX
            width = round(text_width(Role.VALUE, kind) + 0.5)
            draw_text(painter, (left, 0, width, height), kind, Role.VALUE, theme.t2)
            left += width + _ENTRY_GAP_PX

    def _paint_kind(self, painter: QPainter, kind: str, left: int, middle: int) -> None:
        theme = self._theme
        thin = QRect(left, middle - 2, _KIND_SWATCH_PX, 4)
        box = QRect(left + 1, middle - 6, 12, 12)
        if kind == "transfer":
            painter.fillRect(thin, colour(theme.transfer))
        elif kind == "disk":
            for x in range(0, _KIND_SWATCH_PX, 5):
                width = min(4, _KIND_SWATCH_PX - x)
                painter.fillRect(left + x, middle - 2, width, 4, colour(theme.disk))
        elif kind == "deserialize":
            painter.fillRect(thin, colour(theme.deser))
            painter.fillRect(thin.adjusted(1, 1, -1, -1), colour(theme.hdr))
        elif kind == "erred":
            painter.fillRect(box, colour(theme.erred))
            draw_cross(painter, box.left() + 6, box.top() + 6, 5, theme.errtext)
        elif kind == "lost":
            painter.fillRect(box, lost_brush(theme, theme.t3))
            painter.fillRect(box.adjusted(9, 0, 0, 0), colour(theme.erred))
        else:
            painter.fillRect(box, colour(theme.t3))
            painter.fillRect(box.adjusted(2, 1, 0, -1), QBrush(colour(theme.lane)))
            painter.fillRect(box.adjusted(2, 1, 0, -1), running_brush(theme, theme.t3))

    # Gestures -------------------------------------------------------------------------------

    def _entry_at(self, point: QPoint) -> LegendEntry | None:
        for placed in self._placed()[0]:
            if placed.left_px - 4 <= point.x() < placed.left_px + placed.width_px + 4:
                return placed.entry
        return None

    def _light(self, name: str) -> None:
        if name != self._lit:
            self._lit = name
            self.lit.emit(name)
            self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Light the prefix under the pointer."""
        entry = self._entry_at(event.position().toPoint())
        self._light(entry.name if entry else "")

    def leaveEvent(self, event: QEvent) -> None:
        """Light nothing."""
        self._light("")
        if self._is_held:
            self._is_held = False
            self.let_go.emit()
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Light the next prefix (arrows), switch it (Space), show it alone (Enter)."""
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        names = [entry.name for entry in self._entries]
        key = Qt.Key(event.key())
        if not names:
            super().keyPressEvent(event)
        elif key in steps:
            at = names.index(self._lit) if self._lit in names else min(-steps[key], 0)
            entry = self._entries[(at + steps[key]) % len(names)]
            self._light(entry.name)
            announce(self, f"{entry.name}, {'hidden' if entry.is_hidden else 'shown'}")
        elif key == Qt.Key.Key_Space and self._lit:
            self.toggled.emit(self._lit)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._lit:
            self.soloed.emit(self._lit)
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Light nothing."""
        self._light("")
        super().focusOutEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Switch a prefix, or open the list of those that do not fit."""
        point = event.position().toPoint()
        entry = self._entry_at(point)
        if event.button() != Qt.MouseButton.LeftButton:
            super().mousePressEvent(event)
        elif entry is not None:
            self._is_held = True
            self.toggled.emit(entry.name)
        elif self._chip_rect().contains(point):
            self.more_asked.emit()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show one prefix alone, or all again."""
        entry = self._entry_at(event.position().toPoint())
        if entry is not None and event.button() == Qt.MouseButton.LeftButton:
            self.toggled.emit(entry.name)  # takes back what the first press did
            self.soloed.emit(entry.name)

    def event(self, event: QEvent) -> bool:
        """Show the full name of a cut entry as plain text."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            entry = self._entry_at(event.pos())
            if entry is not None and text_width(Role.VALUE, entry.name) > _MOST_NAME_PX:
                name = elided(Role.VALUE, entry.name, 6 * _MOST_NAME_PX)
                QToolTip.showText(event.globalPos(), plain_tip(name), self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)
