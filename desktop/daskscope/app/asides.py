"""What a window offers beside its run: a picture, a table, its documentation, its version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QApplication, QFileDialog

from daskscope.app.manual import Manual, docs_folder
from daskscope.app.menu import say
from daskscope.app.picture import save_picture

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from daskscope.app.window import Window
    from daskscope.theme import Theme


def choose_picture(window: QWidget) -> None:
    """Let the user choose where the picture goes, and save it."""
    path, _ = QFileDialog.getSaveFileName(window, "Save picture", "", "PNG (*.png)")
    if not path:
        return
    try:
        save_picture(window, Path(path))
    except OSError as error:
        say(window, str(error))


def copy_picture(window: QWidget) -> None:
    """Put what the window shows on the clipboard."""
    QApplication.clipboard().setPixmap(window.grab())


def copy_statistics(window: Window, separator: str) -> None:
    """Put the table of the selection, or of the view, on the clipboard; it is seen then as well."""
    tab = window.tabs["statistics"]
    if not window.is_dock_shown(tab.dock):
        window.toggle_dock(tab.dock)
    window.show_tab("statistics")
    window.statistics.copy_whole(separator)


def show_manual(window: QWidget, theme: Theme) -> None:
    """Open the documentation in a window of its own, or come back to the one that is open."""
    folder = docs_folder()
    if folder is None:
        say(window, "The documentation is not installed here.")
        return
    manual = window.findChild(Manual) or Manual(folder, window)
    manual.set_theme(theme)
    manual.show()
    manual.activateWindow()


def show_about(window: QWidget) -> None:
    """Which version this is."""
    from importlib.metadata import version  # looks through all that is installed

    say(window, f"daskscope {version('daskscope')}")
