"""Icons of a font as Qt's: Phosphor's, which QtAwesome brings.

QtAwesome itself makes Python classes of all of Qt when it is imported, and loads twelve fonts for
its first icon: a quarter of a window's start. Its files are found and read here without it.
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QFont, QFontDatabase, QIcon, QIconEngine, QPainter, QPixmap

if TYPE_CHECKING:
    from PySide6.QtGui import QColor

#: Of the height of an icon: a glyph has bearings of its own around it.
_GLYPH_SHARE: Final = 0.875


class GlyphEngine(QIconEngine):
    """Paints one character of the font in a colour, or in the other where it is disabled."""

    def __init__(self, name: str, colour: QColor, disabled: QColor) -> None:
        super().__init__()
        self._text = _characters()[name]
        self._colour, self._disabled = colour, disabled

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, _state: QIcon.State) -> None:
        """Paint it in the middle of `rect`."""
        font = QFont(_family())
        font.setPixelSize(round(_GLYPH_SHARE * rect.height()))
        painter.save()
        painter.setFont(font)
        painter.setPen(self._disabled if mode is QIcon.Mode.Disabled else self._colour)
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, self._text)
        painter.restore()

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        """It alone."""
        pixmap = QPixmap(size)
        pixmap.fill(Qt.GlobalColor.transparent)
        with QPainter(pixmap) as painter:
            self.paint(painter, QRect(QPoint(0, 0), size), mode, state)
        return pixmap


def _file(pattern: str) -> Path:
    package = find_spec("qtawesome")
    folders = (package and package.submodule_search_locations) or ()
    for folder in folders:
        for path in sorted(Path(folder, "fonts").glob(pattern)):
            return path
    raise FileNotFoundError(f"QtAwesome, which has the icons, lacks {pattern}")


@lru_cache
def _family() -> str:
    """Name of the font, which is loaded with the first icon."""
    number = QFontDatabase.addApplicationFont(str(_file("phosphor-[0-9]*.ttf")))
    families = QFontDatabase.applicationFontFamilies(number)
    return families[0] if families else ""  # a system may refuse it


@lru_cache
def _characters() -> dict[str, str]:
    """The character of each icon by its name."""
    codes: dict[str, str] = json.loads(_file("phosphor-charmap-*.json").read_text())
    return {name: chr(int(code, 16)) for name, code in codes.items()}
