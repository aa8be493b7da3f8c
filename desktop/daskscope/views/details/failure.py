"""An error: type, message, and its traceback as plain text that scrolls and can be selected."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QTextOption
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QVBoxLayout, QWidget

from daskscope.paint.font import Role, font, metrics
from daskscope.views.details.section import PADDING_PX, Section

if TYPE_CHECKING:
    from PySide6.QtGui import QPainter, QResizeEvent

    from daskscope.derive.details.frame import Failure
    from daskscope.theme import Theme

_LEAST_LINES: Final = 2
_MOST_LINES: Final = 12
_MARGIN_PX: Final = 17


class FailureSection(Section):
    """Shown when something failed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Error", parent)
        self._failure: Failure | None = None
        self.text = QPlainTextEdit(self)
        # It cannot be changed, but be selected with the arrows as well.
        by = Qt.TextInteractionFlag
        self.text.setTextInteractionFlags(by.TextSelectableByMouse | by.TextSelectableByKeyboard)
        self.text.setFrameShape(QFrame.Shape.NoFrame)
        self.text.setFont(font(Role.KEY))
        self.text.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.text.setAccessibleName("Error and traceback")
        self.text.setTabChangesFocus(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(PADDING_PX, self.content_top_px, PADDING_PX, 9)
        layout.addWidget(self.text)

    def show_failure(self, failure: Failure | None) -> None:
        """Show an error, or nothing."""
        self.setVisible(failure is not None)
        if failure is None or failure == self._failure:
            return
        self._failure = failure
        self.note = failure.type
        parts = (failure.message or failure.type, failure.traceback)
        self.text.setPlainText("\n\n".join(part for part in parts if part))
        self.refresh()

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        super().set_theme(theme)
        self.text.setStyleSheet(
            f"QPlainTextEdit {{ color: #{theme.t1:06X}; background: #{theme.s1:06X};"
            f" border-radius: 5px; padding: 4px; }}"
        )

    def content_px(self) -> int:
        """As many lines as there are, up to some."""
        # The layout of plain text measures in lines, wrapped ones included.
        n_lines = round(self.text.document().documentLayout().documentSize().height())
        n_lines = min(max(n_lines, _LEAST_LINES), _MOST_LINES)
        # Each line takes whole pixels; with one less a scroll bar came, and more lines with it.
        return n_lines * math.ceil(metrics(Role.KEY).lineSpacing()) + _MARGIN_PX

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Take the height of text that wraps otherwise."""
        super().resizeEvent(event)
        self.updateGeometry()

    def paint_content(self, painter: QPainter, top_px: int) -> None:
        """The text is a widget of its own."""
