"""The palette of commands: type a few letters, Enter does the first that matches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from daskscope.derive.commands import Entry, Match, matches
from daskscope.paint.brush import colour
from daskscope.paint.font import Role, font, text_width
from daskscope.paint.icon import draw_icon
from daskscope.paint.keycap import caps_px, draw_caps
from daskscope.paint.speech import announce
from daskscope.paint.text import draw_text
from daskscope.theme import LIGHT, PADDING_PX, TOOLBAR_PX
from daskscope.views.overlay.sheet import SHADOW_PX, Sheet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from daskscope.theme import Theme

WIDTH_PX: Final = 580
ROW_PX: Final = 28
MOST_ROWS: Final = 13
_TEXT_LEFT_PX: Final = 36
_MATCH_ROLE: Final = Qt.ItemDataRole.UserRole
_Index: TypeAlias = QModelIndex | QPersistentModelIndex
_NOWHERE: Final = QModelIndex()
_HINT: Final = "Type an action, a prefix or a worker"
_FOOTER_PX: Final = 26


class MatchModel(QAbstractListModel):
    """What matches, as Qt's list; screen readers read its texts."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.rows: Sequence[Match] = ()

    def show_rows(self, rows: Sequence[Match]) -> None:
        """Hold `rows`."""
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: _Index = _NOWHERE) -> int:
        """How many match."""
        return len(self.rows)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """The match of a row, or its text."""
        if not index.isValid():
            return None
        match = self.rows[index.row()]
        if role == _MATCH_ROLE:
            return match
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return spoken(match.entry)
        return None


def spoken(entry: Entry) -> str:
    """An entry in words, for screen readers."""
    parts = [entry.text, entry.group]
    parts += ["on"] if entry.is_on else []
    parts += [" ".join(entry.keys)] if entry.keys else []
    return ", ".join(parts)


class MatchPainter(QStyledItemDelegate):
    """Draws one row: whether it is on, its text with what was typed, its group, its keys."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.theme: Theme = LIGHT

    def sizeHint(self, _option: QStyleOptionViewItem, _index: _Index) -> QSize:
        """All rows are of one height."""
        return QSize(WIDTH_PX, ROW_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        """Draw one row."""
        match: Match = index.data(_MATCH_ROLE)
        area: QRect = option.rect
        state: QStyle.StateFlag = option.state
        theme, entry = self.theme, match.entry
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(area, colour(theme.accent_bg))
            painter.fillRect(area.left(), area.top(), 2, area.height(), colour(theme.accent))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(area, colour(theme.hover))
        if entry.is_on:
            draw_icon(painter, "check", area.left() + 12, area.top() + 6, theme.accent_t)
        right = area.right() - PADDING_PX
        if entry.keys:
            right -= caps_px(entry.keys)
            draw_caps(painter, right, area.center().y() + 1, entry.keys, theme)
            right -= PADDING_PX
        left = area.left() + _TEXT_LEFT_PX
        right -= round(text_width(Role.SMALL, entry.group)) + PADDING_PX
        x = self._draw_text(painter, area, left, right, match)
        box = (x + 10, area.top(), area.right() - x, area.height())
        draw_text(painter, box, entry.group, Role.SMALL, theme.t2)

    def _draw_text(
        self, painter: QPainter, area: QRect, left: float, right: float, match: Match
    ) -> float:
        """Draw the text, what was typed in the accent's colour; its right end comes back."""
        text, start = match.entry.text, 0
        runs: list[tuple[str, int, Role]] = []
        for begin, end in match.marks:
            if begin < start:  # two typed words overlap
                continue
            runs += [(text[start:begin], self.theme.t1, Role.BODY)]
            runs += [(text[begin:end], self.theme.accent_t, Role.TITLE)]
            start = end
        runs.append((text[start:], self.theme.t1, Role.BODY))
        for run, rgb, role in runs:
            if run and left < right:
                box = (left, area.top(), right - left, area.height())
                left += draw_text(painter, box, run, role, rgb)
        return left


class PaletteView(Sheet):
    """The list at the upper edge of the window."""

    #: Id of the entry that is to be done.
    chosen = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__("Command palette", _HINT, parent)
        self._entries: Sequence[Entry] = ()
        self._recent: Sequence[str] = ()
        self._model = MatchModel(self)
        self._painter = MatchPainter(self)
        self._list = QListView(self)
        self._list.setModel(self._model)
        self._list.setItemDelegate(self._painter)
        self._list.setAccessibleName("Commands")
        self._list.setFrameShape(QFrame.Shape.NoFrame)
        self._list.setUniformItemSizes(True)
        self._list.setMouseTracking(True)
        self._list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._footer = QLabel(self)
        self._footer.setFont(font(Role.SMALL))
        self._footer.setTextFormat(Qt.TextFormat.PlainText)
        self._list.clicked.connect(lambda _index: self._choose())
        self.field.textChanged.connect(self._search)
        self.field.returnPressed.connect(self._choose)
        self.field.installEventFilter(self)

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        super().set_theme(theme)
        self._painter.theme = theme
        self._list.setStyleSheet(f"QListView {{ background: #{theme.tipbg:06x}; border: 0; }}")
        self._footer.setStyleSheet(f"color: #{theme.t3:06x}; background: transparent;")

    def show_entries(self, entries: Sequence[Entry], recent: Sequence[str]) -> None:
        """Open with these entries; what was chosen last stands first."""
        self._entries, self._recent = entries, recent
        self.open()
        self._search("")

    def shown(self) -> list[Entry]:
        """The entries that match, as they are listed."""
        return [match.entry for match in self._model.rows]

    def current(self) -> Entry | None:
        """The entry that Enter would do."""
        row = self._list.currentIndex().row()
        return self._model.rows[row].entry if row >= 0 else None

    def place(self) -> None:
        """At the upper edge, in the middle, as high as what matches."""
        window = self.room()
        width = min(WIDTH_PX, window.width() - 2 * SHADOW_PX)
        inner = PADDING_PX
        room = window.height() - TOOLBAR_PX - 2 * SHADOW_PX - self.field.height() - 60
        n_rows = min(max(len(self._model.rows), 1), MOST_ROWS, max(room // ROW_PX, 1))
        height = inner + self.field.height() + 8 + n_rows * ROW_PX + _FOOTER_PX + 4
        left = (window.width() - width) // 2 - SHADOW_PX
        self.setGeometry(
            left, TOOLBAR_PX - SHADOW_PX + 6, width + 2 * SHADOW_PX, height + 2 * SHADOW_PX
        )
        card = self.card()
        self.field.setGeometry(
            card.left() + inner, card.top() + inner, card.width() - 2 * inner, self.field.height()
        )
        top = self.field.geometry().bottom() + 9
        self._list.setGeometry(card.left() + 1, top, card.width() - 2, n_rows * ROW_PX)
        self._footer.setGeometry(
            card.left() + inner, top + n_rows * ROW_PX + 2, card.width() - 2 * inner, _FOOTER_PX
        )

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let arrows and page keys move in the list while the field is typed into."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            steps = {
                Qt.Key.Key_Down: 1,
                Qt.Key.Key_Up: -1,
                Qt.Key.Key_PageDown: MOST_ROWS - 1,
                Qt.Key.Key_PageUp: 1 - MOST_ROWS,
            }
            step = steps.get(Qt.Key(event.key()))
            if step is not None:
                self._step(step)
                return True
            if event.key() in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
                return True  # there is nothing else to go to
        if event.type() == QEvent.Type.FocusOut and not self.field.hasFocus():
            self._leave_if_elsewhere()
        return super().eventFilter(watched, event)

    def _leave_if_elsewhere(self) -> None:
        """What was clicked beside the palette has the focus: the palette is in the way."""
        if self.window().isActiveWindow():
            self.close_sheet()

    def _search(self, typed: str) -> None:
        self._model.show_rows(matches(self._entries, typed, self._recent))
        self.place()
        self._go_to(0)

    def _step(self, step: int) -> None:
        n_rows = len(self._model.rows)
        if not n_rows:
            return
        row = self._list.currentIndex().row() + step
        # A single step goes round, a page stops at the end.
        self._go_to(row % n_rows if abs(step) == 1 else min(max(row, 0), n_rows - 1))

    def _go_to(self, row: int) -> None:
        n_rows = len(self._model.rows)
        if n_rows:
            self._list.setCurrentIndex(self._model.index(row))
            entry = self._model.rows[row].entry
            said = f"{spoken(entry)}, {row + 1} of {n_rows}"
            self.field.setAccessibleDescription(said)
            announce(self.field, said)
            self._footer.setText(f"{row + 1} of {n_rows}   ↑ ↓ choose   Enter does it   Esc closes")
        else:
            self.field.setAccessibleDescription("Nothing matches")
            self._footer.setText("Nothing matches   Esc closes")

    def _choose(self) -> None:
        entry = self.current()
        if entry is not None:
            self.close_sheet()
            self.chosen.emit(entry.id)
