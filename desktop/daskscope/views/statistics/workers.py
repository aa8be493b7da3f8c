"""Busy shares of workers, and below them what was moved and what failed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QSizePolicy, QWidget

from daskscope.derive import quantity
from daskscope.paint.brush import Lines, colour, hatch
from daskscope.paint.control import plain_tip
from daskscope.paint.font import Role, elided, text_width
from daskscope.paint.table import RowArea
from daskscope.paint.text import Align, draw_text
from daskscope.theme import LIGHT, PADDING_PX, Theme

if TYPE_CHECKING:
    from PySide6.QtGui import QBrush, QPaintEvent

    from daskscope.derive.statistics.frame import Fact, WorkerShare

WIDTH_PX: Final = 224
LEAST_WIDTH_PX: Final = 184
_TITLE_PX: Final = 24
_ROW_PX: Final = 18
_FACT_PX: Final = 18
_BAR_PX: Final = 8
_SHARE_PX: Final = 40
_NAME_PX: Final = (24, 96)
_MOST_MEASURED: Final = 200


class SharesView(RowArea):
    """One bar for each worker."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(_ROW_PX, _TITLE_PX, parent)
        self._shares: tuple[WorkerShare, ...] = ()
        self._name_px = _NAME_PX[0]
        self.setAccessibleName("Busy share")

    def show_shares(self, shares: tuple[WorkerShare, ...]) -> None:
        """Draw the shares of some workers."""
        self._shares = shares
        names = [text_width(Role.VALUE, share.name) for share in shares[:_MOST_MEASURED]]
        least, most = _NAME_PX
        self._name_px = min(max(math.ceil(max(names, default=0.0)) + 2, least), most)
        told = (f"{share.name} {quantity.share(min(share.compute, 1))}" for share in shares[:20])
        self.setAccessibleDescription(", ".join(told))
        self.set_rows(len(shares))

    def row_tip(self, row: int) -> str:
        """Every part of a bar with its name."""
        share = self._shares[row]
        parts = (("Compute", share.compute), ("Transfer", share.transfer), ("Disk", share.disk))
        lines = [f"{share.name[:400]}, {quantity.plural(share.n_threads, 'thread')}"]
        lines += [f"Cluster {share.cluster[:400]}"] if share.cluster else []
        lines += [f"{name}: {quantity.share(part)}" for name, part in parts]
        if share.gone:
            lines.append(f"Not there: {quantity.share(share.gone)} of the time")
        return "\n".join(lines)

    def paint_heading(self, painter: QPainter) -> None:
        """Draw the title and what the shares are of."""
        theme, width = self.theme, self.viewport().width()
        painter.fillRect(0, 0, width, self.heading_px, colour(theme.s2))
        box = (PADDING_PX, 2, width - 2 * PADDING_PX, self.heading_px - 2)
        draw_text(painter, box, "Busy share", Role.TITLE, theme.t1)
        numbers = {share.n_threads for share in self._shares}
        text = "of their threads"
        if len(numbers) == 1:
            text = f"of {quantity.plural(numbers.pop(), 'thread')}"
        if self._shares:
            draw_text(painter, box, text, Role.VALUE, theme.t3, Align.RIGHT)
        else:
            box = (PADDING_PX, self.heading_px, width - 2 * PADDING_PX, 24)
            draw_text(painter, box, "No workers here", Role.BODY, theme.t3)

    def paint_row(self, painter: QPainter, row: int, top_px: int) -> None:
        """Draw name, bar and share of a worker."""
        share, theme, width = self._shares[row], self.theme, self.viewport().width()
        box = (PADDING_PX, top_px, self._name_px, self.row_px)
        name = elided(Role.VALUE, share.name, self._name_px, Qt.TextElideMode.ElideMiddle)
        draw_text(painter, box, name, Role.VALUE, theme.t2)
        left = PADDING_PX + self._name_px + 8
        right = width - PADDING_PX - _SHARE_PX
        self._paint_bar(painter, share, (left, top_px, right - left))
        box = (right, top_px, _SHARE_PX, self.row_px)
        text = quantity.share(min(share.compute, 1.0))
        draw_text(painter, box, text, Role.VALUE, theme.t1, Align.RIGHT)

    def _paint_bar(
        self, painter: QPainter, share: WorkerShare, place: tuple[int, int, int]
    ) -> None:
        """Compute, transfer and disk from the left, time that it was not there from the right."""
        left, top_px, width = place
        theme, top = self.theme, top_px + (self.row_px - _BAR_PX) // 2
        painter.fillRect(left, top, width, _BAR_PX, colour(theme.line2))
        gone = round(share.gone * width)
        if gone:
            painter.fillRect(QRectF(left + width - gone, top, gone, _BAR_PX), _gone_brush(theme))
        reached, end = 0.0, 0
        parts = (
            (share.compute, theme.c1),
            (share.transfer, theme.transfer),
            (share.disk, theme.disk),
        )
        for part, rgb in parts:
            begin, reached = end, min(reached + part, 1.0)
            end = round(reached * width)
            if part > 0 and end == begin < width:
                end += 1  # what there is can be seen
            painter.fillRect(left + begin, top, end - begin, _BAR_PX, colour(rgb))


def _gone_brush(theme: Theme) -> QBrush:
    return hatch(theme.line2, Lines(theme.t3, 4, alpha=0.6))


class FactsView(QWidget):
    """Lines of a label and a value."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = LIGHT
        self._facts: tuple[Fact, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Moved and failed")

    def set_theme(self, theme: Theme) -> None:
        """Draw in the colours of `theme`."""
        self._theme = theme
        self.update()

    def show_facts(self, facts: tuple[Fact, ...]) -> None:
        """Draw some facts."""
        if len(facts) != len(self._facts):
            self.updateGeometry()
        self._facts = facts
        lines = [f"{fact.label}: {fact.value or '–'}" for fact in facts]
        self.setAccessibleDescription(", ".join(lines))
        self.setToolTip(plain_tip("\n".join(lines)))
        self.update()

    def sizeHint(self) -> QSize:
        """A line each."""
        return QSize(WIDTH_PX, 10 + _FACT_PX * len(self._facts))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the lines; a value that is too long shortens its label."""
        theme = self._theme
        with QPainter(self) as painter:
            painter.fillRect(self.rect(), colour(theme.s2))
            width = self.width() - 2 * PADDING_PX
            painter.fillRect(PADDING_PX, 0, width, 1, colour(theme.line))
            for number, fact in enumerate(self._facts):
                top = 6 + number * _FACT_PX
                rgb = theme.err if fact.is_bad else theme.t1 if fact.value else theme.tdis
                box = (PADDING_PX, top, width, _FACT_PX)
                drawn = draw_text(painter, box, fact.value or "–", Role.VALUE, rgb, Align.RIGHT)
                left_over = (PADDING_PX, top, max(width - drawn - 8, 0), _FACT_PX)
                # It may name two workers.
                label = elided(Role.VALUE, fact.label, left_over[2], Qt.TextElideMode.ElideMiddle)
                draw_text(painter, left_over, label, Role.VALUE, theme.t3)
