"""The time axis: time since the start above, the wall clock below, and where "now" is."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPixmap
from PySide6.QtWidgets import QApplication, QLineEdit, QSizePolicy

from daskscope.paint.brush import colour, solid
from daskscope.paint.font import Role, font, text_width
from daskscope.paint.rects import draw_rects
from daskscope.paint.text import Align, draw_label, draw_text
from daskscope.theme import GUTTER_PX, TIME_AXIS_PX
from daskscope.views.timeline.gutter import RIGHT_PX
from daskscope.views.timeline.notes import FLAG_PX, draw_flags, flag_boxes
from daskscope.views.timeline.strip import HANDLE_PX, Strip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QKeyEvent, QMouseEvent, QPaintEvent
    from PySide6.QtWidgets import QWidget

    from daskscope.derive.frames import TaskStreamFrame, Tick
    from daskscope.session import Bookmark
    from daskscope.theme import Theme

_MAJOR_PX: Final = 6
_MINOR_PX: Final = 3
_TEXT_INDENT_PX: Final = 5
_ELAPSED_TOP_PX: Final = 1
_CLOCK_TOP_PX: Final = 14
_LINE_PX: Final = 15
#: Around what is kept as a picture: some letters reach out of their width.
_PICTURE_MARGIN_PX: Final = 2
_BADGE_PX: Final = (4, 17)
#: Width of the line in which a bookmark is named.
_EDIT_PX: Final = 140


class _NameLine(QLineEdit):
    """A line with a name to change: Escape leaves it as it was, and the keys go back after."""

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(name, parent)
        self._name = name
        self._before: QWidget | None = None
        self.setAccessibleName("Name of the bookmark")
        self.setFont(font(Role.SMALL))
        self.setFrame(False)

    def take_keys(self) -> None:
        """Take the keyboard, and remember from where."""
        self._before = QApplication.focusWidget()
        self.setFocus(Qt.FocusReason.MouseFocusReason)

    def give_keys_back(self) -> None:
        """Let the keys be heard where they were, unless they have gone elsewhere already."""
        if self.hasFocus() and self._before is not None:
            self._before.setFocus(Qt.FocusReason.OtherFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """End with the old name by Escape."""
        if event.key() == Qt.Key.Key_Escape:
            self.setText(self._name)
            self.editingFinished.emit()
        else:
            super().keyPressEvent(event)


class AxisView(Strip):
    """Ticks and their times, and flags of bookmarks; a double click on a flag names it."""

    #: A bookmark's time in int ns, and its new name.
    renamed = Signal(object, str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self._ticks: Sequence[Tick] = ()
        self._now_px = -1
        self.setAccessibleName("Time axis")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Name the bookmark under the pointer."""
        point = event.position() - QPointF(GUTTER_PX, 0)
        if self._view is not None:
            boxes = flag_boxes(self._view, self._bookmarks)
            for bookmark, box in reversed(list(zip(self._bookmarks, boxes, strict=True))):
                if box.contains(point):
                    self.name(bookmark)
                    return
        super().mouseDoubleClickEvent(event)

    def name(self, bookmark: Bookmark) -> None:
        """Let the user type a name in place of the flag."""
        if self._view is None:
            return
        (box,) = flag_boxes(self._view, (bookmark,))
        line = _NameLine(bookmark.name, self)
        theme = self._theme
        line.setStyleSheet(
            f"background: #{theme.s2:06x}; color: #{theme.t1:06x};"
            f" border: 1px solid #{theme.accent:06x};"
        )
        left = min(max(round(box.left()), 0) + GUTTER_PX, self.width() - _EDIT_PX)
        line.setGeometry(left, 0, _EDIT_PX, FLAG_PX + 2)
        line.selectAll()
        line.editingFinished.connect(lambda: self._name(bookmark, line))
        line.show()
        line.take_keys()

    def _name(self, bookmark: Bookmark, line: _NameLine) -> None:
        # Hiding takes the focus, which would end the editing once more.
        line.blockSignals(True)
        self.renamed.emit(bookmark.time_ns, line.text())
        line.give_keys_back()
        line.hide()
        line.deleteLater()

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
        self._show(frame.view, selection_ns, selection_lanes, frame.now_px, ticks)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint captions, ticks and the badge."""
        with QPainter(self) as painter:
            theme, width, height = self._theme, self.width(), self.height()
            painter.fillRect(event.rect(), colour(theme.lane))
            painter.fillRect(0, height - 1, width, 1, colour(theme.line))
            if event.rect().left() < GUTTER_PX:
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
            flags = flag_boxes(self._view, self._bookmarks)
            taken = flags if badge is None else [*flags, badge]
            self._paint_ticks(painter, taken)
            self._paint_selection_edges(painter)
            self._paint_handles(painter)
            draw_flags(painter, self._view, self._bookmarks, height, theme)
            if badge is not None:
                self._paint_badge(painter, badge)

    def _paint_ticks(self, painter: QPainter, taken: Sequence[QRectF]) -> None:
        """Draw all ticks, and the texts of the labelled ones."""
        theme, bottom = self._theme, self.height() - 2
        labelled = [tick for tick in self._ticks if tick.elapsed]
        minor_px = [tick.x_px for tick in self._ticks if not tick.elapsed]
        painter.setPen(Qt.PenStyle.NoPen)
        for at_px, height_px, rgb in (
            (minor_px, _MINOR_PX, theme.ctl),
            ([tick.x_px for tick in labelled], _MAJOR_PX, theme.t2),
        ):
            rects = np.empty((len(at_px), 4), np.int32)
            rects[:, 0] = rects[:, 2] = at_px
            rects[:, 1], rects[:, 3] = bottom - height_px + 1, bottom
            draw_rects(painter, rects, solid(rgb))
        ratio, right_px = painter.device().devicePixelRatio(), self._width_px()
        first_px = min((box.left() for box in taken), default=right_px)
        for tick in labelled:
            left = tick.x_px + _TEXT_INDENT_PX
            right = left + max(_texts_px(tick.elapsed, tick.clock))
            if right > right_px:
                continue  # half a time is none
            is_beside = right + 4 > first_px
            if is_beside and any(b.left() < right + 4 and b.right() > left - 4 for b in taken):
                self._paint_label(painter, tick, taken)
            else:
                picture = _pictured(tick.elapsed, tick.clock, theme, ratio)
                painter.drawPixmap(left - _PICTURE_MARGIN_PX, 0, picture)

    def _paint_label(self, painter: QPainter, tick: Tick, taken: Sequence[QRectF]) -> None:
        """Draw those of the texts of a tick that cover nothing else."""
        left = tick.x_px + _TEXT_INDENT_PX
        texts_px = _texts_px(tick.elapsed, tick.clock)
        for line, width in zip(
            _lines(tick.elapsed, tick.clock, self._theme), texts_px, strict=True
        ):
            top, text, role, rgb = line
            right, bottom = left + width + 4, top + _LINE_PX
            if not any(
                box.left() < right
                and box.right() > left - 4
                and box.top() < bottom
                and box.bottom() > top
                for box in taken
            ):
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
        theme = self._theme
        painter.fillRect(self._now_px, _BADGE_PX[0], 1, self.height(), colour(theme.accent))
        ratio = painter.device().devicePixelRatio()
        picture = _badge_picture(round(badge.width()), theme, ratio)
        painter.drawPixmap(round(badge.left()), _BADGE_PX[0], picture)

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


def _lines(elapsed: str, clock: str, theme: Theme) -> tuple[tuple[int, str, Role, int], ...]:
    """Top, text, role and colour of the lines of a labelled tick."""
    return (
        (_ELAPSED_TOP_PX, elapsed, Role.CAPTION, theme.t1),
        (_CLOCK_TOP_PX, clock, Role.TINY, theme.t3),
    )


@lru_cache(maxsize=1_024)
def _texts_px(elapsed: str, clock: str) -> tuple[float, float]:
    """Widths of the texts of a labelled tick."""
    return text_width(Role.CAPTION, elapsed), text_width(Role.TINY, clock)


@lru_cache(maxsize=256)
def _pictured(elapsed: str, clock: str, theme: Theme, ratio: float) -> QPixmap:
    """Picture of both texts of a tick, with a margin: they stay the same while it moves."""
    width = math.ceil(max(_texts_px(elapsed, clock))) + 2 * _PICTURE_MARGIN_PX
    picture = QPixmap(math.ceil(width * ratio), math.ceil(TIME_AXIS_PX * ratio))
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    with QPainter(picture) as painter:
        for top, text, role, rgb in _lines(elapsed, clock, theme):
            draw_text(painter, (_PICTURE_MARGIN_PX, top, width, _LINE_PX), text, role, rgb)
    return picture


@lru_cache(maxsize=4)
def _badge_picture(width_px: int, theme: Theme, ratio: float) -> QPixmap:
    """Picture of the badge at "now"."""
    height_px = _BADGE_PX[1] - _BADGE_PX[0]
    picture = QPixmap(math.ceil(width_px * ratio), math.ceil(height_px * ratio))
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    with QPainter(picture) as painter:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour(theme.accent))
        painter.drawRoundedRect(QRectF(0, 0, width_px, height_px), 3, 3)
        box = (0, 0, width_px, height_px - 1)
        draw_text(painter, box, "now", Role.SUM, theme.onacc, Align.CENTRE)
    return picture
