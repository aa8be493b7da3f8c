"""The documentation in a window of its own, from the pages that lie beside the package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, QUrl
from PySide6.QtWidgets import QFrame, QTextBrowser

import daskscope
from daskscope.paint.control import style_sheet
from daskscope.paint.font import Role, font

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent
    from PySide6.QtWidgets import QWidget

    from daskscope.theme import Theme

FIRST_PAGE: Final = "usage.md"
_SIZE_PX: Final = (860, 760)
_MARGIN_PX: Final = 28


def docs_folder() -> Path | None:
    """Where the pages lie: in an installed package, or beside the sources; None for nowhere."""
    package = Path(daskscope.__file__).parent
    for folder in (package / "docs", package.parents[1] / "docs"):
        if (folder / FIRST_PAGE).is_file():
            return folder
    return None


class Manual(QTextBrowser):
    """Shows pages and follows their links; Escape closes it, Alt with arrows goes back and on."""

    def __init__(self, folder: Path, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowFlag(Qt.WindowType.Window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("daskscope: documentation")
        self.setAccessibleName("Documentation")
        self.setOpenExternalLinks(True)
        self.setFont(font(Role.BODY))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.document().setDocumentMargin(_MARGIN_PX)
        self.setSource(QUrl.fromLocalFile(str(folder / FIRST_PAGE)))
        self.resize(*_SIZE_PX)

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self.setStyleSheet(style_sheet(theme))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape closes."""
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)
