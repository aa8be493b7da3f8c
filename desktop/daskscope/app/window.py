"""The main window: which view stands where, and which is shown. It knows no data."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QEvent, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import (
    QApplication,
    QMainWindow,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from daskscope.app.borders import Borders
from daskscope.app.presence import Presence
from daskscope.app.settings import Layout
from daskscope.paint.brush import use_ratio
from daskscope.paint.control import window_sheet
from daskscope.paint.focus import FocusRing
from daskscope.paint.font import Role, font
from daskscope.paint.table import RowArea
from daskscope.theme import WINDOW_LEAST_PX, Density, Theme
from daskscope.views.details.panel import DetailsView
from daskscope.views.dock import Dock
from daskscope.views.loading import LoadingView
from daskscope.views.overlay.hint import HintView
from daskscope.views.overlay.keys import KeysView
from daskscope.views.overlay.palette import PaletteView
from daskscope.views.progress import ProgressView
from daskscope.views.records import ERROR_COLUMNS, EventsTable, RecordsTable
from daskscope.views.resources import ResourcesView
from daskscope.views.statistics import StatisticsView
from daskscope.views.statusbar import StatusBarView
from daskscope.views.timeline.panel import TimelinePanel
from daskscope.views.toolbar import Toolbar
from daskscope.views.welcome import WelcomeView
from daskscope.views.workers import WorkersView

if TYPE_CHECKING:
    from PySide6.QtGui import QCloseEvent, QKeyEvent, QResizeEvent


@dataclass(frozen=True, slots=True)
class Tab:
    """Where a view stands: in which dock, as which page; and which part of it hears its keys."""

    dock: str
    page: int
    view: QWidget
    part: QWidget


class Window(QMainWindow):
    """Toolbar, timeline, docks and status bar; or the empty state in their place.

    Attributes
    ----------
    docks
        Docks by name.
    tabs
        Views that stand in docks, by name.
    borders
        What lies between docks.
    presence
        Whether somebody is there.
    """

    resized = Signal()
    closed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setWindowTitle("daskscope")
        self.setMinimumSize(QSize(*WINDOW_LEAST_PX))
        self.presence = Presence(self)
        self.toolbar = Toolbar(self)
        self.timeline = TimelinePanel(theme, self)
        self.progress = ProgressView(self)
        self.workers = WorkersView(self)
        self.events = EventsTable(self)
        self.errors = RecordsTable("Errors", ERROR_COLUMNS, self)
        self.resources = ResourcesView(self)
        self.statistics = StatisticsView(self)
        self.details = DetailsView(self)
        self.welcome = WelcomeView(self)
        self.loading = LoadingView(self)
        self.status = StatusBarView(self)
        self.progress_dock, self.resources_dock, self.workers_dock = (Dock(self) for _ in range(3))
        self.docks = {
            "progress": self.progress_dock,
            "resources": self.resources_dock,
            "workers": self.workers_dock,
        }
        self.tabs: dict[str, Tab] = {}
        self._ring = FocusRing(self)
        for view in (self.timeline.stream, self.timeline.legend, self.welcome.shelf):
            self._ring.watch(view)
        self._add_tabs()
        self.borders = Borders(self)
        self.progress_dock.page_changed.connect(self._share_right)
        self._pages = QStackedWidget(self)
        self._pages.addWidget(self.welcome)
        self._pages.addWidget(self.borders.all)
        self._layout = Layout()
        self.setCentralWidget(self._body())
        self.commands = PaletteView(self)
        self.keys = KeysView(self)
        self.hint = HintView(self)
        self.set_theme(theme)

    def _body(self) -> QWidget:
        """Toolbar, pages and status bar, one under the other."""
        body = QWidget(self)
        layout = QVBoxLayout(body)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.toolbar)
        layout.addWidget(self.loading)
        layout.addWidget(self._pages, 1)
        layout.addWidget(self.status)
        return body

    def _add_tabs(self) -> None:
        statistics, resources, table = self.statistics, self.resources, self.events.table
        self._add_tab("Progress", "progress", self.progress)
        self._add_tab("Details", "progress", self.details)
        self._add_tab("Resources", "resources", resources, buttons=resources.buttons)
        self._add_tab("Workers", "workers", self.workers)
        self._add_tab("Statistics", "workers", statistics, statistics.table, statistics.buttons)
        self._add_tab("Events", "workers", self.events, table)
        self._add_tab("Errors", "workers", self.errors)

    def _add_tab(
        self,
        title: str,
        dock: str,
        view: QWidget,
        part: QWidget | None = None,
        buttons: QWidget | None = None,
    ) -> None:
        """Give a view its tab in a dock of `docks`, and its name in `tabs`."""
        page = self.docks[dock].add_page(title, view, buttons)
        self.tabs[title.lower()] = Tab(dock, page, view, part or view)
        self._ring.watch_within(view)

    def set_summary(self, name: str, text: str) -> None:
        """What is said at the end of a dock's title while a view of `tabs` is shown."""
        self.docks[self.tabs[name].dock].set_summary(self.tabs[name].page, text)

    def set_title(self, name: str, text: str) -> None:
        """What the tab of a view of `tabs` says."""
        self.docks[self.tabs[name].dock].set_title(self.tabs[name].page, text)

    def set_theme(self, theme: Theme) -> None:
        """Draw everything in the colours of `theme`."""
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.setPalette(palette(theme))
            application.setFont(font(Role.BODY))
        self.setStyleSheet(window_sheet(theme))
        for view in (
            self.toolbar,
            self.timeline,
            self.progress,
            self.workers,
            self.events,
            self.errors,
            self.resources,
            self.statistics,
            self.details,
            self.welcome,
            self.loading,
            self.status,
            self.borders,
            self.commands,
            self.keys,
            self.hint,
            self._ring,
        ):
            view.set_theme(theme)
        for dock in self.docks.values():
            dock.set_theme(theme)

    @property
    def is_welcome(self) -> bool:
        """The empty state is shown."""
        return self._pages.currentWidget() is self.welcome

    @property
    def has_sheet(self) -> bool:
        """Palette or list of keys lie over it."""
        return self.commands.isVisible() or self.keys.isVisible()

    def show_data(self) -> None:
        """Leave the empty state; the task stream hears the keys, unless a sheet does."""
        self._pages.setCurrentWidget(self.borders.all)
        if not self.has_sheet:
            self.timeline.stream.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_only(self, view: str) -> None:
        """Show one view alone, or `all`."""
        parts: dict[str, QWidget] = {"task-stream": self.timeline, **self.docks}
        for name, part in parts.items():
            part.setVisible(view in ("all", name))
        self.borders.left.setVisible(view in ("all", "task-stream", "workers"))
        self.borders.right.setVisible(view in ("all", "progress", "resources"))

    def is_dock_shown(self, name: str) -> bool:
        """Whether a dock of `docks` has its place, though perhaps behind the empty state."""
        return not self.docks[name].isHidden()

    def toggle_dock(self, name: str) -> None:
        """Show a dock of `docks`, or hide it."""
        self._show_dock(name, self.docks[name].isHidden())

    def _show_dock(self, name: str, is_shown: bool) -> None:
        self.docks[name].setVisible(is_shown)
        is_right_shown = self.is_dock_shown("progress") or self.is_dock_shown("resources")
        self.borders.right.setVisible(is_right_shown)

    def _share_right(self, page: int) -> None:
        """Give details what the docks under them can spare, and give it back after."""
        if page == self.tabs["details"].page:
            self.borders.lend()
        else:
            self.borders.take_back()

    def show_tab(self, name: str) -> None:
        """Bring a view of `tabs` to the front of its dock, and leave the keyboard where it is."""
        tab = self.tabs[name]
        self.docks[tab.dock].show_page(tab.page)

    def focus_view(self, name: str) -> None:
        """Bring a view of `tabs`, or the task stream, to the front and give it the keyboard."""
        view: QWidget = self.timeline.stream
        if name in self.tabs:
            self._show_dock(self.tabs[name].dock, is_shown=True)
            self.show_tab(name)
            view = self.tabs[name].part
        view.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._ring.show_on(view)  # it may have had the focus already

    def move_border(self) -> None:
        """Give the keyboard to the next border between docks, unless a sheet has it."""
        if not self.has_sheet:
            self.borders.step()

    def order_focus(self) -> None:
        """Let Tab go through the window as it is read, from the empty state on."""
        timeline = self.timeline
        views: list[QWidget] = [*self.toolbar.controls(), *self.welcome.controls()]
        views += [timeline.filter.funnel, timeline.legend, timeline.stream]
        views += [control for dock in self.docks.values() for control in dock.controls()]
        for before, after in itertools.pairwise(views):
            self.setTabOrder(before, after)
        self.welcome.tabs.setFocus(Qt.FocusReason.OtherFocusReason)

    def toggle_full_screen(self) -> None:
        """Take the whole screen, or go back to what was before."""
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def set_density(self, density: Density) -> None:
        """Draw the rows of all tables as high as `density` says."""
        for area in self.findChildren(RowArea):
            area.set_density(density)

    def layout_now(self) -> Layout:
        """What stands where, to be remembered."""
        return Layout(
            bytes(self.saveGeometry().toBase64().data()).decode("ascii"),
            self.borders.sizes(),
            frozenset(name for name in self.docks if not self.is_dock_shown(name)),
            frozenset(
                name
                for name, tab in self.tabs.items()
                if self.docks[tab.dock].current() == tab.page
            ),
        )

    def lay_out(self, layout: Layout) -> None:
        """Let everything stand where it stood; names that are not known are left out."""
        self._layout = layout
        for name in layout.hidden_docks & self.docks.keys():
            self._show_dock(name, is_shown=False)
        for name in layout.tabs & self.tabs.keys():
            tab = self.tabs[name]
            self.docks[tab.dock].show_page(tab.page)

    def reset_layout(self) -> None:
        """Show every dock, in the size of the first start."""
        self._layout = Layout()
        for name in self.docks:
            self._show_dock(name, is_shown=True)
        self._share_room()

    def restore_place(self, geometry: str) -> None:
        """Take the place on the screen that the window had, as `Layout.geometry` has it."""
        if geometry:
            self.restoreGeometry(QByteArray.fromBase64(geometry.encode("ascii", "replace")))

    def _share_room(self) -> None:
        """Sizes of all parts: those that are remembered, else the design's."""
        self.borders.share(self._layout.splitters, self.size())
        self._share_right(self.progress_dock.current())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the room once it is known; afterwards the splitters keep what the user chose."""
        super().resizeEvent(event)
        if not self.borders.is_arranged and self.width() >= WINDOW_LEAST_PX[0]:
            self._share_room()
        for sheet in (self.commands, self.keys, self.hint):
            sheet.place()
        self.resized.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Escape that no view wants presses the cross of the strip."""
        if event.key() == Qt.Key.Key_Escape and self.loading.isVisible():
            self.loading.press_cross()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """Make patterns for the screen that the window is on, and see what is done to it."""
        if event.type() == QEvent.Type.Show:
            self.presence.watch()
        if event.type() in (QEvent.Type.Show, QEvent.Type.DevicePixelRatioChange):
            use_ratio(self.devicePixelRatioF())
            self.update()
        return super().event(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Say that it is over."""
        super().closeEvent(event)
        self.closed.emit()


def palette(theme: Theme) -> QPalette:
    """Qt's palette in our colours, for menus, scroll bars and dialogs."""
    roles = {
        QPalette.ColorRole.Window: theme.s1,
        QPalette.ColorRole.WindowText: theme.t1,
        QPalette.ColorRole.Base: theme.s2,
        QPalette.ColorRole.AlternateBase: theme.lane2,
        QPalette.ColorRole.Text: theme.t1,
        QPalette.ColorRole.Button: theme.s3,
        QPalette.ColorRole.ButtonText: theme.t1,
        QPalette.ColorRole.PlaceholderText: theme.t3,
        QPalette.ColorRole.Highlight: theme.accent,
        QPalette.ColorRole.HighlightedText: theme.onacc,
        QPalette.ColorRole.ToolTipBase: theme.tipbg,
        QPalette.ColorRole.ToolTipText: theme.t1,
        QPalette.ColorRole.Mid: theme.line,
        QPalette.ColorRole.Link: theme.accent_t,
    }
    result = QPalette()
    for role, colour in roles.items():
        result.setColor(role, QColor(colour))
    for role in (
        QPalette.ColorRole.Text,
        QPalette.ColorRole.ButtonText,
        QPalette.ColorRole.WindowText,
    ):
        result.setColor(QPalette.ColorGroup.Disabled, role, QColor(theme.tdis))
    return result
