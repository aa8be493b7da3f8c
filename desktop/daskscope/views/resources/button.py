"""The button in the title of the charts' dock: whose time they show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QToolButton

from daskscope.paint.control import style_sheet
from daskscope.paint.icon import icon
from daskscope.theme import LIGHT

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from daskscope.theme import Theme

_BUTTON_PX: Final = 22
_ICON_PX: Final = 14


class LinkButton(QToolButton):
    """On while charts show the task stream's time, off while they show the last minutes."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = LIGHT
        self.setProperty("flat", True)
        self.setCheckable(True)
        self.setChecked(True)
        self.setAccessibleName("Link charts")
        self.setFixedSize(_BUTTON_PX, _BUTTON_PX)
        self.setIconSize(QSize(_ICON_PX, _ICON_PX))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.toggled.connect(self._show_icon)

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        small = 'QToolButton[flat="true"] { min-height: 0; padding: 0; border: 0; }'
        self.setStyleSheet(f"{style_sheet(theme)} {small}")
        self._show_icon()

    def _show_icon(self) -> None:
        is_on = self.isChecked()
        rgb = self._theme.accent if is_on else self._theme.t3
        self.setIcon(icon("link-simple" if is_on else "link-simple-break", rgb))
