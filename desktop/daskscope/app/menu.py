"""The menus: every action with its shortcut, once, for the toolbar, the palette and the help."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QMessageBox

if TYPE_CHECKING:
    from daskscope.app.window import Window

FILE_KINDS = "Recordings (*.dscope *.jsonl);;All files (*)"

SHORTCUTS = (
    ("Wheel", "zoom at the pointer (Ctrl: finer)"),
    ("Shift + wheel, Shift + drag, middle drag", "pan in time"),
    ("Wheel over the names, Alt + wheel", "scroll the lanes"),
    ("Drag", "select a stretch of time"),
    ("Double click", "zoom to a task"),
    ("W S A D, arrows", "zoom and pan"),
    ("F", "the selection, or the whole run"),
    ("Home, End", "the start; follow now"),
    ("Space", "pause, and follow again"),
    ("Escape", "clear the selection"),
)


class Menu(QObject):
    """File, View and Help of the toolbar."""

    open_chosen = Signal(str)
    theme_chosen = Signal(str)
    picture_chosen = Signal(str)

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        opening = window.action("Open recording…", "Ctrl+O")
        opening.triggered.connect(self.choose_recording)
        picture = window.action("Save picture…", "Ctrl+Shift+S")
        picture.triggered.connect(self._picture)
        leaving = window.action("Quit", "Ctrl+Q")
        leaving.triggered.connect(window.close)
        window.toolbar.set_menu("File", [opening, picture, leaving])
        light = window.action("Light", "")
        light.triggered.connect(lambda: self.theme_chosen.emit("light"))
        dark = window.action("Dark", "")
        dark.triggered.connect(lambda: self.theme_chosen.emit("dark"))
        window.toolbar.set_menu("View", [*window.dock_actions(), light, dark])
        shortcuts = window.action("Keyboard and mouse", "?")
        shortcuts.triggered.connect(self._show_shortcuts)
        about = window.action("About daskscope", "")
        about.triggered.connect(lambda: self.say(f"daskscope {version('daskscope')}"))
        window.toolbar.set_menu("Help", [shortcuts, about])

    def say(self, text: str) -> None:
        """Tell the user something, as plain text, without holding up the clock."""
        box = QMessageBox(self._window)
        box.setWindowTitle("daskscope")
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(text)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    def choose_recording(self) -> None:
        """Let the user choose a recording."""
        path, _ = QFileDialog.getOpenFileName(self._window, "Open recording", "", FILE_KINDS)
        if path:
            self.open_chosen.emit(path)

    def _picture(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self._window, "Save picture", "", "PNG (*.png)")
        if path:
            self.picture_chosen.emit(path)

    def _show_shortcuts(self) -> None:
        self.say("\n".join(f"{keys}: {meaning}" for keys, meaning in SHORTCUTS))
