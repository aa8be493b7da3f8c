"""Controls that several views use: tabs, a drop-down box, and the style sheet of the rest."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QComboBox, QTabBar, QWidget

from daskscope.paint.brush import colour
from daskscope.paint.focus import KEY_REASONS, RING_PX
from daskscope.paint.font import Role, font, text_width
from daskscope.paint.icon import draw_chevron
from daskscope.paint.text import draw_text
from daskscope.theme import CONTROL_PX, DOCK_TITLE_PX, LIGHT, Theme

if TYPE_CHECKING:
    from PySide6.QtGui import QFocusEvent, QPaintEvent

_UNDERLINE_PX = 2
#: Left of a tab's text, for the ring of the focus; to be aligned, tabs stand so much further left.
TAB_INSET_PX = 5
_TAB_GAP_PX = 20
_RADIUS_PX = 5
#: As much of a word as stands on one line of a tool tip.
_LONG_WORD = re.compile(r"\S{64}(?=\S)")


def style_sheet(theme: Theme) -> str:
    """Style sheet of buttons, scroll bars, menus and lists; fonts are set on the widgets."""
    c = {name: f"#{value:06X}" for name, value in _tokens(theme).items()}
    return f"""
    QToolButton {{ color: {c["t1"]}; background: {c["s3"]}; border: 1px solid {c["ctl"]};
        border-radius: {_RADIUS_PX}px; padding: 0 10px;
        min-height: {CONTROL_PX - 2}px; max-height: {CONTROL_PX - 2}px; }}
    QToolButton:hover {{ background: {c["hover"]}; }}
    QToolButton:pressed {{ background: {c["line"]}; }}
    QToolButton:checked {{ color: {c["accent_t"]}; background: {c["accent_bg"]};
        border-color: {c["accent"]}; }}
    QToolButton:disabled {{ color: {c["tdis"]}; background: transparent; }}
    QToolButton:focus {{ border: 2px solid {c["accent"]}; }}
    QToolButton[flat="true"] {{ background: transparent; border: 1px solid transparent;
        padding: 0 8px; }}
    QToolButton[flat="true"]:hover {{ background: {c["hover"]}; }}
    QToolButton[flat="true"]:pressed {{ background: {c["line"]}; }}
    QToolButton[flat="true"]:focus {{ border: 2px solid {c["accent"]}; }}
    QToolButton[primary="true"] {{ color: {c["onacc"]}; background: {c["accent"]};
        border-color: {c["accent"]}; }}
    QToolButton[primary="true"]:hover {{ background: {c["accent_t"]}; }}
    QToolButton::menu-indicator {{ image: none; }}
    QMenu, QComboBox QAbstractItemView {{ color: {c["t1"]}; background: {c["tipbg"]};
        border: 1px solid {c["tipline"]}; padding: 4px 0; outline: 0; }}
    QMenu::item {{ padding: 5px 24px 5px 14px; background: transparent; }}
    QMenu::item:selected, QComboBox QAbstractItemView::item:selected {{
        color: {c["t1"]}; background: {c["hover"]}; }}
    QMenu::item:disabled {{ color: {c["tdis"]}; }}
    QMenu::separator {{ height: 1px; background: {c["line"]}; margin: 4px 0; }}
    QComboBox QAbstractItemView::item {{ min-height: 24px; padding: 0 8px; }}
    QScrollBar, QAbstractScrollArea::corner {{ background: {c["s2"]}; border: 0; }}
    QScrollBar:vertical {{ width: 10px; }}
    QScrollBar:horizontal {{ height: 10px; }}
    QScrollBar::handle {{ background: {c["ctl"]}; border: 0; border-radius: 3px; }}
    QScrollBar::handle:vertical {{ min-height: 28px; margin: 1px 2px; }}
    QScrollBar::handle:horizontal {{ min-width: 28px; margin: 2px 1px; }}
    QScrollBar::handle:hover {{ background: {c["t3"]}; }}
    QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; border: 0; }}
    QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
    """


def window_sheet(theme: Theme) -> str:
    """Style sheet of what belongs to no view: splitters, tool tips, buttons of message boxes."""
    c = {name: f"#{value:06X}" for name, value in _tokens(theme).items()}
    return f"""
    QSplitter::handle {{ background: {c["line"]}; }}
    QToolTip {{ color: {c["t1"]}; background: {c["tipbg"]}; border: 1px solid {c["tipline"]};
        padding: 3px 5px; }}
    QPushButton {{ color: {c["t1"]}; background: {c["s3"]}; border: 1px solid {c["ctl"]};
        border-radius: {_RADIUS_PX}px; padding: 0 10px; min-width: 60px;
        min-height: {CONTROL_PX - 2}px; max-height: {CONTROL_PX - 2}px; }}
    QPushButton:hover {{ background: {c["hover"]}; }}
    QPushButton:pressed {{ background: {c["line"]}; }}
    QPushButton:disabled {{ color: {c["tdis"]}; background: transparent; }}
    QPushButton:default {{ color: {c["onacc"]}; background: {c["accent"]};
        border-color: {c["accent"]}; }}
    QPushButton:default:hover {{ background: {c["accent_t"]}; }}
    """


def _tokens(theme: Theme) -> dict[str, int]:
    """Every colour of the theme that has one value."""
    names = theme.__dataclass_fields__
    return {name: getattr(theme, name) for name in names if isinstance(getattr(theme, name), int)}


class TabBar(QTabBar):
    """Tabs of text, the chosen one underlined; works with keyboard and screen readers."""

    def __init__(
        self,
        height_px: int = DOCK_TITLE_PX,
        parent: QWidget | None = None,
        inset_px: int = TAB_INSET_PX,
    ) -> None:
        super().__init__(parent)
        self._theme = LIGHT
        self._height_px = height_px
        self._inset_px = inset_px
        self.setDrawBase(False)
        self.setExpanding(False)
        self.setUsesScrollButtons(False)
        self.setMouseTracking(True)
        self._has_key_focus = False

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the focus where it came by key."""
        self._has_key_focus = event.reason() in KEY_REASONS
        super().focusInEvent(event)

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        self.update()

    def tabSizeHint(self, index: int) -> QSize:
        """Width of the text in its widest weight, so that choosing a tab moves none."""
        width = text_width(Role.TITLE, self.tabText(index))
        return QSize(round(width) + _TAB_GAP_PX, self._height_px)

    def minimumTabSizeHint(self, index: int) -> QSize:
        """Tabs do not shrink."""
        return self.tabSizeHint(index)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the texts and the underline."""
        with QPainter(self) as painter:
            theme = self._theme
            pointer = (
                self.tabAt(self.mapFromGlobal(self.cursor().pos())) if self.underMouse() else -1
            )
            for index in range(self.count()):
                rect = self.tabRect(index)
                is_chosen = index == self.currentIndex()
                role = Role.TITLE if is_chosen else Role.BODY
                rgb = theme.t1 if is_chosen or index == pointer else theme.t2
                text = self.tabText(index)
                left = rect.left() + self._inset_px
                draw_text(painter, (left, 0, rect.width(), rect.height() - 1), text, role, rgb)
                if is_chosen:
                    width = round(text_width(Role.TITLE, text))
                    top = rect.height() - _UNDERLINE_PX
                    painter.fillRect(left, top, width, _UNDERLINE_PX, colour(theme.accent))
                    if self.hasFocus() and self._has_key_focus:
                        painter.setPen(QPen(colour(theme.accent), RING_PX))
                        ring_px = width + self._inset_px + TAB_INSET_PX - RING_PX
                        painter.drawRect(rect.left() + 1, 4, ring_px, rect.height() - 10)


class ComboBox(QComboBox):
    """A drop-down box drawn in the design's own lines."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = LIGHT
        self._has_key_focus = False
        self.setFixedHeight(CONTROL_PX)
        self.setFont(font(Role.BODY))

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the focus where it came by key."""
        self._has_key_focus = event.reason() in KEY_REASONS
        super().focusInEvent(event)

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw frame, text and chevron."""
        with QPainter(self) as painter:
            theme = self._theme
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            ground = theme.hover if self.underMouse() else theme.s3
            has_focus = self.hasFocus() and self._has_key_focus
            painter.setBrush(colour(ground))
            line_px = RING_PX if has_focus else 1
            painter.setPen(QPen(colour(theme.accent if has_focus else theme.ctl), line_px))
            half = line_px / 2
            frame = QRectF(self.rect()).adjusted(half, half, -half, -half)
            painter.drawRoundedRect(frame, _RADIUS_PX, _RADIUS_PX)
            box = (10, 0, self.width() - 32, self.height())
            draw_text(
                painter, box, self.currentText() or self.placeholderText(), Role.CHECKED, theme.t1
            )
            draw_chevron(painter, self.width() - 15, self.height() / 2, theme.t2, is_open=True)


def plain_tip(text: str) -> str:
    """`text` for a tool tip, which would guess at markup: shown as it stands, lines kept.

    What has no spaces may be broken, lest the tip be wider than the screen.
    """
    text = _LONG_WORD.sub("\\g<0>\u200b", text)
    return f"<p style='white-space:pre-wrap'>{html.escape(text)}</p>" if text else ""
