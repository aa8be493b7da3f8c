"""The table of actions as Qt's: menus, shortcuts and tooltips, each asking its binding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QFileDialog, QMessageBox

from daskscope.app.actions import ACTIONS, MENUS, Action, Context, keys_text, sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from PySide6.QtWidgets import QWidget

    from daskscope.app.bindings import Binding
    from daskscope.app.window import Window

FILE_KINDS: Final = "Recordings (*.dscope *.jsonl);;All files (*)"
#: Buttons of the toolbar that do what an action does, by their accessible names.
_BUTTONS: Final = {
    "Live": "time.follow",
    "Pause": "time.pause",
    "Fit": "time.fit",
    "Commands": "help.palette",
    "Theme": "theme.toggle",
}


class Menu(QObject):
    """Menus and shortcuts of one window.

    Attributes
    ----------
    actions
        Qt's action for each row of the table, by id.
    """

    def __init__(self, window: Window, bindings: Mapping[str, Binding]) -> None:
        super().__init__(window)
        self._bindings = bindings
        self._places: dict[Context, QWidget] = {
            Context.WINDOW: window,
            Context.STREAM: window.timeline.stream,
        }
        self.actions = {row.id: self._action(row) for row in ACTIONS}
        for title, groups in MENUS:
            parts: list[QAction | None] = []
            for group in groups:
                part = [self.actions[row.id] for row in ACTIONS if row.group == group]
                parts += [None, *part] if parts else part
            menu = window.toolbar.set_menu(title, parts)
            menu.aboutToShow.connect(self.refresh)
        rows = {row.id: row for row in ACTIONS}
        window.order_focus()
        window.toolbar.set_tips({name: tip(rows[action]) for name, action in _BUTTONS.items()})
        window.resources.buttons.setToolTip(tip(rows["panel.link"]))

    def refresh(self) -> None:
        """Let actions show how things stand; what has keys is heard whenever it is pressed."""
        for row in ACTIONS:
            binding, action = self._bindings[row.id], self.actions[row.id]
            if row.is_checkable:
                action.setChecked(binding.is_on())
            if not row.shortcuts:
                action.setEnabled(binding.can())

    def _action(self, row: Action) -> QAction:
        action = QAction(row.text, self)
        action.setCheckable(row.is_checkable)
        action.setAutoRepeat(row.is_repeating)
        action.setToolTip(tip(row))
        place = self._places[row.context]
        if row.is_held:  # shown as a shortcut in the menu, and heard by the widget
            action.setText(f"{row.text}\t{keys_text(row.shortcuts)}")
        else:
            action.setShortcuts([QKeySequence(keys) for keys in row.shortcuts])
        if row.context is not Context.WINDOW:
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        place.addAction(action)
        perform: Callable[[], object] = self._bindings[row.id].perform
        action.triggered.connect(lambda _is_checked: perform())
        return action


def tip(row: Action) -> str:
    """What an action is for, and its keys, as a tooltip."""
    about = sentence(row.about)
    return f"{about} ({keys_text(row.shortcuts)})" if row.shortcuts else about


def say(window: QWidget, text: str) -> None:
    """Tell the user something, as plain text, without holding up the clock."""
    box = QMessageBox(window)
    box.setWindowTitle("daskscope")
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(text)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()


def chosen_recording(window: QWidget) -> str:
    """The recording that the user chooses, or ""."""
    return QFileDialog.getOpenFileName(window, "Open recording", "", FILE_KINDS)[0]
