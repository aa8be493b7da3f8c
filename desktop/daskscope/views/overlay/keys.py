"""The list of all keys and gestures, in columns; typing searches it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QEvent, QObject, QRect, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPixmap
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from daskscope.derive.commands import KeyGroup, KeyRow, columns, matching_keys
from daskscope.paint.brush import colour
from daskscope.paint.font import Role, text_width
from daskscope.paint.keycap import CAP_PX, caps_px, draw_caps
from daskscope.paint.text import draw_text
from daskscope.theme import LIGHT
from daskscope.views.overlay.sheet import Sheet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QHideEvent, QPaintEvent, QResizeEvent

    from daskscope.theme import Theme

#: The least width of a column.
COLUMN_PX: Final = 320
_GAP_PX: Final = 32
#: Of a column, for keys; more of them go on in the next line.
KEYS_PX: Final = 150
_WAY_GAP_PX: Final = 8
_ROW_PX: Final = 24
_LINE_PX: Final = 16
_CAP_ROW_PX: Final = CAP_PX + 3
_HEADING_PX: Final = 28
_GROUP_GAP_PX: Final = 14
_INNER_PX: Final = 24
_FIELD_PX: Final = 300
#: From the card to the window's edges; wider than this, lines are too long to follow.
_EDGE_PX: Final = 32
_MOST_PX: Final = 1460
#: Room for a scroll bar.
_BAR_PX: Final = 10
_SCRIM_ALPHA: Final = 0.55


def key_lines(row: KeyRow) -> list[list[tuple[str, ...]]]:
    """The ways of a row on as many lines as their keys need."""
    lines: list[list[tuple[str, ...]]] = [[]]
    used = 0
    for way in row.ways:
        width = caps_px(way)
        if lines[-1] and used + width > KEYS_PX:
            lines.append([])
            used = 0
        lines[-1].append(way)
        used += width + _WAY_GAP_PX
    return lines


def keys_px(row: KeyRow) -> int:
    """Width of the keys of a row, with the gap that keeps texts away."""
    return max(sum(caps_px(way) + _WAY_GAP_PX for way in line) for line in key_lines(row))


def about_lines(row: KeyRow, column_px: int) -> list[str]:
    """What a row is for, on as many lines as its column needs beside the keys."""
    room = column_px - keys_px(row) - _WAY_GAP_PX
    lines: list[str] = []
    for word in row.about.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(Role.BODY, longer) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def row_px(row: KeyRow, column_px: int) -> int:
    """Height of a row in a column."""
    texts_px = _ROW_PX + (len(about_lines(row, column_px)) - 1) * _LINE_PX
    return max(texts_px, len(key_lines(row)) * _CAP_ROW_PX + 3)


def group_px(group: KeyGroup, column_px: int) -> int:
    """Height of a group with its heading and the gap below, in a column."""
    return _HEADING_PX + sum(row_px(row, column_px) for row in group.rows) + _GROUP_GAP_PX


def column_widths(width_px: int) -> tuple[int, int]:
    """How many columns there are in a width, and how wide each is."""
    n_columns = max((width_px + _GAP_PX) // (COLUMN_PX + _GAP_PX), 1)
    return n_columns, (width_px - (n_columns - 1) * _GAP_PX) // n_columns


def height_for(groups: Sequence[KeyGroup], width_px: int) -> int:
    """Height of all columns in a width."""
    n_columns, column_px = column_widths(width_px)
    heights = [group_px(group, column_px) for group in groups]
    total = [0] * n_columns
    for column, height in zip(columns(heights, n_columns), heights, strict=True):
        total[column] += height
    return max(max(total) - _GROUP_GAP_PX, _ROW_PX)


class KeyColumns(QWidget):
    """Groups of keys, laid out in as many columns as there is room for."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = LIGHT
        self._groups: tuple[KeyGroup, ...] = ()
        self._columns: list[int] = []
        self._picture: QPixmap | None = None
        self.setAccessibleName("Keys and gestures")

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        self._forget()

    def _forget(self) -> None:
        self._picture = None
        self.update()

    def show_groups(self, groups: tuple[KeyGroup, ...]) -> None:
        """Draw `groups`."""
        self._groups = groups
        said = [
            f"{' or '.join('+'.join(way) for way in row.ways)}: {row.about}"
            for group in groups
            for row in group.rows
        ]
        self.setAccessibleDescription("; ".join(said))
        self._lay_out()

    def _lay_out(self) -> None:
        n_columns, column_px = column_widths(self.width())
        heights = [group_px(group, column_px) for group in self._groups]
        self._columns = columns(heights, n_columns)
        self.setMinimumHeight(height_for(self._groups, self.width()))
        self._forget()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay out anew where the width allows for more or fewer columns."""
        super().resizeEvent(event)
        self._forget()
        if event.size().width() != event.oldSize().width():
            self._lay_out()

    def hideEvent(self, event: QHideEvent) -> None:
        """Hold no picture of what is not seen."""
        self._picture = None
        super().hideEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw every group in its column, once: then the picture is drawn again."""
        if self._picture is None:
            ratio = self.devicePixelRatioF()
            self._picture = QPixmap(self.size() * ratio)
            self._picture.setDevicePixelRatio(ratio)
            self._picture.fill(colour(self._theme.tipbg))
            self._paint_groups(self._picture)
        QPainter(self).drawPixmap(0, 0, self._picture)

    def _paint_groups(self, picture: QPixmap) -> None:
        with QPainter(picture) as painter:
            n_columns, width = column_widths(self.width())
            tops = [0] * n_columns
            for group, column in zip(self._groups, self._columns, strict=True):
                self._paint_group(painter, group, column * (width + _GAP_PX), tops[column], width)
                tops[column] += group_px(group, width)
            if not self._groups:
                draw_text(
                    painter, (0, 0, width, _ROW_PX), "No key matches", Role.BODY, self._theme.t3
                )

    def _paint_group(
        self, painter: QPainter, group: KeyGroup, left: int, top: int, width: int
    ) -> None:
        theme = self._theme
        box = (left, top, width, _HEADING_PX - 6)
        draw_text(painter, box, group.title, Role.TITLE, theme.accent_t)
        painter.fillRect(left, top + _HEADING_PX - 5, width, 1, colour(theme.line))
        top += _HEADING_PX
        for row in group.rows:
            self._paint_row(painter, row, left, top, width)
            top += row_px(row, width)

    def _paint_row(self, painter: QPainter, row: KeyRow, left: int, top: int, width: int) -> None:
        for number, text in enumerate(about_lines(row, width)):
            box = (left, top + number * _LINE_PX, width - keys_px(row), _ROW_PX)
            draw_text(painter, box, text, Role.BODY, self._theme.t1)
        for line in key_lines(row):
            x = left + width - sum(caps_px(way) + _WAY_GAP_PX for way in line) + _WAY_GAP_PX
            for way in line:
                draw_caps(painter, x, top + _ROW_PX // 2, way, self._theme)
                x += caps_px(way) + _WAY_GAP_PX
            top += _CAP_ROW_PX


class KeysView(Sheet):
    """The list of keys over the whole window."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__("Keyboard and mouse", "Search keys and gestures", parent)
        self._groups: Sequence[KeyGroup] = ()
        self._keys = KeyColumns()
        self._scroll = QScrollArea(self)
        self._scroll.setWidget(self._keys)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.field.textChanged.connect(self._search)
        self.field.installEventFilter(self)

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        super().set_theme(theme)
        self._keys.set_theme(theme)
        ground = f"background: #{theme.tipbg:06x};"
        self._scroll.setStyleSheet(f"QScrollArea {{ {ground} border: 0; }}")
        self._scroll.viewport().setStyleSheet(ground)

    def show_groups(self, groups: Sequence[KeyGroup]) -> None:
        """Open with these keys."""
        self._groups = groups
        self._keys.show_groups(tuple(groups))
        self.open()

    def shown(self) -> tuple[KeyGroup, ...]:
        """What matches what is typed."""
        return matching_keys(self._groups, self.field.text())

    def place(self) -> None:
        """Over the whole window; the card as high as its columns."""
        self.setGeometry(self.room())
        card = self.card()
        self.field.setGeometry(
            card.right() - _INNER_PX - _FIELD_PX, card.top() + 18, _FIELD_PX, self.field.height()
        )
        top = card.top() + 18 + self.field.height() + 14
        self._scroll.setGeometry(
            card.left() + _INNER_PX, top, card.width() - 2 * _INNER_PX, card.bottom() - 15 - top
        )

    def card(self) -> QRect:
        """In the middle, with some of the window around it; it stays as it is while one types."""
        room = self.rect().adjusted(_EDGE_PX, _EDGE_PX, -_EDGE_PX, -_EDGE_PX)
        width = min(room.width(), _MOST_PX)
        inner = width - 2 * _INNER_PX - _BAR_PX
        chrome = 18 + self.field.height() + 14 + 16
        height = min(height_for(self._groups, inner) + chrome, room.height())
        return QRect((self.width() - width) // 2, (self.height() - height) // 2, width, height)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Dim the window, draw the card and its title."""
        with QPainter(self) as painter:
            painter.fillRect(self.rect(), colour(self.theme.s0, _SCRIM_ALPHA))
        super().paintEvent(event)
        with QPainter(self) as painter:
            card = self.card()
            box = (card.left() + _INNER_PX, card.top() + 18, card.width() / 2, self.field.height())
            draw_text(painter, box, "Keyboard and mouse", Role.OBJECT_TITLE, self.theme.t1)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let arrows and page keys scroll while the field is typed into."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            bar = self._scroll.verticalScrollBar()
            steps = {
                Qt.Key.Key_Down: _ROW_PX,
                Qt.Key.Key_Up: -_ROW_PX,
                Qt.Key.Key_PageDown: bar.pageStep(),
                Qt.Key.Key_PageUp: -bar.pageStep(),
            }
            step = steps.get(Qt.Key(event.key()))
            if step is not None:
                bar.setValue(bar.value() + step)
                return True
            if event.key() in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
                return True  # there is nothing else to go to
        return super().eventFilter(watched, event)

    def _search(self, _typed: str) -> None:
        self._keys.show_groups(self.shown())
