"""Where the time went: one bar, and a line for each of its stretches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRect

from daskscope.derive.details.timesplit import Stage
from daskscope.derive.frames import BarState
from daskscope.paint.brush import colour
from daskscope.paint.font import Role
from daskscope.paint.swatch import draw_swatch
from daskscope.paint.text import Align, draw_text
from daskscope.store.schema import Kind
from daskscope.views.details.section import PADDING_PX, ROW_PX, Section

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QPainter

    from daskscope.derive.details.frame import DetailsFrame, Share

_BAR_PX: Final = 14
_BAR_GAP_PX: Final = 8
_SWATCH_PX: Final = 9
_PERCENT_PX: Final = 52
_TIME_PX: Final = 84
_TOKENS: Final = {
    Stage.DEPENDENCIES: "wait2",
    Stage.EARLIER: "erred",
    Stage.DATA: "wait",
    Stage.QUEUED: "t3",
    Stage.TRANSFER: "transfer",
    Stage.DISK: "disk",
    Stage.DESERIALIZE: "deser",
}
#: Waiting for dependencies that would leave too little room is drawn shorter, with a break in it.
_MOST_WAITING: Final = 0.5
_BROKEN_SHARE: Final = 0.26
_LEAST_STRETCH_PX: Final = 2


def widths_px(shares: Sequence[Share], width_px: int) -> tuple[list[int], bool]:
    """Pixels of each stretch, and whether the first is broken.

    Each has two pixels at least, which the longest gives; together they fill the width.
    """
    if not shares:
        return [], False
    parts = [share.share for share in shares]
    is_broken = shares[0].stage is Stage.DEPENDENCIES and parts[0] > _MOST_WAITING
    is_broken &= len(parts) > 1
    if is_broken:
        rest = max(sum(parts[1:]), 1e-12)
        parts = [_BROKEN_SHARE, *(part / rest * (1 - _BROKEN_SHARE) for part in parts[1:])]
    widths = [max(round(part * width_px), _LEAST_STRETCH_PX) for part in parts]
    widths[widths.index(max(widths))] += width_px - sum(widths)
    return widths, is_broken


class TimeSection(Section):
    """The stacked bar."""

    def __init__(self) -> None:
        super().__init__("Where the time went")
        self._frame: DetailsFrame | None = None

    def show_frame(self, frame: DetailsFrame) -> None:
        """Show the shares of a frame."""
        self._frame = frame
        self.note = frame.whole_time
        said = ", ".join(f"{one.label} {one.time}, {one.percent}" for one in frame.shares)
        self.setAccessibleDescription(f"{frame.whole_time}: {said}")
        self.setVisible(bool(frame.shares))
        self.refresh()

    def content_px(self) -> int:
        """Bar and lines."""
        n_rows = len(self._frame.shares) if self._frame else 0
        return _BAR_PX + _BAR_GAP_PX + n_rows * ROW_PX

    def paint_content(self, painter: QPainter, top_px: int) -> None:
        """Draw the bar, then each line."""
        frame, theme = self._frame, self.theme
        if frame is None:
            return
        widths, is_broken = widths_px(frame.shares, self.inner_px)
        x = PADDING_PX
        for share, width in zip(frame.shares, widths, strict=True):
            last = share is frame.shares[-1]
            self._paint_fill(painter, share, QRect(x, top_px, width - (not last), _BAR_PX))
            x += width
        if is_broken:
            middle = PADDING_PX + widths[0] * 2 // 3
            painter.fillRect(middle, top_px - 1, 5, _BAR_PX + 2, colour(theme.s2))
            for left in (middle, middle + 4):
                painter.fillRect(left, top_px - 1, 1, _BAR_PX + 2, colour(theme.t3))
        top = top_px + _BAR_PX + _BAR_GAP_PX
        for share in frame.shares:
            self._paint_line(painter, share, top)
            top += ROW_PX

    def _paint_fill(self, painter: QPainter, share: Share, box: QRect) -> None:
        frame, theme = self._frame, self.theme
        assert frame is not None
        if share.stage is Stage.COMPUTE:
            draw_swatch(painter, box, frame.slot, Kind.COMPUTE, BarState.FINISHED, theme)
        else:
            painter.fillRect(box, colour(getattr(theme, _TOKENS[share.stage])))

    def _paint_line(self, painter: QPainter, share: Share, top: int) -> None:
        theme = self.theme
        box = QRect(PADDING_PX, top + (ROW_PX - _SWATCH_PX) // 2, _SWATCH_PX, _SWATCH_PX)
        self._paint_fill(painter, share, box)
        right = PADDING_PX + self.inner_px
        left = PADDING_PX + _SWATCH_PX + 8
        room = (left, top, right - _PERCENT_PX - _TIME_PX - left, ROW_PX)
        draw_text(painter, room, share.label, Role.VALUE, theme.t2)
        room = (right - _PERCENT_PX - _TIME_PX, top, _TIME_PX - 6, ROW_PX)
        draw_text(painter, room, share.time, Role.SUM, theme.t1, Align.RIGHT)
        room = (right - _PERCENT_PX, top, _PERCENT_PX, ROW_PX)
        draw_text(painter, room, share.percent, Role.VALUE, theme.t3, Align.RIGHT)
