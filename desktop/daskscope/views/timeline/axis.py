"""The time axis: time since the start above, the wall clock below, and where "now" is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QSizePolicy

from daskscope.paint.brush import colour
from daskscope.paint.font import Role, text_width
from daskscope.paint.text import Align, draw_label, draw_text
from daskscope.theme import GUTTER_PX, TIME_AXIS_PX
from daskscope.views.timeline.gutter import RIGHT_PX
from daskscope.views.timeline.strip import HANDLE_PX, Strip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QPaintEvent
    from PySide6.QtWidgets import QWidget

    from daskscope.derive.frames import TaskStreamFrame, Tick
    from daskscope.theme import Theme

_MAJOR_PX: Final = 6
_MINOR_PX: Final = 3
_TEXT_INDENT_PX: Final = 5
_ELAPSED_TOP_PX: Final = 1
_CLOCK_TOP_PX: Final = 14
_LINE_PX: Final = 15
_BADGE_PX: Final = (4, 17)


class AxisView(Strip):
    """Ticks and their times."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._ticks: Sequence[Tick] = ()
        self._now_px = -1
        self.setAccessibleName("Time axis")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Two lines of text."""
        return QSize(GUTTER_PX, TIME_AXIS_PX)

    def show_frame(
        self,
        frame: TaskStreamFrame,
        ticks: Sequence[Tick],
        selection_ns: tuple[int, int] | None = None,
        selection_lanes: frozenset[int] | None = None,
    ) -> None:
        """Draw `ticks` over the time that `frame` shows."""
        self._ticks, self._now_px = ticks, frame.now_px
        self._show(frame.view, selection_ns, selection_lanes)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint captions, ticks and the badge."""
        painter = QPainter(self)
        theme, width, height = self._theme, self.width(), self.height()
        painter.fillRect(self.rect(), colour(theme.lane))
        painter.fillRect(0, height - 1, width, 1, colour(theme.line))
        painter.fillRect(GUTTER_PX - 1, 0, 1, height, colour(theme.line))
        for top, text, role in (
            (_ELAPSED_TOP_PX, "Since start", Role.CAPTION),
            (_CLOCK_TOP_PX, "Local time", Role.TINY),
        ):
            box = (0, top, RIGHT_PX, _LINE_PX)
            draw_text(painter, box, text, role, theme.t2, Align.RIGHT)
        if self._view is None:
            return
        painter.setClipRect(GUTTER_PX, 0, width - GUTTER_PX, height - 1)
        painter.translate(GUTTER_PX, 0)
        badge = self._badge()
        for tick in self._ticks:
            self._paint_tick(painter, tick, badge)
        self._paint_selection_edges(painter)
        self._paint_handles(painter)
        if badge is not None:
            self._paint_badge(painter, badge)

    def _paint_tick(self, painter: QPainter, tick: Tick, badge: QRectF | None) -> None:
        theme, bottom = self._theme, self.height() - 1
        if not tick.elapsed:
            painter.fillRect(tick.x_px, bottom - _MINOR_PX, 1, _MINOR_PX, colour(theme.ctl))
            return
        painter.fillRect(tick.x_px, bottom - _MAJOR_PX, 1, _MAJOR_PX, colour(theme.t2))
        left = tick.x_px + _TEXT_INDENT_PX
        if badge is not None and left >= badge.right() and left + badge.width() > self._width_px():
            return  # the sliver right of now has no room for a label
        for top, text, role, rgb in (
            (_ELAPSED_TOP_PX, tick.elapsed, Role.CAPTION, theme.t1),
            (_CLOCK_TOP_PX, tick.clock, Role.TINY, theme.t3),
        ):
            width = text_width(role, text)
            text_box = QRectF(left - 4, top, width + 8, _LINE_PX)
            if badge is None or not text_box.intersects(badge):
                draw_label(painter, (left, top, width + 1, _LINE_PX), text, role, rgb)

    def _width_px(self) -> int:
        return self._view.width_px if self._view is not None else 0

    def _badge(self) -> QRectF | None:
        if self._view is None or not 0 <= self._now_px < self._view.width_px:
            return None
        width = round(text_width(Role.TITLE, "now")) + 10
        left = max(self._now_px + 1 - width, 0)
        return QRectF(left, _BADGE_PX[0], width, _BADGE_PX[1] - _BADGE_PX[0])

    def _paint_badge(self, painter: QPainter, badge: QRectF) -> None:
        accent = colour(self._theme.accent)
        painter.fillRect(self._now_px, _BADGE_PX[0], 1, self.height(), accent)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(accent)
        painter.drawRoundedRect(badge, 3, 3)
        box = (badge.left(), badge.top(), badge.width(), badge.height() - 1)
        draw_text(painter, box, "now", Role.SUM, self._theme.onacc, Align.CENTRE)

    def _paint_handles(self, painter: QPainter) -> None:
        selection = self._selection_px()
        if selection is None:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(self._theme.accent))
        width, height = HANDLE_PX
        for x in selection:
            top = (self.height() - height) / 2
            painter.drawRoundedRect(QRectF(x + 0.5 - width / 2, top, width, height), 2, 2)
        painter.restore()
