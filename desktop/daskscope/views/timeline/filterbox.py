"""The filter's box below the funnel: prefixes, workers, kinds, outcomes, durations to choose."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from daskscope.derive.filtering import (
    KIND_WORDS,
    STATE_WORDS,
    duration_ns,
    duration_text,
)
from daskscope.paint.control import style_sheet
from daskscope.paint.font import Role, font
from daskscope.predicate import NO_FILTER, Filter
from daskscope.theme import PADDING_PX, Theme
from daskscope.views.timeline.checks import ROW_PX, Checks

if TYPE_CHECKING:
    from daskscope.derive.filtering import FilterChoices

_LIST_PX: Final = 190
_WORDS_PX: Final = 176
_FIELD_PX: Final = 24
_GAP_PX: Final = 8


class FilterBox(QFrame):
    """A popup; each choice in it is a new filter at once."""

    #: `predicate.Filter`
    chosen = Signal(object)

    def __init__(self, theme: Theme, choices: FilterChoices, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self._theme, self._filter = theme, choices.filter
        self._choices = choices
        self._is_filling = False
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAccessibleName("Filter")
        self._prefixes, self._workers = Checks("Prefixes", theme), Checks("Workers", theme)
        self._kinds, self._states = Checks("Kinds", theme), Checks("Outcomes", theme)
        limit_px = (_WORDS_PX - _GAP_PX) // 2
        self._least = _field("Shortest duration", "from 10 ms", limit_px)
        self._most = _field("Longest duration", "to 1.5 s", limit_px)
        self._reset = QToolButton(self)
        self._fill()
        self._lay_out()
        self._connect()
        self._style()

    def show_below(self, widget: QWidget) -> None:
        """Open below `widget`."""
        self.adjustSize()
        self.move(widget.mapToGlobal(QPoint(0, widget.height() + 4)))
        self.show()
        self._prefixes.setFocus()

    # Making ---------------------------------------------------------------------------------

    def _fill(self) -> None:
        """Let every part show the filter."""
        self._is_filling = True
        meant = self._filter
        self._prefixes.fill(
            (name, name not in meant.hidden_prefixes, slot) for name, slot in self._choices.prefixes
        )
        self._workers.fill((name, name in meant.workers, None) for name in self._choices.workers)
        self._kinds.fill(
            (word, not meant.hidden_kinds.issuperset(kinds), None) for word, kinds in KIND_WORDS
        )
        self._states.fill(
            (word, state not in meant.hidden_states, None) for word, state in STATE_WORDS
        )
        self._least.setText(duration_text(meant.least_ns))
        self._most.setText(duration_text(meant.most_ns))
        self._is_filling = False

    def _lay_out(self) -> None:
        for names in (self._prefixes, self._workers):  # as high as the words beside them
            names.setFixedWidth(_LIST_PX)
        for words, n in ((self._kinds, len(KIND_WORDS)), (self._states, len(STATE_WORDS))):
            words.setFixedSize(_WORDS_PX, n * ROW_PX + 2)
        narrowing = [_field(f"Find a {what}", "Find", _LIST_PX) for what in ("prefix", "worker")]
        for field, names in zip(narrowing, (self._prefixes, self._workers), strict=True):
            field.textEdited.connect(names.narrow)
        limits = QHBoxLayout()
        limits.setSpacing(_GAP_PX)
        limits.addWidget(self._least)
        limits.addWidget(self._most)
        last = _column("Kind", self._kinds, _title("Outcome"), self._states, _title("Duration"))
        last.addLayout(limits)
        last.addStretch(1)
        columns = QHBoxLayout()
        columns.setSpacing(PADDING_PX)
        columns.addLayout(_column("Prefixes", narrowing[0], self._prefixes))
        columns.addLayout(_column("Only workers", narrowing[1], self._workers))
        columns.addLayout(last)
        self._reset.setText("Show everything")
        self._reset.setFont(font(Role.BODY))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(PADDING_PX, PADDING_PX, PADDING_PX, PADDING_PX)
        layout.setSpacing(_GAP_PX)
        layout.addLayout(columns)
        layout.addWidget(self._reset, 0, Qt.AlignmentFlag.AlignLeft)

    def _connect(self) -> None:
        self._prefixes.changed.connect(self._choose_prefixes)
        self._workers.changed.connect(self._choose_workers)
        self._kinds.changed.connect(self._choose_kinds)
        self._states.changed.connect(self._choose_states)
        self._least.editingFinished.connect(self._choose_durations)
        self._most.editingFinished.connect(self._choose_durations)
        self._reset.clicked.connect(lambda: self._show(NO_FILTER))

    def _style(self) -> None:
        theme = self._theme
        self.setStyleSheet(
            style_sheet(theme)
            + f"FilterBox {{ background: #{theme.s2:06x}; border: 1px solid #{theme.tipline:06x};"
            f" border-radius: 6px; }} QLabel {{ color: #{theme.t2:06x}; }}"
            f" QListWidget {{ background: #{theme.s2:06x}; border: 0; color: #{theme.t1:06x};"
            " outline: 0; }"
            f" QLineEdit {{ background: #{theme.s2:06x}; color: #{theme.t1:06x};"
            f" border: 1px solid #{theme.ctl:06x}; border-radius: 4px; padding: 2px 6px; }}"
            f" QLineEdit:focus {{ border-color: #{theme.accent:06x}; }}"
            f' QLineEdit[wrong="true"] {{ border-color: #{theme.err:06x}; }}'
        )

    # Choosing -------------------------------------------------------------------------------

    def _choose(self, **parts: object) -> None:
        if self._is_filling:
            return
        self._filter = replace(self._filter, **parts)  # type: ignore[arg-type]
        self.chosen.emit(self._filter)

    def _show(self, meant: Filter) -> None:
        self._filter = meant
        self._fill()
        self.chosen.emit(meant)

    def _choose_prefixes(self) -> None:
        self._choose(hidden_prefixes=frozenset(self._prefixes.unchecked()))

    def _choose_workers(self) -> None:
        self._choose(workers=frozenset(self._workers.checked()))

    def _choose_kinds(self) -> None:
        hidden = set(self._kinds.unchecked())
        kinds = (kind for word, kinds in KIND_WORDS if word in hidden for kind in kinds)
        self._choose(hidden_kinds=frozenset(kinds))

    def _choose_states(self) -> None:
        hidden = set(self._states.unchecked())
        self._choose(
            hidden_states=frozenset(int(state) for word, state in STATE_WORDS if word in hidden)
        )

    def _choose_durations(self) -> None:
        limits = [duration_ns(limit.text()) for limit in (self._least, self._most)]
        for limit, time_ns in zip((self._least, self._most), limits, strict=True):
            limit.setProperty("wrong", "true" if time_ns is None else "false")
            limit.setToolTip("Write 10 ms, 1.5 s or 2 min" if time_ns is None else "")
            limit.style().polish(limit)
        if None not in limits:
            self._choose(least_ns=limits[0], most_ns=limits[1])


def _title(text: str) -> QLabel:
    label = QLabel(text)
    label.setFont(font(Role.CAPTION))
    return label


def _field(name: str, hint: str, width_px: int) -> QLineEdit:
    field = QLineEdit()
    field.setAccessibleName(name)
    field.setPlaceholderText(hint)
    field.setFont(font(Role.BODY))
    field.setFixedSize(width_px, _FIELD_PX)
    return field


def _column(title: str, *parts: QWidget) -> QVBoxLayout:
    """Parts below a title."""
    column = QVBoxLayout()
    column.setSpacing(4)
    for part in (_title(title), *parts):
        column.addWidget(part)
    return column
