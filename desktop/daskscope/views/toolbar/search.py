"""The search box: what is searched, which match of how many, from match to match."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QLineEdit, QSizePolicy, QToolButton, QWidget

from daskscope.derive.panels import SearchField
from daskscope.paint.brush import colour
from daskscope.paint.control import plain_tip
from daskscope.paint.font import Role, elided, font, text_width
from daskscope.paint.icon import draw_icon, icon
from daskscope.paint.text import Align, draw_text
from daskscope.theme import CONTROL_PX, LIGHT, Theme

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent, QMouseEvent, QPaintEvent, QResizeEvent

#: Width that suits a key's beginning and the count, and how far it goes where there is room.
SEARCH_PX: Final = 276
_MOST_SEARCH_PX: Final = 440
LEAST_SEARCH_PX: Final = 212
_RADIUS_PX: Final = 5
_TEXT_LEFT_PX: Final = 29
#: Room for what is typed that a problem leaves.
_LEAST_TEXT_PX: Final = 72
_BUTTON_PX: Final = 18
_EXPRESSION_PX: Final = 22
_GAP_PX: Final = 6


class SearchBox(QWidget):
    """A field with the number of matches, and buttons to step through them."""

    #: What is to be searched, and whether it is a regular expression.
    searched = Signal(str, bool)
    #: To the next match, or with False to the one before.
    stepped = Signal(bool)
    #: Escape: nothing is searched, and the keys go back to the task stream.
    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = LIGHT
        self._field = SearchField()
        self._text = QLineEdit(self)
        self._text.setFrame(False)
        self._text.setFont(font(Role.BODY))
        self._text.setPlaceholderText("Search tasks, keys, workers")
        self._text.setAccessibleName("Search")
        self._text.textEdited.connect(self._search)
        self._text.installEventFilter(self)
        self._expression = self._button("Regular expression", "Search a regular expression")
        self._expression.setText(".*")
        self._expression.setCheckable(True)
        self._expression.setFont(font(Role.KEY))
        self._expression.clicked.connect(self._search)
        self._before = self._button("Previous match", "Previous match (Shift+Enter, Shift+N)")
        self._before.clicked.connect(lambda: self.stepped.emit(False))
        self._next = self._button("Next match", "Next match (Enter, N)")
        self._next.clicked.connect(lambda: self.stepped.emit(True))
        self._clear = self._button("Clear search", "Clear the search (Escape)")
        self._clear.clicked.connect(self.left)
        self.setFixedHeight(CONTROL_PX)
        self.setMaximumWidth(_MOST_SEARCH_PX)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setFocusProxy(self._text)
        self.setCursor(Qt.CursorShape.IBeamCursor)
        self._place()

    def controls(self) -> tuple[QWidget, ...]:
        """What can have the focus, from left to right."""
        return self._text, self._expression, self._before, self._next, self._clear

    def focus(self) -> None:
        """Take the keys, with all text marked so that typing replaces it."""
        self._text.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._text.selectAll()

    def show_field(self, field: SearchField) -> None:
        """Show what is searched and what was found."""
        if field == self._field:
            return
        self._field = field
        if self._text.text() != field.text:
            self._text.setText(field.text)
        self._expression.setChecked(field.is_regex)
        self.setToolTip(plain_tip(field.problem or field.tip))
        self._text.setAccessibleDescription(field.problem or field.count)
        self.updateGeometry()
        self._place()
        self.update()

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        self._text.setStyleSheet(
            f"QLineEdit {{ background: transparent; border: 0; padding: 0; color: #{theme.t1:06x};"
            f" selection-background-color: #{theme.accent:06x};"
            f" selection-color: #{theme.onacc:06x}; }}"
        )
        style = (
            "QToolButton { background: transparent; border: 0; border-radius: 3px; padding: 0;"
            f" min-height: 0; max-height: 99px; color: #{theme.t3:06x}; }}"
            f"QToolButton:hover {{ background: #{theme.hover:06x}; }}"
            f"QToolButton:checked {{ background: #{theme.accent_bg:06x};"
            f" color: #{theme.accent_t:06x}; }}"
            f"QToolButton:focus {{ border: 1px solid #{theme.accent:06x}; }}"
        )
        for button, name in (
            (self._expression, ""),
            (self._before, "caret-up"),
            (self._next, "caret-down"),
            (self._clear, "x"),
        ):
            button.setStyleSheet(style)
            if name:
                button.setIcon(icon(name, theme.t2))
        self.update()

    def sizeHint(self) -> QSize:
        """Room for the beginning of a key, and for the count; it takes more where there is more."""
        return QSize(max(SEARCH_PX, self.minimumSizeHint().width()), CONTROL_PX)

    def minimumSizeHint(self) -> QSize:
        """A count is never cut; a problem can be, for it is the tooltip as well."""
        return QSize(max(LEAST_SEARCH_PX, self._wanted_px(self._field.count)), CONTROL_PX)

    @staticmethod
    def _wanted_px(note: str) -> int:
        buttons_px = 3 * _BUTTON_PX + _EXPRESSION_PX + 2 * _GAP_PX + 5
        note_px = round(text_width(Role.VALUE, note) + 0.5)
        return _TEXT_LEFT_PX + _LEAST_TEXT_PX + note_px + buttons_px

    # Painting -------------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw frame, glass and count."""
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            theme, has_focus = self._theme, self._text.hasFocus()
            edge = theme.accent if has_focus else theme.ctl
            if self._field.problem:
                edge = theme.err
            width = 2.0 if has_focus else 1.0
            painter.setPen(QPen(colour(edge), width))
            painter.setBrush(colour(theme.s2))
            inset = width / 2
            frame = QRectF(self.rect()).adjusted(inset, inset, -inset, -inset)
            painter.drawRoundedRect(frame, _RADIUS_PX, _RADIUS_PX)
            draw_icon(painter, "magnifying-glass", 8, (self.height() - 14) / 2, theme.t3, 14)
            left, width_px = self._note_px()
            tones = {"warn": theme.warn, "err": theme.err}
            ink = tones.get(self._field.tone, theme.t2)
            note = elided(Role.VALUE, self._note(), width_px)
            box = (left, 0, width_px, self.height())
            draw_text(painter, box, note, Role.VALUE, ink, Align.RIGHT)

    def _note(self) -> str:
        """The number of matches, or why there is none."""
        return self._field.problem or self._field.count

    def _note_px(self) -> tuple[int, int]:
        """Left edge and width of the note."""
        right = self._expression.x() - _GAP_PX
        most = right - _TEXT_LEFT_PX - _LEAST_TEXT_PX
        width = min(round(text_width(Role.VALUE, self._note()) + 0.5), max(most, 0))
        return right - width, width

    def _place(self) -> None:
        """Put the parts where they belong: the buttons only while there is something to step."""
        has_text = bool(self._field.text)
        right = self.width() - 5
        for button in (self._clear, self._next, self._before):
            button.setVisible(has_text)
            if has_text:
                right -= _BUTTON_PX
                button.setGeometry(right, 5, _BUTTON_PX, _BUTTON_PX)
        right -= _EXPRESSION_PX
        self._expression.setGeometry(right, 5, _EXPRESSION_PX, _BUTTON_PX)
        note_left, note_px = self._note_px()
        end = note_left - _GAP_PX if note_px else right - _GAP_PX
        self._text.setGeometry(_TEXT_LEFT_PX, 2, max(end - _TEXT_LEFT_PX, 1), self.height() - 4)

    def _button(self, name: str, tip: str) -> QToolButton:
        button = QToolButton(self)
        button.setAccessibleName(name)
        button.setToolTip(tip)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setCursor(Qt.CursorShape.ArrowCursor)
        button.setIconSize(QSize(12, 12))
        return button

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Place the parts anew."""
        super().resizeEvent(event)
        self._place()

    # Gestures -------------------------------------------------------------------------------

    def _search(self) -> None:
        self.searched.emit(self._text.text(), self._expression.isChecked())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Let a click anywhere in the box begin typing."""
        self._text.setFocus(Qt.FocusReason.MouseFocusReason)
        super().mousePressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Show the focus of the field as that of the box."""
        if watched is self._text and event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            self.update()
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Step with Enter, with Shift backwards; leave with Escape."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.stepped.emit(not event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        elif event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)
