"""A dock: a title bar with tabs over one page of several, and what is said at its right end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QRect, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QPainter
from PySide6.QtWidgets import (
    QHBoxLayout,
    QSizePolicy,
    QStackedWidget,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from daskscope.paint.brush import colour
from daskscope.paint.control import TAB_INSET_PX, TabBar, plain_tip
from daskscope.paint.focus import stops
from daskscope.paint.font import Role, text_width
from daskscope.paint.text import Align, draw_text
from daskscope.theme import DOCK_TITLE_PX, LIGHT, PADDING_PX, Theme

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent


class DockTitle(QWidget):
    """The title bar of a dock: tabs at the left, a summary at the right."""

    #: Number of the tab that was chosen.
    page_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = LIGHT
        self._summary = ""
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setFixedHeight(DOCK_TITLE_PX)
        self.tabs = TabBar(DOCK_TITLE_PX - 1, self)
        self.tabs.currentChanged.connect(self.page_chosen)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(PADDING_PX - TAB_INSET_PX, 0, PADDING_PX, 1)
        layout.addWidget(self.tabs)
        layout.addStretch(1)
        self._layout = layout
        self._buttons: QWidget | None = None

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        self.tabs.set_theme(theme)
        self.update()

    def fit(self) -> None:
        """Give tabs the room that they need now: a picture may be taken before Qt comes to it."""
        self._layout.activate()

    def set_buttons(self, buttons: QWidget | None) -> None:
        """What stands right of the summary: of the page that is shown."""
        if self._buttons is not None:
            self._buttons.hide()
        self._buttons = buttons
        if buttons is not None:
            if self._layout.indexOf(buttons) < 0:
                self._layout.addWidget(buttons)
            buttons.show()
        self.update()

    def set_summary(self, text: str) -> None:
        """What is said at the right end."""
        if text != self._summary:
            self._summary = text
            self.setAccessibleDescription(text)
            self.update()

    def sizeHint(self) -> QSize:
        """As wide as its tabs."""
        return QSize(self.tabs.sizeHint().width() + 2 * PADDING_PX, DOCK_TITLE_PX)

    def summary_box(self) -> QRect:
        """Where the summary stands."""
        left = self.tabs.geometry().right() + PADDING_PX
        right = self.width() - PADDING_PX
        if self._buttons is not None:
            right = self._buttons.x() - PADDING_PX
        return QRect(left, 0, max(right - left, 0), self.height() - 1)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw ground, lower line and summary."""
        with QPainter(self) as painter:
            theme = self._theme
            painter.fillRect(self.rect(), colour(theme.s1))
            painter.fillRect(0, self.height() - 1, self.width(), 1, colour(theme.line))
            area = self.summary_box()
            box = (area.left(), 0, area.width(), area.height())
            draw_text(painter, box, self._summary, Role.VALUE, theme.t2, Align.RIGHT)

    def event(self, event: QEvent) -> bool:
        """Tell the whole summary where there is no room for it."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            box = self.summary_box()
            is_cut = text_width(Role.VALUE, self._summary) > box.width()
            text = self._summary if is_cut and box.contains(event.pos()) else ""
            QToolTip.showText(event.globalPos(), plain_tip(text), self, box)
            return True
        return super().event(event)


class Dock(QWidget):
    """Pages under one title bar; each page keeps its own summary."""

    #: Number of the page that is shown now.
    page_changed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = DockTitle(self)
        self._pages = QStackedWidget(self)
        self._pages.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._views: list[QWidget] = []
        self._summaries: list[str] = []
        self._buttons: list[QWidget | None] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.title)
        layout.addWidget(self._pages, 1)
        self.title.page_chosen.connect(self._choose)

    def add_page(self, name: str, page: QWidget, buttons: QWidget | None = None) -> int:
        """Add a page and return its number; `buttons` stand in the title while it is shown."""
        number = self._pages.addWidget(page)
        self._views.append(page)
        self._summaries.append("")
        self._buttons.append(buttons)
        if buttons is not None:
            buttons.setParent(self.title)  # in the window before its page is shown, for Tab
            buttons.hide()
        self.title.tabs.addTab(name)
        names = [self.title.tabs.tabText(tab) for tab in range(self.title.tabs.count())]
        self.title.tabs.setAccessibleName(f"Tabs: {', '.join(names)}")
        return number

    def controls(self) -> list[QWidget]:
        """What can have the focus, as it is read: tabs, then of each page its buttons and parts."""
        controls: list[QWidget] = [self.title.tabs]
        for parts in zip(self._buttons, self._views, strict=True):
            controls += [stop for part in parts if part is not None for stop in stops(part)]
        return controls

    def set_title(self, number: int, text: str) -> None:
        """What the tab of page `number` says."""
        if text != self.title.tabs.tabText(number):
            self.title.tabs.setTabText(number, text)
            self.title.fit()

    def set_summary(self, number: int, text: str) -> None:
        """What is said in the title while page `number` is shown."""
        self._summaries[number] = text
        if number == self._pages.currentIndex():
            self.title.set_summary(text)

    def set_theme(self, theme: Theme) -> None:
        """Draw the title bar in the colours of `theme`; pages have their own."""
        self.title.set_theme(theme)

    def current(self) -> int:
        """Number of the page that is shown."""
        return self._pages.currentIndex()

    def show_page(self, number: int) -> None:
        """Choose a page."""
        self.title.tabs.setCurrentIndex(number)

    def _choose(self, number: int) -> None:
        if 0 <= number < len(self._summaries):
            self._pages.setCurrentIndex(number)
            self.title.set_summary(self._summaries[number])
            self.title.set_buttons(self._buttons[number])
            self.page_changed.emit(number)
