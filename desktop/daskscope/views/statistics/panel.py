"""The panel of statistics: table, histogram, workers; and the buttons in the dock's title."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QGuiApplication, QPalette
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QVBoxLayout, QWidget

from daskscope.derive.statistics.frame import as_lines
from daskscope.paint.control import style_sheet
from daskscope.paint.icon import icon
from daskscope.theme import LIGHT, Theme
from daskscope.views.statistics.histogram import HistogramView
from daskscope.views.statistics.table import PrefixTable
from daskscope.views.statistics.workers import LEAST_WIDTH_PX, WIDTH_PX, FactsView, SharesView

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from daskscope.derive.statistics.frame import StatisticsFrame

_BUTTON_PX: Final = 22
_ICON_PX: Final = 14
#: From this width on there is room for everything; below the other, for two of three parts.
_AMPLE_PX: Final = 1_000
_NARROW_PX: Final = 760
#: Of the width beside the workers, for the table, unless its columns need more.
_TABLE_SHARE: Final = 0.68


class StatisticsView(QWidget):
    """Statistics of one scope.

    Attributes
    ----------
    table, histogram
        Public for their signals.
    buttons
        What belongs into the title of the dock.
    """

    #: Select nothing any more.
    cleared = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frame: StatisticsFrame | None = None
        #: What separates values of a copy that waits for its numbers.
        self._awaited = ""
        self.table = PrefixTable(self)
        self.histogram = HistogramView(self)
        self.shares = SharesView(self)
        self.facts = FactsView(self)
        self._side = QWidget(self)
        self._side.setFixedWidth(WIDTH_PX)
        beside = QVBoxLayout(self._side)
        beside.setContentsMargins(0, 0, 0, 6)
        beside.setSpacing(0)
        beside.addWidget(self.shares, 1)
        beside.addWidget(self.facts)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(1)
        for part in (self.table, self.histogram, self._side):
            self._row.addWidget(part)
        self.buttons = _Buttons()
        self.buttons.clear.clicked.connect(self.cleared)
        self.buttons.copied.connect(self.copy)
        self.buttons.swap.toggled.connect(self._share_room)
        self.table.copy_requested.connect(lambda: self.copy("\t"))
        self.setAutoFillBackground(True)
        self.set_theme(LIGHT)

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        # What is between the parts is a line.
        for widget, rgb in ((self, theme.line), (self._side, theme.s2)):
            ground = widget.palette()
            ground.setColor(QPalette.ColorRole.Window, rgb)
            widget.setPalette(ground)
            widget.setAutoFillBackground(True)
        for part in (self.table, self.histogram, self.shares, self.facts, self.buttons):
            part.set_theme(theme)

    def show_frame(self, frame: StatisticsFrame) -> None:
        """Draw `frame`."""
        self._frame = frame
        if self._awaited and frame.share >= 1:
            self.copy(self._awaited)
        self.table.show_frame(frame)
        self.histogram.show_frame(frame)
        self.shares.show_shares(frame.shares)
        self.facts.show_facts(frame.facts)
        self.buttons.clear.setVisible(frame.has_selection)
        self._share_room()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the room anew."""
        super().resizeEvent(event)
        self._share_room()

    def _share_room(self) -> None:
        """Give the table what its columns need; durations and workers take turns if they must."""
        is_narrow = self.width() < _NARROW_PX
        has_side = not is_narrow or self.buttons.swap.isChecked()
        self.buttons.swap.setVisible(is_narrow)
        self.histogram.setVisible(not (is_narrow and has_side))
        self._side.setVisible(has_side)
        is_tight = not is_narrow and self.width() < _AMPLE_PX
        self._side.setFixedWidth(LEAST_WIDTH_PX if is_tight else WIDTH_PX)
        room_px = self.width() - (self._side.width() if has_side else 0)
        most_px = room_px - self.histogram.minimumWidth()
        table_px = max(round(room_px * _TABLE_SHARE), min(self.table.wanted_px, most_px))
        self._row.setStretch(0, table_px)
        self._row.setStretch(1, room_px - table_px)

    def copy(self, separator: str) -> None:
        """Put the table that is seen on the clipboard, with `separator` between values."""
        self._awaited = ""
        if self._frame is not None:
            QGuiApplication.clipboard().setText(as_lines(self._frame, separator))

    def copy_whole(self, separator: str) -> None:
        """Copy the table, once all is counted that it is to tell."""
        if self._frame is not None and self._frame.share >= 1:
            self.copy(separator)
        else:
            self._awaited = separator

    def forget(self) -> None:
        """Copy nothing that was counted so far: by the next time it is of something else."""
        self._frame = None


class _Buttons(QWidget):
    """Durations or workers, where there is no room for both; more; and clear."""

    copied = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.swap, self.more, self.clear = (QToolButton(self) for _ in range(3))
        self.swap.setCheckable(True)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        for button, name in (
            (self.swap, "Busy shares in place of durations"),
            (self.more, "Copy the table"),
            (self.clear, "Clear the selection"),
        ):
            button.setProperty("flat", True)
            button.setToolTip(name)
            button.setAccessibleName(name)
            button.setFixedSize(_BUTTON_PX, _BUTTON_PX)
            button.setIconSize(QSize(_ICON_PX, _ICON_PX))
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            layout.addWidget(button)
        menu = QMenu(self.more)
        menu.addAction("Copy as TSV", lambda: self.copied.emit("\t"))
        menu.addAction("Copy as CSV", lambda: self.copied.emit(","))
        self.more.setMenu(menu)
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        sheet = style_sheet(theme)
        small = 'QToolButton[flat="true"] { min-height: 0; padding: 0; border: 0; }'
        self.setStyleSheet(f"{sheet} {small}")
        self.swap.setIcon(icon("swap", theme.t2))
        self.more.setIcon(icon("dots-three", theme.t2))
        self.clear.setIcon(icon("x", theme.t2))
