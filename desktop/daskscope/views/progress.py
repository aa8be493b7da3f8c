"""Progress: one row for each task prefix, with a bar of its states and what is left to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRect, QRectF, Qt, Signal
from PySide6.QtGui import QBrush, QPen

from daskscope.derive.panels import ProgressFrame, ProgressRow
from daskscope.derive.progress import segments
from daskscope.paint.brush import (
    colour,
    edge_colour,
    needs_edge,
    no_worker_brush,
    slot_brush,
    slot_colour,
)
from daskscope.paint.font import Role, text_width
from daskscope.paint.swatch import draw_prefix_swatch
from daskscope.paint.table import RowArea
from daskscope.paint.text import Align, draw_text
from daskscope.theme import NORMAL, PADDING_PX, TABLE_HEADER_PX, Density, Theme, mixed

if TYPE_CHECKING:
    from PySide6.QtGui import QPainter, QResizeEvent
    from PySide6.QtWidgets import QWidget

RELEASED_SHARE: Final = 0.38

_STATE_KEY_PX: Final = 24
_SWATCH_PX: Final = 10
_SWATCH_GAP_PX: Final = 6
_COLUMN_GAP_PX: Final = 12
_LEAST_ALARM_PX: Final = 2
_LEAST_NAME_PX: Final = 64
_LEAST_BAR_PX: Final = 48
_DASH: Final = "–"
_STATE_NAMES: Final = (
    ("memory", "in memory"),
    ("released", "released"),
    ("processing", "processing"),
    ("waiting", "waiting"),
    ("no_worker", "no worker"),
    ("erred", "erred"),
)


@dataclass(frozen=True, slots=True)
class Columns:
    """Left edge and width of each column; a width of 0 leaves the column out."""

    name: tuple[int, int]
    bar: tuple[int, int]
    done: tuple[int, int]
    rate: tuple[int, int]
    left: tuple[int, int]


def columns(frame: ProgressFrame, width_px: int) -> Columns:
    """Where the columns lie: numbers as wide as they are, the rest for name and bar."""

    def widest(role: Role, heading: str, texts: list[str]) -> int:
        widths = [text_width(role, text) for text in texts]
        return round(max([text_width(Role.CAPTION, heading), *widths])) + 1

    rows = frame.rows
    done = widest(Role.SUM, "done / total", [row.done_text for row in rows])
    rate = widest(Role.VALUE, "rate", [row.rate_text for row in rows])
    left = widest(Role.VALUE, "left", [row.left_text for row in rows])
    name = widest(Role.BODY, "Prefix", [row.name for row in rows])
    start = PADDING_PX + _SWATCH_PX + _SWATCH_GAP_PX
    gaps = 4 * _COLUMN_GAP_PX
    free = width_px - PADDING_PX - start - done - rate - left - gaps
    if free < _LEAST_NAME_PX + _LEAST_BAR_PX:
        free, rate = free + rate + _COLUMN_GAP_PX, 0
    name = max(min(name, round(free * 0.6)), min(_LEAST_NAME_PX, free))
    bar = max(free - name, 0)
    left_x = width_px - PADDING_PX - left
    rate_x = left_x - _COLUMN_GAP_PX - rate if rate else left_x
    done_x = rate_x - _COLUMN_GAP_PX - done
    bar_x = start + name + _COLUMN_GAP_PX
    return Columns((start, name), (bar_x, bar), (done_x, done), (rate_x, rate), (left_x, left))


def cut_points(row: ProgressRow, width_px: int) -> list[tuple[str, int, int]]:
    """Whole pixels of each part of a bar, left to right.

    What needs a person (erred, no worker) is never thinner than two pixels, at its neighbours'
    expense.
    """
    parts = []
    for state, start, end in segments(row):
        x0, x1 = round(start * width_px), round(end * width_px)
        if state in ("erred", "no_worker") and x1 - x0 < _LEAST_ALARM_PX:
            x1 = min(max(x1, x0 + _LEAST_ALARM_PX), width_px)
            x0 = max(x1 - _LEAST_ALARM_PX, 0)
        if x1 > x0:
            parts.append((state, x0, x1))
    return sorted(parts, key=lambda part: part[0] in ("erred", "no_worker"))


class ProgressView(RowArea):
    """The panel of progress."""

    #: Prefix under the pointer, or to which keys have gone; "" for none.
    prefix_lit = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(NORMAL.progress_row_px, _STATE_KEY_PX + TABLE_HEADER_PX, parent)
        self._frame = ProgressFrame((), "")
        self._columns = columns(self._frame, self.width())
        self.setAccessibleName("Progress")
        self.setMinimumWidth(280)

    def set_density(self, density: Density) -> None:
        """Draw rows as high as `density` says: higher than a table's, for their bars."""
        self.set_row_px(density.progress_row_px)

    def show_frame(self, frame: ProgressFrame) -> None:
        """Draw `frame`."""
        if frame == self._frame:
            return
        lit, current = self._name(self.hovered_row), self._name(self.current_row)
        self._frame = frame
        self._columns = columns(frame, self.viewport().width())
        self.setAccessibleDescription(frame.summary)
        self.set_rows(len(frame.rows))
        # Rows move: keys stay with a prefix, the pointer with a place.
        found = (at for at, row in enumerate(frame.rows) if row.name == current)
        self.current_row = next(found, -1) if self.current_row >= 0 else -1
        if self._name(self.hovered_row) != lit:
            self.row_entered(self.hovered_row)

    def _name(self, row: int) -> str:
        """The prefix of a row, "" of none."""
        return self._frame.rows[row].name if 0 <= row < len(self._frame.rows) else ""

    def row_entered(self, row: int) -> None:
        """Say which prefix is to be lit."""
        self.prefix_lit.emit(self._name(row))

    def row_tip(self, row: int) -> str:
        """The whole name and every count."""
        shown = self._frame.rows[row]
        counts = [
            f"{getattr(shown, state)} {label}"
            for state, label in _STATE_NAMES
            if getattr(shown, state)
        ]
        return f"{shown.name[:400]}\n{shown.done_text} done\n" + ", ".join(counts)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay the columns out anew."""
        self._columns = columns(self._frame, self.viewport().width())
        self.heading_px = len(_key_lines(self.viewport().width())) * 18 + 6 + TABLE_HEADER_PX
        super().resizeEvent(event)

    def paint_heading(self, painter: QPainter) -> None:
        """Draw the key of states and the names of the columns."""
        theme, width = self.theme, self.viewport().width()
        painter.fillRect(0, 0, width, self.heading_px, colour(theme.s2))
        for index, line in enumerate(_key_lines(width)):
            x = float(PADDING_PX)
            for state, label in line:
                self._paint_state(painter, state, QRectF(round(x), 3 + index * 18 + 5, 9, 9))
                box = (round(x) + 13, 3 + index * 18, 80, 18)
                x += 13 + draw_text(painter, box, label, Role.TINY, theme.t2) + _key_gap(width)
        top = self.heading_px - TABLE_HEADER_PX
        painter.fillRect(0, top, width, 1, colour(theme.line2))
        painter.fillRect(0, self.heading_px - 1, width, 1, colour(theme.line2))
        c = self._columns
        for (left, column_px), label, align in (
            ((PADDING_PX, c.name[1]), "Prefix", Align.LEFT),
            (c.done, "done\u2009/\u2009total", Align.RIGHT),
            (c.rate, "rate", Align.RIGHT),
            (c.left, "left", Align.RIGHT),
        ):
            if column_px:
                box = (left, top, column_px, TABLE_HEADER_PX)
                draw_text(painter, box, label, Role.CAPTION, theme.t3, align)
        if not self._frame.rows:
            box = (PADDING_PX, self.heading_px + 8, width - 2 * PADDING_PX, 20)
            draw_text(painter, box, "No counts of tasks", Role.BODY, theme.t3)

    def paint_row(self, painter: QPainter, row: int, top_px: int) -> None:
        """Draw swatch, name, bar and numbers."""
        shown, c, theme = self._frame.rows[row], self._columns, self.theme
        height = self.row_px
        swatch_top = top_px + (height - _SWATCH_PX) // 2
        _swatch(painter, PADDING_PX, swatch_top, shown.slot, theme)
        draw_text(painter, (c.name[0], top_px, c.name[1], height), shown.name, Role.BODY, theme.t1)
        self._paint_bar(painter, shown, c.bar[0], top_px + 5, c.bar[1], height - 10)
        is_done = shown.done == shown.total
        done_role, done_rgb = (Role.VALUE, theme.t2) if is_done else (Role.SUM, theme.t1)
        box = (c.done[0], top_px, c.done[1], height)
        draw_text(painter, box, shown.done_text, done_role, done_rgb, Align.RIGHT)
        if c.rate[1]:
            rgb = theme.t1 if shown.rate_text else theme.tdis
            box = (c.rate[0], top_px, c.rate[1], height)
            draw_text(painter, box, shown.rate_text or _DASH, Role.VALUE, rgb, Align.RIGHT)
        box = (c.left[0], top_px, c.left[1], height)
        rgb = _left_colour(shown, theme)
        draw_text(painter, box, shown.left_text or _DASH, Role.VALUE, rgb, Align.RIGHT)

    def _paint_bar(
        self, painter: QPainter, row: ProgressRow, left: int, top: int, width: int, height: int
    ) -> None:
        for state, x0, x1 in cut_points(row, width):
            rect = QRectF(left + x0, top, x1 - x0, height)
            if state in ("memory", "released"):
                share = 1.0 if state == "memory" else RELEASED_SHARE
                painter.fillRect(rect, slot_brush(self.theme, row.slot, x1 - x0, share))
                _edge(painter, rect, row.slot, self.theme, share)
            else:
                self._paint_state(painter, state, rect)

    def _paint_state(self, painter: QPainter, state: str, rect: QRectF) -> None:
        theme = self.theme
        painter.fillRect(rect, _state_brush(theme, state))
        if state == "no_worker":
            painter.setPen(QPen(colour(theme.transfer), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(rect.adjusted(0.5, 0.5, -0.5, -0.5))


def _state_brush(theme: Theme, state: str) -> QBrush:
    if state == "no_worker":
        return no_worker_brush(theme)
    plain = {
        "memory": theme.t2,
        "released": mixed(theme.t2, theme.s2, RELEASED_SHARE),
        "processing": theme.wait,
        "waiting": theme.wait2,
        "erred": theme.erred,
    }
    return QBrush(colour(plain[state]))


def _swatch(painter: QPainter, left: int, top: int, slot: int, theme: Theme) -> None:
    draw_prefix_swatch(painter, QRect(left, top, _SWATCH_PX, _SWATCH_PX), slot, theme)


def _edge(painter: QPainter, rect: QRectF, slot: int, theme: Theme, share: float) -> None:
    """A darker frame where a fill is hard to tell from the light panel."""
    rgb = slot_colour(theme, slot)
    if needs_edge(theme, rgb) and rect.width() > 2:
        painter.setPen(QPen(colour(mixed(edge_colour(theme, rgb), theme.s2, share)), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(rect.adjusted(0.5, 0.5, -0.5, -0.5))


def _left_colour(row: ProgressRow, theme: Theme) -> int:
    if row.done == row.total:
        return theme.err if row.erred else theme.t3
    if row.no_worker == row.total - row.done:
        return theme.err
    return theme.t1 if row.left_text else theme.tdis


def _key_gap(width_px: int) -> int:
    return 12 if width_px >= 410 else 8


def _key_lines(width_px: int) -> list[tuple[tuple[str, str], ...]]:
    """The key of states, on two lines where one is too short."""
    gap = _key_gap(width_px)
    needed = sum(13 + gap + text_width(Role.TINY, label) for _, label in _STATE_NAMES) - gap
    if needed <= width_px - 2 * PADDING_PX:
        return [_STATE_NAMES]
    return [_STATE_NAMES[:3], _STATE_NAMES[3:]]
