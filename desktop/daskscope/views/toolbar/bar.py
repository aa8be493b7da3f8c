"""The row of menus, what is connected, live or paused, time in view, fit, search, theme."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QAction, QPainter, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QSizePolicy, QToolButton, QWidget

from daskscope.derive import quantity
from daskscope.derive.panels import StatusField
from daskscope.paint.brush import colour
from daskscope.paint.control import ComboBox, plain_tip, style_sheet
from daskscope.paint.font import Role, font, text_width
from daskscope.paint.icon import ICON_PX, icon
from daskscope.paint.text import draw_text
from daskscope.session import WHOLE_RUN, Grouping, Session
from daskscope.theme import CONTROL_PX, LIGHT, PADDING_PX, TOOLBAR_PX, Theme
from daskscope.views.toolbar.errors import ErrorsBox
from daskscope.views.toolbar.search import SearchBox

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PySide6.QtGui import QPaintEvent, QResizeEvent

    from daskscope.derive.panels import SearchField

_SECOND_NS: Final = 1_000_000_000
RANGES: Final = (
    (5 * _SECOND_NS, "5 s"),
    (10 * _SECOND_NS, "10 s"),
    (30 * _SECOND_NS, "30 s"),
    (60 * _SECOND_NS, "1 min"),
    (300 * _SECOND_NS, "5 min"),
    (900 * _SECOND_NS, "15 min"),
    (3_600 * _SECOND_NS, "1 h"),
    (WHOLE_RUN, "Whole run"),
)
_LOGO_PX: Final = 18
_GROUP_GAP_PX: Final = 12
#: Of what is connected: what it keeps before the menus fold.
_LEAST_LABEL_PX: Final = 150
#: The search box with the count of millions: so wide it is taken to be, lest the menus come and go.
_SEARCH_PX: Final = 310
#: With so much the word before the grouping, which says itself what it is, takes none from a key.
_AMPLE_SEARCH_PX: Final = 360
#: The search box has all the room that nothing else needs, as far as it goes.
_SEARCH_STRETCH: Final = 1_000


class Toolbar(QWidget):
    """The window's upper edge."""

    #: Follow the newest data.
    followed = Signal()
    #: Hold the picture, or go on when it is held.
    paused = Signal()
    #: Nanoseconds in view, `WHOLE_RUN` for everything; they pass the range of a C int.
    span_chosen = Signal(object)
    fitted = Signal()
    #: A `Grouping` of the lanes.
    grouped = Signal(object)
    theme_toggled = Signal()
    #: Open the palette of commands.
    commands_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = LIGHT
        self._is_following = True
        self._state: tuple[object, ...] | None = None
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setFixedHeight(TOOLBAR_PX)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Toolbar")
        self._connection = ConnectionLabel(self)
        self._live = _button("Live", is_checkable=True)
        self._pause = _button("", is_checkable=True, name="Pause")
        self._range = ComboBox(self)
        self._fit = _button("", name="Fit")
        self._commands = _button("", name="Commands")
        self._mode = _button("", name="Theme")
        self._group_label, self._group = self._grouping()
        self.errors = ErrorsBox(self)
        self.search = SearchBox(self)
        self._range.setAccessibleName("Time in view")
        self._range.setToolTip("Time in view")
        self._range.setFixedWidth(104)
        for span_ns, label in RANGES:
            self._range.addItem(label, span_ns)
        self._live.clicked.connect(self._press_live)
        self._pause.clicked.connect(self._press_pause)
        self._range.activated.connect(self._pick_range)
        self._fit.clicked.connect(self.fitted)
        self._commands.clicked.connect(self.commands_asked)
        self._mode.clicked.connect(self.theme_toggled)
        self._menus: list[QToolButton] = []
        self._all_menus = _button("", name="Menus")
        self._all_menus.setProperty("flat", "true")
        self._all_menus.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._all_menus.setMenu(QMenu(self._all_menus))
        self._all_menus.setToolTip("Menus")
        self._all_menus.hide()
        self._lay_out()
        self.show_state(Session(), StatusField("Waiting for data", "", "warn"), is_live=True)
        self.set_theme(LIGHT)

    def _grouping(self) -> tuple[QLabel, ComboBox]:
        label, box = QLabel("Group", self), ComboBox(self)
        label.setFont(font(Role.BODY))
        box.setAccessibleName("Group")
        box.setToolTip("What the rows of the task stream are")
        box.setFixedWidth(164)
        for grouping in Grouping:
            box.addItem(grouping.value, grouping)
        box.activated.connect(self._pick_grouping)
        return label, box

    def set_menu(self, title: str, actions: Sequence[QAction | None]) -> QMenu:
        """Add a menu of `actions`, None for a line between them, and return it."""
        button = _button(title)
        button.setProperty("flat", "true")
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(title, button)
        menu.setFont(font(Role.BODY))
        for action in actions:
            if action is None:
                menu.addSeparator()
            else:
                menu.addAction(action)
        button.setMenu(menu)
        self._menus.append(button)
        self._menu_row.addWidget(button)
        self._all_menus.menu().addMenu(menu)
        self._fold()
        return menu

    def set_tips(self, tips: Mapping[str, str]) -> None:
        """Tooltips of buttons, by their accessible names."""
        for button in (self._live, self._pause, self._fit, self._commands, self._mode):
            button.setToolTip(tips[button.accessibleName()])

    def controls(self) -> list[QWidget]:
        """What can have the focus, from left to right."""
        return [
            *self._menus,
            self._all_menus,
            self._live,
            self._pause,
            self._range,
            self._fit,
            self._group,
            *self.errors.controls(),
            *self.search.controls(),
            self._commands,
            self._mode,
        ]

    def show_state(self, session: Session, cluster: StatusField, is_live: bool) -> bool:
        """Show whether it follows, how much time is in view, and what is connected.

        A recording has nothing to follow.

        Returns
        -------
        bool
            Whether it shows something else now.
        """
        state = cluster, is_live, session.is_following, session.span_ns, session.grouping
        if state == self._state:
            return False
        before, self._state = self._state, state
        self._show_range(session.span_ns)
        self._group.setCurrentIndex(list(Grouping).index(session.grouping))
        if before is not None and state[:3] == before[:3]:
            return True  # another range, as with each notch of the wheel: icons and room stay
        self._connection.show_field(cluster)
        self._live.setVisible(is_live)
        self._pause.setVisible(is_live)
        self._is_following = session.is_following
        self._show_following()
        self._tint()
        self._fold()
        return True

    def _show_range(self, span_ns: int) -> None:
        index = next((i for i, (known_ns, _) in enumerate(RANGES) if known_ns == span_ns), -1)
        if index != self._range.currentIndex():
            self._range.setCurrentIndex(index)
        if index < 0:
            self._range.setPlaceholderText(quantity.duration(span_ns))

    def show_search(self, field: SearchField) -> None:
        """Show what is searched and found."""
        self.search.show_field(field)

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        self.setStyleSheet(style_sheet(theme))
        self._range.set_theme(theme)
        self._group.set_theme(theme)
        self._group_label.setStyleSheet(f"color: #{theme.t2:06x};")
        self.errors.set_theme(theme)
        self.search.set_theme(theme)
        self._connection.set_theme(theme)
        self._tint()
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fold what does not fit."""
        super().resizeEvent(event)
        self._fold()

    def sizeHint(self) -> QSize:
        """As wide as there is room."""
        return QSize(1024, TOOLBAR_PX)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw ground, logo, lines between groups."""
        with QPainter(self) as painter:
            theme = self._theme
            painter.fillRect(self.rect(), colour(theme.s1))
            painter.fillRect(0, self.height() - 1, self.width(), 1, colour(theme.line))
            paint_logo(painter, PADDING_PX + 2, (TOOLBAR_PX - _LOGO_PX) // 2, theme)
            for widget in (self._connection, self._range if self._live.isHidden() else self._live):
                x = widget.geometry().left() - _GROUP_GAP_PX
                painter.fillRect(x, 12, 1, TOOLBAR_PX - 25, colour(theme.line))

    def _lay_out(self) -> None:
        self._menu_row = QHBoxLayout()
        self._menu_row.setSpacing(0)
        self._menu_row.addWidget(self._all_menus)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(PADDING_PX + _LOGO_PX + 10, 0, PADDING_PX, 1)
        layout.setSpacing(6)
        layout.addLayout(self._menu_row)
        layout.addSpacing(2 * _GROUP_GAP_PX - 6)
        layout.addWidget(self._connection)
        layout.addSpacing(2 * _GROUP_GAP_PX - 6)
        for widget in (self._live, self._pause, self._range, self._fit):
            layout.addWidget(widget)
        layout.addSpacing(2 * _GROUP_GAP_PX - 6)
        layout.addWidget(self._group_label)
        layout.addWidget(self._group)
        layout.addSpacing(_GROUP_GAP_PX - 6)
        layout.addStretch(1)
        layout.addWidget(self.errors)
        layout.addWidget(self.search, _SEARCH_STRETCH)
        layout.addWidget(self._commands)
        layout.addWidget(self._mode)

    def _fold(self) -> None:
        """Leave the grouping to keys and menus, then put all menus behind one button, for room.

        The word before the grouping goes first.
        """
        left = (self._live, self._pause, self._range, self._fit)
        parts = (*left, self.errors, self._commands, self._mode)
        parts_px = sum(part.sizeHint().width() + 6 for part in parts if not part.isHidden())
        parts_px += _SEARCH_PX
        told_px = self._connection.sizeHint().width()
        label_px = min(told_px, _LEAST_LABEL_PX)
        menus_px = sum(menu.sizeHint().width() for menu in self._menus)
        word_px = self._group_label.sizeHint().width() + 6 + told_px - label_px
        group_px = self._group.width() + 2 * _GROUP_GAP_PX
        edges_px = 2 * PADDING_PX + _LOGO_PX + 5 * _GROUP_GAP_PX
        needed_px = edges_px + menus_px + label_px + parts_px
        left_px = self.width() - needed_px - group_px
        self._group.setVisible(left_px >= 0)
        self._group_label.setVisible(left_px >= word_px + _AMPLE_SEARCH_PX - _SEARCH_PX)
        is_folded = needed_px > self.width()
        self._all_menus.setVisible(is_folded)
        for menu in self._menus:
            menu.setHidden(is_folded)

    def _tint(self) -> None:
        """Icons in the colours of theme and state."""
        theme = self._theme
        is_live = self._live.isChecked()
        self._live.setIcon(icon("play-fill", theme.accent_t if is_live else theme.t2))
        pause = "pause" if is_live else "pause-fill"
        self._pause.setIcon(icon(pause, theme.t2 if is_live else theme.accent_t))
        self._live.setFont(font(Role.TITLE if is_live else Role.BODY))
        self._all_menus.setIcon(icon("list", theme.t2))
        self._fit.setIcon(icon("arrows-out-line-horizontal", theme.t2))
        self._commands.setIcon(icon("command", theme.t2))
        self._mode.setIcon(icon("sun" if theme.is_dark else "moon", theme.t2))

    def _press_live(self) -> None:
        self._show_following()
        self.followed.emit()

    def _press_pause(self) -> None:
        self._show_following()
        self.paused.emit()

    def _show_following(self) -> None:
        """Both buttons show the session, which a press asks to change."""
        self._live.setChecked(self._is_following)
        self._pause.setChecked(not self._is_following)

    def _pick_range(self, index: int) -> None:
        self._state = None  # the box shows what was picked, which the session may not take
        self.span_chosen.emit(RANGES[index][0])

    def _pick_grouping(self, index: int) -> None:
        self._state = None
        self.grouped.emit(list(Grouping)[index])


class ConnectionLabel(QWidget):
    """What is connected: a dot, a name, how large it is."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = LIGHT
        self._field = StatusField("Waiting for data", "", "warn")
        self.setFixedHeight(CONTROL_PX)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(60)

    def show_field(self, field: StatusField) -> None:
        """Draw `field`."""
        if field != self._field:
            self._field = field
            said = f"{field.label} {field.value}".strip()
            self.setAccessibleName(said)
            self.setToolTip(plain_tip(said))  # there may be no room for all of it
            self.updateGeometry()
            self.update()

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        self.update()

    def sizeHint(self) -> QSize:
        """Room for the whole text, within reason."""
        width = text_width(Role.TITLE, self._field.label) + text_width(Role.BODY, self._field.value)
        return QSize(min(round(width) + 36, 420), CONTROL_PX)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw dot and texts."""
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            theme, field = self._theme, self._field
            tones = {"ok": theme.ok, "warn": theme.warn, "err": theme.err}
            rgb = tones.get(field.tone, theme.t3)
            painter.setPen(QPen(colour(rgb), 1.5))
            painter.setBrush(colour(rgb) if field.tone == "ok" else Qt.BrushStyle.NoBrush)
            painter.drawEllipse(QRectF(1.5, self.height() / 2 - 3.0, 6, 6))
            box = (16.0, 0.0, self.width() - 16.0, float(self.height()))
            x = 16 + draw_text(painter, box, field.label, Role.TITLE, theme.t1) + 8
            box = (x, 0.0, self.width() - x, float(self.height()))
            draw_text(painter, box, field.value, Role.BODY, theme.t2)


def paint_logo(painter: QPainter, left: int, top: int, theme: Theme) -> None:
    """Three lanes of a task stream, 18 pixels wide."""
    for x, y, width, slot in ((0, 1, 10, 0), (4, 7, 8, 1), (2, 7, 2, 3), (8, 13, 10, 3)):
        painter.fillRect(left + x, top + y, width, 4, colour(theme.prefix[slot]))


def _button(text: str, is_checkable: bool = False, name: str = "") -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setAccessibleName(name or text)
    button.setCheckable(is_checkable)
    button.setFont(font(Role.BODY))
    button.setIconSize(QSize(ICON_PX, ICON_PX))
    if text:
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    return button
