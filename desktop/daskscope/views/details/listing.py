"""A list of spans that have to do with the chosen one; a press chooses another."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRect, Qt, Signal

from daskscope.paint.font import Role, elided, text_width
from daskscope.paint.swatch import draw_swatch
from daskscope.paint.text import Align, draw_text
from daskscope.views.details.section import PADDING_PX, ROW_PX, RowsSection

if TYPE_CHECKING:
    from PySide6.QtGui import QPainter

    from daskscope.derive.details.frame import Listing

#: Rows that are shown until the rest is asked for.
FEW_ROWS: Final = 6
_SWATCH_PX: Final = 9
#: From the right: size or rate, and time; then worker or bytes, as wide as the rows need.
_COLUMNS_PX: Final = (78, 66)
_LEAST_FIRST_PX: Final = 62
_MOST_FIRST_PX: Final = 120
_CELL_GAP_PX: Final = 6
_MOST_MEASURED: Final = 30
_THIN: Final = "\u2009"


class ListingSection(RowsSection):
    """The first rows, and how many more there are."""

    #: The `session.Chosen` of a row that was pressed.
    row_chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__("")
        self._listing: Listing | None = None
        self._is_whole = False
        self._first_px = _LEAST_FIRST_PX

    def show_listing(self, listing: Listing | None, is_other: bool) -> None:
        """Show a list, or nothing; of another span (`is_other`) the first rows only."""
        self._is_whole &= not is_other
        self._listing = listing
        self.setVisible(listing is not None)
        if listing is None:
            return
        self.title, self.note = listing.title, listing.count
        self.setAccessibleName(f"{listing.title}, {listing.count}")
        rows = listing.rows[: self._n_shown()]
        firsts = (text_width(Role.VALUE, row.cells[0]) for row in rows[:_MOST_MEASURED])
        wanted_px = math.ceil(max(firsts, default=0.0)) + _CELL_GAP_PX
        self._first_px = min(max(wanted_px, _LEAST_FIRST_PX), _MOST_FIRST_PX)
        self.setAccessibleDescription("; ".join(" ".join((r.text, *r.cells)) for r in rows))
        self.refresh()

    def n_rows(self) -> int:
        """Rows, the line for the rest, and the note."""
        if self._listing is None:
            return 0
        return self._n_shown() + self._has_more + bool(self._listing.note)

    def _n_shown(self) -> int:
        n = len(self._listing.rows) if self._listing else 0
        # One more line is better than a line that says so.
        return n if self._is_whole or n <= FEW_ROWS + 1 else FEW_ROWS

    @property
    def _has_more(self) -> bool:
        return self._listing is not None and self._n_shown() < len(self._listing.rows)

    def can_press(self, row: int) -> bool:
        """Rows of spans that are held, and the line for the rest."""
        if self._listing is None:
            return False
        if row < self._n_shown():
            return self._listing.rows[row].chosen is not None
        return self._has_more and row == self._n_shown()

    def press(self, row: int) -> None:
        """Choose a span, or show the rest."""
        if self._listing is None:
            return
        if row < self._n_shown():
            self.row_chosen.emit(self._listing.rows[row].chosen)
        else:
            self._is_whole = True
            self.refresh()

    def row_tip(self, row: int) -> str:
        """The whole line; why one cannot go there."""
        if self._listing is None or row >= self._n_shown():
            return self._rest(row)
        shown = self._listing.rows[row]
        text = "  ".join(part for part in (shown.text, *shown.cells) if part)
        return text if shown.chosen is not None else f"{text}\nnot held by the window"

    def paint_row(self, painter: QPainter, row: int, top_px: int) -> None:
        """Draw swatch, name and columns; or what is said of the rest."""
        listing, theme = self._listing, self.theme
        if listing is None:
            return
        left = PADDING_PX + _SWATCH_PX + 8
        if row >= self._n_shown():
            box = (left, top_px, self.inner_px - _SWATCH_PX - 8, ROW_PX)
            draw_text(painter, box, self._rest(row), Role.VALUE, theme.t3)
            return
        shown = listing.rows[row]
        is_held = shown.chosen is not None
        top = top_px + (ROW_PX - _SWATCH_PX) // 2
        if is_held:
            box_of = QRect(PADDING_PX, top, _SWATCH_PX, _SWATCH_PX)
            draw_swatch(painter, box_of, shown.slot, shown.kind, shown.state, theme)
        right = PADDING_PX + self.inner_px
        inks = (theme.t2, theme.t2, theme.t3)
        widths = (*_COLUMNS_PX, self._first_px)
        for cell, width, rgb in zip(reversed(shown.cells), widths, inks, strict=True):
            cell_px = width - _CELL_GAP_PX
            text = elided(Role.VALUE, cell, cell_px, Qt.TextElideMode.ElideMiddle)
            box = (right - cell_px, top_px, cell_px, ROW_PX)
            draw_text(painter, box, text, Role.VALUE, rgb, Align.RIGHT)
            right -= width
        rgb = theme.t1 if is_held else theme.t3
        room = right - left - 6
        # The ends of keys, and of names of workers, tell them apart.
        text = elided(Role.VALUE, shown.text, room, Qt.TextElideMode.ElideMiddle)
        draw_text(painter, (left, top_px, room, ROW_PX), text, Role.VALUE, rgb)

    def _rest(self, row: int) -> str:
        if self._listing is None:
            return ""
        if self._has_more and row == self._n_shown():
            n = f"{len(self._listing.rows) - self._n_shown():,}".replace(",", _THIN)
            more = self._listing.more
            return f"{n} more, {more}" if more else f"{n} more"
        return self._listing.note
