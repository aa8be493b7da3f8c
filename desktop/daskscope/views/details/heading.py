"""Name, outcome and key of the chosen span, and what can be done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QGuiApplication, QPainter
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QWidget

from daskscope.paint.brush import colour
from daskscope.paint.control import plain_tip
from daskscope.paint.font import Role, elided, font, text_width
from daskscope.paint.icon import draw_cross, draw_icon, icon
from daskscope.paint.swatch import draw_swatch
from daskscope.paint.text import draw_text
from daskscope.theme import CONTROL_PX, LIGHT, Theme, mixed
from daskscope.views.details.copied import CopiedMark
from daskscope.views.details.section import PADDING_PX

if TYPE_CHECKING:
    from PySide6.QtGui import QPaintEvent, QResizeEvent

    from daskscope.derive.details.frame import DetailsFrame

_SWATCH_PX: Final = 13
_TITLE_TOP_PX: Final = 13
_TITLE_HIGH_PX: Final = 24
_KEY_TOP_PX: Final = 42
_KEY_HIGH_PX: Final = 26
#: Of the buttons, under a key and without one.
_BUTTONS_TOP_PX: Final = (76, 46)
_BELOW_PX: Final = 12
_PILL_HIGH_PX: Final = 20
_ICON_PX: Final = 14
_BUTTON_GAP_PX: Final = 8
#: Of a button, around its text; and its icon, for which there may be no room.
_BUTTON_ROOM_PX: Final = 10
_BUTTON_ICON_PX: Final = 24


class Heading(QWidget):
    """The top of the panel."""

    jaeger_requested = Signal()
    zoom_requested = Signal()
    filter_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = LIGHT
        self._frame: DetailsFrame | None = None
        self._mark = CopiedMark()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.copy_button = _button("", "Copy the key", self)
        self.copy_button.setProperty("flat", "true")
        self.copy_button.setIconSize(QSize(_ICON_PX, _ICON_PX))
        self.copy_button.clicked.connect(self.copy)
        self.jaeger_button = _button("Open in Jaeger", "Show its trace in Jaeger", self)
        self.zoom_button = _button("Zoom to task", "Fill the view with it", self)
        self.filter_button = _button("Filter prefix", "Show its prefix alone, or all again", self)
        self.jaeger_button.clicked.connect(self.jaeger_requested)
        self.zoom_button.clicked.connect(self.zoom_requested)
        self.filter_button.clicked.connect(self.filter_requested)
        self._room = QHBoxLayout(self)
        self._room.setContentsMargins(PADDING_PX, self._top_px(), PADDING_PX, _BELOW_PX)
        self._room.setSpacing(_BUTTON_GAP_PX)
        for button in self._buttons():
            self._room.addWidget(button, 1)

    def _top_px(self) -> int:
        """Where the buttons begin: what has no key has no room for one."""
        under_key, under_name = _BUTTONS_TOP_PX
        return under_name if self._frame is not None and not self._frame.key else under_key

    def _buttons(self) -> tuple[QToolButton, ...]:
        return self.jaeger_button, self.zoom_button, self.filter_button

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        for button, name in (
            (self.jaeger_button, "arrow-square-out"),
            (self.zoom_button, "magnifying-glass-plus"),
            (self.filter_button, "funnel-simple"),
        ):
            button.setIcon(icon(name, theme.t2, theme.tdis))
        self._show_mark()

    def show_frame(self, frame: DetailsFrame) -> None:
        """Show the top of a frame."""
        self._frame = frame
        self.jaeger_button.setEnabled(bool(frame.trace_id and frame.span_id))
        self.copy_button.setVisible(bool(frame.key))
        self.filter_button.setEnabled(frame.slot >= 0)
        self.setAccessibleName(f"{frame.name}, {frame.pill}")
        self.setAccessibleDescription(frame.key)
        self.setToolTip(plain_tip(frame.key))
        self._room.setContentsMargins(PADDING_PX, self._top_px(), PADDING_PX, _BELOW_PX)
        self.update()

    def copy(self) -> None:
        """Copy the key, and say so."""
        if self._frame is not None and self._frame.key:
            QGuiApplication.clipboard().setText(self._frame.key)
            self._mark.begin()
            self._show_mark()

    def advance(self, now_s: float) -> None:
        """Let the copied mark go when its time is over."""
        if self._mark.advance(now_s):
            self._show_mark()

    def _show_mark(self) -> None:
        theme, is_on = self._theme, self._mark.is_on
        self.copy_button.setIcon(
            icon("check" if is_on else "copy", theme.ok if is_on else theme.t3)
        )
        self.copy_button.setAccessibleDescription("copied" if is_on else "")

    def sizeHint(self) -> QSize:
        """Three lines, or two."""
        return QSize(0, self._top_px() + CONTROL_PX + _BELOW_PX)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the copy button at the right end of the key; of buttons keep the texts whole."""
        super().resizeEvent(event)
        gaps = 2 * (PADDING_PX + _BUTTON_GAP_PX)
        room = (self.width() - gaps) // 3 - _BUTTON_ROOM_PX - _BUTTON_ICON_PX
        has_room = all(text_width(Role.BODY, one.text()) <= room for one in self._buttons())
        for button in self._buttons():
            button.setToolButtonStyle(
                Qt.ToolButtonStyle.ToolButtonTextBesideIcon
                if has_room
                else Qt.ToolButtonStyle.ToolButtonTextOnly
            )
        side = _KEY_HIGH_PX
        self.copy_button.setGeometry(self.width() - PADDING_PX - side, _KEY_TOP_PX, side, side)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw swatch, name, outcome and key."""
        frame, theme = self._frame, self._theme
        if frame is None:
            return
        with QPainter(self) as painter:
            middle = _TITLE_TOP_PX + _TITLE_HIGH_PX // 2
            box = QRect(PADDING_PX, middle - _SWATCH_PX // 2, _SWATCH_PX, _SWATCH_PX)
            draw_swatch(painter, box, frame.slot, frame.kind, frame.state, theme)
            pill_left = self._paint_pill(painter, frame, middle)
            left = PADDING_PX + _SWATCH_PX + 8
            room = (left, _TITLE_TOP_PX, pill_left - left - 8, _TITLE_HIGH_PX)
            draw_text(painter, room, frame.name, Role.OBJECT_TITLE, theme.t1)
            if not frame.key:
                return
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour(theme.s3 if theme.is_dark else theme.s1))
            width = self.width() - 2 * PADDING_PX
            painter.drawRoundedRect(QRectF(PADDING_PX, _KEY_TOP_PX, width, _KEY_HIGH_PX), 5, 5)
            inner = width - 8 - _KEY_HIGH_PX
            key = elided(Role.KEY, frame.key, inner, Qt.TextElideMode.ElideMiddle)
            room = (PADDING_PX + 8, _KEY_TOP_PX, inner, _KEY_HIGH_PX)
            draw_text(painter, room, key, Role.KEY, theme.t2)

    def _paint_pill(self, painter: QPainter, frame: DetailsFrame, middle: int) -> int:
        """Draw how it ended; the left edge comes back."""
        theme = self._theme
        rgb = getattr(theme, frame.pill_ink)
        text_px = min(round(text_width(Role.CHECKED, frame.pill)) + 1, self.width() // 2)
        width = text_px + 8 + 16 + 8
        left, top = self.width() - PADDING_PX - width, middle - _PILL_HIGH_PX // 2
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(mixed(rgb, theme.s2, 0.12)))
        painter.drawRoundedRect(QRectF(left, top, width, _PILL_HIGH_PX), 10, 10)
        if frame.pill_ink == "ok":
            draw_icon(painter, "check", left + 7, top + 4, rgb, 12)
        elif frame.pill_ink == "err":
            draw_cross(painter, left + 13, middle, 6, rgb)
        else:
            painter.setBrush(colour(rgb))
            painter.drawEllipse(QRectF(left + 10, middle - 3, 6, 6))
        painter.restore()
        box = (left + 23, top, text_px, _PILL_HIGH_PX)
        draw_text(painter, box, frame.pill, Role.CHECKED, rgb)
        return left


def _button(text: str, tip: str, parent: QWidget) -> QToolButton:
    button = QToolButton(parent)
    button.setText(text)
    button.setToolTip(tip)
    button.setAccessibleName(text or tip)
    button.setFont(font(Role.BODY))
    button.setToolButtonStyle(
        Qt.ToolButtonStyle.ToolButtonTextBesideIcon
        if text
        else Qt.ToolButtonStyle.ToolButtonIconOnly
    )
    button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    # Three of them share a narrow dock: they give way before the panel gets wider than it.
    button.setStyleSheet("QToolButton { padding: 0 2px; }")
    button.setMinimumWidth(1)
    return button
