"""Labels and values; those that one wants elsewhere are copied by a press."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QPainter

from daskscope.paint.font import Role, elided
from daskscope.paint.icon import draw_icon
from daskscope.paint.text import draw_text
from daskscope.views.details.copied import CopiedMark
from daskscope.views.details.section import PADDING_PX, ROW_PX, RowsSection

if TYPE_CHECKING:
    from daskscope.derive.details.frame import Fact

_ICON_PX: Final = 12
_PART_GAP_PX: Final = 12
#: Of the width, for labels.
_LABEL_SHARE: Final = 0.29


class FactsSection(RowsSection):
    """One line for each fact.

    Parameters
    ----------
    label_share
        Of the width, for the labels.
    """

    def __init__(self, title: str, label_share: float = _LABEL_SHARE) -> None:
        super().__init__(title)
        self._facts: tuple[Fact, ...] = ()
        self._label_share = label_share
        self._mark = CopiedMark()
        self._copied_row = -1

    def show_facts(self, facts: tuple[Fact, ...], title: str = "", note: str = "") -> None:
        """Show `facts` under a title."""
        self._facts = facts
        self.title, self.note = title or self.title, note
        said = ", ".join(f"{fact.label} {' '.join(fact.value)}" for fact in facts)
        self.setAccessibleName(self.title)
        self.setAccessibleDescription(f"{note} {said}".strip())
        self.setVisible(bool(facts))
        self.refresh()

    def advance(self, now_s: float) -> None:
        """Let the copied mark go when its time is over."""
        if self._mark.advance(now_s):
            self.update()

    def n_rows(self) -> int:
        """One for each fact."""
        return len(self._facts)

    def can_press(self, row: int) -> bool:
        """Those that can be copied."""
        return bool(self._facts[row].copied)

    def press(self, row: int) -> None:
        """Copy a value, and say so."""
        QGuiApplication.clipboard().setText(self._facts[row].copied)
        self._copied_row = row
        self._mark.begin()
        self.update()

    def row_tip(self, row: int) -> str:
        """The whole value."""
        fact = self._facts[row]
        return f"{fact.label}\n{'  '.join(fact.value)}"

    def paint_row(self, painter: QPainter, row: int, top_px: int) -> None:
        """Draw label, the parts of the value, and the mark of copying."""
        fact, theme = self._facts[row], self.theme
        label_px = round(self.inner_px * self._label_share)
        box = (PADDING_PX, top_px, label_px - 8, ROW_PX)
        draw_text(painter, box, fact.label, Role.VALUE, theme.t3)
        right = PADDING_PX + self.inner_px
        if fact.copied:
            right -= _ICON_PX + 6
            self._paint_mark(painter, row, right + 6, top_px)
        role = Role.KEY if fact.is_mono else Role.VALUE
        x = float(PADDING_PX + label_px)
        for part in fact.value:
            room = right - x
            if room < 8:
                break
            shown = elided(role, part, int(room), Qt.TextElideMode.ElideRight)
            x += draw_text(painter, (x, top_px, room, ROW_PX), shown, role, theme.t1)
            x += _PART_GAP_PX

    def _paint_mark(self, painter: QPainter, row: int, left: int, top: int) -> None:
        theme = self.theme
        y = top + (ROW_PX - _ICON_PX) // 2
        if self._mark.is_on and row == self._copied_row:
            draw_icon(painter, "check", left, y, theme.ok, _ICON_PX)
        elif row == self.hovered_row or self.hasFocus():
            draw_icon(painter, "copy", left, y, theme.t3, _ICON_PX)
