"""The histogram of durations: bars on log axes, the chosen prefix over all; bars can be marked."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QHelpEvent, QPainter
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from daskscope.derive import quantity
from daskscope.derive.isolation import isolated
from daskscope.derive.quantity import THIN
from daskscope.derive.statistics.histogram import Histogram, ticks
from daskscope.paint.brush import colour, slot_brush, solid
from daskscope.paint.control import plain_tip
from daskscope.paint.font import Role, text_width
from daskscope.paint.text import Align, draw_text
from daskscope.theme import LIGHT, PADDING_PX, Theme

if TYPE_CHECKING:
    from PySide6.QtGui import QKeyEvent, QMouseEvent, QPaintEvent

    from daskscope.derive.statistics.frame import StatisticsFrame

_TITLE_PX: Final = 24
_LINE_LABEL_PX: Final = 14
_LEFT_PX: Final = 46
_BOTTOM_PX: Final = 22
_TICK_GAP_PX: Final = 6
_LEAST: Final = QSize(160, 110)
#: Opacity of a bar that is not marked while others are.
_QUIET: Final = 0.35
#: Where the count axis begins, in powers of ten: one task has a bar that can be seen.
_BASE: Final = -0.4


def count_label(power: int) -> str:
    """A power of ten in the room beside the axis."""
    thousands, beyond = divmod(power, 3)
    if power < 5:
        return quantity.count(10**power)
    return f"{10**beyond}{THIN}{'kMG'[thousands - 1]}"


class HistogramView(QWidget):
    """Bars of one frame."""

    #: Durations from start to end in ns were marked, end exclusive; None for none.
    range_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = LIGHT
        self._frame: StatisticsFrame | None = None
        self._anchor: int | None = None
        #: First and last bar of what was last marked here, in the order of marking.
        self._marked: tuple[int, int] | None = None
        self.setMinimumSize(_LEAST)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName("Durations")

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        self.update()

    def show_frame(self, frame: StatisticsFrame) -> None:
        """Draw `frame`."""
        self._frame = frame
        if not frame.bins:
            self._marked = None
        shown = frame.histogram
        if shown is not None and shown.median_ns == shown.median_ns:
            self.setAccessibleDescription(
                f"{frame.names[frame.chosen]}: median {quantity.duration(shown.median_ns)}, "
                f"95 % within {quantity.duration(shown.p95_ns)}"
            )
        self.update()

    @property
    def _shown(self) -> Histogram | None:
        return self._frame.histogram if self._frame is not None else None

    def plot(self) -> QRect:
        """Where the bars stand."""
        top = _TITLE_PX + _LINE_LABEL_PX
        width = self.width() - _LEFT_PX - PADDING_PX
        return QRect(_LEFT_PX, top, max(width, 1), max(self.height() - top - _BOTTOM_PX, 1))

    # Gestures -------------------------------------------------------------------------------

    def bar_at(self, x_px: float) -> int | None:
        """The bar at a position, the first or last one beside them; None with no bars."""
        shown, plot = self._shown, self.plot()
        if shown is None:
            return None
        bar = shown.bar_at((x_px - plot.left()) / plot.width())
        return min(max(bar, 0), len(shown.n_all) - 1)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Mark a bar; pressing the one that is marked, or beside the bars, marks none."""
        shown, bar = self._shown, self.bar_at(event.position().x())
        if event.button() != Qt.MouseButton.LeftButton or shown is None or bar is None:
            return
        at = shown.bar_at((event.position().x() - self.plot().left()) / self.plot().width())
        if at != bar or self._marked == (bar, bar):
            self._mark(None)
        else:
            self._anchor = bar
            self._mark((bar, bar))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Mark bars up to the pointer."""
        bar = self.bar_at(event.position().x())
        if self._anchor is not None and bar is not None:
            self._mark((self._anchor, bar))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End a drag."""
        self._anchor = None
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Mark the next bar by the arrows, more of them with Shift, none by Escape."""
        shown, key = self._shown, event.key()
        if key == Qt.Key.Key_Escape and self._frame is not None and self._frame.bins:
            self._mark(None)
        elif shown is not None and key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            step, last = (1 if key == Qt.Key.Key_Right else -1), len(shown.n_all) - 1
            anchor, bar = self._marked or ((-1, -1) if step > 0 else (last + 1, last + 1))
            bar = min(max(bar + step, 0), last)
            has_shift = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            self._mark((anchor if has_shift and self._marked else bar, bar))
        else:
            super().keyPressEvent(event)

    def _mark(self, bars: tuple[int, int] | None) -> None:
        shown = self._shown
        if bars == self._marked and bars is not None:
            return
        self._marked = bars
        if bars is None or shown is None:
            self.range_chosen.emit(None)
        else:
            self.range_chosen.emit(shown.range_ns(min(bars), max(bars)))

    def event(self, event: QEvent) -> bool:
        """Tell what a bar counts."""
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            QToolTip.showText(event.globalPos(), plain_tip(self.tip(event.pos())), self)
            return True
        return super().event(event)

    def tip(self, point: QPoint) -> str:
        """Durations and numbers of the bar at a point, "" beside all."""
        frame, shown = self._frame, self._shown
        if frame is None or shown is None:
            return ""
        bar = shown.bar_at((point.x() - self.plot().left()) / self.plot().width())
        if not 0 <= bar < len(shown.n_all):
            return ""
        ends = (quantity.duration(float(edge)) for edge in shown.edge_ns[bar : bar + 2])
        lines = [" – ".join(ends), quantity.plural(int(shown.n_all[bar]), "task")]
        if frame.chosen:
            lines.append(f"{quantity.count(shown.n_chosen[bar])} {frame.names[frame.chosen][:200]}")
        return "\n".join(lines)

    # Painting -------------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw title, axes, bars, marks."""
        with QPainter(self) as painter:
            painter.fillRect(self.rect(), colour(self._theme.s2))
            self._paint_title(painter)
            shown = self._shown
            if shown is None:
                if self._frame is not None:
                    box = (PADDING_PX, _TITLE_PX, self.width() - 2 * PADDING_PX, 24)
                    draw_text(painter, box, "No tasks here", Role.BODY, self._theme.t3)
                return
            self._paint_axes(painter, shown)
            self._paint_marks(painter, shown)
            self._paint_bars(painter, shown)
            self._paint_quantiles(painter, shown)

    def _paint_title(self, painter: QPainter) -> None:
        theme, frame, width = self._theme, self._frame, self.width() - 2 * PADDING_PX
        box = (PADDING_PX, 2, width, _TITLE_PX - 2)
        drawn = draw_text(painter, box, "Durations", Role.TITLE, theme.t1)
        if frame is None or frame.histogram is None:
            return
        text, rgb = self._caption(frame, frame.histogram)
        left_over = (PADDING_PX + drawn + 12, 2, width - drawn - 12, _TITLE_PX - 2)
        draw_text(painter, left_over, text, Role.VALUE, rgb, Align.RIGHT)

    def _caption(self, frame: StatisticsFrame, shown: Histogram) -> tuple[str, int]:
        """What the bars are of; of what is marked the number and the durations."""
        if not frame.bins:
            name = frame.names[frame.chosen]
            return (f"{isolated(name)} over all" if frame.chosen else "all tasks"), self._theme.t3
        is_marked = self._is_marked(shown)
        n = int(sum(n for n, is_in in zip(shown.n_chosen, is_marked, strict=True) if is_in))
        ends = (quantity.duration(end) for end in (frame.bins[0].from_ns, frame.bins[0].to_ns))
        return f"{quantity.plural(n, 'task')}, {' – '.join(ends)}", self._theme.accent_t

    def _is_marked(self, shown: Histogram) -> list[bool]:
        """Which bars lie in what is marked."""
        middles = (shown.edge_ns[:-1] * shown.edge_ns[1:]) ** 0.5
        bins = self._frame.bins if self._frame is not None else ()
        return [any(part.from_ns <= at < part.to_ns for part in bins) for at in middles]

    def _top(self, shown: Histogram) -> float:
        """The power of ten at the upper edge."""
        return math.log10(max(float(shown.n_all.max()) * 1.15, 10.0))

    def _y_px(self, shown: Histogram, count: float) -> int:
        plot = self.plot()
        share = (math.log10(count) - _BASE) / (self._top(shown) - _BASE)
        return plot.bottom() + 1 - round(share * plot.height())

    def _x_px(self, shown: Histogram, time_ns: float) -> int:
        plot = self.plot()
        share = min(max(shown.share(time_ns), -0.01), 1.01)
        return plot.left() + round(share * plot.width())

    def _paint_axes(self, painter: QPainter, shown: Histogram) -> None:
        theme, plot = self._theme, self.plot()
        step = max(round(self._top(shown) / max(plot.height() / 22, 1)), 1)
        for power in range(0, math.floor(self._top(shown)) + 1, step):
            y = self._y_px(shown, 10.0**power)
            painter.fillRect(plot.left(), y, plot.width(), 1, colour(theme.grid_major))
            box = (0, y - 7, _LEFT_PX - 6, 14)
            draw_text(painter, box, count_label(power), Role.TINY, theme.t3, Align.RIGHT)
        painter.fillRect(plot.left(), plot.bottom() + 1, plot.width(), 1, colour(theme.line))
        taken_px = 0.0
        for share, text in ticks(shown):
            x = plot.left() + round(share * plot.width())
            painter.fillRect(x, plot.bottom() + 1, 1, 4, colour(theme.ctl))
            text_px = text_width(Role.TINY, text)
            left = min(max(x - text_px / 2, 2), self.width() - text_px - 2)
            if left < taken_px:  # a narrow panel has no room for every label
                continue
            taken_px = left + text_px + _TICK_GAP_PX
            below = (left, plot.bottom() + 5, text_px + 1, 14)
            draw_text(painter, below, text, Role.TINY, theme.t3)

    def _paint_marks(self, painter: QPainter, shown: Histogram) -> None:
        """The marked durations: a band as wide as they are."""
        theme, plot = self._theme, self.plot()
        for part in self._frame.bins if self._frame is not None else ():
            left, right = (self._x_px(shown, max(end, 1)) for end in (part.from_ns, part.to_ns))
            band = QRect(left, plot.top(), max(right - left, 1), plot.height())
            painter.fillRect(band, colour(theme.accent, 0.14))
            for x in (left, right):
                painter.fillRect(x, plot.top(), 1, plot.height(), colour(theme.accent))

    def _paint_bars(self, painter: QPainter, shown: Histogram) -> None:
        assert self._frame is not None
        theme, plot, chosen = self._theme, self.plot(), self._frame.chosen
        slot = self._frame.slots[chosen]
        is_marked = self._is_marked(shown) if self._frame.bins else [True] * len(shown.n_all)
        quiet = solid(theme.wait2)
        behind = solid(theme.wait if chosen else theme.c1)
        inside = (self._x_px(shown, float(edge)) for edge in shown.edge_ns)
        edges = [min(max(edge, plot.left()), plot.right() + 1) for edge in inside]
        for bar, (left, right) in enumerate(pairwise(edges)):
            width = max(right - left - (right - left > 2), 1)
            parts = [(shown.n_all[bar], behind if is_marked[bar] else quiet)]
            if chosen:
                opacity = 1.0 if is_marked[bar] else _QUIET
                front = slot_brush(theme, slot, 2.0, opacity)
                parts.append((shown.n_chosen[bar], front))
            for n, brush in parts:
                if n:
                    top = self._y_px(shown, float(n))
                    painter.fillRect(QRect(left, top, width, plot.bottom() + 1 - top), brush)

    def _paint_quantiles(self, painter: QPainter, shown: Histogram) -> None:
        """Lines of median and p95, labelled above so that neither covers the other."""
        theme, plot = self._theme, self.plot()
        if shown.median_ns != shown.median_ns:
            return
        median, p95 = (self._x_px(shown, max(t, 1)) for t in (shown.median_ns, shown.p95_ns))
        for x in (median, p95):
            painter.fillRect(x, plot.top() - 3, 1, plot.height() + 3, colour(theme.t1))
        # The median's label ends at its line, and the other one begins at its own.
        width = text_width(Role.TINY, "median")
        left = max(median - width + 2, 2.0)
        top = _TITLE_PX - 3
        draw_text(painter, (left, top, width + 1, 14), "median", Role.TINY, theme.t2)
        beside = max(p95 - 1.0, left + width + 5)
        draw_text(painter, (beside, top, 30, 14), "p95", Role.TINY, theme.t2)
