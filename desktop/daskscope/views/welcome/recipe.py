"""One way to start sending: explanations, each with lines to paste and a button to copy them."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QGuiApplication, QPainter, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from daskscope.derive.welcome import code_runs
from daskscope.paint.brush import colour
from daskscope.paint.control import style_sheet
from daskscope.paint.font import Role, font
from daskscope.paint.icon import ICON_PX, icon
from daskscope.theme import LIGHT, Theme

if TYPE_CHECKING:
    from PySide6.QtCore import QEvent
    from PySide6.QtGui import QFocusEvent, QPaintEvent

    from daskscope.derive.panels import Recipe

_RADIUS_PX: Final = 6
_LINE_HEIGHT: Final = "140%"


class CopyButton(QToolButton):
    """Copies a text, and says so until the pointer or the keyboard leaves it."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._copied = text
        self._theme = LIGHT
        self.setFont(font(Role.BODY))
        self.setIconSize(QSize(ICON_PX, ICON_PX))
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setFixedWidth(88)
        self.clicked.connect(self._copy)
        self._say("Copy", "copy")

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        self._say("Copy", "copy")

    def leaveEvent(self, event: QEvent) -> None:
        """Be ready to copy again."""
        super().leaveEvent(event)
        self._say("Copy", "copy")

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Be ready to copy again."""
        super().focusOutEvent(event)
        self._say("Copy", "copy")

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._copied)
        self._say("Copied", "check")

    def _say(self, text: str, picture: str) -> None:
        self.setText(text)
        self.setIcon(icon(picture, self._theme.t2))


class CodeBlock(QWidget):
    """Lines to paste in a frame; they can be selected as well."""

    def __init__(self, code: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = LIGHT
        self._code = code
        self._label = QLabel(self)
        self._label.setFont(font(Role.CODE))
        self._label.setTextFormat(Qt.TextFormat.RichText)
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._label.setCursor(Qt.CursorShape.IBeamCursor)
        self._label.setMinimumWidth(1)
        self._label.setAccessibleName(code)
        self._copy = CopyButton(code, self)
        layout = QHBoxLayout(self)
        self._label.setContentsMargins(0, 5, 0, 0)  # a line's extra height is all below it
        layout.setContentsMargins(14, 7, 8, 7)
        layout.addWidget(self._label, 1)
        layout.addWidget(self._copy, 0, Qt.AlignmentFlag.AlignTop)

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        self._copy.set_theme(theme)
        lines = (
            "".join(
                f'<span style="color:#{getattr(theme, token):06X}">{html.escape(text)}</span>'
                for text, token in code_runs(line)
            )
            for line in self._code.split("\n")
        )
        style = f"white-space:pre;line-height:{_LINE_HEIGHT}"
        self._label.setText(f'<div style="{style}">{"<br>".join(lines)}</div>')
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the frame."""
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setBrush(colour(self._theme.s1))
            painter.setPen(QPen(colour(self._theme.line), 1))
            frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
            painter.drawRoundedRect(frame, _RADIUS_PX, _RADIUS_PX)


class RecipePage(QWidget):
    """All blocks of one recipe."""

    def __init__(self, recipe: Recipe, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._captions: list[QLabel] = []
        self._blocks: list[CodeBlock] = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 12, 0, 0)
        layout.setSpacing(8)
        for caption, code in recipe.blocks:
            label = QLabel(caption, self)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setFont(font(Role.BODY))
            label.setWordWrap(True)
            block = CodeBlock(code, self)
            layout.addWidget(label)
            layout.addWidget(block)
            layout.addSpacing(8)
            self._captions.append(label)
            self._blocks.append(block)
        layout.addStretch(1)

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self.setStyleSheet(style_sheet(theme) + f"QLabel {{ color: #{theme.t2:06X}; }}")
        for block in self._blocks:
            block.set_theme(theme)
