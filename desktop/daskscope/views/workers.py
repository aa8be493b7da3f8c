"""Workers: the table of workers by host, with bars of CPU and memory; sorts and folds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRect, QRectF, Qt, Signal
from PySide6.QtGui import QPainter

from daskscope.derive.panels import WorkerRow, WorkerRowKind, WorkersFrame
from daskscope.derive.workers import COLUMNS, SPILL_SHARE
from daskscope.paint.brush import colour, spilled_brush
from daskscope.paint.font import Role, elided, text_width
from daskscope.paint.icon import draw_chevron, draw_sort_mark
from daskscope.paint.sorting import SortedArea
from daskscope.paint.text import Align, draw_text
from daskscope.theme import NORMAL, PADDING_PX, TABLE_HEADER_PX, Theme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QResizeEvent
    from PySide6.QtWidgets import QWidget

LABELS: Final = {
    "worker": "Worker",
    "cpu": "CPU",
    "memory": "Memory",
    "spilled": "Spilled",
    "run": "Run",
    "ready": "Ready",
    "in_memory": "In memory",
    "latency": "Latency",
    "net_in": "Net in",
    "net_out": "Net out",
    "disk_read": "Disk read",
    "disk_write": "Disk write",
}
_DASH: Final = "–"
_GAP_PX: Final = 20
_LEAST_GAP_PX: Final = 10
_CPU_BAR_PX: Final = 56
_MEMORY_BAR_PX: Final = 84
_LEAST_MEMORY_BAR_PX: Final = 48
#: Right of the limit mark: room for what was spilled.
_SPILL_PX: Final = 24
_BAR_PX: Final = 6
_NAME_PX: Final = {WorkerRowKind.TOTAL: 12, WorkerRowKind.HOST: 24, WorkerRowKind.WORKER: 40}
_CHEVRON_PX: Final = 4
#: Rows whose texts make the columns' widths.
_MOST_MEASURED: Final = 100


@dataclass(frozen=True, slots=True)
class TableColumns:
    """Where the columns lie in unscrolled content.

    Attributes
    ----------
    edges
        Left edge and width of each column, in the order of `COLUMNS`.
    cpu_bar_px, memory_bar_px
        Width of the bars, up to full and up to the limit mark.
    content_px
        Width of all columns.
    """

    edges: tuple[tuple[int, int], ...]
    cpu_bar_px: int
    memory_bar_px: int
    content_px: int


def table_columns(
    frame: WorkersFrame, width_px: int, in_view: Sequence[WorkerRow] = ()
) -> TableColumns:
    """Columns as wide as their texts; spare room goes to the gaps, lacking room shortens bars.

    Of very many rows some are measured, and those `in_view`: each text costs time.
    """
    step = -(-len(frame.rows) // _MOST_MEASURED)
    rows = [*frame.rows[:: max(step, 1)], *in_view]
    texts = [_widest(rows, index) for index in range(len(COLUMNS))]
    texts[0] = _name_width(rows)
    spare = width_px - 2 * PADDING_PX - sum(texts)
    bars = _CPU_BAR_PX + 8 + _MEMORY_BAR_PX + _SPILL_PX + 8
    n_gaps = len(COLUMNS) - 1
    if spare < bars + n_gaps * _LEAST_GAP_PX:
        cpu_bar, memory_bar, gap = 28, _LEAST_MEMORY_BAR_PX, _LEAST_GAP_PX
    else:
        cpu_bar, memory_bar = _CPU_BAR_PX, _MEMORY_BAR_PX
        gap = min((spare - bars) // n_gaps, _GAP_PX)
    extra = max(spare - cpu_bar - memory_bar - _SPILL_PX - 16 - n_gaps * gap, 0)
    texts[1] += cpu_bar + 8
    texts[2] += memory_bar + _SPILL_PX + 8
    # The name takes a third of what is left over, numbers share the rest.
    texts[0] += extra // 3
    gap += (extra - extra // 3) // n_gaps
    edges, x = [], PADDING_PX
    for width in texts:
        edges.append((x, width))
        x += width + gap
    return TableColumns(tuple(edges), cpu_bar, memory_bar, x - gap + PADDING_PX)


def _widest(rows: Sequence[WorkerRow], index: int) -> int:
    heading = text_width(Role.CAPTION, LABELS[COLUMNS[index]]) + 12
    return math.ceil(max([heading, *(text_width(Role.SUM, row.cells[index]) for row in rows)]))


def _name_width(rows: Sequence[WorkerRow]) -> int:
    widths = [
        _NAME_PX[row.kind]
        - PADDING_PX
        + text_width(Role.TITLE, row.name)
        + text_width(Role.SMALL, row.caption)
        + 8
        for row in rows
    ]
    return min(math.ceil(max([90.0, *widths])), 260)


class WorkersView(SortedArea):
    """The panel of workers."""

    #: A host was asked to fold or unfold.
    host_toggled = Signal(str)

    labels = LABELS

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(NORMAL.table_row_px, TABLE_HEADER_PX, parent)
        self._frame = WorkersFrame(COLUMNS, (), "", "worker", is_descending=False)
        self._columns = table_columns(self._frame, self.width())
        self.setAccessibleName("Workers")

    def show_frame(self, frame: WorkersFrame) -> None:
        """Draw `frame`."""
        self._frame = frame
        self.setAccessibleDescription(frame.summary)
        self._lay_out()
        self.show_sorting(frame.sort, is_descending=frame.is_descending)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay the columns out anew."""
        super().resizeEvent(event)
        self._lay_out()

    def row_pressed(self, row: int, x_px: int) -> None:
        """Ask for a host to fold or unfold."""
        if self._frame.rows[row].kind == WorkerRowKind.HOST:
            self.host_toggled.emit(self._frame.rows[row].host)

    def row_tip(self, row: int) -> str:
        """Every value of a row with its name."""
        shown = self._frame.rows[row]
        first = f"{shown.name[:400]} {shown.caption[:400]}".strip()
        state = [shown.state] if shown.state not in ("", "running") else []
        values = [
            f"{LABELS[column]}: {text}"
            for column, text in zip(COLUMNS[1:], shown.cells[1:], strict=True)
            if text
        ]
        return "\n".join([first, *state, *values])

    def column_at(self, x_px: int) -> str:
        """The column at a place of the unscrolled content, "" beside all."""
        for column, (left, width) in zip(COLUMNS, self._columns.edges, strict=True):
            if left - _LEAST_GAP_PX // 2 <= x_px < left + width + _LEAST_GAP_PX // 2:
                return column
        return ""

    def column_px(self, column: str) -> tuple[int, int]:
        """Left edge and width of a column in unscrolled content; names stay where they are."""
        return self._columns.edges[COLUMNS.index(column)]

    def _lay_out(self) -> None:
        seen = self.visible_rows()
        in_view = self._frame.rows[seen.start : seen.stop]
        self._columns = table_columns(self._frame, self.viewport().width(), in_view)
        self.set_rows(len(self._frame.rows), self._columns.content_px)

    # Painting -----------------------------------------------------------------------------------

    def paint_heading(self, painter: QPainter) -> None:
        """Draw the names of the columns and which one sorts."""
        theme, width = self.theme, self.viewport().width()
        painter.fillRect(0, 0, width, self.heading_px, colour(theme.hdr))
        painter.fillRect(0, self.heading_px - 1, width, 1, colour(theme.line))
        for index in range(1, len(COLUMNS)):
            self._paint_label(painter, index, self._columns.edges[index][0] - self.scroll_x)
        self._fill_first_column(painter, 0, self.heading_px - 1, theme.hdr)
        self._paint_label(painter, 0, self._columns.edges[0][0])
        if not self._frame.rows:
            box = (PADDING_PX, self.heading_px + 8, width - 2 * PADDING_PX, 20)
            text = "No worker any more" if self._frame.summary else "No metrics of workers"
            draw_text(painter, box, text, Role.BODY, theme.t3)

    def _paint_label(self, painter: QPainter, index: int, left: int) -> None:
        theme, width = self.theme, self._columns.edges[index][1]
        is_sorting = COLUMNS[index] == self._frame.sort
        rgb = theme.t1 if is_sorting else theme.t2
        is_left = index < 3
        label = LABELS[COLUMNS[index]]
        box = (left, 0, width, self.heading_px - 1)
        drawn = draw_text(
            painter, box, label, Role.CAPTION, rgb, Align.LEFT if is_left else Align.RIGHT
        )
        if is_sorting:
            x = left + drawn + 8 if is_left else left + width - drawn - 8
            draw_sort_mark(painter, x, self.heading_px // 2, rgb, self._frame.is_descending)

    def paint_row(self, painter: QPainter, row: int, top_px: int) -> None:
        """Draw one row; the name stays in place when the rest is scrolled aside."""
        shown, theme = self._frame.rows[row], self.theme
        width = self.viewport().width()
        shift = -self.scroll_x
        self._paint_cpu(painter, shown, top_px, shift)
        self._paint_memory(painter, shown, top_px, shift)
        for index in range(3, len(COLUMNS)):
            left, column_px = self._columns.edges[index]
            box = (left + shift, top_px, column_px, self.row_px - 1)
            self._paint_value(painter, box, shown, shown.cells[index])
        ground = theme.hover if row == self.hovered_row else theme.s2
        self._fill_first_column(painter, top_px, self.row_px - 1, ground)
        self._paint_name(painter, shown, top_px)
        painter.fillRect(0, top_px + self.row_px - 1, width, 1, colour(theme.line2))

    def _fill_first_column(self, painter: QPainter, top: int, height: int, rgb: int) -> None:
        """Cover what is scrolled under the names."""
        if self.scroll_x:
            left, width = self._columns.edges[0]
            painter.fillRect(0, top, left + width + 4, height, colour(rgb))
            painter.fillRect(left + width + 4, top, 1, height, colour(self.theme.line))

    def _paint_value(
        self, painter: QPainter, box: tuple[float, float, float, float], row: WorkerRow, text: str
    ) -> None:
        role = Role.SUM if row.kind == WorkerRowKind.TOTAL else Role.VALUE
        rgb = self._ink(row) if text else self.theme.tdis
        draw_text(painter, box, text or _DASH, role, rgb, Align.RIGHT)

    def _ink(self, row: WorkerRow) -> int:
        """Colour of its texts: what a silent worker has said may not be so any more."""
        return self.theme.t3 if row.state == "silent" else self.theme.t1

    def _paint_name(self, painter: QPainter, row: WorkerRow, top: int) -> None:
        theme, middle = self.theme, top + (self.row_px - 1) // 2
        if row.kind == WorkerRowKind.HOST:
            draw_chevron(
                painter, PADDING_PX + _CHEVRON_PX, middle + 0.5, theme.t2, is_open=not row.is_folded
            )
        elif row.kind == WorkerRowKind.WORKER:
            dots = {"running": theme.ok, "paused": theme.mempause}
            _paint_dot(painter, 28, middle + 0.5, dots.get(row.state, theme.wait))
        left = _NAME_PX[row.kind]
        room = self._columns.edges[0][0] + self._columns.edges[0][1] - left
        role = Role.BODY if row.kind == WorkerRowKind.WORKER else Role.TITLE
        # Half of the room, and what the name leaves of the other half.
        caption_room_px = max(room * 0.5, room - text_width(role, row.name) - 6)
        caption_px = min(text_width(Role.SMALL, row.caption), caption_room_px)
        name_px = room - caption_px - 6 * bool(row.caption)
        box = (float(left), float(top), name_px, self.row_px - 1.0)
        name = elided(role, row.name, int(name_px), Qt.TextElideMode.ElideMiddle)
        x = left + draw_text(painter, box, name, role, self._ink(row)) + 6
        box = (x, float(top), caption_px + 1, self.row_px - 1.0)
        draw_text(painter, box, row.caption, Role.SMALL, theme.t3)

    def _paint_cpu(self, painter: QPainter, row: WorkerRow, top: int, shift: int) -> None:
        left, width = self._columns.edges[1]
        theme, bar = self.theme, self._columns.cpu_bar_px
        if not math.isnan(row.cpu):
            y = top + (self.row_px - 1 - _BAR_PX) // 2
            filled = round(min(max(row.cpu, 0.0), 1.0) * bar)
            painter.fillRect(left + shift, y, bar, _BAR_PX, colour(theme.line2))
            painter.fillRect(left + shift, y, filled, _BAR_PX, colour(theme.c1))
        box = (left + shift + bar + 8, top, width - bar - 8, self.row_px - 1)
        self._paint_value(painter, box, row, row.cells[1])

    def _paint_memory(self, painter: QPainter, row: WorkerRow, top: int, shift: int) -> None:
        left, width = self._columns.edges[2]
        bar = self._columns.memory_bar_px
        area = QRect(left + shift, top, bar + _SPILL_PX, self.row_px - 1)
        paint_memory_bar(painter, area, row, bar, self.theme)
        theme = self.theme
        text = row.cells[2]
        rgb = (self._ink(row), theme.warn, theme.err)[row.alarm] if text else theme.tdis
        role = Role.SUM if row.kind == WorkerRowKind.TOTAL else Role.VALUE
        x = left + shift + bar + _SPILL_PX + 8
        box = (x, top, width - bar - _SPILL_PX - 8, self.row_px - 1)
        draw_text(painter, box, text or _DASH, role, rgb, Align.RIGHT)


def memory_parts(row: WorkerRow, bar_px: int) -> list[tuple[int, int]]:
    """Left and right edge of each part in whole pixels; nothing without a limit.

    Managed, unmanaged old and recent lie left of the limit mark at `bar_px`, spilled right of it.
    """
    if not row.limit_bytes > 0:
        return []
    shares = [0.0 if math.isnan(part) else max(part, 0.0) / row.limit_bytes for part in row.memory]
    parts, reached = [], 0.0
    for share in shares[:3]:
        end = min(reached + share, 1.0)
        parts.append((round(reached * bar_px), round(end * bar_px)))
        reached = end
    spilled = math.ceil(shares[3] * bar_px)
    parts.append((bar_px + 1, bar_px + 1 + min(spilled, _SPILL_PX - 1)))
    return parts


def paint_memory_bar(
    painter: QPainter, area: QRect, row: WorkerRow, bar_px: int, theme: Theme
) -> None:
    """Memory against its limit: RAM left of the limit mark, spilled right of it."""
    parts = memory_parts(row, bar_px)
    if not parts:
        return
    left, top = area.left(), area.top() + (area.height() - _BAR_PX) // 2
    painter.fillRect(left, top, bar_px, _BAR_PX, colour(theme.line2))
    colours = (
        (theme.mem, theme.mem_un, theme.mem_rec),
        (theme.memhi, theme.memhi2, theme.memhi3),
        (theme.mempause,) * 3,
    )[row.alarm]
    for (x0, x1), rgb in zip(parts[:3], colours, strict=True):
        painter.fillRect(left + x0, top, x1 - x0, _BAR_PX, colour(rgb))
    x0, x1 = parts[3]
    painter.fillRect(QRectF(left + x0, top, x1 - x0, _BAR_PX), spilled_brush(theme))
    painter.fillRect(left + round(SPILL_SHARE * bar_px), top + _BAR_PX + 1, 1, 2, colour(theme.t3))
    painter.fillRect(left + bar_px, top - 2, 1, _BAR_PX + 4, colour(theme.limit))


def _paint_dot(painter: QPainter, x: float, y: float, rgb: int) -> None:
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour(rgb))
    painter.drawEllipse(QRectF(x - 3, y - 3, 6, 6))
    painter.restore()
