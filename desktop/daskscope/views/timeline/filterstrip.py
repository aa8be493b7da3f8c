"""Left of the legend: the funnel that opens the filter, what it hides, a chip for each part.

A click on a chip takes its part out of the filter.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolButton, QWidget

from daskscope.derive.filtering import FilterFrame
from daskscope.paint.brush import colour
from daskscope.paint.control import plain_tip
from daskscope.paint.font import Role, elided, font
from daskscope.paint.icon import icon
from daskscope.predicate import NO_FILTER
from daskscope.theme import LEGEND_PX

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent

    from daskscope.derive.filtering import Chip
    from daskscope.theme import Theme

_CHIP_PX: Final = 20
#: A chip tells no more than this of long names.
_MOST_CHIP_PX: Final = 180
_ICON_PX: Final = 10


class FilterStrip(QWidget):
    """Funnel, count and chips, as wide as they are."""

    #: The funnel was pressed.
    opened = Signal()
    #: A filter without one of its parts: `predicate.Filter`.
    chosen = Signal(object)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._frame = FilterFrame(NO_FILTER)
        self._chips: list[QToolButton] = []
        self._funnel = QToolButton(self)
        self._funnel.setAccessibleName("Filter")
        self._funnel.setToolTip("Filter by prefix, worker, kind, outcome and duration")
        self._funnel.setFixedSize(22, 22)
        self._funnel.clicked.connect(self.opened)
        self._hidden = QLabel(self)
        self._hidden.setFont(font(Role.CAPTION))
        self._hidden.setTextFormat(Qt.TextFormat.PlainText)
        self._hidden.setToolTip("Spans that the filter hides; progress still counts them")
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(9, 0, 6, 1)
        self._row.setSpacing(6)
        self._row.addWidget(self._funnel)
        self._row.addWidget(self._hidden)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(LEGEND_PX)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName("Filter")
        self.set_theme(theme)

    @property
    def funnel(self) -> QToolButton:
        """The button under which the filter opens."""
        return self._funnel

    def show_filter(self, frame: FilterFrame) -> None:
        """Show what is filtered."""
        if frame == self._frame:
            return
        has_other_chips = frame.chips != self._frame.chips
        self._frame = frame
        self._hidden.setText(frame.hidden_text)
        self._hidden.setVisible(bool(frame.hidden_text))
        if has_other_chips:
            if any(chip.hasFocus() for chip in self._chips):
                self._funnel.setFocus()
            for chip in self._chips:
                self._row.removeWidget(chip)
                chip.deleteLater()
            self._chips = [self._chip(chip) for chip in frame.chips]
            # Made later than what stands behind them, and read before it.
            for before, after in pairwise((self._funnel, *self._chips)):
                self.setTabOrder(before, after)
        self._tint()

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours from now on."""
        self._theme = theme
        self._hidden.setStyleSheet(f"color: #{theme.warn:06x}; background: transparent;")
        self._tint()
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the strip's ground and the line below it."""
        with QPainter(self) as painter:
            painter.fillRect(self.rect(), colour(self._theme.hdr))
            painter.fillRect(0, self.height() - 1, self.width(), 1, colour(self._theme.line))

    def _chip(self, chip: Chip) -> QToolButton:
        button = QToolButton(self)
        # An ampersand would be taken for a mnemonic.
        button.setText(elided(Role.CAPTION, chip.text, _MOST_CHIP_PX).replace("&", "&&"))
        button.setToolTip(plain_tip(f"{chip.text}\nClick to filter without it"))
        button.setAccessibleName(f"Remove filter: {chip.text}")
        button.setFont(font(Role.CAPTION))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        # The cross stands behind the text.
        button.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
        button.setIconSize(QSize(_ICON_PX, _ICON_PX))
        button.setFixedHeight(_CHIP_PX)
        button.clicked.connect(lambda: self.chosen.emit(chip.without))
        self._row.addWidget(button)
        button.show()
        return button

    def _tint(self) -> None:
        theme = self._theme
        is_filtered = self._frame.filter != NO_FILTER
        self._funnel.setIcon(icon("funnel-simple", theme.accent_t if is_filtered else theme.t3))
        flat = (
            "QToolButton { background: transparent; border: 1px solid transparent;"
            " border-radius: 4px; padding: 0; }"
            f"QToolButton:hover {{ background: #{theme.hover:06x}; }}"
            f"QToolButton:focus {{ border-color: #{theme.accent:06x}; }}"
        )
        self._funnel.setStyleSheet(flat)
        style = (
            f"QToolButton {{ color: #{theme.accent_t:06x}; background: #{theme.accent_bg:06x};"
            " border: 1px solid transparent; border-radius: 4px; padding: 0 6px; }"
            f"QToolButton:hover, QToolButton:focus {{ border-color: #{theme.accent:06x}; }}"
        )
        for chip in self._chips:
            chip.setStyleSheet(style)
            chip.setIcon(icon("x", theme.accent_t))
