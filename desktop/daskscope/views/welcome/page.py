"""The page of the empty state: title, live counters, recipes, the data's way, recordings."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from daskscope.derive.panels import Recipe, WelcomeFrame
from daskscope.paint.brush import colour
from daskscope.paint.control import TabBar, style_sheet
from daskscope.paint.font import Role, font
from daskscope.paint.icon import ICON_PX, icon
from daskscope.paint.text import draw_text
from daskscope.theme import LIGHT, Theme
from daskscope.views.welcome.dataway import DataWay
from daskscope.views.welcome.recipe import CopyButton, RecipePage
from daskscope.views.welcome.shelf import Shelf

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent, QResizeEvent

_PAGE_PX: Final = 840
_MARGIN_PX: Final = 48
_LEAST_MARGIN_PX: Final = 24
_SHELF_PX: Final = 400
_ROOMY_PX: Final = 1_200
_LEAST_SHELF_PX: Final = 300
_COUNTERS_PX: Final = 64
_TAB_PX: Final = 32


class WelcomeView(QWidget):
    """What is shown until the first task has come."""

    #: Path of a recording.
    open_requested = Signal(str)
    #: Which recording to open is still to be chosen.
    choose_requested = Signal()
    recover_requested = Signal(str)
    demo_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = LIGHT
        self._frame = WelcomeFrame("", "", (), (), ())
        self.shelf = Shelf(self)
        self.shelf.open_requested.connect(self.open_requested)
        self.shelf.recover_requested.connect(self.recover_requested)
        self._open = _button("Open recording", "Open a recording from a file")
        self._demo = _button("Run the demo", "Start a small cluster on this machine and show it")
        self._demo.setProperty("primary", "true")
        self._open.clicked.connect(self.choose_requested)
        self._demo.clicked.connect(self.demo_requested)
        self._heading = Heading(self)
        self._sentence = QLabel(self)
        self._sentence.setTextFormat(Qt.TextFormat.PlainText)
        self._sentence.setWordWrap(True)
        self._sentence.setFont(font(Role.BODY))
        self._counters = Counters(self)
        self.tabs = TabBar(_TAB_PX, self, inset_px=0)
        self._recipes: list[RecipePage] = []
        self._way = DataWay(self)
        self.tabs.currentChanged.connect(self._choose)
        self.tabs.setAccessibleName("Ways to send data")
        self._scroll = QScrollArea(self)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # it follows the focus of its parts
        self._page = QWidget(self._scroll)
        self._column = QVBoxLayout(self._page)
        self._lay_out()
        self.set_theme(LIGHT)

    def show_frame(self, frame: WelcomeFrame) -> None:
        """Draw `frame`; recipes are made anew only when an address in them changes."""
        has_new_recipes = frame.recipes != self._frame.recipes
        self._frame = frame
        self.setAccessibleName(frame.title)
        self._heading.show_title(frame.title)
        self._sentence.setText(frame.sentence)
        for part in (self._demo, self.tabs, self._way):
            part.setVisible(bool(frame.recipes))
        self._counters.show_counters(frame.counters)
        self.shelf.show_recordings(frame.recordings)
        if has_new_recipes:
            self._show_recipes(frame.recipes)
        self._show_way()

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        self.setStyleSheet(style_sheet(theme))
        self._open.setIcon(icon("folder-open", theme.t2))
        self._demo.setIcon(icon("play-fill", theme.onacc))
        self._heading.set_theme(theme)
        self._sentence.setStyleSheet(f"color: #{theme.t2:06x};")
        self._counters.set_theme(theme)
        self.tabs.set_theme(theme)
        self._way.set_theme(theme)
        self.shelf.set_theme(theme)
        for recipe in self._recipes:
            recipe.set_theme(theme)
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the width between page and recordings."""
        super().resizeEvent(event)
        shelf_px = min(max(round(self.width() * 0.3125), _LEAST_SHELF_PX), _SHELF_PX)
        self.shelf.setFixedWidth(shelf_px)
        margin = _MARGIN_PX if self.width() >= _ROOMY_PX else _LEAST_MARGIN_PX
        self._column.setContentsMargins(margin, 36, margin, 24)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the grounds and the line between them."""
        with QPainter(self) as painter:
            painter.fillRect(self.rect(), colour(self._theme.s2))
            left = self.shelf.geometry().left() - 1
            painter.fillRect(left, 0, self.width() - left, self.height(), colour(self._theme.s1))
            painter.fillRect(left, 0, 1, self.height(), colour(self._theme.line))

    def _lay_out(self) -> None:
        heading = QHBoxLayout()
        heading.setSpacing(8)
        heading.addWidget(self._heading, 1)
        heading.addWidget(self._open, 0, Qt.AlignmentFlag.AlignTop)
        heading.addWidget(self._demo, 0, Qt.AlignmentFlag.AlignTop)
        column = self._column
        column.setSpacing(0)
        column.addLayout(heading)
        column.addSpacing(2)
        column.addWidget(self._sentence)
        column.addSpacing(16)
        column.addWidget(self._counters)
        column.addSpacing(20)
        column.addWidget(self.tabs)
        column.addSpacing(20)
        column.addWidget(self._way)
        column.addStretch(1)
        self._page.setMaximumWidth(_PAGE_PX + 2 * _MARGIN_PX)
        self._scroll.setWidget(self._page)
        self._scroll.setWidgetResizable(True)
        self._scroll.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.viewport().setAutoFillBackground(False)
        self._page.setAutoFillBackground(False)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(1)
        row.addWidget(self._scroll, 1)
        row.addWidget(self.shelf)

    def _show_recipes(self, recipes: tuple[Recipe, ...]) -> None:
        chosen = max(self.tabs.currentIndex(), 0)
        for page in self._recipes:
            self._column.removeWidget(page)
            page.hide()
            page.deleteLater()
        self._recipes = [RecipePage(recipe, self._page) for recipe in recipes]
        while self.tabs.count():
            self.tabs.removeTab(0)
        below_tabs = self._column.indexOf(self.tabs) + 1
        for recipe, page in zip(recipes, self._recipes, strict=True):
            page.set_theme(self._theme)
            page.hide()
            self._column.insertWidget(below_tabs, page)
            self.tabs.addTab(recipe.title)
        self.tabs.setCurrentIndex(min(chosen, len(recipes) - 1))
        self._choose(self.tabs.currentIndex())
        self.order_focus()

    def controls(self) -> list[QWidget]:
        """What can have the focus, as it is read."""
        copies = [button for page in self._recipes for button in page.findChildren(CopyButton)]
        return [self._open, self._demo, self.tabs, *copies, self.shelf]

    def order_focus(self) -> None:
        """Let Tab go through the page as it is read."""
        for before, after in itertools.pairwise(self.controls()):
            self.setTabOrder(before, after)

    def _choose(self, index: int) -> None:
        for number, page in enumerate(self._recipes):
            page.setVisible(number == index)
        self._show_way()

    def _show_way(self) -> None:
        index = self.tabs.currentIndex()
        if not 0 <= index < len(self._frame.recipes):
            return
        recipe = self._frame.recipes[index]
        self._way.show_way(
            self._frame.address, recipe.is_through_collector, self._frame.has_received
        )


class Heading(QWidget):
    """The title."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = LIGHT
        self._title = ""
        self.setFixedHeight(28)

    def show_title(self, title: str) -> None:
        """Draw this one."""
        self._title = title
        self.update()

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it."""
        box = (0, 0, self.width(), 28)
        with QPainter(self) as painter:
            draw_text(painter, box, self._title, Role.PAGE_TITLE, self._theme.t1)


class Counters(QWidget):
    """Live counters side by side."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = LIGHT
        self._counters: tuple[tuple[str, str, str], ...] = ()
        self.setFixedHeight(_COUNTERS_PX)

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        self.update()

    def show_counters(self, counters: tuple[tuple[str, str, str], ...]) -> None:
        """Draw these: label, value, remark of each."""
        if counters != self._counters:
            self._counters = counters
            said = ", ".join(f"{label} {value}" for label, value, _ in counters)
            self.setAccessibleName(said)
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw them, with lines above, below and between."""
        with QPainter(self) as painter:
            theme = self._theme
            for y in (0, self.height() - 1):
                painter.fillRect(0, y, self.width(), 1, colour(theme.line))
            width = self.width() / max(len(self._counters), 1)
            for index, (label, value, remark) in enumerate(self._counters):
                left = round(index * width) + (16 if index else 0)
                room = width - 24
                if index:
                    painter.fillRect(left - 16, 12, 1, self.height() - 24, colour(theme.line))
                draw_text(painter, (left, 8, room, 18), label, Role.BODY, theme.t2)
                drawn = (
                    draw_text(painter, (left, 28, room, 28), value, Role.PAGE_TITLE, theme.t1) + 8
                )
                rgb = {"Requests received": theme.ok, "Rejected": theme.warn}.get(label, theme.t3)
                draw_text(painter, (left + drawn, 30, room - drawn, 26), remark, Role.VALUE, rgb)


def _button(text: str, tip: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setToolTip(tip)
    button.setFont(font(Role.TITLE))
    button.setIconSize(QSize(ICON_PX, ICON_PX))
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    return button
